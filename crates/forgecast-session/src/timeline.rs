//! A session's past in brief, kept up to date fact by fact: which phases were tried when, what is worth a mark, and when
//! each revision came. Compares views and never reads facts for what they mean: that is the fold's, and a mark that the
//! view at its revision does not show would be a lie.

mod thin;

use std::collections::{BTreeMap, BTreeSet};

use forgecast_protocol::session::{BudgetLevel, PhaseStatus, TestIteration, TestSummary};
use forgecast_protocol::{Event, Fact, Revision, SessionStatus, SourceKind, Timestamp};
use forgecast_protocol::{MarkKind, Timeline, TimelineMark, TimelineSpan};

use crate::Session;
use crate::sections::usage::budget_text;

/// Characters of a label.
const LABEL: usize = 160;
/// Marks and spans that are remembered of one session; the marks that come after them are counted, not kept.
const MOST: usize = 100_000;

/// Builds the timeline of one session while its facts are folded.
#[derive(Clone, Debug)]
pub struct TimelineBuilder {
    first: Revision,
    revision: Revision,
    at: Timestamp,
    /// The time of the last fact that a source told, rather than Forgecast itself.
    told_at: Timestamp,
    spans: Vec<TimelineSpan>,
    marks: Vec<TimelineMark>,
    times: Vec<(Revision, Timestamp)>,
    dropped: u64,
    seen: Seen,
}

/// What was seen of the view, to tell what is new in the next one.
#[derive(Clone, Debug, Default)]
struct Seen {
    phases: BTreeMap<String, (u32, PhaseStatus)>,
    /// The place of the open span of a phase.
    open: BTreeMap<String, usize>,
    status: Option<SessionStatus>,
    rounds: BTreeMap<u32, TestIteration>,
    summary: Option<TestSummary>,
    agents: BTreeSet<String>,
    error: Option<String>,
    budget: Option<BudgetLevel>,
    denied: u64,
}

impl TimelineBuilder {
    /// The past of a session that begins with its first fact, or (with `first` above 0) with this state at that revision,
    /// because what led there is no longer kept.
    #[must_use]
    pub fn new(session: &Session, first: Revision, at: Timestamp) -> Self {
        let mut builder = Self {
            first: first.max(1),
            revision: first,
            at,
            told_at: at,
            spans: Vec::new(),
            marks: Vec::new(),
            times: Vec::new(),
            dropped: 0,
            seen: Seen::default(),
        };
        if first > 0 {
            builder.times.push((first, at));
            builder.look(session, true);
            // What was there already began before.
            builder.marks.clear();
        }
        builder
    }

    /// Takes note of what a fact changed: `session` is the state after it, `revision` the one that it led to.
    pub fn note(&mut self, session: &Session, event: &Event, revision: Revision) {
        let at = session.time_of(event);
        if event.origin.first_sight && at < self.at {
            self.go_back_to(at.max(self.told_at));
        }
        self.at = self.at.max(at);
        if event.origin.kind != SourceKind::Internal {
            self.told_at = self.told_at.max(at);
        }
        // What viewers never saw by itself belongs to what they saw next.
        self.revision = self.revision.max(revision).max(1);
        if self.times.last().is_none_or(|(last, _)| *last < self.revision) {
            self.times.push((self.revision, self.at));
        }
        // The hub's own word for facts that are not kept one by one may change anything.
        let any = matches!(event.fact, Fact::AgentReported(_) | Fact::Custom(_));
        self.look(session, any);
    }

    /// A past that is read in several parts looks silent between two of them. What Forgecast said of that silence, later
    /// than the facts that follow, was about its own reading.
    fn go_back_to(&mut self, at: Timestamp) {
        self.times.retain(|(_, time)| *time <= at);
        self.marks.retain(|mark| mark.at <= at);
        self.at = at;
    }

    /// What follows the revision `after`, of the rest at most `most` spans and `most` marks.
    #[must_use]
    pub fn timeline(&self, session: &Session, after: Revision, most: usize) -> Timeline {
        let spans = self.spans.iter();
        let spans = spans.filter(|span| span.ended_revision.is_none_or(|ended| ended > after) || span.revision > after);
        let (spans, fewer_spans) = thin::spans(spans.cloned().collect(), most);
        let begin = self.marks.partition_point(|mark| mark.revision <= after);
        let (marks, fewer_marks) = thin::marks(&self.marks[begin..], most);
        let begin = self.times.partition_point(|(revision, _)| *revision <= after);
        Timeline {
            session: session.view.id.clone(),
            revision: self.revision,
            first_revision: self.first,
            spans,
            marks,
            times: thin::times(&self.times[begin..], most),
            left_out: fewer_spans + fewer_marks + self.dropped,
        }
    }

    /// The oldest revision that it tells of.
    #[must_use]
    pub fn first(&self) -> Revision {
        self.first
    }

    fn look(&mut self, session: &Session, agents_too: bool) {
        self.look_at_phases(session);
        self.look_at_tests(session);
        if agents_too {
            self.look_at_agents(session);
        }
        let view = &session.view;
        let newest = view.errors.last_key_value();
        if newest.map(|(key, _)| key) != self.seen.error.as_ref() {
            self.seen.error = newest.map(|(key, _)| key.clone());
            if let Some((_, error)) = newest {
                self.mark(MarkKind::Error, &error.message);
            }
        }
        let budget = view.usage.as_ref().and_then(|usage| usage.budget.as_ref());
        if let Some(budget) = budget.filter(|budget| self.seen.budget != Some(budget.level)) {
            self.seen.budget = Some(budget.level);
            self.mark(MarkKind::Budget, &budget_text(budget));
        }
        let denied = view.usage.as_ref().map_or(0, |usage| usage.denied);
        if denied > self.seen.denied {
            self.seen.denied = denied;
            self.mark(MarkKind::Budget, "stopped by a hard budget");
        }
        self.look_at_status(session);
    }

    fn look_at_status(&mut self, session: &Session) {
        let (before, now) = (self.seen.status, session.view.status);
        self.seen.status = Some(now);
        if before == Some(now) {
            return;
        }
        let kind = match now {
            SessionStatus::Running if before.is_none() => return,
            SessionStatus::Running => MarkKind::Resumed,
            SessionStatus::Waiting => MarkKind::Waiting,
            SessionStatus::Stalled => MarkKind::Stalled,
            SessionStatus::Completed => MarkKind::Completed,
            SessionStatus::Failed => MarkKind::Failed,
            SessionStatus::Abandoned => MarkKind::Abandoned,
        };
        let label = match (kind, &session.view.status_reason) {
            (MarkKind::Resumed, _) => "goes on",
            (_, Some(reason)) => reason,
            (MarkKind::Waiting, None) => "waits",
            (_, None) => "",
        };
        self.mark(kind, label);
    }

    fn look_at_phases(&mut self, session: &Session) {
        let phases = &session.view.phases;
        let gone: Vec<String> = self
            .seen
            .open
            .keys()
            .filter(|name| !phases.contains_key(*name))
            .cloned()
            .collect();
        for name in gone {
            self.end_span(&name, PhaseStatus::Pending);
        }
        self.seen.phases.retain(|name, _| phases.contains_key(name));
        for (name, phase) in phases {
            let (attempts, status) = self.seen.phases.get(name).copied().unwrap_or_default();
            if (attempts, status) == (phase.attempts, phase.status) {
                continue;
            }
            self.seen.phases.insert(name.clone(), (phase.attempts, phase.status));
            let again = phase.attempts > attempts;
            if again || phase.status != PhaseStatus::Active {
                self.end_span(name, if again { PhaseStatus::Pending } else { phase.status });
            }
            if again {
                self.begin_span(name, phase.attempts, phase.status);
            }
        }
    }

    /// A phase that came and went between two facts is a span without length.
    fn begin_span(&mut self, phase: &str, attempt: u32, status: PhaseStatus) {
        if self.spans.len() >= MOST {
            self.dropped += 1;
            return;
        }
        let ended = status != PhaseStatus::Active;
        if !ended {
            self.seen.open.insert(phase.to_owned(), self.spans.len());
        }
        self.spans.push(TimelineSpan {
            phase: phase.to_owned(),
            attempt,
            status,
            revision: self.revision,
            at: self.at,
            ended_revision: ended.then_some(self.revision),
            ended_at: ended.then_some(self.at),
        });
    }

    fn end_span(&mut self, phase: &str, status: PhaseStatus) {
        let Some(span) = self.seen.open.remove(phase).and_then(|place| self.spans.get_mut(place)) else {
            return;
        };
        span.status = status;
        span.ended_revision = Some(self.revision);
        span.ended_at = Some(self.at);
    }

    fn look_at_tests(&mut self, session: &Session) {
        let Some(tests) = &session.view.tests else {
            return;
        };
        if tests.summary != self.seen.summary {
            self.seen.summary.clone_from(&tests.summary);
            if let Some(summary) = &tests.summary {
                self.mark_tests("tests", summary.passed, summary.failed, None);
            }
        }
        if tests.iterations == self.seen.rounds {
            return;
        }
        for (number, round) in &tests.iterations {
            if self.seen.rounds.get(number) != Some(round) {
                self.mark_tests(&format!("run {number}"), round.passed, round.failed, round.verdict);
            }
        }
        self.seen.rounds.clone_from(&tests.iterations);
    }

    fn mark_tests(&mut self, what: &str, passed: Option<u32>, failed: Option<u32>, verdict: Option<bool>) {
        let ill = verdict.map_or(failed > Some(0), |well| !well);
        if !ill && verdict.is_none() && passed.is_none() && failed.is_none() {
            return;
        }
        let count = |number: Option<u32>, word: &str| number.map(|number| format!("{number} {word}"));
        let counts: Vec<String> = count(passed, "passed")
            .into_iter()
            .chain(count(failed, "failed"))
            .collect();
        let said = match counts.as_slice() {
            [] if ill => "failed".to_owned(),
            [] => "passed".to_owned(),
            counts => counts.join(", "),
        };
        let kind = if ill {
            MarkKind::TestsFailed
        } else {
            MarkKind::TestsPassed
        };
        self.mark(kind, &format!("{what}: {said}"));
    }

    fn look_at_agents(&mut self, session: &Session) {
        for (id, agent) in &session.view.agents {
            if !self.seen.agents.contains(id) {
                self.seen.agents.insert(id.clone());
                let name = agent.name.as_ref().or(agent.kind.as_ref()).unwrap_or(id).clone();
                self.mark(MarkKind::Agent, &name);
            }
        }
    }

    fn mark(&mut self, kind: MarkKind, label: &str) {
        if self.marks.len() >= MOST {
            self.dropped += 1;
            return;
        }
        self.marks.push(TimelineMark {
            revision: self.revision,
            at: self.at,
            kind,
            label: label.chars().take(LABEL).collect(),
        });
    }
}
