//! Every document that builds write, by the name that says what it is.
#![no_main]

use std::sync::LazyLock;

use forgecast_decode::clean::Cleaner;
use forgecast_decode::{Format, decode};
use forgecast_decode::mask::Rules;
use libfuzzer_sys::fuzz_target;

static CLEANER: LazyLock<Cleaner> = LazyLock::new(|| Cleaner::new(Rules::default()));
const NAMES: [&str; 8] = [
    ".context-foundry/current-phase.json",
    ".context-foundry/session-summary.json",
    ".context-foundry/build-tasks.json",
    ".context-foundry/feedback/build-feedback-1.json",
    ".context-foundry/patterns/common-issues.json",
    ".context-foundry/test-results-iteration-1.md",
    "a/state.json",
    "a/progress.json",
];

fuzz_target!(|data: &[u8]| {
    for name in NAMES {
        if let Some(format) = Format::of(name) {
            let _ = decode(&format, name, data, &CLEANER);
        }
    }
});
