//! Real files, real notifications: what the sources make of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod support;

mod basics;
mod hostile;
mod limits;
mod logs;
mod moves;
#[cfg(target_os = "linux")]
mod processes;
mod restart;
mod roots;
mod scan;
mod silent;
mod storms;
mod transcripts;
mod trees;
