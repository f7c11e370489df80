//! The stretch of time in which something was at work: it decides whether an agent ran beside a build.

use forgecast_protocol::session::SessionRow;
use forgecast_protocol::{Event, Fact, SourceKind, Timestamp};
use forgecast_session::Limits;

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) began: Timestamp,
    pub(crate) until: Timestamp,
}

impl Span {
    /// A moment.
    pub(crate) fn at(moment: Timestamp) -> Self {
        Self {
            began: moment,
            until: moment,
        }
    }

    /// When what a fact reports took place: by the source's own time where it gives one (each line of a transcript does), by
    /// the file's time for what was there before the source was known.
    pub(crate) fn of_event(event: &Event) -> Self {
        let is_line = matches!(event.origin.kind, SourceKind::Transcript | SourceKind::Foundry);
        let read_at = match event.origin.modified_at {
            Some(modified) if event.origin.first_sight || is_line => modified.min(event.at),
            _ => event.at,
        };
        let used_at = match &event.fact {
            Fact::CallReported(call) => call.used_at,
            _ => None,
        };
        Self {
            began: used_at.unwrap_or(read_at).min(read_at),
            until: read_at,
        }
    }

    /// How long a session has been at work by its row; one that is not over goes on for as long as its silence means
    /// nothing.
    pub(crate) fn of_row(row: &SessionRow, created_at: Timestamp, is_agent: bool, limits: &Limits) -> Self {
        let known = [row.started_at, row.last_work_at, row.ended_at];
        let began = known.into_iter().flatten().fold(created_at, Timestamp::min);
        let worked_at = row.last_work_at.unwrap_or(created_at);
        let until = if row.status.is_active() {
            let silence = if is_agent {
                limits.stalled_ms
            } else {
                limits.abandoned_ms
            };
            worked_at.plus_millis(i64::try_from(silence).unwrap_or(i64::MAX))
        } else {
            row.ended_at.unwrap_or(worked_at)
        };
        Self { began, until }
    }

    /// Both, and what lies between them.
    pub(crate) fn join(self, other: Self) -> Self {
        Self {
            began: self.began.min(other.began),
            until: self.until.max(other.until),
        }
    }

    /// Whether there is a moment that belongs to both.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.began <= other.until && other.began <= self.until
    }
}
