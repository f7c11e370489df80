//! The binary from the outside: real files go in, what real viewers are shown comes out; signals, restarts and refusals
//! included. Each test has a world of its own (home, folders, database, port).

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests, and the producers they play"
)]

mod commands;
mod faults;
mod kill;
mod refusals;
mod restart;
mod sessions;
mod viewer;
mod world;
mod writing;
