//! What was spent on the days that budgets and the burn rate are about: sums of differences, beginning with what the store
//! knows. What a call costs is decided by the ledger alone.

use std::collections::BTreeMap;

use forgecast_protocol::calendar::{self, date, first_of_month};
use forgecast_protocol::event::{BudgetPassed, BudgetScope};
use forgecast_protocol::report::{BudgetReport, BurnRate, CostRange};
use forgecast_protocol::session::BudgetLevel;
use forgecast_protocol::{Calendar, Timestamp};
use forgecast_session::price::dollars;

/// Over how many seconds the burn rate is measured.
pub(crate) const BURN_S: u32 = 600;
/// Over how many seconds at most projections look back, and from how many on they say anything.
const PROJECTION_S: i64 = 2 * 60 * 60;
const ENOUGH_S: i64 = 30 * 60;
/// How finely.
const BUCKET_MS: i64 = 10_000;
/// Days that are remembered: this month and the one before, whatever the clock does.
const DAYS: i32 = 62;

/// Money that may be spent, in US dollars. What is absent has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budgets {
    /// By one session.
    pub session_usd: Option<f64>,
    /// On one day of the calendar, by all sessions.
    pub day_usd: Option<f64>,
    /// In one month of the calendar, by all sessions.
    pub month_usd: Option<f64>,
}

/// How near a limit is.
pub(crate) fn level(spent_usd: f64, limit_usd: f64) -> BudgetLevel {
    let share = if limit_usd > 0.0 {
        spent_usd / limit_usd
    } else {
        spent_usd * f64::INFINITY
    };
    match share {
        share if share >= 1.0 => BudgetLevel::Exceeded,
        share if share >= 0.75 => BudgetLevel::Critical,
        share if share >= 0.5 => BudgetLevel::Warning,
        _ => BudgetLevel::Safe,
    }
}

/// The days and the last minutes, with what was announced.
#[derive(Debug, Default)]
pub(crate) struct Spending {
    days: BTreeMap<i32, i64>,
    /// Tokens and billionths of a dollar.
    burn: BTreeMap<i64, (i64, i64)>,
    /// The highest level of a period that was announced.
    announced: BTreeMap<String, BudgetLevel>,
}

impl Spending {
    /// From what the store knows of the last days. Thresholds that are passed already were announced before.
    pub(crate) fn new(days: BTreeMap<i32, i64>, today: i32, budgets: &Budgets) -> Self {
        let mut spending = Self {
            days,
            ..Self::default()
        };
        let _ = spending.passed(today, budgets);
        spending
    }

    /// The first day that budgets and the burn rate need.
    pub(crate) fn since(today: i32) -> i32 {
        today.saturating_sub(DAYS)
    }

    /// Adds a difference that belongs to a day and a moment.
    pub(crate) fn add(&mut self, day: i32, used_at: Timestamp, now: Timestamp, tokens: i64, nanos: i64) {
        let sum = self.days.entry(day).or_default();
        *sum = sum.saturating_add(nanos);
        let bucket = used_at.as_millis().div_euclid(BUCKET_MS);
        let oldest = bucket_before(now, PROJECTION_S);
        if bucket > oldest {
            let (all_tokens, all_nanos) = self.burn.entry(bucket).or_default();
            *all_tokens = all_tokens.saturating_add(tokens);
            *all_nanos = all_nanos.saturating_add(nanos);
        }
        self.burn = self.burn.split_off(&(oldest + 1));
        // Archives tell of years; of those the store knows.
        while self.days.len() > 2 * usize::try_from(DAYS).unwrap_or(62) {
            self.days.pop_first();
        }
    }

    /// How fast tokens and money go.
    #[expect(clippy::cast_precision_loss, reason = "a rate that is shown")]
    pub(crate) fn burn(&self, now: Timestamp) -> BurnRate {
        let (tokens, _) = self.used(now, i64::from(BURN_S));
        let minutes = f64::from(BURN_S) / 60.0;
        BurnRate {
            window_s: BURN_S,
            tokens_per_minute: tokens as f64 / minutes,
            usd_per_hour: self.usd_per_hour(now, i64::from(BURN_S)),
        }
    }

    /// Tokens and billionths of a dollar of the last seconds.
    fn used(&self, now: Timestamp, seconds: i64) -> (i64, i64) {
        let (mut tokens, mut nanos) = (0i64, 0i64);
        let buckets = bucket_before(now, seconds) + 1..=newest_bucket(now);
        for (bucket_tokens, bucket_nanos) in self.burn.range(buckets).map(|(_, sum)| sum) {
            tokens = tokens.saturating_add(*bucket_tokens);
            nanos = nanos.saturating_add(*bucket_nanos);
        }
        (tokens.max(0), nanos.max(0))
    }

    fn usd_per_hour(&self, now: Timestamp, seconds: i64) -> f64 {
        let (_, nanos) = self.used(now, seconds);
        // In whole billionths, so that what is written has no more digits than money has.
        dollars(nanos.saturating_mul(3600) / seconds)
    }

    /// What will have been spent after so many milliseconds more, at the lowest and the highest rate of the last ten
    /// minutes, half an hour, and as long as something is known to have been used, up to two hours. Nothing before that
    /// is half an hour.
    pub(crate) fn project(&self, spent_usd: f64, now: Timestamp, left_ms: i64) -> Option<CostRange> {
        let buckets = bucket_before(now, PROJECTION_S) + 1..=newest_bucket(now);
        let first = *self.burn.range(buckets).next()?.0;
        let known_s = (newest_bucket(now) + 1 - first) * BUCKET_MS / 1_000;
        if known_s < ENOUGH_S {
            return None;
        }
        let rates = [i64::from(BURN_S), ENOUGH_S, known_s].map(|seconds| self.usd_per_hour(now, seconds));
        let at = |rate: f64| forecast(spent_usd + rate * hours(left_ms));
        Some(CostRange {
            low: at(rates.into_iter().fold(f64::INFINITY, f64::min)),
            high: at(rates.into_iter().fold(0.0, f64::max)),
        })
    }

    /// US dollars that were spent on a day.
    pub(crate) fn of_day(&self, day: i32) -> f64 {
        self.spent(BudgetScope::Day, day)
    }

    fn spent(&self, scope: BudgetScope, today: i32) -> f64 {
        let first = match scope {
            BudgetScope::Month | BudgetScope::Project => first_of_month(today),
            BudgetScope::Day | BudgetScope::Session => today,
        };
        let days = self.days.range(first..=today);
        dollars(days.fold(0i64, |sum, (_, nanos)| sum.saturating_add(*nanos)).max(0))
    }

    /// The budgets of today and of this month.
    fn periods(&self, today: i32, budgets: &Budgets) -> impl Iterator<Item = (BudgetScope, String, f64, f64)> {
        let day = budgets.day_usd.map(|limit| (BudgetScope::Day, date(today), limit));
        let month = budgets
            .month_usd
            .map(|limit| (BudgetScope::Month, calendar::month(today), limit));
        let periods = [day, month].into_iter().flatten();
        periods.map(move |(scope, period, limit)| (scope, period, limit, self.spent(scope, today)))
    }

    /// The thresholds that were passed since this was asked last, at most one of each budget: the highest of several.
    pub(crate) fn passed(&mut self, today: i32, budgets: &Budgets) -> Vec<BudgetPassed> {
        let periods: Vec<_> = self.periods(today, budgets).collect();
        let mut passed = Vec::new();
        for (scope, period, limit_usd, spent_usd) in periods {
            let level = level(spent_usd, limit_usd);
            let announced = self.announced.entry(period.clone()).or_insert(BudgetLevel::Safe);
            if level <= *announced {
                continue;
            }
            *announced = level;
            passed.push(BudgetPassed {
                scope,
                period: Some(period),
                level,
                limit_usd,
                spent_usd,
            });
        }
        while self.announced.len() > 8 {
            self.announced.pop_first();
        }
        passed
    }

    /// The state of all budgets.
    pub(crate) fn report(&self, now: Timestamp, calendar: &Calendar, budgets: &Budgets) -> Vec<BudgetReport> {
        let today = calendar.day(now);
        let periods = self.periods(today, budgets);
        let reports = periods.map(|(scope, period, limit_usd, spent_usd)| {
            let left_ms = match scope {
                BudgetScope::Month | BudgetScope::Project => calendar.left_of_month_ms(now),
                BudgetScope::Day | BudgetScope::Session => calendar.left_of_day_ms(now),
            };
            BudgetReport {
                scope,
                period,
                limit_usd,
                spent_usd,
                projected_usd: self.project(spent_usd, now, left_ms),
                level: level(spent_usd, limit_usd),
            }
        });
        reports.collect()
    }
}

/// A forecast in dollars, rounded to the millionth.
fn forecast(usd: f64) -> f64 {
    (usd * 1e6).round() / 1e6
}

/// Milliseconds as hours.
#[expect(clippy::cast_precision_loss, reason = "a month at most")]
fn hours(millis: i64) -> f64 {
    millis as f64 / 3_600_000.0
}

fn newest_bucket(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(BUCKET_MS)
}

/// The last bucket before those of the last seconds.
fn bucket_before(now: Timestamp, seconds: i64) -> i64 {
    newest_bucket(now) - seconds * 1_000 / BUCKET_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const USD: i64 = 1_000_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_threshold_is_announced_once_and_the_highest_of_several() {
        let budgets = Budgets {
            day_usd: Some(10.0),
            month_usd: Some(100.0),
            session_usd: None,
        };
        let mut spending = Spending::new(BTreeMap::from([(20_778, 44 * USD)]), 20_779, &budgets);
        let mut add = |usd: i64| {
            spending.add(20_779, at(0), at(0), 1, usd * USD);
            let passed = spending.passed(20_779, &budgets);
            let words = passed
                .iter()
                .map(|passed| (passed.period.clone().unwrap(), passed.level));
            words.collect::<Vec<_>>()
        };
        assert_eq!(add(4), []);
        let day = |level| ("2026-11-22".to_owned(), level);
        assert_eq!(add(1), [day(BudgetLevel::Warning)]);
        assert_eq!(add(0), []);
        assert_eq!(
            add(5),
            [day(BudgetLevel::Exceeded), ("2026-11".to_owned(), BudgetLevel::Warning)]
        );
        assert_eq!(add(-8), []);
        assert_eq!(add(9), []);
    }

    #[test]
    fn the_burn_rate_forgets_what_is_older_than_its_window() {
        let mut spending = Spending::default();
        spending.add(0, at(10), at(10), 1_000, USD);
        assert!((spending.burn(at(20)).tokens_per_minute - 100.0).abs() < 1e-9);
        assert!((spending.burn(at(20)).usd_per_hour - 6.0).abs() < 1e-9);
        assert!(spending.burn(at(700)).usd_per_hour.abs() < 1e-9);
        spending.add(0, at(10), at(10_000), 1_000, USD);
        assert!(spending.burn.is_empty());
    }

    #[test]
    fn nothing_is_projected_before_half_an_hour_of_use_and_then_a_range() {
        const HOUR_MS: i64 = 3_600_000;
        let mut spending = Spending::default();
        let begin = 1_000_000;
        assert_eq!(spending.project(1.0, at(begin), HOUR_MS), None);
        // Six dollars an hour for twenty minutes, then twelve.
        for minute in 0..40 {
            let now = at(begin + minute * 60);
            let nanos = if minute < 20 { USD / 10 } else { USD / 5 };
            spending.add(0, now, now, 1_000, nanos);
            let projected = spending.project(1.0, now, HOUR_MS);
            assert_eq!(projected.is_some(), minute >= 30, "minute {minute}: {projected:?}");
        }
        let range = spending.project(1.0, at(begin + 39 * 60), HOUR_MS).unwrap();
        assert!(range.low < range.high, "{range:?}");
        assert!((9.0..11.0).contains(&range.low), "{range:?}");
        assert!((12.5..13.5).contains(&range.high), "{range:?}");
        let idle = spending.project(1.0, at(begin + 60 * 60), HOUR_MS).unwrap();
        assert!((idle.low - 1.0).abs() < 1e-9 && idle.high > 1.0, "{idle:?}");
        assert_eq!(spending.project(1.0, at(begin + 10_000), HOUR_MS), None, "long ago");
    }
}
