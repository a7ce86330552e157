//! The pictures in `screenshots/`, made from the real program: `REDLINE_UPDATE=1 cargo test --test screenshots` writes
//! them, without the variable they are compared with what the program draws now.
//!
//! The demo runs with a fixed seed and a clock that stands still, so all is the same each time but for how long its
//! own servers took to answer and where they listen; those are left out of the comparison.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::PathBuf;

use regex::Regex;
use support::{Terminal, svg};

const AT: &str = "2026-11-21T15:03:00Z";

struct Shot {
    name: &'static str,
    title: &'static str,
    size: (u16, u16),
    theme: &'static str,
    /// Keys, each followed by a text to wait for.
    steps: &'static [&'static [Step]],
}

type Step = (&'static str, &'static str);

/// The first alert has its limit in its row.
const WHOLE: &[Step] = &[("", "> 1 s")];
/// The service of that alert, and from there its lines.
const SERVICE: &[Step] = &[("\r", "/orders")];
const LOGS: &[Step] = &[("3", "slow request")];

const WIDE: (u16, u16) = (150, 42);

const SHOTS: &[Shot] = &[
    Shot { name: "alerts", title: "Alerts", size: WIDE, theme: "dark", steps: &[WHOLE, &[("", "firing 1")]] },
    Shot { name: "services", title: "Services", size: WIDE, theme: "dark", steps: &[WHOLE, &[("2", "failing, was")]] },
    Shot {
        name: "service",
        title: "Service",
        size: WIDE,
        theme: "dark",
        steps: &[
            WHOLE,
            &[
                ("\r", "/orders/{id}"),
                ("", "p99"),
                ("", "◆"),
                ("", "deploy 1.42.0"),
                ("", "was 471 ms"),
                ("", "×204"),
                ("", "← web"),
                ("", "targets up"),
                ("", "M 3 more"),
            ],
        ],
    },
    Shot {
        name: "heatmap",
        title: "Durations as a heatmap",
        size: WIDE,
        theme: "dark",
        steps: &[
            WHOLE,
            &[("\r", "/orders/{id}"), ("", "deploy 1.42.0"), ("", "×204"), ("", "← web"), ("", "targets up"), ("H", "heatmap")],
        ],
    },
    Shot {
        name: "query",
        title: "Query",
        size: WIDE,
        theme: "dark",
        steps: &[
            WHOLE,
            &[
                (":query\r", "PromQL"),
                ("sum by (uri) (rate(http_server_requests_seconds_count{application=\"orders\"}[5m]))\r", "a ── graph ── 3 series"),
                ("A", "2 of 2"),
                ("topk(5, sum by (application) (rate(http_server_requests_seconds_count[5m])))\r", "b ── graph ── "),
                ("T", "b ── table ── "),
            ],
        ],
    },
    Shot {
        name: "silence",
        title: "A silence and what it would hit",
        size: WIDE,
        theme: "dark",
        steps: &[
            WHOLE,
            &[
                ("", "firing 1"),
                ("s", "would hit now: 1 of 4"),
                ("\t\t\x15service=~\"orders|web\"", "service=~\"orders|web\""),
                ("\x1b[B\x18\x18\x18\x18", "would hit now: 3 of 4"),
                ("\t\t\tpool exhausted, fix is rolling out", "rolling out"),
            ],
        ],
    },
    Shot { name: "logs", title: "Logs", size: WIDE, theme: "dark", steps: &[WHOLE, SERVICE, LOGS] },
    Shot {
        name: "patterns",
        title: "Patterns of a service's lines, and what changed since the onset",
        size: WIDE,
        theme: "dark",
        steps: &[WHOLE, SERVICE, LOGS, &[("P", "NEW"), ("", "B Loki's")]],
    },
    Shot {
        name: "conditions",
        title: "Conditions on fields and the LogQL that they are",
        size: WIDE,
        theme: "dark",
        steps: &[WHOLE, SERVICE, LOGS, &[("Ams>=8000\r", "asked of Loki"), ("Alevel>=warn\r", "2 conditions"), ("", "onset 14:45")]],
    },
    Shot {
        name: "traces",
        title: "Traces",
        size: WIDE,
        theme: "dark",
        steps: &[&[("", "> 14.4"), ("j\r", "/checkout"), ("4", "POST /api/checkout"), ("", "RED of checkout   rate")]],
    },
    Shot {
        name: "waterfall",
        title: "Waterfall",
        size: WIDE,
        theme: "dark",
        steps: &[
            WHOLE,
            &[
                ("4", "Traces"),
                ("E\x15{ name = \"POST /api/checkout\" } >> { name = \"pool.acquire\" && status = error }\r", "POST /api/checkout   "),
                ("\r", "orders · pool.acquire"),
            ],
        ],
    },
    Shot {
        name: "compare",
        title: "A failed trace beside a typical good one",
        size: WIDE,
        theme: "dark",
        steps: &[
            WHOLE,
            SERVICE,
            &[
                ("4", "GET /api/orders/{id}   "),
                ("E\x15{ name = \"POST /api/checkout\" } >> { name = \"pool.acquire\" && status = error }\r", "Traces ── { name"),
                ("", "POST /api/checkout   "),
                ("x", "before the onset"),
                ("", "longer"),
            ],
        ],
    },
    Shot {
        name: "structure",
        title: "The structure of many traces",
        size: WIDE,
        theme: "dark",
        steps: &[WHOLE, &[("\r", "/orders"), ("4", "GET /api/orders/{id}   "), ("T", "of 50 merged"), ("", "pool.acquire")]],
    },
    Shot {
        name: "infra",
        title: "What a service runs on",
        size: WIDE,
        theme: "dark",
        steps: &[
            WHOLE,
            SERVICE,
            &[("6", "wait for a connection"), ("", "Ready"), ("", "orders.created"), ("", "limit 832 MiB"), ("", "held back")],
        ],
    },
    Shot {
        name: "waterfall-tail",
        title: "A request whose work goes on minutes after its answer",
        size: WIDE,
        theme: "dark",
        steps: &[
            WHOLE,
            &[("4", "Traces"), ("E\x15{ resource.service.name = \"refunds\" }\r", "POST /returns"), ("\r", "refund.requested process")],
        ],
    },
    Shot {
        name: "waterfall-logs",
        title: "A failed span, and the trace's log lines between its spans",
        size: WIDE,
        theme: "dark",
        steps: &[
            WHOLE,
            &[
                ("4", "Traces"),
                ("E\x15{ resource.service.name = \"labels\" && status = error }\r", "POST /parcels"),
                ("\r", "KeyError"),
                ("L", "label cannot be rendered"),
            ],
        ],
    },
    Shot { name: "alerts-light-80x24", title: "Alerts at 80×24 on a light terminal", size: (80, 24), theme: "light", steps: &[WHOLE] },
];

#[test]
fn the_pictures_are_what_the_program_draws() {
    let update = std::env::var_os("REDLINE_UPDATE").is_some();
    let mut stale = Vec::new();
    for shot in SHOTS {
        let picture = take(shot);
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("screenshots").join(format!("{}.svg", shot.name));
        if update {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &picture).unwrap();
        } else if timeless(shot, &std::fs::read_to_string(&path).unwrap_or_default()) != timeless(shot, &picture) {
            stale.push(shot.name);
        }
    }
    assert!(stale.is_empty(), "stale pictures: {stale:?}; REDLINE_UPDATE=1 cargo test --test screenshots renews them, then look at them");
}

fn take(shot: &Shot) -> String {
    let mut t =
        Terminal::start_with(shot.size.0, shot.size.1, &["demo", "--at", AT, "--seed", "1", "--theme", shot.theme], &[("USER", "ana")]);
    for (keys, text) in shot.steps.iter().copied().flatten() {
        t.keys(keys).see(text);
    }
    t.settled();
    t.picture(if shot.theme == "light" { &svg::LIGHT } else { &svg::DARK }, shot.title)
}

/// The picture without the header's second line, where each backend's latency is measured anew in each run, and without the
/// port of the demo's Prometheus in the link to an alert's rule. That of traces is without their rate, errors and p95: whether
/// metrics tell them or a sample depends on how long the demo, built for debugging, takes for so many traces.
fn timeless(shot: &Shot, picture: &str) -> String {
    let passing = |line: &str| svg::row(line).is_some_and(|row| row == 1 || (row == 2 && shot.name == "traces"));
    let lines: Vec<&str> = picture.lines().filter(|line| !passing(line)).collect();
    Regex::new(r"127\.0\.0\.1:\d+").unwrap().replace_all(&lines.join("\n"), "127.0.0.1").into_owned()
}
