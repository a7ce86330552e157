//! Lines look as differently as those of real systems, and are labelled as differently.

use regex::Regex;

use super::*;
use crate::demo::logql::level;

/// Lines of a minute before the start: labels, text, level, trace.
fn minute(world: &World, labels: &[(&str, &str)]) -> Vec<(String, &'static str, Option<TraceId>)> {
    let matchers = labels.iter().map(|(n, v)| Matcher::equal(*n, *v)).collect();
    let mut all = Vec::new();
    let range = TimeRange::new(START - seconds(60), START);
    LogStore::scan(world, &LogHint { matchers, trace: None }, range, Direction::Forward, &mut |l| {
        let mut text = String::new();
        l.write_text(&mut text);
        assert_eq!(level::detect(l.stream(), &l.metadata(), &text), l.level(), "{text}");
        all.push((text, l.level(), l.trace()));
        ControlFlow::Continue(())
    });
    all
}

#[test]
fn each_service_writes_in_a_format_of_its_own_under_a_label_of_its_own() {
    let world = incident();
    for (labels, format, least) in [
        (("service_name", "web"), r#"^\{"time":".*","level":"(info|warn|error)","msg":""#, 5_000),
        (("app", "catalog"), r#"^\{"level":"(info|warn|error)","ts":"#, 500),
        (("container", "cart"), r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[(INFO|ERROR)\] (uvicorn|cart)\.", 1_000),
        (
            ("service_name", "orders"),
            r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[(INFO|WARN|ERROR)\] \[orders,[0-9a-f]{32},[0-9a-f]{16}\] ",
            500,
        ),
        (("service_name", "payments"), r"^ts=\S+ level=(info|warn|error) msg=", 500),
        (("container", "mailer"), r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[(INFO|WARN|ERROR)\] mailer: ", 500),
        (
            ("job", "ingress-nginx/controller"),
            r#"^\d+\.\d+\.\d+\.\d+ - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "[A-Z]+ /\S* HTTP/1\.1" \d{3} \d+ "-" "[^"]+" \d+\.\d{3} \S+:3000 00-[0-9a-f]{32}-[0-9a-f]{16}-01$"#,
            5_000,
        ),
        (
            ("container_name", "sessions"),
            "^\u{1b}\\[2m\\S+Z\u{1b}\\[0m \u{1b}\\[3[24]m( INFO|DEBUG)\u{1b}\\[0m \u{1b}\\[2msessions\\S*\u{1b}\\[0m\u{1b}\\[2m:\u{1b}\\[0m (read|opened) ",
            3_000,
        ),
    ] {
        let (regex, lines) = (Regex::new(format).unwrap(), minute(&world, &[labels]));
        assert!(lines.len() >= least, "{labels:?}: {} lines", lines.len());
        if let Some((text, ..)) = lines.iter().find(|(text, ..)| !regex.is_match(text)) {
            panic!("{labels:?}: {text:?} is not {format}");
        }
    }
}

#[test]
fn an_access_line_of_the_ingress_names_the_trace_of_its_request_and_nothing_else_is_known_of_a_session() {
    let world = incident();
    let lines = minute(&world, &[("job", "ingress-nginx/controller")]);
    for (text, level, trace) in &lines {
        assert!(*level == "unknown" && text.contains(&format!(" 00-{}-", trace.unwrap())), "{text}");
    }
    let (_, _, trace) = &lines[lines.len() / 2];
    let hint = LogHint { matchers: Vec::new(), trace: *trace };
    let mut streams = HashSet::new();
    LogStore::scan(&*world, &hint, TimeRange::new(START - seconds(120), START), Direction::Backward, &mut |l| {
        streams.insert(l.stream().to_string());
        ControlFlow::Continue(())
    });
    assert!(streams.iter().any(|s| s.contains("ingress")) && streams.iter().any(|s| s.contains("web")), "{streams:?}");
    let sessions = minute(&world, &[("container_name", "sessions")]);
    let ids: HashSet<&str> =
        sessions.iter().filter_map(|(text, ..)| text.split_once("session\u{1b}[0m\u{1b}[2m=\u{1b}[0m")).map(|p| &p.1[..36]).collect();
    assert!(ids.len() == sessions.len() && sessions.iter().all(|(_, level, trace)| *level == "unknown" && trace.is_none()));
}

#[test]
fn kubelets_tell_of_the_pods_that_a_deploy_replaces() {
    let world = incident();
    let hint = LogHint { matchers: vec![Matcher::equal("unit", "kubelet.service")], trace: None };
    let mut lines = Vec::new();
    LogStore::scan(&*world, &hint, TimeRange::new(world.onset() - seconds(120), START), Direction::Forward, &mut |l| {
        let mut text = String::new();
        l.write_text(&mut text);
        lines.push((l.stream().get("host").unwrap().to_owned(), text));
        ControlFlow::Continue(())
    });
    let of = |what: &str| lines.iter().filter(|(_, text)| text.contains(what) && text.contains("shop/orders-")).count();
    assert_eq!((lines.len(), of("\"SyncLoop ADD\""), of("\"Killing container")), (6, 3, 3), "{lines:?}");
    let hosts: HashSet<&String> = lines.iter().map(|(host, _)| host).collect();
    assert!(hosts.len() > 1 && lines.iter().all(|(_, text)| text.starts_with("I1121 07:")), "{lines:?}");
}
