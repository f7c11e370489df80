//! A simulated coding agent: the transcripts that it and its subagents would write, as timed appends. The same workspace,
//! model and seed give the same lines. It writes only lines that a real agent would write.

mod messages;
mod tool_calls;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use forgecast_protocol::Timestamp;
use serde_json::json;

use super::writer::Step;
use messages::Conversation;

pub(crate) use tool_calls::{BuildState, ToolUse, test_run};

/// Tokens of instructions and tools at the start of every conversation; they are cached already.
const INSTRUCTIONS: u64 = 15_900;
/// Further tokens at the start of the agent's conversation: the project's instructions and the prompt.
const OPENING: u64 = 24_600;
/// Tokens of a summary, in addition to the instructions.
const SUMMARY: u64 = 27_300;
/// With more tokens than this, the conversation is compacted.
const COMPACT_AT: u64 = 152_000;
/// The shortest answer of a model, in milliseconds at speed 1.
const MIN_ANSWER_MS: u64 = 1_900;

/// Where an agent works, and how its time passes.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    /// The folder of Claude Code.
    pub(crate) claude: PathBuf,
    /// The project's folder.
    pub(crate) folder: PathBuf,
    /// The session's id.
    pub(crate) session: String,
    pub(crate) begins_at: Timestamp,
    pub(crate) speed: f64,
}

impl Workspace {
    fn time(&self, at_ms: u64) -> Timestamp {
        let passed = Duration::from_millis(at_ms).div_f64(self.speed);
        self.begins_at
            .plus_millis(i64::try_from(passed.as_millis()).unwrap_or(0))
    }

    /// The folder of the transcripts of this project.
    fn transcripts(&self) -> PathBuf {
        let folder = self.folder.to_string_lossy();
        let slug = folder.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        self.claude.join("projects").join(slug)
    }
}

/// A working agent. Times are milliseconds after its start at speed 1.
#[derive(Debug)]
pub(crate) struct Agent {
    main: Conversation,
    /// The tool that is running; meanwhile nothing else happens in the main conversation.
    running: Option<Running>,
    rng: fastrand::Rng,
    /// What the subagents wrote that have ended.
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Running {
    use_id: String,
    since_ms: u64,
    /// The subagent that does the work.
    subagent: Option<Conversation>,
}

/// The source of ids. They differ between runs of the demo, while what happens does not.
fn ids(seed: u64, begin: Timestamp) -> fastrand::Rng {
    let begin = u64::try_from(begin.as_millis()).unwrap_or(0);
    fastrand::Rng::with_seed(seed ^ begin.rotate_left(20))
}

/// The id of a session that begins at this time.
pub(crate) fn session_id(seed: u64, begin: Timestamp) -> String {
    messages::uuid(&mut ids(!seed, begin))
}

impl Agent {
    pub(crate) fn new(workspace: Workspace, model: &'static str, seed: u64) -> Self {
        let ids = ids(seed, workspace.begins_at);
        Self {
            main: Conversation::new(Arc::new(workspace), None, model, OPENING, ids),
            running: None,
            rng: fastrand::Rng::with_seed(seed.rotate_left(7)),
            steps: Vec::new(),
        }
    }

    /// The time of a step.
    pub(crate) fn time(&self, at_ms: u64) -> Timestamp {
        self.main.workspace.time(at_ms)
    }

    /// Everything that was written, with the steps `beside`, in order.
    pub(crate) fn into_steps(self, beside: Vec<Step>) -> Vec<Step> {
        let mut steps = [beside, self.main.steps, self.steps].concat();
        steps.sort_by_key(|step| step.at_ms);
        steps
    }

    /// Continues from a summary that was written before.
    pub(crate) fn resumed(mut self) -> Self {
        self.main.fresh = SUMMARY;
        self
    }

    /// The user sends a prompt.
    pub(crate) fn prompt(&mut self, at_ms: u64, text: &str) {
        let line = self.main.message(at_ms, &json!(text));
        self.main.write(at_ms, &line);
    }

    /// Works from `from_ms` to `to_ms`: one model call and one tool call, by the subagent if one is running. While a tool
    /// runs, nothing happens.
    pub(crate) fn work(&mut self, from_ms: u64, to_ms: u64, state: &BuildState<'_>) {
        let length = to_ms.saturating_sub(from_ms);
        if length < MIN_ANSWER_MS {
            return;
        }
        match &mut self.running {
            None => {
                let what = tool_calls::next(state, &mut self.rng);
                self.use_tool(from_ms, length, &what);
            }
            Some(Running { subagent, .. }) => {
                if let Some(subagent) = subagent {
                    let what = tool_calls::next_of_subagent(state, &mut self.rng);
                    subagent.use_tool(&mut self.rng, from_ms, length, &what);
                }
            }
        }
    }

    /// One call and one use of a tool within `length` milliseconds.
    pub(crate) fn use_tool(&mut self, from_ms: u64, length: u64, what: &ToolUse) {
        self.compact_when_full(from_ms);
        self.main.use_tool(&mut self.rng, from_ms, length, what);
    }

    /// Begins a tool that runs until [`Self::tool_ended`].
    pub(crate) fn begin_tool(&mut self, at_ms: u64, what: &ToolUse) {
        self.compact_when_full(at_ms);
        let main = &mut self.main;
        let call = main.begin_call(&mut self.rng, 240..900);
        let use_id = main.tool_id();
        let text = main.part(at_ms, &call, call.first_output(), what.text());
        main.write(at_ms, &text);
        let tool = main.part(at_ms + 150, &call, call.output, what.tool(&use_id));
        main.write(at_ms + 150, &tool);
        main.end_call(&call, 0);
        self.running = Some(Running {
            use_id,
            since_ms: at_ms,
            subagent: None,
        });
    }

    /// The tool that ran has ended with this output.
    pub(crate) fn tool_ended(&mut self, at_ms: u64, output: &str, failed: bool) {
        let Some(running) = self.running.take() else {
            return;
        };
        let result = messages::result(&running.use_id, output, failed);
        let mut line = self.main.message(at_ms, &result);
        line["toolUseResult"] = json!({ "stdout": output, "stderr": "", "interrupted": false });
        self.main.write(at_ms, &line);
        self.main.fresh += self.rng.u64(900..3_200);
    }

    /// Starts a subagent, which does the work until [`Self::subagent_ended`].
    pub(crate) fn begin_subagent(&mut self, at_ms: u64, kind: &str, name: &str, prompt: &str) {
        let input = json!({ "description": name, "prompt": prompt, "subagent_type": kind });
        let said = format!("A subagent takes this: {name}.");
        self.begin_tool(at_ms, &ToolUse::new(said, "Task", input, ""));
        let model = match kind {
            "Plan" => "claude-haiku-4-5",
            _ => "claude-sonnet-4-6",
        };
        let id = format!("a{:06x}", self.main.ids.u32(..) >> 8);
        let ids = self.main.ids.fork();
        let mut conversation = Conversation::new(Arc::clone(&self.main.workspace), Some(id), model, 7_400, ids);
        let line = conversation.message(at_ms + 200, &json!(prompt));
        conversation.write(at_ms + 200, &line);
        if let Some(running) = &mut self.running {
            running.subagent = Some(conversation);
        }
    }

    /// The subagent gives its answer, and the agent goes on with it.
    pub(crate) fn subagent_ended(&mut self, at_ms: u64, answer: &str) {
        let Some(Running {
            subagent: Some(mut conversation),
            use_id,
            since_ms,
        }) = self.running.take()
        else {
            return;
        };
        let call = conversation.begin_call(&mut self.rng, 400..1_300);
        let text = json!({ "type": "text", "text": answer });
        let mut last = conversation.part(at_ms, &call, call.output, text);
        last["message"]["stop_reason"] = "end_turn".into();
        conversation.write(at_ms, &last);
        conversation.end_call(&call, 0);
        let content = messages::result(&use_id, answer, false);
        let mut line = self.main.message(at_ms + 60, &content);
        let took = Duration::from_millis(at_ms.saturating_sub(since_ms)).div_f64(self.main.workspace.speed);
        line["toolUseResult"] = json!({ "status": "completed", "agentId": conversation.agent, "totalTokens": conversation.context,
            "totalToolUseCount": conversation.calls, "totalDurationMs": u64::try_from(took.as_millis()).unwrap_or(0) });
        self.main.write(at_ms + 60, &line);
        self.main.fresh += self.rng.u64(1_100..2_600);
        self.steps.append(&mut conversation.steps);
    }

    /// Ends the turn with an answer; the agent then waits for the next prompt.
    pub(crate) fn answer(&mut self, at_ms: u64, text: &str) {
        let call = self.main.begin_call(&mut self.rng, 350..1_100);
        let thinking = json!({ "type": "thinking", "thinking": "", "signature": "" });
        let begun = self.main.part(at_ms, &call, call.first_output(), thinking);
        self.main.write(at_ms, &begun);
        let text = json!({ "type": "text", "text": text });
        let mut line = self.main.part(at_ms + 200, &call, call.output, text);
        line["message"]["stop_reason"] = "end_turn".into();
        self.main.write(at_ms + 200, &line);
        self.main.end_call(&call, 0);
    }

    /// Compacts the conversation to a summary.
    pub(crate) fn compact(&mut self, at_ms: u64, trigger: &str) {
        let before = self.main.context + self.main.fresh;
        let mut boundary = self.main.line(at_ms, "system");
        boundary["subtype"] = "compact_boundary".into();
        boundary["content"] = "Conversation compacted".into();
        boundary["level"] = "info".into();
        boundary["compactMetadata"] = json!({ "trigger": trigger, "preTokens": before });
        self.main.write(at_ms, &boundary);
        let summary = "This session goes on from a conversation that ran out of context; its summary follows.";
        let mut line = self.main.message(at_ms, &json!(summary));
        line["isCompactSummary"] = true.into();
        self.main.write(at_ms, &line);
        self.main.context = INSTRUCTIONS;
        self.main.fresh = SUMMARY;
    }

    fn compact_when_full(&mut self, at_ms: u64) {
        if self.main.context + self.main.fresh > COMPACT_AT {
            self.compact(at_ms, "auto");
        }
    }
}
