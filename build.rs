//! Turns the rules of the demo's shop into JSON, which the program can read without a YAML parser, and packs the static program.

use std::{env, error::Error, fs, path::Path, process::Command};

const RULES: &str = "src/demo/rules.yml";
/// The first Rust whose musl can read packed relocations.
const PACKS: u32 = 93;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={RULES}");
    let rules: serde_json::Value = serde_saphyr::from_str(&fs::read_to_string(RULES)?)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("rules.json"), rules.to_string())?;
    if env::var("CARGO_CFG_TARGET_ENV")? == "musl" && rust_minor()? >= PACKS {
        // A position-independent program without a loader corrects its addresses itself: half a megabyte of them, unpacked.
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    Ok(())
}

/// The 95 of `rustc 1.95.0 (…)`.
fn rust_minor() -> Result<u32, Box<dyn Error>> {
    let version = String::from_utf8(Command::new(env::var("RUSTC")?).arg("--version").output()?.stdout)?;
    Ok(version.split('.').nth(1).ok_or("rustc tells no version")?.parse()?)
}
