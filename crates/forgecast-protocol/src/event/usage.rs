//! Facts about tokens and money. What a source says of one call to a model is a total of that call so far; what is kept
//! and folded is the difference that it made, since the same call is told several times and by several sources.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::session::{AgentTotal, BudgetLevel};
use crate::time::Timestamp;

/// More tokens of one type than any one call uses: the largest context windows hold some ten million.
const MAX_CALL_TOKENS: u64 = 1_000_000_000;
/// More searches of the web than any one call makes.
const MAX_CALL_SEARCHES: u64 = 1_000_000;
/// More US dollars than any one call costs.
const MAX_CALL_USD: f64 = 10_000.0;
/// More tokens of one type than one report adds, which may be of a whole session.
pub(super) const MAX_REPORT_TOKENS: u64 = 1_000_000_000_000;
/// More US dollars than one report adds.
pub(super) const MAX_REPORT_USD: f64 = 1_000_000.0;

/// Why a number is none that a source can mean: one such number would drown all others in every sum.
pub(super) fn beyond(what: &str, found: u64, limit: u64) -> Option<String> {
    (found > limit).then(|| format!("{what}: expected at most {limit}, found {found}"))
}

/// The same for US dollars.
pub(super) fn beyond_usd(found: Option<f64>, limit: f64) -> Option<String> {
    let found = found.filter(|found| !(0.0..=limit).contains(found))?;
    Some(format!("cost_usd: expected 0 to {limit}, found {found}"))
}

/// Who says how many tokens a call used, best first: of several that speak of one call, the best one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum UsageSource {
    /// The agent's transcript.
    Transcript,
    /// The agent's telemetry (OpenTelemetry).
    Otel,
    /// A hook of the agent.
    Hook,
    /// Another producer.
    Reported,
    /// Worked out, not counted: never part of a sum.
    Estimated,
}

/// What one source knows of one call to a model, as totals of that call. The hub's ledger turns it into [`UsageRecorded`]; it is neither folded nor stored as it is.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallReported {
    /// Which call.
    pub call: CallId,
    /// Who says so.
    pub source: UsageSource,
    /// When the call was made, by the source; else the time of the event counts.
    pub used_at: Option<Timestamp>,
    /// The model as the source names it; absent when it names none (`<synthetic>` is none).
    pub model: Option<String>,
    /// Whether the call ran in fast mode, which has another price; absent when the source does not say.
    pub fast: Option<bool>,
    /// Tokens of the whole call.
    #[serde(flatten)]
    pub tokens: CallTokens,
    /// Searches of the web that the call made, which are billed one by one. A cost by the source's own account includes
    /// them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub web_searches: u64,
    /// Where the model had to run, as the vendor names it: `us` costs more. Absent: anywhere.
    pub inference_geo: Option<String>,
    /// US dollars by the source's own account. Absent: the price table says.
    pub cost_usd: Option<f64>,
    /// The subagent that made the call; absent for the main one.
    pub agent: Option<String>,
    /// Tokens that fit into the context window of the model, by the source; absent when it does not say.
    pub context_window: Option<u64>,
    /// Ids of the uses of tools that the model asked for in this call (`toolu_…`): hooks name only those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Where in its source it stands, bytes: of two equal accounts in different files the one of the first file counts,
    /// then the one that stands first, so that the order of arrival decides nothing.
    #[serde(default)]
    pub offset: u64,
}

impl CallReported {
    /// What no source can mean by it, if there is anything.
    #[must_use]
    pub fn implausible(&self) -> Option<String> {
        let tokens = &self.tokens;
        let counts = [
            ("input", tokens.input),
            ("output", tokens.output),
            ("cache_read", tokens.cache_read),
            ("cache_write_5m", tokens.cache_write_5m),
            ("cache_write_1h", tokens.cache_write_1h),
            ("context_window", self.context_window.unwrap_or_default()),
        ];
        counts
            .into_iter()
            .find_map(|(what, found)| beyond(what, found, MAX_CALL_TOKENS))
            .or_else(|| beyond("web_searches", self.web_searches, MAX_CALL_SEARCHES))
            .or_else(|| beyond_usd(self.cost_usd, MAX_CALL_USD))
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Which call it is. A call without a message and without a request is counted every time it is told.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct CallId {
    /// The id of the model's message, `msg_…`.
    #[serde(rename = "message_id")]
    pub message: Option<String>,
    /// The id of the request, `req_…`; the one thing that transcripts and telemetry both name.
    #[serde(rename = "request_id")]
    pub request: Option<String>,
    /// Told in a side chain, where messages of the parent are replayed under other requests.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sidechain: bool,
}

/// Tokens of one call by type, as they are priced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CallTokens {
    /// Sent to the model and not cached.
    pub input: u64,
    /// Written by the model.
    pub output: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written to the cache for five minutes, or for an unknown time.
    pub cache_write_5m: u64,
    /// Written to the cache for an hour.
    pub cache_write_1h: u64,
}

impl CallTokens {
    /// Written to the cache.
    #[must_use]
    pub fn cache_write(&self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
    }

    /// All types together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.context().saturating_add(self.output)
    }

    /// What the model had before it: the context window in use.
    #[must_use]
    pub fn context(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write())
    }
}

/// A difference in tokens by type; negative when an earlier account was too high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TokenDelta {
    /// Sent to the model and not cached.
    pub input: i64,
    /// Written by the model.
    pub output: i64,
    /// Read from the cache.
    pub cache_read: i64,
    /// Written to the cache.
    pub cache_write: i64,
}

impl TokenDelta {
    /// The types one by one: input, output, cache read, cache write.
    #[must_use]
    pub fn parts(&self) -> [i64; 4] {
        [self.input, self.output, self.cache_read, self.cache_write]
    }

    /// All types together.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.parts().into_iter().fold(0, i64::saturating_add)
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// Adds another difference.
    pub fn add(&mut self, other: &Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
    }
}

/// Tokens and cost to be added to what was known before. Of a call that is reported several times, each report adds only
/// the difference.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageRecorded {
    /// Tokens by type.
    #[serde(flatten)]
    pub tokens: TokenDelta,
    /// US dollars, when the price is known.
    pub cost_usd: Option<f64>,
    /// Calls that are new with this fact; 0 for one that was known, negative for one that proved to be another.
    #[serde(default)]
    pub calls: i64,
    /// Of those, calls whose model has no price.
    #[serde(default)]
    pub unpriced: i64,
    /// Of those, calls of which two sources give different numbers.
    #[serde(default)]
    pub disputed: i64,
    /// The model, with `-fast` behind it when it ran in fast mode.
    pub model: Option<String>,
    /// The subagent that made the call; absent for the main one.
    pub agent: Option<String>,
    /// The phase of the build in which they were used, as the session shows it; absent: that of the time, else the
    /// present one. Said by the ledger, so that what is taken back is taken from where it was added.
    pub phase: Option<String>,
    /// When the tokens were used, by the source.
    pub used_at: Option<Timestamp>,
    /// Tokens in the context window after the call.
    pub context_tokens: Option<u64>,
    /// Tokens that fit into it; absent: 200,000.
    pub context_limit: Option<u64>,
    /// Tokens that fit into it, by the source of the call; absent when it does not say.
    pub context_window: Option<u64>,
    /// Who says how many fit; absent: nobody, it is what the configuration assumes.
    pub context_limit_from: Option<WindowSource>,
    /// Share of the context window in use, 0 to 100, as a producer says it.
    pub context_percent: Option<f64>,
    /// What each source adds by its own account. Empty: a report that names no call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<SourceAccount>,
    /// Of a report that names no call: whose it is. Absent: a producer's. `estimated`: nobody counted the tokens, they are
    /// shown as that and added to nothing.
    pub source: Option<UsageSource>,
    /// What the agent says that its session used in all so far; the last one said counts, and it is added to nothing.
    pub agent_total: Option<AgentTotal>,
}

impl UsageRecorded {
    /// What no producer can mean by a report that names no call, if there is anything. What is worked out here from calls
    /// may be below zero, and is always plausible.
    #[must_use]
    pub fn implausible(&self) -> Option<String> {
        if !self.accounts.is_empty() {
            return None;
        }
        let names = ["input", "output", "cache_read", "cache_write"];
        let counts = names.into_iter().zip(self.tokens.parts());
        counts
            .into_iter()
            .find_map(|(what, found)| beyond(what, u64::try_from(found).unwrap_or(u64::MAX), MAX_REPORT_TOKENS))
            .or_else(|| {
                beyond(
                    "context_tokens",
                    self.context_tokens.unwrap_or_default(),
                    MAX_CALL_TOKENS,
                )
            })
            .or_else(|| beyond_usd(self.cost_usd, MAX_REPORT_USD))
    }
}

/// Who says how many tokens fit into a context window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowSource {
    /// The agent's own record.
    Record,
    /// The table of models.
    Model,
    /// A call of the session that held more than was said to fit: at least so many do.
    Observed,
}

/// What one source adds by its own account; accounts of different sources are shown side by side, never summed.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceAccount {
    /// The source.
    pub source: UsageSource,
    /// Tokens by type.
    #[serde(flatten)]
    pub tokens: TokenDelta,
    /// US dollars.
    pub cost_usd: Option<f64>,
    /// Calls.
    #[serde(default)]
    pub calls: i64,
}

/// What a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetScope {
    /// One session.
    Session,
    /// One day of this machine's calendar, all sessions.
    Day,
    /// One month of this machine's calendar, all sessions.
    Month,
    /// One month of this machine's calendar, the sessions in the folder of one project.
    Project,
}

/// A budget or a threshold of it was passed. Goes to the session whose call passed it, once per threshold.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BudgetPassed {
    /// Which budget.
    pub scope: BudgetScope,
    /// Which day or month (`2026-11-22`, `2026-11`); absent for a session's.
    pub period: Option<String>,
    /// How near the limit it is now; `exceeded` when it is passed.
    pub level: BudgetLevel,
    /// US dollars allowed.
    pub limit_usd: f64,
    /// US dollars spent.
    pub spent_usd: f64,
}

/// A hook of an agent was answered with a refusal, because a hard budget was used up.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BudgetDenied {
    /// What the budget is for.
    pub scope: BudgetScope,
    /// Its name, as commands take it: `day`, `session/0b3c…`.
    pub budget: String,
    /// Which day or month; absent for a session's.
    pub period: Option<String>,
    /// US dollars allowed.
    pub limit_usd: f64,
    /// US dollars spent by the transcripts of this machine.
    pub spent_usd: f64,
    /// What was refused, as the agent names its hook: `PreToolUse`, `UserPromptSubmit`.
    pub hook: String,
}

/// An administrator changed a hard budget until its period ends.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BudgetRaised {
    /// What the budget is for.
    pub scope: BudgetScope,
    /// Its name, as commands take it.
    pub budget: String,
    /// Which day or month; absent for a session's.
    pub period: Option<String>,
    /// US dollars allowed from now on; absent: as many as it takes.
    pub limit_usd: Option<f64>,
    /// US dollars spent by then.
    pub spent_usd: f64,
}
