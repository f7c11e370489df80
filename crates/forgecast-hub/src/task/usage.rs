//! What sources tell of calls to models becomes differences that are folded and added to the history's sums. A call is
//! counted here and nowhere else, with all that is known of it at hand; what changes is stored with it.

mod added;
mod reports;

use std::collections::BTreeSet;

use forgecast_protocol::event::{CallReported, UsageSource};
use forgecast_protocol::{Event, Fact, SessionId, SessionView, SourceKind};
use forgecast_session::ledger::{Account, Call, Counted, Difference, differences, key_of_request, keys_of};
use forgecast_session::price::Prices;
use forgecast_store::UsageDelta;

use super::Task;
use super::fold::Folding;
use crate::counters::Reason;
use crate::estimator::Stage;
use crate::frame;
use crate::history;
use crate::persist::{Behind, CallRow};
use added::takes_back;

pub(super) use added::{Added, Cause};

/// An agent's own session that began longer ago is not taken over by a build any more, so its calls need not be found
/// together.
const MAY_MOVE_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// The project that usage of this session is counted for: its own word, else its folder's name; empty for none.
pub(super) fn project_of(view: &SessionView) -> String {
    let folder = || {
        let path = view.working_directory.as_deref()?;
        path.trim_end_matches('/').rsplit('/').next().map(str::to_owned)
    };
    view.project.clone().or_else(folder).unwrap_or_default()
}

/// A key under which all calls of an agent's own session are found.
pub(super) fn key_of_owner(owner: &str) -> u64 {
    key_of_request(&format!("owner {owner}"))
}

impl Task {
    /// Takes in what a source knows of one call.
    pub(super) fn fold_call(&mut self, id: &SessionId, event: Event, folding: &mut Folding) {
        let cause = Cause::of(id, &event);
        let Fact::CallReported(report) = event.fact else {
            return;
        };
        let keys = keys_of(&report);
        let seen = self.seen_tools(&report, &keys);
        let owner = cause.subject.transcript.as_ref();
        let owner = owner.map_or_else(|| id.to_string(), ToString::to_string);
        let further = self.may_move(id).then(|| key_of_owner(&owner));
        let at = report.used_at.unwrap_or(cause.at);
        let (phase, project) = self.live.get(id).map_or_else(Default::default, |live| {
            let phase = live.session.phase_at(at).unwrap_or_default().to_owned();
            (phase, project_of(live.session.view()))
        });
        let account = Account {
            report,
            session: id.to_string(),
            owner,
            path: cause.origin.path.clone().unwrap_or_default(),
            at,
            phase,
            project,
        };
        let changed = self.change_call(&keys, further, &cause, folding, |call, prices| {
            let mut changed = call.observe(account, prices);
            for (source, tool) in &seen {
                changed |= call.confirm(*source, tool);
            }
            changed
        });
        if changed {
            folding.outcome.applied += 1;
        } else {
            folding.outcome.duplicate += 1;
        }
        self.begin_session(cause, folding);
    }

    /// History counts a call also when there is no room for its session. Whether it did.
    pub(super) fn fold_call_of_nobody(&mut self, reason: Reason, event: &Event, folding: &mut Folding) -> bool {
        let Some(transcript) = &event.subject.transcript else {
            return false;
        };
        let counts = reason == Reason::TooManySessions && matches!(event.fact, Fact::CallReported(_));
        if counts {
            self.fold_call(&transcript.run(1), event.clone(), folding);
        }
        counts
    }

    /// Sources that saw the uses of tools that a call asked for, before it was told.
    fn seen_tools(&mut self, report: &CallReported, keys: &[u64]) -> Vec<(UsageSource, String)> {
        let Some(key) = keys.first() else {
            return Vec::new();
        };
        let tools = report.tools.iter();
        let seen = tools.flat_map(|tool| self.tools.asked(tool, *key).map(|source| (source, tool.clone())));
        seen.collect()
    }

    /// A session begins with a fact, also when the call that it was first heard of by is known already.
    fn begin_session(&mut self, cause: Cause, folding: &mut Folding) {
        let id = cause.session;
        let is_told = folding.counts.contains_key(&id) || folding.added.contains_key(&id);
        if let Some(live) = self.live.get_mut(&id).filter(|live| live.is_new() && !is_told) {
            let mut seen = history::seen(cause.subject, cause.at, None);
            seen.origin = cause.origin;
            live.session.apply(&seen);
            folding.push(id, seen);
        }
    }

    /// Whether the calls of this session may come to belong to another one.
    pub(super) fn may_move(&self, id: &SessionId) -> bool {
        let began = self.shared.registry().own_began(id);
        began.is_some_and(|began| self.shared.clock.now().millis_since(began) < MAY_MOVE_MS)
    }

    /// A hook or telemetry saw the use of a tool: whoever asked for it is a call that they confirm.
    pub(super) fn confirm_call(&mut self, id: &SessionId, event: &Event, folding: &mut Folding) {
        let Some((tool, source)) = tool_of(event) else {
            return;
        };
        if let Some(key) = self.tools.seen(tool, source) {
            let cause = Cause {
                id: None,
                ..Cause::of(id, event)
            };
            self.change_call(&[key], None, &cause, folding, |call, _| call.confirm(source, tool));
        }
    }

    /// Changes the one call that is found under these keys, or a new one, and records what that changed of what counts.
    /// What was held to be several calls and has keys in common becomes one.
    fn change_call(
        &mut self,
        keys: &[u64],
        further: Option<u64>,
        cause: &Cause,
        folding: &mut Folding,
        change: impl FnOnce(&mut Call, &Prices) -> bool,
    ) -> bool {
        let numbers = self.calls.find(keys);
        let mut before = Vec::new();
        let mut call: Option<Call> = None;
        let mut commits = 0;
        for number in &numbers {
            let Some((known, uncommitted)) = self.calls.take(*number) else {
                continue;
            };
            before.extend(known.counted());
            commits = uncommitted;
            match &mut call {
                Some(call) => call.absorb(known),
                None => call = Some(known),
            }
        }
        let mut call = call.unwrap_or_default();
        let changed = change(&mut call, &self.shared.options.prices) | (numbers.len() > 1);
        if changed {
            self.record_all(&before, &call.counted(), cause, folding);
        }
        // What names neither message nor request counts every time it is told, so there is nothing to find again.
        let Some(number) = call.keys().first().copied() else {
            return changed;
        };
        let commits = if numbers == [number] { commits } else { 0 };
        self.calls.put_back(number, call, commits);
        if changed {
            for old in numbers.into_iter().filter(|old| *old != number) {
                folding.calls.remove(&old);
                folding.draft.forgotten_calls.insert(old);
            }
            folding.draft.forgotten_calls.remove(&number);
            folding.calls.entry(number).or_default().extend(further);
        }
        changed
    }

    /// Records what changed between what counted and what counts. Day by day: a call belongs to one day as a whole, also
    /// when its last account is of another one than its first.
    pub(super) fn record_all(&mut self, before: &[Counted], after: &[Counted], cause: &Cause, folding: &mut Folding) {
        let calendar = self.shared.options.calendar.clone();
        let day_of = |counted: &Counted| calendar.day(counted.used_at);
        let days: BTreeSet<i32> = before.iter().chain(after).map(day_of).collect();
        if days.len() < 2 {
            for difference in differences(before, after) {
                self.record(difference, days.first().copied(), cause, folding);
            }
            return;
        }
        for day in days {
            let of_day = |all: &[Counted]| -> Vec<Counted> {
                let of_day = all.iter().filter(|counted| day_of(counted) == day);
                of_day.cloned().collect()
            };
            for difference in differences(&of_day(before), &of_day(after)) {
                self.record(difference, Some(day), cause, folding);
            }
        }
    }

    fn record(&mut self, difference: Difference, day: Option<i32>, cause: &Cause, folding: &mut Folding) {
        let Difference {
            session,
            owner,
            project,
            phase,
            mut usage,
            cost_nanos,
        } = difference;
        let used_at = usage.used_at.unwrap_or(cause.at);
        let day = day.unwrap_or_else(|| self.shared.options.calendar.day(used_at));
        usage.context_limit = usage
            .context_tokens
            .map(|_| self.shared.options.limits.context_limit_tokens);
        let id = session.parse::<SessionId>().ok();
        let id = id.filter(|id| self.live.contains_key(id));
        if let Some(id) = &id {
            self.prefer_calls(id, &usage.accounts, folding);
        }
        self.add_to_history(
            UsageDelta {
                day,
                owner,
                session,
                project,
                model: usage.model.clone().unwrap_or_default(),
                phase,
                tokens: usage.tokens,
                cost_nanos,
                calls: usage.calls,
                unpriced: usage.unpriced,
                last_used_at: used_at,
            },
            folding,
        );
        // Of a session that is no longer kept only the history knows.
        let Some(id) = id else {
            return;
        };
        if let Some(live) = self.live.get(&id) {
            let stage = || Some(Stage::of(live.session.view()));
            folding.touched.entry(id.clone()).or_insert_with(stage);
        }
        if cost_nanos > 0 {
            folding.spent(&id, used_at);
        }
        let cause = if cause.session == id {
            cause.clone()
        } else {
            Cause {
                id: None,
                ..cause.clone()
            }
        };
        if cause.id.is_some() || takes_back(&usage) {
            // A fact with an id of its own is stored as such, so that the same id again is known. And no view goes below
            // zero, so what takes back comes behind what it takes from, never merged and before it.
            self.fold_added_of(&id, folding);
            self.fold_one(&id, cause.event(&id, usage), folding);
        } else {
            folding.added.entry(id).or_default().add(usage, cost_nanos, cause);
        }
    }

    fn add_to_history(&self, delta: UsageDelta, folding: &mut Folding) {
        let tokens = [
            delta.tokens.input,
            delta.tokens.output,
            delta.tokens.cache_read,
            delta.tokens.cache_write,
        ];
        let tokens = tokens.into_iter().fold(0, i64::saturating_add);
        let now = self.shared.clock.now();
        let mut spending = self.shared.spending();
        spending.add(delta.day, delta.last_used_at, now, tokens, delta.cost_nanos);
        drop(spending);
        folding.draft.add_usage(delta);
    }

    fn fold_one(&mut self, id: &SessionId, event: Event, folding: &mut Folding) {
        if let Some(live) = self.live.get_mut(id) {
            live.session.apply(&event);
            folding.push(id.clone(), event);
        }
    }

    /// Folds the usage of one session that waits, before another fact of the session: order is the order of arrival.
    pub(super) fn fold_added_of(&mut self, id: &SessionId, folding: &mut Folding) {
        let Some(added) = folding.added.remove(id) else {
            return;
        };
        for event in added.into_events(id) {
            self.fold_one(id, event, folding);
        }
    }

    /// Folds all usage that waits, and says which budgets that passed.
    pub(super) fn fold_added(&mut self, folding: &mut Folding) {
        while let Some(id) = folding.added.keys().next().cloned() {
            self.fold_added_of(&id, folding);
        }
        self.pass_budgets(folding);
    }

    /// Writes down the calls that changed.
    pub(super) fn draft_calls(&mut self, folding: &mut Folding) {
        for (number, further) in std::mem::take(&mut folding.calls) {
            if let Some(call) = self.calls.get(number) {
                let mut keys = call.keys();
                keys.extend(further);
                let body = frame::json(call);
                folding.draft.calls.insert(number, CallRow { keys, body });
            }
        }
    }

    /// Calls that are durable may leave memory.
    pub(super) fn calls_committed(&mut self, behind: &Behind) {
        for (number, commits) in &behind.calls {
            self.calls.committed(*number, *commits);
        }
        self.unpark_after_commit();
    }
}

/// The use of a tool that a hook or telemetry saw, by its id.
pub(super) fn tool_of(event: &Event) -> Option<(&str, UsageSource)> {
    let Fact::ToolUsed(used) = &event.fact else {
        return None;
    };
    let source = match event.origin.kind {
        SourceKind::Hook => UsageSource::Hook,
        SourceKind::Otlp => UsageSource::Otel,
        _ => return None,
    };
    Some((used.use_id.as_deref()?, source))
}
