//! Decoders: what each format gives, what a wrong field costs, what is no document at all; cleaning and masking.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod canary;
mod claude;
mod claude_lines;
mod clean;
mod codex;
mod corpus;
mod fields;
mod formats;
mod foundry;
mod hooks;
mod hostile;
mod json;
mod laws;
mod otlp;
mod output;
mod push;
mod reports;
mod scan;
mod transcripts;
