//! The specification of the fold: each rule of the inputs as a sentence, and the laws that hold for all of them.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails by panicking, as the test does"
)]

mod stages;
mod support;

mod activity;
mod agent_sessions;
mod arbitrary;
mod attention;
mod belonging;
mod checkpoints;
mod completion;
mod estimates;
mod laws;
mod ledger;
mod ledger_laws;
mod life;
mod loops;

mod panels;
mod patches;
mod phases;
mod plan;
mod prices;
mod processes;
mod runs;
mod sample;
mod situations;
mod usage;
mod waiting;
