//! Decoders: what each format gives, what a wrong field costs, what is no document at all.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod canary;
mod claude;
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
mod push;
mod reports;
mod scan;
mod spoken;
mod told;
