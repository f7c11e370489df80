//! All usage in real folders, on several threads: the same calls as line by line.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use forgecast_ingest::decode::scan::{ScanRoots, ScanSummary, ScannedCall, usage};
use forgecast_ingest::decode::transcript::{Depth, TranscriptKind};
use serde_json::json;

use super::told::{bytes, calls, read};
use super::{claude, codex, foundry, spoken};

fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn scanned(root: &Path, threads: usize) -> (ScanSummary, BTreeMap<String, Vec<ScannedCall>>) {
    let found = Mutex::new(BTreeMap::<String, Vec<ScannedCall>>::new());
    let roots = ScanRoots {
        claude: vec![root.to_owned(), root.join("not-there")],
        codex: vec![root.to_owned()],
        foundry: vec![root.to_owned()],
    };
    let summary = usage(&roots, threads, |call| {
        let name = call.file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        found.lock().unwrap().entry(name).or_default().push(call);
    });
    (summary, found.into_inner().unwrap())
}

const ROLLOUT: &str = "0199a1b2-0000-7000-8000-0123456789ab";

#[test]
fn every_transcript_is_found_and_read_as_line_by_line() {
    let root = tempfile::tempdir().unwrap();
    let rollout = codex::path(ROLLOUT);
    let files = [
        (
            "projects/-srv-weather/5f1c.jsonl",
            TranscriptKind::Claude,
            claude::conversation(),
        ),
        (
            "projects/-srv-weather/5f1c/subagents/agent-a77.jsonl",
            TranscriptKind::Claude,
            claude::conversation(),
        ),
        (
            "projects/-srv-weather/agent-b88.jsonl",
            TranscriptKind::Claude,
            claude::conversation(),
        ),
        (rollout.as_str(), TranscriptKind::Codex, codex::rollout()),
    ];
    for (path, _, lines) in &files {
        write(root.path(), path, &bytes(lines));
    }
    write(root.path(), foundry::PATH, &bytes(&foundry::events()));
    write(root.path(), "projects/-srv-weather/notes.md", b"\"usage\"");
    write(root.path(), "projects/-srv-weather/empty.jsonl", b"");
    std::os::unix::fs::symlink("5f1c.jsonl", root.path().join("projects/-srv-weather/link.jsonl")).unwrap();
    for threads in [1, 3] {
        let (summary, found) = scanned(root.path(), threads);
        assert_eq!((summary.files, summary.bad, summary.problems.len()), (5, 0, 0));
        assert_eq!(
            summary.calls,
            found.values().map(|calls| calls.len() as u64).sum::<u64>()
        );
        for (path, kind, lines) in &files {
            let mut expected = calls(&read(*kind, path, lines, Depth::UsageOnly));
            for call in &mut expected {
                call.tools.clear();
            }
            // Lines that differ only in the tools they name are one account here.
            let same = |one: &forgecast_protocol::event::CallReported,
                        other: &forgecast_protocol::event::CallReported| {
                one.call == other.call && one.tokens == other.tokens
            };
            expected.dedup_by(|later, first| same(later, first));
            let found = &found[*path];
            let reports: Vec<_> = found.iter().map(|call| call.report.clone()).collect();
            assert_eq!(reports, expected, "{path}");
            assert!(
                found
                    .iter()
                    .all(|call| call.directory.as_deref() == Some("/srv/weather"))
            );
            let session = if *kind == TranscriptKind::Codex {
                ROLLOUT
            } else {
                "5f1c"
            };
            assert!(found.iter().all(|call| &*call.session == session), "{path}");
        }
        let reported = &found[foundry::PATH];
        assert_eq!(reported.len(), 1);
        assert_eq!(reported[0].report.model.as_deref(), Some("claude-opus-4-8"));
    }
}

#[test]
fn lines_longer_than_a_piece_and_a_last_line_without_an_end_are_read() {
    let root = tempfile::tempdir().unwrap();
    let long = |bytes: usize| json!({"type": "text", "text": "\"usage\" ".repeat(bytes / 8)});
    let lines = [
        spoken::said(1, "a", long(100), 1, None),
        spoken::said(2, "b", long(3 << 20), 2, None),
        spoken::said(3, "c", long(900_000), 3, None),
        spoken::said(4, "d", long(20 << 20), 4, None),
        spoken::said(5, "e", long(100), 5, None),
    ];
    let whole = bytes(&lines);
    write(root.path(), "projects/p/s.jsonl", &whole[..whole.len() - 1]);
    let (summary, found) = scanned(root.path(), 2);
    let outputs: Vec<u64> = found["projects/p/s.jsonl"]
        .iter()
        .map(|call| call.report.tokens.output)
        .collect();
    assert_eq!(outputs, [1, 2, 3, 5], "the one of 20 MiB is too long");
    assert_eq!((summary.bad, summary.bytes), (1, whole.len() as u64 - 1));
}

#[test]
fn a_large_file_read_in_parts_gives_each_line_once() {
    let root = tempfile::tempdir().unwrap();
    let mut whole = Vec::new();
    let filler = "x".repeat(40_000);
    let count = 3_600_u64;
    for number in 0..count {
        let part = json!({"type": "text", "text": &filler[..usize::try_from(number % 40).unwrap() * 1_000]});
        whole.extend(bytes(&[spoken::said(1, &number.to_string(), part, number + 1, None)]));
    }
    assert!(whole.len() > 65 << 20, "{}", whole.len());
    write(root.path(), "projects/p/s.jsonl", &whole);
    let (summary, found) = scanned(root.path(), 2);
    let mut outputs: Vec<u64> = found["projects/p/s.jsonl"]
        .iter()
        .map(|call| call.report.tokens.output)
        .collect();
    outputs.sort_unstable();
    assert_eq!(outputs, (1..=count).collect::<Vec<_>>());
    assert_eq!((summary.files, summary.bad), (1, 0));
}
