//! The store against real files: what it promises in its contract, and what it does when the disk, another program or a
//! kill gets in the way.

#![expect(
    clippy::unwrap_used,
    reason = "clippy knows only functions marked as tests; the helpers here serve nothing else"
)]

mod backup;
mod calls;
mod durability;
mod helpers;
mod kill;
mod legacy_db;
mod log;
mod many;
mod migration;
mod model;
mod opening;
mod overview;
mod retention;
mod snapshots;
mod trouble;
mod usage;
mod versions;
