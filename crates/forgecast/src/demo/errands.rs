//! An agent without a build: somebody asks it one thing after the other, and it waits in between. Pure, like a build.

use std::time::Duration;

use super::agent::{Agent, Desk, Use};
use super::script::Step;

/// The folder it works in; no build runs there.
pub(crate) const PROJECT: &str = "field-notes";

const MODEL: &str = "claude-sonnet-5";

/// One thing that is asked for.
struct Errand {
    prompt: &'static str,
    /// What it looks for, reads and changes.
    pattern: &'static str,
    reads: &'static [&'static str],
    edits: &'static [&'static str],
    answer: &'static str,
}

const CHECK: &str = "cargo test --quiet";

const ERRANDS: &[Errand] = &[
    Errand {
        prompt: "Edits made offline on two devices get lost: find out why",
        pattern: "last_write",
        reads: &["src/sync/merge.rs", "src/sync/clock.rs", "tests/offline.rs"],
        edits: &["src/sync/merge.rs", "tests/offline.rs"],
        answer: "Both edits had the same second as their time and the later upload won. They are merged by paragraph now; a test covers it.",
    },
    Errand {
        prompt: "Can the list show how many notes wait for the network?",
        pattern: "pending",
        reads: &["src/sync/queue.rs", "src/ui/list.rs"],
        edits: &["src/sync/queue.rs", "src/ui/list.rs", "src/ui/style.css"],
        answer: "The list has a small counter that goes away at zero. The queue tells it, so nothing is asked twice.",
    },
    Errand {
        prompt: "Export takes a minute with 5,000 notes. What is slow?",
        pattern: "fn export",
        reads: &["src/export.rs", "src/store.rs", "benches/export.rs"],
        edits: &["src/store.rs", "src/export.rs"],
        answer: "Each note was read by itself. One pass over the store takes 1.4 s instead of 58 s; the order is as before.",
    },
    Errand {
        prompt: "Write the release notes for what changed since the last tag",
        pattern: "^## ",
        reads: &["CHANGELOG.md"],
        edits: &["CHANGELOG.md"],
        answer: "Three entries, the mended sync first. Nothing is tagged: that is yours.",
    },
];

/// Everything that is asked for once, from `desk.begins_at`. Later rounds go on in the same conversation.
pub(crate) fn write(desk: Desk, round: u32, seed: u64) -> Vec<Step> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut agent = Agent::new(desk, MODEL, seed);
    if round > 0 {
        agent = agent.resumed();
    }
    let mut now = 0;
    let mut pass = |from: u64, to: u64| {
        now += rng.u64(from..to);
        now
    };
    for errand in ERRANDS {
        agent.prompt(pass(200, 900), errand.prompt);
        let search = Use::search("Looking for where that is done.", errand.pattern);
        let reads = errand
            .reads
            .iter()
            .map(|file| Use::read(format!("Reading {file}."), file));
        let edits = errand
            .edits
            .iter()
            .map(|file| Use::edit(format!("Changing {file}."), file));
        let check = Use::run(
            "Do the tests still pass?",
            CHECK,
            "test result: ok. 214 passed; 0 failed",
        );
        for what in std::iter::once(search).chain(reads).chain(edits).chain([check]) {
            let from = pass(300, 900);
            let length = pass(3_500, 6_500) - from;
            agent.use_tool(from, length, &what);
        }
        agent.answer(pass(1_500, 3_000), errand.answer);
        pass(9_000, 18_000);
    }
    // Whoever asks makes room before the next round.
    agent.compact(pass(1_000, 2_000), "manual");
    let mut steps = agent.into_steps();
    steps.sort_by_key(|step| step.at_ms);
    steps
}

/// How long a round takes at speed 1.
pub(crate) fn length(desk: &Desk, seed: u64) -> Duration {
    let steps = write(desk.clone(), 0, seed);
    Duration::from_millis(steps.last().map_or(0, |step| step.at_ms))
}
