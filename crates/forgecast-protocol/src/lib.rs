//! The two languages of Forgecast: [`event`]s are facts that come in, [`update`]s are changes that go out. What is asked
//! for by itself stands in [`rest`].
//!
//! Data only: no I/O, no clock, no knowledge of any other crate. Every type here is part of a contract with files in
//! the store, with viewers and with producers, so a change of shape is a change of version.

pub mod batch;
pub mod calendar;
pub mod event;
pub mod health;
mod hex;
mod ids;
mod problem;
pub mod report;
pub mod rest;
mod schema;
pub mod session;
mod time;
mod timeline;
pub mod update;
pub mod words;

pub use batch::{Batch, FileIdentity, LogChunk, LogLine, SourceCheckpoint, SourceKey, Span};
pub use calendar::Calendar;
pub use event::{Event, Fact, Origin, SourceKind, Subject};
pub use hex::hex;
pub use ids::{
    COMMAND_PREFIX, CONTENT_ID_PREFIX, Epoch, EventId, EventKey, InvalidId, Revision, SessionId, SessionName,
    SessionRef, Topic,
};
pub use problem::{ErrorBody, Problem, ProblemKind};
pub use session::{SessionRow, SessionStatus, SessionView};
pub use time::{Clock, Timestamp};
pub use timeline::{MarkKind, Timeline, TimelineMark, TimelineSpan};
pub use update::{ClientMessage, ServerMessage};
