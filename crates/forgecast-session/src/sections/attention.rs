//! What is worth a person's notice. It is decided here, once for all viewers, by comparing the session before and after a
//! fact; a viewer tells each `seq` of a session at most once, and one that was away finds the latest in the row.

use forgecast_protocol::event::LimitPassed;
use forgecast_protocol::session::{Attention, AttentionKind, Budget, BudgetLevel, SessionView, WaitingFor};
use forgecast_protocol::{Fact, SessionStatus, SourceKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::conversations::WaitKey;
use super::files::Files;
use super::life::Standing;
use super::{Context, usage};

/// What was spent longer ago is no reason to call anybody.
const NEWS_MS: u64 = 24 * 60 * 60 * 1000;

/// What was noticed of a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AttentionLog {
    /// What needs notice now.
    attention: Option<Attention>,
    /// The number of the last one, 0 before the first.
    attention_seq: u64,
    /// The mark of the session's budget that was noticed last.
    attention_budget: Option<Budget>,
    /// The wait that was noticed last, as long as it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    attention_wait: Option<WaitKey>,
    /// Whether an error stopped it, noticed or not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stopped_by_error: bool,
}

/// What is compared, before and after a fact.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Noticeable(SessionStatus, Option<WaitingFor>);

impl Noticeable {
    pub(crate) fn of(view: &SessionView) -> Self {
        Self(view.status, view.waiting_for)
    }
}

impl AttentionLog {
    /// What needs a person's notice now.
    pub(crate) fn current(&self) -> Option<&Attention> {
        self.attention.as_ref()
    }

    /// Whether an error ended its turn, or its process crashed; also when nobody followed it then.
    pub(crate) fn is_stopped_by_error(&self) -> bool {
        self.stopped_by_error
    }

    /// Numbers go on behind those of another state of the same session, which this one replaces.
    pub(crate) fn continue_from(&mut self, other: &Self) {
        self.attention_seq = self.attention_seq.max(other.attention_seq);
    }

    /// Compares the session with what it was before a fact.
    pub(crate) fn update(
        &mut self,
        before: Noticeable,
        standing: &Standing,
        view: &SessionView,
        is_news: bool,
        at: Timestamp,
    ) {
        let has_crashed = view.status == SessionStatus::Abandoned && view.status_source == Some(SourceKind::Process);
        let is_turn_cut_short = view.status == SessionStatus::Waiting && ended_in_error(standing);
        self.stopped_by_error = has_crashed || is_turn_cut_short;
        let kind = match view.status {
            SessionStatus::Completed => Some(AttentionKind::Completed),
            SessionStatus::Failed => Some(AttentionKind::Failed),
            SessionStatus::Waiting if standing.is_idle => None,
            SessionStatus::Waiting => Some(AttentionKind::Waiting),
            SessionStatus::Stalled => Some(AttentionKind::Stalled),
            // Its process is gone in the middle of a session that somebody believes to be open.
            SessionStatus::Abandoned if has_crashed => Some(AttentionKind::Failed),
            SessionStatus::Running | SessionStatus::Abandoned => None,
        };
        let known = self.attention.as_ref().map(|attention| attention.kind);
        let may_go_on = self.attention.as_ref().is_some_and(|attention| {
            attention.kind == AttentionKind::Limit && attention.level == Some(BudgetLevel::Safe)
        });
        let is_another_wait = self.begins_another_wait(standing);
        if before != Noticeable::of(view) || is_another_wait {
            match kind {
                Some(kind) if is_news => {
                    self.raise(kind, text_of(view), at);
                    self.set_your_turn(standing);
                }
                // What was waited for in vain is still to be noticed.
                None if view.status == SessionStatus::Abandoned => {}
                None if matches!(known, Some(AttentionKind::Budget | AttentionKind::Limit)) && !may_go_on => {}
                _ => self.attention = None,
            }
        } else if let Some(attention) = self.attention.as_mut().filter(|_| kind.is_some() && kind == known) {
            // The same wait may be for another tool by now.
            attention.text = text_of(view);
            self.set_your_turn(standing);
        }
        self.update_budget(view, at);
    }

    /// Whether it waits for something else than before. What another source tells of the same wait does not make it another
    /// one.
    fn begins_another_wait(&mut self, standing: &Standing) -> bool {
        let known = self
            .attention_wait
            .filter(|_| standing.status == SessionStatus::Waiting);
        self.attention_wait = standing.wait.or(known);
        matches!((known, standing.wait), (Some(known), Some(wait)) if known.differs(&wait))
    }

    /// A budget that runs out never hides that a person is waited for, or that the session failed: the last calls of a
    /// session are often counted after its end. It is told once that is over.
    fn update_budget(&mut self, view: &SessionView, at: Timestamp) {
        let is_failed = self
            .attention
            .as_ref()
            .is_some_and(|attention| attention.kind == AttentionKind::Failed);
        let is_held_up = is_failed || matches!(view.status, SessionStatus::Waiting | SessionStatus::Stalled);
        let budget = view.usage.as_ref().and_then(|usage| usage.budget.as_ref());
        let Some(budget) = budget.filter(|budget| !is_held_up && self.attention_budget.as_ref() != Some(budget)) else {
            return;
        };
        self.attention_budget = Some(budget.clone());
        let is_news = at.millis_since(view.last_work_at.unwrap_or(at)) < NEWS_MS;
        if budget.level > BudgetLevel::Safe && is_news {
            self.raise(AttentionKind::Budget, usage::budget_text(budget), at);
            if let Some(attention) = &mut self.attention {
                attention.level = Some(budget.level);
            }
        }
    }

    /// The limit of a plan never hides that a person is waited for or that the session failed, unless it was reset: then
    /// what an error of the limit stopped may go on.
    pub(crate) fn pass_limit(&mut self, fact: &LimitPassed, view: &SessionView, at: Timestamp) {
        let is_reset = fact.level == BudgetLevel::Safe;
        let is_held_up = match view.status {
            SessionStatus::Waiting => !(is_reset && self.stopped_by_error),
            SessionStatus::Failed => true,
            _ => false,
        };
        if !is_held_up {
            self.raise(AttentionKind::Limit, fact.text.clone(), at);
            if let Some(attention) = &mut self.attention {
                attention.level = Some(fact.level);
            }
        }
    }

    fn set_your_turn(&mut self, standing: &Standing) {
        if let Some(attention) = &mut self.attention {
            attention.your_turn = standing.waiting_for == Some(WaitingFor::Prompt) && !ended_in_error(standing);
        }
    }

    fn raise(&mut self, kind: AttentionKind, text: String, since: Timestamp) {
        self.attention_seq += 1;
        self.attention = Some(Attention {
            kind,
            since,
            seq: self.attention_seq,
            text,
            your_turn: false,
            level: None,
        });
    }
}

/// Whether it waits because an error ended the turn: a wait for a prompt has a key only then.
fn ended_in_error(standing: &Standing) -> bool {
    standing.waiting_for == Some(WaitingFor::Prompt) && standing.wait.is_some()
}

/// Whether what a fact says happened while the session was followed; an old build that is found is history.
pub(crate) fn is_news(fact: &Fact, files: &Files, cx: &Context<'_>) -> bool {
    let Fact::WentQuiet(fact) = fact else {
        return cx.observed && !cx.is_history();
    };
    // Silence that mostly passed before anybody followed the session.
    let first_at = files.first_at();
    first_at.millis_since(fact.since) < cx.at.millis_since(first_at)
}

/// One line: what was done, for a session that is completed; why, for any other.
fn text_of(view: &SessionView) -> String {
    let done = view.task.as_ref().filter(|_| view.status == SessionStatus::Completed);
    let text = done.or(view.status_reason.as_ref()).or(view.task.as_ref());
    text.cloned().unwrap_or_default()
}
