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
        let column = |name| text(&self.columns, name);
        let seen = json!({ "project": column("project_name"), "task": column("task_description") });
        let mut envelopes = vec![self.envelope("tasks/seen", "session_seen", self.began, seen)];
        if let Some(began) = self.began {
            let phase = json!({ "started_at": began });
            envelopes.push(self.envelope("tasks/began", "phase_reported", Some(began), phase));
        }
        envelopes
    }

    /// The envelopes of one row.
    pub(super) fn row(&mut self, table: LegacyTable, row: &LegacyRow, at: Option<Timestamp>) -> Vec<Value> {
        let at = at.or(self.began).max(self.began);
        self.latest = self.latest.max(at);
        let place = format!("{}/{}", table.as_ref(), row.number);
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
            "success": success, "status": status, "completed_at": at, "phases_completed": done,
            "duration_minutes": number(&self.columns, "duration_seconds").map(|seconds| seconds / 60.0),
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
        let tokens = count(columns, "token_usage");
        // The number grows while the context fills, and starts over when it is reset; the increase was used.
        let used = tokens.map(|tokens| tokens.checked_sub(self.tokens).unwrap_or(tokens));
        self.tokens = tokens.unwrap_or(self.tokens);
        let percent = number(columns, "token_percentage").filter(|percent| *percent <= 100.0);
        if tokens.is_some() || percent.is_some() {
            let usage = json!({
                "input": used.filter(|used| *used > 0), "context_tokens": tokens, "context_percent": percent, "used_at": at,
            });
            envelopes.push(self.envelope(place, "usage_recorded", at, usage));
        }
        envelopes
    }

    fn decision(&self, place: &str, columns: &Map<String, Value>, at: Option<Timestamp>) -> Value {
        let kind = text(columns, "decision_type");
        let rating = |name| number(columns, name).filter(|rating| (1.0..=5.0).contains(rating));
        let is_regretted = flag(columns, "is_regrettable") == Some(true);
        let decision = json!({
            "key": place, "title": text(columns, "decision_description").or_else(|| kind.clone()), "category": kind,
            "phase": text(columns, "phase"), "quality": rating("quality_rating"), "difficulty": rating("difficulty_rating"),
            "lesson_used": flag(columns, "used_lessons_learned"), "root_cause": text(columns, "reasoning"),
            "solution": text(columns, "outcome"), "severity": is_regretted.then_some("regrettable"),
        });
        self.envelope(place, "decision_recorded", at, decision)
    }

    fn agent(&self, place: &str, row: &LegacyRow, at: Option<Timestamp>) -> Vec<Value> {
        let columns = &row.columns;
        let kind = text(columns, "agent_type");
        let id = format!("{}-{}", kind.as_deref().unwrap_or("agent"), row.number);
        let began = json!({ "agent_id": id, "agent_type": kind, "phase": text(columns, "phase"), "status": "active" });
        let duration = count(columns, "duration_seconds").and_then(|seconds| i64::try_from(seconds).ok());
        let reported = columns.get("end_time").and_then(value::time);
        let after = || Some(at?.plus_millis(duration?.saturating_mul(1_000)));
        let end = reported.or_else(after).or(at).max(at);
        let well = flag(columns, "success").unwrap_or(true);
        let mut ended = began.clone();
        ended["status"] = if well { "completed" } else { "failed" }.into();
        ended["tokens_used"] = json!(count(columns, "tokens_used").filter(|tokens| *tokens > 0));
        for name in ["issues_found", "issues_fixed"] {
            ended[name] = json!(count(columns, name));
        }
        vec![
            self.envelope(&format!("{place}/began"), "agent_reported", at, began),
            self.envelope(place, "agent_reported", end, ended),
        ]
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

/// Whether a status means success or failure; `None` if the task has not ended.
fn outcome(status: &str) -> Option<bool> {
    match status.to_lowercase().as_str() {
        "completed" | "complete" | "success" | "succeeded" | "done" | "finished" => Some(true),
        "failed" | "failure" | "error" | "timeout" | "cancelled" | "canceled" | "aborted" => Some(false),
        _ => None,
    }
}
