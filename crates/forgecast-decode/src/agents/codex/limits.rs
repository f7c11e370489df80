//! How much of a plan is used up, by the lines of a rollout: after each call its vendor says so for two windows, mostly five
//! hours and a week. What repeats is not said again.

use std::collections::VecDeque;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{LimitReported, LimitSource};
use serde::{Deserialize, Serialize};

use super::record::{LimitWindow, RateLimits};
use crate::clean::Cleaner;

/// The windows of the plan itself; others are named by the model that they limit.
const WHOLE_PLAN: &str = "codex";
/// What is older is over, whatever the window.
const MAX_AGE_MS: u64 = 8 * 24 * 60 * 60 * 1_000;
/// After this time the same is said again: it is still so.
const REPEAT_MS: u64 = 3 * 60 * 1_000;
/// Windows that are remembered.
const MAX_WINDOWS: usize = 8;

/// What was said of windows last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct LimitState {
    windows: VecDeque<LastReading>,
}

/// What was said of a window last. A fall is believed once it is said twice, so the second time counts, too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LastReading {
    fact: LimitReported,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    twice: bool,
}

impl LimitState {
    pub(super) fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// The facts of a line that say anything new.
    pub(super) fn news(
        &mut self,
        limits: &RateLimits<'_>,
        at: Timestamp,
        now: Timestamp,
        cleaner: &Cleaner,
    ) -> Vec<LimitReported> {
        if now.millis_since(at) > MAX_AGE_MS {
            return Vec::new();
        }
        let windows = [&limits.primary.0, &limits.secondary.0].into_iter().flatten();
        let facts = windows.filter_map(|window| reading(limits, window, at, cleaner));
        facts.filter(|fact| self.is_news(fact)).collect()
    }

    fn is_news(&mut self, fact: &LimitReported) -> bool {
        let is_of_window =
            |said: &LastReading| said.fact.window_minutes == fact.window_minutes && said.fact.scope == fact.scope;
        let Some(said) = self.windows.iter_mut().find(|said| is_of_window(said)) else {
            if self.windows.len() == MAX_WINDOWS {
                self.windows.pop_front();
            }
            let (fact, twice) = (fact.clone(), false);
            self.windows.push_back(LastReading { fact, twice });
            return true;
        };
        let since = fact.observed_at.millis_since(said.fact.observed_at);
        let is_repeated = LimitReported {
            observed_at: fact.observed_at,
            ..said.fact.clone()
        } == *fact;
        if is_repeated && said.twice && since < REPEAT_MS {
            return false;
        }
        *said = LastReading {
            fact: fact.clone(),
            twice: is_repeated,
        };
        true
    }
}

fn reading(limits: &RateLimits<'_>, window: &LimitWindow, at: Timestamp, cleaner: &Cleaner) -> Option<LimitReported> {
    let minutes = window.window_minutes.0.and_then(|minutes| u32::try_from(minutes).ok());
    let resets_at = seconds(window.resets_at.0).map(Timestamp::from_millis);
    // Older versions say in how many seconds.
    let in_ms = || seconds(window.resets_in_seconds.0).map(|millis| at.plus_millis(millis));
    let scope = limits.limit_id.get().filter(|id| *id != WHOLE_PLAN);
    let scope = scope.map(|id| cleaner.word(limits.limit_name.get().unwrap_or(id)));
    Some(LimitReported {
        agent: super::AGENT.key.to_owned(),
        account: None,
        scope,
        window_minutes: minutes.filter(|minutes| *minutes > 0)?,
        used_percent: window.used_percent.0.filter(|percent| *percent >= 0.0)?,
        resets_at: resets_at.or_else(in_ms),
        plan: limits.plan_type.get().map(|plan| cleaner.word(plan)),
        observed_at: at,
        source: LimitSource::Transcript,
    })
}

/// Seconds as milliseconds; none that make no time.
fn seconds(seconds: Option<u64>) -> Option<i64> {
    let seconds = seconds.filter(|seconds| *seconds < 100_000_000_000)?;
    i64::try_from(seconds).ok().map(|seconds| seconds * 1_000)
}
