//! One function per kind of event in Foundry's log: what it says as facts, and as a line of the log.

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::event::{
    AgentReported, CallId, CallReported, CallTokens, CompletionBasis, CompletionReported, Custom, Fact,
    PatternRecorded, SessionSeen, TaskReported, TokenDelta, UsageRecorded, UsageSource,
};
use forgecast_protocol::hex;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Line, Reader, limits, review};
use crate::fields::Fields;
use crate::summary;
use crate::transcript::{Depth, Visitor, last_part};

/// Most patterns that one event names.
const MAX_PATTERNS: usize = 50;
/// Dollars above which a cost is no cost.
const MAX_COST_USD: f64 = 1_000_000.0;
/// Largest content of an unknown event that is kept, bytes of JSON.
const MAX_CUSTOM: usize = 4 << 10;

impl Reader {
    pub(super) fn event(&mut self, line: &Line<'_>, kind: &str, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
        match kind {
            "agent_started" => self.agent_started(line, payload, out),
            "agent_done" => self.agent_done(line, payload, out),
            _ if line.context.input.depth == Depth::Calls => {}
            "session_started" => started(line, payload, out),
            "session_ended" => self.ended(line, payload, out),
            "task_started" => self.task_started(line, payload, out),
            "task_completed" => self.task_completed(line, payload, out),
            "review_findings" => review::findings(line, payload, out),
            "plan_review_loop_capped" => review::plan_is_capped(line, payload, out),
            "pattern_injected" | "pattern_applied" => patterns(line, payload, out),
            "pattern_cited" => review::pattern_is_cited(line, payload, out),
            "committed" => committed(line, payload, out),
            "budget_overrun" => limits::budget_is_overrun(line, payload, out),
            "rate_limited" => limits::rate_is_limited(line, payload, out),
            _ => other(line, kind, payload, out),
        }
    }

    fn ended(&mut self, line: &Line<'_>, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
        self.set_current(&line.session, None);
        let failed = self.state.failed.remove(&line.session).unwrap_or_default();
        let not_done = payload.count(&["wip_count"]).unwrap_or_default();
        let not_done = not_done.max(u32::try_from(failed.len()).unwrap_or(u32::MAX));
        let tasks = payload.count(&["total_tasks"]);
        let seconds = payload.number(&["duration_secs"], 1e9);
        let success = payload.flag(&["success"]);
        let tasks = tasks
            .map(|tasks| format!("{tasks} {}", if tasks == 1 { "task" } else { "tasks" }))
            .unwrap_or_else(|| "its tasks".to_owned());
        let summary = match not_done {
            0 => format!("worked through {tasks}"),
            not_done => format!("worked through {tasks}, {not_done} not done"),
        };
        log(line, None, &format!("session ended: {summary}"), out);
        let ended = CompletionReported {
            success: Some(success.unwrap_or(not_done == 0)),
            status: Some("session_ended".to_owned()),
            completed_at: line.context.at,
            summary: Some(summary),
            duration_minutes: seconds.map(|seconds| seconds / 60.0),
            links: summary::links(payload),
            ..CompletionReported::of(CompletionBasis::Reported)
        };
        out.fact(&line.context, Fact::CompletionReported(ended));
    }

    fn task_started(&mut self, line: &Line<'_>, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
        let Some(id) = payload.word(&["task_id", "id"]) else {
            return out.bad("task_started: it names no task");
        };
        self.set_current(&line.session, Some(&id));
        let description = payload.line(&["description", "title"]);
        let shown = description.as_deref().unwrap_or_default();
        log(
            line,
            None,
            format!("task {id} started: {shown}").trim_end_matches([':', ' ']),
            out,
        );
        let task = TaskReported {
            id,
            description,
            status: Some("in_progress".to_owned()),
            ..TaskReported::default()
        };
        out.fact(&line.context, Fact::TaskReported(task));
    }

    fn task_completed(&mut self, line: &Line<'_>, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
        let Some(id) = payload.word(&["task_id", "id"]) else {
            return out.bad("task_completed: it names no task");
        };
        let verdict = payload.word(&["verdict", "status"]);
        let commit = payload.word(&["commit_sha", "sha"]);
        let status = status(verdict.as_deref());
        self.set_current(&line.session, None);
        self.remember(&line.session, &id, status == "failed");
        let level = (status == "failed").then_some(LogLevel::Error);
        let outcome = verdict.as_deref().unwrap_or("done");
        let commit = commit.map(|sha| format!(" ({})", short(&sha))).unwrap_or_default();
        log(line, level, &format!("task {id}: {outcome}{commit}"), out);
        let task = TaskReported {
            id,
            description: payload.line(&["description", "title"]),
            status: Some(status),
            ..TaskReported::default()
        };
        out.fact(&line.context, Fact::TaskReported(task));
    }

    fn agent_started(&mut self, line: &Line<'_>, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
        let Some(role) = payload.word(&["role"]) else {
            return out.bad("agent_started: it names no role");
        };
        let (model, provider) = (payload.word(&["model"]), payload.word(&["provider"]));
        if let Some(model) = &model {
            self.state.models.begin(&line.session, &role, model);
        }
        let on = model.as_ref().or(provider.as_ref());
        let on = on.map(|name| format!(" on {name}")).unwrap_or_default();
        log(line, None, &format!("{role} started{on}"), out);
        let started = AgentReported {
            provider,
            model,
            ..agent_of(&role, "active")
        };
        out.fact(&line.context, Fact::AgentReported(started));
    }

    fn agent_done(&mut self, line: &Line<'_>, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
        let Some(role) = payload.word(&["role"]) else {
            return out.bad("agent_done: it names no role");
        };
        let mut count = |name: &str| payload.large_count(&[name]).unwrap_or_default();
        let (read, written) = (count("cache_read_tokens"), count("cache_creation_tokens"));
        let tokens = CallTokens {
            // Those of the last turn, with what it read from the cache and wrote to it: never counted twice.
            input: count("tokens_in").saturating_sub(read.saturating_add(written)),
            output: count("tokens_out"),
            cache_read: read,
            cache_write_5m: written,
            cache_write_1h: 0,
        };
        let cost_usd = payload.number(&["cost_usd"], MAX_COST_USD);
        let model = self.state.models.of(&line.session, &role);
        if line.context.input.depth == Depth::Calls {
            return call(line, role, model, tokens, cost_usd, out);
        }
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let usage = UsageRecorded {
            tokens: TokenDelta {
                input: signed(tokens.input),
                output: signed(tokens.output),
                cache_read: signed(tokens.cache_read),
                cache_write: signed(tokens.cache_write_5m),
            },
            cost_usd,
            model,
            agent: Some(role.clone()),
            used_at: line.context.at,
            context_percent: payload.percent(&["context_pct"]),
            ..UsageRecorded::default()
        };
        let success = payload.flag(&["success"]);
        let (level, outcome, status) = match success {
            Some(false) => (Some(LogLevel::Error), "failed", "failed"),
            _ => (None, "done", "completed"),
        };
        let seconds = payload.number(&["duration_secs"], 1e9);
        let after = seconds
            .map(|seconds| format!(" after {seconds:.0} s"))
            .unwrap_or_default();
        log(line, level, &format!("{role} {outcome}{after}"), out);
        if success == Some(false) {
            self.fail_task(line, &role, out);
        }
        let done = AgentReported {
            cost_usd,
            duration_seconds: seconds,
            ..agent_of(&role, status)
        };
        out.fact(&line.context, Fact::AgentReported(done));
        if !usage.tokens.is_zero() || usage.cost_usd.is_some() || usage.context_percent.is_some() {
            out.fact(&line.context, Fact::UsageRecorded(usage));
        }
    }

    /// The planner or the builder failed, and the task with it: no verdict follows.
    fn fail_task(&mut self, line: &Line<'_>, role: &str, out: &mut dyn Visitor) {
        let decides = role == "PLAN" || role == "IMPLEMENT" || role.starts_with("Builder");
        let Some(id) = self.state.current.get(&line.session).filter(|_| decides).cloned() else {
            return;
        };
        self.remember(&line.session, &id, true);
        log(
            line,
            Some(LogLevel::Error),
            &format!("task {id} failed: {role} failed"),
            out,
        );
        let task = TaskReported {
            id,
            status: Some("failed".to_owned()),
            ..TaskReported::default()
        };
        out.fact(&line.context, Fact::TaskReported(task));
    }
}

/// An agent by its role, at work in the stage that it is for.
fn agent_of(role: &str, status: &str) -> AgentReported {
    AgentReported {
        id: role.to_owned(),
        kind: Some(role.to_owned()),
        phase: stage_of_role(role).map(str::to_owned),
        status: Some(status.to_owned()),
        ..AgentReported::default()
    }
}

/// The stage that an agent of this role works in. `Builder(<card>)` builds a part of the plan.
pub(super) fn stage_of_role(role: &str) -> Option<&'static str> {
    let name = role.split_once('(').map_or(role, |(name, _)| name).trim();
    Some(match name.to_ascii_uppercase().as_str() {
        "QUERY" | "SCOUT" => "Query",
        "RESEARCH" => "Research",
        "PLAN" | "PLANNER" => "Plan",
        "P+" => "Plan Review",
        "IMPLEMENT" | "BUILDER" => "Implement",
        "VERIFY" | "REVIEWER" | "DOUBT" => "Verify",
        "DISCOVERY" => "Discovery",
        _ => return None,
    })
}

/// What an agent used as a call, known by its line: the same line is the same call.
fn call(
    line: &Line<'_>,
    role: String,
    model: Option<String>,
    tokens: CallTokens,
    cost_usd: Option<f64>,
    out: &mut dyn Visitor,
) {
    if tokens.total() == 0 {
        return;
    }
    if line.context.at.is_none() {
        return out.bad("usage without a time");
    }
    let digest = hex(&Sha256::digest(line.context.input.bytes)[..16]);
    let call = CallReported {
        call: CallId {
            message: Some(format!("foundry:{digest}")),
            ..CallId::default()
        },
        source: UsageSource::Reported,
        used_at: line.context.at,
        model,
        fast: None,
        web_searches: 0,
        inference_geo: None,
        tokens,
        cost_usd,
        agent: Some(role),
        context_window: None,
        tools: Vec::new(),
        offset: line.context.input.offset,
    };
    out.call(&line.context, call);
}

/// Adds a line to the log.
pub(super) fn log(line: &Line<'_>, level: Option<LogLevel>, text: &str, out: &mut dyn Visitor) {
    out.log(&line.context, level, "", text, 1);
}

fn started(line: &Line<'_>, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
    let folder = line.context.subject.directory.as_deref();
    let seen = SessionSeen {
        project: folder.and_then(last_part).map(str::to_owned),
        task: payload.text(&["task", "description", "goal"]),
        run: Some(line.session.clone()).filter(|session| !session.is_empty()),
        ..SessionSeen::default()
    };
    log(line, None, "session started", out);
    out.fact(&line.context, Fact::SessionSeen(seen));
}

fn patterns(line: &Line<'_>, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
    let ids = payload.lines(&["pattern_ids", "pattern_id"], MAX_PATTERNS);
    for id in ids.unwrap_or_default() {
        let pattern = PatternRecorded {
            id: line.context.cleaner().word(&id),
            ..PatternRecorded::default()
        };
        out.fact(&line.context, Fact::PatternRecorded(pattern));
    }
}

fn committed(line: &Line<'_>, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
    let sha = payload.word(&["sha", "commit_sha"]).unwrap_or_default();
    let message = payload.line(&["message"]).unwrap_or_default();
    log(
        line,
        None,
        format!("committed {} {message}", short(&sha)).trim_end(),
        out,
    );
    let links = summary::links(payload);
    if !links.is_empty() {
        let seen = SessionSeen {
            links,
            ..SessionSeen::default()
        };
        out.fact(&line.context, Fact::SessionSeen(seen));
    }
    let data = serde_json::json!({ "sha": sha, "message": message });
    let kind = "committed".to_owned();
    out.fact(&line.context, Fact::Custom(Custom { kind, data }));
}

/// An event that is not known is passed on as it came, unless it is large.
fn other(line: &Line<'_>, kind: &str, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
    let data = Value::Object(payload.unread());
    if !line.context.everything() || data.to_string().len() > MAX_CUSTOM {
        out.unknown();
        return;
    }
    let custom = Custom {
        kind: kind.to_owned(),
        data: line.context.cleaner().value(data),
    };
    out.fact(&line.context, Fact::Custom(custom));
}

/// The verdict on a task as its status.
fn status(verdict: Option<&str>) -> String {
    let word = verdict.unwrap_or("completed").to_ascii_lowercase();
    match word.as_str() {
        // Foundry's verdicts, and the words of those before it.
        "feat" | "pass" | "passed" | "approve" | "approved" | "success" | "succeeded" | "done" | "ok" | "complete"
        | "verified" => "completed".to_owned(),
        "wip" | "fail" | "failure" | "reject" | "rejected" | "error" | "blocked" | "aborted" => "failed".to_owned(),
        _ => word,
    }
}

fn short(sha: &str) -> &str {
    sha.get(..10).unwrap_or(sha)
}
