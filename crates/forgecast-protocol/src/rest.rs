//! The REST contract, version 1: what each route takes (path, query, body) and what it answers, once. The server's
//! handlers take and return these types, the description of the API is made of them, and the commands read answers as
//! them. Reports, timelines and views, which are also kept or sent elsewhere, have modules of their own.
//!
//! A query refuses parameters that it does not know. What is unknown is absent from an answer, never `null`, unless the
//! field says so.

mod access;
mod approvals;
mod budgets;
mod facts;
mod limits;
mod log;
mod notifications;
mod past;
mod reports;
mod server;
mod sessions;

use std::borrow::Cow;

use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer};

pub use self::{
    access::*, approvals::*, budgets::*, facts::*, limits::*, log::*, notifications::*, past::*, reports::*, server::*,
    sessions::*,
};

/// Reads words separated by commas, each as a `T`; empty ones are skipped. A query string has no lists of its own.
fn comma_separated<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    text.split(',')
        .filter(|word| !word.is_empty())
        .map(|word| T::deserialize(word.into_deserializer()))
        .collect()
}

/// Reads a parameter that may be sent empty, as forms do; that means the same as leaving it out.
fn unless_empty<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    T::deserialize(text.into_deserializer()).map(Some)
}
