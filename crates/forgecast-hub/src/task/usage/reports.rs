//! What producers say of usage without naming calls. It counts as long as no source names calls of the session, in the
//! history as in the session's view; must never be added to what calls say.

use forgecast_protocol::event::{SourceAccount, UsageSource};
use forgecast_protocol::{Event, Fact, SessionId, SessionView};
use forgecast_session::price::nanos_of;
use forgecast_store::UsageDelta;

use super::project_of;
use crate::task::Task;
use crate::task::fold::Folding;

/// Whether a source that counts tokens itself names calls of this session.
fn names_calls(view: &SessionView) -> bool {
    let sources = view.usage.as_ref().map(|usage| usage.provenance.as_slice());
    let is_better = |source: &UsageSource| matches!(source, UsageSource::Transcript | UsageSource::Otel);
    sources.unwrap_or_default().iter().any(is_better)
}

impl Task {
    /// A producer's word of what was used counts as long as no source names calls, here as in the session's view.
    pub(in crate::task) fn fold_report(&mut self, id: &SessionId, event: &Event, folding: &mut Folding) {
        let Fact::UsageRecorded(usage) = &event.fact else {
            return;
        };
        let says_nothing = usage.tokens.is_zero() && usage.cost_usd.is_none();
        let Some(live) = self.live.get(id).filter(|_| usage.accounts.is_empty() && !says_nothing) else {
            return;
        };
        let view = live.session.view();
        if names_calls(view) {
            return;
        }
        let used_at = usage.used_at.unwrap_or(event.at);
        let phase = usage.phase.clone();
        let phase = phase.or_else(|| live.session.phase_at(used_at).map(str::to_owned));
        let cost = usage.cost_usd.filter(|cost| cost.is_finite() && *cost >= 0.0);
        let nanos = cost
            .and_then(nanos_of)
            .map_or(0, |nanos| i64::try_from(nanos).unwrap_or(0));
        let delta = UsageDelta {
            day: self.shared.options.calendar.day(used_at),
            owner: id.to_string(),
            session: id.to_string(),
            project: project_of(view),
            model: usage.model.clone().unwrap_or_default(),
            phase: phase.unwrap_or_default(),
            tokens: usage.tokens,
            cost_nanos: nanos,
            calls: usage.calls,
            unpriced: usage.unpriced,
            last_used_at: used_at,
        };
        self.add_to_history(delta, folding);
        if nanos > 0 {
            folding.spent(id, used_at);
        }
    }

    /// What the producer said of this session before is void once a better source names calls.
    pub(super) fn prefer_calls(&mut self, id: &SessionId, accounts: &[SourceAccount], folding: &mut Folding) {
        let is_better = |source| matches!(source, UsageSource::Transcript | UsageSource::Otel);
        let better = accounts
            .iter()
            .any(|account| is_better(account.source) && account.calls > 0);
        let view = self.live.get(id).map(|live| live.session.view());
        let Some(usage) = view
            .filter(|view| better && !names_calls(view))
            .and_then(|view| view.usage.as_ref())
        else {
            return;
        };
        if usage.provenance.is_empty() || !folding.upgraded.insert(id.clone()) {
            return;
        }
        let said = usage
            .cost_usd
            .and_then(nanos_of)
            .map_or(0, |nanos| i64::try_from(nanos).unwrap_or(0));
        let now = self.shared.clock.now();
        let today = self.shared.options.calendar.day(now);
        self.shared.spending().add(today, now, now, 0, said.saturating_neg());
        folding.draft.forget_usage(&id.to_string(), &id.to_string());
    }
}
