//! What takes too long for every submission: laws over cases that nobody has seen, the fault tests that fill a machine,
//! compressed nights with a receiver of notifications, a fleet under faults for minutes or hours, thousands of requests made of the API's description, the real
//! agents, and fuzzing of everything that takes bytes from outside. A missing tool fails.

mod agents;
mod schemathesis;
mod server;

use crate::Result;
use crate::tool::{self, Tool, cargo};

/// A part and its name; it is told for how many minutes to look at each of its targets.
type Part = (&'static str, fn(u32) -> Result);

/// In the order in which they run.
const PARTS: &[Part] = &[
    ("laws", |_| laws()),
    ("faults", |_| faults()),
    ("nights", nights),
    ("soak", soak),
    ("schemathesis", |_| schemathesis::run()),
    ("agents", |_| agents::run()),
    ("fuzz", fuzz),
];

/// Fuzz targets, each with the folder of committed inputs that it starts from, if there is one.
const TARGETS: &[(&str, Option<&str>)] = &[
    ("transcript", Some("transcript")),
    ("otlp_json", Some("otlp_json")),
    ("otlp_protobuf", Some("otlp_protobuf")),
    ("hooks", Some("hooks")),
    ("documents", None),
    ("events", None),
    ("text", None),
    ("messages", None),
];
const CORPUS: &str = "../crates/forgecast-decode/tests/corpus";

/// `nightly [part…] [minutes]`: all parts when none is named; so many minutes for each fuzz target, five without a number.
pub(crate) fn run(arguments: &[String]) -> Result {
    let mut minutes = None;
    let mut named = Vec::new();
    for argument in arguments {
        if let Some((_, part)) = PARTS.iter().find(|(name, _)| name == argument) {
            named.push(part);
        } else if let (Ok(number), None) = (argument.parse::<u32>(), minutes) {
            minutes = Some(number);
        } else {
            let names: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "`{argument}`: nightly takes names of parts ({}) and one number of minutes",
                names.join(", ")
            ));
        }
    }
    if named.is_empty() {
        named.extend(PARTS.iter().map(|(_, part)| part));
    }
    named.iter().try_for_each(|part| part(minutes.unwrap_or(5)))
}

/// The Rust tests with laws over many cases that nobody has seen.
fn laws() -> Result {
    cargo(&["nextest", "run", "--workspace", "--locked", "--no-fail-fast"])
        .env("PROPTEST_CASES", "2000")
        .run()
}

/// The tests that are marked as too long for every submission.
fn faults() -> Result {
    cargo(&["build", "--release", "--locked", "--package", "forgecast"]).run()?;
    ignored_tests("nightly", &[]).run()
}

/// Compressed nights against a receiver; prints how many calls were right and how many needs were called for.
fn nights(minutes: u32) -> Result {
    ignored_tests("nights::", &["--nocapture"])
        .env("FORGECAST_NIGHT_SECONDS", &(minutes * 60).to_string())
        .run()
}

/// A fleet at work under faults, for so long in all: one that was stopped goes on.
fn soak(minutes: u32) -> Result {
    cargo(&["build", "--release", "--locked", "--package", "forgecast"]).run()?;
    let minutes = minutes.to_string();
    let run = ["run", "--release", "--locked", "--package", "forgecast-bench", "--"];
    cargo(&[&run[..], &["soak", "--minutes", &minutes]].concat()).run()
}

/// Tests of the binary that run only when they are named.
fn ignored_tests(named: &str, flags: &[&str]) -> Tool {
    let run = [
        "test",
        "--locked",
        "--package",
        "forgecast",
        "--test",
        "it",
        "--",
        "--ignored",
        named,
    ];
    cargo(&[&run, flags].concat())
}

fn fuzz(minutes: u32) -> Result {
    if !tool::exists("cargo-fuzz", &["--version"]) {
        return Err("cargo-fuzz is not installed: cargo install cargo-fuzz".to_owned());
    }
    let time = format!("-max_total_time={}", minutes * 60);
    for (target, seeds) in TARGETS {
        let mut arguments = vec!["fuzz", "run", "--fuzz-dir", ".", "--sanitizer", "none", target];
        // New inputs go to the first folder; the committed ones are only read.
        let found = format!("corpus/{target}");
        std::fs::create_dir_all(tool::root().join("fuzz").join(&found)).map_err(|error| error.to_string())?;
        let committed = seeds.map(|name| format!("{CORPUS}/{name}"));
        arguments.push(&found);
        arguments.extend(committed.as_deref());
        arguments.extend(["--", &time, "-max_len=65536", "-timeout=10"]);
        // The flags of coverage exist on every toolchain, but only behind this variable on a stable one.
        Tool::new("fuzz", "cargo", &arguments)
            .env("RUSTC_BOOTSTRAP", "1")
            .run()?;
        println!("fuzz: {target}: {minutes} min without a crash");
    }
    Ok(())
}
