//! Conversions between Rust's values and SQLite's. SQLite's integers are signed: counters saturate and never wrap.

use std::error::Error;
use std::str::FromStr;

use forgecast_protocol::batch::LogLevel;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use serde::de::DeserializeOwned;

/// A count, an offset or a revision for the database.
pub(crate) fn to_db(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count, an offset or a revision from the database.
pub(crate) fn from_db(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Each level is stored as its place in this list.
const LEVELS: [LogLevel; 4] = [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];

/// A level as the log's table orders it.
pub(crate) fn level_number(level: LogLevel) -> Option<i64> {
    (0..)
        .zip(LEVELS)
        .find_map(|(number, known)| (known == level).then_some(number))
}

/// The level of a number.
pub(crate) fn level_of(number: i64) -> Option<LogLevel> {
    usize::try_from(number).ok().and_then(|at| LEVELS.get(at).copied())
}

/// A column whose text parses as a `T`, such as an id.
pub(crate) struct Parsed<T>(pub(crate) T);

impl<T: FromStr<Err: Error + Send + Sync + 'static>> FromSql for Parsed<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(FromSqlError::other)
    }
}

/// A column that holds a `T` as JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?)
            .map(Self)
            .map_err(FromSqlError::other)
    }
}
