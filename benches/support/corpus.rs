//! Log lines of known statements in the formats that one shop mixes, with ids of high entropy. Line `n` is the same each
//! time it is asked for, and so is the statement that wrote it.

use std::fmt::Write as _;

/// What a line is written by: its number, and its text with what varies in `{}`.
const STATEMENTS: [(Format, &str); 47] = [
    (Format::Json, "order created order={id}"),
    (Format::Json, "timeout acquiring connection from pool after {ms}"),
    (Format::Json, "slow answer of the database: {ms}"),
    (Format::Json, "reserved {n} items for cart {uuid}"),
    (Format::Json, "cache miss for key {hex}"),
    (Format::Json, "user {name} logged in from {ip}"),
    (Format::Json, "circuit breaker for {name} is open"),
    (Format::Json, "published event {uuid} to topic orders, partition {n}"),
    (Format::Json, "payment declined by issuer, code {n}"),
    (Format::Json, "search for {phrase} found {n} results"),
    (Format::Logfmt, "charged card in {ms}"),
    (Format::Logfmt, "retrying request attempt {n} of 3"),
    (Format::Logfmt, "connection to {ip}:{n} refused"),
    (Format::Logfmt, "lease {hex} renewed"),
    (Format::Logfmt, "scheduled job {uuid} finished after {ms}"),
    (Format::Logfmt, "webhook delivered to {url}"),
    (Format::Logfmt, "rate limit reached for tenant {name}"),
    (Format::Spring, "Started shipment {id} for customer {name}"),
    (Format::Spring, "HikariPool-{n} - Connection is not available, request timed out after {ms}."),
    (Format::Spring, "Completed {n} OK"),
    (Format::Spring, "Resolved exception [{name}]: no route for {path}"),
    (Format::Spring, "consumer {uuid} joined group shipping with generation {n}"),
    (Format::Spring, "Flushed {n} entities in {ms}"),
    (Format::Spring, "GC pause of {ms}, heap {n} of {n} MiB"),
    (Format::Python, "sent mail to {mail} in {ms}"),
    (Format::Python, "template \"{name}\" rendered for order {id}"),
    (Format::Python, "bounce from {mail}: mailbox full"),
    (Format::Python, "worker {n} exited with signal {n}"),
    (Format::Python, "fetched {n} messages from queue mail, {n} left"),
    (Format::Python, "deprecated option {name} in {path}"),
    (Format::Zap, "upstream {ip}:{n} marked unhealthy"),
    (Format::Zap, "tls handshake error from {ip}:{n}"),
    (Format::Zap, "compaction of block {ulid} took {ms}"),
    (Format::Zap, "replayed wal segment {n} of {n}"),
    (Format::Zap, "evicted pod {pod} from node {name}"),
    (Format::Zap, "backend {name} is {state}"),
    (Format::Klog, "Pulled image {image} in {ms}"),
    (Format::Klog, "Liveness probe of container {pod} failed: status {n}"),
    (Format::Klog, "Scaled up replica set {pod} to {n}"),
    (Format::Klog, "Volume {uuid} mounted at {path}"),
    (Format::Access, ""),
    (Format::Plain, "checkpoint complete: wrote {n} buffers, sync={ms}"),
    (Format::Plain, "duplicate key value violates unique constraint \"{name}\""),
    (Format::Plain, "could not receive data from client: connection reset by peer"),
    (Format::Plain, "process {n} still waiting for lock on relation {n} after {ms}"),
    (Format::Plain, "statement {state} by user {name}: {phrase}"),
    (Format::Plain, "{name} disconnected: session {b64} expired"),
];

/// How a service writes.
#[derive(Clone, Copy)]
enum Format {
    Json,
    Logfmt,
    Spring,
    Python,
    Zap,
    Klog,
    Access,
    Plain,
}

/// The number of the statement that wrote line `n`: a few write most.
pub fn statement(n: u64) -> usize {
    let share = (mix(n) >> 11) as f64 / (1u64 << 53) as f64;
    ((share * share * share) * STATEMENTS.len() as f64) as usize
}

/// The text of line `n`.
pub fn text(n: u64) -> String {
    let (format, statement) = STATEMENTS[statement(n)];
    let mut from = Source(mix(n ^ 0xabcd_ef01));
    let message = fill(statement, &mut from);
    let time = format!("{:02}:{:02}:{:02}.{:03}", n / 3_600_000 % 24, n / 60_000 % 60, n / 1000 % 60, n % 1000);
    let level = ["INFO", "INFO", "INFO", "WARN", "ERROR"][from.below(5) as usize];
    match format {
        Format::Json => {
            let extra = if from.below(3) == 0 {
                format!(r#","user_id":"u-{}","route":"/orders/{{id}}""#, from.below(100_000))
            } else {
                String::new()
            };
            format!(
                r#"{{"ts":"2026-11-21T{time}Z","level":"{}","logger":"shop.orders.OrderService","msg":{},"took_ms":{}{extra},"trace_id":"{:016x}{:016x}","span_id":"{:016x}"}}"#,
                level.to_lowercase(),
                serde_json::to_string(&message).unwrap(),
                from.below(3000),
                from.next(),
                from.next(),
                from.next(),
            )
        }
        Format::Logfmt => format!(
            r#"ts=2026-11-21T{time}Z level={} caller=payments/charge.go:{} msg={message:?} order={} took={}ms trace_id={:016x}{:016x}"#,
            level.to_lowercase(),
            from.below(400),
            from.below(1 << 30),
            from.below(900),
            from.next(),
            from.next(),
        ),
        Format::Spring => format!(
            "2026-11-21 {time}  {level} [shipping,{:016x}{:016x},{:016x}] 1 --- [nio-8080-exec-{}] c.shop.shipping.Handler : {message}",
            from.next(),
            from.next(),
            from.next(),
            from.below(200),
        ),
        Format::Python => format!("2026-11-21 {},{:03} [{level}] mailer: {message}", &time[..8], n % 1000),
        Format::Zap => format!(
            "2026-11-21T{time}Z\t{level}\tgateway/handler.go:88\t{message}\t{{\"req\":\"{:016x}\",\"n\":{}}}",
            from.next(),
            from.below(50)
        ),
        Format::Klog => format!("{}1121 {time}012 {:>7} kubelet.go:1711] {message}", &level[..1], from.below(9000)),
        Format::Access => format!(
            r#"{} - - [21/Nov/2026:{}+0000] "GET /catalog/{}?page={} HTTP/1.1" {} {} "https://shop.example/{}" "Mozilla/5.0 (X11; Linux x86_64) rv:{}""#,
            address(&mut from),
            &time[..8],
            from.below(100_000),
            from.below(50),
            [200, 200, 200, 404, 500][from.below(5) as usize],
            from.below(90_000),
            name(&mut from),
            from.below(120),
        ),
        Format::Plain => format!("2026-11-21 {time} UTC [{}] LOG:  {message}", from.below(30_000)),
    }
}

/// How many statements there are.
pub const COUNT: usize = STATEMENTS.len();

fn fill(statement: &str, from: &mut Source) -> String {
    let mut out = String::new();
    let mut rest = statement;
    while let Some((before, after)) = rest.split_once('{') {
        let (what, after) = after.split_once('}').unwrap();
        out.push_str(before);
        out.push_str(&value(what, from));
        rest = after;
    }
    out + rest
}

fn value(what: &str, from: &mut Source) -> String {
    match what {
        "n" => from.below(5000).to_string(),
        "id" => format!("ord-{:08}", from.below(90_000_000)),
        "ms" if from.below(2) == 0 => format!("{}ms", from.below(9000)),
        "ms" => format!("{}.{:02}s", from.below(9), from.below(100)),
        "hex" => format!("{:016x}", from.next()),
        "uuid" => {
            let (a, b) = (from.next(), from.next());
            format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", a >> 32, a >> 16 & 0xffff, a & 0xffff, b >> 48, b & 0xffff_ffff_ffff)
        }
        "ulid" => letters(from, 26, b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"),
        "b64" => letters(from, 32, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
        "pod" => {
            format!("orders-{}-{}", letters(from, 9, b"bcdfghjklmnpqrstvwxz2456789"), letters(from, 5, b"bcdfghjklmnpqrstvwxz2456789"))
        }
        "ip" => address(from),
        "name" => name(from),
        "state" => ["up", "down", "degraded"][from.below(3) as usize].to_owned(),
        "phrase" => (0..=from.below(3)).map(|_| name(from)).collect::<Vec<_>>().join(" "),
        "mail" => format!("{}{}@example.org", name(from), from.below(1000)),
        "path" => format!("/var/lib/{}/{}", name(from), from.below(1000)),
        "url" => format!("https://{}.example.com/hooks/{}", name(from), from.below(100_000)),
        "image" => format!("registry.example.com/shop/{}:1.{}.{}", name(from), from.below(90), from.below(20)),
        other => panic!("no value is called {other}"),
    }
}

fn address(from: &mut Source) -> String {
    format!("10.{}.{}.{}", from.below(256), from.below(256), from.below(256))
}

/// One of 2,000 made of syllables, without a digit.
fn name(from: &mut Source) -> String {
    const SYLLABLES: [&str; 13] = ["an", "be", "cor", "da", "el", "fi", "gu", "hol", "is", "ka", "lu", "mar", "no"];
    let n = from.below(2000) as usize;
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write!(out, "{}{}{}", SYLLABLES[n % 13], SYLLABLES[n / 13 % 13], SYLLABLES[n / 169 % 13]);
    out
}

fn letters(from: &mut Source, count: usize, of: &[u8]) -> String {
    (0..count).map(|_| char::from(of[from.below(of.len() as u64) as usize])).collect()
}

/// Some words of which none says anything.
pub fn words(n: u64, count: u64) -> String {
    let mut from = Source(n);
    let words: Vec<String> = (0..count).map(|_| letters(&mut from, 6, b"abcdefghijklmnopqrstuvwxyz")).collect();
    words.join(" ")
}

struct Source(u64);

impl Source {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
