//! Hooks of Claude Code, one body per event; those of other agents have the same form ([`Dialect`]). A field that is missing or of another kind costs that field; an event that
//! is not known is a sign of life.

use forgecast_protocol::event::{
    AgentActivity, AgentReported, Fact, SCHEDULE, TaskReported, ToolUsed, WaitingBegan, WaitingEnded,
};
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{Batch, Event, SourceKind, Subject, Timestamp, hex};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::super::Hooks;
use super::limits::{Windows, of_status_line};
use super::{asks_user, starts_agent};
use crate::clean::Cleaner;
use crate::lenient::{Count, List, Object, Text};
use crate::tool_input::Input;
use crate::transcript::{
    acts, agent, alive, asks, closed, error, prompted, seen, session_name, turn_failed, turn_is_over, turn_was_stopped,
    wants_approval,
};
use crate::{Unparsable, json, numbered_id, sent_to};

/// The same content within so many milliseconds is the same event sent again; later it is another one like it.
const SAME_WITHIN_MS: i64 = 60_000;

/// What goes on in the background without working on the task: commands of the shell.
const SILENT_TASKS: &[&str] = &["shell", "bash", "local_bash", "monitor"];

/// Where the hooks of an agent differ from those of the others.
pub(in crate::agents) struct Dialect {
    /// Where they are sent to.
    pub(in crate::agents) path: &'static str,
    /// What a body is not that is none of them.
    pub(in crate::agents) expected: &'static str,
    /// A tool by its name in the agent's transcripts.
    pub(in crate::agents) tool: fn(&str) -> &str,
    /// Whether a tool asks the user by being used.
    pub(in crate::agents) asks_user: fn(&str) -> bool,
}

static CLAUDE: Dialect = Dialect {
    path: "/api/v1/hooks/claude",
    expected: "no hook of Claude Code",
    tool: |tool| tool,
    asks_user,
};

/// The hooks of Claude Code.
pub(in crate::agents) const HOOKS: Hooks = Hooks {
    path: CLAUDE.path,
    decode: decode_hook,
};

/// The body of a hook, of whatever event.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Hook<'a> {
    session_id: Text<'a>,
    cwd: Text<'a>,
    hook_event_name: Text<'a>,
    agent_id: Text<'a>,
    agent_type: Text<'a>,
    tool_name: Text<'a>,
    tool_use_id: Text<'a>,
    tool_input: Option<&'a RawValue>,
    tool_response: Object<Response<'a>>,
    message: Text<'a>,
    notification_type: Text<'a>,
    reason: Text<'a>,
    error: Text<'a>,
    error_details: Text<'a>,
    trigger: Text<'a>,
    background_tasks: List<'a, Background<'a>>,
    session_crons: Option<&'a RawValue>,
    task_id: Text<'a>,
    task_subject: Text<'a>,
    teammate_name: Text<'a>,
    mcp_server_name: Text<'a>,
    elicitation_id: Text<'a>,
    /// Of what is given to the status line, which `forgecast statusline` sends like a hook; with the name of the account.
    #[serde(borrow)]
    rate_limits: Object<Windows<'a>>,
    account: Text<'a>,
}

/// What the tool that starts a subagent answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Response<'a> {
    #[serde(rename = "agentId")]
    agent: Text<'a>,
    status: Text<'a>,
    #[serde(rename = "totalTokens")]
    tokens: Count,
}

/// Something that goes on when the turn is over.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Background<'a> {
    id: Text<'a>,
    #[serde(rename = "type")]
    kind: Text<'a>,
    status: Text<'a>,
}

/// Reads the body of a hook of Claude Code.
///
/// # Errors
/// When it is no JSON object, or names no session.
pub fn decode_hook(body: &[u8], cleaner: &Cleaner, now: Timestamp) -> Result<Batch, Unparsable> {
    decode(&CLAUDE, body, cleaner, now)
}

/// Reads the body of a hook of an agent.
pub(in crate::agents) fn decode(
    dialect: &'static Dialect,
    body: &[u8],
    cleaner: &Cleaner,
    now: Timestamp,
) -> Result<Batch, Unparsable> {
    let hook: Hook<'_> = json::body(body, dialect.expected)?;
    let Some(session) = hook.session_id.get() else {
        return Err(Unparsable::Unexpected {
            expected: "a field session_id",
            found: "none",
        });
    };
    let context = HookContext {
        dialect,
        hook: &hook,
        cleaner,
        now,
        subject: Subject {
            transcript: Some(session_name(&cleaner.identity(session))),
            directory: hook.cwd.get().map(|folder| cleaner.folder(folder)),
            ..Subject::default()
        },
    };
    let origin = sent_to(dialect.path, SourceKind::Hook);
    let name = name(&hook, session, body, now);
    let facts = context.facts().into_iter().enumerate();
    let events = facts.map(|(index, fact)| {
        cleaner.identities(Event {
            id: numbered_id(&name, index),
            subject: context.subject.clone(),
            at: now,
            origin: origin.clone(),
            fact,
        })
    });
    Ok(Batch {
        events: events.collect(),
        ..Batch::default()
    })
}

/// By what the event is known: the same one is sent again when an answer was lost.
fn name(hook: &Hook<'_>, session: &str, body: &[u8], now: Timestamp) -> String {
    let event = hook.hook_event_name.get().unwrap_or_default();
    let mut hasher = Sha256::new();
    for part in [session, event] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    match hook.tool_use_id.get() {
        Some(used) => hasher.update(used.as_bytes()),
        None => {
            hasher.update(body);
            hasher.update(now.as_millis().div_euclid(SAME_WITHIN_MS).to_le_bytes());
        }
    }
    format!("hook:{}", hex(&hasher.finalize()[..16]))
}

fn is_empty_list(list: &RawValue) -> bool {
    serde_json::from_str::<Vec<serde::de::IgnoredAny>>(list.get()).is_ok_and(|items| items.is_empty())
}

/// A hook, and whose it is.
struct HookContext<'t> {
    dialect: &'static Dialect,
    hook: &'t Hook<'t>,
    cleaner: &'t Cleaner,
    now: Timestamp,
    subject: Subject,
}

impl HookContext<'_> {
    fn facts(&self) -> Vec<Fact> {
        let hook = self.hook;
        match hook.hook_event_name.get() {
            Some("UserPromptSubmit") => vec![prompted()],
            Some("PreToolUse") => self.tool_begins(),
            Some("PostToolUse") => self.tool_ends(true),
            Some("PostToolUseFailure") => self.tool_ends(false),
            Some("PermissionRequest") => vec![self.asks_approval()],
            Some("PermissionDenied") => self.denied(),
            Some("Notification") => vec![self.notification()],
            Some("Elicitation") => vec![self.elicits()],
            Some("ElicitationResult") => vec![self.elicited()],
            Some("Stop") => self.stop(),
            Some("StopFailure") => self.failure(),
            Some("Interrupt") => vec![turn_was_stopped()],
            Some("TaskCreated") => vec![self.task("pending")],
            Some("TaskCompleted") => vec![self.task("completed")],
            Some("TeammateIdle") => vec![self.teammate("idle")],
            Some("SubagentStart") => self.agent("active"),
            Some("SubagentStop") => self.agent("completed"),
            Some("SessionStart") => vec![seen(self.subject.directory.as_deref())],
            Some("SessionEnd") => vec![closed(self.word(&hook.reason))],
            Some("Status") => self.limits(),
            _ => vec![self.sign_of_life()],
        }
    }

    fn word(&self, text: &Text<'_>) -> Option<String> {
        text.get()
            .map(|text| self.cleaner.word(text))
            .filter(|text| !text.is_empty())
    }

    fn used(&self, success: Option<bool>) -> Option<ToolUsed> {
        let hook = self.hook;
        let tool = (self.dialect.tool)(hook.tool_name.get()?);
        let input = Input::read(hook.tool_input);
        Some(ToolUsed {
            tool: self.cleaner.word(tool),
            summary: input.summary(tool, self.subject.directory.as_deref(), self.cleaner),
            agent: self.word(&hook.agent_id),
            success,
            use_id: self.word(&hook.tool_use_id),
        })
    }

    fn tool_begins(&self) -> Vec<Fact> {
        let Some(used) = self.used(None) else {
            return vec![self.sign_of_life()];
        };
        let asked = (self.dialect.asks_user)(&used.tool).then(|| {
            let reason = match (used.tool.as_str(), &used.summary) {
                ("ExitPlanMode", _) | ("AskUserQuestion", None) => "Asks whether its plan is right",
                (_, Some(question)) => question,
                (_, None) => "Waits for an answer",
            };
            let reason = reason.to_owned();
            asks(WaitingFor::Answer, reason, &used)
        });
        std::iter::once(Fact::ToolUsed(used)).chain(asked).collect()
    }

    fn tool_ends(&self, success: bool) -> Vec<Fact> {
        let Some(used) = self.used(Some(success)) else {
            return vec![self.sign_of_life()];
        };
        // Tokens of a subagent are in its own transcript; its total is only shown, never counted.
        let response = self.hook.tool_response.0.as_ref();
        let agent = response.filter(|_| starts_agent(&used.tool)).and_then(|response| {
            let input = Input::read(self.hook.tool_input);
            let launched = response.status.is("async_launched");
            Some(Fact::AgentReported(AgentReported {
                id: self.word(&response.agent)?,
                kind: self.word(&input.subagent_type),
                name: self.word(&input.description),
                parent: used.agent.clone(),
                status: Some(if launched { "active" } else { "completed" }.to_owned()),
                tokens: response.tokens.0,
                ..AgentReported::default()
            }))
        });
        std::iter::once(Fact::ToolUsed(used)).chain(agent).collect()
    }

    fn asks_approval(&self) -> Fact {
        match self.used(None) {
            Some(used) => wants_approval(&used),
            None => self.waits(WaitingFor::Permission, "Wants to use a tool"),
        }
    }

    /// A tool was refused without asking anybody, or by the person who was asked: it did not run, and nobody waits for it.
    fn denied(&self) -> Vec<Fact> {
        let used = self.used(Some(false));
        let over = Fact::WaitingEnded(WaitingEnded {
            agent: self.word(&self.hook.agent_id),
            use_id: self.word(&self.hook.tool_use_id),
            tool: used.as_ref().map(|used| used.tool.clone()),
        });
        used.map(Fact::ToolUsed).into_iter().chain([over]).collect()
    }

    /// A task on the agent's own list is in this state.
    fn task(&self, status: &str) -> Fact {
        let Some(id) = self.word(&self.hook.task_id) else {
            return self.sign_of_life();
        };
        let subject = self.hook.task_subject.get().map(|subject| self.cleaner.line(subject));
        Fact::TaskReported(TaskReported {
            id,
            description: subject.filter(|subject| !subject.is_empty()),
            status: Some(status.to_owned()),
            ..TaskReported::default()
        })
    }

    /// Another member of the agent's team is in this state.
    fn teammate(&self, status: &str) -> Fact {
        match self.word(&self.hook.teammate_name) {
            Some(name) => agent(name, None, status),
            None => self.sign_of_life(),
        }
    }

    /// A server of tools asks the user something, by its name.
    fn elicits(&self) -> Fact {
        let asked = self.word(&self.hook.message);
        let reason = asked.unwrap_or_else(|| "Waits for an answer".to_owned());
        asks(WaitingFor::Answer, reason, &self.elicitation())
    }

    fn elicited(&self) -> Fact {
        let elicitation = self.elicitation();
        Fact::WaitingEnded(WaitingEnded {
            agent: elicitation.agent,
            use_id: elicitation.use_id,
            tool: Some(elicitation.tool),
        })
    }

    /// What a server of tools asks, as if it were the use of a tool.
    fn elicitation(&self) -> ToolUsed {
        let hook = self.hook;
        ToolUsed {
            tool: format!("elicitation {}", self.word(&hook.mcp_server_name).unwrap_or_default()),
            agent: self.word(&hook.agent_id),
            use_id: self.word(&hook.elicitation_id),
            ..ToolUsed::default()
        }
    }

    fn notification(&self) -> Fact {
        let message = self.hook.message.get().unwrap_or_default();
        match self.hook.notification_type.get() {
            Some("permission_prompt") => self.waits(WaitingFor::Permission, "Wants to use a tool"),
            Some("idle_prompt") => turn_is_over(),
            Some("elicitation_dialog") => self.waits(WaitingFor::Answer, "Waits for an answer"),
            Some(_) => self.sign_of_life(),
            // Older versions say it in words only.
            None if message.contains("permission") => self.waits(WaitingFor::Permission, "Wants to use a tool"),
            None if message.contains("waiting for your input") => turn_is_over(),
            None => self.sign_of_life(),
        }
    }

    /// Somebody in this conversation waits for a person; `default_reason` is for what, where no words say it.
    fn waits(&self, waiting_for: WaitingFor, default_reason: &str) -> Fact {
        let hook = self.hook;
        let message = hook.message.get().unwrap_or_default();
        let named = message.rsplit_once("permission to use ").map(|(_, tool)| tool);
        let tool = self.word(&hook.tool_name).or_else(|| Some(self.cleaner.word(named?)));
        let reason = match self.word(&hook.tool_name) {
            Some(tool) => format!("Wants to use {tool}"),
            None => Some(self.cleaner.word(message))
                .filter(|words| !words.is_empty())
                .unwrap_or_else(|| default_reason.to_owned()),
        };
        Fact::WaitingBegan(WaitingBegan {
            reason,
            waiting_for: Some(waiting_for),
            agent: self.word(&hook.agent_id),
            use_id: self.word(&hook.tool_use_id),
            tool: tool.filter(|tool| !tool.is_empty()),
            ..WaitingBegan::default()
        })
    }

    /// The turn is over. Subagents in the background go on, and a schedule will wake the agent without anybody.
    fn stop(&self) -> Vec<Fact> {
        let over = ["completed", "failed", "killed", "stopped", "cancelled"];
        let tasks = self.hook.background_tasks.items.iter();
        let open = tasks.filter(|task| !task.status.get().is_some_and(|status| over.contains(&status)));
        // A command in the background, such as a server, works for nobody; a subagent goes on with the task.
        let agents = open.filter(|task| !task.kind.get().is_some_and(|kind| SILENT_TASKS.contains(&kind)));
        let agents = agents.filter_map(|task| self.word(&task.id));
        let agents = agents.map(|id| acts(Some(&id), AgentActivity::Working));
        let wakes = self.hook.session_crons.map(|crons| match is_empty_list(crons) {
            false => acts(Some(SCHEDULE), AgentActivity::Working),
            // What was scheduled is done or deleted.
            true => Fact::WaitingBegan(WaitingBegan {
                agent: Some(SCHEDULE.to_owned()),
                waiting_for: Some(WaitingFor::Prompt),
                ..WaitingBegan::default()
            }),
        });
        std::iter::once(turn_is_over()).chain(agents).chain(wakes).collect()
    }

    fn failure(&self) -> Vec<Fact> {
        let hook = self.hook;
        let kind = hook.error.get().or(hook.message.get());
        let message = match (kind, hook.error_details.get()) {
            (Some(kind), Some(details)) => format!("{kind}: {details}"),
            (kind, details) => kind.or(details).unwrap_or("the request to the model failed").to_owned(),
        };
        vec![error(self.cleaner.line(&message)), turn_failed(&message, self.cleaner)]
    }

    fn agent(&self, status: &str) -> Vec<Fact> {
        let Some(id) = self.word(&self.hook.agent_id) else {
            return vec![self.sign_of_life()];
        };
        vec![agent(id, self.word(&self.hook.agent_type), status)]
    }

    /// A status line that is drawn is no work: it says how much of the plan is used up and nothing else.
    fn limits(&self) -> Vec<Fact> {
        let Some(windows) = &self.hook.rate_limits.0 else {
            return Vec::new();
        };
        let limits = of_status_line(windows, self.hook.account.get(), self.now, self.cleaner);
        limits.into_iter().map(Fact::LimitReported).collect()
    }

    fn sign_of_life(&self) -> Fact {
        let hook = self.hook;
        let mut data = serde_json::Map::new();
        for (name, text) in [
            ("event", &hook.hook_event_name),
            ("notification_type", &hook.notification_type),
            ("trigger", &hook.trigger),
            ("agent_id", &hook.agent_id),
        ] {
            if let Some(word) = self.word(text) {
                data.insert(name.to_owned(), word.into());
            }
        }
        alive(data.into())
    }
}
