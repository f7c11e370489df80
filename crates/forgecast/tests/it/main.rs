//! The binary from the outside: real files go in, what real viewers are shown comes out; signals, restarts and refusals
//! included. Each test has a world of its own (home, folders, database, port).

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests, and the producers they play"
)]

mod backup;
mod budgets;
mod codex;
mod commands;
mod connect;
mod demo;
mod emit;
mod exposure;
mod faults;
mod flows;
mod foundry;
mod hook;
mod https;
#[cfg(target_os = "linux")]
mod idle;
mod import;
mod kill;
mod limits;
mod moves;
mod names;
mod nightly;
mod nights;
#[cfg(target_os = "linux")]
mod privacy;
mod refusals;
mod restart;
mod run;
mod sessions;
mod terminal;
mod transcripts;
mod usage;
mod viewer;
mod world;
mod writing;
