//! The coding agent of an invented session: the transcripts that it and its subagents would have written, as timed
//! appends. Pure: the same desk, model and seed give the same lines. Never writes a line that no agent would write.

mod hands;
mod voice;

use std::path::PathBuf;
use std::time::Duration;

use forgecast_protocol::Timestamp;
use serde_json::{Value, json};

use super::script::Step;
use voice::Voice;

pub(crate) use hands::{Scene, Use, test_run};

/// Tokens of the instructions and tools that every conversation begins with; they lie in the cache already.
const INSTRUCTIONS: u64 = 15_900;
/// Tokens that a conversation of an agent begins with besides: the project's own instructions, what it was told.
const OPENING: u64 = 24_600;
/// Tokens of a summary, besides the instructions.
const SUMMARY: u64 = 27_300;
/// Beyond so many tokens the conversation is summed up and goes on with the summary.
const COMPACT_AT: u64 = 152_000;
/// No answer of a model is quicker, milliseconds at speed 1.
const QUICKEST_MS: u64 = 1_900;

/// Where an agent sits, and how its time passes.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    /// The configuration folder of the agents.
    pub(crate) claude: PathBuf,
    /// The folder that it works in.
    pub(crate) folder: PathBuf,
    /// The session's id.
    pub(crate) session: String,
    pub(crate) begins_at: Timestamp,
    pub(crate) speed: f64,
}

impl Desk {
    fn time(&self, at_ms: u64) -> Timestamp {
        let passed = Duration::from_millis(at_ms).div_f64(self.speed);
        self.begins_at
            .plus_millis(i64::try_from(passed.as_millis()).unwrap_or(0))
    }

    /// The folder of the transcripts of this project.
    fn transcripts(&self) -> PathBuf {
        let folder = self.folder.to_string_lossy();
        let slug: String = folder
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
            .collect();
        self.claude.join("projects").join(slug)
    }
}

/// An agent at work. Times are milliseconds after the beginning, at speed 1.
#[derive(Debug)]
pub(crate) struct Agent {
    desk: Desk,
    main: Voice,
    /// The tool that runs until its end is told; nothing else happens in the main conversation meanwhile.
    running: Option<Running>,
    rng: fastrand::Rng,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Running {
    use_id: String,
    since_ms: u64,
    /// The subagent that does the work.
    helper: Option<Voice>,
}

/// A subagent to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Helper<'a> {
    pub(crate) kind: &'static str,
    pub(crate) model: &'static str,
    pub(crate) name: &'a str,
    pub(crate) prompt: &'a str,
}

/// The seed of ids: they differ whenever the demo is played, what happens does not.
fn ids(seed: u64, begin: Timestamp) -> fastrand::Rng {
    let begin = u64::try_from(begin.as_millis()).unwrap_or(0);
    fastrand::Rng::with_seed(seed ^ begin.rotate_left(20))
}

/// The id of a session that begins then.
pub(crate) fn session_id(seed: u64, begin: Timestamp) -> String {
    voice::uuid(&mut ids(!seed, begin))
}

impl Agent {
    pub(crate) fn new(desk: Desk, model: &'static str, seed: u64) -> Self {
        let ids = ids(seed, desk.begins_at);
        let file = desk.transcripts().join(format!("{}.jsonl", desk.session));
        Self {
            main: Voice::new(file, None, model, OPENING, ids),
            desk,
            running: None,
            rng: fastrand::Rng::with_seed(seed.rotate_left(7)),
            steps: Vec::new(),
        }
    }

    /// What was written so far.
    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    /// The conversation goes on from a summary that was written before.
    pub(crate) fn resumed(mut self) -> Self {
        self.main.fresh = SUMMARY;
        self
    }

    /// Somebody tells it what to do.
    pub(crate) fn prompt(&mut self, at_ms: u64, text: &str) {
        let line = self.main.said(&self.desk, at_ms, &json!(text));
        self.write(at_ms, &line);
    }

    /// It has from `from_ms` to `to_ms` for what the scene asks for: one call and one use of a tool, by the subagent
    /// when there is one, by nobody while a tool runs.
    pub(crate) fn work(&mut self, from_ms: u64, to_ms: u64, scene: &Scene<'_>) {
        let length = to_ms.saturating_sub(from_ms);
        if length < QUICKEST_MS {
            return;
        }
        match &mut self.running {
            None => {
                let what = hands::next(scene, &mut self.rng);
                self.use_tool(from_ms, length, &what);
            }
            Some(Running {
                helper: Some(helper), ..
            }) => {
                let what = hands::helping(scene, &mut self.rng);
                let steps = calls(&self.desk, &mut self.rng, helper, from_ms, length, &what);
                self.steps.extend(steps);
            }
            Some(_) => {}
        }
    }

    /// One call and one use of a tool within `length` milliseconds.
    pub(crate) fn use_tool(&mut self, from_ms: u64, length: u64, what: &Use) {
        self.compact_when_full(from_ms);
        let steps = calls(&self.desk, &mut self.rng, &mut self.main, from_ms, length, what);
        self.steps.extend(steps);
    }

    /// Begins a tool that runs until [`Self::tool_ended`].
    pub(crate) fn begin_tool(&mut self, at_ms: u64, what: &Use) {
        self.compact_when_full(at_ms);
        let call = self.main.begin_call(&mut self.rng, 240..900);
        let use_id = self.main.tool_id();
        let text = self.main.part(&self.desk, at_ms, &call.begun(), what.text());
        let tool = self
            .main
            .part(&self.desk, at_ms + 150, &call.ended(), what.tool(&use_id));
        self.main.end_call(&call, 0);
        self.write(at_ms, &text);
        self.write(at_ms + 150, &tool);
        self.running = Some(Running {
            use_id,
            since_ms: at_ms,
            helper: None,
        });
    }

    /// The tool that ran has ended with this output.
    pub(crate) fn tool_ended(&mut self, at_ms: u64, output: &str, failed: bool) {
        let Some(running) = self.running.take() else {
            return;
        };
        let result = voice::result(&running.use_id, output, failed);
        let mut line = self.main.said(&self.desk, at_ms, &result);
        line["toolUseResult"] = json!({ "stdout": output, "stderr": "", "interrupted": false });
        self.main.fresh += self.rng.u64(900..3_200);
        self.write(at_ms, &line);
    }

    /// Starts a subagent, which does the work until [`Self::helper_ended`].
    pub(crate) fn begin_helper(&mut self, at_ms: u64, helper: &Helper<'_>) {
        let input = json!({ "description": helper.name, "prompt": helper.prompt, "subagent_type": helper.kind });
        self.begin_tool(
            at_ms,
            &Use {
                said: format!("A subagent takes this: {}.", helper.name),
                tool: "Task",
                input,
                output: String::new(),
            },
        );
        let id = format!("a{:06x}", self.main.ids.u32(..) >> 8);
        let folder = self.desk.transcripts().join(&self.desk.session).join("subagents");
        let ids = self.main.ids.fork();
        let file = folder.join(format!("agent-{id}.jsonl"));
        let mut voice = Voice::new(file, Some(id), helper.model, 7_400, ids);
        let line = voice.said(&self.desk, at_ms + 200, &json!(helper.prompt));
        self.steps.push(voice.step(at_ms + 200, &line));
        if let Some(running) = &mut self.running {
            running.helper = Some(voice);
        }
    }

    /// The subagent gives its answer, and the agent goes on with it.
    pub(crate) fn helper_ended(&mut self, at_ms: u64, answer: &str) {
        let Some(Running {
            helper: Some(mut voice),
            use_id,
            since_ms,
        }) = self.running.take()
        else {
            return;
        };
        let call = voice.begin_call(&mut self.rng, 400..1_300);
        let text = json!({ "type": "text", "text": answer });
        let mut last = voice.part(&self.desk, at_ms, &call.ended(), text);
        last["message"]["stop_reason"] = "end_turn".into();
        voice.end_call(&call, 0);
        self.steps.push(voice.step(at_ms, &last));
        let content = voice::result(&use_id, answer, false);
        let mut line = self.main.said(&self.desk, at_ms + 60, &content);
        let took = Duration::from_millis(at_ms.saturating_sub(since_ms)).div_f64(self.desk.speed);
        line["toolUseResult"] = json!({ "status": "completed", "agentId": voice.agent, "totalTokens": voice.context,
            "totalToolUseCount": voice.calls, "totalDurationMs": u64::try_from(took.as_millis()).unwrap_or(0) });
        self.main.fresh += self.rng.u64(1_100..2_600);
        self.write(at_ms + 60, &line);
    }

    /// Its last words of this turn; it waits for the next prompt.
    pub(crate) fn answer(&mut self, at_ms: u64, text: &str) {
        let call = self.main.begin_call(&mut self.rng, 350..1_100);
        let text = json!({ "type": "text", "text": text });
        let mut begun = self.main.part(&self.desk, at_ms, &call.begun(), text.clone());
        begun["message"]["content"] = json!([{ "type": "thinking", "thinking": "", "signature": "" }]);
        let mut line = self.main.part(&self.desk, at_ms + 200, &call.ended(), text);
        line["message"]["stop_reason"] = "end_turn".into();
        self.main.end_call(&call, 0);
        self.write(at_ms, &begun);
        self.write(at_ms + 200, &line);
    }

    /// The conversation is summed up, and goes on with the summary.
    pub(crate) fn compact(&mut self, at_ms: u64, trigger: &str) {
        let before = self.main.context + self.main.fresh;
        let mut boundary = self.main.line(&self.desk, at_ms, "system");
        boundary["subtype"] = "compact_boundary".into();
        boundary["content"] = "Conversation compacted".into();
        boundary["level"] = "info".into();
        boundary["compactMetadata"] = json!({ "trigger": trigger, "preTokens": before });
        self.write(at_ms, &boundary);
        let summary = "This session goes on from a conversation that ran out of context; its summary follows.";
        let mut line = self.main.said(&self.desk, at_ms, &json!(summary));
        line["isCompactSummary"] = true.into();
        self.write(at_ms, &line);
        self.main.context = INSTRUCTIONS;
        self.main.fresh = SUMMARY;
    }

    fn compact_when_full(&mut self, at_ms: u64) {
        if self.main.context + self.main.fresh > COMPACT_AT {
            self.compact(at_ms, "auto");
        }
    }

    fn write(&mut self, at_ms: u64, line: &Value) {
        self.steps.push(self.main.step(at_ms, line));
    }
}

/// A call whose lines come one after the other, with more of its output, and what the tool answered.
fn calls(desk: &Desk, rng: &mut fastrand::Rng, voice: &mut Voice, from_ms: u64, length: u64, what: &Use) -> [Step; 3] {
    let call = voice.begin_call(rng, 260..1_500);
    let use_id = voice.tool_id();
    let [first, second, third] = [20, 55, 90].map(|percent| from_ms + length * percent / 100);
    let text = voice.part(desk, first, &call.begun(), what.text());
    let tool = voice.part(desk, second, &call.ended(), what.tool(&use_id));
    let answer = voice.said(desk, third, &voice::result(&use_id, &what.output, false));
    voice.end_call(&call, rng.u64(700..4_300));
    [(first, text), (second, tool), (third, answer)].map(|(at_ms, line)| voice.step(at_ms, &line))
}
