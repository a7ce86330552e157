//! What the README says of the keys is what the program does: `REDLINE_UPDATE=1 cargo test --test docs` renews it.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use redline::core::{
    command::{COMMANDS, ViewKind},
    keymap::Keymap,
};

const BEGIN: &str = "<!-- keys: made from src/core/command.rs -->\n";
const END: &str = "<!-- /keys -->";

#[test]
fn the_readme_has_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the marker before the keys");
    let (written, after) = rest.split_once(END).expect("the marker after the keys");
    let table = key_table();
    if std::env::var_os("REDLINE_UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(written, table, "REDLINE_UPDATE=1 cargo test --test docs renews the README");
    }
}

fn key_table() -> String {
    let (keymap, _) = Keymap::new(&BTreeMap::new());
    let mut out = String::from("| key | command | what it does | where |\n| --- | --- | --- | --- |\n");
    for spec in COMMANDS {
        let keys: Vec<String> = keymap.keys(spec.command).map(|k| format!("`{k}`").replace('|', "\\|")).collect();
        let place = if spec.views.is_empty() {
            "everywhere".to_owned()
        } else {
            spec.views.iter().map(|v: &ViewKind| v.title()).collect::<Vec<_>>().join(", ")
        };
        let keys = if keys.is_empty() { format!("`:{}`", spec.name) } else { keys.join(" ") };
        let _ = writeln!(out, "| {keys} | `{}` | {} | {place} |", spec.name, spec.help);
    }
    out
}
