//! Numbers and words as SQLite keeps them. Its integers are signed; what only counts up is brought into range, never
//! wrapped.

use forgecast_protocol::batch::LogLevel;

/// A count, an offset or a revision for the database.
pub(crate) fn to_db(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count, an offset or a revision from the database.
pub(crate) fn from_db(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A level as the log's table orders it.
pub(crate) fn level_number(level: LogLevel) -> i64 {
    match level {
        LogLevel::Debug => 0,
        LogLevel::Info => 1,
        LogLevel::Warn => 2,
        LogLevel::Error => 3,
    }
}

/// The level of a number.
pub(crate) fn level_of(number: i64) -> Option<LogLevel> {
    match number {
        0 => Some(LogLevel::Debug),
        1 => Some(LogLevel::Info),
        2 => Some(LogLevel::Warn),
        3 => Some(LogLevel::Error),
        _ => None,
    }
}
