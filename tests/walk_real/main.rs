//! The main road on real Prometheus, Alertmanager, Loki and Tempo, filled by `redline demo --into`, and what the
//! screen says there against what the servers say. Run by `.ci/run`, which starts the servers and names their configuration
//! in `REDLINE_STACK_CONFIG`: ones that hold no other demo.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod silences;
#[path = "../support/mod.rs"]
mod support;
mod truth;

use support::{
    feed::Feed,
    walks::{self, LOOKS},
};

#[test]
fn the_main_road_on_real_servers() {
    let config = std::env::var("REDLINE_STACK_CONFIG").expect("REDLINE_STACK_CONFIG names the config.toml that `dev/stack up` wrote");
    let _feed = Feed::start(&config, "pool-exhaustion", "40m");
    for look in LOOKS {
        walks::latency_to_span(&["--config", &config], look).keys("q").ended();
        walks::budget_to_span(&["--config", &config], look).keys("q").ended();
    }
    truth::the_screen_says_what_the_servers_say(&config);
    silences::the_form_and_the_list_say_and_do_what_alertmanager_does(&config);
}
