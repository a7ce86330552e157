//! The main road on the embedded demo, in every look.

#![allow(clippy::unwrap_used)]

mod support;

use support::walks::{self, LOOKS};

#[test]
fn latency_alert_to_the_waiting_span_and_back() {
    for look in LOOKS {
        walks::latency_to_span(&["demo", "--seed", "1"], look).keys("q").ended();
    }
}

#[test]
fn budget_alert_to_the_waiting_span_and_back() {
    for look in LOOKS {
        walks::budget_to_span(&["demo", "--seed", "1"], look).keys("q").ended();
    }
}
