//! All usage in real folders, on several threads: every line once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use forgecast_ingest::scan::{ScanOptions, ScanProgress, ScanSummary, Scanned, ScannedCall, usage};
use serde_json::{Value, json};

use crate::support::home_of;

fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn scanned(root: &Path, threads: usize) -> (ScanSummary, BTreeMap<String, Vec<ScannedCall>>) {
    let found = Mutex::new(BTreeMap::<String, Vec<ScannedCall>>::new());
    let roots = vec![
        home_of("claude", root),
        home_of("claude", &root.join("not-there")),
        home_of("codex", root),
        home_of("foundry", root),
    ];
    let furthest = Mutex::new(ScanProgress::default());
    let progress = |at: ScanProgress| {
        let mut furthest = furthest.lock().unwrap();
        furthest.total = at.total;
        furthest.done = furthest.done.max(at.done);
    };
    let options = ScanOptions { threads, titles: false };
    let summary = usage(&roots, options, progress, |found_one| {
        let Scanned::Call(call) = found_one else { return };
        let name = call.file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        found.lock().unwrap().entry(name).or_default().push(call);
    });
    let found = found.into_inner().unwrap();
    let files = found
        .keys()
        .map(|name| std::fs::metadata(root.join(name)).unwrap().len());
    let (on_disk, furthest) = (files.sum(), furthest.into_inner().unwrap());
    let all = ScanProgress {
        done: on_disk,
        total: on_disk,
    };
    assert_eq!(furthest, all, "all that is on the disk was read in the end");
    (summary, found)
}

/// A line of the model with one part and so many tokens of output.
fn reply(message: &str, part: &Value, output: u64) -> Vec<u8> {
    let line = json!({
        "type": "assistant", "sessionId": "5f1c", "cwd": "/srv/weather", "timestamp": "2026-11-21T08:00:01.250Z",
        "requestId": format!("req_{message}"), "message": {"id": format!("msg_{message}"), "type": "message",
            "role": "assistant", "model": "claude-opus-4-8", "content": [part],
            "usage": {"input_tokens": 3, "output_tokens": output}},
    });
    format!("{line}\n").into_bytes()
}

#[test]
fn every_transcript_is_found_and_nothing_else_is_read() {
    let root = tempfile::tempdir().unwrap();
    let paths = [
        "projects/-srv-weather/5f1c.jsonl",
        "projects/-srv-weather/5f1c/subagents/agent-a77.jsonl",
        "projects/-srv-weather/agent-b88.jsonl",
    ];
    for path in paths {
        write(
            root.path(),
            path,
            &reply("a", &json!({"type": "text", "text": "hello"}), 7),
        );
    }
    write(root.path(), "projects/-srv-weather/notes.md", b"\"usage\"");
    write(root.path(), "projects/-srv-weather/empty.jsonl", b"");
    std::os::unix::fs::symlink("5f1c.jsonl", root.path().join("projects/-srv-weather/link.jsonl")).unwrap();
    for threads in [1, 3] {
        let (summary, found) = scanned(root.path(), threads);
        assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), paths);
        assert_eq!((summary.files, summary.calls, summary.bad), (3, 3, 0));
        assert_eq!(summary.problems, []);
        for call in found.values().flatten() {
            assert_eq!(
                (&*call.session, call.directory.as_deref()),
                ("5f1c", Some("/srv/weather"))
            );
            assert_eq!(call.report.tokens.output, 7);
        }
    }
}

#[test]
fn lines_longer_than_a_piece_and_a_last_line_without_an_end_are_read() {
    let root = tempfile::tempdir().unwrap();
    let long = |bytes: usize| json!({"type": "text", "text": "\"usage\" ".repeat(bytes / 8)});
    let lines = [
        reply("a", &long(100), 1),
        reply("b", &long(3 << 20), 2),
        reply("c", &long(900_000), 3),
        reply("d", &long(20 << 20), 4),
        reply("e", &long(100), 5),
    ];
    let whole = lines.concat();
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
        whole.extend(reply(&number.to_string(), &part, number + 1));
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
