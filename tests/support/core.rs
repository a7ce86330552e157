//! The core without a program around it.

use std::collections::BTreeMap;

use redline::{
    app::{Settings, Shared},
    core::keymap::Keymap,
    theme::{Glyphs, Theme},
};

/// Shared state with default keys and Unicode glyphs, times in UTC.
pub fn shared(themes: &[&str]) -> Shared {
    let settings = Settings {
        environments: vec!["demo".to_owned()],
        themes: themes.iter().map(|t| (*t).to_owned()).collect(),
        latency_threshold: Some(1.0),
        author: "ana".to_owned(),
        ..Settings::default()
    };
    Shared::new(settings, Keymap::new(&BTreeMap::new()).0, Theme::default(), Glyphs::UNICODE)
}
