//! What the shop is made of: services, operations, nodes. Static facts without behaviour.

use crate::wire::otlp::SpanKind;

/// A service with pods of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Service {
    Web,
    Catalog,
    Cart,
    Checkout,
    Orders,
    Payments,
    Inventory,
    Mailer,
}

/// How many services have pods.
pub const SERVICES: usize = 8;
/// Pods of each service.
pub const REPLICAS: usize = 3;

/// Which names and labels a service's own request metrics have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// OpenTelemetry's HTTP server semantic conventions.
    Otel,
    /// The same as native histograms.
    OtelNative,
    /// Spring Boot's Micrometer.
    Micrometer,
    /// `http_requests_total` and `http_request_duration_seconds`, as client libraries are used by hand.
    ClientLibrary,
    /// go-grpc-middleware's.
    Grpc,
    /// No request metrics of its own.
    None,
}

impl Family {
    /// Whether it comes from an OpenTelemetry SDK.
    pub const fn is_otel(self) -> bool {
        matches!(self, Self::Otel | Self::OtelNative)
    }
}

/// Facts of a service.
#[derive(Debug)]
pub struct ServiceInfo {
    pub service: Service,
    pub name: &'static str,
    pub language: &'static str,
    pub framework: &'static str,
    pub family: Family,
    /// The stream label that names the service in Loki.
    pub log_label: &'static str,
    pub version: &'static str,
    pub port: u16,
    /// Connections of a pod's database pool, where it has one.
    pub pool: Option<u32>,
    /// Resident memory of an idle pod in MiB.
    pub memory_mib: f64,
}

const fn info(
    service: Service,
    name: &'static str,
    (language, framework): (&'static str, &'static str),
    family: Family,
    log_label: &'static str,
    (version, port): (&'static str, u16),
    memory_mib: f64,
) -> ServiceInfo {
    let pool = if matches!(service, Service::Orders) { Some(20) } else { None };
    ServiceInfo { service, name, language, framework, family, log_label, version, port, pool, memory_mib }
}

/// All services, in the order of [`Service`].
pub const SERVICE: [ServiceInfo; SERVICES] = [
    info(Service::Web, "web", ("nodejs", "express"), Family::Otel, "service_name", ("3.8.2", 3000), 180.0),
    info(Service::Catalog, "catalog", ("go", "net/http"), Family::ClientLibrary, "app", ("2.14.0", 8080), 60.0),
    info(Service::Cart, "cart", ("python", "fastapi"), Family::ClientLibrary, "container", ("1.9.4", 8000), 120.0),
    info(Service::Checkout, "checkout", ("java", "spring"), Family::Micrometer, "service_name", ("2.7.1", 8080), 520.0),
    info(Service::Orders, "orders", ("java", "spring"), Family::Micrometer, "service_name", ("1.41.3", 8080), 410.0),
    info(Service::Payments, "payments", ("rust", "axum"), Family::OtelNative, "service_name", ("0.22.1", 9000), 24.0),
    info(Service::Inventory, "inventory", ("go", "grpc"), Family::Grpc, "app", ("1.3.7", 8080), 48.0),
    info(Service::Mailer, "mailer", ("python", "aiokafka"), Family::None, "container", ("0.8.0", 8000), 90.0),
];

impl Service {
    /// Its facts.
    pub const fn info(self) -> &'static ServiceInfo {
        &SERVICE[self as usize]
    }

    /// Connections that a pod keeps to something that it calls and that runs no pods of ours.
    pub fn connections(self, peer: &str) -> u32 {
        match (self, peer) {
            (Self::Orders, "postgres") => self.info().pool.unwrap_or(0),
            (Self::Catalog, "postgres") => 5,
            (Self::Inventory, "postgres") | (Self::Catalog, "redis") => 8,
            (Self::Cart, "redis") => 10,
            _ => 0,
        }
    }

    /// Whether it reads from its node's disk to answer: the catalog's pages are files.
    pub const fn reads_disk(self) -> bool {
        matches!(self, Self::Catalog)
    }

    /// Processors that a pod may use.
    pub const fn cores(self) -> f64 {
        match self {
            Self::Web | Self::Checkout => 2.0,
            Self::Payments | Self::Mailer => 0.5,
            _ => 1.0,
        }
    }

    /// From its name.
    pub fn parse(name: &str) -> Option<Self> {
        SERVICE.iter().find(|s| s.name == name).map(|s| s.service)
    }
}

/// The cluster's nodes with how much slower than an idle one they are; two are busier than the others.
pub const NODES: [(&str, f64); 4] = [("node-1", 1.0), ("node-2", 1.08), ("node-3", 1.0), ("node-4", 1.05)];

/// Regions that requests come from.
pub const REGIONS: [&str; 5] = ["eu-west", "eu-central", "us-east", "us-west", "ap-south"];

/// What is called but runs no pods of ours.
pub const PEERS: [&str; 5] = ["postgres", "redis", "kafka", "bank", "smtp"];

/// One kind of span. What a service does itself, and each call it makes, has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Op {
    WebHome,
    WebProduct,
    WebCart,
    WebCheckout,
    WebOrder,
    WebHealth,
    WebToCatalogList,
    WebToCatalogGet,
    WebToCart,
    WebToCheckout,
    WebToOrder,
    CatalogList,
    CatalogGet,
    CatalogRedis,
    CatalogPostgres,
    CartAdd,
    CartGet,
    CartHealth,
    CartRedis,
    Checkout,
    CheckoutHealth,
    CheckoutToCart,
    CheckoutToInventory,
    CheckoutToOrders,
    CheckoutToPayments,
    CheckoutKafka,
    OrdersCreate,
    OrdersGet,
    OrdersHealth,
    OrdersPool,
    OrdersInsert,
    OrdersInsertItems,
    OrdersSelect,
    PaymentsCharge,
    PaymentsHealth,
    PaymentsBank,
    InventoryReserve,
    InventoryPostgres,
    MailerConsume,
    MailerSmtp,
}

/// How many operations there are.
pub const OPS: usize = 40;

/// Facts of an operation.
#[derive(Debug)]
pub struct OpInfo {
    pub op: Op,
    pub service: Service,
    /// Span name.
    pub name: &'static str,
    pub kind: SpanKind,
    /// Who is called by a client or producer span.
    pub peer: Option<&'static str>,
    /// Own time without calls and waits: median and 99th percentile in milliseconds.
    pub own_ms: (f64, f64),
    /// Own status codes for success, a fault of the caller, a fault of the service. Empty where it has none.
    pub statuses: [&'static str; 3],
    /// Share of requests that fail for reasons that do not matter.
    pub fail: f32,
}

const fn server(op: Op, service: Service, name: &'static str, own_ms: (f64, f64), statuses: [&'static str; 3], fail: f32) -> OpInfo {
    OpInfo { op, service, name, kind: SpanKind::Server, peer: None, own_ms, statuses, fail }
}

const fn client(op: Op, service: Service, name: &'static str, peer: &'static str, own_ms: (f64, f64)) -> OpInfo {
    OpInfo { op, service, name, kind: SpanKind::Client, peer: Some(peer), own_ms, statuses: ["", "", ""], fail: 0.0 }
}

const HOP: (f64, f64) = (0.4, 1.6);

/// All operations, in the order of [`Op`]. The own time of a call to a service is the network, one way.
pub const OP: [OpInfo; OPS] = {
    use Op::*;
    use Service::{Cart, Catalog, Inventory, Mailer, Orders, Payments, Web};
    [
        server(WebHome, Web, "GET /", (46.0, 290.0), ["200", "", "500"], 0.001),
        server(WebProduct, Web, "GET /product/{id}", (42.0, 260.0), ["200", "404", "500"], 0.001),
        server(WebCart, Web, "POST /api/cart", (30.0, 190.0), ["200", "", "500"], 0.001),
        server(WebCheckout, Web, "POST /api/checkout", (24.0, 120.0), ["200", "402", "502"], 0.0005),
        server(WebOrder, Web, "GET /api/orders/{id}", (22.0, 120.0), ["200", "", "502"], 0.0005),
        server(WebHealth, Web, "GET /healthz", (0.9, 4.0), ["200", "", ""], 0.0),
        client(WebToCatalogList, Web, "GET /products", "catalog", HOP),
        client(WebToCatalogGet, Web, "GET /products/{id}", "catalog", HOP),
        client(WebToCart, Web, "POST /cart/items", "cart", HOP),
        client(WebToCheckout, Web, "POST /checkout", "checkout", HOP),
        client(WebToOrder, Web, "GET /orders/{id}", "orders", HOP),
        server(CatalogList, Catalog, "GET /products", (6.0, 50.0), ["200", "", "500"], 0.001),
        server(CatalogGet, Catalog, "GET /products/{id}", (5.0, 42.0), ["200", "404", "500"], 0.001),
        client(CatalogRedis, Catalog, "GET", "redis", (0.7, 3.0)),
        client(CatalogPostgres, Catalog, "SELECT products", "postgres", (4.0, 30.0)),
        server(CartAdd, Cart, "POST /cart/items", (10.0, 80.0), ["200", "", "500"], 0.001),
        server(CartGet, Cart, "GET /cart", (9.0, 70.0), ["200", "", "500"], 0.0005),
        server(CartHealth, Cart, "GET /health", (1.2, 5.0), ["200", "", ""], 0.0),
        client(CartRedis, Cart, "HSET", "redis", (0.8, 4.0)),
        server(Op::Checkout, Service::Checkout, "POST /checkout", (140.0, 420.0), ["200", "402", "500"], 0.0005),
        server(CheckoutHealth, Service::Checkout, "GET /actuator/health", (1.6, 7.0), ["200", "", ""], 0.0),
        client(CheckoutToCart, Service::Checkout, "GET /cart", "cart", HOP),
        client(CheckoutToInventory, Service::Checkout, "POST /reserve", "inventory", HOP),
        client(CheckoutToOrders, Service::Checkout, "POST /orders", "orders", HOP),
        client(CheckoutToPayments, Service::Checkout, "POST /charge", "payments", HOP),
        OpInfo { kind: SpanKind::Producer, ..client(CheckoutKafka, Service::Checkout, "orders.created publish", "kafka", (3.0, 14.0)) },
        server(OrdersCreate, Orders, "POST /orders", (9.0, 30.0), ["201", "", "500"], 0.001),
        server(OrdersGet, Orders, "GET /orders/{id}", (6.0, 28.0), ["200", "", "500"], 0.001),
        server(OrdersHealth, Orders, "GET /actuator/health", (1.4, 6.0), ["200", "", ""], 0.0),
        OpInfo { kind: SpanKind::Internal, peer: None, ..client(OrdersPool, Orders, "pool.acquire", "", (0.02, 0.1)) },
        client(OrdersInsert, Orders, "INSERT orders", "postgres", (219.0, 415.0)),
        client(OrdersInsertItems, Orders, "INSERT order_items", "postgres", (100.0, 212.0)),
        client(OrdersSelect, Orders, "SELECT orders", "postgres", (12.0, 55.0)),
        server(PaymentsCharge, Payments, "POST /charge", (6.0, 20.0), ["200", "402", "500"], 0.0005),
        server(PaymentsHealth, Payments, "GET /healthz", (0.3, 1.0), ["200", "", ""], 0.0),
        client(PaymentsBank, Payments, "POST /v2/authorizations", "bank", (82.0, 470.0)),
        server(InventoryReserve, Inventory, "POST /reserve", (4.0, 22.0), ["OK", "", "Internal"], 0.0002),
        client(InventoryPostgres, Inventory, "UPDATE stock", "postgres", (5.0, 42.0)),
        OpInfo { kind: SpanKind::Consumer, ..server(MailerConsume, Mailer, "orders.created process", (14.0, 60.0), ["", "", ""], 0.0) },
        client(MailerSmtp, Mailer, "SMTP send", "smtp", (280.0, 1_900.0)),
    ]
};

impl Op {
    /// Its facts.
    pub const fn info(self) -> &'static OpInfo {
        &OP[self as usize]
    }

    /// Whether it is a probe of the kubelet, which is not traced.
    pub const fn is_health(self) -> bool {
        matches!(self, Self::WebHealth | Self::CartHealth | Self::CheckoutHealth | Self::OrdersHealth | Self::PaymentsHealth)
    }
}

impl OpInfo {
    /// Whether it is what its service itself does to answer or to consume.
    pub const fn is_work(&self) -> bool {
        matches!(self.kind, SpanKind::Server | SpanKind::Consumer)
    }

    /// Processor time that one of it takes, in nanoseconds: a part of its own time and some. Web renders pages.
    pub const fn cpu_ns(&self) -> u64 {
        let share = if matches!(self.service, Service::Web) { 550_000.0 } else { 350_000.0 };
        (self.own_ms.0 * share + 200_000.0) as u64
    }
}

/// How a span ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    Ok,
    /// The product does not exist: a fault of the caller.
    NotFound,
    /// The bank declined: a fault of the caller.
    Declined,
    /// It failed by itself.
    Fault,
    /// No connection within the pool's timeout.
    PoolTimeout,
    /// Something it called failed.
    Upstream,
    /// The caller did not wait any longer.
    Deadline,
    /// No processor was free within the service's patience.
    Overloaded,
}

impl Outcome {
    /// Whether the span's status is an error.
    pub const fn is_error(self) -> bool {
        !matches!(self, Self::Ok | Self::NotFound | Self::Declined)
    }

    /// Index into [`OpInfo::statuses`].
    pub const fn status_index(self) -> usize {
        match self {
            Self::Ok => 0,
            Self::NotFound | Self::Declined => 1,
            _ => 2,
        }
    }
}

/// What a customer's request asks the shop for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Route {
    Home,
    Product,
    Cart,
    Checkout,
    Order,
}

impl Route {
    /// Its operation at the edge.
    pub const fn op(self) -> Op {
        ROUTES[self as usize].1
    }
}

/// Routes with their operation at the edge and requests a second.
pub const ROUTES: [(Route, Op, f64); 5] = [
    (Route::Home, Op::WebHome, 18.0),
    (Route::Product, Op::WebProduct, 35.0),
    (Route::Cart, Op::WebCart, 22.0),
    (Route::Checkout, Op::WebCheckout, 18.0),
    (Route::Order, Op::WebOrder, 27.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_the_order_of_their_enums() {
        assert!(OP.iter().enumerate().all(|(i, o)| o.op as usize == i));
        assert!(SERVICE.iter().enumerate().all(|(i, s)| s.service as usize == i));
        assert!(ROUTES.iter().enumerate().all(|(i, r)| r.0 as usize == i));
    }
}
