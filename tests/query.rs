//! The Query view on the demo: typed with completion, seen as graph and table, refused under its column, kept and opened
//! again.

#![allow(clippy::unwrap_used)]

mod support;

use support::Terminal;

fn start(data: &tempfile::TempDir, args: &[&str]) -> Terminal {
    let args: Vec<&str> = ["demo"].iter().chain(args).copied().collect();
    Terminal::start_with(120, 34, &args, &[("XDG_DATA_HOME", data.path().to_str().unwrap())])
}

/// The row and the column of a text on the screen.
fn place(screen: &str, text: &str) -> Option<(usize, usize)> {
    let (row, line) = screen.lines().enumerate().find(|(_, l)| l.contains(text))?;
    Some((row, line[..line.find(text)?].chars().count()))
}

#[test]
fn a_query_is_typed_seen_kept_and_opened_again() {
    let data = tempfile::tempdir().unwrap();
    let mut t = start(&data, &["--view", "query"]);
    t.see("PromQL");
    t.keys("http_server_req");
    t.see("http_server_requests");
    t.keys("\x15sum by (application) (rate(http_server_requests_seconds_coun\t");
    t.see("http_server_requests_seconds_count");
    t.keys("{applica");
    t.see("▌ application");
    t.keys("\t");
    t.see("application=\"");
    t.see("orders");
    t.keys("order\t");
    t.see("application=\"orders\"");
    t.keys("}[5m]))\r");
    t.see("a ── graph ── 1 series");
    t.see("all {application=\"orders\"}");
    t.keys("T");
    t.see("a ── table ── 1 series");

    t.keys("K").see("keep as");
    t.keys("orders rate\r").see("kept as orders rate");
    t.keys("E)\r");
    let screen = t.see("parse error: unexpected right parenthesis");
    let (query, mark) = (place(&screen, "sum by").unwrap(), place(&screen, "^").unwrap());
    let line = screen.lines().nth(query.0).unwrap();
    // Prometheus tells of the column behind a parenthesis that closes nothing.
    let before: String = line.chars().take(mark.1).collect();
    assert!(mark.0 == query.0 + 1 && before.ends_with("[5m])))"), "{screen}");
    drop(t);

    let mut t = start(&data, &[]);
    t.at("Alerts").keys(":kept\r");
    t.see("orders rate");
    t.keys("\r").at("Query");
    t.see("a ── graph ── 1 series");
    t.keys("\x1b").at("Alerts");
}

#[test]
fn what_is_kept_and_left_at_once_is_there_again_and_a_broken_file_is_told() {
    let data = tempfile::tempdir().unwrap();
    let mut t = start(&data, &["--view", "query", "--query", r#"vector(1) # a; b"#, "--query", "vector(2)"]);
    t.see("b ── graph ──");
    t.keys("Ktwo; of them\rq");
    assert_eq!(t.ended().exit_code(), 0);

    let mut t = start(&data, &["--view", "query"]);
    t.see("PromQL");
    t.keys("\x1b").gone("Esc done");
    t.keys(":kept\r").see("two; of them");
    t.keys("\r");
    t.see("vector(1) # a; b");
    t.see("b ── graph ──");
    drop(t);

    let file = data.path().join("redline/queries.toml");
    std::fs::write(&file, "[[kept]]\nname = 1\n").unwrap();
    let mut t = start(&data, &["--view", "query", "--query", "vector(1)"]);
    t.see("a ── graph ──");
    t.keys("Kmore\r").see("cannot be read, and are left as they are");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[[kept]]\nname = 1\n");
}

#[test]
fn a_graphs_query_is_edited_and_esc_comes_back() {
    let data = tempfile::tempdir().unwrap();
    let mut t = start(&data, &["--view", "service", "--service", "orders"]);
    t.see("Rate ──");
    t.wait("a rate", |screen| screen.contains("/s"));
    t.keys("E").at("Query");
    t.see("a ── graph ──");
    t.keys("\x1b").gone("PromQL");
    t.see("by route");
}

#[test]
fn a_logql_is_refused_in_place_taken_drawn_as_a_graph_and_asked_again_later() {
    const NUMBERS: &str = r#"sum(count_over_time({service_name="orders"}[1m]))"#;
    const LINES: &str = r#"{service_name="orders"} | logfmt"#;
    let data = tempfile::tempdir().unwrap();
    let mut t = start(&data, &["--view", "logs", "--service", "orders"]);
    t.see(r#"{service_name="orders"} ──"#);
    t.keys("E").see("LogQL");
    t.keys(" | json foo bar\r");
    let screen = t.see("unexpected name");
    let (query, mark) = (place(&screen, r#"{service_name="orders"} | json"#).unwrap(), place(&screen, "^").unwrap());
    assert_eq!((mark.0, mark.1), (query.0 + 1, query.1 + r#"{service_name="orders"} | json foo "#.len()), "{screen}");
    t.keys("\x17\x17\x17logfmt\r").gone("LogQL");
    t.keys("E").see(LINES);
    t.keys("\x15").keys(NUMBERS).keys("\r").at("Query");
    t.see("a ── graph ── 1 series");
    t.keys("\x1b").gone("▸ Query");
    t.keys("E").see(LINES);
    drop(t);

    let mut t = start(&data, &["--view", "logs", "--service", "orders"]);
    t.see(r#"{service_name="orders"} ──"#);
    t.keys("E").see("LogQL");
    t.keys("\x1b[A").see(NUMBERS);
    t.keys("\x1b[A").see(LINES);
    t.keys("\x1b").gone("LogQL");
}
