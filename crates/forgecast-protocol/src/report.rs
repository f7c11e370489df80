//! Reports from the history. Of tokens and cost: the answer of `GET /api/v1/stats` and the output of `forgecast usage --json`,
//! which are the same. Of how sessions ended and how long they took: the answer of `GET /api/v1/outcomes`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::event::BudgetScope;
use crate::session::{BudgetLevel, TokenCounts};
use crate::time::Timestamp;

/// By what usage is grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::AsRefStr, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum GroupBy {
    /// The day of this machine's calendar, `2026-11-22`.
    #[default]
    Day,
    /// The project.
    Project,
    /// The model.
    Model,
    /// The phase of the build.
    Phase,
    /// The session; an agent's transcript is its own session, by its own id, also when it belongs to a build.
    Session,
}

impl GroupBy {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Day, Self::Project, Self::Model, Self::Phase, Self::Session];
}

/// Tokens, money and calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageAmount {
    /// Tokens by type.
    #[serde(flatten)]
    pub tokens: TokenCounts,
    /// US dollars, of the calls whose model has a price.
    pub cost_usd: f64,
    /// Calls to a model.
    pub calls: u64,
    /// Calls whose model has no price: their tokens are counted, their cost is not known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unpriced_calls: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl UsageAmount {
    /// Adds another amount.
    pub fn add(&mut self, other: &Self) {
        self.tokens.add(&other.tokens);
        self.cost_usd += other.cost_usd;
        self.calls = self.calls.saturating_add(other.calls);
        self.unpriced_calls = self.unpriced_calls.saturating_add(other.unpriced_calls);
    }
}

/// One group.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("oneOf" = [
    {"required": ["day"]}, {"required": ["project"]}, {"required": ["model"]}, {"required": ["phase"]}, {"required": ["session"]},
]))]
pub struct UsageRow {
    /// One entry: what the rows are grouped by and this group's value, `"day": "2026-11-22"`. What has no project, model
    /// or phase has the empty value.
    #[serde(flatten, deserialize_with = "group_of_row")]
    #[schemars(with = "crate::schema::Group")]
    pub group: BTreeMap<GroupBy, String>,
    /// Of a transcript, when grouped by session: its title, or the id of the build that it belongs to. Absent when neither
    /// is known any more.
    pub title: Option<String>,
    /// The amount.
    #[serde(flatten)]
    pub amount: UsageAmount,
    /// Tokens and cost by model.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, UsageAmount>,
    /// When tokens of it were last used.
    pub last_used_at: Option<Timestamp>,
}

/// The one field of a row that names its group: it stands among the amount's.
fn group_of_row<'de, D: Deserializer<'de>>(row: D) -> Result<BTreeMap<GroupBy, String>, D::Error> {
    let fields: BTreeMap<String, Value> = BTreeMap::deserialize(row)?;
    let named = fields.into_iter().filter_map(|(name, value)| match value {
        Value::String(value) => Some((name.parse().ok()?, value)),
        _ => None,
    });
    Ok(named.collect())
}

impl UsageRow {
    /// The group's value.
    #[must_use]
    pub fn key(&self) -> &str {
        self.group.values().next().map_or("", String::as_str)
    }
}

/// A projection in US dollars: what it comes to at the lowest and at the highest rate of the last two hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CostRange {
    /// At the lowest rate.
    pub low: f64,
    /// At the highest rate.
    pub high: f64,
}

/// How a budget stands at the moment.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BudgetReport {
    /// Day or month.
    pub scope: BudgetScope,
    /// Which one: `2026-11-22`, `2026-11`.
    pub period: String,
    /// US dollars allowed.
    pub limit_usd: f64,
    /// US dollars spent.
    pub spent_usd: f64,
    /// What is spent at the end of the period; absent before 30 minutes of use are known.
    pub projected_usd: Option<CostRange>,
    /// How near the limit it is.
    pub level: BudgetLevel,
}

/// How fast tokens and money go at the moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BurnRate {
    /// Over how many seconds it was measured, up to now.
    pub window_s: u32,
    /// Tokens per minute.
    pub tokens_per_minute: f64,
    /// US dollars per hour.
    pub usd_per_hour: f64,
}

/// What agents say that their own sessions cost, beside what was counted of the same sessions. Agents know calls that no
/// transcript tells of, so they may say more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentTotals {
    /// Sessions of which an agent says what they cost.
    pub sessions: u64,
    /// US dollars by the agents' own account.
    pub cost_usd: f64,
    /// US dollars that were counted of the same sessions.
    pub counted_usd: f64,
}

/// Tokens and cost of a span of days, in total and by the rows that were asked for.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageReport {
    /// By what the rows are grouped.
    pub group_by: GroupBy,
    /// The groups: days newest first, everything else by cost, then tokens, the most first.
    pub rows: Vec<UsageRow>,
    /// All rows together.
    pub totals: UsageAmount,
    /// What was used today by this machine's calendar. Absent when the report leaves out today.
    pub today: Option<UsageAmount>,
    /// What today will have cost; absent before 30 minutes of use are known.
    pub today_projected_usd: Option<CostRange>,
    /// The present burn rate; only a running server knows it.
    pub burn: Option<BurnRate>,
    /// What agents say of their own sessions, for comparison. Absent when none says anything, and in a report about some
    /// days, a project or a session only.
    pub agent_totals: Option<AgentTotals>,
    /// Budgets of the day and the month, when they are set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<BudgetReport>,
    /// The date of the price table, `2026-11-21`.
    pub prices_of: String,
}

/// By what finished sessions are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomesBy {
    /// The day on which they ended, by this machine's calendar.
    #[default]
    Day,
    /// The project.
    Project,
}

/// Finished sessions, grouped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutcomeReport {
    /// By what the rows are grouped.
    pub group_by: OutcomesBy,
    /// The groups: days newest first, projects by how many sessions they have, the most first.
    pub rows: Vec<OutcomeRow>,
    /// All of them together.
    pub totals: Outcomes,
}

/// One group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutcomeRow {
    /// The day, `2026-11-22`, or the project; what has no project has the empty one.
    pub key: String,
    /// Its sessions.
    #[serde(flatten)]
    pub outcomes: Outcomes,
}

/// How many sessions ended in which way, and how long those took that were completed.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcomes {
    /// Sessions that were completed.
    pub completed: u32,
    /// Sessions that failed.
    pub failed: u32,
    /// Sessions that were given up: neither a success nor a failure.
    pub abandoned: u32,
    /// Seconds, median of the completed ones whose beginning and end are known; absent without one.
    pub median_s: Option<u64>,
    /// Seconds, longest of the same.
    pub longest_s: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_its_group_first_and_is_flat() {
        let row = UsageRow {
            group: [(GroupBy::Session, "a".to_owned())].into(),
            ..UsageRow::default()
        };
        let json = serde_json::to_string(&row).unwrap();
        assert_eq!(
            json,
            r#"{"session":"a","input":0,"output":0,"cache_read":0,"cache_write":0,"cost_usd":0.0,"calls":0}"#
        );
        assert_eq!(serde_json::from_str::<UsageRow>(&json).unwrap(), row);
    }

    #[test]
    fn groups_have_words() {
        for group in GroupBy::ALL {
            assert_eq!(group.to_string().parse::<GroupBy>().unwrap(), group);
        }
        assert!("week".parse::<GroupBy>().is_err());
    }
}
