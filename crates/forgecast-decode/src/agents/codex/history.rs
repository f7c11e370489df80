//! The history that a thread was begun with. A thread that was forked or spawned by another one may
//! begin its file with a copy of the other's lines, among them what the other one used. What was
//! copied is told from the thread's own lines here, so that it is counted for the thread that spent
//! it, wherever the files lie.
//!
//! A copy is written at once when the file is begun. Its lines keep their times or get that of the
//! moment; either way the thread's own first call comes after a pause. Newer versions say where the
//! thread's own lines begin, or whose a line is.

use forgecast_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::Payload;

/// The longest pause within a copy, milliseconds. Copies are written within tens of milliseconds; a
/// model that answers at once still takes seconds.
const LONGEST_PAUSE_MS: i64 = 1_000;

/// A copied history of which the end has not been seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct CopiedHistory {
    /// When the file was begun, milliseconds since the Unix epoch.
    begun_at: i64,
    /// The time of the newest line that was copied, milliseconds.
    copied_at: i64,
    /// The number of the first line that is the thread's own, when the file says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    own_from: Option<u64>,
    /// The thread was spawned, and no line shows that anything was copied: it may have begun from
    /// nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    may_be_empty: bool,
}

/// What a line with usage says of where it comes from.
pub(super) struct LineOrigin {
    pub(super) at: Timestamp,
    /// The number of the line.
    pub(super) ordinal: Option<u64>,
    /// Whether its thread is that of the file, when it names one.
    pub(super) is_own_thread: Option<bool>,
    /// Nothing was used before it.
    pub(super) is_first_call: bool,
}

impl CopiedHistory {
    /// What the first line of a file says. `None` when nothing was copied into it.
    pub(super) fn of(first: &Payload<'_>, at: Option<Timestamp>) -> Option<Self> {
        // Newer forks name the place up to which the other file is their history, and copy nothing.
        if first.history_base.is_some() {
            return None;
        }
        let own_from = first.subagent_history_start_ordinal.0;
        let is_forked = first.forked_from_id.get().is_some();
        if own_from.is_none() && !is_forked && first.parent().is_none() {
            return None;
        }
        Some(Self {
            own_from,
            may_be_empty: !is_forked,
            ..Self::begun(at)
        })
    }

    /// Another thread's first line stands in the file: its history was copied.
    pub(super) fn shown_by_line(known: Option<Self>, at: Option<Timestamp>) -> Self {
        Self {
            may_be_empty: false,
            ..known.unwrap_or_else(|| Self::begun(at))
        }
    }

    fn begun(at: Option<Timestamp>) -> Self {
        let at = at.map_or(i64::MIN, Timestamp::as_millis);
        Self {
            begun_at: at,
            copied_at: at,
            ..Self::default()
        }
    }

    /// Whether a line by its number is a copy, as far as the file says.
    pub(super) fn has_line(&self, ordinal: Option<u64>) -> bool {
        self.own_from
            .zip(ordinal)
            .is_some_and(|(own_from, ordinal)| ordinal < own_from)
    }

    /// Whether a line with usage is a copy. The first that is none ends the history.
    pub(super) fn has_call(&mut self, line: &LineOrigin) -> bool {
        if self.own_from.is_some() && line.ordinal.is_some() {
            return self.has_line(line.ordinal);
        }
        let at = line.at.as_millis();
        if at < self.begun_at {
            return true;
        }
        let begins_from_nothing = || self.may_be_empty && line.is_first_call;
        let follows_at_once = || at.saturating_sub(self.copied_at) <= LONGEST_PAUSE_MS;
        let is_copied = match line.is_own_thread {
            Some(own) => !own,
            None => !begins_from_nothing() && follows_at_once(),
        };
        if is_copied {
            self.copied_at = self.copied_at.max(at);
        }
        is_copied
    }
}
