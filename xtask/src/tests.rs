//! Every test of the project, and what they need on a machine that never saw it. Nothing is skipped in silence: what
//! cannot be installed is named, and the run fails.

use std::fs;

use crate::Result;
use crate::tool::{self, Tool, cargo};

/// Rust, TypeScript, browser, in this order; each runner prints its own closing lines.
pub(crate) fn run() -> Result {
    rust()?;
    typescript()?;
    browser()
}

/// Takes the watcher of systems other than Linux, which `--workspace` alone leaves out.
const PORTABLE_WATCH: &str = "--features=forgecast-ingest/portable-watch";
/// The tests that depend on what a watcher reports: all of the sources, and the live ones of the binary.
const WATCHING: &str = "package(forgecast-ingest) | test(/^(demo|kill|restart|sessions|transcripts|writing)/)";

/// What is drawn for the laws is the same for every submission, so that one fails by what it changes and by nothing else;
/// `nightly laws` draws anew.
const SEED: (&str, &str) = ("PROPTEST_RNG_SEED", "20261130");

/// Always of the whole workspace: chosen packages would get other features, and everything would be compiled again.
fn rust() -> Result {
    if cfg!(target_os = "linux") {
        provide(
            "strace",
            "--version",
            &["strace"],
            "the tests of what the server connects to",
        )?;
    }
    let everything = ["--workspace", "--locked", "--no-fail-fast"];
    let cargo = |arguments: &[&str]| cargo(arguments).env(SEED.0, SEED.1);
    if tool::exists("cargo-nextest", &["nextest", "--version"]) {
        cargo(&[&["nextest", "run"], &everything[..]].concat()).run()?;
        cargo(&["test", "--workspace", "--locked", "--doc"]).run()?;
        println!("once more with the portable watcher, which macOS uses");
        return cargo(&[&["nextest", "run"], &everything[..], &[PORTABLE_WATCH, "-E", WATCHING]].concat()).run();
    }
    println!("cargo-nextest is not installed; `cargo test` does the same, slower");
    cargo(&[&["test"], &everything[..]].concat()).run()?;
    println!("once more with the portable watcher, which macOS uses");
    cargo(&[&["test"], &everything[..], &[PORTABLE_WATCH]].concat()).run()
}

fn typescript() -> Result {
    install("crates/forgecast-ui")?;
    Tool::new("crates/forgecast-ui", "npm", &["test"]).run()
}

/// The dashboard in a real Chromium against the binary that the Rust tests were built with.
fn browser() -> Result {
    prepare_browser()?;
    Tool::new("e2e", "npm", &["test"]).run()
}

/// What tests in a browser need.
pub(crate) fn prepare_browser() -> Result {
    chromium()?;
    install("e2e")?;
    build_binary()
}

/// The program, as the Rust tests build it.
pub(crate) fn build_binary() -> Result {
    cargo(&["build", "--workspace", "--bin", "forgecast", "--locked"]).run()
}

/// Takes the README's pictures.
pub(crate) fn screenshots() -> Result {
    prepare_browser()?;
    Tool::new("e2e", "npm", &["run", "screenshots"]).run()
}

/// `npm ci`, unless what is installed is from this very lock file.
pub(crate) fn install(folder: &str) -> Result {
    let at = |file: &str| tool::root().join(folder).join(file);
    let lock = fs::read(at("package-lock.json")).map_err(|error| format!("{folder}/package-lock.json: {error}"))?;
    let stamp = at("node_modules/.installed-from");
    if fs::read(&stamp).is_ok_and(|from| from == lock) {
        return Ok(());
    }
    Tool::new(folder, "npm", &["ci", "--no-audit", "--no-fund"]).run()?;
    fs::write(&stamp, lock).map_err(|error| format!("{}: {error}", stamp.display()))
}

/// Debian's Chromium: there, or installed.
fn chromium() -> Result {
    provide(
        "chromium",
        "--version",
        &["chromium", "fonts-dejavu-core"],
        "the browser tests",
    )
}

/// Installs a program from Debian's packages unless it is there and prints its `version`. `purpose` needs it.
pub(crate) fn provide(program: &str, version: &str, packages: &[&str], purpose: &str) -> Result {
    if tool::exists(program, &[version]) {
        return Ok(());
    }
    println!("{program} is not installed; trying apt-get");
    let apt = |arguments: &[&str]| {
        Tool::new(".", "apt-get", arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run()
    };
    let install = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    apt(&["update"])
        .and_then(|()| apt(&install))
        .map_err(|error| format!("`{program}` is needed on the PATH for {purpose} and could not be installed: {error}"))
}
