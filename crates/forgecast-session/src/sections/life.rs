//! Whether a session is at work, waits, is silent or over, and why. Its own status follows from here; that a phase or a
//! summary ends the run is decided in `fold`.

use std::collections::{BTreeMap, BTreeSet};

use forgecast_protocol::event::{
    CompletionBasis, CompletionReported, ErrorReported, ProblemCleared, ProblemFound, Quiet, UsageRecorded,
};
use forgecast_protocol::session::{ErrorView, WaitingFor};
use forgecast_protocol::{Fact, Problem, SessionStatus, SourceKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::conversations::{AgentsStanding, WaitKey};
use super::processes::Processes;
use super::{Changed, Context, put};
use crate::vocabulary;

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
    /// The last phase that failed and was neither begun anew since nor called done: the build ends as failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    unresolved: Option<FailedPhase>,
    /// What a state of fold 4 or older waited for: it does not say who waits, so whatever happens next ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<Wait>,
    /// When an agent session was closed last, whether or not it was taken up again since.
    closed: Option<Ended>,
    /// The latest work, less the time within which it may trail behind an end.
    worked_at: Option<Timestamp>,
    /// The deadline that passed last, unless work came since.
    quiet: Option<Quiet>,
    /// Folders and files that the session was read from and that are gone.
    gone: BTreeSet<String>,
    /// Last sign of life of the producer, whether or not it is later than the last work.
    pub(crate) seen_at: Option<Timestamp>,
    /// When another run began in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    followed_at: Option<Timestamp>,
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
    /// Nobody knows when it ended: `at` is only when that was learned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) undated: bool,
    /// Nobody said so: it follows from the phases.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_inferred: bool,
    /// The file that says so, if it is one.
    pub(crate) path: Option<String>,
}

/// A phase that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct FailedPhase {
    phase: String,
    failure: Ended,
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
struct Wait {
    /// One line.
    reason: String,
    /// What kind of wait, if that is said.
    waiting_for: Option<WaitingFor>,
    since: Timestamp,
}

/// A session's status and what follows from the same facts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) status: SessionStatus,
    pub(crate) reason: Option<String>,
    /// The kind of source that decides it, where that is a single one.
    pub(crate) source: Option<SourceKind>,
    pub(crate) waiting_for: Option<WaitingFor>,
    /// When the wait began, where that is known.
    pub(crate) since: Option<Timestamp>,
    /// When the run ended, if it did.
    pub(crate) ended_at: Option<Timestamp>,
    /// Which of its waits is the reason, if one is.
    pub(crate) wait: Option<WaitKey>,
    /// No prompt was given yet: it waits, and calls nobody.
    pub(crate) is_idle: bool,
}

impl Standing {
    pub(crate) fn of(status: SessionStatus, reason: Option<String>) -> Self {
        Self {
            status,
            reason,
            source: None,
            waiting_for: None,
            since: None,
            ended_at: None,
            wait: None,
            is_idle: false,
        }
    }

    pub(crate) fn ended(status: SessionStatus, reason: &str, at: Timestamp) -> Self {
        Self {
            ended_at: Some(at),
            ..Self::of(status, Some(reason.to_owned()))
        }
    }

    /// It waits for its first prompt, and calls nobody.
    pub(crate) fn unasked() -> Self {
        Self {
            is_idle: true,
            ..Self::waiting("Idle, no prompt yet", Some(WaitingFor::Prompt), None)
        }
    }

    fn waiting(reason: &str, waiting_for: Option<WaitingFor>, since: Option<Timestamp>) -> Self {
        Self {
            waiting_for,
            since,
            ..Self::of(SessionStatus::Waiting, Some(reason.to_owned()))
        }
    }
}

/// What a status follows from besides the life of the run.
pub(crate) struct Circumstances<'a> {
    /// It is an agent's session and no build.
    pub(crate) agent_session: bool,
    /// Nothing was ever done in it.
    pub(crate) untouched: bool,
    /// Without work since.
    pub(crate) quiet_since: Timestamp,
    /// What its agents come to.
    pub(crate) agents: AgentsStanding<'a>,
    /// The processes in which they run.
    pub(crate) processes: &'a Processes,
}

impl Life {
    /// Whether the run ended, for good or until its failed phase is taken up again.
    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some() || self.failure.is_some() || self.closed().is_some()
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

    /// Whether nobody can be there: it has been silent for so long, or another run is in its place.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.quiet == Some(Quiet::Abandoned) || self.followed_at.is_some()
    }

    /// That an agent session was closed, unless it was taken up again. What trails behind the end does not do that.
    fn closed(&self) -> Option<&Ended> {
        let closed = self.closed.as_ref();
        closed.filter(|closed| self.worked_at.is_none_or(|worked_at| worked_at <= closed.at))
    }

    /// Another run began in its place.
    pub(crate) fn follow(&mut self, at: Timestamp) {
        self.followed_at = Some(at);
    }

    /// When another run began in its place.
    pub(crate) fn followed_at(&self) -> Option<Timestamp> {
        self.followed_at
    }

    /// Whether it is known to be silent.
    pub(crate) fn is_silent(&self) -> bool {
        self.quiet.is_some()
    }

    /// The strongest statement first: a run that ended stays ended; then what makes it impossible to be at work; then what
    /// the agent's process says; then who waits for a person; then silence.
    pub(crate) fn standing(&self, now: &Circumstances<'_>) -> Standing {
        let Circumstances {
            agent_session,
            quiet_since,
            ..
        } = *now;
        let silence = || format!("No work since {quiet_since}");
        if let Some(ended) = self.ended(agent_session) {
            return ended;
        }
        if let Some(path) = self.gone.first() {
            return Standing::of(SessionStatus::Abandoned, Some(format!("{path} is gone")));
        }
        let waiting = self.waits(now);
        let stalled = self.quiet.is_some().then(silence);
        if let Some(standing) = now.processes.standing(agent_session, waiting.as_ref(), stalled) {
            return standing;
        }
        if agent_session && self.is_abandoned() && self.waits_for_prompt(&now.agents) {
            return Standing::ended(SessionStatus::Completed, "Ended after its last reply", quiet_since);
        }
        if self.is_abandoned() {
            let reason = match self.followed_at {
                Some(_) => "Another run began in its place".to_owned(),
                None => silence(),
            };
            return Standing::of(SessionStatus::Abandoned, Some(reason));
        }
        waiting.unwrap_or_else(|| match self.quiet {
            Some(Quiet::Stalled) => Standing::of(SessionStatus::Stalled, Some(silence())),
            _ => Standing::of(SessionStatus::Running, None),
        })
    }

    /// How the run ended, if it did.
    fn ended(&self, agent_session: bool) -> Option<Standing> {
        if let Some(end) = &self.end {
            let standing = Standing::ended(end.status, &end.reason, end.at);
            return Some(Standing {
                ended_at: standing.ended_at.filter(|_| !end.undated),
                ..standing
            });
        }
        if let Some(failure) = &self.failure {
            return Some(Standing::ended(SessionStatus::Failed, &failure.reason, failure.at));
        }
        let closed = self.closed().filter(|_| agent_session)?;
        Some(Standing::ended(SessionStatus::Completed, &closed.reason, closed.at))
    }

    /// What it waits for, if it does.
    fn waits(&self, now: &Circumstances<'_>) -> Option<Standing> {
        match &now.agents {
            AgentsStanding::Asks {
                reason,
                waiting_for,
                since,
                wait,
            } => Some(Standing {
                wait: Some(*wait),
                ..Standing::waiting(reason, *waiting_for, Some(*since))
            }),
            _ if self.waiting.is_some() => {
                let wait = self.waiting.as_ref()?;
                Some(Standing::waiting(&wait.reason, wait.waiting_for, Some(wait.since)))
            }
            AgentsStanding::Over { reason, since } => {
                Some(Standing::waiting(reason, Some(WaitingFor::Prompt), Some(*since)))
            }
            AgentsStanding::Unknown if now.agent_session && now.untouched => Some(Standing::unasked()),
            AgentsStanding::Unknown | AgentsStanding::AtWork => None,
        }
    }

    /// Whether the agent finished its turn and waits for the next instruction.
    fn waits_for_prompt(&self, agents: &AgentsStanding<'_>) -> bool {
        let waiting = self.waiting.as_ref();
        let waited = waiting.is_some_and(|wait| wait.waiting_for == Some(WaitingFor::Prompt));
        waited || matches!(agents, AgentsStanding::Over { .. })
    }

    /// Notes work: silence is over, and what is observed to be worked on is not gone. `is_latest` when no later work is
    /// known.
    pub(crate) fn work(&mut self, fact: &Fact, cx: &Context<'_>, is_latest: bool) {
        if is_latest {
            self.quiet = None;
        }
        let trails_from = match fact {
            Fact::UsageRecorded(UsageRecorded {
                used_at: Some(used_at), ..
            }) => *used_at,
            _ => cx.said_at.plus_millis(-TRAILING_MS),
        };
        self.worked_at = self.worked_at.max(Some(trails_from));
        if cx.observed {
            self.gone.clear();
        }
    }

    /// What a state of an older fold waited for is over.
    pub(crate) fn go_on(&mut self) {
        self.waiting = None;
    }

    /// A deadline passed without work.
    pub(crate) fn go_quiet(&mut self, quiet: Quiet) {
        // A session that is abandoned does not become merely stalled.
        if !(quiet == Quiet::Stalled && self.is_abandoned()) {
            self.quiet = Some(quiet);
        }
    }

    /// A report of a phase: of one that failed, or of work that goes on. Feedback looks back at a failure and does not take
    /// it back; `is_retried` says whether the phase that failed is begun anew or called done.
    pub(crate) fn report_phase(&mut self, failed: Option<Ended>, phase: &str, is_retried: impl FnOnce(&str) -> bool) {
        if let Some(failure) = failed {
            let failure = self.failure.get_or_insert(failure).clone();
            let phase = phase.to_owned();
            self.unresolved = Some(FailedPhase { phase, failure });
            return;
        }
        self.unresolved.take_if(|unresolved| is_retried(&unresolved.phase));
        if phase != vocabulary::FEEDBACK || self.unresolved.is_none() {
            self.failure = None;
        }
    }

    /// Why the build has failed although it came to its end.
    pub(crate) fn unresolved_failure(&self) -> Option<&Ended> {
        self.unresolved.as_ref().map(|unresolved| &unresolved.failure)
    }

    /// An agent session was closed. The latest close counts, whichever comes first.
    pub(crate) fn close(&mut self, fact: &CompletionReported, cx: &Context<'_>) {
        if self.closed.as_ref().is_none_or(|closed| closed.at <= cx.said_at) {
            self.closed = Some(Ended {
                reason: completion_reason(fact, true),
                at: cx.said_at,
            });
        }
    }

    /// The agent's process ended in order.
    pub(crate) fn leave(&mut self, reason: String, at: Timestamp) {
        if self.closed().is_none() {
            self.closed = Some(Ended { reason, at });
        }
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
