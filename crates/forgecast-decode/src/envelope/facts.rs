//! One function per kind of fact: which fields it has, by the protocol's names and by those that producers use, and which
//! it cannot do without. Kinds that only Forgecast itself can know are refused.

use std::path::{Component, Path};

use forgecast_protocol::event::{
    ActivityReported, AgentReported, AgentTimes, ArtifactChanged, ArtifactKind, CallId, CallReported, CallTokens,
    CompletionBasis, Custom, ErrorReported, Fact, LimitReported, LimitSource, ProblemCleared, ProblemFound,
    SessionSeen, SourceGone, SourceReturned, TestBasis, TestsReported, TokenDelta, ToolUsed, UsageRecorded,
    UsageSource, WaitingBegan, WaitingEnded,
};
use forgecast_protocol::{Problem, ProblemKind, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fields::Fields;
use crate::{checkpoint, feedback, patterns, phase, summary, tasks};

/// The kind that belongs to no session.
pub(super) const LIMIT: &str = "limit_reported";

/// Percent above which nothing of a plan is used up.
const MAX_LIMIT_PERCENT: f64 = 1_000.0;
/// Minutes of the longest window, which is a quarter of a year.
const MAX_WINDOW_MINUTES: u32 = 92 * 24 * 60;
/// Seconds above which a duration is none.
const MAX_SECONDS: f64 = 1e9;

/// The head of an envelope: what is known besides its fields.
pub(super) struct Head {
    pub(super) kind: String,
    /// Whether its fields stand together in an object `data`.
    pub(super) in_data: bool,
    /// The producer's time.
    pub(super) at: Option<Timestamp>,
    /// Whether it is brought over from elsewhere.
    pub(super) is_history: bool,
    pub(super) now: Timestamp,
}

/// The fact in an envelope.
pub(super) fn read(head: &Head, fields: &mut Fields<'_>) -> Result<Fact, String> {
    Ok(match head.kind.as_str() {
        "session_seen" => Fact::SessionSeen(seen(fields)),
        "phase_reported" => {
            let mut report = phase::report(fields);
            report.last_updated = report.last_updated.or(head.at);
            report.extra = extra(fields);
            Fact::PhaseReported(report)
        }
        "checkpoint_reported" => Fact::CheckpointReported(checkpoint::report(fields)),
        "task_reported" => {
            let id = required(fields, &["task_id", "id", "task"])?;
            Fact::TaskReported(tasks::report(fields, id))
        }
        "tests_reported" => Fact::TestsReported(tests(fields)),
        "agent_reported" => Fact::AgentReported(agent(fields)?),
        "decision_recorded" => {
            let key = required(fields, &["key", "decision_id", "id"])?;
            let mut decision = feedback::report(fields, key);
            if decision.title.is_empty() {
                decision.title.clone_from(&decision.key);
            }
            Fact::DecisionRecorded(decision)
        }
        "pattern_recorded" => {
            let id = required(fields, &["pattern_id", "id", "pattern"])?;
            Fact::PatternRecorded(patterns::report(fields, id))
        }
        "artifact_changed" => Fact::ArtifactChanged(artifact(head, fields)?),
        "usage_recorded" => Fact::UsageRecorded(usage(head, fields)?),
        "tool_used" => Fact::ToolUsed(ToolUsed {
            tool: required(fields, &["tool"])?,
            summary: fields.line(&["summary"]),
            agent: fields.word(&["agent"]),
            success: fields.flag(&["success"]),
            use_id: fields.word(&["use_id", "tool_use_id"]),
        }),
        "waiting_began" => Fact::WaitingBegan(WaitingBegan {
            reason: fields
                .line(&["reason", "message"])
                .unwrap_or_else(|| "waits for a person".to_owned()),
            waiting_for: enum_word(fields, "waiting_for"),
            agent: fields.word(&["agent"]),
            use_id: fields.word(&["use_id", "tool_use_id"]),
            tool: fields.word(&["tool"]),
            summary: fields.line(&["summary"]),
            cut_short: enum_word(fields, "cut_short"),
        }),
        "waiting_ended" => Fact::WaitingEnded(WaitingEnded {
            agent: fields.word(&["agent"]),
            use_id: fields.word(&["use_id", "tool_use_id"]),
            tool: fields.word(&["tool"]),
        }),
        "activity_reported" => Fact::ActivityReported(ActivityReported {
            agent: fields.word(&["agent"]),
            activity: enum_word(fields, "activity").unwrap_or_default(),
            words: fields.line(&["words"]),
        }),
        "error_reported" => Fact::ErrorReported(error(fields)?),
        "completion_reported" => {
            let mut completion = summary::completion(fields, CompletionBasis::Reported);
            // When something is learned that is history is not when it ended.
            completion.completed_at = completion.completed_at.or(head.at.filter(|_| !head.is_history));
            Fact::CompletionReported(completion)
        }
        _ => return rare(head, fields),
    })
}

/// One of a list of words; absent for any other word.
fn enum_word<T: DeserializeOwned>(fields: &mut Fields<'_>, name: &str) -> Option<T> {
    serde_json::from_value(Value::String(fields.word(&[name])?)).ok()
}

/// Kinds that few producers send, those that none may, and those that nobody knows.
fn rare(head: &Head, fields: &mut Fields<'_>) -> Result<Fact, String> {
    Ok(match head.kind.as_str() {
        // Under a key of their own, so that no producer hides a problem that Forgecast found itself.
        "problem_found" => Fact::ProblemFound(ProblemFound {
            key: format!("pushed:{}", required(fields, &["key"])?),
            problem: problem(fields)?,
        }),
        "problem_cleared" => Fact::ProblemCleared(ProblemCleared {
            key: format!("pushed:{}", required(fields, &["key"])?),
            with_parts: false,
        }),
        "source_gone" => Fact::SourceGone(SourceGone {
            path: required_line(fields, "path")?,
        }),
        "source_returned" => Fact::SourceReturned(SourceReturned {
            path: required_line(fields, "path")?,
        }),
        "call_reported" => Fact::CallReported(call(fields)?),
        LIMIT => Fact::LimitReported(limit(head, fields)?),
        "went_quiet" | "estimate_revised" | "budget_passed" | "limit_passed" | "indexing_progress"
        | "process_reported" | "source_moved" => {
            return Err(format!(
                "{} is worked out by Forgecast itself and cannot be pushed; report phases and completion instead",
                head.kind
            ));
        }
        "custom" => Fact::Custom(Custom {
            kind: required(fields, &["kind"])?,
            data: data(fields),
        }),
        unknown => Fact::Custom(Custom {
            kind: unknown.to_owned(),
            data: if head.in_data {
                fields.cleaner().value(Value::Object(fields.unread()))
            } else {
                data(fields)
            },
        }),
    })
}

fn required(fields: &mut Fields<'_>, names: &[&str]) -> Result<String, String> {
    fields.word(names).ok_or_else(|| missing(names))
}

fn required_line(fields: &mut Fields<'_>, name: &str) -> Result<String, String> {
    fields.line(&[name]).ok_or_else(|| missing(&[name]))
}

fn missing(names: &[&str]) -> String {
    format!(
        "field {:?} is missing or no text",
        names.first().copied().unwrap_or_default()
    )
}

/// `data`, or else everything that the envelope does not name itself.
fn data(fields: &mut Fields<'_>) -> Value {
    let cleaner = fields.cleaner();
    match fields.take(&["data"]) {
        Some((_, data)) => cleaner.value(data),
        None => Value::Object(fields.rest()),
    }
}

/// An object `extra`, as the protocol writes it, and what is not known beside it.
fn extra(fields: &mut Fields<'_>) -> serde_json::Map<String, Value> {
    let mut kept = serde_json::Map::new();
    if let Some((_, Value::Object(map))) = fields.take(&["extra"]) {
        let mut inner = Fields::within(map, fields.cleaner(), "extra.".to_owned());
        kept = inner.rest();
        fields.absorb(inner.into_bad());
    }
    kept.extend(fields.rest());
    kept
}

fn seen(fields: &mut Fields<'_>) -> SessionSeen {
    SessionSeen {
        title: fields.line(&["title"]),
        project: fields.word(&["project", "project_name"]),
        task: fields.text(&["task", "task_description"]),
        host: fields.word(&["host"]),
        branch: fields.word(&["branch"]),
        run: fields.word(&["run"]),
        links: summary::links(fields),
    }
}

/// An agent, by the protocol's names or by those of `POST /api/agent-update`.
pub(crate) fn agent(fields: &mut Fields<'_>) -> Result<AgentReported, String> {
    let id = fields.word(&["agent_id", "id", "agent"]);
    Ok(AgentReported {
        id: id.ok_or_else(|| missing(&["agent_id"]))?,
        kind: fields.word(&["agent_type", "kind"]),
        name: fields.word(&["agent_name", "name"]),
        parent: fields.word(&["parent_agent_id", "parent"]),
        status: fields.word(&["status"]),
        phase: fields.word(&["phase"]),
        progress_percent: fields.percent(&["progress_percent"]),
        tokens: fields.tokens(&["tokens_used", "tokens"])?,
        tokens_limit: fields.large_count(&["tokens_limit"]),
        error: fields.line(&["error_message", "error"]),
        issues_found: fields.count(&["issues_found"]),
        issues_fixed: fields.count(&["issues_fixed"]),
        provider: fields.word(&["provider"]),
        model: fields.word(&["model"]),
        cost_usd: fields.money(&["cost_usd"])?,
        duration_seconds: fields.number(&["duration_seconds"], MAX_SECONDS),
        times: agent_times(fields),
    })
}

/// `times`, of a source that kept when the agent began and ended.
fn agent_times(fields: &mut Fields<'_>) -> Option<AgentTimes> {
    let Some((_, Value::Object(map))) = fields.take(&["times"]) else {
        return None;
    };
    let mut inner = Fields::within(map, fields.cleaner(), "times.".to_owned());
    let times = AgentTimes {
        started_at: inner.time(&["started_at"]),
        ended_at: inner.time(&["ended_at"]),
    };
    fields.absorb(inner.into_bad());
    Some(times)
}

fn tests(fields: &mut Fields<'_>) -> TestsReported {
    TestsReported {
        iteration: fields
            .count(&["iteration", "iteration_number"])
            .filter(|round| *round > 0),
        total: fields.count(&["total", "tests_run", "total_tests"]),
        passed: fields.count(&["passed", "tests_passed"]),
        failed: fields.count(&["failed", "tests_failed"]),
        verdict: fields.flag(&["verdict", "success"]),
        basis: TestBasis::Reported,
    }
}

fn artifact(head: &Head, fields: &mut Fields<'_>) -> Result<ArtifactChanged, String> {
    let name = required_line(fields, "name")?;
    let parts = Path::new(&name).components();
    let is_inside = parts.clone().count() > 0 && parts.clone().all(|part| matches!(part, Component::Normal(_)));
    if !is_inside || name.contains('\\') {
        return Err(r#"field "name" must be a path relative to the project's folder, without . or .."#.to_owned());
    }
    let kind = match fields.word(&["kind"]) {
        None => ArtifactKind::Other,
        Some(word) => serde_json::from_value(Value::String(word.clone())).unwrap_or_else(|_| {
            fields.note("kind", format!("{word:?} is no kind of artifact: taken as \"other\""));
            ArtifactKind::Other
        }),
    };
    Ok(ArtifactChanged {
        name,
        kind,
        size: fields.large_count(&["size"]).unwrap_or_default(),
        modified_at: fields
            .time(&["modified_at"])
            .or(head.at)
            .unwrap_or(head.now)
            .min(head.now),
        dated: fields.time(&["dated", "completed_at"]),
        removed: fields.flag(&["removed"]).unwrap_or_default(),
    })
}

fn usage(head: &Head, fields: &mut Fields<'_>) -> Result<UsageRecorded, String> {
    let mut tokens = |names: &[&str]| -> Result<i64, String> {
        let count = fields.tokens(names)?.unwrap_or_default();
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    };
    let tokens = TokenDelta {
        input: tokens(&["input", "input_tokens"])?,
        output: tokens(&["output", "output_tokens"])?,
        cache_read: tokens(&["cache_read", "cache_read_tokens"])?,
        cache_write: tokens(&["cache_write", "cache_creation_tokens"])?,
    };
    Ok(UsageRecorded {
        tokens,
        cost_usd: fields.money(&["cost_usd"])?,
        model: fields.word(&["model"]),
        agent: fields.word(&["agent"]),
        used_at: fields.time(&["used_at"]).map(|at| at.min(head.now)),
        context_tokens: fields.large_count(&["context_tokens"]),
        context_percent: fields.percent(&["context_percent"]),
        // Of what it did not count, a producer may say so; what others count is not its to report.
        source: enum_word(fields, "source").filter(|source| *source == UsageSource::Estimated),
        ..UsageRecorded::default()
    })
}

/// One call to a model. Whatever a producer says of itself, it is a producer: transcripts and telemetry count before it.
fn call(fields: &mut Fields<'_>) -> Result<CallReported, String> {
    let mut tokens = |names: &[&str]| fields.tokens(names).map(Option::unwrap_or_default);
    let tokens = CallTokens {
        input: tokens(&["input", "input_tokens"])?,
        output: tokens(&["output", "output_tokens"])?,
        cache_read: tokens(&["cache_read", "cache_read_tokens"])?,
        cache_write_5m: tokens(&["cache_write_5m", "cache_write", "cache_creation_tokens"])?,
        cache_write_1h: tokens(&["cache_write_1h"])?,
    };
    Ok(CallReported {
        call: CallId {
            message: fields.word(&["message_id"]),
            request: fields.word(&["request_id"]),
            sidechain: false,
        },
        source: UsageSource::Reported,
        used_at: fields.time(&["used_at"]),
        model: fields.word(&["model"]),
        fast: fields.flag(&["fast"]),
        web_searches: fields.tokens(&["web_searches"])?.unwrap_or_default(),
        inference_geo: fields.word(&["inference_geo"]),
        tokens,
        cost_usd: fields.money(&["cost_usd"])?,
        agent: fields.word(&["agent"]),
        context_window: fields.large_count(&["context_window"]),
        tools: Vec::new(),
        offset: 0,
    })
}

/// A reading of one window of a plan.
fn limit(head: &Head, fields: &mut Fields<'_>) -> Result<LimitReported, String> {
    let minutes = fields.count(&["window_minutes"]);
    let minutes = minutes.filter(|minutes| (1..=MAX_WINDOW_MINUTES).contains(minutes));
    let percent = fields.number(&["used_percent"], MAX_LIMIT_PERCENT);
    let said_at = fields.time(&["observed_at"]).or(head.at);
    Ok(LimitReported {
        agent: required(fields, &["agent"])?,
        account: fields.word(&["account"]),
        scope: fields.word(&["scope"]),
        window_minutes: minutes.ok_or(r#"field "window_minutes" is missing, or no number from 1 to 132480"#)?,
        used_percent: percent
            .filter(|percent| *percent >= 0.0)
            .ok_or(r#"field "used_percent" is missing, or no number from 0 to 1000"#)?,
        resets_at: fields.time(&["resets_at"]),
        plan: fields.word(&["plan"]),
        observed_at: said_at.unwrap_or(head.now).min(head.now),
        source: enum_word(fields, "source").unwrap_or(LimitSource::Reported),
    })
}

/// An error, by the protocol's names, which are also the broadcaster's.
pub(crate) fn error(fields: &mut Fields<'_>) -> Result<ErrorReported, String> {
    let details = match fields.peek("details") {
        Some(Value::Object(_) | Value::Array(_)) => fields.take(&["details"]).map(|(_, value)| {
            let cleaner = fields.cleaner();
            cleaner.text(&cleaner.value(value).to_string())
        }),
        _ => fields.text(&["details"]),
    };
    Ok(ErrorReported {
        message: fields
            .line(&["message", "error"])
            .ok_or_else(|| missing(&["message"]))?,
        details,
    })
}

fn problem(fields: &mut Fields<'_>) -> Result<Problem, String> {
    let Some((_, Value::Object(map))) = fields.take(&["problem"]) else {
        return Err(missing(&["problem"]).replace("no text", "no object"));
    };
    let mut inner = Fields::within(map, fields.cleaner(), "problem.".to_owned());
    let kind = inner.word(&["kind"]);
    let problem = Problem {
        kind: kind
            .and_then(|word| serde_json::from_value(Value::String(word)).ok())
            .unwrap_or(ProblemKind::Rejected),
        message: required_line(&mut inner, "message")?,
        subject: inner.line(&["subject"]),
    };
    fields.absorb(inner.into_bad());
    Ok(problem)
}
