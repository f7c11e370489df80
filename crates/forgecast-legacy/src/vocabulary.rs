//! The words that clients of Context Foundry select on, and what they show beside a phase. A producer's own words pass through;
//! only what Forgecast derived itself is put into their words here.

use std::collections::BTreeMap;

use forgecast_protocol::SessionStatus;
use forgecast_protocol::session::{BudgetLevel, PhaseStatus, SourceOfState};
use schemars::JsonSchema;
use serde::Serialize;

/// Number of phases when the producer does not state it.
const DEFAULT_PHASES: u32 = 7;

/// Name, emoji and description of the phases, in their order.
const PHASES: [(&str, &str, &str); 9] = [
    ("Codebase Analysis", "🔍", "Reads the code that is there"),
    ("Scout", "🔍", "Looks at the task and what it needs"),
    ("Architect", "🏗️", "Draws up the design"),
    ("Builder", "🔨", "Writes the code, task by task"),
    ("Test", "🧪", "Runs the tests, and goes back when they fail"),
    ("Screenshot", "📸", "Takes pictures of the result"),
    ("Documentation", "📝", "Writes it up"),
    ("Deploy", "🚀", "Commits and publishes"),
    ("Feedback", "💬", "Notes what was learned"),
];

/// There are three words for the status of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LegacyStatus {
    /// At work in any way, also while it waits or stalls.
    Running,
    Completed,
    /// Also when it was abandoned.
    Failed,
}

/// Where a state comes from. Transcripts are live: the old API did not know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LegacySource {
    Live,
    Checkpoint,
}

/// The word for the status of a session.
pub(crate) fn status(status: SessionStatus) -> LegacyStatus {
    match status {
        SessionStatus::Running | SessionStatus::Waiting | SessionStatus::Stalled => LegacyStatus::Running,
        SessionStatus::Completed => LegacyStatus::Completed,
        SessionStatus::Failed | SessionStatus::Abandoned => LegacyStatus::Failed,
    }
}

/// The statuses that one of the three words stands for.
pub(crate) fn statuses(word: LegacyStatus) -> Vec<SessionStatus> {
    let all = [
        SessionStatus::Running,
        SessionStatus::Waiting,
        SessionStatus::Stalled,
        SessionStatus::Completed,
        SessionStatus::Failed,
        SessionStatus::Abandoned,
    ];
    all.into_iter().filter(|one| status(*one) == word).collect()
}

/// The words for the status of a phase.
pub(crate) const PHASE_STATUSES: [&str; 5] = ["pending", "in_progress", "completed", "failed", "skipped"];

/// The status of a phase.
pub(crate) fn phase_status(status: PhaseStatus) -> &'static str {
    match status {
        PhaseStatus::Pending => "pending",
        PhaseStatus::Active => "in_progress",
        PhaseStatus::Completed => "completed",
        PhaseStatus::Failed => "failed",
        PhaseStatus::Skipped => "skipped",
    }
}

/// The word for where a state comes from.
pub(crate) fn source(source: SourceOfState) -> LegacySource {
    match source {
        SourceOfState::Live | SourceOfState::Transcript => LegacySource::Live,
        SourceOfState::Checkpoint => LegacySource::Checkpoint,
    }
}

/// The phase as pages select on it: that of a checkpoint ends with `complete`.
pub(crate) fn phase(name: Option<&str>, source: SourceOfState, status: SessionStatus) -> String {
    match (source, status) {
        (SourceOfState::Checkpoint, SessionStatus::Completed) => "complete".to_owned(),
        _ => phase_key(name.unwrap_or("Unknown").to_owned(), source),
    }
}

/// The name of a phase as a key: sessions from a checkpoint use its words, in lower case.
pub(crate) fn phase_key(name: String, source: SourceOfState) -> String {
    match source {
        SourceOfState::Checkpoint => name.to_lowercase(),
        SourceOfState::Live | SourceOfState::Transcript => name,
    }
}

/// `3/7`; `?` stands for an unknown number.
pub(crate) fn phase_number(number: Option<&str>, total: Option<u32>) -> String {
    format!("{}/{}", number.unwrap_or("?"), total.unwrap_or(DEFAULT_PHASES))
}

/// The emoji of a phase.
pub(crate) fn emoji(phase: &str) -> &'static str {
    known(phase).map_or("🔹", |(_, emoji, _)| emoji)
}

/// The description of a phase; empty for an unknown one.
pub(crate) fn description(phase: &str) -> &'static str {
    known(phase).map_or("", |(_, _, description)| description)
}

fn known(phase: &str) -> Option<(&'static str, &'static str, &'static str)> {
    PHASES.into_iter().find(|(name, _, _)| *name == phase)
}

/// The names of the phases with this status, in the order of the pipeline; unknown phases come last.
pub(crate) fn phases_that_are(phases: &BTreeMap<String, PhaseStatus>, wanted: PhaseStatus) -> Vec<String> {
    let position = |name: &str| PHASES.iter().position(|(known, _, _)| *known == name);
    let mut names: Vec<String> = phases
        .iter()
        .filter(|(_, status)| **status == wanted)
        .map(|(name, _)| name.clone())
        .collect();
    names.sort_by_key(|name| position(name).unwrap_or(PHASES.len()));
    names
}

/// The level of a context window that is `percent` full, and its color.
pub(crate) fn level(percent: f64) -> (BudgetLevel, &'static str) {
    if percent < 50.0 {
        (BudgetLevel::Safe, "green")
    } else if percent < 75.0 {
        (BudgetLevel::Warning, "yellow")
    } else {
        (BudgetLevel::Critical, "red")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_of_three_words_and_is_found_by_it() {
        let mut found = Vec::new();
        for word in [LegacyStatus::Running, LegacyStatus::Completed, LegacyStatus::Failed] {
            found.extend(statuses(word));
        }
        assert_eq!(found.len(), 6);
    }

    #[test]
    fn a_checkpoints_phase_has_the_words_of_the_loop() {
        let (live, checkpoint) = (SourceOfState::Live, SourceOfState::Checkpoint);
        let (running, completed) = (SessionStatus::Running, SessionStatus::Completed);
        assert_eq!(phase(Some("Builder"), live, running), "Builder");
        assert_eq!(phase(Some("Builder"), checkpoint, running), "builder");
        assert_eq!(phase(Some("Builder"), checkpoint, completed), "complete");
        assert_eq!(phase(None, live, running), "Unknown");
    }

    #[test]
    fn levels_change_at_half_and_at_three_quarters() {
        for (percent, color) in [
            (0.0, "green"),
            (49.9, "green"),
            (50.0, "yellow"),
            (75.0, "red"),
            (140.0, "red"),
        ] {
            assert_eq!(level(percent).1, color, "{percent}");
        }
    }
}
