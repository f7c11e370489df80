//! Decoders: what each format gives, what a wrong field costs, what is no document at all.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod fields;
mod formats;
mod hostile;
mod json;
mod push;
mod reports;
