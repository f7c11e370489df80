//! Runs cargo-deny with `deny.toml`: licenses, banned crates and sources of everything that is compiled in.

use std::path::PathBuf;

use crate::Result;
use crate::python;
use crate::tool::Tool;

/// Keep in step with `xtask/cargo-deny.txt`.
const VERSION: &str = "0.20.2";

/// Checks what `arguments` name; without any, everything that needs no database from the network.
pub(crate) fn run(arguments: &[String]) -> Result {
    let mut checks: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if checks.is_empty() {
        checks = vec!["bans", "licenses", "sources"];
        println!("deny: security advisories are not part of this step; `cargo xtask deny advisories` checks them");
    }
    let program = program()?.display().to_string();
    let arguments = [&["--locked", "--color", "never", "check"], checks.as_slice()].concat();
    Tool::new(".", &program, &arguments).run()
}

/// The program on the `PATH` when it is the right version, else one installed below `target`.
fn program() -> Result<PathBuf> {
    let on_path = PathBuf::from("cargo-deny");
    if python::has_version(&on_path, VERSION) {
        return Ok(on_path);
    }
    python::installed("cargo-deny", VERSION, &["--requirement", "xtask/cargo-deny.txt"])
        .map_err(|error| format!("{error}\nor build it: cargo install --locked cargo-deny@{VERSION}"))
}
