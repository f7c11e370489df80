//! What CI runs, in the order in which it fails fastest.

use std::time::Instant;

use crate::tool::{Tool, cargo};
use crate::{Result, api, deny, deps, generate, tests, words, work};

/// One step and its name.
type Step = (&'static str, fn() -> Result);

const STEPS: &[Step] = &[
    ("format", || cargo(&["fmt", "--all", "--check"]).run()),
    ("boundaries", deps::run),
    ("words", words::run),
    ("licenses, bans and sources of dependencies", || deny::run(&[])),
    ("lints", || {
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "--deny",
            "warnings",
        ])
        .run()
    }),
    ("documentation", || {
        cargo(&[
            "doc",
            "--workspace",
            "--no-deps",
            "--locked",
            "--document-private-items",
        ])
        .env("RUSTDOCFLAGS", "--deny warnings")
        .run()
    }),
    ("generated files", || generate::run(&["--check".to_owned()])),
    ("compatibility of the API", || api::run(&[])),
    ("types, lints and layout of the dashboard and its tests", || {
        for folder in ["crates/forgecast-ui", "e2e"] {
            tests::install(folder)?;
            Tool::new(folder, "npm", &["run", "check"]).run()?;
        }
        Tool::new("crates/forgecast-ui", "npm", &["run", "lint"]).run()
    }),
    ("counted work", || work::run(&[])),
    ("tests", tests::run),
];

/// All steps; ends with the first that fails.
pub(crate) fn run() -> Result {
    let begin = Instant::now();
    for (name, step) in STEPS {
        println!("\n=== {name}");
        let began = Instant::now();
        step().map_err(|error| format!("{name}: {error}"))?;
        println!("--- {name}: {:.0} s", began.elapsed().as_secs_f64());
    }
    println!(
        "\nci: all {} steps passed in {:.0} s",
        STEPS.len(),
        begin.elapsed().as_secs_f64()
    );
    Ok(())
}
