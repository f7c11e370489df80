//! Whether a session is at work, waits, is silent or over, and why. Its own status follows from here; that a phase or a
//! summary ends the run is decided in `fold`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use forgecast_protocol::event::{
    CompletionBasis, CompletionReported, ErrorReported, ProblemCleared, ProblemFound, Quiet, ToolUsed, UsageRecorded,
    WaitingBegan,
};
use forgecast_protocol::session::{ErrorView, WaitingFor};
use forgecast_protocol::{Fact, Problem, SessionStatus, SourceKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::processes::Processes;
use super::{Changed, Context, put};
use crate::ledger::key_of_tool;

/// Uses of tools that are remembered, the newest: one is told by transcript, telemetry and hook within seconds.
const MAX_USES: usize = 256;
/// Errors that are shown, the newest.
const MAX_ERRORS: usize = 20;
/// Problems that are shown.
const MAX_PROBLEMS: usize = 100;
/// Lost sources that are remembered.
const MAX_GONE: usize = 64;
/// What is read within this after a session was closed was said before it.
const TRAILING_MS: i64 = 5_000;
/// Words for a producer's own events that say only that it is alive.
const HEARTBEATS: [&str; 4] = ["heartbeat", "ping", "keepalive", "alive"];

/// What a session's status follows from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Life {
    /// An end that stays.
    pub(crate) end: Option<End>,
    /// A phase that failed; taken back when work goes on.
    pub(crate) failure: Option<Ended>,
    waiting: Option<Wait>,
    /// An agent session was closed, and not taken up again since.
    closed: Option<Ended>,
    /// Uses of tools that were told, the newest last, and whether the use was over.
    tool_uses: VecDeque<(u64, bool)>,
    /// The deadline that passed last, unless work came since.
    quiet: Option<Quiet>,
    /// Folders and files that the session was read from and that are gone.
    gone: BTreeSet<String>,
    /// Last sign of life of the producer, whether or not it is later than the last work.
    pub(crate) seen_at: Option<Timestamp>,
    /// Number of the next error; 0 stands for 1, the first.
    next_error: u64,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct End {
    /// `Completed` or `Failed`.
    pub(crate) status: SessionStatus,
    /// Why, one line.
    pub(crate) reason: String,
    pub(crate) at: Timestamp,
    /// The file that says so, if it is one.
    pub(crate) path: Option<String>,
}

/// An end that may be taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// Why, one line.
    pub(crate) reason: String,
    pub(crate) at: Timestamp,
}

/// What a session waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wait {
    /// One line.
    pub(crate) reason: String,
    /// What kind of wait, if that is said.
    pub(crate) waiting_for: Option<WaitingFor>,
    pub(crate) since: Timestamp,
}

/// A session's status and what follows from the same facts.
pub(crate) struct Standing {
    pub(crate) status: SessionStatus,
    pub(crate) reason: Option<String>,
    /// The kind of source that decides it, where that is a single one.
    pub(crate) source: Option<SourceKind>,
    pub(crate) waiting_for: Option<WaitingFor>,
    /// When the run ended, if it did.
    pub(crate) ended_at: Option<Timestamp>,
}

impl Standing {
    pub(crate) fn of(status: SessionStatus, reason: Option<String>) -> Self {
        Self {
            status,
            reason,
            source: None,
            waiting_for: None,
            ended_at: None,
        }
    }

    pub(crate) fn waiting(wait: &Wait) -> Self {
        Self {
            waiting_for: wait.waiting_for,
            ..Self::of(SessionStatus::Waiting, Some(wait.reason.clone()))
        }
    }

    pub(crate) fn ended(status: SessionStatus, reason: &str, at: Timestamp) -> Self {
        Self {
            ended_at: Some(at),
            ..Self::of(status, Some(reason.to_owned()))
        }
    }
}

impl Life {
    /// Whether the run ended, for good or until its failed phase is taken up again.
    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some() || self.failure.is_some() || self.closed.is_some()
    }

    /// Whether the run ended well.
    pub(crate) fn is_completed(&self) -> bool {
        let end = self.end.as_ref();
        end.is_some_and(|end| end.status == SessionStatus::Completed)
    }

    /// Whether something that the session was read from is gone.
    pub(crate) fn is_gone(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Whether it has been silent for so long that nobody can be there.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.quiet == Some(Quiet::Abandoned)
    }

    /// Whether it is known to be silent, or to wait.
    pub(crate) fn is_still(&self) -> bool {
        self.quiet.is_some() || self.waiting.is_some()
    }

    /// The strongest statement first: a run that ended stays ended; then what makes it impossible to be at work; then what
    /// the agent's process says; then what the producer says; then silence, which has lasted since `quiet_since`.
    /// `agent_session` says that this is an agent's session and no build.
    pub(crate) fn standing(&self, agent_session: bool, quiet_since: Timestamp, processes: &Processes) -> Standing {
        let silence = || Some(format!("No work since {quiet_since}"));
        if let Some(ended) = self.ended(agent_session) {
            return ended;
        }
        if let Some(path) = self.gone.first() {
            return Standing::of(SessionStatus::Abandoned, Some(format!("{path} is gone")));
        }
        let stalled = self.quiet.is_some().then(silence);
        if let Some(standing) = processes.standing(agent_session, self.waiting.as_ref(), stalled) {
            return standing;
        }
        if agent_session && self.is_abandoned() && self.waits_for_prompt() {
            return Standing::ended(SessionStatus::Completed, "Ended after its last reply", quiet_since);
        }
        if self.is_abandoned() {
            return Standing::of(SessionStatus::Abandoned, silence());
        }
        if let Some(wait) = &self.waiting {
            return Standing::waiting(wait);
        }
        match self.quiet {
            Some(Quiet::Stalled) => Standing::of(SessionStatus::Stalled, silence()),
            _ => Standing::of(SessionStatus::Running, None),
        }
    }

    /// How the run ended, if it did.
    fn ended(&self, agent_session: bool) -> Option<Standing> {
        if let Some(end) = &self.end {
            return Some(Standing::ended(end.status, &end.reason, end.at));
        }
        if let Some(failure) = &self.failure {
            return Some(Standing::ended(SessionStatus::Failed, &failure.reason, failure.at));
        }
        let closed = self.closed.as_ref().filter(|_| agent_session)?;
        Some(Standing::ended(SessionStatus::Completed, &closed.reason, closed.at))
    }

    /// Whether the agent finished its turn and waits for the next instruction.
    fn waits_for_prompt(&self) -> bool {
        let waiting = self.waiting.as_ref();
        waiting.is_some_and(|wait| wait.waiting_for == Some(WaitingFor::Prompt))
    }

    /// Notes work: silence is over, and what is observed to be worked on is not gone.
    pub(crate) fn work(&mut self, fact: &Fact, cx: &Context<'_>) {
        self.quiet = None;
        // Work after an agent session was closed opens it again; what trails behind does not.
        let (at, grace) = match fact {
            Fact::UsageRecorded(fact) => fact.used_at.map_or((cx.at, TRAILING_MS), |used_at| (used_at, 0)),
            _ => (cx.at, TRAILING_MS),
        };
        self.closed.take_if(|closed| at > closed.at.plus_millis(grace));
        if cx.observed {
            self.gone.clear();
        }
    }

    /// One use of a tool is told when it begins and when it is over, and both by several sources; each counts once. A
    /// late word of what is known must not end a wait that began since.
    pub(crate) fn use_tool(&mut self, fact: &ToolUsed) -> Changed {
        if let Some(id) = &fact.use_id {
            let key = key_of_tool(id);
            let over = fact.success.is_some();
            match self.tool_uses.iter_mut().find(|(known, _)| *known == key) {
                Some((_, was_over)) if *was_over || !over => return Changed::nothing(),
                Some((_, was_over)) => *was_over = true,
                None => self.tool_uses.push_back((key, over)),
            }
            while self.tool_uses.len() > MAX_USES {
                self.tool_uses.pop_front();
            }
        }
        self.waiting = None;
        Changed::work()
    }

    pub(crate) fn begin_waiting(&mut self, fact: &WaitingBegan, cx: &Context<'_>) -> Changed {
        let known = self.waiting.as_ref().filter(|wait| wait.reason == fact.reason);
        // A source that does not say for what must not take away what another one said.
        let waiting_for = fact.waiting_for.or_else(|| known?.waiting_for);
        if known.is_some_and(|wait| wait.waiting_for == waiting_for) {
            return Changed::nothing();
        }
        self.wait(fact.reason.clone(), waiting_for, cx.at);
        Changed::work()
    }

    /// It waits, whatever it did before.
    pub(crate) fn wait(&mut self, reason: String, waiting_for: Option<WaitingFor>, since: Timestamp) {
        self.waiting = Some(Wait {
            reason,
            waiting_for,
            since,
        });
    }

    /// It does not wait any more.
    pub(crate) fn stop_waiting(&mut self) {
        self.waiting = None;
    }

    /// The user said something, or nothing is to be waited for any more: also news to a session that is held to be over
    /// or silent.
    pub(crate) fn end_waiting(&mut self) -> Changed {
        let was_still = self.quiet.is_some() || self.closed.is_some();
        if self.waiting.take().is_some() || was_still {
            Changed::work()
        } else {
            Changed::nothing()
        }
    }

    /// The last words before a wait are often read after it was told; a call that was made later shows that it is over.
    pub(crate) fn call_model(&mut self, fact: &UsageRecorded, at: Timestamp) {
        let is_named = !fact.accounts.is_empty() && fact.calls > 0;
        self.waiting.take_if(|wait| is_named && at > wait.since);
    }

    /// A deadline passed without work.
    pub(crate) fn go_quiet(&mut self, quiet: Quiet) {
        // A session that is abandoned does not become merely stalled.
        if !(quiet == Quiet::Stalled && self.is_abandoned()) {
            self.quiet = Some(quiet);
        }
    }

    /// An agent session was closed.
    pub(crate) fn close(&mut self, fact: &CompletionReported, cx: &Context<'_>) {
        self.closed.get_or_insert_with(|| Ended {
            reason: completion_reason(fact, true),
            at: cx.at,
        });
    }

    /// The agent's process ended in order.
    pub(crate) fn leave(&mut self, reason: String, at: Timestamp) {
        self.closed.get_or_insert(Ended { reason, at });
    }

    /// What was an agent session proved to be a build, which is not closed by its agent; or a process goes on with it.
    pub(crate) fn reopen(&mut self) {
        self.closed = None;
    }

    pub(crate) fn lose_source(&mut self, path: &str) {
        if self.gone.len() < MAX_GONE {
            self.gone.insert(path.to_owned());
        }
    }

    /// A folder comes back with what is in it, and a file only together with its folder.
    pub(crate) fn find_source(&mut self, path: &str) {
        self.gone
            .retain(|gone| !is_within(gone, path) && !is_within(path, gone));
    }

    pub(crate) fn add_error(&mut self, view: &mut BTreeMap<String, ErrorView>, fact: &ErrorReported, cx: &Context<'_>) {
        let error = ErrorView {
            message: fact.message.clone(),
            details: fact.details.clone(),
            at: cx.at,
        };
        let number = self.next_error.max(1);
        self.next_error = number.saturating_add(1);
        put(view, &number.to_string(), error);
        while view.len() > MAX_ERRORS {
            let numbered = |key: &&String| key.parse::<u64>().unwrap_or(0);
            let oldest = view.keys().min_by_key(numbered).cloned();
            oldest.map(|key| view.remove(&key));
        }
    }
}

/// Why a run is over, one line, by the source that says so.
pub(crate) fn completion_reason(fact: &CompletionReported, success: bool) -> String {
    let verdict = if success { "Completed" } else { "Failed" };
    match (fact.basis, &fact.summary, &fact.status) {
        (CompletionBasis::Marker, ..) => verdict.to_owned(),
        (_, Some(summary), _) if !summary.is_empty() => summary.clone(),
        (CompletionBasis::Closed, ..) => "The agent's session was closed".to_owned(),
        // The producer's own word, where it says more than the verdict.
        (_, _, Some(word)) if !word.eq_ignore_ascii_case(verdict) => format!("{verdict}: {word}"),
        _ => verdict.to_owned(),
    }
}

pub(crate) fn add_problem(view: &mut BTreeMap<String, Problem>, fact: &ProblemFound) {
    if view.len() < MAX_PROBLEMS || view.contains_key(&fact.key) {
        put(view, &fact.key, fact.problem.clone());
    }
}

pub(crate) fn clear_problem(view: &mut BTreeMap<String, Problem>, fact: &ProblemCleared) {
    let is_part = |key: &str| key.strip_prefix(&fact.key).is_some_and(|rest| rest.starts_with('#'));
    view.retain(|key, _| *key != fact.key && !(fact.with_parts && is_part(key)));
}

/// A producer's own event is work, unless its name says that it is only a sign of life.
pub(crate) fn custom(kind: &str) -> Changed {
    if HEARTBEATS.contains(&kind.to_lowercase().as_str()) {
        Changed::seen()
    } else {
        Changed::work()
    }
}

/// Whether `path` is `folder` or inside it.
fn is_within(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
