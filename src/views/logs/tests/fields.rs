//! A field as a filter and as a part of the query.

use super::*;

#[test]
fn a_field_filters_at_once_and_is_the_query() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![pooled(1, "orders"), pooled(2, "payments"), pooled(3, "orders"), line(4, Level::Info, "other")]);
    page.presses(&[Command::Up, Command::Up, Command::Up]);
    page.select("pool");
    page.press(Command::Drill);
    assert_eq!((page.view.store.shown(), page.filters()), (2, vec!["pool=orders".to_owned()]));
    assert_eq!(
        page.queries()[0],
        r#"{service_name="orders"} | logfmt pool="pool" | pool="orders" | drop pool, __error__, __error_details__"#
    );
    assert!(page.queries()[1].contains(r#"| logfmt pool="pool" | pool="orders" ["#), "the volume counts the same: {:?}", page.queries());
    assert!(page.screen().contains("2 of 4 lines"), "{}", page.title());

    page.press(Command::Drill);
    assert_eq!((page.view.store.shown(), page.filters()), (4, vec![]), "the same key takes it back");
    page.press(Command::Exclude);
    assert_eq!((page.view.store.shown(), page.filters()), (2, vec!["pool!=orders".to_owned()]));
    assert_eq!(
        page.queries()[0],
        r#"{service_name="orders"} | logfmt pool="pool" | pool!="orders" | drop pool, __error__, __error_details__"#
    );
    page.press(Command::Widen);
    assert_eq!((page.view.store.shown(), page.queries()[0].as_str()), (4, r#"{service_name="orders"}"#));
    let acts = page.press(Command::Widen);
    assert!(matches!(acts.as_slice(), [Act::Notice(text)] if text.contains("no filter")), "{acts:?}");
}

#[test]
fn each_kind_of_field_is_asked_for_where_the_server_has_it() {
    let text = r#"{"msg":"served \"it\"","http":{"route":"/a","status":500},"pod":"x","a-b":{"c":1,"d":2},"tags":["a","b"]}"#;
    for (field, query) in [
        (
            "pod",
            r#"{service_name="orders"} | json pod_extracted="pod" | pod_extracted="x" | drop pod_extracted, __error__, __error_details__"#,
        ),
        (
            "http.route",
            r#"{service_name="orders"} | json http_route="http.route" | http_route="/a" | drop http_route, __error__, __error_details__"#,
        ),
        (
            "http.status",
            r#"{service_name="orders"} | json http_status="http.status" | http_status="500" | drop http_status, __error__, __error_details__"#,
        ),
        ("a-b.c", r#"{service_name="orders"} | json a_b_c="[\"a-b\"].c" | a_b_c="1" | drop a_b_c, __error__, __error_details__"#),
        ("user", r#"{service_name="orders"} | user="ana""#),
        ("service_name", r#"{service_name="orders", service_name="orders"}"#),
        ("message", r#"{service_name="orders"} |= "served""#),
        ("tags", r#"{service_name="orders"} |= "a""#),
    ] {
        let mut page = Page::new(scope(), BIG);
        page.history(vec![json(1, text), json(2, r#"{"msg":"else"}"#)]);
        page.press(Command::Up);
        page.select(field);
        let acts = page.press(Command::Drill);
        if field == "tags" {
            assert!(matches!(acts.as_slice(), [Act::Notice(_)]) || page.queries()[0].contains("|="), "{acts:?}");
            continue;
        }
        assert_eq!(page.queries()[0], query, "{field}");
        assert!(page.view.store.shown() >= 1, "the line itself passes its own filter: {field}");
        let yanks = page.view.yanks(&look(&page.shared, &page.scope, now()));
        assert!(yanks.iter().any(|y| y.label == "query" && y.text == query), "{yanks:?}");
    }
}

#[test]
fn filters_join_what_was_typed_and_a_new_query_has_them() {
    let mut page = Page::new(scope(), BIG);
    page.view = Logs::new(&page.scope, Some(r#"{a="b"} |= "x""#));
    page.history(vec![pooled(1, "say \"x\"")]);
    page.select("pod");
    page.press(Command::Exclude);
    assert_eq!(page.queries()[0], r#"{a="b"} |= "x" | pod!="orders-k2vq""#);
    let reopen = page.view.reopen(&look(&page.shared, &page.scope, now()));
    assert_eq!(reopen, ["--query", r#"{a="b"} |= "x" | pod!="orders-k2vq""#]);
    page.press(Command::EditQuery);
    page.type_text(" != \"y\"");
    page.submit();
    assert_eq!(page.queries()[0], r#"{a="b"} |= "x" | pod!="orders-k2vq" != "y""#, "once, not twice");
    assert_eq!(page.filters(), Vec::<String>::new());
}
