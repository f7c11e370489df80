//! Hooks of coding agents. The agent stands still until it is answered, so a hook is answered as soon as its body has
//! arrived: before it is decoded, before the hub, before any disk. What happens to it later never shows in the answer. The
//! answer has no body, because the agent would read it as a command, but for one case: a hard budget is spent, which is
//! known from memory.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use forgecast_decode::agents::{Agent, RefusableHook};
use forgecast_protocol::event::{BudgetDenied, BudgetScope};
use forgecast_protocol::rest::Hook;

use crate::error::Error;
use crate::extract::InBody;
use crate::state::AppState;

/// `POST /api/v1/hooks/claude`: 204, or a refusal when a hard budget is spent. Only a body that is too long or too slow gets
/// another status.
pub(crate) async fn claude(State(shared): State<Arc<AppState>>, InBody(request, _): InBody<Hook>) -> HookAnswer {
    match shared.bodies.read_at_once(request).await {
        Ok(body) => take(&shared, body.into_bytes()),
        Err(error) => HookAnswer::failed(&shared, &error),
    }
}

/// `POST /api/v1/hooks/codex`: 204. Only a body that is too long or too slow gets another status.
pub(crate) async fn codex(State(shared): State<Arc<AppState>>, InBody(request, _): InBody<Hook>) -> HookAnswer {
    match shared.bodies.read_at_once(request).await {
        Ok(body) => {
            offer(&shared, "codex", body.into_bytes(), None);
            HookAnswer::nothing()
        }
        Err(error) => HookAnswer::failed(&shared, &error),
    }
}

/// Queues a hook of Claude Code, and answers it.
pub(crate) fn take(shared: &AppState, body: Vec<u8>) -> HookAnswer {
    shared.approvals.notice(&body, shared);
    let refused = refused(shared, &body);
    let (denied, answer) = refused.unzip();
    // A refusal that nobody could be told of is none: what is not known for certain stops no agent.
    let is_queued = offer(shared, "claude", body, denied);
    match answer.filter(|_| is_queued) {
        Some(answer) => HookAnswer::json(answer),
        None => HookAnswer::nothing(),
    }
}

/// Queues a hook of the agent with this key. Whether it was queued.
fn offer(shared: &AppState, agent: &str, body: Vec<u8>, denied: Option<BudgetDenied>) -> bool {
    let hooks = Agent::by_key(agent).and_then(|agent| agent.hooks.as_ref());
    hooks.is_some_and(|hooks| shared.hooks.offer(hooks, body, shared.clock.now(), denied))
}

/// The hard budget for which a hook is refused, and the answer that says so.
fn refused(shared: &AppState, body: &[u8]) -> Option<(BudgetDenied, String)> {
    if !shared.hub.has_hard_budgets() {
        return None;
    }
    let hook = RefusableHook::read(body, &shared.cleaner)?;
    let denied = shared.hub.exceeded_budget(&hook.agent, hook.kind.hook())?;
    let answer = hook.kind.refusal(&reason(&denied));
    Some((denied, answer))
}

/// Why an agent is stopped, and how it goes on.
fn reason(denied: &BudgetDenied) -> String {
    let of = match denied.scope {
        BudgetScope::Session => "this session",
        BudgetScope::Day => "the day",
        BudgetScope::Month => "the month",
        BudgetScope::Project => "the project in the month",
    };
    let period = denied.period.as_ref().map(|period| format!(" {period}"));
    let (spent, limit) = (denied.spent_usd, denied.limit_usd);
    let enough = (2.0 * limit).max(spent.ceil() + 1.0);
    format!(
        "Forgecast: the hard budget of {of}{} is used up, ${spent:.2} of ${limit:.2} are spent. Ask the user to raise it: \
         forgecast budget raise {} {enough:.2}",
        period.unwrap_or_default(),
        quoted(&denied.budget),
    )
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_.~".contains(letter);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A status, and what the agent is told, as JSON. Without a body also when the request is refused.
pub(crate) struct HookAnswer(StatusCode, Option<String>);

impl HookAnswer {
    pub(crate) fn nothing() -> Self {
        Self(StatusCode::NO_CONTENT, None)
    }

    pub(crate) fn json(answer: String) -> Self {
        Self(StatusCode::OK, Some(answer))
    }

    /// To a hook whose body could not be read.
    pub(crate) fn failed(shared: &AppState, error: &Error) -> Self {
        if matches!(error, Error::NoRoom) {
            // Not the agent's trouble: it can do nothing about it.
            shared.hooks.count().dropped += 1;
            return Self::nothing();
        }
        Self(error.status(), None)
    }
}

impl IntoResponse for HookAnswer {
    fn into_response(self) -> Response {
        let Self(status, body) = self;
        match body {
            Some(json) => (status, [(header::CONTENT_TYPE, "application/json")], json).into_response(),
            None => status.into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_names_the_budget_what_is_spent_and_the_command_that_raises_it() {
        let mut denied = BudgetDenied {
            scope: BudgetScope::Day,
            budget: "day".to_owned(),
            period: Some("2026-12-01".to_owned()),
            limit_usd: 20.0,
            spent_usd: 20.129,
            hook: "PreToolUse".to_owned(),
        };
        assert_eq!(
            reason(&denied),
            "Forgecast: the hard budget of the day 2026-12-01 is used up, $20.13 of $20.00 are spent. Ask the user to raise \
             it: forgecast budget raise day 40.00"
        );
        (denied.scope, denied.spent_usd) = (BudgetScope::Project, 90.5);
        denied.budget = "project/it's here".to_owned();
        assert!(reason(&denied).ends_with(r"forgecast budget raise 'project/it'\''s here' 92.00"));
    }
}
