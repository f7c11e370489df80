//! The notifier on a real hub and a real database, with receivers on real sockets. The clock is driven by hand.

#![expect(clippy::unwrap_used, reason = "tests")]

mod addresses;
mod outages;
mod receiver;
mod restarts;
mod targets;
mod world;
