//! Usage enters the state: differences of calls are folded into sessions and added to the history's sums; what producers
//! report without naming calls counts only as long as no better source names them; passed budgets are announced.

use forgecast_protocol::event::{BudgetPassed, BudgetScope, SourceAccount, UsageRecorded, UsageSource, WindowSource};
use forgecast_protocol::session::{BudgetLevel, TokenCounts};
use forgecast_protocol::{Event, Fact, SessionId, SessionView, Timestamp};
use forgecast_session::ledger::{Account, Belonging, Difference, cost_nanos, keys_of};
use forgecast_session::price::{Prices, dollars, model_name, nanos_of};
use forgecast_store::{StoredCall, UsageDelta};
use serde_json::json;

use super::{BatchContext, HubState};
use crate::counters::Reason;
use crate::history::{self, internal};
use crate::ledger::key_of_owner;
use crate::limits::UseDelta;
use crate::spending::level;
use crate::usage::{UsageCause, takes_back};

/// An agent session that began longer ago is hardly ever merged into a build, so no key leads to all of its calls.
const KEYED_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// Money that was spent longer ago is no reason to notify anybody.
const NEWS_MS: u64 = 24 * 60 * 60 * 1000;
/// The `type` of the message that announces a passed budget.
const BUDGET_PASSED: &str = "budget_passed";

/// The project that usage of this session is counted for: its own, otherwise its folder's name; empty for none.
fn project_of(view: &SessionView) -> String {
    let folder = || {
        let path = view.working_directory.as_deref()?;
        path.trim_end_matches('/').rsplit('/').next().map(str::to_owned)
    };
    view.project.clone().or_else(folder).unwrap_or_default()
}

/// Whether a source counts tokens itself.
fn counts_tokens(source: UsageSource) -> bool {
    matches!(source, UsageSource::Transcript | UsageSource::Otel)
}

/// A call of telemetry that names no request may be one that a transcript tells of, and nothing says which: it is a report
/// that counts as long as no transcript tells of the session.
pub(super) fn report_of_unnamed(mut event: Event, prices: &Prices) -> Event {
    let Fact::CallReported(report) = &event.fact else {
        return event;
    };
    if report.source != UsageSource::Otel || !keys_of(report).is_empty() {
        return event;
    }
    let tokens = TokenCounts {
        input: report.tokens.input,
        output: report.tokens.output,
        cache_read: report.tokens.cache_read,
        cache_write: report.tokens.cache_write(),
    };
    let cost = cost_nanos(report, prices);
    let model = report.model.as_deref();
    event.fact = Fact::UsageRecorded(UsageRecorded {
        tokens: tokens.signed(1),
        cost_usd: cost.map(dollars),
        calls: 1,
        unpriced: i64::from(cost.is_none()),
        model: model.map(|model| model_name(model, report.fast == Some(true))),
        agent: report.agent.clone(),
        used_at: report.used_at,
        source: Some(UsageSource::Otel),
        ..UsageRecorded::default()
    });
    event
}

fn nanos_of_cost(cost_usd: Option<f64>) -> i64 {
    let nanos = cost_usd.and_then(nanos_of);
    nanos.map_or(0, |nanos| i64::try_from(nanos).unwrap_or(0))
}

impl HubState {
    /// Adds what a source reports of one call.
    pub(super) fn fold_call(&mut self, id: &SessionId, event: Event, context: &mut BatchContext) {
        let cause = UsageCause::of(id, &event);
        let Fact::CallReported(report) = event.fact else {
            return;
        };
        let owner = cause.subject.transcript.as_ref();
        let owner = owner.map_or_else(|| id.to_string(), ToString::to_string);
        let further = self.calls_are_keyed(id).then(|| key_of_owner(&owner));
        let at = report.used_at.unwrap_or(cause.at);
        let (phase, project) = self.sessions.get(id).map_or_else(Default::default, |live| {
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
        let change = self.ledger.observe(account, further, &self.shared.options);
        if change.is_news {
            context.receipt.accepted += 1;
        } else {
            context.receipt.duplicates += 1;
        }
        self.record_all(change.differences, &cause, context);
        if !context.usage.contains_key(id) {
            // Also when the call that a session was first heard of by is known already.
            let seen = history::seen(cause.subject, cause.at, None);
            let origin = cause.origin;
            self.begin_with(id, Event { origin, ..seen }, context);
        }
    }

    /// The history counts a call also when there is no room for its session. Returns whether it did.
    pub(super) fn fold_call_without_session(
        &mut self,
        reason: Reason,
        event: &Event,
        context: &mut BatchContext,
    ) -> bool {
        let Some(transcript) = &event.subject.transcript else {
            return false;
        };
        let is_full = matches!(reason, Reason::TooManySessions | Reason::TooManyPushed);
        let counts = is_full && matches!(event.fact, Fact::CallReported(_));
        if counts {
            self.fold_call(&transcript.run(1), event.clone(), context);
        }
        counts
    }

    /// Whether a key leads to all calls of this agent session, which may come to belong to a build.
    fn calls_are_keyed(&self, id: &SessionId) -> bool {
        let began = self.shared.registry().agent_session_began(id);
        began.is_some_and(|began| self.shared.clock.now().millis_since(began) < KEYED_MS)
    }

    /// A hook or telemetry saw the use of a tool: that confirms the call that asked for it.
    pub(super) fn confirm_call(&mut self, id: &SessionId, event: &Event, context: &mut BatchContext) {
        if let Some(change) = self.ledger.confirm(event, &self.shared.options) {
            let cause = UsageCause {
                id: None,
                ..UsageCause::of(id, event)
            };
            self.record_all(change.differences, &cause, context);
        }
    }

    /// The calls of an agent session count for the build from now on.
    pub(super) fn rebind_calls(
        &mut self,
        agent: &SessionId,
        build: &SessionId,
        calls: &[StoredCall],
        context: &mut BatchContext,
    ) {
        let Some(live) = self.sessions.get(build) else {
            return;
        };
        let project = project_of(live.session.view());
        let belonging = |at| Belonging {
            session: build.to_string(),
            phase: live.session.phase_at(at).unwrap_or_default().to_owned(),
            project: project.clone(),
        };
        let differences = self.ledger.rebind(calls, agent, belonging, &self.shared.options);
        let seen = Fact::SessionSeen(forgecast_protocol::event::SessionSeen::default());
        let cause = internal(build, self.shared.clock.now(), seen);
        self.record_all(differences, &UsageCause::of(build, &cause), context);
    }

    fn record_all(&mut self, differences: Vec<(i32, Difference)>, cause: &UsageCause, context: &mut BatchContext) {
        for (day, difference) in differences {
            self.record(day, difference, cause, context);
        }
    }

    /// Adds a difference to the history, and to the session that it belongs to if that still exists.
    fn record(&mut self, day: i32, difference: Difference, cause: &UsageCause, context: &mut BatchContext) {
        let used_at = difference.usage.used_at.unwrap_or(cause.at);
        let id = difference.session.parse::<SessionId>().ok();
        let id = id.filter(|id| self.sessions.contains(id));
        if let Some(id) = &id {
            self.prefer_calls(id, &difference.usage.accounts, context);
        }
        let cost_nanos = difference.cost_nanos;
        let mut usage = self.add_to_history(day, used_at, difference, context);
        if usage.context_tokens.is_some() {
            let (limit, from) = self.context_limit(&usage);
            usage.context_limit = Some(limit);
            usage.context_limit_from = from;
        }
        let Some((id, live)) = id.and_then(|id| self.sessions.get(&id).map(|live| (id, live))) else {
            return;
        };
        context.touch(&id, live);
        if cost_nanos > 0 {
            context.spent(&id, used_at);
        }
        let mut cause = cause.clone();
        if cause.session != id {
            cause.id = None;
        }
        if cause.id.is_some() || takes_back(&usage) {
            // A fact with an id of its own is stored as such, so that the same id is known when it comes again. And no
            // view goes below zero, so what takes back is folded after what it takes from, never merged with it.
            self.fold_usage_of(&id, context);
            let event = cause.event(&id, usage);
            self.apply(&id, event, context);
        } else {
            context.usage.entry(id).or_default().add(usage, cost_nanos, cause);
        }
    }

    /// How many tokens fit into the context window that a call left, and who says so.
    fn context_limit(&self, usage: &UsageRecorded) -> (u64, Option<WindowSource>) {
        let options = &self.shared.options;
        if let Some(window) = usage.context_window {
            return (window, Some(WindowSource::Record));
        }
        let model = usage.model.as_deref();
        match model.and_then(|model| options.prices.context_window(model)) {
            Some(window) => (window, Some(WindowSource::Model)),
            None => (options.limits.context_limit_tokens, None),
        }
    }

    /// Adds a difference to the sums of its day. Returns the fact that it is.
    fn add_to_history(
        &self,
        day: i32,
        used_at: Timestamp,
        difference: Difference,
        context: &mut BatchContext,
    ) -> UsageRecorded {
        let (usage, cost_nanos) = (difference.usage, difference.cost_nanos);
        let now = self.shared.clock.now();
        let mut spending = self.shared.spending();
        spending.add(day, used_at, now, usage.tokens.total(), cost_nanos);
        drop(spending);
        let today = self.shared.options.calendar.day(now);
        self.shared
            .hard_budgets()
            .add(day, today, &difference.owner, &usage.accounts);
        // A report that names no call may be taken back as a whole.
        if !usage.accounts.is_empty() {
            let used = UseDelta {
                model: usage.model.as_deref().unwrap_or_default(),
                session: &difference.session,
                project: &difference.project,
                used_at,
                tokens: usage.tokens.total(),
                nanos: cost_nanos,
            };
            self.shared.limits().add_use(&used, now);
        }
        context.draft.add_usage(UsageDelta {
            day,
            owner: difference.owner,
            session: difference.session,
            project: difference.project,
            model: usage.model.clone().unwrap_or_default(),
            phase: difference.phase,
            tokens: usage.tokens,
            cost_nanos,
            calls: usage.calls,
            unpriced: usage.unpriced,
            last_used_at: used_at,
        });
        usage
    }

    /// Folds the usage of one session that waits, before another fact of the session: facts are folded in the order of
    /// their arrival.
    pub(super) fn fold_usage_of(&mut self, id: &SessionId, context: &mut BatchContext) {
        if let Some(usage) = context.usage.remove(id) {
            for event in usage.into_events(id) {
                self.apply(id, event, context);
            }
        }
    }

    /// Folds all usage that waits, and announces the budgets that it passed.
    pub(super) fn fold_pending_usage(&mut self, context: &mut BatchContext) {
        while let Some(id) = context.usage.keys().next().cloned() {
            self.fold_usage_of(&id, context);
        }
        self.announce_budgets(context);
    }

    /// What is reported without naming calls counts as long as no better source tells of the session, in the history as
    /// in the session's view.
    pub(super) fn count_report(&mut self, id: &SessionId, event: &Event, context: &mut BatchContext) {
        let Fact::UsageRecorded(usage) = &event.fact else {
            return;
        };
        let is_empty = usage.tokens.is_zero() && usage.cost_usd.is_none();
        let source = usage.source.unwrap_or(UsageSource::Reported);
        let live = self.sessions.get(id).filter(|_| usage.accounts.is_empty() && !is_empty);
        if !live.is_some_and(|live| live.session.counts_report(source)) {
            return;
        }
        self.void_reports(id, source, context);
        let Some(live) = self.sessions.get(id) else {
            return;
        };
        let view = live.session.view();
        let used_at = usage.used_at.unwrap_or(event.at);
        let phase = usage.phase.clone();
        let phase = phase.or_else(|| live.session.phase_at(used_at).map(str::to_owned));
        let cost = usage.cost_usd.filter(|cost| cost.is_finite() && *cost >= 0.0);
        let cost_nanos = nanos_of_cost(cost);
        let difference = Difference {
            owner: id.to_string(),
            session: id.to_string(),
            project: project_of(view),
            phase: phase.unwrap_or_default(),
            usage: usage.clone(),
            cost_nanos,
        };
        let day = self.shared.options.calendar.day(used_at);
        self.add_to_history(day, used_at, difference, context);
        if cost_nanos > 0 {
            context.spent(id, used_at);
        }
    }

    /// Voids what was reported of this session without naming calls, once a better source names some.
    fn prefer_calls(&mut self, id: &SessionId, accounts: &[SourceAccount], context: &mut BatchContext) {
        let naming = accounts
            .iter()
            .filter(|account| counts_tokens(account.source) && account.calls > 0);
        if let Some(best) = naming.map(|account| account.source).min() {
            self.void_reports(id, best, context);
        }
    }

    /// Voids the reports that count of this session, if they are of a worse source than this one.
    fn void_reports(&mut self, id: &SessionId, better: UsageSource, context: &mut BatchContext) {
        let live = self.sessions.get(id);
        let Some((source, cost_usd)) = live.and_then(|live| live.session.reported_cost()) else {
            return;
        };
        if source <= better || !context.upgraded.insert((id.clone(), source)) {
            return;
        }
        let reported = nanos_of_cost(cost_usd);
        let now = self.shared.clock.now();
        let today = self.shared.options.calendar.day(now);
        let mut spending = self.shared.spending();
        spending.add(today, now, now, 0, reported.saturating_neg());
        drop(spending);
        context.draft.forget_usage(&id.to_string(), &id.to_string());
    }

    /// Announces each budget threshold that was passed: to the session whose call did it, and to all who watch the index.
    /// Each threshold of each period is announced once.
    fn announce_budgets(&mut self, context: &mut BatchContext) {
        let spenders = std::mem::take(&mut context.spenders);
        let Some((last, _)) = spenders.last() else {
            return;
        };
        let options = &self.shared.options;
        let now = self.shared.clock.now();
        let today = options.calendar.day(now);
        let session_limit = options.budgets.session_usd;
        let passed = self.shared.spending().passed(today, &options.budgets);
        for passed in passed {
            self.announce_budget(last, passed, true, context);
        }
        let Some(limit_usd) = session_limit else {
            return;
        };
        for (id, spent_at) in &spenders {
            let usage = self
                .sessions
                .get(id)
                .and_then(|live| live.session.view().usage.as_ref());
            let Some(spent_usd) = usage.and_then(|usage| usage.cost_usd) else {
                continue;
            };
            // The last announcement is part of the view, so it is known after a restart, too.
            let announced = usage.and_then(|usage| usage.budget.as_ref());
            let announced = announced.filter(|budget| (budget.limit_usd - limit_usd).abs() < f64::EPSILON);
            let announced = announced.map_or(BudgetLevel::Safe, |budget| budget.level);
            let level = level(spent_usd, limit_usd);
            if level > announced {
                let passed = BudgetPassed {
                    scope: BudgetScope::Session,
                    period: None,
                    level,
                    limit_usd,
                    spent_usd,
                };
                // What is read from an archive changes the view, but it is no news to anybody.
                let is_news = now.millis_since(*spent_at) < NEWS_MS;
                self.announce_budget(id, passed, is_news, context);
            }
        }
    }

    fn announce_budget(&mut self, id: &SessionId, passed: BudgetPassed, is_news: bool, context: &mut BatchContext) {
        if !self.sessions.contains(id) {
            return;
        }
        let now = self.shared.clock.now();
        if is_news {
            let message = json!({ "type": BUDGET_PASSED, "session": id, "at": now, "data": passed });
            context.index_messages.push(message.clone());
            context.session_messages.push((id.clone(), message));
        }
        self.apply_internal(id, internal(id, now, Fact::BudgetPassed(passed)), context);
    }
}
