//! The core without a program around it.

use std::collections::BTreeMap;
use std::time::Duration;

use redline::{
    app::{Settings, Shared},
    core::{keymap::Keymap, slot::Slot},
    theme::{Glyphs, ServiceColors, Theme},
};

/// Shared state with default keys and Unicode glyphs, times in UTC.
pub fn shared(themes: &[&str]) -> Shared {
    Shared {
        settings: Settings {
            environments: vec!["demo".to_owned()],
            themes: themes.iter().map(|t| (*t).to_owned()).collect(),
            refresh: Duration::from_secs(15),
            refresh_alerts: Duration::from_secs(15),
            refresh_slow: Duration::from_secs(60),
            zone: (0, "UTC".to_owned()),
            error_threshold: 0.01,
            latency_threshold: Some(1.0),
            service_thresholds: BTreeMap::new(),
            log_bytes: 64 << 20,
            reopen: Vec::new(),
            labels: Default::default(),
        },
        keymap: Keymap::new(&BTreeMap::new()).0,
        theme: Theme::default(),
        services: ServiceColors::default(),
        glyphs: Glyphs::UNICODE,
        red: Slot::default(),
        log_labels: Slot::default(),
        health: Default::default(),
        asked: BTreeMap::new(),
    }
}
