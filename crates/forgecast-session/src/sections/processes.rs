//! The processes in which a session's agents run. What a process says of itself, or that it is
//! gone, is the best source there is for the status of an agent session. A build has many of them
//! and goes on when one ends, so that there only a process that needs a person counts.

use std::collections::BTreeMap;

use forgecast_protocol::event::{ProcessReported, ProcessStatus};
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{SessionStatus, SourceKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::life::Standing;
use super::{Context, evict};

/// Processes of one session that are remembered, those that are there before those that ended.
const MAX_PROCESSES: usize = 64;
/// What is read within this after a process was found to be gone was written before it went.
const TRAILING_MS: i64 = 5_000;

/// What is known of them, by the name of each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Processes {
    processes: BTreeMap<String, Process>,
    /// Something was done in the session: it is not merely open.
    has_worked: bool,
}

/// One process, as it was last reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Process {
    status: ProcessStatus,
    waiting_for: Option<WaitingFor>,
    reason: Option<String>,
    /// Whether somebody sits in front of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attended: Option<bool>,
    /// Since when it has this status, by its own account; of one that ended, when that was learned.
    since: Timestamp,
}

impl Process {
    /// One that is there speaks for the session before one that ended, the one that needs a person
    /// before all others, and of equals the newest.
    fn rank(&self) -> (u8, Timestamp) {
        let rank = match self.status {
            ProcessStatus::Waiting => 4,
            ProcessStatus::Busy => 3,
            ProcessStatus::Idle => 2,
            ProcessStatus::Alive => 1,
            ProcessStatus::Exited | ProcessStatus::Failed | ProcessStatus::Crashed => 0,
        };
        (rank, self.since)
    }

    /// Why it ended badly, one line.
    fn failure(&self) -> &str {
        let default = match self.status {
            ProcessStatus::Crashed => "The agent's process is gone without having ended",
            _ => "The agent's process failed",
        };
        self.reason.as_deref().unwrap_or(default)
    }

    /// It needs a person. Another source that knows of the same wait says more of it: the command
    /// that is to be run.
    fn wait(&self, known: Option<&Standing>) -> Standing {
        let known = known.filter(|wait| wait.waiting_for.is_some() && wait.waiting_for == self.waiting_for);
        known.cloned().unwrap_or_else(|| Standing {
            waiting_for: self.waiting_for,
            ..Standing::of(SessionStatus::Waiting, self.reason.clone())
        })
    }

    /// It waits for the next prompt.
    fn idle() -> Standing {
        Standing {
            waiting_for: Some(WaitingFor::Prompt),
            ..Standing::of(SessionStatus::Waiting, Some("Waits for a prompt".to_owned()))
        }
    }
}

impl Processes {
    /// Notes what a process is doing or how it ended; whether that is news.
    pub(crate) fn apply(&mut self, fact: &ProcessReported, cx: &Context<'_>) -> bool {
        let stated = fact.since.filter(|_| fact.status.is_alive());
        let process = Process {
            status: fact.status,
            waiting_for: fact.waiting_for,
            reason: fact.reason.clone(),
            attended: fact.attended,
            since: stated.unwrap_or(cx.received).min(cx.received),
        };
        let known = self.processes.get(&fact.process);
        // A process that ended does not come back.
        if known.is_some_and(|known| !known.status.is_alive() || *known == process) {
            return false;
        }
        self.has_worked |= matches!(fact.status, ProcessStatus::Busy | ProcessStatus::Waiting);
        self.processes.insert(fact.process.clone(), process);
        evict(
            &mut self.processes,
            MAX_PROCESSES,
            &fact.process,
            |_, process| process.rank(),
            |_, _| {},
        );
        true
    }

    /// The agent works although no process of it was there: somebody goes on with the session where
    /// nothing is known of its processes.
    pub(crate) fn work(&mut self, at: Timestamp) {
        self.has_worked = true;
        let is_past = |process: &Process| !process.status.is_alive() && at > process.since.plus_millis(TRAILING_MS);
        self.processes.retain(|_, process| !is_past(process));
    }

    /// The process that speaks for an agent session.
    pub(crate) fn speaker(&self) -> Option<&Process> {
        self.processes.values().max_by_key(|process| process.rank())
    }

    /// Whether a process is known to be there.
    pub(crate) fn are_alive(&self) -> bool {
        self.processes.values().any(|process| process.status.is_alive())
    }

    /// Whether the session's process failed, or is gone without having ended in order.
    pub(crate) fn have_ended_badly(&self) -> bool {
        let is_bad = |process: &Process| matches!(process.status, ProcessStatus::Crashed | ProcessStatus::Failed);
        self.speaker().is_some_and(is_bad)
    }

    /// Whether somebody sits in front of the process that speaks for the session, if that is known.
    pub(crate) fn are_attended(&self) -> Option<bool> {
        self.speaker().filter(|process| process.status.is_alive())?.attended
    }

    /// What the processes say of the session's status, if they say anything. `wait` is what other
    /// sources know of. `silence` says since when there was no work, if that is longer than the
    /// limit. A process that is there is never abandoned, however long it is silent.
    pub(crate) fn standing(
        &self,
        agent_session: bool,
        wait: Option<&Standing>,
        silence: Option<String>,
    ) -> Option<Standing> {
        let process = self.speaker()?;
        let is_newer = |wait: &&Standing| wait.since > Some(process.since);
        let at_work = || match &silence {
            Some(_) => Standing::of(SessionStatus::Stalled, silence.clone()),
            None => Standing::of(SessionStatus::Running, None),
        };
        let standing = match process.status {
            ProcessStatus::Waiting => process.wait(wait),
            _ if !agent_session => return None,
            // That the turn is over is for the process to say: it may have more to do than its
            // transcript tells.
            ProcessStatus::Busy => {
                let asks = wait.filter(|wait| is_newer(wait) && wait.waiting_for != Some(WaitingFor::Prompt));
                asks.map_or_else(at_work, Clone::clone)
            }
            ProcessStatus::Alive | ProcessStatus::Idle if !self.has_worked => Standing::unasked(),
            ProcessStatus::Alive => wait.map_or_else(at_work, Clone::clone),
            ProcessStatus::Idle => {
                // A question or a request for approval that was not answered was taken back.
                let is_open =
                    |wait: &&Standing| !matches!(wait.waiting_for, Some(WaitingFor::Permission | WaitingFor::Answer));
                let open = wait.filter(|wait| is_open(wait) || is_newer(wait));
                open.map_or_else(Process::idle, Clone::clone)
            }
            ProcessStatus::Exited => return None,
            ProcessStatus::Failed => Standing::ended(SessionStatus::Failed, process.failure(), process.since),
            ProcessStatus::Crashed => Standing::of(SessionStatus::Abandoned, Some(process.failure().to_owned())),
        };
        Some(Standing {
            source: Some(SourceKind::Process),
            ..standing
        })
    }
}
