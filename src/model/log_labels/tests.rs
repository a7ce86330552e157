use super::*;
use crate::model::labels::selector;

fn label(name: &str, values: &[&str]) -> ServiceLabel {
    ServiceLabel::new(name, values.iter().map(|v| (*v).into()).collect(), &Arc::new(["shop".into()].into()))
}

fn asked(labels: &LogLabels, service: &str) -> String {
    labels.matchers(service).map_or_else(|| "nothing".to_owned(), |m| selector(&m))
}

const SERVICES: [&str; 4] = ["cart", "checkout", "mailer", "orders"];

fn ranked(labels: LogLabels) -> LogLabels {
    labels.ranked(SERVICES.into_iter())
}

#[test]
fn each_service_is_found_under_the_label_that_names_it() {
    let labels = vec![
        label("service_name", &["checkout", "web"]),
        label("app", &["Orders", "cart"]),
        label("job", &["old/mailer", "shop/mailer", "node"]),
    ];
    for labels in [LogLabels::new(labels.clone(), Vec::new()), ranked(LogLabels::new(labels, Vec::new()))] {
        for (service, expected) in [
            ("checkout", r#"{service_name="checkout"}"#),
            ("orders", r#"{app="Orders"}"#),
            ("cart", r#"{app="cart"}"#),
            ("mailer", r#"{job=~"old/mailer|shop/mailer"}"#),
            ("nobody", "nothing"),
        ] {
            assert_eq!(asked(&labels, service), expected);
        }
    }
}

#[test]
fn streams_of_a_service_that_a_later_label_alone_names_are_found_and_those_of_another_service_are_not() {
    let elsewhere = |labels: &LogLabels, service: &str| labels.elsewhere(service).iter().map(|m| selector(m)).collect::<Vec<_>>();
    let found = ranked(LogLabels::new(
        vec![
            label("service_name", &["checkout", "orders", "unknown_service:java"]),
            label("app", &["orders"]),
            label("job", &["shop/orders", "node"]),
        ],
        Vec::new(),
    ));
    let expected =
        [r#"{app="orders", service_name=~"(unknown_service.*)?"}"#, r#"{job="shop/orders", service_name=~"(unknown_service.*)?", app=""}"#];
    assert_eq!(elsewhere(&found, "orders"), expected);
    assert_eq!(elsewhere(&found, "checkout"), [""; 0]);
    // The label that names it is not the first: what the first says of a stream goes before.
    let found =
        ranked(LogLabels::new(vec![label("app", &["cart", "orders"]), label("job", &["mailer"]), label("unit", &["mailer"])], Vec::new()));
    assert_eq!(elsewhere(&found, "mailer"), [r#"{unit="mailer", app="", job=""}"#]);
    let own = found.with_own([("mailer".to_owned(), vec![Matcher::equal("app", "m")])].into());
    assert_eq!(elsewhere(&own, "mailer"), [""; 0]);
}

#[test]
fn the_label_that_names_most_services_goes_first_and_of_equals_the_one_with_their_very_names() {
    let usual = [
        label("app", &["checkout", "shop-cart"]),
        label("container", &["cart", "checkout", "orders"]),
        label("component", &["shop-cart", "shop-checkout", "shop-orders"]),
    ];
    let found = ranked(LogLabels::new(usual.into(), Vec::new()));
    assert_eq!(
        found.labels().iter().map(|l| (l.name.as_str(), l.overlap())).collect::<Vec<_>>(),
        [("container", 3), ("component", 3), ("app", 2)]
    );
    assert_eq!((asked(&found, "checkout").as_str(), found.named()), (r#"{container="checkout"}"#, (3, 3)));
    // A namespace is taken away only where no label has the name without.
    let found = ranked(LogLabels::new(vec![label("component", &["shop-cart", "shop-orders"]), label("app", &["cart"])], Vec::new()));
    assert_eq!([asked(&found, "cart"), asked(&found, "orders")], [r#"{app="cart"}"#, r#"{component="shop-orders"}"#]);
    let found = ranked(LogLabels::new(vec![label("app", &["cart", "orders"]), label("job", &["shop/mailer", "shop/cart"])], Vec::new()));
    assert_eq!(found.named(), (2, 3));
}

#[test]
fn a_label_that_nobody_knows_names_services_when_most_of_its_values_are_some() {
    let others = || vec![label("crew", &["cart", "orders", "web"]), label("team", &["checkout", "a", "b", "c"])];
    let unranked = LogLabels::new(Vec::new(), others());
    assert!(unranked.is_empty());
    assert_eq!([asked(&unranked, "cart"), asked(&unranked, "Cart")], [r#"{crew="cart"}"#, "nothing"]);
    let found = ranked(unranked);
    assert_eq!(found.labels().iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["crew"]);
    assert_eq!([asked(&found, "cart"), asked(&found, "checkout")], [r#"{crew="cart"}"#, "nothing"]);
    assert_eq!(found.nearest("checkout", 3), [("team", "checkout")]);
}

#[test]
fn what_the_user_says_of_a_service_is_believed_even_when_nothing_was_read() {
    let own: BTreeMap<String, Vec<Matcher>> = [("checkout".to_owned(), vec![Matcher::equal("app", "checkout-v2")])].into();
    let found = LogLabels::default().with_own(own);
    assert_eq!([asked(&found, "checkout"), asked(&found, "cart")], [r#"{app="checkout-v2"}"#, "nothing"]);
    assert_eq!(found.first(), "service_name");
}

#[test]
fn a_stream_is_of_the_service_as_the_metrics_call_it() {
    let labels = LogLabels::new(
        vec![label("service_name", &["unknown_service:java", "web"]), label("job", &["shop/Mailer", "shop/else"])],
        Vec::new(),
    );
    let stream = |pairs: &[(&str, &str)]| pairs.iter().copied().collect::<Labels>();
    let mailer = stream(&[("service_name", "unknown_service:java"), ("job", "shop/Mailer")]);
    assert_eq!(labels.service_of(&mailer), Some("Mailer"));
    assert_eq!(labels.service_of(&stream(&[("service_name", "unknown_service")])), Some("unknown_service"));
    assert_eq!(labels.service_of(&stream(&[("service_name", "web"), ("job", "shop/else")])), Some("web"));
    assert_eq!(labels.service_of(&stream(&[("pod", "x")])), None);
    assert_eq!(ranked(labels).service_of(&mailer), Some("mailer"));
}

#[test]
fn the_nearest_names_are_slips_and_longer_forms_the_closest_first() {
    let labels = LogLabels::new(
        vec![label("app", &["chekcout", "checkout-canary", "payments", "order"]), label("job", &["x/checkout-canary"])],
        Vec::new(),
    );
    assert_eq!(labels.nearest("checkout", 5), [("app", "checkout-canary"), ("job", "x/checkout-canary"), ("app", "chekcout")]);
    assert_eq!(labels.nearest("orders", 1), [("app", "order")]);
    assert_eq!(labels.nearest("zz", 5), []);
}
