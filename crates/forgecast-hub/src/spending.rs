//! What was spent on the days that budgets and the burn rate are about: sums of differences, beginning with what the store
//! knows. What a call costs is decided by the ledger alone.

use std::collections::BTreeMap;

use forgecast_protocol::calendar::{self, date, first_of_month};
use forgecast_protocol::event::{BudgetPassed, BudgetScope};
use forgecast_protocol::report::{BudgetReport, BurnRate};
use forgecast_protocol::session::BudgetLevel;
use forgecast_protocol::{Calendar, Timestamp};
use forgecast_session::price::dollars;

/// Over how many seconds the burn rate is measured.
pub(crate) const BURN_S: u32 = 600;
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
        let oldest = oldest_bucket(now);
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
        let newest = now.as_millis().div_euclid(BUCKET_MS);
        let (mut tokens, mut nanos) = (0i64, 0i64);
        for (bucket_tokens, bucket_nanos) in self.burn.range(oldest_bucket(now) + 1..=newest).map(|(_, sum)| sum) {
            tokens = tokens.saturating_add(*bucket_tokens);
            nanos = nanos.saturating_add(*bucket_nanos);
        }
        let minutes = f64::from(BURN_S) / 60.0;
        BurnRate {
            window_s: BURN_S,
            tokens_per_minute: tokens.max(0) as f64 / minutes,
            // In whole billionths, so that what is written has no more digits than money has.
            usd_per_hour: dollars(nanos.max(0).saturating_mul(3600) / i64::from(BURN_S)),
        }
    }

    fn spent(&self, scope: BudgetScope, today: i32) -> f64 {
        let first = match scope {
            BudgetScope::Month => first_of_month(today),
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
        let per_hour = self.burn(now).usd_per_hour;
        let periods = self.periods(today, budgets);
        let reports = periods.map(|(scope, period, limit_usd, spent_usd)| {
            let left_ms = match scope {
                BudgetScope::Month => calendar.left_of_month_ms(now),
                BudgetScope::Day | BudgetScope::Session => calendar.left_of_day_ms(now),
            };
            BudgetReport {
                scope,
                period,
                limit_usd,
                spent_usd,
                projected_usd: forecast(spent_usd + per_hour * hours(left_ms)),
                level: level(spent_usd, limit_usd),
            }
        });
        reports.collect()
    }
}

/// A forecast in dollars, rounded to the millionth.
pub(crate) fn forecast(usd: f64) -> f64 {
    (usd * 1e6).round() / 1e6
}

/// Milliseconds as hours.
#[expect(clippy::cast_precision_loss, reason = "a month at most")]
pub(crate) fn hours(millis: i64) -> f64 {
    millis as f64 / 3_600_000.0
}

fn oldest_bucket(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(BUCKET_MS) - i64::from(BURN_S) * 1_000 / BUCKET_MS
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
        spending.add(0, at(10), at(5_000), 1_000, USD);
        assert!(spending.burn.is_empty());
    }
}
