//! The words that producers use and what they mean here: names of phases in the order of the pipeline, and words of
//! state. Must never refuse a word: what is unknown keeps its own name and counts as work.

use forgecast_protocol::session::PhaseStatus;
use forgecast_protocol::words::says_failure;

/// The phases in the order of the pipeline. The order comes from here and never from a producer's `phase_number`,
/// which says `?/7`, `4.5/8` and changes its total in the middle of a build.
pub(crate) const PHASES: [&str; 9] = [
    CODEBASE_ANALYSIS,
    SCOUT,
    ARCHITECT,
    BUILDER,
    TEST,
    SCREENSHOT,
    DOCUMENTATION,
    DEPLOY,
    FEEDBACK,
];

/// Only builds that extend existing code have it.
pub(crate) const CODEBASE_ANALYSIS: &str = "Codebase Analysis";
/// Looks at the task.
pub(crate) const SCOUT: &str = "Scout";
/// Designs.
pub(crate) const ARCHITECT: &str = "Architect";
/// Builds; the build's tasks are its tasks.
pub(crate) const BUILDER: &str = "Builder";
/// Tests, and goes back when they fail.
pub(crate) const TEST: &str = "Test";
/// Only pipelines of eight phases have it.
pub(crate) const SCREENSHOT: &str = "Screenshot";
/// Documents.
pub(crate) const DOCUMENTATION: &str = "Documentation";
/// Deploys; a build that ends here is complete when nothing follows.
pub(crate) const DEPLOY: &str = "Deploy";
/// The last: its end is the end of the build.
pub(crate) const FEEDBACK: &str = "Feedback";

const ALIASES: [(&str, &str); 15] = [
    ("analysis", CODEBASE_ANALYSIS),
    ("tester", TEST),
    ("testing", TEST),
    ("tests", TEST),
    ("test loop", TEST),
    ("build", BUILDER),
    ("building", BUILDER),
    ("implementation", BUILDER),
    ("docs", DOCUMENTATION),
    ("documenting", DOCUMENTATION),
    ("deployer", DEPLOY),
    ("deployment", DEPLOY),
    ("deploying", DEPLOY),
    ("github integration", DEPLOY),
    ("screenshots", SCREENSHOT),
];

/// The vocabulary's name for a producer's word, whatever its case, or nothing when the word is the producer's own.
pub(crate) fn known_phase(word: &str) -> Option<&'static str> {
    let word = spaced(word);
    PHASES.into_iter().find(|name| name.to_lowercase() == word).or_else(|| {
        let alias = ALIASES.into_iter().find(|(alias, _)| *alias == word);
        alias.map(|(_, name)| name)
    })
}

/// The name under which a phase is shown: the vocabulary's, else the producer's word as it is; nothing for no word.
pub(crate) fn phase(word: &str) -> Option<String> {
    let trimmed = word.trim();
    if trimmed.is_empty() {
        return None;
    }
    Some(known_phase(trimmed).unwrap_or(trimmed).to_owned())
}

/// Whether a word in the place of a phase says only that a process begins: those of a loop do so at each iteration.
pub(crate) fn names_beginning(word: &str) -> bool {
    matches!(
        spaced(word).as_str(),
        "init" | "initialize" | "initializing" | "initialization"
    )
}

/// Whether a word in the place of a phase says that the build as a whole is done.
pub(crate) fn names_end(word: &str) -> bool {
    known_phase(word).is_none() && meaning(word) == Meaning::Completed
}

/// Position of a phase of the vocabulary in the pipeline, from 0; nothing for a producer's own.
#[must_use]
pub fn order(name: &str) -> Option<u32> {
    let position = PHASES.into_iter().position(|phase| phase == name)?;
    u32::try_from(position).ok()
}

/// Whether a run begins with this phase.
pub(crate) fn is_first(name: &str) -> bool {
    name == CODEBASE_ANALYSIS || name == SCOUT
}

/// What a word of state means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Has not begun.
    Pending,
    /// Works; also every word that is not known.
    Active,
    /// Needs a person.
    Waiting,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// Was left out.
    Skipped,
}

impl Meaning {
    /// The state of a phase whose producer uses such a word: a phase that waits is still at work.
    pub(crate) fn phase_status(self) -> PhaseStatus {
        match self {
            Self::Pending => PhaseStatus::Pending,
            Self::Active | Self::Waiting => PhaseStatus::Active,
            Self::Completed => PhaseStatus::Completed,
            Self::Failed => PhaseStatus::Failed,
            Self::Skipped => PhaseStatus::Skipped,
        }
    }

    /// Whether nothing follows of the thing that is in this state.
    pub(crate) fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Skipped)
    }
}

/// What a producer's word for the state of a phase, a task or an agent means.
pub(crate) fn meaning(word: &str) -> Meaning {
    match spaced(word).as_str() {
        "pending" | "queued" | "todo" | "not started" => Meaning::Pending,
        "completed" | "complete" | "done" | "finished" | "success" | "succeeded" | "passed" => Meaning::Completed,
        "cancelled" | "canceled" | "aborted" | "crashed" => Meaning::Failed,
        "skipped" => Meaning::Skipped,
        word if says_failure(word) => Meaning::Failed,
        word if needs_person(word) => Meaning::Waiting,
        _ => Meaning::Active,
    }
}

/// What a producer waits for that is no person.
const MACHINES: [&str; 18] = [
    "agent",
    "agents",
    "api",
    "build",
    "builds",
    "ci",
    "dependencies",
    "dependency",
    "lock",
    "model",
    "network",
    "queue",
    "rate",
    "results",
    "server",
    "subagents",
    "tests",
    "workers",
];

const PEOPLE: [&str; 5] = ["developer", "human", "person", "user", "you"];

/// Whether a word, in lower case and with spaces, says that a person is needed: `waiting for approval`, `needs input`,
/// `review required`, `blocked`. Producers make such words up, so they are known by their parts.
fn needs_person(word: &str) -> bool {
    let mut parts = word.split_whitespace();
    let first = parts.next().unwrap_or_default();
    let begins = matches!(
        first,
        "waiting" | "waits" | "wait" | "awaiting" | "awaits" | "blocked" | "paused" | "suspended"
    );
    let ends = ["required", "requested", "needed", "pending"];
    let asked = [
        "approval",
        "input",
        "permission",
        "confirmation",
        "review",
        "answer",
        "clarification",
        "feedback",
    ];
    let is_request = asked.contains(&first) && parts.clone().any(|part| ends.contains(&part));
    let is_held =
        word == "on hold" || word == "pending approval" || word == "pending review" || word == "pending input";
    // What is needed may also be other work: `needs fixes`.
    let needs = matches!(first, "needs" | "need" | "requires" | "require")
        && parts
            .clone()
            .any(|part| asked.contains(&part) || PEOPLE.contains(&part));
    let for_machine =
        parts.any(|part| MACHINES.contains(&part) || (known_phase(part).is_some() && !asked.contains(&part)));
    (begins || is_request || is_held || needs) && !for_machine
}

/// Whether a word says that something is only about to begin: it tells a new run from the end of the last.
pub(crate) fn is_beginning(word: &str) -> bool {
    matches!(
        spaced(word).as_str(),
        "starting" | "started" | "initializing" | "initialising" | "planning"
    ) || meaning(word) == Meaning::Pending
}

/// Whether an agent with this word is at work. Of one that ended, or of which nobody says, it may not be known how.
pub(crate) fn is_at_work(word: &str) -> bool {
    meaning(word) == Meaning::Active && !matches!(spaced(word).as_str(), "idle" | "ended" | "unknown")
}

/// Lower case, with spaces for the hyphens and underscores that producers write by turns.
fn spaced(word: &str) -> String {
    word.trim().to_lowercase().replace(['-', '_'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_come_in_the_order_of_the_pipeline() {
        let orders: Vec<_> = PHASES.into_iter().map(order).collect();
        let expected: Vec<_> = (0..9).map(Some).collect();
        assert_eq!(orders, expected);
        assert_eq!(order("Polish"), None);
    }

    #[test]
    fn aliases_are_understood_in_any_case() {
        for (word, name) in [
            ("scout", SCOUT),
            ("CODEBASE ANALYSIS", CODEBASE_ANALYSIS),
            ("codebase_analysis", CODEBASE_ANALYSIS),
            ("Tester", TEST),
            ("testing", TEST),
            ("Test Loop", TEST),
            ("Build", BUILDER),
            ("building", BUILDER),
            ("Implementation", BUILDER),
            ("docs", DOCUMENTATION),
            ("Deployer", DEPLOY),
            (" deployment ", DEPLOY),
            ("GitHub Integration", DEPLOY),
        ] {
            assert_eq!(phase(word).as_deref(), Some(name), "{word}");
        }
    }

    #[test]
    fn an_unknown_phase_keeps_its_own_name_and_no_word_is_no_phase() {
        assert_eq!(phase(" Polish the UI ").as_deref(), Some("Polish the UI"));
        assert_eq!(phase("  "), None);
    }

    #[test]
    fn words_of_state_have_a_meaning_and_unknown_ones_are_work() {
        assert_eq!(meaning("completed"), Meaning::Completed);
        assert_eq!(meaning("TIMEOUT"), Meaning::Failed);
        for word in [
            "starting",
            "planning",
            "in_progress",
            "researching",
            "designing",
            "building",
            "testing",
            "self-healing",
            "documenting",
            "deploying",
            "whatever",
            "",
        ] {
            assert_eq!(meaning(word), Meaning::Active, "{word}");
        }
        assert_eq!(meaning("not-started"), Meaning::Pending);
    }

    #[test]
    fn a_word_that_asks_for_a_person_is_waiting_and_one_for_a_machine_is_work() {
        let waits = "waiting|waiting_for_input|Waiting-For-Approval|awaiting_user|needs_input|needs review|blocked|paused|\
                     waiting on you|approval_required|input needed|pending_approval|requires confirmation|on_hold|\
                     blocked by a question|confirmation_pending|permission requested";
        for word in waits.split('|') {
            assert_eq!(meaning(word), Meaning::Waiting, "{word}");
        }
        let works = "waiting_for_tests|waiting for ci|awaiting_subagents|blocked on lock|reviewing|approving|needing|\
                     waitlisting|waiting for rate limit|input|approval|needs dependencies|needs_fixes|needs_revision|\
                     requires_changes|waiting_for_builder|waiting for scout";
        for word in works.split('|') {
            assert_eq!(meaning(word), Meaning::Active, "{word}");
        }
        assert_eq!(meaning("pending"), Meaning::Pending);
    }

    #[test]
    fn an_agent_is_at_work_unless_it_is_idle_or_over_or_unknown() {
        assert!(is_at_work("active"));
        for word in ["idle", "completed", "Ended", "unknown"] {
            assert!(!is_at_work(word), "{word}");
        }
    }
}
