//! Folds one fact into a session: finds the part that understands it, then brings up to date what follows from several
//! facts together (status, progress, ages). Must stay total: any event in any order leaves a valid view.

mod agents;
mod artifacts;
mod belonging;
mod checkpoint;
mod completion;
mod context;
mod decisions;
mod effect;
mod life;
mod own;
mod patterns;
mod phase;
mod pipeline;
mod shares;
mod tasks;
mod tests;
mod usage;
mod waiting;

use forgecast_protocol::event::SessionSeen;
use forgecast_protocol::session::{CurrentPhase, PhaseView};
use forgecast_protocol::{Event, Fact, Subject, Timestamp};
use std::collections::BTreeMap;

use crate::Session;
pub(crate) use context::CONTEXT_LIMIT;
pub(crate) use tests::headline;

use effect::{Activity, Effect, Section, put, set_some};

/// Links kept of one session.
const MAX_LINKS: usize = 50;

impl Session {
    /// Folds one fact into the state. Never panics and never fails: what a fact cannot change it does not change. The
    /// same state-like fact twice changes nothing the second time.
    pub fn apply(&mut self, event: &Event) {
        self.become_build(event);
        self.begin_own(event);
        self.adopt(&event.subject, &event.fact);
        let before = Outline::of(self);
        let effect = self.fold(event);
        self.live(event, effect.activity);
        self.derive();
        let at = self.time_of(event);
        for section in effect.sections.into_iter().chain(before.differences(self)) {
            match self.view.changed_at.get_mut(section.name()) {
                Some(changed) => *changed = at.max(*changed),
                None => {
                    self.view.changed_at.insert(section.name().to_owned(), at);
                }
            }
        }
    }

    fn fold(&mut self, event: &Event) -> Effect {
        match &event.fact {
            Fact::SessionSeen(fact) => self.fold_seen(fact),
            Fact::PhaseReported(fact) => self.fold_phase(event, fact),
            Fact::CheckpointReported(fact) => self.fold_checkpoint(event, fact),
            Fact::TaskReported(fact) => self.fold_task(event, fact),
            Fact::TestsReported(fact) => self.fold_tests(event, fact),
            Fact::AgentReported(fact) => self.fold_agent(event, fact),
            Fact::DecisionRecorded(fact) => self.fold_decision(event, fact),
            Fact::PatternRecorded(fact) => self.fold_pattern(fact),
            Fact::ArtifactChanged(fact) => self.fold_artifact(event, fact),
            Fact::UsageRecorded(fact) => self.fold_usage(event, fact),
            // The ledger has turned the first into usage; the second belongs to no session.
            Fact::CallReported(_) | Fact::IndexingProgress(_) => Effect::none(),
            Fact::BudgetPassed(fact) => self.fold_budget(fact),
            Fact::ToolUsed(fact) => self.fold_tool(fact),
            Fact::WaitingBegan(fact) => self.fold_waiting(event, fact),
            Fact::WaitingEnded(_) => self.fold_waiting_ended(),
            Fact::ErrorReported(fact) => self.fold_error(event, fact),
            Fact::CompletionReported(fact) => self.fold_completion(event, fact),
            Fact::WentQuiet(fact) => self.fold_quiet(fact),
            Fact::EstimateRevised(fact) => {
                self.view.estimate.clone_from(&fact.estimate);
                Effect::none()
            }
            Fact::ProblemFound(fact) => self.fold_problem(fact),
            Fact::ProblemCleared(fact) => self.fold_problem_cleared(fact),
            Fact::SourceGone(fact) => self.fold_gone(&fact.path),
            Fact::SourceReturned(fact) => self.fold_returned(&fact.path),
            Fact::Custom(fact) => Self::fold_custom(&fact.kind),
        }
    }

    /// A session may be found before its folder or its name is known; both are taken once.
    fn adopt(&mut self, subject: &Subject, fact: &Fact) {
        if self.view.working_directory.is_none() {
            self.view.working_directory.clone_from(&subject.directory);
        }
        if let (false, Fact::PhaseReported(_), Some(name)) = (self.memory.named, fact, &subject.name) {
            self.view.name.clone_from(name);
            self.memory.named = true;
        }
    }

    fn fold_seen(&mut self, fact: &SessionSeen) -> Effect {
        self.take_title(fact);
        set_some(&mut self.view.project, fact.project.as_ref());
        set_some(&mut self.view.task, fact.task.as_ref());
        set_some(&mut self.view.host, fact.host.as_ref());
        self.add_links(&fact.links);
        Effect::none()
    }

    pub(crate) fn add_links(&mut self, links: &BTreeMap<String, String>) {
        for (label, address) in links {
            let room = self.view.links.len() < MAX_LINKS || self.view.links.contains_key(label);
            if room {
                put(&mut self.view.links, label, address.clone());
            }
        }
    }

    /// Moves the two ages: the last work and the last sign of life.
    fn live(&mut self, event: &Event, activity: Activity) {
        let at = self.time_of(event);
        if activity == Activity::Work {
            self.work(event, at);
        }
        if activity == Activity::Seen {
            self.memory.seen_at = self.memory.seen_at.max(Some(at));
        }
        let later = self.memory.seen_at.filter(|seen| Some(*seen) > self.view.last_work_at);
        self.view.last_seen_at = later;
    }

    fn work(&mut self, event: &Event, at: Timestamp) {
        let path = event.origin.path.as_deref().unwrap_or_default();
        let work_at = match self.memory.files.get_mut(path) {
            Some(file) => &mut file.worked_at,
            None => &mut self.memory.work_at,
        };
        *work_at = (*work_at).max(Some(at));
        self.view.last_work_at = self.view.last_work_at.max(Some(at));
        self.memory.quiet = None;
        self.reopen(event, at);
        if self.changed_under_our_eyes(&event.origin) {
            self.memory.gone.clear();
        }
    }

    /// When what an event says became true: now for what changes under our eyes, the file's time for what was there.
    #[must_use]
    pub fn time_of(&self, event: &Event) -> Timestamp {
        if self.changed_under_our_eyes(&event.origin) {
            event.at
        } else {
            let modified = event.origin.modified_at.unwrap_or(event.at);
            modified.min(event.at)
        }
    }
}

/// The small parts of a view that several facts can change, as they were before one.
struct Outline {
    phase: Option<CurrentPhase>,
    phases: BTreeMap<String, PhaseView>,
    progress: (Option<f64>, Option<u32>, Option<u32>),
}

fn progress_of(session: &Session) -> (Option<f64>, Option<u32>, Option<u32>) {
    let progress = &session.view.progress;
    (progress.percent, progress.tasks_completed, progress.tasks_total)
}

impl Outline {
    fn of(session: &Session) -> Self {
        Self {
            phase: session.view.phase.clone(),
            phases: session.view.phases.clone(),
            progress: progress_of(session),
        }
    }

    fn differences(&self, session: &Session) -> impl Iterator<Item = Section> + use<> {
        let view = &session.view;
        [
            (Section::Phase, self.phase != view.phase),
            (Section::Phases, self.phases != view.phases),
            (Section::Progress, self.progress != progress_of(session)),
        ]
        .into_iter()
        .filter_map(|(section, differs)| differs.then_some(section))
    }
}
