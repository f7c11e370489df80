//! Converts the rows of a task to envelopes. A fact's id is made from table and row, so importing a row again gives the same
//! fact.
//!
//! Context Foundry fills columns with what it does not know: zeros, ratings of 3, tokens worked out from the clock. None of it
//! is imported as known: what the database does not hold stays absent.

use std::collections::{BTreeMap, BTreeSet};

use forgecast_protocol::Timestamp;
use forgecast_store::{LegacyRow, LegacyTable};
use serde_json::{Map, Value, json};

use super::value::{self, count, digest, flag, list, number, text};
use super::{ID, ImportScope};

/// How many patterns of a task have their uses counted; the others are reported without counts.
const MAX_PATTERNS: usize = 1_000;

/// The type of the decisions that Context Foundry makes of a build's feedback, with this for every rating.
const FROM_FEEDBACK: &str = "issue_resolution";
const RATING_OF_NOBODY: f64 = 3.0;

/// One task while its rows are converted.
pub(super) struct Task {
    session: String,
    /// Distinguishes this task from tasks with the same name in other databases.
    mark: String,
    columns: Map<String, Value>,
    scope: ImportScope,
    /// When the task began and ended, as far as the database says.
    times: [Option<Timestamp>; 2],
    /// No fact has an earlier time.
    earliest: Option<Timestamp>,
    /// The time of the latest row.
    latest: Option<Timestamp>,
    /// The most tokens that were estimated so far.
    tokens: u64,
    phases: BTreeSet<String>,
    /// What the decisions say that were converted: the same feedback was stored again and again.
    decisions: BTreeSet<String>,
    /// How often each pattern was applied and prevented something.
    patterns: BTreeMap<String, (u32, u32)>,
}

impl Task {
    pub(super) fn new(id: &str, columns: Map<String, Value>, earliest: Option<Timestamp>, scope: ImportScope) -> Self {
        let made = columns.get("created_at");
        let times = times(&columns);
        let earliest = times[0].or(earliest).or(made.and_then(value::time_of_database));
        let made = text(&columns, "created_at").unwrap_or_default();
        Self {
            session: id.to_owned(),
            mark: digest(&[id, &made]),
            columns,
            scope,
            times,
            earliest,
            latest: earliest,
            tokens: 0,
            phases: BTreeSet::new(),
            decisions: BTreeSet::new(),
            patterns: BTreeMap::new(),
        }
    }

    /// The envelopes before all rows.
    pub(super) fn begin(&self) -> Vec<Value> {
        if self.scope == ImportScope::Supplement {
            return Vec::new();
        }
        let column = |name| text(&self.columns, name);
        let seen = json!({ "project": column("project_name"), "task": column("task_description") });
        let mut envelopes = vec![self.envelope("tasks/seen", "session_seen", self.earliest, seen)];
        if let Some(began) = self.times[0] {
            let phase = json!({ "started_at": began });
            envelopes.push(self.envelope("tasks/began", "phase_reported", Some(began), phase));
        }
        envelopes
    }

    /// The envelopes of one row.
    pub(super) fn row(&mut self, table: LegacyTable, row: &LegacyRow, at: Option<Timestamp>) -> Vec<Value> {
        let at = at.or(self.earliest).max(self.earliest);
        self.latest = self.latest.max(at);
        let place = format!("{}/{}", table.as_ref(), row.number);
        let columns = &row.columns;
        match table {
            LegacyTable::Metrics => self.metric(&place, columns, at),
            LegacyTable::Decisions => self.decision(&place, columns, at).into_iter().collect(),
            LegacyTable::Agents => self.agent(&place, row, at),
            LegacyTable::Instances => self.instance(&place, columns, at),
            LegacyTable::Tests => vec![self.tests(&place, columns, at)],
            LegacyTable::Patterns => self.pattern(&place, columns, at).into_iter().collect(),
            LegacyTable::Tasks => Vec::new(),
        }
    }

    /// The envelopes after all rows: the task's current state, or how it ended.
    pub(super) fn end(&self) -> Vec<Value> {
        if self.scope == ImportScope::Supplement || self.columns.is_empty() {
            return Vec::new();
        }
        let [_, ended] = self.times;
        let status = text(&self.columns, "status");
        let done = list(&self.columns, "phases_completed");
        let current = text(&self.columns, "current_phase").filter(|phase| !self.goes_back(phase));
        let has_phase = current.is_some() || done.is_some();
        if !has_phase && status.is_none() {
            return Vec::new();
        }
        let at = ended.or(self.latest);
        let mut phase = json!({ "phase": current, "phases_completed": done, "last_updated": at });
        let Some(success) = status.as_deref().and_then(outcome) else {
            phase["status"] = json!(status);
            // The state changes while the task runs; each state is a fact of its own.
            let stand = digest(&[&known(phase.clone()).to_string()]);
            return vec![self.envelope(&format!("tasks/stand-{stand}"), "phase_reported", at, phase)];
        };
        let link = text(&self.columns, "github_url").filter(|link| link.starts_with("https://"));
        let end = json!({
            "success": success, "status": status, "completed_at": ended, "phases_completed": done,
            "duration_minutes": duration_s(&self.columns).map(|seconds| seconds / 60.0),
            "links": link.map(|link| json!({ "github": link })),
        });
        let mut envelopes = Vec::new();
        if has_phase {
            envelopes.push(self.envelope("tasks/last", "phase_reported", at, phase));
        }
        envelopes.push(self.envelope("tasks/end", "completion_reported", at, end));
        envelopes
    }

    /// Whether this is the first phase although others came before it. A task is one run, so its rows are out of order.
    fn goes_back(&self, phase: &str) -> bool {
        let is_first = |phase: &str| {
            let word = phase.to_lowercase();
            word.contains("scout") || word.contains("codebase")
        };
        is_first(phase) && self.phases.iter().any(|phase| !is_first(phase))
    }

    fn metric(&mut self, place: &str, columns: &Map<String, Value>, at: Option<Timestamp>) -> Vec<Value> {
        if self.scope == ImportScope::Supplement {
            return Vec::new();
        }
        let mut envelopes = Vec::new();
        if let Some(phase) = text(columns, "phase").filter(|phase| !self.goes_back(phase))
            && self.phases.insert(phase.clone())
        {
            let phase = json!({ "phase": phase, "last_updated": at });
            envelopes.push(self.envelope(&format!("{place}/phase"), "phase_reported", at, phase));
        }
        // Worked out from the clock and a rate for each phase, so it may fall; the most is what it came to. The percentage is
        // made of it.
        let tokens = count(columns, "token_usage").unwrap_or_default();
        let used = tokens.saturating_sub(self.tokens);
        if used > 0 {
            self.tokens = tokens;
            let usage = json!({ "input": used, "source": "estimated", "used_at": at });
            envelopes.push(self.envelope(place, "usage_recorded", at, usage));
        }
        envelopes
    }

    /// A decision, unless a row before said the same.
    fn decision(&mut self, place: &str, columns: &Map<String, Value>, at: Option<Timestamp>) -> Option<Value> {
        let said: Map<String, Value> = columns
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "id" | "task_id" | "timestamp"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if !self.decisions.insert(digest(&[&Value::Object(said).to_string()])) {
            return None;
        }
        let kind = text(columns, "decision_type");
        let ratings = ["quality_rating", "difficulty_rating"].map(|name| number(columns, name));
        let is_rated = kind.as_deref() != Some(FROM_FEEDBACK) || ratings != [Some(RATING_OF_NOBODY); 2];
        let [quality, difficulty] =
            ratings.map(|rating| rating.filter(|rating| is_rated && (1.0..=5.0).contains(rating)));
        let is_regretted = flag(columns, "is_regrettable") == Some(true);
        let decision = json!({
            "key": place, "title": text(columns, "decision_description").or_else(|| kind.clone()), "category": kind,
            "phase": text(columns, "phase"), "quality": quality, "difficulty": difficulty,
            "lesson_used": flag(columns, "used_lessons_learned"), "solution": text(columns, "reasoning"),
            "severity": is_regretted.then_some("regrettable"),
        });
        Some(self.envelope(place, "decision_recorded", at, decision))
    }

    /// One time that an agent was at work.
    fn agent(&self, place: &str, row: &LegacyRow, at: Option<Timestamp>) -> Vec<Value> {
        let columns = &row.columns;
        let kind = text(columns, "agent_type");
        let status = flag(columns, "success").map(|well| if well { "completed" } else { "failed" });
        let issues = ["issues_found", "issues_fixed"].map(|name| (name, count(columns, name)));
        let are_stated = issues.iter().any(|(_, count)| count.is_some_and(|count| count > 0));
        let mut agent = json!({
            "agent_id": format!("{}-{}", kind.as_deref().unwrap_or("agent"), row.number), "agent_type": kind,
            "phase": text(columns, "phase"), "tokens_used": count(columns, "tokens_used").filter(|tokens| *tokens > 0),
        });
        for (name, count) in issues {
            agent[name] = json!(count.filter(|_| are_stated));
        }
        self.agent_from(place, columns, agent, status, at)
    }

    /// One agent as it last reported itself.
    fn instance(&self, place: &str, columns: &Map<String, Value>, at: Option<Timestamp>) -> Vec<Value> {
        let Some(id) = text(columns, "agent_id") else {
            return Vec::new();
        };
        let more_than_nothing = |name| number(columns, name).filter(|number| *number > 0.0);
        let agent = json!({
            "agent_id": id, "agent_type": text(columns, "agent_type"), "agent_name": text(columns, "agent_name"),
            "phase": text(columns, "phase"), "parent_agent_id": text(columns, "parent_agent_id"),
            "progress_percent": more_than_nothing("progress_percent"), "error_message": text(columns, "error_message"),
            "tokens_used": count(columns, "tokens_used").filter(|tokens| *tokens > 0),
            "tokens_limit": count(columns, "tokens_limit"),
        });
        // The row changes while the agent works; each state is a fact of its own.
        let stand = digest(&[&Value::Object(columns.clone()).to_string()]);
        let status = text(columns, "status");
        self.agent_from(&format!("{place}-{stand}"), columns, agent, status.as_deref(), at)
    }

    /// An agent with the times that its row holds: how it was when it began, and how it ended if that is known to be later.
    fn agent_from(
        &self,
        place: &str,
        columns: &Map<String, Value>,
        mut agent: Value,
        status: Option<&str>,
        at: Option<Timestamp>,
    ) -> Vec<Value> {
        let [started, ended] = times(columns);
        let mut envelopes = Vec::new();
        if let Some(ended) = ended {
            // The ending is a fact of its own, since the past is looked at, too.
            let began = json!({
                "agent_id": agent["agent_id"], "agent_type": agent["agent_type"], "phase": agent["phase"],
                "status": "active", "times": known(json!({ "started_at": started })),
            });
            envelopes.push(self.envelope(&format!("{place}/began"), "agent_reported", at, began));
            agent["status"] = status.unwrap_or("ended").into();
            agent["times"] = known(json!({ "started_at": started, "ended_at": ended }));
            envelopes.push(self.envelope(place, "agent_reported", Some(ended), agent));
        } else {
            agent["status"] = status.unwrap_or("unknown").into();
            agent["times"] = known(json!({ "started_at": started }));
            envelopes.push(self.envelope(place, "agent_reported", at, agent));
        }
        envelopes
    }

    fn tests(&self, place: &str, columns: &Map<String, Value>, at: Option<Timestamp>) -> Value {
        let mut tests = json!({ "iteration": count(columns, "iteration_number") });
        let numbers = ["tests_run", "tests_passed", "tests_failed"].map(|name| (name, count(columns, name)));
        // Context Foundry writes zeros for numbers that nobody reported.
        if numbers.iter().any(|(_, count)| count.is_some_and(|count| count > 0)) {
            for (name, count) in numbers {
                tests[name] = json!(count);
            }
        }
        self.envelope(place, "tests_reported", at, tests)
    }

    fn pattern(&mut self, place: &str, columns: &Map<String, Value>, at: Option<Timestamp>) -> Option<Value> {
        let id = text(columns, "pattern_id")?;
        let has_room = self.patterns.len() < MAX_PATTERNS || self.patterns.contains_key(&id);
        let counts = has_room.then(|| {
            let (applied, prevented) = self.patterns.entry(id.clone()).or_default();
            *applied += u32::from(flag(columns, "was_applied") == Some(true));
            *prevented += u32::from(flag(columns, "prevented_issue") == Some(true));
            (*applied, *prevented)
        });
        let pattern = json!({
            "pattern_id": id, "library": text(columns, "pattern_type"), "title": text(columns, "issue_description"),
            "frequency": counts.map(|(applied, _)| applied), "times_prevented": counts.map(|(_, prevented)| prevented),
        });
        Some(self.envelope(place, "pattern_recorded", at, pattern))
    }

    fn envelope(&self, place: &str, kind: &str, at: Option<Timestamp>, data: Value) -> Value {
        known(json!({
            "id": format!("{ID}{}/{place}", self.mark), "session": self.session, "type": kind, "at": at, "history": true,
            "data": known(data),
        }))
    }
}

/// An object without its fields that are null.
fn known(mut object: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.retain(|_, value| !value.is_null());
    }
    object
}

/// When a row says that something began and ended. One of the two follows from the other and a duration; a duration of zero
/// is one that nobody measured.
fn times(columns: &Map<String, Value>) -> [Option<Timestamp>; 2] {
    let [began, ended] = ["start_time", "end_time"].map(|name| columns.get(name).and_then(value::time));
    let duration_ms = duration_s(columns)
        .and_then(|seconds| i64::try_from(std::time::Duration::try_from_secs_f64(seconds).ok()?.as_millis()).ok());
    let after = |began: Timestamp| Some(began.plus_millis(duration_ms?));
    let before = |ended: Timestamp| Some(ended.plus_millis(-duration_ms?));
    let began = began.or_else(|| before(ended?));
    let ended = ended.or_else(|| after(began?));
    [began, ended.filter(|ended| began.is_none_or(|began| began <= *ended))]
}

/// A duration that was measured, in seconds.
fn duration_s(columns: &Map<String, Value>) -> Option<f64> {
    number(columns, "duration_seconds").filter(|seconds| *seconds > 0.0)
}

/// Whether a status means success or failure; `None` if the task has not ended.
fn outcome(status: &str) -> Option<bool> {
    match status.to_lowercase().as_str() {
        "completed" | "complete" | "success" | "succeeded" | "done" | "finished" => Some(true),
        "failed" | "failure" | "error" | "timeout" | "cancelled" | "canceled" | "aborted" => Some(false),
        _ => None,
    }
}
