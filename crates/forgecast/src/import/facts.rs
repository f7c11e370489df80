//! Converts the rows of a task to envelopes. A fact's id is made from table and row, so importing a row again gives the same
//! fact.

use std::collections::{BTreeMap, BTreeSet};

use forgecast_protocol::Timestamp;
use forgecast_store::{LegacyRow, LegacyTable};
use serde_json::{Map, Value, json};

use super::value::{self, count, digest, flag, list, number, text};
use super::{ID, ImportScope};

/// How many patterns of a task have their uses counted; the others are reported without counts.
const MAX_PATTERNS: usize = 1_000;

/// One task while its rows are converted.
pub(super) struct Task {
    session: String,
    /// Distinguishes this task from tasks with the same name in other databases.
    mark: String,
    columns: Map<String, Value>,
    scope: ImportScope,
    /// No fact has an earlier time.
    began: Option<Timestamp>,
    /// The time of the latest row.
    latest: Option<Timestamp>,
    tokens: u64,
    phases: BTreeSet<String>,
    /// How often each pattern was applied and prevented something.
    patterns: BTreeMap<String, (u32, u32)>,
}

impl Task {
    pub(super) fn new(id: &str, columns: Map<String, Value>, earliest: Option<Timestamp>, scope: ImportScope) -> Self {
        let made = columns.get("created_at");
        let began = columns.get("start_time").and_then(value::time);
        let began = began.or(earliest).or(made.and_then(value::time_of_database));
        let made = text(&columns, "created_at").unwrap_or_default();
        Self {
            session: id.to_owned(),
            mark: digest(&[id, &made]),
            columns,
            scope,
            began,
            latest: began,
            tokens: 0,
            phases: BTreeSet::new(),
            patterns: BTreeMap::new(),
        }
    }

    /// The envelopes before all rows.
    pub(super) fn begin(&self) -> Vec<Value> {
        if self.scope == ImportScope::Supplement {
            return Vec::new();
        }
        let mut seen = Map::new();
        put(&mut seen, "project", text(&self.columns, "project_name"));
        put(&mut seen, "task", text(&self.columns, "task_description"));
        let mut envelopes = vec![self.envelope("tasks/seen", "session_seen", self.began, seen)];
        if let Some(began) = self.began {
            let mut phase = Map::new();
            put(&mut phase, "started_at", Some(began.to_string()));
            envelopes.push(self.envelope("tasks/began", "phase_reported", Some(began), phase));
        }
        envelopes
    }

    /// The envelopes of one row.
    pub(super) fn row(&mut self, table: LegacyTable, row: &LegacyRow, at: Option<Timestamp>) -> Vec<Value> {
        let at = at.or(self.began).max(self.began);
        self.latest = self.latest.max(at);
        let place = format!("{}/{}", table.name(), row.number);
        let columns = &row.columns;
        match table {
            LegacyTable::Metrics => self.metric(&place, columns, at),
            LegacyTable::Decisions => vec![self.decision(&place, columns, at)],
            LegacyTable::Agents => self.agent(&place, row, at),
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
        let ended = self.columns.get("end_time").and_then(value::time);
        let ended = ended.max(self.began.filter(|_| ended.is_some()));
        let status = text(&self.columns, "status");
        let done = list(&self.columns, "phases_completed");
        let mut phase = Map::new();
        let current = text(&self.columns, "current_phase");
        put(&mut phase, "phase", current.filter(|phase| !self.goes_back(phase)));
        put(&mut phase, "phases_completed", done.clone());
        if phase.is_empty() && status.is_none() {
            return Vec::new();
        }
        let at = ended.or(self.latest);
        let Some(success) = status.as_deref().and_then(outcome) else {
            put(&mut phase, "status", status);
            put(&mut phase, "last_updated", at.map(|at| at.to_string()));
            // The state changes while the task runs; each state is a fact of its own.
            let stand = digest(&[&Value::Object(phase.clone()).to_string()]);
            return vec![self.envelope(&format!("tasks/stand-{stand}"), "phase_reported", at, phase)];
        };
        let mut end = Map::new();
        put(&mut end, "success", Some(success));
        put(&mut end, "status", status);
        put(&mut end, "completed_at", at.map(|at| at.to_string()));
        put(&mut end, "phases_completed", done);
        let minutes = number(&self.columns, "duration_seconds").map(|seconds| seconds / 60.0);
        put(&mut end, "duration_minutes", minutes);
        let link = text(&self.columns, "github_url").filter(|link| link.starts_with("https://"));
        put(&mut end, "links", link.map(|link| json!({ "github": link })));
        let mut envelopes = Vec::new();
        if !phase.is_empty() {
            put(&mut phase, "last_updated", at.map(|at| at.to_string()));
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
            let mut fields = Map::new();
            put(&mut fields, "phase", Some(phase));
            put(&mut fields, "last_updated", at.map(|at| at.to_string()));
            envelopes.push(self.envelope(&format!("{place}/phase"), "phase_reported", at, fields));
        }
        let mut usage = Map::new();
        if let Some(tokens) = count(columns, "token_usage") {
            // The number grows while the context fills, and starts over when it is reset; the increase was used.
            let used = tokens.checked_sub(self.tokens).unwrap_or(tokens);
            self.tokens = tokens;
            put(&mut usage, "input", Some(used).filter(|used| *used > 0));
            put(&mut usage, "context_tokens", Some(tokens));
        }
        put(
            &mut usage,
            "context_percent",
            number(columns, "token_percentage").filter(|percent| *percent <= 100.0),
        );
        if !usage.is_empty() {
            put(&mut usage, "used_at", at.map(|at| at.to_string()));
            envelopes.push(self.envelope(place, "usage_recorded", at, usage));
        }
        envelopes
    }

    fn decision(&self, place: &str, columns: &Map<String, Value>, at: Option<Timestamp>) -> Value {
        let kind = text(columns, "decision_type");
        let mut fields = Map::new();
        put(&mut fields, "key", Some(place.to_owned()));
        let title = text(columns, "decision_description").or_else(|| kind.clone());
        put(&mut fields, "title", title);
        put(&mut fields, "category", kind);
        put(&mut fields, "phase", text(columns, "phase"));
        let rating = |name| number(columns, name).filter(|rating| (1.0..=5.0).contains(rating));
        put(&mut fields, "quality", rating("quality_rating"));
        put(&mut fields, "difficulty", rating("difficulty_rating"));
        put(&mut fields, "lesson_used", flag(columns, "used_lessons_learned"));
        put(&mut fields, "root_cause", text(columns, "reasoning"));
        put(&mut fields, "solution", text(columns, "outcome"));
        let regretted = flag(columns, "is_regrettable") == Some(true);
        put(&mut fields, "severity", regretted.then_some("regrettable"));
        self.envelope(place, "decision_recorded", at, fields)
    }

    fn agent(&self, place: &str, row: &LegacyRow, at: Option<Timestamp>) -> Vec<Value> {
        let columns = &row.columns;
        let kind = text(columns, "agent_type");
        let mut fields = Map::new();
        let id = format!("{}-{}", kind.as_deref().unwrap_or("agent"), row.number);
        put(&mut fields, "agent_id", Some(id));
        put(&mut fields, "agent_type", kind);
        put(&mut fields, "phase", text(columns, "phase"));
        let mut ended = fields.clone();
        let duration = count(columns, "duration_seconds").and_then(|seconds| i64::try_from(seconds).ok());
        let reported = columns.get("end_time").and_then(value::time);
        let after = || Some(at?.plus_millis(duration?.saturating_mul(1_000)));
        let end = reported.or_else(after).or(at).max(at);
        put(&mut fields, "status", Some("active"));
        let well = flag(columns, "success").unwrap_or(true);
        put(&mut ended, "status", Some(if well { "completed" } else { "failed" }));
        put(
            &mut ended,
            "tokens_used",
            count(columns, "tokens_used").filter(|tokens| *tokens > 0),
        );
        put(&mut ended, "issues_found", count(columns, "issues_found"));
        put(&mut ended, "issues_fixed", count(columns, "issues_fixed"));
        vec![
            self.envelope(&format!("{place}/began"), "agent_reported", at, fields),
            self.envelope(place, "agent_reported", end, ended),
        ]
    }

    fn tests(&self, place: &str, columns: &Map<String, Value>, at: Option<Timestamp>) -> Value {
        let mut fields = Map::new();
        put(&mut fields, "iteration", count(columns, "iteration_number"));
        let numbers = ["tests_run", "tests_passed", "tests_failed"];
        // Context Foundry writes zeros for numbers that nobody reported.
        if numbers
            .iter()
            .any(|name| count(columns, name).is_some_and(|count| count > 0))
        {
            for name in numbers {
                put(&mut fields, name, count(columns, name));
            }
        }
        self.envelope(place, "tests_reported", at, fields)
    }

    fn pattern(&mut self, place: &str, columns: &Map<String, Value>, at: Option<Timestamp>) -> Option<Value> {
        let id = text(columns, "pattern_id")?;
        let mut fields = Map::new();
        let room = self.patterns.len() < MAX_PATTERNS || self.patterns.contains_key(&id);
        if room {
            let (applied, prevented) = self.patterns.entry(id.clone()).or_default();
            *applied += u32::from(flag(columns, "was_applied") == Some(true));
            *prevented += u32::from(flag(columns, "prevented_issue") == Some(true));
            put(&mut fields, "frequency", Some(*applied));
            put(&mut fields, "times_prevented", Some(*prevented));
        }
        put(&mut fields, "pattern_id", Some(id));
        put(&mut fields, "library", text(columns, "pattern_type"));
        put(&mut fields, "title", text(columns, "issue_description"));
        Some(self.envelope(place, "pattern_recorded", at, fields))
    }

    fn envelope(&self, place: &str, kind: &str, at: Option<Timestamp>, data: Map<String, Value>) -> Value {
        let mut envelope = Map::new();
        put(&mut envelope, "id", Some(format!("{ID}{}/{place}", self.mark)));
        put(&mut envelope, "session", Some(self.session.clone()));
        put(&mut envelope, "type", Some(kind));
        put(&mut envelope, "at", at.map(|at| at.to_string()));
        put(&mut envelope, "history", Some(true));
        put(&mut envelope, "data", Some(data));
        Value::Object(envelope)
    }
}

/// Sets a field that has a value.
fn put(fields: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value.into());
    }
}

/// Whether a status means success or failure; `None` if the task has not ended.
fn outcome(status: &str) -> Option<bool> {
    match status.to_lowercase().as_str() {
        "completed" | "complete" | "success" | "succeeded" | "done" | "finished" => Some(true),
        "failed" | "failure" | "error" | "timeout" | "cancelled" | "canceled" | "aborted" => Some(false),
        _ => None,
    }
}
