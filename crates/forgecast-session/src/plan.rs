//! The windows of a plan: how much of five hours or of a week an account has used up. An account is above sessions and
//! machines, so the same window is read by several of them. What is kept of a window is the set of its newest readings,
//! and everything else follows from that set: the order in which readings arrive decides nothing.

mod projection;
mod words;

use std::cmp::Ordering;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{LimitReported, LimitSource};
use serde::{Deserialize, Serialize};

pub use self::projection::when_used_up;
pub use self::words::{name, sentence};

/// Readings of a window that are kept. More come only when several sessions report every step.
const MAX_READINGS: usize = 1_024;
/// Length of the blocks by which usage is looked at when no source says how much of a plan is used up, and what their
/// beginnings are rounded to.
const BLOCK_MS: i64 = 5 * HOUR_MS;
const HOUR_MS: i64 = 3_600_000;

/// Which window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WindowKey {
    /// The agent whose plan it is.
    pub agent: String,
    /// The account; `None`: the only one of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What the window limits; `None`: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Length, minutes.
    pub minutes: u32,
}

impl WindowKey {
    /// The window that a fact is about.
    #[must_use]
    pub fn of(fact: &LimitReported) -> Self {
        Self {
            agent: fact.agent.clone(),
            account: fact.account.clone(),
            scope: fact.scope.clone(),
            minutes: fact.window_minutes,
        }
    }
}

/// What a source said of a window at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// When it was so.
    pub at: Timestamp,
    /// Percent that is used up; finite.
    pub percent: f64,
    /// When nothing is used up any more, by the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<Timestamp>,
    /// The plan, by the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Who says so.
    pub source: LimitSource,
}

impl Reading {
    /// Of a fact that was learned at `learned_at`: the clock of another machine may run ahead.
    #[must_use]
    pub fn of(fact: &LimitReported, learned_at: Timestamp) -> Self {
        Self {
            at: fact.observed_at.min(learned_at),
            percent: fact.used_percent,
            resets_at: fact.resets_at,
            plan: fact.plan.clone(),
            source: fact.source,
        }
    }

    /// Any two readings have an order, so that a set of them has one form.
    fn order(&self, other: &Self) -> Ordering {
        let rest = |one: &Self| (one.resets_at, one.source, one.plan.clone());
        self.at
            .cmp(&other.at)
            .then(self.percent.total_cmp(&other.percent))
            .then_with(|| rest(self).cmp(&rest(other)))
    }
}

/// How a window stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standing<'w> {
    /// The latest reading that is believed still holds.
    Known(&'w Reading),
    /// The window that was read ended at this time, and nothing has been read since: some of the next one may be used up.
    UnknownSince(Timestamp),
}

/// What became of the readings of a window when one was added.
#[derive(Clone, Debug, PartialEq)]
pub struct Insertion {
    /// The oldest one, which had to go for it.
    pub dropped: Option<Reading>,
}

/// One window of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// The newest readings, in their order, each once.
    readings: Vec<Reading>,
}

impl Window {
    /// Adds a reading. `None` when it was known, or is older than all that are kept.
    pub fn add(&mut self, reading: Reading) -> Option<Insertion> {
        let place = self.readings.binary_search_by(|known| known.order(&reading)).err()?;
        let is_full = self.readings.len() >= MAX_READINGS;
        if place == 0 && is_full {
            return None;
        }
        self.readings.insert(place, reading);
        Some(Insertion {
            dropped: is_full.then(|| self.readings.remove(0)),
        })
    }

    /// Everything that was read of the window and is kept, oldest first.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// How the window stands. `None` without a reading.
    #[must_use]
    pub fn standing(&self, minutes: u32, now: Timestamp) -> Option<Standing<'_>> {
        let latest = *self.believed(minutes).last()?;
        let end = end_of(latest, minutes);
        Some(if end <= now {
            Standing::UnknownSince(end)
        } else {
            Standing::Known(latest)
        })
    }

    /// The believed readings since the window began anew, oldest first; their percentages never fall.
    ///
    /// What is used up falls when the window ends. Before that a lower reading is one that comes late, of another session
    /// or machine, or a reset that the vendor granted: it is believed once a second one says so.
    #[must_use]
    pub fn believed(&self, minutes: u32) -> Vec<&Reading> {
        let mut believed: Vec<&Reading> = Vec::new();
        let mut doubted: Option<&Reading> = None;
        for reading in &self.readings {
            let Some(last) = believed.last() else {
                believed.push(reading);
                continue;
            };
            let has_ended = reading.at >= end_of(last, minutes);
            if !has_ended && reading.percent >= last.percent {
                believed.push(reading);
                doubted = None;
                continue;
            }
            let first = doubted.filter(|first| first.at < reading.at && first.percent <= reading.percent);
            let is_confirmed = doubted.is_some_and(|first| first.at < reading.at);
            if has_ended || is_confirmed {
                believed = first.filter(|_| !has_ended).into_iter().chain([reading]).collect();
                doubted = None;
            } else {
                doubted = Some(reading);
            }
        }
        believed
    }
}

/// When the window ends that a reading is of.
#[must_use]
pub fn end_of(reading: &Reading, minutes: u32) -> Timestamp {
    let length_ms = i64::from(minutes) * 60_000;
    reading.resets_at.unwrap_or_else(|| reading.at.plus_millis(length_ms))
}

/// The block of five hours that a moment is in, by when something was used (ascending): a block begins with the full hour
/// of the first use after the block before. `None` when nothing was used in a block that has not ended. It is an estimate
/// of what the vendor counts.
pub fn block_at(used: impl IntoIterator<Item = Timestamp>, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let mut end = i64::MIN;
    for used in used {
        let used = used.as_millis();
        if used <= now.as_millis() && used >= end {
            end = used.div_euclid(HOUR_MS) * HOUR_MS + BLOCK_MS;
        }
    }
    let begin = Timestamp::from_millis(end.saturating_sub(BLOCK_MS));
    (end > now.as_millis()).then_some((begin, Timestamp::from_millis(end)))
}

/// The agent that uses a model under a plan of its vendor, by the model's name.
#[must_use]
pub fn agent_of_model(model: &str) -> Option<&'static str> {
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| model.starts_with(beginning));
    if begins(&["claude"]) {
        Some("claude")
    } else if begins(&["gpt", "codex", "o1", "o3", "o4"]) {
        Some("codex")
    } else {
        None
    }
}
