//! What agents print as JSON when they run without a person: `claude -p --output-format stream-json` and
//! `codex exec --json`. Its lines have another form than those of a transcript and say the same, so each becomes the lines
//! that a transcript would have, which the agent's own reader reads. What no transcript says is read here: how much of the
//! plan is used up, and how the run ended.

use std::collections::BTreeMap;

use forgecast_protocol::event::{CallReported, CompletionBasis, CompletionReported, Fact, UsageRecorded};
use forgecast_protocol::session::TokenCounts;
use forgecast_protocol::{Event, LogChunk, Origin, SourceKind, Subject, Timestamp};
use serde_json::{Map, Value, json};

use super::claude::limits::{RateLimitInfo, of_event};
use super::{AGENTS, Agent};
use crate::clean::Cleaner;
use crate::json;
use crate::transcript::{DecodedLines, Depth, Reader, session_name};

/// Reads what one run of an agent prints, line by line. Which agent it is, is told by the first line that says it.
#[derive(Debug, Default)]
pub struct OutputReader {
    /// The folder that the run works in, where it does not say so itself.
    folder: Option<String>,
    run: Option<Run>,
    /// Where the next line would stand in a file.
    offset: u64,
}

#[derive(Debug)]
struct Run {
    agent: &'static Agent,
    reader: Reader,
    subject: Subject,
    /// How it ended, as far as it has said.
    outcome: Option<Outcome>,
    /// The last call of the main agent, and what the run's calls have put out as far as was said.
    last_call: Option<CallReported>,
    output: BTreeMap<String, u64>,
}

/// How a run ended: whether well, and in which words.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    success: bool,
    words: Option<String>,
}

impl OutputReader {
    /// For a run that works in this folder.
    #[must_use]
    pub fn new(folder: Option<String>) -> Self {
        Self {
            folder,
            ..Self::default()
        }
    }

    /// Reads the next line, without its line end. A line that is no JSON object, or comes before the run says which it is,
    /// gives nothing and is counted as bad.
    pub fn line(&mut self, line: &[u8], cleaner: &Cleaner, now: Timestamp) -> DecodedLines {
        let mut out = DecodedLines::default();
        let line = line.trim_ascii();
        if line.is_empty() {
            return out;
        }
        let value = match json::value(line).and_then(json::expect_object) {
            Ok(value) => value,
            Err(error) => {
                out.bad += 1;
                out.last_bad = error.to_string();
                return out;
            }
        };
        if self.run.is_none() {
            self.begin(&value, cleaner);
        }
        let folder = self.folder.clone();
        let Some(run) = &mut self.run else {
            out.bad += 1;
            "the run has not said which it is".clone_into(&mut out.last_bad);
            return out;
        };
        let written = match run.agent.key {
            "claude" => claude_lines(&value, folder.as_deref(), now),
            _ => codex_lines(&value, folder.as_deref(), now),
        };
        for line in written {
            let line = line.to_string();
            run.reader.line(
                line.as_bytes(),
                self.offset,
                &origin(),
                cleaner,
                now,
                Depth::Everything,
                &mut out,
            );
            self.offset += line.len() as u64 + 1;
        }
        if run.agent.key == "codex" {
            out.events.iter_mut().for_each(as_report);
        }
        run.remember_calls(&out);
        out.events.extend(run.rest_of_output(&value, now));
        out.events.extend(run.besides(&value, line, cleaner, now));
        out
    }

    /// The end of the output: how the run ended. One that did not say so was cut short.
    pub fn end(&mut self, cleaner: &Cleaner, now: Timestamp) -> Option<Event> {
        let run = self.run.take()?;
        let outcome = run.outcome.unwrap_or_else(|| Outcome {
            success: false,
            words: Some("The output ended before the run did".to_owned()),
        });
        let fact = Fact::CompletionReported(CompletionReported {
            success: Some(outcome.success),
            summary: outcome.words.map(|words| cleaner.line(&words)),
            ..CompletionReported::of(CompletionBasis::Reported)
        });
        Some(event(run.subject, fact, now))
    }

    /// The run's session, once it is known.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.run.as_ref().map(|run| &run.subject)
    }

    fn begin(&mut self, line: &Map<String, Value>, cleaner: &Cleaner) {
        let text = |name: &str| line.get(name).and_then(Value::as_str);
        let (key, session) = match (text("type"), text("session_id")) {
            (Some("thread.started"), _) => ("codex", text("thread_id")),
            (Some(_), Some(session)) => ("claude", Some(session)),
            _ => return,
        };
        let agent = AGENTS.iter().copied().find(|agent| agent.key == key);
        let (Some(agent), Some(session)) = (agent, session) else {
            return;
        };
        let session = session_name(&cleaner.identity(session));
        if let Some(folder) = text("cwd") {
            self.folder = Some(folder.to_owned());
        }
        // A path under which the agent would keep the transcript of this session.
        let path = match key {
            "claude" => format!("projects/output/{session}.jsonl"),
            _ => format!("sessions/2026/01/01/rollout-2026-01-01T00-00-00-{session}.jsonl"),
        };
        self.run = agent.path_of(&path).map(|path| Run {
            agent,
            subject: Subject {
                transcript: Some(path.session.clone()),
                directory: self.folder.as_deref().map(|folder| cleaner.folder(folder)),
                ..Subject::default()
            },
            reader: agent.reader(path, ""),
            outcome: None,
            last_call: None,
            output: BTreeMap::new(),
        });
    }
}

impl Run {
    fn remember_calls(&mut self, lines: &DecodedLines) {
        let calls = lines.events.iter().filter_map(|event| match &event.fact {
            Fact::CallReported(call) if !call.call.sidechain => Some(call),
            _ => None,
        });
        for call in calls {
            let message = call.call.message.clone().unwrap_or_default();
            self.output.insert(message, call.tokens.output);
            self.last_call = Some(call.clone());
        }
    }

    /// A message of Claude Code is printed when it has hardly begun, so it says how much the model was sent and not how
    /// much it answered. The result says that of all: what is missing is counted with the last call.
    fn rest_of_output(&mut self, line: &Map<String, Value>, now: Timestamp) -> Option<Event> {
        let usage = line
            .get("usage")
            .filter(|_| line.get("type").is_some_and(|kind| kind == "result"))?;
        let output = usage.get("output_tokens").and_then(Value::as_u64)?;
        let said: u64 = self.output.values().fold(0, |sum, output| sum.saturating_add(*output));
        let missing = output.checked_sub(said).filter(|missing| *missing > 0)?;
        let call = self.last_call.as_mut()?;
        call.tokens.output = call.tokens.output.saturating_add(missing);
        let message = call.call.message.clone().unwrap_or_default();
        self.output.insert(message, call.tokens.output);
        Some(event(self.subject.clone(), Fact::CallReported(call.clone()), now))
    }

    /// What no transcript says.
    fn besides(&mut self, value: &Map<String, Value>, line: &[u8], cleaner: &Cleaner, now: Timestamp) -> Option<Event> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        match value.get("type").and_then(Value::as_str)? {
            "rate_limit_event" => {
                let event_of: RateLimitEvent<'_> = serde_json::from_slice(line).ok()?;
                let limit = of_event(&event_of.rate_limit_info.0?, now, cleaner)?;
                return Some(event(Subject::default(), Fact::LimitReported(limit), now));
            }
            "result" => {
                let success = value.get("is_error").and_then(Value::as_bool) != Some(true)
                    && value.get("subtype").and_then(Value::as_str) == Some("success");
                let words = text("result").or_else(|| text("subtype"));
                self.outcome = Some(Outcome { success, words });
            }
            "turn.started" => self.outcome = None,
            "turn.completed" => {
                let (success, words) = (true, None);
                self.outcome = Some(Outcome { success, words });
            }
            "turn.failed" | "error" => {
                let message = value.get("error").and_then(|error| error.get("message")?.as_str());
                let words = message.map(str::to_owned).or_else(|| text("message"));
                self.outcome = Some(Outcome { success: false, words });
            }
            _ => {}
        }
        None
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct RateLimitEvent<'a> {
    rate_limit_info: crate::lenient::Object<RateLimitInfo<'a>>,
}

/// The lines of a transcript of Claude Code.
fn claude_lines(line: &Map<String, Value>, folder: Option<&str>, now: Timestamp) -> Vec<Value> {
    let kind = line.get("type").and_then(Value::as_str);
    if !matches!(kind, Some("assistant" | "user")) {
        return Vec::new();
    }
    let mut written = line.clone();
    written.insert("timestamp".to_owned(), now.to_string().into());
    written.insert(
        "isSidechain".to_owned(),
        line.get("parent_tool_use_id").is_some_and(Value::is_string).into(),
    );
    for (printed, name) in [("session_id", "sessionId"), ("request_id", "requestId")] {
        if let Some(id) = written.remove(printed) {
            written.insert(name.to_owned(), id);
        }
    }
    if let Some(folder) = folder {
        written.insert("cwd".to_owned(), folder.into());
    }
    vec![Value::Object(written)]
}

/// The lines of a rollout of Codex.
fn codex_lines(line: &Map<String, Value>, folder: Option<&str>, now: Timestamp) -> Vec<Value> {
    let written = |kind: &str, payload: Value| json!({"timestamp": now, "type": kind, "payload": payload});
    let event = |payload: Value| written("event_msg", payload);
    match line.get("type").and_then(Value::as_str) {
        Some("thread.started") => {
            vec![written(
                "session_meta",
                json!({"id": line.get("thread_id"), "cwd": folder}),
            )]
        }
        Some("turn.started") => vec![event(json!({"type": "task_started"}))],
        Some("item.completed") => {
            let item = line.get("item").and_then(Value::as_object).and_then(codex_item);
            item.map(|item| event(json!({"type": "item_completed", "item": item})))
                .into_iter()
                .collect()
        }
        // What is counted here is the whole thread so far.
        Some("turn.completed") => vec![
            event(json!({"type": "token_count", "info": {"total_token_usage": line.get("usage")}})),
            event(json!({"type": "task_complete"})),
        ],
        Some("turn.failed") => vec![event(json!({"type": "task_complete", "error": line.get("error")}))],
        Some("error") => vec![event(json!({"type": "stream_error", "message": line.get("message")}))],
        _ => Vec::new(),
    }
}

/// An item as rollouts have it; none of a kind that says nothing of interest.
fn codex_item(item: &Map<String, Value>) -> Option<Value> {
    let get = |name: &str| item.get(name).cloned().unwrap_or_default();
    let id = get("id");
    Some(match item.get("type").and_then(Value::as_str)? {
        "agent_message" => json!({"type": "AgentMessage", "id": id, "content": [{"text": get("text")}]}),
        "command_execution" => json!({"type": "CommandExecution", "id": id, "command": get("command"),
            "exit_code": get("exit_code"), "aggregated_output": get("aggregated_output")}),
        "file_change" => {
            let changes = item.get("changes").and_then(Value::as_array);
            let paths = changes
                .into_iter()
                .flatten()
                .filter_map(|change| change.get("path")?.as_str());
            let changes: Map<String, Value> = paths.map(|path| (path.to_owned(), Value::Null)).collect();
            json!({"type": "FileChange", "id": id, "changes": changes})
        }
        "mcp_tool_call" => json!({"type": "McpToolCall", "id": id, "server": get("server"), "tool": get("tool")}),
        "web_search" => json!({"type": "WebSearch", "id": id, "query": get("query")}),
        _ => return None,
    })
}

/// Codex prints what a whole turn used, which may be several calls: a report that names none, and counts as long as no
/// rollout tells of the session.
fn as_report(event: &mut Event) {
    let Fact::CallReported(call) = &event.fact else {
        return;
    };
    let tokens = TokenCounts {
        input: call.tokens.input,
        output: call.tokens.output,
        cache_read: call.tokens.cache_read,
        cache_write: call.tokens.cache_write(),
    };
    event.fact = Fact::UsageRecorded(UsageRecorded {
        tokens: tokens.signed(1),
        model: call.model.clone(),
        used_at: call.used_at,
        ..UsageRecorded::default()
    });
}

fn event(subject: Subject, fact: Fact, now: Timestamp) -> Event {
    Event {
        id: None,
        subject,
        at: now,
        origin: origin(),
        fact,
    }
}

/// The agent says it itself, and not in a file.
fn origin() -> Origin {
    Origin {
        kind: SourceKind::Hook,
        path: None,
        first_sight: false,
        modified_at: None,
    }
}

/// Facts and lines of the log as envelopes of `POST /api/v1/events`, each with an id: its own, else one that begins with `id`.
#[must_use]
pub fn envelopes(lines: &DecodedLines, id: &str) -> Vec<Value> {
    let facts = lines.events.iter().filter_map(|event| {
        let Ok(Value::Object(mut fact)) = serde_json::to_value(&event.fact) else {
            return None;
        };
        // The ids of a call stand in the envelope itself.
        if let Some(Value::Object(call)) = fact.remove("call") {
            fact.extend(call);
        }
        fact.insert("at".to_owned(), event.at.to_string().into());
        if let Some(id) = &event.id {
            fact.insert("id".to_owned(), id.as_str().into());
        }
        Some(named(fact, &event.subject))
    });
    let logs = lines.logs.iter().flat_map(log_envelopes);
    let envelopes = facts.chain(logs).enumerate().map(|(number, mut envelope)| {
        envelope.entry("id").or_insert_with(|| format!("{id}:{number}").into());
        Value::Object(envelope)
    });
    envelopes.collect()
}

fn named(mut envelope: Map<String, Value>, subject: &Subject) -> Map<String, Value> {
    if let Some(transcript) = &subject.transcript {
        envelope.insert("transcript".to_owned(), transcript.to_string().into());
    }
    if let Some(directory) = &subject.directory {
        envelope.insert("directory".to_owned(), directory.clone().into());
    }
    envelope
}

fn log_envelopes(chunk: &LogChunk) -> impl Iterator<Item = Map<String, Value>> {
    chunk.lines.iter().map(|line| {
        let mut envelope = Map::new();
        envelope.insert("type".to_owned(), "log".into());
        envelope.insert("text".to_owned(), line.text.clone().into());
        envelope.insert("at".to_owned(), line.at.to_string().into());
        let level = serde_json::to_value(line.level).unwrap_or_default();
        envelope.extend(
            [("level".to_owned(), level)]
                .into_iter()
                .filter(|(_, level)| level.is_string()),
        );
        named(envelope, &chunk.subject)
    })
}
