//! The one door for developers: everything that CI does, and nothing that only CI can do. Few dependencies, so that it
//! builds in seconds; it calls the tools by their names and says which one is missing.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what it finds is for the terminal"
)]

mod api;
mod bench;
mod ci;
mod deny;
mod deps;
mod dev;
mod generate;
mod metadata;
mod nightly;
mod prices;
mod promises;
mod python;
mod tests;
mod tool;
mod words;
mod work;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <command>

  ci               what CI runs: format, boundaries, licenses, lints, docs, generated files, then the tests
  test             every test: Rust, TypeScript, browser; installs what they need
  dev [argument…]  the server, built and started anew when its sources change, and the dashboard with hot reload;
                   arguments are forgecast's: `serve` (the default) or `demo`
  gen [--check]    write the generated files, or compare them
  api [renew]      compare openapi.json with the last release's and the changelog; `renew` when a release is made
  deps             compare the edges between the crates with the allowed ones
  deny [check…]    check the dependencies against deny.toml: bans, licenses and sources; `advisories` only when named
  prices           what the built-in prices differ in from those of LiteLLM and ccusage, which it installs
                   into a temporary folder
  promises [--minutes N | --hours N]
                   run the tests of what Context Foundry's server promised, docs/context-foundry.md, and print its table;
                   builds are at work for ten minutes, or so long as is said
  words            look for words that xtask/words.txt replaces
  bench [name…]    measure, each figure beside its floor or peer
  work [accept]    count the instructions of a change, of a second at rest and of a burst, and compare them with the
                   accepted counts, or accept them
  nightly [part…] [min]
                   what takes too long for every submission: laws with new cases, faults that fill a machine,
                   nights with notifications (so many minutes), schemathesis against the description of the API,
                   agents (the real ones, newest from npm), fuzz (so many minutes for each target)
  screenshots      take the pictures of the README from a seeded demo, and of every page and state into e2e/screenshots";

/// What went wrong, for the terminal.
type Result<T = ()> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    let result = match arguments.first().map(String::as_str) {
        Some("api") => api::run(rest),
        Some("ci") => ci::run(),
        Some("test") => tests::run(),
        Some("dev") => dev::run(rest),
        Some("gen") => generate::run(rest),
        Some("deps") => deps::run(),
        Some("deny") => deny::run(rest),
        Some("bench") => bench::run(rest),
        Some("nightly") => nightly::run(rest),
        Some("screenshots") => tests::screenshots(),
        Some("prices") => prices::run(rest),
        Some("promises") => promises::run(rest),
        Some("words") => words::run(),
        Some("work") => work::run(rest),
        Some("help" | "--help" | "-h") | None => {
            println!("{USAGE}");
            Ok(())
        }
        Some(other) => Err(format!("no command `{other}`\n\n{USAGE}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
