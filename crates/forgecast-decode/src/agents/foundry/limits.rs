//! Budgets that an agent exceeded and limits of a provider: neither is an error, and both say what was done about it.

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::event::{Custom, DecisionRecorded, Fact};
use serde_json::Value;

use super::Line;
use super::events::{log, stage_of_role};
use super::review::decision;
use crate::fields::Fields;
use crate::transcript::Visitor;

/// An agent used more of its budget than was planned.
pub(super) fn budget_is_overrun(line: &Line<'_>, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
    let role = payload.word(&["phase", "role"]);
    let task = payload.word(&["task_id"]).map(|task| format!(" of {task}"));
    let (target, actual) = (
        payload.number(&["target_pct"], 1e6),
        payload.number(&["actual_pct"], 1e6),
    );
    let who = role.clone().unwrap_or_else(|| "The build".to_owned()) + &task.unwrap_or_default();
    let message = match (actual, target) {
        (Some(actual), Some(target)) => format!("{who} is over its budget: {actual:.0} % of {target:.0} % planned"),
        _ => {
            let reason = payload.line(&["message", "reason"]);
            format!(
                "{who} is over its budget: {}",
                reason.unwrap_or_else(|| in_words(payload))
            )
        }
    };
    let made = DecisionRecorded {
        category: Some("Budget".to_owned()),
        phase: role.as_deref().and_then(stage_of_role).map(str::to_owned),
        solution: payload.line(&["recovery_action"]),
        ..decision(line, "budget", &who, message)
    };
    tell(line, "budget_overrun", made, out);
}

/// A provider asks to wait.
pub(super) fn rate_is_limited(line: &Line<'_>, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
    let provider = payload.word(&["provider"]).unwrap_or_else(|| "the provider".to_owned());
    let wait = payload.number(&["wait_secs"], 1e9);
    let made = DecisionRecorded {
        category: Some("Rate limit".to_owned()),
        solution: wait.map(|wait| format!("waits {wait:.0} s")),
        ..decision(line, "rate-limit", &provider, format!("limited by {provider}"))
    };
    tell(line, "rate_limited", made, out);
}

/// Says it in the log, among the decisions and to viewers that follow the session's events.
fn tell(line: &Line<'_>, kind: &str, made: DecisionRecorded, out: &mut dyn Visitor) {
    let solution = made.solution.as_deref().map(|solution| format!("; {solution}"));
    let message = format!("{}{}", made.title, solution.unwrap_or_default());
    log(line, Some(LogLevel::Warn), &message, out);
    out.fact(&line.context, Fact::DecisionRecorded(made));
    let kind = kind.to_owned();
    let data = serde_json::json!({ "message": message });
    out.fact(&line.context, Fact::Custom(Custom { kind, data }));
}

/// The fields of an event whose shape is not known.
fn in_words(payload: &mut Fields<'_>) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rest = payload.rest();
    let rest: Vec<String> = rest
        .iter()
        .map(|(name, value)| format!("{name} {}", plain(value)))
        .collect();
    rest.join(", ")
}
