//! Reports on tokens and money from the history: the store's sums and what is known at the moment. The handle answers them,
//! never the hub's task.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use forgecast_protocol::Timestamp;
use forgecast_protocol::report::{GroupBy, UsageAmount, UsageReport, UsageRow};
use forgecast_session::price::PRICES_OF;
use forgecast_store::{UsageGroup, UsageQuery};

use crate::error::Error;
use crate::hub::Hub;
use crate::spending::{forecast, hours};

/// Which usage a report is about. Days are counted from 1970-01-01 in the calendar of the hub's options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportQuery {
    /// By what the rows are grouped.
    pub group_by: GroupBy,
    /// From this day on; absent: from the first.
    pub since: Option<i32>,
    /// Up to this day, itself included; absent: up to the last.
    pub until: Option<i32>,
    /// Only what was used for this project.
    pub project: Option<String>,
    /// Only what was used by this session: its id (`weather-app~1`), or the name of a transcript.
    pub session: Option<String>,
}

impl ReportQuery {
    fn is_filtered(&self) -> bool {
        self.project.is_some() || self.session.is_some()
    }

    fn has(&self, day: i32) -> bool {
        self.since.is_none_or(|since| since <= day) && self.until.is_none_or(|until| day <= until)
    }
}

impl Hub {
    /// What was used, of everything that was ever counted: also of sessions that are no longer stored.
    ///
    /// # Errors
    /// The store failed.
    pub async fn usage_report(&self, query: ReportQuery) -> Result<UsageReport, Error> {
        let shared = &self.shared;
        let now = shared.clock.now();
        let today = shared.options.calendar.day(now);
        self.settle().await;
        let ask = |group_by, since_day, until_day| UsageQuery {
            group_by,
            since_day,
            until_day,
            session: query.session.clone(),
            project: query.project.clone(),
        };
        let rows = rows(
            query.group_by,
            self.sums(ask(query.group_by, query.since, query.until)).await?,
        );
        let mut totals = UsageAmount::default();
        rows.iter().for_each(|row| totals.add(&row.amount));
        let mut report = UsageReport {
            group_by: query.group_by,
            rows,
            totals,
            prices_of: PRICES_OF.to_owned(),
            ..UsageReport::default()
        };
        if query.has(today) {
            let mut amount = UsageAmount::default();
            let sums = self.sums(ask(GroupBy::Day, Some(today), Some(today))).await?;
            sums.iter().for_each(|sum| amount.add(&sum.amount()));
            report.today = Some(amount);
        }
        let (budgets, calendar) = (&shared.options.budgets, &shared.options.calendar);
        let spending = shared.spending();
        let burn = spending.burn(now);
        // How fast money goes is known of all sessions together only.
        if let Some(today) = report.today.as_ref().filter(|_| !query.is_filtered()) {
            let left = hours(calendar.left_of_day_ms(now));
            report.today_projected_usd = Some(forecast(today.cost_usd + burn.usd_per_hour * left));
        }
        report.burn = Some(burn);
        report.budgets = spending.report(now, calendar, budgets);
        Ok(report)
    }

    /// The day of a moment by the hub's calendar, as [`ReportQuery`] counts days.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> i32 {
        self.shared.options.calendar.day(at)
    }

    async fn sums(&self, query: UsageQuery) -> Result<Vec<UsageGroup>, Error> {
        let sums = self.shared.store.usage(query).await;
        sums.map_err(Error::store("add up usage"))
    }
}

/// The rows of a report from sums by group and model: one per group, days newest first, everything else by cost, then
/// tokens, the most first.
#[must_use]
pub fn rows(group_by: GroupBy, sums: Vec<UsageGroup>) -> Vec<UsageRow> {
    let mut groups: BTreeMap<String, UsageRow> = BTreeMap::new();
    for sum in sums {
        let amount = sum.amount();
        let row = groups.entry(sum.key.clone()).or_insert_with(|| UsageRow {
            group: [(group_by, sum.key)].into(),
            ..UsageRow::default()
        });
        row.amount.add(&amount);
        row.last_used_at = row.last_used_at.max(Some(sum.last_used_at));
        if group_by != GroupBy::Model {
            row.models.entry(sum.model).or_default().add(&amount);
        }
    }
    let mut rows: Vec<UsageRow> = groups.into_values().collect();
    if group_by == GroupBy::Day {
        rows.reverse();
    } else {
        rows.sort_by(|one, other| {
            let by_cost = other.amount.cost_usd.total_cmp(&one.amount.cost_usd);
            by_cost.then_with(|| Reverse(one.amount.tokens.total()).cmp(&Reverse(other.amount.tokens.total())))
        });
    }
    rows
}
