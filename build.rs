//! Turns the rules of the demo's shop into JSON, which the program can read without a YAML parser.

use std::{env, error::Error, fs, path::Path};

const RULES: &str = "src/demo/rules.yml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={RULES}");
    let rules: serde_json::Value = serde_saphyr::from_str(&fs::read_to_string(RULES)?)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("rules.json"), rules.to_string())?;
    Ok(())
}
