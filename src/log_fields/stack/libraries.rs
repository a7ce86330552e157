//! Which frames are a library's or the language's own, by where they are. What is in no list is one's own.

/// Beginnings of packages and namespaces that are no service's own code.
const AT: [&str; 79] = [
    "java.",
    "javax.",
    "jakarta.",
    "jdk.",
    "sun.",
    "com.sun.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "groovy.",
    "org.codehaus.groovy.",
    "clojure.",
    "org.springframework.",
    "org.apache.",
    "org.hibernate.",
    "org.eclipse.",
    "org.jboss.",
    "org.postgresql.",
    "org.mariadb.",
    "org.slf4j.",
    "org.junit.",
    "org.aspectj.",
    "org.mongodb.",
    "org.elasticsearch.",
    "org.redisson.",
    "org.quartz.",
    "org.thymeleaf.",
    "org.glassfish.",
    "org.jooq.",
    "org.mybatis.",
    "org.flywaydb.",
    "org.xnio.",
    "org.reactivestreams.",
    "com.zaxxer.",
    "com.fasterxml.",
    "com.mysql.",
    "com.mongodb.",
    "com.google.common.",
    "com.google.protobuf.",
    "com.amazonaws.",
    "com.netflix.",
    "com.rabbitmq.",
    "com.datastax.",
    "com.squareup.",
    "com.typesafe.",
    "com.oracle.",
    "com.microsoft.sqlserver.",
    "oracle.",
    "io.netty.",
    "io.grpc.",
    "io.micrometer.",
    "io.undertow.",
    "io.quarkus.",
    "io.vertx.",
    "io.reactivex.",
    "io.lettuce.",
    "io.opentelemetry.",
    "io.micronaut.",
    "io.r2dbc.",
    "io.github.resilience4j.",
    "reactor.",
    "akka.",
    "rx.",
    "feign.",
    "okhttp3.",
    "okio.",
    "retrofit2.",
    "redis.clients.",
    "software.amazon.",
    "net.bytebuddy.",
    "ch.qos.logback.",
    "System.",
    "Microsoft.",
    "Npgsql.",
    "Newtonsoft.",
    "Grpc.",
    "Polly.",
    "StackExchange.",
    "Dapper.",
];

/// Java and its like, JavaScript, .NET.
pub(super) fn at(function: &str, place: &str) -> bool {
    AT.iter().any(|start| function.starts_with(start))
        || function.contains("$$")
        || function.contains("$Proxy")
        || ["node:", "internal/", "<anonymous>", "native"].iter().any(|start| place.starts_with(start))
        || ["/node_modules/", "\\node_modules\\"].iter().any(|part| place.contains(part))
}

/// Python, by the file.
pub(super) fn python(file: &str) -> bool {
    ["site-packages", "dist-packages", "/lib/python3", "/lib64/python3", "\\Lib\\"].iter().any(|part| file.contains(part))
        || file.starts_with('<')
}

/// Packages of Go's standard library, which has no path of its own in what is built with `-trimpath`.
const GO: [&str; 36] = [
    "runtime.",
    "runtime/",
    "net.",
    "net/",
    "sync.",
    "sync/",
    "reflect.",
    "os.",
    "os/",
    "io.",
    "io/",
    "context.",
    "database/sql.",
    "encoding/",
    "testing.",
    "log.",
    "log/",
    "fmt.",
    "time.",
    "bufio.",
    "bytes.",
    "strings.",
    "errors.",
    "sort.",
    "strconv.",
    "syscall.",
    "crypto/",
    "internal/",
    "html/",
    "mime/",
    "path/",
    "regexp.",
    "slices.",
    "maps.",
    "panic",
    "text/",
];

/// Go, by function and file.
pub(super) fn go(function: &str, file: &str) -> bool {
    GO.iter().any(|start| function.starts_with(start))
        || ["/usr/local/go/", "/pkg/mod/", "/vendor/", "/go/src/runtime/", "/go/src/net/", "/libexec/src/"].iter().any(|p| file.contains(p))
        || file.contains("@v")
}

/// Rust, by function and file.
pub(super) fn rust(function: &str, place: &str) -> bool {
    const CRATES: [&str; 21] = [
        "std",
        "core",
        "alloc",
        "tokio",
        "tokio_util",
        "futures",
        "futures_util",
        "futures_core",
        "hyper",
        "hyper_util",
        "tower",
        "tower_http",
        "axum",
        "actix_web",
        "actix_rt",
        "tonic",
        "reqwest",
        "sqlx_core",
        "tracing",
        "rayon_core",
        "backtrace",
    ];
    let name = function.trim_start_matches(['<', '&', '*', '(']);
    let of = name.split("::").next().filter(|of| of.len() < name.len()).unwrap_or("");
    CRATES.contains(&of)
        || ["rust_begin_unwind", "__rust_", "__libc_start", "_start", "clone", "start_thread", "main"].contains(&name)
        || name.starts_with("__rust_")
        || ["/rustc/", "/.cargo/registry/", "/cargo/registry/", "/.cargo/git/"].iter().any(|part| place.contains(part))
}
