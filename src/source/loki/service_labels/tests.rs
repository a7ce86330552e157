use std::collections::BTreeMap;

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::{
    model::{
        backend::{Backend, ErrorKind},
        labels::selector,
        time::Timestamp,
    },
    source::http::Endpoint,
};

/// What a label's values are asked with.
#[derive(Clone)]
enum Values {
    Are(Vec<String>),
    Refused,
    Never,
}

type Labels = BTreeMap<String, Values>;

async fn values(State(labels): State<Arc<Labels>>, Path(name): Path<String>) -> Response {
    match &labels[&name] {
        Values::Are(values) => axum::Json(json!({"status": "success", "data": values})).into_response(),
        Values::Refused => (StatusCode::BAD_REQUEST, "the query would read too many series").into_response(),
        Values::Never => std::future::pending().await,
    }
}

/// A Loki whose streams have these labels.
async fn loki(labels: Labels) -> Loki {
    let names =
        async |State(labels): State<Arc<Labels>>| axum::Json(json!({"status": "success", "data": labels.keys().collect::<Vec<_>>()}));
    let routes = Router::new().route("/loki/api/v1/labels", get(names)).route("/loki/api/v1/label/{name}/values", get(values));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes.with_state(Arc::new(labels))).await });
    Loki::new(Endpoint::new(Backend::Loki, url.parse().unwrap()), Arc::new(|_, _| ())).unwrap()
}

fn are(values: &[&str]) -> Values {
    Values::Are(values.iter().map(|v| (*v).to_owned()).collect())
}

async fn found(labels: Labels, user: &LabelNames) -> Result<LogLabels, SourceError> {
    loki(labels).await.service_labels(user, TimeRange { start: Timestamp::ZERO, end: Timestamp::from_secs(1000) }).await
}

/// What the metrics know.
const SERVICES: [&str; 3] = ["cart", "checkout", "mailer"];

#[tokio::test]
async fn services_are_found_under_each_convention_of_labels() {
    type Convention<'a> = (&'a str, &'a [(&'a str, &'a [&'a str])], [&'a str; 3]);
    let conventions: &[Convention<'_>] = &[
        (
            "Loki 3, or OTel",
            &[("service_name", &["cart", "checkout", "mailer"]), ("service_namespace", &["shop"]), ("k8s_pod_name", &["cart-1"])],
            [r#"{service_name="cart"}"#, r#"{service_name="checkout"}"#, r#"{service_name="mailer"}"#],
        ),
        (
            "Promtail: app, and jobs of namespaces",
            &[
                ("app", &["cart", "checkout"]),
                ("job", &["shop/cart", "shop/checkout", "shop/mailer"]),
                ("namespace", &["shop"]),
                ("pod", &["cart-1"]),
            ],
            [r#"{job="shop/cart"}"#, r#"{job="shop/checkout"}"#, r#"{job="shop/mailer"}"#],
        ),
        (
            "Alloy",
            &[("app_kubernetes_io_name", &["Cart", "check_out", "mailer"]), ("job", &["integrations/kubernetes"]), ("instance", &["cart"])],
            [r#"{app_kubernetes_io_name="Cart"}"#, r#"{app_kubernetes_io_name="check_out"}"#, r#"{app_kubernetes_io_name="mailer"}"#],
        ),
        (
            "Docker's driver with compose",
            &[
                ("compose_project", &["shop"]),
                ("compose_service", &["cart", "checkout", "mailer"]),
                ("container_name", &["shop-cart-1", "shop-checkout-1"]),
            ],
            [r#"{compose_service="cart"}"#, r#"{compose_service="checkout"}"#, r#"{compose_service="mailer"}"#],
        ),
        (
            "containers by their names alone",
            &[
                ("container_name", &["/cart", "shop_checkout_1", "shop_checkout_2", "mailer"]),
                ("compose_project", &["shop"]),
                ("filename", &["/x"]),
            ],
            [r#"{container_name="/cart"}"#, r#"{container_name=~"shop_checkout_[0-9]+"}"#, r#"{container_name="mailer"}"#],
        ),
        (
            "Fluent Bit, whose job names none",
            &[("job", &["fluent-bit"]), ("kubernetes_container_name", &["cart", "checkout", "mailer"]), ("container", &["cart"])],
            [
                r#"{kubernetes_container_name="cart"}"#,
                r#"{kubernetes_container_name="checkout"}"#,
                r#"{kubernetes_container_name="mailer"}"#,
            ],
        ),
        (
            "a label of the company's own",
            &[("svc", &["cart", "checkout", "mailer"]), ("job", &["varlogs"]), ("team", &["cart", "a", "b", "c"])],
            [r#"{svc="cart"}"#, r#"{svc="checkout"}"#, r#"{svc="mailer"}"#],
        ),
        (
            "service_name of some, others otherwise",
            &[
                ("service_name", &["checkout", "unknown_service"]),
                ("container", &["cart", "redis"]),
                ("job", &["old/mailer", "shop/mailer"]),
            ],
            [r#"{container="cart"}"#, r#"{service_name="checkout"}"#, r#"{job=~"old/mailer|shop/mailer"}"#],
        ),
        ("none of them", &[("level", &["info"]), ("pod", &["cart"])], ["none", "none", "none"]),
        ("an empty Loki", &[], ["none", "none", "none"]),
    ];
    for (name, labels, expected) in conventions {
        let labels = labels.iter().map(|(name, values)| ((*name).to_owned(), are(values))).collect();
        let found = found(labels, &LabelNames::default()).await.unwrap().ranked(SERVICES.into_iter());
        let asked = SERVICES.map(|s| found.matchers(s).map_or_else(|| "none".to_owned(), |m| selector(&m)));
        assert_eq!(asked, *expected, "{name}");
    }
}

#[tokio::test]
async fn own_labels_that_exist_are_the_only_ones_that_name_services() {
    let labels: Labels = ["app", "service_name", "crew"].map(|name| (name.to_owned(), are(&["orders"]))).into();
    let cases: [(&[&str], &[&str]); 3] =
        [(&[], &["service_name", "app"]), (&["team", "crew", "app"], &["crew", "app"]), (&["team"], &["service_name", "app"])];
    for (own, expected) in cases {
        let user = LabelNames { logs_service: own.iter().map(|name| (*name).to_owned()).collect(), ..LabelNames::default() };
        let found = found(labels.clone(), &user).await.unwrap();
        assert_eq!(found.labels().iter().map(|label| label.name.as_str()).collect::<Vec<_>>(), expected, "{own:?}");
    }
}

#[tokio::test]
async fn labels_that_are_refused_are_told_and_the_others_found() {
    let mut labels: Labels = [("app".to_owned(), Values::Refused), ("container".to_owned(), are(&["cart"]))].into();
    let some = found(labels.clone(), &LabelNames::default()).await.unwrap();
    assert_eq!(some.matchers("cart").map(|m| selector(&m)).as_deref(), Some(r#"{container="cart"}"#));
    assert_eq!(some.unread.iter().map(|(name, e)| (name.as_str(), e.kind.clone())).collect::<Vec<_>>(), [("app", ErrorKind::BadQuery)]);
    labels.remove("container");
    assert_eq!(found(labels, &LabelNames::default()).await.map_err(|e| e.kind), Err(ErrorKind::BadQuery));
}

#[tokio::test]
async fn a_namespace_that_is_refused_takes_no_label_away() {
    let mut labels: Labels = [("crew".to_owned(), are(&SERVICES)), ("namespace".to_owned(), Values::Refused)].into();
    let some = found(labels.clone(), &LabelNames::default()).await.unwrap();
    assert_eq!(some.unread.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["namespace"]);
    assert_eq!(some.ranked(SERVICES.into_iter()).matchers("cart").map(|m| selector(&m)).as_deref(), Some(r#"{crew="cart"}"#));
    labels.insert("app".to_owned(), Values::Refused);
    assert!(found(labels, &LabelNames::default()).await.is_err(), "the label that names services may be the one that was not read");
}

#[tokio::test]
async fn a_label_that_nobody_knows_holds_up_nothing() {
    let labels: Labels =
        [("app".to_owned(), are(&["cart"])), ("crew".to_owned(), Values::Never), ("guild".to_owned(), are(&["web"]))].into();
    let found = found(labels, &LabelNames::default()).await.unwrap();
    assert_eq!(found.matchers("cart").map(|m| selector(&m)).as_deref(), Some(r#"{app="cart"}"#));
}

#[tokio::test]
async fn a_service_is_found_among_ten_thousand_and_its_slips_are_near() {
    let names: Vec<String> = (0..10_000).map(|i| format!("shop/Service-{i:05}")).collect();
    let labels: Labels =
        [("job".to_owned(), Values::Are(names)), ("note".to_owned(), Values::Are((0..=VALUES).map(|i| format!("n{i}")).collect()))].into();
    let services: Vec<String> = (0..10_000).map(|i| format!("service_{i:05}")).collect();
    let found = found(labels, &LabelNames::default()).await.unwrap().ranked(services.iter().map(String::as_str));
    assert_eq!(found.matchers("service_07777").map(|m| selector(&m)).as_deref(), Some(r#"{job="shop/Service-07777"}"#));
    assert_eq!((found.labels().len(), found.labels()[0].overlap(), found.matchers("n1")), (1, 10_000, None));
    assert_eq!(found.nearest("service-0777", 5).len(), 5);
    assert_eq!(found.matchers("service-0777"), None);
}
