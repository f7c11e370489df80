//! Budgets that stop agents once they are spent. What counts is what transcripts that were read on this machine say, by the
//! names and folders that those transcripts give: nothing that a token lets anybody send moves a sum, so no holder of a
//! token can stop another's agent. The answer comes from memory. What is counted is stored under keys of its own in the
//! transaction of the batch that it comes from, whether a budget is hard or not, so that one can become hard at any time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use forgecast_protocol::calendar::{date, first_of_month, month};
use forgecast_protocol::event::{BudgetDenied, BudgetRaised, BudgetScope, SourceAccount, UsageSource};
use forgecast_protocol::rest::HardBudget;
use forgecast_protocol::session::BudgetLevel;
use forgecast_protocol::{SessionId, SessionName};
use forgecast_session::price::{dollars, nanos_of};
use serde::{Deserialize, Serialize};

use crate::spending::level;

/// Days that are remembered: this month and the one before, whatever the clock does.
const DAYS: i32 = 62;
/// Agents that are remembered although they spent nothing.
const MAX_AGENTS: usize = 20_000;
/// What stands before the keys under which this is stored.
const SPENT: &str = "hard/spent/";
const CHANGED: &str = "hard/changed/";

/// Money that may be spent before agents are stopped, in US dollars. What is absent stops nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HardLimits {
    /// By one session of an agent.
    pub session_usd: Option<f64>,
    /// In the folder of one project in one month of the calendar.
    pub project_usd: Option<f64>,
    /// On one day of the calendar.
    pub day_usd: Option<f64>,
    /// In one month of the calendar.
    pub month_usd: Option<f64>,
}

impl HardLimits {
    /// Whether any budget is hard.
    #[must_use]
    pub fn are_set(&self) -> bool {
        *self != Self::default()
    }
}

/// One budget, as commands name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BudgetName {
    Day,
    Month,
    Project(String),
    /// The agent's own session, by the name of its transcript.
    Session(String),
}

impl fmt::Display for BudgetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day => f.write_str("day"),
            Self::Month => f.write_str("month"),
            Self::Project(name) => write!(f, "project/{name}"),
            Self::Session(name) => write!(f, "session/{name}"),
        }
    }
}

impl FromStr for BudgetName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once('/') {
            None if text == "day" => Ok(Self::Day),
            None if text == "month" => Ok(Self::Month),
            Some(("project", name)) if !name.is_empty() => Ok(Self::Project(name.to_owned())),
            Some(("session", name)) if !name.is_empty() => Ok(Self::Session(name.to_owned())),
            _ => Err(()),
        }
    }
}

impl BudgetName {
    fn scope(&self) -> BudgetScope {
        match self {
            Self::Day => BudgetScope::Day,
            Self::Month => BudgetScope::Month,
            Self::Project(_) => BudgetScope::Project,
            Self::Session(_) => BudgetScope::Session,
        }
    }

    /// The period that it is about today; none for a session's, which has no end.
    fn period(&self, today: i32) -> Option<String> {
        match self {
            Self::Day => Some(date(today)),
            Self::Month | Self::Project(_) => Some(month(today)),
            Self::Session(_) => None,
        }
    }

    fn configured(&self, limits: &HardLimits) -> Option<f64> {
        match self {
            Self::Day => limits.day_usd,
            Self::Month => limits.month_usd,
            Self::Project(_) => limits.project_usd,
            Self::Session(_) => limits.session_usd,
        }
    }
}

/// What an agent's own session spent, by day.
#[derive(Debug, Default)]
struct AgentSpending {
    /// The name of the folder that it works in; empty until its transcript says so.
    project: String,
    /// Billionths of a US dollar.
    days: BTreeMap<i32, i64>,
}

/// What is stored of one agent and day.
#[derive(Serialize, Deserialize)]
struct StoredSpending {
    nanos: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    project: String,
}

/// What an administrator allows until the period of a budget ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Changed {
    /// US dollars; none when it was cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usd: Option<f64>,
}

/// A budget and its period; empty for one that has no end.
type Key = (String, BudgetName);

/// What was spent by the transcripts of this machine, and what may be.
#[derive(Debug, Default)]
pub(crate) struct HardBudgets {
    limits: HardLimits,
    agents: BTreeMap<String, AgentSpending>,
    days: BTreeMap<i32, i64>,
    /// By the first day of the month and the project.
    projects: BTreeMap<(i32, String), i64>,
    changed: BTreeMap<Key, Changed>,
    /// How often each refused something, and which session that was last.
    denied: BTreeMap<BudgetName, (u64, Option<SessionId>)>,
    unstored_days: BTreeSet<(i32, String)>,
    unstored: BTreeMap<String, Option<String>>,
}

impl HardBudgets {
    /// From what is stored. What cannot be read is left out.
    pub(crate) fn restore(limits: HardLimits, stored: &[(String, String)]) -> Self {
        let mut this = Self {
            limits,
            ..Self::default()
        };
        for (key, body) in stored {
            if let Some((day, agent)) = key.strip_prefix(SPENT).and_then(|key| key.split_once('/')) {
                if let (Ok(day), Ok(spent)) = (day.parse(), serde_json::from_str::<StoredSpending>(body)) {
                    this.see(agent, (!spent.project.is_empty()).then_some(spent.project.as_str()));
                    this.add_to_sums(day, agent, spent.nanos);
                }
            } else if let Some((period, budget)) = key.strip_prefix(CHANGED).and_then(|key| key.split_once('/'))
                && let (Ok(budget), Ok(changed)) = (budget.parse(), serde_json::from_str(body))
            {
                this.changed.insert((period.to_owned(), budget), changed);
            }
        }
        this
    }

    /// A transcript of this machine tells of an agent's session, and of the folder that it works in.
    pub(crate) fn see(&mut self, agent: &str, folder: Option<&str>) {
        let project = folder.and_then(|folder| folder.trim_end_matches('/').rsplit('/').next());
        let project = project.unwrap_or_default();
        match self.agents.get_mut(agent) {
            Some(known) if !known.project.is_empty() || project.is_empty() => {}
            Some(known) => {
                project.clone_into(&mut known.project);
                for (day, nanos) in &known.days {
                    let sum = self
                        .projects
                        .entry((first_of_month(*day), project.to_owned()))
                        .or_default();
                    *sum = sum.saturating_add(*nanos);
                }
            }
            None => {
                if self.agents.len() >= MAX_AGENTS {
                    self.agents.retain(|_, known| !known.days.is_empty());
                }
                let spending = AgentSpending {
                    project: project.to_owned(),
                    days: BTreeMap::new(),
                };
                self.agents.insert(agent.to_owned(), spending);
            }
        }
    }

    /// Adds what a difference adds by the account of transcripts, if that is recent.
    pub(crate) fn add(&mut self, day: i32, today: i32, agent: &str, accounts: &[SourceAccount]) {
        let of_transcripts = accounts
            .iter()
            .filter(|account| account.source == UsageSource::Transcript);
        let nanos = of_transcripts.fold(0i64, |sum, account| sum.saturating_add(signed_nanos(account.cost_usd)));
        if nanos != 0 && day > today.saturating_sub(DAYS) {
            self.add_to_sums(day, agent, nanos);
            self.unstored_days.insert((day, agent.to_owned()));
        }
    }

    fn add_to_sums(&mut self, day: i32, agent: &str, nanos: i64) {
        let spending = self.agents.entry(agent.to_owned()).or_default();
        let of_project = (first_of_month(day), spending.project.clone());
        for sum in [
            spending.days.entry(day).or_default(),
            self.days.entry(day).or_default(),
            self.projects.entry(of_project).or_default(),
        ] {
            *sum = sum.saturating_add(nanos);
        }
    }

    /// What has to be stored since this was asked last: keys with their bodies, none for what is to be removed.
    pub(crate) fn take_changes(&mut self, today: i32) -> Vec<(String, Option<String>)> {
        if self.unstored.is_empty() && self.unstored_days.is_empty() {
            return Vec::new();
        }
        self.forget_old(today);
        let days = std::mem::take(&mut self.unstored_days).into_iter();
        let days = days.map(|(day, agent)| {
            let spending = self.agents.get(&agent);
            let body = spending.and_then(|spending| {
                let stored = StoredSpending {
                    nanos: *spending.days.get(&day)?,
                    project: spending.project.clone(),
                };
                serde_json::to_string(&stored).ok()
            });
            (format!("{SPENT}{day}/{agent}"), body)
        });
        std::mem::take(&mut self.unstored).into_iter().chain(days).collect()
    }

    fn forget_old(&mut self, today: i32) {
        let oldest = today.saturating_sub(DAYS);
        if self.days.first_key_value().is_none_or(|(day, _)| *day > oldest) {
            return;
        }
        self.days = self.days.split_off(&(oldest + 1));
        self.projects.retain(|(month, _), _| *month >= first_of_month(oldest));
        let (unstored_days, unstored) = (&mut self.unstored_days, &mut self.unstored);
        self.agents.retain(|agent, spending| {
            let kept = spending.days.split_off(&(oldest + 1));
            for day in std::mem::replace(&mut spending.days, kept).into_keys() {
                unstored_days.insert((day, agent.clone()));
            }
            !spending.days.is_empty()
        });
        let agents = &self.agents;
        self.changed.retain(|(period, budget), _| {
            let is_current = match budget {
                BudgetName::Session(agent) => agents.contains_key(agent),
                _ => budget.period(today).as_ref() == Some(period),
            };
            if !is_current {
                unstored.insert(format!("{CHANGED}{period}/{budget}"), None);
            }
            is_current
        });
    }

    /// The budget that stops an agent's session, if one of them is used up. None for a session of which no transcript was
    /// read here.
    pub(crate) fn exceeded(&self, agent: &str, today: i32, hook: &str) -> Option<BudgetDenied> {
        let known = self.agents.get(agent)?;
        let project = (!known.project.is_empty()).then(|| BudgetName::Project(known.project.clone()));
        let budgets = [
            Some(BudgetName::Session(agent.to_owned())),
            project,
            Some(BudgetName::Day),
            Some(BudgetName::Month),
        ];
        budgets.into_iter().flatten().find_map(|budget| {
            let limit_usd = self.limit(&budget, today)?;
            let spent_usd = self.spent(&budget, today);
            (spent_usd > 0.0 && spent_usd >= limit_usd).then(|| BudgetDenied {
                scope: budget.scope(),
                budget: budget.to_string(),
                period: budget.period(today),
                limit_usd,
                spent_usd,
                hook: hook.to_owned(),
            })
        })
    }

    fn key(budget: &BudgetName, today: i32) -> Key {
        (budget.period(today).unwrap_or_default(), budget.clone())
    }

    /// What may be spent today; none when nothing stops.
    fn limit(&self, budget: &BudgetName, today: i32) -> Option<f64> {
        let configured = budget.configured(&self.limits)?;
        let changed = self.changed.get(&Self::key(budget, today));
        changed.map_or(Some(configured), |changed| changed.usd)
    }

    fn spent(&self, budget: &BudgetName, today: i32) -> f64 {
        let nanos = match budget {
            BudgetName::Day => self.days.get(&today).copied().unwrap_or_default(),
            BudgetName::Month => sum(self.days.range(first_of_month(today)..=today)),
            BudgetName::Project(project) => {
                let key = (first_of_month(today), project.clone());
                self.projects.get(&key).copied().unwrap_or_default()
            }
            BudgetName::Session(agent) => self.agents.get(agent).map_or(0, |spending| sum(spending.days.iter())),
        };
        dollars(nanos.max(0))
    }

    /// Counts a refusal.
    pub(crate) fn note_denial(&mut self, fact: &BudgetDenied, session: &SessionId) {
        if let Ok(budget) = fact.budget.parse() {
            let (count, last) = self.denied.entry(budget).or_default();
            *count += 1;
            *last = Some(session.clone());
        }
    }

    /// The session that a budget stopped last.
    pub(crate) fn last_denied(&self, budget: &BudgetName) -> Option<SessionId> {
        self.denied.get(budget)?.1.clone()
    }

    /// How often agents were stopped.
    pub(crate) fn denials(&self) -> u64 {
        self.denied.values().map(|(count, _)| count).sum()
    }

    /// Allows so much until the period ends; none for as much as it takes. `None` when this is no hard budget.
    pub(crate) fn change(&mut self, budget: &BudgetName, usd: Option<f64>, today: i32) -> Option<BudgetRaised> {
        budget.configured(&self.limits)?;
        if let BudgetName::Session(agent) = budget {
            self.agents.get(agent)?;
        }
        let (changed, key) = (Changed { usd }, Self::key(budget, today));
        self.unstored.insert(
            format!("{CHANGED}{}/{budget}", key.0),
            serde_json::to_string(&changed).ok(),
        );
        self.changed.insert(key, changed);
        Some(BudgetRaised {
            scope: budget.scope(),
            budget: budget.to_string(),
            period: budget.period(today),
            limit_usd: usd,
            spent_usd: self.spent(budget, today),
        })
    }

    /// How one budget stands; `None` when it is not hard.
    pub(crate) fn standing(&self, budget: &BudgetName, today: i32) -> Option<HardBudget> {
        Some(HardBudget {
            budget: budget.to_string(),
            scope: budget.scope(),
            period: budget.period(today),
            limit_usd: self.limit(budget, today),
            configured_usd: budget.configured(&self.limits)?,
            spent_usd: self.spent(budget, today),
            denied: self.denied.get(budget).map_or(0, |(count, _)| *count),
        })
    }

    /// How those stand that are worth a look.
    pub(crate) fn report(&self, today: i32) -> Vec<HardBudget> {
        let projects = self
            .projects
            .keys()
            .filter(|(month, _)| *month == first_of_month(today));
        let projects = projects.map(|(_, project)| BudgetName::Project(project.clone()));
        let sessions = self.agents.keys().map(|agent| BudgetName::Session(agent.clone()));
        let noticeable = projects.chain(sessions).filter(|budget| {
            let is_changed = || self.changed.contains_key(&Self::key(budget, today));
            let is_near = || {
                let limit = budget.configured(&self.limits);
                limit.is_some_and(|limit| level(self.spent(budget, today), limit) > BudgetLevel::Safe)
            };
            is_near() || is_changed() || self.denied.contains_key(budget)
        });
        let all = [BudgetName::Day, BudgetName::Month].into_iter().chain(noticeable);
        all.filter_map(|budget| self.standing(&budget, today)).collect()
    }
}

/// The session of a budget that is for one, by the name of its transcript.
pub(crate) fn session_of(budget: &BudgetName) -> Option<SessionName> {
    match budget {
        BudgetName::Session(agent) => agent.parse().ok(),
        _ => None,
    }
}

fn sum<'a>(days: impl Iterator<Item = (&'a i32, &'a i64)>) -> i64 {
    days.fold(0, |sum, (_, nanos)| sum.saturating_add(*nanos))
}

/// Billionths of a dollar; negative for what is taken back.
fn signed_nanos(usd: Option<f64>) -> i64 {
    let usd = usd.unwrap_or_default();
    let nanos = nanos_of(usd.abs())
        .and_then(|nanos| i64::try_from(nanos).ok())
        .unwrap_or_default();
    if usd < 0.0 { -nanos } else { nanos }
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::event::TokenDelta;

    use super::*;

    const TODAY: i32 = 20_779;

    fn limits() -> HardLimits {
        HardLimits {
            session_usd: Some(5.0),
            project_usd: Some(8.0),
            day_usd: Some(20.0),
            month_usd: None,
        }
    }

    fn spend(budgets: &mut HardBudgets, source: UsageSource, agent: &str, usd: f64) {
        let account = SourceAccount {
            source,
            tokens: TokenDelta::default(),
            cost_usd: Some(usd),
            calls: 1,
        };
        budgets.add(TODAY, TODAY, agent, &[account]);
    }

    fn stopped_by(budgets: &HardBudgets, agent: &str) -> Option<String> {
        Some(budgets.exceeded(agent, TODAY, "PreToolUse")?.budget)
    }

    #[test]
    fn only_transcripts_count_and_only_their_agents_are_stopped() {
        let mut budgets = HardBudgets::restore(limits(), &[]);
        budgets.see("a", Some("/p/app/"));
        spend(&mut budgets, UsageSource::Otel, "a", 100.0);
        spend(&mut budgets, UsageSource::Reported, "a", 100.0);
        assert_eq!(stopped_by(&budgets, "a"), None);
        spend(&mut budgets, UsageSource::Transcript, "a", 4.99);
        assert_eq!(stopped_by(&budgets, "a"), None);
        spend(&mut budgets, UsageSource::Transcript, "a", 0.01);
        assert_eq!(stopped_by(&budgets, "a").as_deref(), Some("session/a"));
        budgets.see("b", Some("/elsewhere/app"));
        assert_eq!(stopped_by(&budgets, "b"), None);
        spend(&mut budgets, UsageSource::Transcript, "b", 3.0);
        assert_eq!(stopped_by(&budgets, "b").as_deref(), Some("project/app"));
        spend(&mut budgets, UsageSource::Transcript, "b", -3.0);
        assert_eq!(stopped_by(&budgets, "b"), None, "what is taken back no longer counts");
        spend(&mut budgets, UsageSource::Transcript, "of no known folder", 15.0);
        budgets.see("c", Some("/p/other"));
        assert_eq!(stopped_by(&budgets, "c").as_deref(), Some("day"), "whoever spent it");
        assert_eq!(stopped_by(&budgets, "never read"), None);
    }

    #[test]
    fn a_change_lasts_as_long_as_its_period_and_survives_a_restart() {
        let mut budgets = HardBudgets::restore(limits(), &[]);
        budgets.see("a", Some("/p/app"));
        spend(&mut budgets, UsageSource::Transcript, "a", 21.0);
        for (budget, next) in [
            (BudgetName::Session("a".to_owned()), Some("project/app")),
            (BudgetName::Project("app".to_owned()), Some("day")),
            (BudgetName::Day, None),
        ] {
            assert_eq!(stopped_by(&budgets, "a"), Some(budget.to_string()));
            assert!(budgets.change(&budget, Some(30.0), TODAY).is_some());
            assert_eq!(stopped_by(&budgets, "a").as_deref(), next);
        }
        assert_eq!(
            budgets.change(&BudgetName::Month, Some(1.0), TODAY),
            None,
            "it is not hard"
        );
        let mut stored = BTreeMap::new();
        let mut restart = |budgets: &mut HardBudgets, today| {
            for (key, body) in budgets.take_changes(today) {
                match body {
                    Some(body) => stored.insert(key, body),
                    None => stored.remove(&key),
                };
            }
            let stored: Vec<_> = stored.clone().into_iter().collect();
            HardBudgets::restore(limits(), &stored)
        };
        budgets = restart(&mut budgets, TODAY);
        assert_eq!(stopped_by(&budgets, "a"), None);
        assert_eq!(budgets.report(TODAY).len(), 3, "{:?}", budgets.report(TODAY));
        spend(&mut budgets, UsageSource::Transcript, "a", 10.0);
        assert_eq!(
            stopped_by(&budgets, "a").as_deref(),
            Some("session/a"),
            "30 are spent, too"
        );
        let session = BudgetName::Session("a".to_owned());
        assert!(
            budgets
                .change(&session, None, TODAY)
                .is_some_and(|raised| raised.limit_usd.is_none())
        );
        assert_eq!(stopped_by(&budgets, "a").as_deref(), Some("project/app"));
        let of_next_month = budgets.exceeded("a", TODAY + 31, "PreToolUse");
        assert_eq!(
            of_next_month, None,
            "what was cleared for a session stays so, all else begins anew"
        );
        // 62 days later nothing of it is left.
        spend(&mut budgets, UsageSource::Transcript, "b", 1.0);
        budgets = restart(&mut budgets, TODAY + DAYS);
        assert_eq!(budgets.exceeded("a", TODAY + DAYS, "PreToolUse"), None);
        assert!(
            budgets.agents.is_empty() && budgets.changed.is_empty() && stored.is_empty(),
            "{stored:?}"
        );
    }

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for name in ["day", "month", "project/a b", "project/a/b", "session/0b3c"] {
            let parsed: Result<BudgetName, ()> = name.parse();
            assert_eq!(parsed.map(|parsed| parsed.to_string()).as_deref(), Ok(name));
        }
        for name in ["", "year", "project/", "session", "day/x"] {
            assert_eq!(name.parse::<BudgetName>(), Err(()), "{name}");
        }
    }
}
