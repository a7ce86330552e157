use crate::{
    model::trace::{Span, SpanKind, Value},
    trace::title::title,
};

fn titled(kind: SpanKind, name: &str, attributes: &[(&str, &str)]) -> String {
    let attributes = attributes.iter().map(|(name, value)| (*name, Value::Text((*value).into()))).collect();
    title(&Span { kind, name: name.into(), attributes, ..Span::default() }).into()
}

fn client(attributes: &[(&str, &str)]) -> String {
    titled(SpanKind::Client, "raw", attributes)
}

#[test]
fn databases_tell_operation_and_table() {
    assert_eq!(
        client(&[("db.system.name", "postgresql"), ("db.operation.name", "SELECT"), ("db.collection.name", "orders")]),
        "SELECT orders"
    );
    assert_eq!(client(&[("db.system", "mongodb"), ("db.operation", "find"), ("db.mongodb.collection", "carts")]), "find carts");
    assert_eq!(client(&[("db.system.name", "x"), ("db.query.summary", "SELECT a b")]), "SELECT a b");
    assert_eq!(client(&[("db.client.connection.pool.name", "orders")]), "raw", "nothing is asked of it");
    assert_eq!(client(&[("db.system", "redis"), ("db.statement", "HGETALL cart:8723")]), "HGETALL", "keys differ from call to call");
}

#[test]
fn a_statement_tells_what_attributes_do_not() {
    let of = |text: &str| client(&[("db.system", "mysql"), ("db.statement", text)]);
    assert_eq!(of("select * from `shop`.`orders` where id = 7"), "SELECT shop.orders");
    assert_eq!(of("INSERT INTO orders(id) VALUES (1)"), "INSERT orders");
    assert_eq!(of("/* app:web */ UPDATE \"orders\" SET a=1"), "UPDATE orders");
    assert_eq!(of("SELECT count(*) FROM (SELECT 1)"), "SELECT");
    assert_eq!(of("DELETE FROM orders;"), "DELETE orders");
    assert_eq!(of("{\"find\": 1}"), "raw");
    assert_eq!(of(""), "raw");
    assert_eq!(of(&format!("SELECT {}", "ä".repeat(5000))), "SELECT");
}

#[test]
fn a_table_is_told_wherever_it_stands() {
    let orders = ("db.collection.name", "orders");
    assert_eq!(titled(SpanKind::Client, "SELECT", &[("db.system.name", "postgresql"), orders]), "SELECT orders");
    assert_eq!(client(&[("db.query.summary", "SELECT"), orders]), "SELECT orders");
    assert_eq!(client(&[("db.query.summary", "SELECT"), ("db.query.text", "SELECT 1 FROM orders")]), "SELECT orders");
    assert_eq!(client(&[("db.operation.name", "SELECT"), ("db.sql.table", "orders")]), "SELECT orders");
    assert_eq!(
        client(&[("db.operation", "SELECT"), ("db.collection.name", ""), ("db.statement", "select 1 from orders")]),
        "SELECT orders"
    );
    let named = |name: &str, operation: &str| titled(SpanKind::Client, name, &[("db.system", "x"), ("db.operation", operation)]);
    assert_eq!(named("SELECT shop.orders", "SELECT"), "SELECT shop.orders");
    assert_eq!(named("GET cart:8723", "GET"), "GET", "keys differ from call to call");
    assert_eq!(named("GET cart 8723", "GET"), "GET");
    let of = |text: &str| client(&[("db.system", "postgresql"), ("db.query.text", text)]);
    for (text, title) in [
        ("SELECT * FROM (SELECT * FROM orders WHERE id > $1) o", "SELECT orders"),
        ("SELECT extract(epoch FROM created_at), trim(both FROM name) FROM orders", "SELECT orders"),
        ("SELECT (SELECT max(id) FROM carts), id FROM orders", "SELECT orders"),
        ("(SELECT id FROM orders) UNION (SELECT id FROM carts)", "SELECT orders"),
        ("-- by id\nSELECT * FROM ONLY orders", "SELECT orders"),
        ("WITH late AS (SELECT * FROM orders) SELECT * FROM late", "WITH orders"),
        ("DELETE FROM ONLY orders", "DELETE orders"),
        ("UPDATE ONLY orders SET a = 1", "UPDATE orders"),
        ("CREATE TABLE IF NOT EXISTS orders (id int)", "CREATE orders"),
        ("INSERT INTO orders SELECT * FROM carts", "INSERT orders"),
        ("SELECT extract(epoch FROM now())", "SELECT"),
    ] {
        assert_eq!(of(text), title, "{text}");
    }
}

#[test]
fn http_tells_method_and_route_and_no_ids() {
    assert_eq!(client(&[("http.request.method", "POST"), ("http.route", "/pay")]), "POST /pay");
    assert_eq!(client(&[("http.method", "GET"), ("http.target", "/orders/8723?full=1")]), "GET /orders/{id}");
    let uuid = "https://shop:8080/v1/carts/0af76519-16cd-43dd-8448-eb211c80319c/items";
    assert_eq!(client(&[("http.request.method", "PUT"), ("url.full", uuid)]), "PUT /v1/carts/{id}/items");
    assert_eq!(titled(SpanKind::Server, "GET /orders/{id}", &[("http.method", "GET"), ("url.path", "/orders/7")]), "GET /orders/{id}");
    assert_eq!(client(&[("http.method", "GET"), ("http.url", "http://shop")]), "GET /");
    assert_eq!(client(&[("http.status_code", "200")]), "raw");
    assert_eq!(titled(SpanKind::Internal, "middleware", &[("http.method", "GET"), ("http.route", "/pay")]), "middleware");
}

#[test]
fn calls_and_messages_tell_whom() {
    assert_eq!(client(&[("rpc.system", "grpc"), ("rpc.service", "shop.OrderService"), ("rpc.method", "Place")]), "OrderService/Place");
    assert_eq!(client(&[("rpc.system.name", "grpc"), ("rpc.method", "shop.v2.OrderService/Place")]), "v2.OrderService/Place");
    assert_eq!(
        client(&[("rpc.service", "OrderService"), ("rpc.method", "Place"), ("http.method", "POST"), ("url.path", "/x")]),
        "OrderService/Place"
    );
    let queue = ("messaging.destination.name", "orders-queue");
    assert_eq!(client(&[("messaging.system", "kafka"), ("messaging.operation.name", "publish"), queue]), "publish orders-queue");
    assert_eq!(titled(SpanKind::Consumer, "raw", &[("messaging.system", "kafka"), queue]), "process orders-queue");
    assert_eq!(
        client(&[("messaging.operation", "receive"), ("messaging.destination", "q"), ("messaging.destination.anonymous", "true")]),
        "receive (anonymous)"
    );
    assert_eq!(client(&[("messaging.system", "kafka")]), "raw");
}
