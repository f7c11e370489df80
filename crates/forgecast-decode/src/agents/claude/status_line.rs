//! What Claude Code gives to the command of its status line: one JSON object each time the line is drawn.

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::LimitReported;
use serde::Deserialize;

use super::limits::{Windows, of_status_line};
use crate::clean::Cleaner;
use crate::lenient::{Number, Object, Text};
use crate::{Unparsable, json};

/// What a status line shows. What Claude Code does not say is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatusLine {
    /// The session.
    pub session: Option<String>,
    /// The model's name for people.
    pub model: Option<String>,
    /// Percent of the context window in use.
    pub context_percent: Option<f64>,
    /// US dollars that the session cost so far, by the agent's own account.
    pub session_usd: Option<f64>,
    /// How much of the plan is used up; nothing without a plan.
    pub limits: Vec<LimitReported>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Input<'a> {
    session_id: Text<'a>,
    model: Object<Model<'a>>,
    context_window: Object<ContextWindow>,
    cost: Object<Cost>,
    #[serde(borrow)]
    rate_limits: Object<Windows<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Model<'a> {
    id: Text<'a>,
    display_name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContextWindow {
    used_percentage: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cost {
    total_cost_usd: Number,
}

/// Reads what was given to the command. `account` is what its owner calls the account.
///
/// # Errors
/// When it is no JSON object.
pub fn decode_status_line(
    body: &[u8],
    account: Option<&str>,
    cleaner: &Cleaner,
    now: Timestamp,
) -> Result<StatusLine, Unparsable> {
    let input: Input<'_> = json::body(body, "no status line of Claude Code")?;
    let model = input.model.0.unwrap_or_default();
    let model = model.display_name.get().or(model.id.get());
    let limits = input.rate_limits.0.unwrap_or_default();
    let money = input.cost.0.and_then(|cost| cost.total_cost_usd.0);
    Ok(StatusLine {
        session: input.session_id.get().map(|session| cleaner.word(session)),
        model: model.map(|model| cleaner.word(model)),
        context_percent: input.context_window.0.and_then(|window| window.used_percentage.0),
        session_usd: money.filter(|usd| *usd >= 0.0),
        limits: of_status_line(&limits, account, now, cleaner),
    })
}
