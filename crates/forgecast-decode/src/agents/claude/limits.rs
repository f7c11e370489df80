//! How much of a plan is used up, as Claude Code says it: to its status line (`rate_limits`, by the name of each window), and
//! among what it prints as JSON (`rate_limit_event`, one window at a time). It stands in no transcript.

use std::borrow::Cow;
use std::collections::BTreeMap;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{LimitReported, LimitSource};
use serde::Deserialize;

use crate::clean::Cleaner;
use crate::lenient::{Count, Number, Object, Text};

/// The windows of the status line by their names.
pub(super) type Windows<'a> = BTreeMap<Cow<'a, str>, Object<StatusWindow>>;

/// A window of the status line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StatusWindow {
    used_percentage: Number,
    /// Seconds since 1970.
    resets_at: Count,
}

/// What a `rate_limit_event` says.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::agents) struct RateLimitInfo<'a> {
    status: Text<'a>,
    resets_at: Count,
    rate_limit_type: Text<'a>,
    /// A share of one.
    utilization: Number,
}

/// The readings of a status line.
pub(super) fn of_status_line(
    windows: &Windows<'_>,
    account: Option<&str>,
    now: Timestamp,
    cleaner: &Cleaner,
) -> Vec<LimitReported> {
    let readings = windows.iter().filter_map(|(name, window)| {
        let window = window.0.as_ref()?;
        let percent = window.used_percentage.0?;
        let mut fact = reading(name, percent, window.resets_at, LimitSource::StatusLine, now, cleaner)?;
        fact.account = account.map(|account| cleaner.word(account));
        Some(fact)
    });
    readings.collect()
}

/// The reading in an event. One that was rejected has nothing left; one that says no number is none.
pub(in crate::agents) fn of_event(
    info: &RateLimitInfo<'_>,
    now: Timestamp,
    cleaner: &Cleaner,
) -> Option<LimitReported> {
    let percent = match info.utilization.0 {
        Some(share) => share * 100.0,
        None if info.status.is("rejected") => 100.0,
        None => return None,
    };
    let name = info.rate_limit_type.get()?;
    reading(name, percent, info.resets_at, LimitSource::Output, now, cleaner)
}

fn reading(
    name: &str,
    used_percent: f64,
    resets_at: Count,
    source: LimitSource,
    now: Timestamp,
    cleaner: &Cleaner,
) -> Option<LimitReported> {
    let (window_minutes, rest) = match (name.strip_prefix("five_hour"), name.strip_prefix("seven_day")) {
        (Some(rest), _) => (300, rest),
        (None, Some(rest)) => (10_080, rest),
        (None, None) => return None,
    };
    let seconds = resets_at.0.filter(|seconds| (1..100_000_000_000).contains(seconds));
    let millis = seconds.and_then(|seconds| i64::try_from(seconds * 1_000).ok());
    let scope = rest.strip_prefix('_').map(|scope| cleaner.word(scope));
    Some(LimitReported {
        agent: super::AGENT.key.to_owned(),
        account: None,
        scope: scope.filter(|scope| !scope.is_empty()),
        window_minutes,
        used_percent: Some(used_percent).filter(|percent| (0.0..=1_000.0).contains(percent))?,
        resets_at: millis.map(Timestamp::from_millis),
        plan: None,
        observed_at: now,
        source,
    })
}
