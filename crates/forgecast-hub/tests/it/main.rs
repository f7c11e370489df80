//! The hub on a real store, seen by viewers that fold what they receive.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where something is not as it should be"
)]

mod accounts;
mod bench;
mod budgets;
mod calls;
mod durability;
mod laws;
mod ledger;
mod limits;
mod live;
mod memory;
mod past;
mod restart;
mod transcripts;
mod upgrade;
