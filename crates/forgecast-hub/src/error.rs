//! The hub's errors: one type per question, each with the numbers that explain it.

use forgecast_protocol::{SessionRef, Topic};

/// The hub could not start, or could not answer a question about the past.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store failed.
    #[error("cannot {operation}")]
    Store {
        /// What the hub wanted of it.
        operation: &'static str,
        /// The store's error.
        #[source]
        source: forgecast_store::Error,
    },
    /// The store did not answer in time.
    #[error("cannot {operation}: the store did not answer within {waited_ms} ms")]
    Slow {
        /// What the hub wanted of it.
        operation: &'static str,
        /// Milliseconds.
        waited_ms: u64,
    },
    /// A stored session cannot be read.
    #[error("the stored state of {session} cannot be read: {reason}")]
    Unreadable {
        /// The session.
        session: String,
        /// Why.
        reason: String,
    },
    /// A query names a first day that is after its last one.
    #[error("since is after until")]
    SinceAfterUntil,
    /// The hub is stopping.
    #[error("the hub is stopping")]
    Stopped,
}

impl Error {
    /// Whether the database is only read, so that nothing can be changed.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        matches!(
            self,
            Self::Store {
                source: forgecast_store::Error::ReadOnly,
                ..
            }
        )
    }

    /// The error of a store that failed while the hub wanted this of it.
    pub(crate) fn store(operation: &'static str) -> impl Fn(forgecast_store::Error) -> Self + Copy {
        move |source| Self::Store { operation, source }
    }
}

/// A topic could not be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// There is no such session.
    #[error("there is no session {0}")]
    Unknown(SessionRef),
    /// Too many viewers already.
    #[error("{topic} has {viewers} viewers and may have {limit}; close one and try again")]
    TooMany {
        /// The topic, or `all topics`.
        topic: String,
        /// Subscriptions there are.
        viewers: usize,
        /// Subscriptions there may be.
        limit: usize,
    },
    /// The session could not be brought into memory.
    #[error("{topic} cannot be followed at the moment")]
    Unavailable {
        /// The topic.
        topic: Topic,
        /// Why.
        #[source]
        source: Box<Error>,
    },
}

/// A push was not accepted, or not certainly: the producer sends it again with the same ids.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// Too much waits for the disk already; nothing of the push was accepted.
    #[error("{backlog_bytes} bytes wait for the disk and {limit_bytes} may; try again later")]
    Busy {
        /// What waits.
        backlog_bytes: u64,
        /// What may wait.
        limit_bytes: u64,
    },
    /// The disk is full.
    #[error("the disk is full; make room and try again")]
    Full,
    /// The push was not durable in time. It may become so later; sent again with the same ids it counts once.
    #[error("not stored within {waited_ms} ms; try again")]
    Deadline {
        /// Milliseconds.
        waited_ms: u64,
    },
    /// The ids could not be looked up in the store, so the push might have counted twice; nothing of it was accepted.
    #[error("the push could not be compared with what is stored")]
    Lookup(#[source] forgecast_store::Error),
    /// The database is only read: it was written by a newer version. Nothing of the push was stored.
    #[error("the database is read-only: it was written by a newer version of forgecast")]
    ReadOnly,
    /// The store does not take it, now or later.
    #[error("the push could not be stored: {0}")]
    Refused(String),
    /// The hub is stopping.
    #[error("the hub is stopping")]
    Stopped,
}
