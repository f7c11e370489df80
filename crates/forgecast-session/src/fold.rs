//! Folds one fact into a session: hands it to the sections that it concerns, then brings up to date what follows from
//! several of them together (status, progress, ages, attention). Must stay total: any event in any order leaves a valid
//! view.

mod reports;
mod verdict;

use std::collections::BTreeMap;

use forgecast_protocol::event::{
    ApprovalAnswered, ArtifactKind, SessionSeen, SourceKind, TaskReported, UsageRecorded, WaitingEnded,
};
use forgecast_protocol::session::{CurrentPhase, PhaseView, SessionView, SourceOfState};
use forgecast_protocol::{Event, Fact, Timestamp};

use crate::Session;
use crate::sections::attention::Noticeable;
use crate::sections::life::{add_problem, clear_problem, custom};
use crate::sections::tasks::{Tasks, is_done};
use crate::sections::{
    Activity, Changed, Context, Section, agents, artifacts, attention, decisions, patterns, put, take_stated, usage,
};
use crate::session::last_part;
use crate::vocabulary;

/// The broadcaster's own event for the beginning of a round of its loop.
const ROUND_BEGINS: &str = "iteration_start";
/// Links kept of one session.
const MAX_LINKS: usize = 50;

impl Session {
    /// Folds one fact into the state. Never panics and never fails: what a fact cannot change it does not change. The
    /// same state-like fact twice changes nothing the second time.
    pub fn apply(&mut self, event: &Event) {
        let cx = &self.state.files.context(event);
        self.become_build(cx);
        self.begin_agent_session(cx);
        self.adopt(event);
        let before = Outline::of(&self.view);
        let changed = self.fold(&event.fact, cx);
        let is_news = changed.activity != Activity::None;
        self.state.activity.note(&event.fact, is_news, cx);
        self.note_activity(&event.fact, cx, changed.activity);
        let standing = self.derive();
        for section in changed.with(before.changes(&self.view)).sections() {
            let changed_at = &mut self.view.changed_at;
            match changed_at.get_mut(section.name()) {
                Some(changed) => *changed = cx.at.max(*changed),
                None => _ = changed_at.insert(section.name().to_owned(), cx.at),
            }
        }
        let is_news = attention::is_news(&event.fact, &self.state.files, cx);
        let attention = &mut self.state.attention;
        attention.update(before.noticeable, &standing, &self.view, is_news, cx.at);
        if let Fact::LimitPassed(fact) = &event.fact {
            attention.pass_limit(fact, &self.view, cx.at);
        }
    }

    /// Hands a fact to the sections that it concerns.
    fn fold(&mut self, fact: &Fact, cx: &Context<'_>) -> Changed {
        match fact {
            Fact::SessionSeen(fact) => self.see(fact, cx),
            Fact::PhaseReported(fact) => self.report_phase(fact, cx),
            Fact::CheckpointReported(fact) => self.report_checkpoint(fact, cx),
            Fact::CompletionReported(fact) => self.report_completion(fact, cx),
            Fact::TaskReported(fact) => self.if_of_run(cx, None, |it| it.report_task(fact, cx)),
            Fact::TestsReported(fact) => self.if_of_run(cx, None, |it| {
                Changed::of(Section::Tests, it.state.tests.apply(&mut it.view.tests, fact, cx))
            }),
            Fact::AgentReported(fact) => {
                let task = self.state.tasks.at_work(&self.view.progress);
                self.state.stages.follow(&mut self.view, fact, task, cx);
                self.state.agents.report_agent(fact, cx);
                let tokens = self.tokens_of_agent(&fact.id);
                let changed = agents::apply(&mut self.view.agents, fact, tokens, cx);
                Changed::of(Section::Agents, changed)
            }
            Fact::DecisionRecorded(fact) => self.if_of_run(cx, None, |it| {
                let changed = it.state.decisions.apply(&mut it.view.decisions, fact, cx);
                Changed::of(Section::Decisions, changed)
            }),
            // A library is no work of this build; when its file changes, the file's own fact says so.
            Fact::PatternRecorded(fact) => {
                Changed::of(Section::Patterns, patterns::apply(&mut self.view.patterns, fact)).idle()
            }
            Fact::ArtifactChanged(fact) => {
                // A library belongs to the project, whatever its age.
                let is_library = fact.kind == ArtifactKind::Patterns;
                let apply =
                    |it: &mut Self| Changed::of(Section::Artifacts, artifacts::apply(&mut it.view.artifacts, fact));
                match (fact.removed, is_library) {
                    (false, false) => self.if_of_run(cx, fact.dated, apply),
                    (false, true) if cx.observed => apply(self),
                    _ => apply(self).idle(),
                }
            }
            Fact::UsageRecorded(fact) => self.record_usage(fact, cx),
            // Only a person's notice follows from it.
            Fact::LimitPassed(_) => Changed::nothing(),
            Fact::BudgetPassed(_) | Fact::BudgetDenied(_) | Fact::BudgetRaised(_) => self.report_budget(fact, cx),
            Fact::ToolUsed(_) | Fact::WaitingBegan(_) | Fact::WaitingEnded(_) | Fact::ActivityReported(_) => {
                self.report_of_agent(fact, cx)
            }
            Fact::ApprovalAnswered(fact) => self.answer_approval(fact, cx),
            Fact::ProcessReported(fact) => self.report_process(fact, cx),
            Fact::WentQuiet(fact) => self.go_quiet(fact),
            Fact::ErrorReported(fact) => {
                self.state.life.add_error(&mut self.view.errors, fact, cx);
                Changed::work()
            }
            Fact::Custom(fact) => {
                let round = fact.data.get("iteration").filter(|_| fact.kind == ROUND_BEGINS);
                let round = round.and_then(|round| u32::try_from(round.as_u64()?).ok());
                custom(&fact.kind).and(Section::Progress, Tasks::begin_round(&mut self.view.progress, round))
            }
            Fact::EstimateRevised(fact) => {
                self.view.estimate.clone_from(&fact.estimate);
                Changed::nothing()
            }
            Fact::ProblemFound(fact) => {
                add_problem(&mut self.view.problems, fact);
                Changed::nothing()
            }
            Fact::ProblemCleared(fact) => {
                clear_problem(&mut self.view.problems, fact);
                Changed::nothing()
            }
            Fact::SourceGone(fact) => {
                self.state.life.lose_source(&fact.path);
                Changed::nothing()
            }
            Fact::SourceReturned(fact) => {
                self.state.life.find_source(&fact.path);
                Changed::nothing()
            }
            Fact::SourceMoved(fact) => {
                self.state.life.find_source(&fact.from);
                self.move_to(&fact.to);
                Changed::nothing()
            }
            // The ledger has turned the first into usage; the others belong to no session.
            Fact::CallReported(_) | Fact::IndexingProgress(_) | Fact::LimitReported(_) => Changed::nothing(),
        }
    }

    /// What an agent asked to be allowed was answered.
    fn answer_approval(&mut self, fact: &ApprovalAnswered, cx: &Context<'_>) -> Changed {
        let over = WaitingEnded {
            agent: fact.agent.clone(),
            use_id: None,
            tool: Some(fact.tool.clone()),
        };
        let changed = self.report_of_agent(&Fact::WaitingEnded(over), cx);
        let decision = decisions::of_answer(fact);
        let decided = self.state.decisions.apply(&mut self.view.decisions, &decision, cx);
        changed.and(Section::Decisions, decided)
    }

    /// A mark of a budget was passed, or a hard one stopped an agent or was changed. None of it is work.
    fn report_budget(&mut self, fact: &Fact, cx: &Context<'_>) -> Changed {
        let (view, state) = (&mut self.view, &mut self.state);
        let mut changed = Changed::nothing();
        let decision = match fact {
            Fact::BudgetPassed(fact) => {
                return changed.and(Section::Usage, usage::pass_budget(&mut view.usage, fact));
            }
            Fact::BudgetDenied(fact) => {
                usage::deny(&mut view.usage);
                changed = changed.and(Section::Usage, true);
                decisions::of_denial(fact)
            }
            Fact::BudgetRaised(fact) => decisions::of_raise(fact, cx.at),
            _ => return changed,
        };
        let decided = state.decisions.apply(&mut view.decisions, &decision, cx);
        changed.and(Section::Decisions, decided)
    }

    fn report_task(&mut self, fact: &TaskReported, cx: &Context<'_>) -> Changed {
        // The list of an agent is not the plan of the build that it works for.
        if cx.transcript.is_some() && !self.is_agent_session() {
            return Changed::seen();
        }
        let changed = self.state.tasks.apply(&mut self.view.progress, fact, cx);
        let word = fact.status.as_deref();
        if cx.origin.kind == SourceKind::Foundry && word.is_some_and(vocabulary::is_at_work) {
            self.state.stages.begin_task(&mut self.view, cx);
        }
        if changed {
            self.producer_works(cx);
        }
        Changed::of(Section::Progress, changed)
    }

    /// What an agent does and waits for.
    fn report_of_agent(&mut self, fact: &Fact, cx: &Context<'_>) -> Changed {
        let agents = &mut self.state.agents;
        let changed = match fact {
            Fact::ToolUsed(fact) => agents.use_tool(fact, cx),
            Fact::WaitingBegan(fact) => agents.begin_wait(fact, cx),
            Fact::WaitingEnded(fact) => agents.end_wait(fact, cx),
            Fact::ActivityReported(fact) => agents.report_activity(fact, cx),
            _ => Changed::nothing(),
        };
        if changed.activity == Activity::Work {
            self.state.life.go_on();
        }
        changed
    }

    /// Folds what a file says if it belongs to this run, else takes back what the same file said before; `dated` is the
    /// producer's own time of its content.
    fn if_of_run(
        &mut self,
        cx: &Context<'_>,
        dated: Option<Timestamp>,
        fold: impl FnOnce(&mut Self) -> Changed,
    ) -> Changed {
        if self.state.files.admit(cx, dated) {
            fold(self)
        } else {
            self.take_back(cx.path().unwrap_or_default())
        }
    }

    /// Removes everything that a file said.
    fn take_back(&mut self, path: &str) -> Changed {
        let (view, state) = (&mut self.view, &mut self.state);
        let reported_run = state.phases.live().and_then(|live| live.test_iteration);
        let changed = Changed::nothing()
            .and(Section::Artifacts, view.artifacts.remove(path).is_some())
            .and(
                Section::Tests,
                state.tests.take_back(&mut view.tests, path, reported_run),
            )
            .and(Section::Decisions, state.decisions.take_back(&mut view.decisions, path))
            .and(Section::Progress, state.tasks.take_back(&mut view.progress, path));
        state.life.end.take_if(|end| end.path.as_deref() == Some(path));
        state.phases.take_back_results(path);
        state.phases.forget_percent();
        view.last_work_at = state.files.take_back(path);
        if state.phases.take_back_checkpoint(path) {
            return changed.with(self.take_back_checkpoint());
        }
        changed
    }

    /// Tokens and cost, which also say what an agent used and that a wait is over.
    fn record_usage(&mut self, fact: &UsageRecorded, cx: &Context<'_>) -> Changed {
        let at = fact.used_at.unwrap_or(cx.at);
        if let (Some(total), Some(transcript)) = (&fact.agent_total, cx.transcript) {
            let usage = &mut self.state.usage;
            return usage.state_total(&mut self.view.usage, transcript, total);
        }
        let phase = match &fact.phase {
            None if fact.accounts.is_empty() => self.phase_at(at).map(str::to_owned),
            phase => phase.clone(),
        };
        let (view, state) = (&mut self.view, &mut self.state);
        let changed = state.usage.apply(&mut view.usage, fact, phase.as_deref(), at);
        state.agents.call_model(fact, at, cx);
        let Some(agent) = &fact.agent else {
            return changed;
        };
        let tokens = self.tokens_of_agent(agent);
        let view = &mut self.view;
        changed.and(Section::Agents, agents::set_tokens(&mut view.agents, agent, tokens))
    }

    /// What an agent used: by the calls that count, else by what its producer reports beside them.
    fn tokens_of_agent(&self, agent: &str) -> Option<u64> {
        let counted = usage::tokens_of_agent(self.view.usage.as_ref(), agent);
        counted.or_else(|| self.state.usage.tokens_reported_of(agent))
    }

    /// What only a build's sources say makes it one.
    fn become_build(&mut self, cx: &Context<'_>) {
        let of_build = matches!(
            cx.origin.kind,
            SourceKind::PhaseFile
                | SourceKind::Checkpoint
                | SourceKind::Artifact
                | SourceKind::Push
                | SourceKind::History
        );
        if self.is_agent_session() && of_build {
            self.view.source = SourceOfState::Live;
            self.state.life.reopen();
            // When a build began is for its own sources to say.
            self.view.started_at = None;
        }
    }

    /// An agent session began with the first thing that is known of it, in whatever order its files are read.
    fn begin_agent_session(&mut self, cx: &Context<'_>) {
        if self.is_agent_session() && cx.origin.kind != SourceKind::Internal {
            let known = self.view.started_at;
            self.view.started_at = Some(known.map_or(cx.said_at, |known| known.min(cx.said_at)));
        }
    }

    /// A session may be found before its folder or its name is known; both are taken once.
    fn adopt(&mut self, event: &Event) {
        let subject = &event.subject;
        if self.view.working_directory.is_none() {
            self.view.working_directory.clone_from(&subject.directory);
        }
        if let (false, Fact::PhaseReported(_), Some(name)) = (self.state.identity.named, &event.fact, &subject.name) {
            self.view.name.clone_from(name);
            self.state.identity.named = true;
        }
    }

    /// The session's folder has another path; a name that is the folder's goes with it.
    fn move_to(&mut self, folder: &str) {
        self.view.working_directory = Some(folder.to_owned());
        if let (false, Some(name)) = (self.state.identity.named, last_part(folder)) {
            name.clone_into(&mut self.view.name);
        }
    }

    fn see(&mut self, fact: &SessionSeen, cx: &Context<'_>) -> Changed {
        // A build has its own name.
        let title = fact.title.as_ref().filter(|title| !title.is_empty());
        if let (true, Some(title)) = (self.is_agent_session(), title) {
            self.view.name.clone_from(title);
        }
        take_stated!(self.view, fact, project, task, host, branch);
        if fact.run.is_some() {
            self.state.identity.run.clone_from(&fact.run);
            self.view.started_at = self.view.started_at.or(Some(cx.said_at));
        }
        self.add_links(&fact.links);
        Changed::nothing()
    }

    fn add_links(&mut self, links: &BTreeMap<String, String>) {
        for (label, address) in links {
            if self.view.links.len() < MAX_LINKS || self.view.links.contains_key(label) {
                put(&mut self.view.links, label, address.clone());
            }
        }
    }

    /// Moves the two ages: the last work and the last sign of life.
    fn note_activity(&mut self, fact: &Fact, cx: &Context<'_>, activity: Activity) {
        let (view, life) = (&mut self.view, &mut self.state.life);
        match activity {
            Activity::None => {}
            Activity::Seen => life.seen_at = life.seen_at.max(Some(cx.at)),
            Activity::Work => {
                self.state.files.work(cx);
                let is_latest = view.last_work_at.is_none_or(|last| cx.at >= last);
                view.last_work_at = view.last_work_at.max(Some(cx.at));
                life.work(fact, cx, is_latest);
                if !matches!(fact, Fact::ProcessReported(_)) {
                    self.state.processes.work(cx.said_at);
                }
            }
        }
        view.last_seen_at = life.seen_at.filter(|seen| Some(*seen) > view.last_work_at);
    }
}

/// The small parts of a view that several facts can change, as they were before one.
struct Outline {
    phase: Option<CurrentPhase>,
    phases: BTreeMap<String, PhaseView>,
    progress: Counts,
    noticeable: Noticeable,
}

/// What follows of the progress from facts of other sections: the numbers, and how many tasks are done because the builder
/// is.
type Counts = (Option<f64>, Option<u32>, Option<u32>, usize);

fn progress_of(view: &SessionView) -> Counts {
    let progress = &view.progress;
    let done = progress.tasks.values().filter(|task| is_done(task)).count();
    (progress.percent, progress.tasks_completed, progress.tasks_total, done)
}

impl Outline {
    fn of(view: &SessionView) -> Self {
        Self {
            phase: view.phase.clone(),
            phases: view.phases.clone(),
            progress: progress_of(view),
            noticeable: Noticeable::of(view),
        }
    }

    fn changes(&self, view: &SessionView) -> Changed {
        Changed::nothing()
            .and(Section::Phase, self.phase != view.phase)
            .and(Section::Phases, self.phases != view.phases)
            .and(Section::Progress, self.progress != progress_of(view))
    }
}
