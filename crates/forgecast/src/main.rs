//! The binary: flags, configuration, wiring and signals. What it wires is in the other crates.

mod cli;
mod client;
mod config;
mod demo;
mod runtime_file;
mod shutdown;
mod telemetry;

fn main() {}
