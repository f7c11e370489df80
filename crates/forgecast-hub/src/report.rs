//! Reports on tokens and money from the history: the store's sums and what is known at the moment. The handle answers them,
//! never the hub's task.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use forgecast_protocol::SessionName;
use forgecast_protocol::event::BudgetDenied;
use forgecast_protocol::report::{GroupBy, UsageAmount, UsageReport, UsageRow};
use forgecast_protocol::rest::{Day, HardBudget, HardBudgets, LimitsReport, StatsQuery};
use forgecast_session::price::PRICES_OF;
use forgecast_store::{UsageGroup, UsageQuery};

use crate::command::Command;
use crate::error::Error;
use crate::hub::Hub;

impl Hub {
    /// What was used, of everything that was ever counted: also of sessions that are no longer stored.
    ///
    /// # Errors
    /// The first day is after the last one, or the store failed.
    pub async fn usage_report(&self, query: StatsQuery) -> Result<UsageReport, Error> {
        let shared = &self.shared;
        let now = shared.clock.now();
        let today = shared.options.calendar.day(now);
        let (since, until) = self.days(query.since, query.until)?;
        let group_by = query.group_by.unwrap_or_default();
        // Usage is filed under the run that a name means, else under the name of a transcript.
        let session = match query.session {
            Some(session) => Some(match self.find(&session).await? {
                Some(id) => id.to_string(),
                None => session.to_string(),
            }),
            None => None,
        };
        self.settle().await;
        let ask = |group_by, since_day, until_day| UsageQuery {
            group_by,
            since_day,
            until_day,
            session: session.clone(),
            project: query.project.clone(),
        };
        let mut rows = rows(group_by, self.sums(ask(group_by, since, until)).await?);
        if group_by == GroupBy::Session {
            let titles = self.shared.store.titles().await;
            let titles = titles.map_err(Error::store("look up titles"))?;
            rows.iter_mut()
                .for_each(|row| row.title = titles.get(row.key()).cloned());
        }
        let mut totals = UsageAmount::default();
        rows.iter().for_each(|row| totals.add(&row.amount));
        let mut report = UsageReport {
            group_by,
            rows,
            totals,
            prices_of: PRICES_OF.to_owned(),
            ..UsageReport::default()
        };
        if since.is_none_or(|since| since <= today) && until.is_none_or(|until| today <= until) {
            let mut amount = UsageAmount::default();
            let sums = self.sums(ask(GroupBy::Day, Some(today), Some(today))).await?;
            sums.iter().for_each(|sum| amount.add(&sum.amount()));
            report.today = Some(amount);
        }
        let is_filtered = query.project.is_some() || session.is_some();
        if !is_filtered && since.is_none() && until.is_none() {
            let totals = self.shared.store.agent_totals().await;
            let totals = totals.map_err(Error::store("add up what agents say"))?;
            report.agent_totals = (totals.sessions > 0).then_some(totals);
        }
        let (budgets, calendar) = (&shared.options.budgets, &shared.options.calendar);
        let spending = shared.spending();
        let burn = spending.burn(now);
        // The burn rate is known of all sessions together only.
        if let Some(today) = report.today.as_ref().filter(|_| !is_filtered) {
            report.today_projected_usd = spending.project(today.cost_usd, now, calendar.left_of_day_ms(now));
        }
        report.burn = Some(burn);
        report.budgets = spending.report(now, calendar, budgets);
        Ok(report)
    }

    /// How much of each plan is used up, by whom, and when the rest will be. From memory.
    #[must_use]
    pub fn limits(&self) -> LimitsReport {
        let now = self.shared.clock.now();
        let today = self.shared.options.calendar.day(now);
        let (today_usd, burn) = {
            let spending = self.shared.spending();
            (spending.of_day(today), spending.burn(now))
        };
        LimitsReport {
            windows: self.shared.limits().report(now),
            today_usd,
            burn: Some(burn),
        }
    }

    /// The hard budget that stops an agent's own session by now, by the name of its transcript; `hook` is what would be
    /// refused. From memory. `None` also for a session of which no transcript was read on this machine.
    #[must_use]
    pub fn exceeded_budget(&self, agent: &SessionName, hook: &str) -> Option<BudgetDenied> {
        let today = self.today();
        self.shared.hard_budgets().exceeded(agent.as_str(), today, hook)
    }

    /// Whether any budget stops agents.
    #[must_use]
    pub fn has_hard_budgets(&self) -> bool {
        self.shared.options.hard_limits.are_set()
    }

    /// How often agents were stopped since the start.
    #[must_use]
    pub fn budget_denials(&self) -> u64 {
        self.shared.hard_budgets().denials()
    }

    /// How the hard budgets stand. From memory.
    #[must_use]
    pub fn hard_budgets(&self) -> HardBudgets {
        let today = self.today();
        HardBudgets {
            budgets: self.shared.hard_budgets().report(today),
        }
    }

    /// Changes a hard budget until its period ends: US dollars, none for as many as it takes. Returns what it then is, once
    /// that is stored; `None` when no hard budget has this name.
    ///
    /// # Errors
    /// The disk did not finish within the deadline, or the hub has stopped.
    pub async fn change_budget(&self, budget: &str, usd: Option<f64>) -> Result<Option<HardBudget>, Error> {
        let Ok(budget) = budget.parse() else {
            return Ok(None);
        };
        let changed = self.ask(|reply| Command::ChangeBudget { budget, usd, reply }).await?;
        if changed.is_some() {
            self.flush().await?;
        }
        Ok(changed)
    }

    fn today(&self) -> i32 {
        self.shared.options.calendar.day(self.shared.clock.now())
    }

    /// The first and the last day that a query names, counted from 1970-01-01 in the hub's calendar.
    pub(crate) fn days(&self, since: Option<Day>, until: Option<Day>) -> Result<(Option<i32>, Option<i32>), Error> {
        let number = |day| match day {
            Day::Date(number) => number,
            Day::Of(moment) => self.shared.options.calendar.day(moment),
        };
        let (since, until) = (since.map(number), until.map(number));
        if since.zip(until).is_some_and(|(since, until)| since > until) {
            return Err(Error::SinceAfterUntil);
        }
        Ok((since, until))
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
