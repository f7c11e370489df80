//! Everything that folding a batch reads and changes: the sessions in memory, the ledger of calls, the index, deadlines
//! and estimates. A batch goes in and what has to be stored comes out; in between every session that changed gets its
//! next revision and its viewers are told. Nothing here waits.

mod publish;
mod usage;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use forgecast_protocol::event::{Custom, LimitPassed, ProblemFound, Quiet, SourceMoved, UsageSource, WentQuiet};
use forgecast_protocol::rest::HardBudget;
use forgecast_protocol::{
    Batch, Event, Fact, LogChunk, Problem, ProblemKind, SessionId, SessionRef, SessionRow, SourceCheckpoint, SourceKey,
    SourceKind, Subject, Timestamp,
};
use forgecast_session::Limits;
use forgecast_store::{KnownSession, StoredSession};
use serde_json::{Value, json};

use crate::batch::{BatchSource, BatchSubjects, PreparedBatch, hash_of};
use crate::command::ImportedSession;
use crate::commits::CommitDraft;
use crate::counters::{Reason, Receipt, Rejected};
use crate::deadlines::Deadlines;
use crate::estimator::{Estimator, Stage};
use crate::hard_budgets::{BudgetName, session_of};
use crate::history::{self, Restored, internal, of_run};
use crate::index::Index;
use crate::ledger::CallLedger;
use crate::live::{LiveSession, LiveSessions};
use crate::merges::MergedSession;
use crate::recent::RecentIds;
use crate::registry::{Producer, Resolved, Span};
use crate::shared::Shared;
use crate::topic::End;
use crate::usage::PendingUsage;

/// Facts that are older when they arrive are history.
const HISTORY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long a session whose deadline came waits for the next attempt to load it.
const RETRY_MS: i64 = 60_000;
/// The problem under which viewers see that somebody else claims their session.
const CONFLICT: &str = "conflict";
/// Among so many finished sessions that are the longest without work, one is looked for that nobody watches.
const EVICTABLE: usize = 1_024;
/// The `type` of the messages about hard budgets.
const BUDGET_DENIED: &str = "budget_denied";
const BUDGET_RAISED: &str = "budget_raised";

pub(crate) struct HubState {
    pub(crate) shared: Arc<Shared>,
    pub(crate) sessions: LiveSessions,
    pub(crate) ledger: CallLedger,
    pub(crate) index: Index,
    pub(crate) deadlines: Deadlines,
    pub(crate) estimator: Estimator,
    pub(crate) recent_ids: RecentIds,
    /// How far each source was read, both as hashes.
    pub(crate) sources: HashMap<u64, u64>,
}

/// A session that a batch touched.
struct Touched {
    /// The stage that it was in before; `None` for a new one.
    before: Option<Stage>,
    /// Its facts of this batch.
    facts: u64,
    /// How they are cut into revisions.
    past: PastSteps,
}

impl Touched {
    fn new(before: Option<Stage>) -> Self {
        Self {
            before,
            facts: 0,
            past: PastSteps::default(),
        }
    }
}

/// How a past that is read in one go is cut into revisions, so that it can be looked back at like one that was followed:
/// a new one for each minute in which something happened.
#[derive(Clone, Copy, Debug, Default)]
struct PastSteps {
    /// When the last step began.
    began: Option<Timestamp>,
    steps: u64,
}

impl PastSteps {
    const MINUTE_MS: u64 = 60_000;
    /// No batch is cut into more.
    const MOST: u64 = 2_000;

    /// The step of a fact that became true at this time. What is no past begins none.
    fn step(&mut self, at: Timestamp, is_past: bool) -> u64 {
        if !is_past {
            return self.steps;
        }
        let began = *self.began.get_or_insert(at);
        if at.millis_since(began) >= Self::MINUTE_MS && self.steps < Self::MOST {
            self.began = Some(at);
            self.steps += 1;
        }
        self.steps
    }
}

/// What one batch has done so far, and at its end: what it came to.
#[derive(Default)]
pub(crate) struct BatchContext {
    pub(crate) receipt: Receipt,
    pub(crate) draft: CommitDraft,
    /// Agent sessions that turned out to belong to a build, each with the build.
    pub(crate) merges: Vec<(SessionId, SessionId)>,
    /// Sessions that were removed on the way.
    pub(crate) removed: Vec<SessionId>,
    /// Whose places new sessions take.
    producer: Producer,
    subjects: BatchSubjects,
    touched: BTreeMap<SessionId, Touched>,
    /// Producers' own events and announcements of budgets, for viewers of the session.
    session_messages: Vec<(SessionId, Value)>,
    /// Announcements of budgets, for viewers of the index.
    index_messages: Vec<Value>,
    /// Usage that is counted and not folded yet.
    usage: BTreeMap<SessionId, PendingUsage>,
    /// Whose calls cost something and when the latest of them was made. The session of the last call comes last.
    spenders: Vec<(SessionId, Timestamp)>,
    /// Sessions of which a better source tells since this batch, and whose reports do not count any more for that.
    upgraded: BTreeSet<(SessionId, UsageSource)>,
}

impl BatchContext {
    /// Adds a folded fact to what has to be stored; `at` is when it became true. Its revision is known when the batch is
    /// finished; until then the number of its step stands in its place.
    fn push(&mut self, id: SessionId, at: Timestamp, event: Event) {
        // What follows at the end of the batch, when its sessions are published, belongs to the last
        // step.
        let mut step = u64::MAX;
        if let Some(touched) = self.touched.get_mut(&id) {
            touched.facts += 1;
            let is_of_agent = matches!(event.origin.kind, SourceKind::Transcript | SourceKind::Foundry);
            step = touched.past.step(at, event.origin.first_sight && is_of_agent);
        }
        self.draft.events.push((id, step, event));
    }

    fn has_facts_of(&self, id: &SessionId) -> bool {
        self.touched.get(id).is_some_and(|touched| touched.facts > 0)
    }

    fn touch(&mut self, id: &SessionId, live: &LiveSession) {
        if !self.touched.contains_key(id) {
            let before = Some(Stage::of(live.session.view()));
            self.touched.insert(id.clone(), Touched::new(before));
        }
    }

    /// A session's call at this moment cost something.
    fn spent(&mut self, id: &SessionId, at: Timestamp) {
        let known = self.spenders.iter().position(|(spender, _)| spender == id);
        let before = known.map(|index| self.spenders.remove(index).1);
        self.spenders.push((id.clone(), at.max(before.unwrap_or(at))));
    }
}

impl HubState {
    /// Works out the subjects and the calls of a batch.
    pub(crate) fn prepare(&self, batch: Batch, source: BatchSource) -> PreparedBatch {
        let call_keys = self.ledger.keys_of(&batch);
        PreparedBatch::new(batch, source, call_keys)
    }

    /// The sessions that a batch is about, or whose calls it may change, and that exist but cannot be folded into now: they
    /// are not in memory, or are being merged.
    pub(crate) fn absent(
        &self,
        prepared: &mut PreparedBatch,
        is_merging: impl Fn(&SessionId) -> bool,
    ) -> BTreeSet<SessionId> {
        let registry = self.shared.registry();
        prepared.look_up(&registry);
        let owners = self.ledger.sessions_of(&prepared.call_keys);
        let owners = owners.filter(|id| registry.has(id));
        prepared
            .sessions()
            .cloned()
            .chain(owners)
            .filter(|id| !self.sessions.contains(id) || is_merging(id))
            .collect()
    }

    /// Folds a batch whose sessions and calls are all in memory (or new).
    pub(crate) fn fold(&mut self, prepared: PreparedBatch) -> BatchContext {
        let begin = Instant::now();
        let mut context = BatchContext::default();
        if self.was_read(&prepared.batch) {
            context.receipt.duplicates = prepared.batch.events.len() as u64;
        } else {
            self.fold_all(prepared, &mut context);
        }
        let context = self.finish_batch(context);
        self.shared.tally.lock().folds.add(begin.elapsed());
        context
    }

    fn fold_all(&mut self, prepared: PreparedBatch, context: &mut BatchContext) {
        let batch = prepared.batch;
        context.subjects = prepared.subjects;
        context.producer = prepared.producer;
        let first_log = batch.events.len();
        for (index, event) in batch.events.into_iter().enumerate() {
            self.fold_event(index, event, context);
        }
        for (index, chunk) in batch.logs.into_iter().enumerate() {
            let subject = context.subjects.of_item(first_log + index);
            self.append_log(index, subject, chunk, context);
        }
        context.draft.checkpoints = batch.checkpoints;
    }

    /// Ends a batch: publishes what changed and completes what has to be stored.
    fn finish_batch(&mut self, mut context: BatchContext) -> BatchContext {
        self.fold_pending_usage(&mut context);
        let begin = Instant::now();
        self.publish_changes(&mut context);
        self.shared.tally.lock().publications.add(begin.elapsed());
        self.ledger.draft_changes(&mut context.draft);
        let changes = self.shared.limits().take_changes(self.shared.clock.now());
        context.draft.limits.extend(changes);
        context.draft.limits.extend(self.hard_budget_changes());
        context
    }

    /// What has to be stored of hard budgets.
    pub(crate) fn hard_budget_changes(&self) -> Vec<(String, Option<String>)> {
        let today = self.shared.options.calendar.day(self.shared.clock.now());
        self.shared.hard_budgets().take_changes(today)
    }

    /// Folds a fact into a session in memory and adds it to what has to be stored.
    fn apply(&mut self, id: &SessionId, event: Event, context: &mut BatchContext) {
        if let Some(live) = self.sessions.get_mut(id) {
            live.session.apply(&event);
            let at = live.session.time_of(&event);
            context.push(id.clone(), at, event);
        }
    }

    /// Folds a fact of the hub's own.
    fn apply_internal(&mut self, id: &SessionId, event: Event, context: &mut BatchContext) {
        self.apply(id, event, context);
        self.shared.tally.lock().internal += 1;
    }

    /// A session begins with a fact, whatever it was first heard of by.
    fn begin_with(&mut self, id: &SessionId, seen: Event, context: &mut BatchContext) {
        if self.sessions.get(id).is_some_and(LiveSession::is_new) && !context.has_facts_of(id) {
            self.apply(id, seen, context);
        }
    }

    /// Whether every source of this batch was read exactly so far already: then it is the same reading again, by a
    /// reader that was restarted before its progress was durable. What the sources say about themselves (a problem, a
    /// folder that is gone) is not content, and may be new when the content is not; so is what became of a process whose
    /// file stays as it was.
    fn was_read(&mut self, batch: &Batch) -> bool {
        let is_content = |event: &Event| !matches!(event.origin.kind, SourceKind::Internal | SourceKind::Process);
        let mut same = !batch.checkpoints.is_empty() && batch.events.iter().all(is_content);
        for (source, checkpoint) in &batch.checkpoints {
            let (source, state) = fingerprint(source, checkpoint);
            same &= self.sources.insert(source, state) == Some(state);
        }
        same
    }

    fn fold_event(&mut self, index: usize, event: Event, context: &mut BatchContext) {
        let key = event.key();
        if key.as_ref().is_some_and(|key| self.recent_ids.contains(key)) {
            context.receipt.duplicates += 1;
            return;
        }
        let Some(event) = self.fold_of_no_session(index, event, context) else {
            return;
        };
        let id = match self.session_of(context.subjects.of_item(index), &event, context) {
            Ok(id) => id,
            Err(reason) => {
                if reason == Reason::Conflict {
                    self.show_conflict(&event, context);
                }
                if !self.fold_call_without_session(reason, &event, context) {
                    context.receipt.rejected.push(Rejected { index, reason });
                }
                return;
            }
        };
        if let Some(why) = event.fact.implausible() {
            let reason = Reason::Implausible;
            context.receipt.rejected.push(Rejected { index, reason });
            self.show_implausible(&id, event, why, context);
            return;
        }
        if let Some(key) = &key {
            self.recent_ids.insert(key);
        }
        if event.origin.kind == SourceKind::Transcript
            && let Some(transcript) = &event.subject.transcript
        {
            let folder = event.subject.directory.as_deref();
            self.shared.hard_budgets().see(transcript.as_str(), folder);
        }
        let event = usage::report_of_unnamed(event, &self.shared.options.prices);
        if matches!(event.fact, Fact::CallReported(_)) {
            self.fold_call(&id, event, context);
            return;
        }
        let live = self.sessions.get(&id);
        if live.is_some_and(|live| live.session.repeats_another_source(&event)) {
            context.receipt.duplicates += 1;
            return;
        }
        context.receipt.accepted += 1;
        self.fold_usage_of(&id, context);
        if let (Fact::Custom(custom), SourceKind::Push) = (&event.fact, event.origin.kind) {
            let message = producer_message(&event, custom);
            context.session_messages.push((id.clone(), message));
        }
        if let Fact::LimitPassed(passed) = &event.fact {
            let message = limit_message(Some(&id), event.at, passed);
            context.index_messages.push(message.clone());
            context.session_messages.push((id.clone(), message));
        }
        self.announce_hard_budget(&id, &event, context);
        self.count_report(&id, &event, context);
        let mut at = event.at;
        if let Some(live) = self.sessions.get_mut(&id) {
            live.session.apply(&event);
            at = live.session.time_of(&event);
        }
        self.confirm_call(&id, &event, context);
        if let Fact::SourceMoved(moved) = &event.fact {
            self.move_folder(moved, context);
        }
        context.push(id, at, event);
    }

    /// Folds a fact that concerns no session; returns any other one.
    fn fold_of_no_session(&mut self, index: usize, event: Event, context: &mut BatchContext) -> Option<Event> {
        let is_of_none = event.subject == Subject::default();
        match event.fact {
            Fact::LimitReported(fact) => {
                let is_new = self.shared.limits().read(&fact, event.at);
                context.receipt.accepted += u64::from(is_new);
                context.receipt.duplicates += u64::from(!is_new);
                return None;
            }
            Fact::ProblemFound(found) if is_of_none => self.index.set_problem(&found.key, Some(found.problem)),
            Fact::ProblemCleared(cleared) if is_of_none => self.index.set_problem(&cleared.key, None),
            Fact::IndexingProgress(progress) if is_of_none => self.index.set_indexing(progress),
            Fact::LimitPassed(passed) if is_of_none => {
                context.index_messages.push(limit_message(None, event.at, &passed));
            }
            Fact::BudgetRaised(raised) if is_of_none => {
                let message = json!({ "type": BUDGET_RAISED, "at": event.at, "data": raised });
                context.index_messages.push(message);
            }
            _ if is_of_none => {
                let reason = Reason::NoSession;
                context.receipt.rejected.push(Rejected { index, reason });
                return None;
            }
            _ if self.is_move_of_nothing(&event) => {}
            _ => return Some(event),
        }
        context.receipt.accepted += 1;
        None
    }

    /// Somebody else claims a session: its viewers are told, and nothing that was said is taken.
    fn show_conflict(&mut self, event: &Event, context: &mut BatchContext) {
        let Some(SessionRef::Run(id)) = &event.subject.session else {
            return;
        };
        let Some(live) = self.sessions.get(id) else {
            return;
        };
        if live.session.view().problems.contains_key(CONFLICT) {
            return;
        }
        context.touch(id, live);
        let claimant = event.subject.directory.clone();
        let found = ProblemFound {
            key: CONFLICT.to_owned(),
            problem: Problem {
                kind: ProblemKind::Conflict,
                message: format!(
                    "{} claims this session, too; what it says is not taken; give it a name of its own",
                    claimant.as_deref().unwrap_or("another folder")
                ),
                subject: claimant,
            },
        };
        let now = self.shared.clock.now();
        self.apply_internal(id, internal(id, now, Fact::ProblemFound(found)), context);
    }

    /// A number that no source can mean is not counted, and a problem of its session until it is read again without one.
    fn show_implausible(&mut self, id: &SessionId, event: Event, why: String, context: &mut BatchContext) {
        let path = event.origin.path.clone().unwrap_or_default();
        let found = ProblemFound {
            key: format!("implausible/{path}"),
            problem: Problem {
                kind: ProblemKind::BadField,
                message: format!("{path}: {why}; it is not counted"),
                subject: event.origin.path.clone(),
            },
        };
        let live = self.sessions.get(id);
        let known = live.and_then(|live| live.session.view().problems.get(&found.key));
        if known != Some(&found.problem) {
            let fact = Fact::ProblemFound(found);
            let event = Event {
                id: None,
                fact,
                ..event
            };
            self.apply_internal(id, event, context);
        }
    }

    /// Whether a folder has another path of whose sessions none is left.
    fn is_move_of_nothing(&self, event: &Event) -> bool {
        let is_unknown = || {
            self.shared
                .registry()
                .lookup(&event.subject, Span::of_event(event))
                .is_none()
        };
        matches!(event.fact, Fact::SourceMoved(_)) && is_unknown()
    }

    /// All sessions of a folder have its new path from now on, the earlier runs in it, too.
    fn move_folder(&self, moved: &SourceMoved, context: &mut BatchContext) {
        let mut registry = self.shared.registry_mut();
        for id in registry.move_folder(&moved.from, &moved.to) {
            let stored = registry.stored(&id);
            context.draft.sessions.extend(stored.map(|stored| (id, stored)));
        }
    }

    /// Tells viewers that a hard budget stopped an agent, or was changed.
    fn announce_hard_budget(&self, id: &SessionId, event: &Event, context: &mut BatchContext) {
        let (kind, data) = match &event.fact {
            Fact::BudgetDenied(denied) => {
                self.shared.hard_budgets().note_denial(denied, id);
                (BUDGET_DENIED, json!(denied))
            }
            Fact::BudgetRaised(raised) => (BUDGET_RAISED, json!(raised)),
            _ => return,
        };
        let message = json!({ "type": kind, "session": id, "at": event.at, "data": data });
        context.index_messages.push(message.clone());
        context.session_messages.push((id.clone(), message));
    }

    /// Changes a hard budget. What it then is, with the fact that says so: of the session that it stopped last, if that is
    /// still there. `None` when it is no hard budget.
    pub(crate) fn change_budget(&self, budget: &BudgetName, usd: Option<f64>) -> Option<(HardBudget, Event)> {
        let now = self.shared.clock.now();
        let today = self.shared.options.calendar.day(now);
        let mut budgets = self.shared.hard_budgets();
        let raised = Fact::BudgetRaised(budgets.change(budget, usd, today)?);
        let standing = budgets.standing(budget, today)?;
        let last_denied = budgets.last_denied(budget);
        drop(budgets);
        let registry = self.shared.registry();
        let own = session_of(budget).and_then(|name| Some(registry.bound(&name)?.session.clone()));
        let event = match own.or(last_denied).filter(|id| registry.has(id)) {
            Some(id) => internal(&id, now, raised),
            None => history::of_hub(Subject::default(), now, raised),
        };
        Some((standing, event))
    }

    /// The session that a fact belongs to, in memory. It is made, or begins a new run, where the fact says so.
    fn session_of(&mut self, subject: usize, event: &Event, context: &mut BatchContext) -> Result<SessionId, Reason> {
        let generation = self.shared.registry().generation();
        let mut resolved = match context.subjects.settled(subject, generation) {
            Some(found) => Resolved::known(found.id.clone(), found.explicit),
            None => {
                let span = context.subjects.span(subject);
                self.make_room(&event.subject, span, context);
                let seen_at = self.seen_at(event);
                let mut registry = self.shared.registry_mut();
                registry.resolve(&event.subject, span, seen_at, &context.producer)?
            }
        };
        if !resolved.created && !resolved.explicit {
            let live = self.sessions.get(&resolved.id);
            if live.is_some_and(|live| live.session.begins_new_run(event)) {
                let seen_at = self.seen_at(event);
                self.leave_run(&resolved.id, event, context);
                let mut registry = self.shared.registry_mut();
                resolved = registry.new_run(&resolved.id, seen_at, &context.producer)?;
            }
        }
        let generation = self.draft_names(&resolved, &event.subject, context);
        let id = resolved.id;
        context.subjects.set(subject, &id, resolved.explicit, generation);
        if resolved.created {
            self.sessions.admit(&id, Restored::new(history::begin(&id, event)));
            let before = None;
            context.touched.insert(id.clone(), Touched::new(before));
            self.carry_over(&id, event, context);
            return Ok(id);
        }
        // A batch is folded only when everything that it is about is in memory. A fact that got here otherwise was led
        // elsewhere by another fact of the same batch.
        let live = self.sessions.get(&id).ok_or(Reason::Conflict)?;
        context.touch(&id, live);
        Ok(id)
    }

    /// A run in whose place another one begins with this fact is no longer at work, whatever it said last.
    fn leave_run(&mut self, id: &SessionId, next: &Event, context: &mut BatchContext) {
        // A producer that tells its runs also says when they begin.
        let begins_at = next.origin.modified_at.unwrap_or(next.at).min(next.at);
        let followed_at = matches!(next.fact, Fact::SessionSeen(_)).then_some(begins_at);
        let is_left = |live: &&LiveSession| followed_at.is_some() || live.session.view().status.is_active();
        let Some(live) = self.sessions.get(id).filter(is_left) else {
            return;
        };
        let left = Fact::WentQuiet(WentQuiet {
            quiet: Quiet::Abandoned,
            since: live.session.quiet_since(),
            followed_at,
        });
        context.touch(id, live);
        self.apply_internal(id, internal(id, self.shared.clock.now(), left), context);
    }

    /// When a session that begins with this fact was first seen. History that is imported is seen now, however old it
    /// is, or retention would remove it at once.
    fn seen_at(&self, event: &Event) -> Timestamp {
        let now = self.shared.clock.now();
        if event.at.plus_millis(HISTORY_MS) < now {
            now
        } else {
            event.at
        }
    }

    /// Adds what the store has to know of a session before its facts. Returns the registry's generation.
    fn draft_names(&mut self, resolved: &Resolved, subject: &Subject, context: &mut BatchContext) -> u64 {
        let id = &resolved.id;
        let registry = self.shared.registry();
        if resolved.changed {
            let stored = registry.stored(id);
            context.draft.sessions.extend(stored.map(|stored| (id.clone(), stored)));
        }
        let bound = subject.transcript.as_ref().or(subject.command.as_ref());
        if let (true, Some(transcript)) = (resolved.binds, bound) {
            let binding = registry.bound(transcript).cloned();
            let bound = binding.map(|binding| (transcript.clone(), binding));
            context.draft.transcripts.extend(bound);
            let build = registry.build_of(id).filter(|_| !resolved.created);
            context.merges.extend(build.map(|build| (id.clone(), build)));
        }
        registry.generation()
    }

    /// Sources name the machine and the libraries of a folder once, not once per run: a new run has those of the one
    /// before it. They enter as facts of the hub's own, so that replay knows them, too.
    fn carry_over(&mut self, id: &SessionId, first: &Event, context: &mut BatchContext) {
        let before = self.shared.registry().before(id);
        let before = before.and_then(|before| self.sessions.get(&before));
        let facts = before
            .map(|before| history::of_folder(before.session.view()))
            .unwrap_or_default();
        for fact in facts {
            // They come first in the history, and a session begins with its first fact: all must have the same subject.
            let event = history::of_hub(first.subject.clone(), first.at, fact);
            self.apply_internal(id, event, context);
        }
    }

    /// Evicts a finished session when this subject would need one more than there may be.
    fn make_room(&mut self, subject: &Subject, span: Span, context: &mut BatchContext) {
        let is_needed = {
            let registry = self.shared.registry();
            let may_begin = registry.places().check_budget(&context.producer).is_ok();
            registry.places().are_taken() && may_begin && registry.lookup(subject, span).is_none()
        };
        if is_needed {
            context.removed.extend(self.evict());
        }
    }

    /// Evicts the finished session that is the longest without work, rather one that nobody watches. It stays stored, and
    /// comes back when somebody asks for it.
    fn evict(&mut self) -> Option<SessionId> {
        let oldest_first = || self.index.finished_oldest_first().take(EVICTABLE);
        let unwatched = oldest_first().find(|id| !self.sessions.is_held(id));
        let evicted = unwatched.or_else(|| oldest_first().next())?.clone();
        self.remove(&evicted, End::Removed);
        self.shared.tally.lock().evictions += 1;
        Some(evicted)
    }

    /// Makes a session known again that had left memory. Returns those that had to leave for it.
    pub(crate) fn recall(&mut self, known: KnownSession) -> Vec<SessionId> {
        let id = known.session.id.clone();
        if self.shared.registry().has(&id) {
            return Vec::new();
        }
        let mut evicted = Vec::new();
        while self.shared.registry().places().are_taken()
            && let Some(oldest) = self.evict()
        {
            evicted.push(oldest);
        }
        let limits = &self.shared.options.limits;
        let row = known.row.as_ref();
        self.shared.registry_mut().recall(&known.session, row, limits);
        self.sessions.set_next_line(&id, known.next_log_offset);
        let look_at = match row {
            Some(row) => next_look_at(row, limits),
            None => Some(self.shared.clock.now()),
        };
        self.deadlines.set(&id, look_at);
        if let Some(row) = row {
            self.set_row(row);
        }
        evicted
    }

    fn append_log(&mut self, index: usize, subject: usize, chunk: LogChunk, context: &mut BatchContext) {
        let message = chunk.key();
        let LogChunk {
            subject: of, mut lines, ..
        } = chunk;
        let Some(first) = lines.first() else {
            return;
        };
        if message
            .as_ref()
            .is_some_and(|message| self.recent_ids.contains(message))
        {
            context.receipt.known_log_lines += lines.len() as u64;
            return;
        }
        let seen = history::seen(of, first.at, None);
        let id = match self.session_of(subject, &seen, context) {
            Ok(id) => id,
            Err(reason) => {
                context.receipt.rejected_logs.push(Rejected { index, reason });
                self.shared.tally.reject_lines(lines.len(), reason);
                return;
            }
        };
        self.begin_with(&id, seen, context);
        let Some(live) = self.sessions.get_mut(&id) else {
            return;
        };
        if let Some(message) = &message {
            self.recent_ids.insert(message);
        }
        live.log.append(&mut lines);
        context.receipt.log_lines += lines.len() as u64;
        context.draft.logs.push((id, message, lines));
    }

    /// The next silence that has a meaning by now, as a fact. Sessions that are not in memory are loaded first.
    pub(crate) fn next_silence(&mut self, now: Timestamp) -> Option<Event> {
        loop {
            let id = self.deadlines.take_due(now)?;
            let Some(live) = self.sessions.get_mut(&id) else {
                self.deadlines.set(&id, Some(now.plus_millis(RETRY_MS)));
                self.sessions.load(&id);
                continue;
            };
            let deadline = live.session.next_deadline(&self.shared.options.limits);
            let Some(deadline) = deadline.filter(|deadline| live.announced != Some(*deadline)) else {
                continue;
            };
            if deadline.at > now {
                self.deadlines.set(&id, Some(deadline.at));
                continue;
            }
            live.announced = Some(deadline);
            self.shared.tally.lock().internal += 1;
            let quiet = WentQuiet {
                quiet: deadline.quiet,
                since: deadline.since,
                followed_at: None,
            };
            return Some(internal(&id, now, Fact::WentQuiet(quiet)));
        }
    }

    /// What the users of a plan should know by now, as facts: of the session that used it last, if that is still there.
    pub(crate) fn limit_news(&self, now: Timestamp) -> Vec<Event> {
        if !self.shared.limits().may_have_news(now) {
            return Vec::new();
        }
        let calendar = &self.shared.options.calendar;
        let news = self.shared.limits().take_news(now);
        let registry = self.shared.registry();
        let events = news.into_iter().map(|news| {
            let session = news.session.as_deref().and_then(|id| id.parse().ok());
            let passed = Fact::LimitPassed(news.into_fact(calendar, now));
            match session.filter(|id| registry.has(id)) {
                Some(id) => internal(&id, now, passed),
                None => history::of_hub(Subject::default(), now, passed),
            }
        });
        events.collect()
    }

    /// Moves what an agent session holds to its build, and removes the agent session.
    pub(crate) fn merge_into_build(&mut self, merged: MergedSession) -> BatchContext {
        let (agent, build) = (merged.agent, merged.build);
        let mut context = BatchContext::default();
        let bindings = self.shared.registry_mut().rebind(&agent, &build);
        context.draft.transcripts.extend(bindings);
        self.remove(&agent, End::Removed);
        self.rebind_calls(&agent, &build, &merged.calls, &mut context);
        let events = merged.facts.into_iter().map(|event| Event {
            id: None,
            // Whose it is stays: what one agent waits for is not ended by another one.
            subject: Subject {
                transcript: event.subject.transcript,
                ..of_run(&build)
            },
            ..event
        });
        let batch = Batch {
            events: events.collect(),
            ..Batch::default()
        };
        let prepared = self.prepare(batch, BatchSource::Internal);
        self.fold_all(prepared, &mut context);
        context.removed.push(agent);
        self.shared.tally.lock().merged_sessions += 1;
        self.finish_batch(context)
    }

    /// Removes a session from everything but the store and its queue.
    pub(crate) fn remove(&mut self, id: &SessionId, end: End) {
        self.sessions.remove(id, end);
        self.shared.registry_mut().remove(id);
        self.deadlines.set(id, None);
        self.index.remove(id);
    }

    /// Reserves a slot for an exported session and says under which id and in which folder it may go there. Facts never
    /// go to a reserved slot. `None` when there is no room.
    pub(crate) fn reserve_slot(&mut self, mut session: StoredSession) -> Option<StoredSession> {
        let mut registry = self.shared.registry_mut();
        let newest = registry.find(&SessionRef::Newest(session.id.name().clone()));
        // From now on it is stored for as long as any other session, however old it is.
        session.created_at = self.shared.clock.now();
        if registry.places().are_taken() {
            return None;
        }
        if registry.has(&session.id) {
            let run = registry.new_run(&session.id, session.created_at, &Producer::Files);
            session.id = run.ok()?.id;
        }
        // A folder that has a session of another name here keeps that one: its files speak of it.
        let in_folder = Subject {
            directory: session.directory.clone(),
            ..Subject::default()
        };
        let current = registry.lookup(&in_folder, Span::at(session.created_at));
        let is_of_another = current.is_some_and(|current| current.id.name() != session.id.name());
        let other = newest.as_ref().and_then(|newest| registry.directory(newest));
        if is_of_another || (newest.is_some() && other != session.directory.as_deref()) {
            session.directory = None;
        }
        registry.restore(&session, None, &self.shared.options.limits);
        Some(session)
    }

    /// Shows an imported session that is stored by now, or frees its slot.
    pub(crate) fn finish_import(&mut self, id: &SessionId, imported: Option<Box<ImportedSession>>) {
        let Some(imported) = imported else {
            self.shared.registry_mut().remove(id);
            return;
        };
        let (row, limits) = (&imported.row, &self.shared.options.limits);
        self.shared.registry_mut().restore(&imported.session, Some(row), limits);
        self.sessions.set_next_line(id, imported.next_line);
        self.deadlines.set(id, next_look_at(row, limits));
        self.set_row(row);
    }
}

/// When the silence of an unfinished session that is not in memory has to be evaluated, going by its row.
pub(crate) fn next_look_at(row: &SessionRow, limits: &Limits) -> Option<Timestamp> {
    use forgecast_protocol::SessionStatus::Stalled;
    if !row.status.is_active() {
        return None;
    }
    let quiet_ms = if row.status == Stalled {
        limits.abandoned_ms
    } else {
        limits.settled_ms.min(limits.stalled_ms)
    };
    let since = row.last_work_at.or(row.started_at).unwrap_or_default();
    Some(since.plus_millis(i64::try_from(quiet_ms).unwrap_or(i64::MAX)))
}

/// A source and how far it was read, as two hashes.
pub(crate) fn fingerprint(source: &SourceKey, checkpoint: &SourceCheckpoint) -> (u64, u64) {
    let identity = &checkpoint.identity;
    let file = (identity.device, identity.inode, identity.size);
    let times = (identity.mtime_ns, identity.ctime_ns);
    (
        hash_of(source),
        hash_of((file, times, checkpoint.offset, &checkpoint.digest)),
    )
}

/// A producer's own event as viewers get it.
fn producer_message(event: &Event, custom: &Custom) -> Value {
    // An envelope that was stored whole goes out whole.
    if custom.data.get("type").is_some_and(Value::is_string) {
        return custom.data.clone();
    }
    json!({ "type": custom.kind, "at": event.at, "data": custom.data })
}

/// What viewers are told of a mark of a plan's limit.
fn limit_message(session: Option<&SessionId>, at: Timestamp, passed: &LimitPassed) -> Value {
    json!({ "type": "limit_passed", "session": session, "at": at, "data": passed })
}
