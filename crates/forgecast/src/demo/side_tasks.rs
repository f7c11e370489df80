//! The work of the idle agent: it gets one task after the other and waits in between. The same seed gives the same steps.

use std::ops::Range;

use super::agent::{Agent, ToolUse, Workspace};
use super::writer::Step;

/// The name of its project folder, in which no build runs.
pub(crate) const PROJECT: &str = "field-notes";

const MODEL: &str = "claude-sonnet-5";

/// One task for the agent.
struct SideTask {
    prompt: &'static str,
    /// The pattern that it searches for.
    pattern: &'static str,
    reads: &'static [&'static str],
    edits: &'static [&'static str],
    answer: &'static str,
    /// What it has to be told before it changes anything.
    question: Option<(&'static str, &'static [&'static str])>,
}

/// How long a person takes to answer, in milliseconds at speed 1.
const PERSON_MS: Range<u64> = 25_000..40_000;

const CHECK: &str = "cargo test --quiet";

const SIDE_TASKS: &[SideTask] = &[
    SideTask {
        prompt: "Edits made offline on two devices get lost: find out why",
        pattern: "last_write",
        reads: &["src/sync/merge.rs", "src/sync/clock.rs", "tests/offline.rs"],
        edits: &["src/sync/merge.rs", "tests/offline.rs"],
        answer: "Both edits had the same second as their time and the later upload won. They are merged by paragraph now; a test covers it.",
        question: None,
    },
    SideTask {
        prompt: "Can the list show how many notes wait for the network?",
        pattern: "pending",
        reads: &["src/sync/queue.rs", "src/ui/list.rs"],
        edits: &["src/sync/queue.rs", "src/ui/list.rs", "src/ui/style.css"],
        answer: "The list has a small counter that goes away at zero. The queue tells it, so nothing is asked twice.",
        question: Some((
            "Should the counter also show notes that failed to upload?",
            &["Only waiting notes", "Waiting and failed notes"],
        )),
    },
    SideTask {
        prompt: "Export takes a minute with 5,000 notes. What is slow?",
        pattern: "fn export",
        reads: &["src/export.rs", "src/store.rs", "benches/export.rs"],
        edits: &["src/store.rs", "src/export.rs"],
        answer: "Each note was read by itself. One pass over the store takes 1.4 s instead of 58 s; the order is as before.",
        question: None,
    },
    SideTask {
        prompt: "Write the release notes for what changed since the last tag",
        pattern: "^## ",
        reads: &["CHANGELOG.md"],
        edits: &["CHANGELOG.md"],
        answer: "Three entries, the mended sync first. Nothing is tagged: that is yours.",
        question: None,
    },
];

/// Everything that is asked for once, from `workspace.begins_at`. Later rounds go on in the same conversation.
pub(crate) fn write(workspace: Workspace, round: u32, seed: u64) -> Vec<Step> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut agent = Agent::new(workspace, MODEL, seed);
    if round > 0 {
        agent = agent.resumed();
    }
    let mut now = 0;
    let mut pass = |from: u64, to: u64| {
        now += rng.u64(from..to);
        now
    };
    for task in SIDE_TASKS {
        agent.prompt(pass(200, 900), task.prompt);
        let search = ToolUse::search("Looking for where that is done.", task.pattern);
        let reads = task
            .reads
            .iter()
            .map(|file| ToolUse::read(format!("Reading {file}."), file));
        let edits = task
            .edits
            .iter()
            .map(|file| ToolUse::edit(format!("Changing {file}."), file));
        let check = ToolUse::run(
            "Do the tests still pass?",
            CHECK,
            "test result: ok. 214 passed; 0 failed",
        );
        for what in std::iter::once(search).chain(reads) {
            let from = pass(300, 900);
            let length = pass(3_500, 6_500) - from;
            agent.use_tool(from, length, &what);
        }
        if let Some((question, options)) = task.question {
            let ask = ToolUse::ask("Before I change anything:", question, options);
            agent.begin_tool(pass(300, 900), &ask);
            agent.tool_ended(
                pass(PERSON_MS.start, PERSON_MS.end),
                options.first().unwrap_or(&""),
                false,
            );
        }
        for what in edits.chain([check]) {
            let from = pass(300, 900);
            let length = pass(3_500, 6_500) - from;
            agent.use_tool(from, length, &what);
        }
        agent.answer(pass(1_500, 3_000), task.answer);
        pass(9_000, 18_000);
    }
    // Whoever asks makes room before the next round.
    agent.compact(pass(1_000, 2_000), "manual");
    agent.into_steps(Vec::new())
}
