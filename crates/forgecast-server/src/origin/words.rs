//! The words that these clients select on, and what they show beside a phase. A producer's own words pass through; only
//! what Forgecast worked out itself is put into their words here.

use std::collections::BTreeMap;

use forgecast_protocol::SessionStatus;
use forgecast_protocol::session::{BudgetLevel, PhaseStatus, SourceOfState};

/// Phases of a pipeline whose producer never says how many there are.
const USUAL_PHASES: u32 = 7;

/// Name, sign and meaning of the phases, in their order and numbered from 0.
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

/// `running` while it is at work in any way, `completed`, or `failed`; there is no fourth word.
pub(super) fn status(status: SessionStatus) -> &'static str {
    match status {
        SessionStatus::Running | SessionStatus::Waiting | SessionStatus::Stalled => "running",
        SessionStatus::Completed => "completed",
        SessionStatus::Failed | SessionStatus::Abandoned => "failed",
    }
}

/// The statuses that one of the three words stands for.
pub(super) fn statuses(word: &str) -> Vec<SessionStatus> {
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

/// The state of a phase.
pub(super) fn phase_status(status: PhaseStatus) -> &'static str {
    match status {
        PhaseStatus::Pending => "pending",
        PhaseStatus::Active => "in_progress",
        PhaseStatus::Completed => "completed",
        PhaseStatus::Failed => "failed",
        PhaseStatus::Skipped => "skipped",
    }
}

/// `live` or `checkpoint`: transcripts were not known then, and they are live.
pub(super) fn source(source: SourceOfState) -> &'static str {
    match source {
        SourceOfState::Live | SourceOfState::Transcript => "live",
        SourceOfState::Checkpoint => "checkpoint",
    }
}

/// The phase as pages select on it: sessions of a checkpoint have its words, in lower case, the last of which is
/// `complete`.
pub(super) fn phase(name: Option<&str>, source: SourceOfState, status: SessionStatus) -> String {
    match (source, status, name) {
        (SourceOfState::Checkpoint, SessionStatus::Completed, _) => "complete".to_owned(),
        (SourceOfState::Checkpoint, _, name) => name.unwrap_or("unknown").to_lowercase(),
        (_, _, name) => name.unwrap_or("Unknown").to_owned(),
    }
}

/// `3/7`, with `?` for what nobody said.
pub(super) fn phase_number(number: Option<&str>, total: Option<u32>) -> String {
    format!("{}/{}", number.unwrap_or("?"), total.unwrap_or(USUAL_PHASES))
}

/// The sign of a phase.
pub(super) fn emoji(phase: &str) -> &'static str {
    known(phase).map_or("🔹", |(_, emoji, _)| emoji)
}

/// What a phase is for.
pub(super) fn description(phase: &str) -> &'static str {
    known(phase).map_or("", |(_, _, description)| description)
}

fn known(phase: &str) -> Option<(&'static str, &'static str, &'static str)> {
    PHASES.into_iter().find(|(name, _, _)| *name == phase)
}

/// The names of phases that are in this state, in the order of the pipeline; others than the usual ones come behind.
pub(super) fn phases_that_are(phases: &BTreeMap<String, PhaseStatus>, wanted: PhaseStatus) -> Vec<&str> {
    let place = |name: &str| PHASES.iter().position(|(known, _, _)| *known == name);
    let mut names: Vec<&str> = phases
        .iter()
        .filter(|(_, status)| **status == wanted)
        .map(|(name, _)| name.as_str())
        .collect();
    names.sort_by_key(|name| place(name).unwrap_or(PHASES.len()));
    names
}

/// How full the context is, in the three levels and their colours.
pub(super) fn level(percent: f64) -> (BudgetLevel, &'static str) {
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
        for word in ["running", "completed", "failed"] {
            found.extend(statuses(word));
        }
        assert_eq!(found.len(), 6);
        assert!(statuses("dancing").is_empty());
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
        for (percent, colour) in [
            (0.0, "green"),
            (49.9, "green"),
            (50.0, "yellow"),
            (75.0, "red"),
            (140.0, "red"),
        ] {
            assert_eq!(level(percent).1, colour, "{percent}");
        }
    }
}
