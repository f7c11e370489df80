//! Usage found by search is what the readers find line by line.

use std::path::Path;
use std::sync::Mutex;

use forgecast_decode::agents::Agent;
use forgecast_decode::clean::Cleaner;
use forgecast_decode::scan::{Scanned, ScannedCall, ScannedFile, UsageLines};
use forgecast_decode::transcript::Depth;
use forgecast_protocol::event::{CallReported, Fact};
use serde_json::Value;

use super::transcripts::{agent, bytes, calls, read};
use super::{claude, codex, foundry};

const ROLLOUT: &str = "0199a1b2-0000-7000-8000-0123456789ab";

fn file(kind: &'static Agent, path: &str) -> ScannedFile {
    ScannedFile {
        agent: kind,
        path: kind.path_of(path).unwrap().into(),
        file: Path::new(path).into(),
    }
}

fn scanned(kind: &'static Agent, path: &str, lines: &[Value]) -> Vec<ScannedCall> {
    let file = file(kind, path);
    let (cleaner, found) = (Cleaner::default(), Mutex::new(Vec::new()));
    let each = |found_one| {
        if let Scanned::Call(call) = found_one {
            found.lock().unwrap().push(call);
        }
    };
    let mut reading = UsageLines::new(&file, &cleaner, &each);
    reading.piece(&bytes(lines), 0);
    assert_eq!(reading.bad(), 0, "{path}");
    assert_eq!(reading.calls(), found.lock().unwrap().len() as u64, "{path}");
    found.into_inner().unwrap()
}

#[test]
fn usage_found_by_search_is_what_is_read_line_by_line() {
    let rollout = codex::path(ROLLOUT);
    let files = [
        (
            "projects/-srv-weather/5f1c.jsonl",
            agent("claude"),
            claude::conversation(),
            "5f1c",
        ),
        (
            "projects/-srv-weather/5f1c/subagents/agent-a77.jsonl",
            agent("claude"),
            claude::conversation(),
            "5f1c",
        ),
        (
            "projects/-srv-weather/agent-b88.jsonl",
            agent("claude"),
            claude::conversation(),
            "5f1c",
        ),
        (rollout.as_str(), agent("codex"), codex::rollout(), ROLLOUT),
        (rollout.as_str(), agent("codex"), codex::paginated(), ROLLOUT),
    ];
    for (path, kind, lines, session) in &files {
        let mut expected = calls(&read(kind, path, lines, Depth::UsageOnly));
        for call in &mut expected {
            call.tools.clear();
        }
        // Lines that differ only in the tools they name are one account here.
        let same = |one: &CallReported, other: &CallReported| one.call == other.call && one.tokens == other.tokens;
        expected.dedup_by(|later, first| same(later, first));
        let found = scanned(kind, path, lines);
        let reports: Vec<_> = found.iter().map(|call| call.report.clone()).collect();
        assert_eq!(reports, expected, "{path}");
        for call in &found {
            assert_eq!(call.directory.as_deref(), Some("/srv/weather"), "{path}");
            assert_eq!(&*call.session, *session, "{path}");
        }
    }
    let reported = scanned(agent("foundry"), foundry::PATH, &foundry::events());
    assert_eq!(reported.len(), 1);
    assert_eq!(reported[0].report.model.as_deref(), Some("claude-opus-4-8"));
}

#[test]
fn a_title_is_found_in_the_beginning_of_a_main_transcript_alone() {
    let rollout = codex::path(ROLLOUT);
    let main = "projects/-srv-weather/5f1c.jsonl";
    for (path, kind, lines, session) in [
        (main, agent("claude"), claude::conversation(), "5f1c"),
        (rollout.as_str(), agent("codex"), codex::rollout(), ROLLOUT),
    ] {
        let read = read(kind, path, &lines, Depth::UsageOnly);
        let mut titles = read.events.into_iter().filter_map(|event| match event.fact {
            Fact::SessionSeen(seen) => seen.title,
            _ => None,
        });
        let expected = titles.next_back().unwrap();
        assert_eq!(titles_in(kind, path, &lines), [(session.to_owned(), expected)]);
    }
    let sub = "projects/-srv-weather/5f1c/subagents/agent-a77.jsonl";
    assert_eq!(titles_in(agent("claude"), sub, &claude::conversation()), []);
    assert_eq!(titles_in(agent("claude"), main, &[]), []);
}

fn titles_in(kind: &'static Agent, path: &str, lines: &[Value]) -> Vec<(String, String)> {
    let file = file(kind, path);
    let (cleaner, found) = (Cleaner::default(), Mutex::new(Vec::new()));
    let each = |found_one| {
        if let Scanned::Title(title) = found_one {
            found.lock().unwrap().push((title.session.to_string(), title.title));
        }
    };
    UsageLines::new(&file, &cleaner, &each).title(&bytes(lines));
    found.into_inner().unwrap()
}
