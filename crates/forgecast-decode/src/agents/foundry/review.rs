//! What reviews find, and which known patterns a plan or a review refers to.

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::event::{DecisionRecorded, Fact, PatternRecorded};
use serde_json::Value;

use super::Line;
use super::events::log;
use crate::fields::Fields;
use crate::transcript::Visitor;

/// Most findings of one review that are named.
const MAX_FINDINGS: usize = 20;

pub(super) fn findings(line: &Line<'_>, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
    let task = payload.word(&["task_id"]);
    let mut count = |name: &str| payload.count(&[name]).unwrap_or_default();
    let (high, medium, low) = (count("high"), count("medium"), count("low"));
    let severity = match (high, medium, low) {
        (0, 0, 0) => return,
        (0, 0, _) => "LOW",
        (0, _, _) => "MEDIUM",
        _ => "HIGH",
    };
    let named = match payload.take(&["findings_json"]) {
        Some((_, Value::String(text))) => named_in(&text),
        _ => Vec::new(),
    };
    let of = task.as_deref().unwrap_or("the work");
    let title = format!("review of {of}: {high} high, {medium} medium, {low} low");
    log(line, Some(LogLevel::Warn), &title, out);
    let decision = DecisionRecorded {
        category: Some("Review".to_owned()),
        severity: Some(severity.to_owned()),
        phase: Some("Verify".to_owned()),
        root_cause: (!named.is_empty()).then(|| line.context.cleaner().line(&named.join("; "))),
        ..decision(line, "findings", of, title)
    };
    out.fact(&line.context, Fact::DecisionRecorded(decision));
}

/// The titles of the findings with their places, the worst first. Foundry writes them as JSON in a string.
fn named_in(json: &str) -> Vec<String> {
    let findings: Value = serde_json::from_str(json).unwrap_or_default();
    let of = |severity: &str| findings.get(severity).and_then(Value::as_array).cloned();
    let all = ["high", "medium", "low"].into_iter().filter_map(of).flatten();
    let named = all.filter_map(|finding| {
        let title = finding.get("title")?.as_str()?;
        let place = finding.get("file").and_then(Value::as_str);
        let row = finding.get("line").and_then(Value::as_u64);
        Some(match (place, row) {
            (Some(place), Some(row)) => format!("{title} ({place}:{row})"),
            (Some(place), None) => format!("{title} ({place})"),
            (None, _) => title.to_owned(),
        })
    });
    named.take(MAX_FINDINGS).collect()
}

/// The rounds in which a plan is reviewed are used up, and findings are left.
pub(super) fn plan_is_capped(line: &Line<'_>, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
    let task = payload.word(&["task_id"]);
    let of = task.as_deref().unwrap_or("the work");
    let mut count = |name: &str| payload.count(&[name]).unwrap_or_default();
    let (used, most, left) = (count("cycles_used"), count("cycles_cap"), count("finding_count"));
    let title = format!("plan of {of}: {left} findings left after {used} of {most} reviews");
    log(line, Some(LogLevel::Warn), &title, out);
    let decision = DecisionRecorded {
        category: Some("Plan review".to_owned()),
        phase: Some("Plan Review".to_owned()),
        root_cause: payload.line(&["feedback_summary"]),
        ..decision(line, "plan-review", of, title)
    };
    out.fact(&line.context, Fact::DecisionRecorded(decision));
}

/// A plan or a review refers to a pattern of earlier builds: a lesson that was applied.
pub(super) fn pattern_is_cited(line: &Line<'_>, payload: &mut Fields<'_>, out: &mut dyn Visitor) {
    let Some(id) = payload.word(&["pattern_id"]) else {
        return out.bad("pattern_cited: it names no pattern");
    };
    let role = payload.word(&["role"]).unwrap_or_else(|| "an agent".to_owned());
    let artifact = payload.line(&["artifact"]).map(|name| format!(" in {name}"));
    let task = payload.word(&["task_id"]).map(|task| format!(" of {task}"));
    let place = artifact.unwrap_or_default() + &task.unwrap_or_default();
    let title = format!("{role} cites {id}{place}");
    log(line, None, &title, out);
    let decision = DecisionRecorded {
        category: Some("Citation".to_owned()),
        lesson_used: Some(true),
        ..decision(line, "citation", &format!("{id}{place}"), title)
    };
    out.fact(&line.context, Fact::DecisionRecorded(decision));
    let pattern = PatternRecorded {
        id,
        ..PatternRecorded::default()
    };
    out.fact(&line.context, Fact::PatternRecorded(pattern));
}

/// A decision that is known by its kind, by what it is about and by its time.
pub(super) fn decision(line: &Line<'_>, kind: &str, about: &str, title: String) -> DecisionRecorded {
    let at = line.context.at.unwrap_or(line.context.input.now);
    DecisionRecorded {
        key: line.context.cleaner().line(&format!("{kind}:{about}:{at}")),
        title: line.context.cleaner().line(&title),
        ..DecisionRecorded::default()
    }
}
