//! The shapes on the wire, one snapshot per message: a change here is a change of the contract with every viewer.

#![expect(clippy::unwrap_used, reason = "tests")]

mod facts;
mod messages;
