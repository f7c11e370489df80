//! The life of a run: when a new one begins in the same place, which deadlines a silent one has, and what the history
//! keeps of one that is over.

use forgecast_protocol::event::{CheckpointReported, PhaseReported, Quiet, SessionSeen};
use forgecast_protocol::session::PhaseStatus;
use forgecast_protocol::{Event, Fact, SessionStatus, Timestamp};

use crate::Session;
use crate::estimate::{RunRecord, project_of};
use crate::sections::phases::has_deployed;
use crate::sections::usage::CONTEXT_LIMIT;
use crate::vocabulary;

/// How long a session may be without work, in milliseconds, and what else is configured about sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until a running session counts as stalled.
    pub stalled_ms: u64,
    /// Until it counts as abandoned.
    pub abandoned_ms: u64,
    /// After Deploy was completed, until the build counts as completed.
    pub settled_ms: u64,
    /// Not of a time: tokens that fit into a context window, unless a call shows that it is one of the next size. The hub
    /// says it with every difference.
    pub context_limit_tokens: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stalled_ms: 15 * 60 * 1000,
            abandoned_ms: 6 * 60 * 60 * 1000,
            settled_ms: 2 * 60 * 1000,
            context_limit_tokens: CONTEXT_LIMIT,
        }
    }
}

/// When the hub has to say `went_quiet`, unless work comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// When; it may have passed already, for a build that is first seen when it is old.
    pub at: Timestamp,
    /// What to say.
    pub quiet: Quiet,
    /// The last work before it: the fact counts only if that is still the last when the fact is folded.
    pub since: Timestamp,
}

impl Session {
    /// Whether this event belongs to a new run rather than to this one.
    ///
    /// That is so when the phase goes back to the first ones and `phases_completed` is shorter than this run had it,
    /// whatever came before; and when this run has ended and its first phase begins anew. Going back to Architect or
    /// Builder is self-healing, and a new `started_at` alone means nothing. What is read at first sight is never the
    /// beginning of another run, unless the producer names its runs and names another one.
    #[must_use]
    pub fn begins_new_run(&self, event: &Event) -> bool {
        if let Fact::SessionSeen(SessionSeen { run: Some(run), .. }) = &event.fact {
            return self.state.identity.run.as_ref().is_some_and(|known| known != run);
        }
        if !self.state.files.observed(&event.origin) {
            return false;
        }
        match &event.fact {
            Fact::PhaseReported(fact) => self.starts_over(fact),
            Fact::CheckpointReported(fact) => self.loops_anew(fact),
            _ => false,
        }
    }

    fn starts_over(&self, fact: &PhaseReported) -> bool {
        let phase = fact.phase.as_deref().and_then(vocabulary::phase);
        let Some(phase) = phase.filter(|phase| vocabulary::is_first(phase)) else {
            return false;
        };
        let word = fact.status.as_deref();
        let begins = word.is_none_or(|word| !vocabulary::meaning(word).is_end());
        let current = self.view.phase.as_ref().map(|phase| phase.name.as_str());
        let back = current.is_some_and(|current| self.is_behind(&phase, current));
        let over = self.state.life.end.is_some() && begins;
        if back {
            return over || self.list_is_shorter(fact);
        }
        // The run ended in its first phase, or without any phase of its own being known.
        over && (current.is_none()
            || self.state.phases.live().is_none()
            || word.is_some_and(vocabulary::is_beginning) && self.has_left_beginning())
    }

    /// Whether `phase` comes before `current` in the pipeline; a producer's own phases come behind the first ones.
    fn is_behind(&self, phase: &str, current: &str) -> bool {
        let order = |name: &str| vocabulary::order(name).unwrap_or(u32::MAX);
        order(phase) < order(current)
    }

    fn list_is_shorter(&self, fact: &PhaseReported) -> bool {
        // Producers that keep no list have at least the phases that they were seen to complete.
        let done = self.view.phases.values();
        let seen = done.filter(|phase| phase.status == PhaseStatus::Completed).count();
        let had = self.state.phases.longest_list().unwrap_or(seen);
        fact.phases_completed.as_ref().map_or(0, Vec::len) < had
    }

    /// Whether the last report of the current phase was more than its beginning.
    fn has_left_beginning(&self) -> bool {
        let word = self.view.status_word.as_deref();
        word.is_some_and(|word| !vocabulary::is_beginning(word))
    }

    fn loops_anew(&self, fact: &CheckpointReported) -> bool {
        let Some(known) = self.state.phases.checkpoint() else {
            return false;
        };
        let scout = fact.phase.as_deref().and_then(vocabulary::known_phase) == Some(vocabulary::SCOUT);
        self.state.life.end.is_some()
            && !fact.complete
            && scout
            && (known.complete || fact.iterations < known.iterations)
    }

    /// The next moment at which silence has a meaning, if there is one.
    #[must_use]
    pub fn next_deadline(&self, limits: &Limits) -> Option<Deadline> {
        let life = &self.state.life;
        let is_broken = self.is_agent_session() && self.state.processes.have_ended_badly();
        if life.is_over() || life.is_gone() || life.is_abandoned() || is_broken {
            return None;
        }
        let since = self.quiet_since();
        let (quiet, limit) = if has_deployed(&self.view) {
            (Quiet::Settled, limits.settled_ms)
        } else if self.is_still() || limits.abandoned_ms <= limits.stalled_ms {
            (Quiet::Abandoned, limits.abandoned_ms)
        } else {
            (Quiet::Stalled, limits.stalled_ms)
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let silence = Deadline {
            at: since.plus_millis(limit),
            quiet,
            since,
        };
        let aged = self.state.phases.freshness().map(|(since, at)| Deadline {
            at,
            quiet: Quiet::Aged,
            since,
        });
        aged.into_iter().chain([silence]).min()
    }

    /// Whether it is known to be silent, or to wait: it does not stall any more.
    fn is_still(&self) -> bool {
        self.state.life.is_silent() || self.view.status == SessionStatus::Waiting
    }

    /// What the history keeps of this run, once it is over; nothing before.
    #[must_use]
    pub fn record(&self) -> Option<RunRecord> {
        // How long an agent session lasts says nothing of builds.
        if !self.view.status.is_final() || self.is_agent_session() {
            return None;
        }
        let ended_at = self.view.ended_at?;
        let started_at = self.view.started_at.unwrap_or(ended_at);
        Some(RunRecord {
            session: self.view.id.clone(),
            project: project_of(&self.view),
            phases: self.state.phases.spent_ms().clone(),
            total_ms: ended_at.millis_since(started_at),
            ended_at,
            completed: self.view.status == SessionStatus::Completed,
        })
    }
}
