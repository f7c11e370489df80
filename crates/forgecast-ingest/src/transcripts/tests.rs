mod packed;

use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use forgecast_protocol::{Batch, Fact};
use proptest::prelude::*;

use super::*;
use crate::watch::Watcher;
use crate::work::Unread;
use forgecast_decode::clean::Cleaner;

/// What happens to the files and to us.
#[derive(Clone, Debug)]
enum Step {
    /// So many bytes more of a file's text are in it.
    Append(usize, usize),
    /// The file has another name from now on.
    Rename(usize),
    /// Nobody has written to it for months.
    Age(usize),
    /// A look, and so many pieces of work on what waits.
    Work(usize),
    /// A new life with what was stored.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3_usize, 1..2_000_usize).prop_map(|(file, bytes)| Step::Append(file, bytes)),
        1 => (0..3_usize).prop_map(Step::Rename),
        1 => (0..3_usize).prop_map(Step::Age),
        3 => (0..4_usize).prop_map(Step::Work),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..40)
}

fn context() -> Context {
    Context {
        cleaner: Cleaner::new(forgecast_decode::mask::Rules::default()),
        clock: crate::system_clock(),
        watcher: Watcher::none(),
        roots: Vec::new(),
        home: None,
        host: None,
        archive_after_ms: 3_600_000,
        away_ms: 0,
    }
}

/// The whole text of a file: calls, noise, and lines that cannot be read.
fn text(file: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for line in 0..25 {
        if line % 7 == 3 {
            text.extend_from_slice(b"{\"type\":\"noise\"}\n\xff not a line\r\n\n");
        }
        let padding = "x".repeat(line * 37 % 400);
        let record = format!(
            r#"{{"type":"assistant","padding":"{padding}","timestamp":"2026-11-20T08:00:00.000Z","requestId":"r{file}-{line}","message":{{"id":"m{file}-{line}","model":"claude-opus-4-8","usage":{{"input_tokens":{line},"output_tokens":1}}}}}}"#
        );
        text.extend_from_slice(record.as_bytes());
        text.push(b'\n');
    }
    text
}

/// The files as they are and what was told of them.
struct World {
    home: tempfile::TempDir,
    names: [String; 3],
    renamed: usize,
    left: [Vec<u8>; 3],
    transcripts: Transcripts,
    known: BTreeMap<SourceKey, SourceCheckpoint>,
    told: Vec<(String, u64)>,
    context: Context,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("projects/-srv-app/s0/subagents")).unwrap();
        Self {
            names: ["s0", "s1", "s0/subagents/agent-a"].map(|name| format!("{name}.jsonl")),
            renamed: 0,
            left: [text(0), text(1), text(2)],
            transcripts: transcripts(home.path(), BTreeMap::new()),
            known: BTreeMap::new(),
            told: Vec::new(),
            context: context(),
            home,
        }
    }

    fn path(&self, file: usize) -> PathBuf {
        self.home.path().join("projects/-srv-app").join(&self.names[file])
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Append(file, bytes) => {
                let path = self.path(file);
                let bytes = bytes.min(self.left[file].len());
                let part: Vec<u8> = self.left[file].drain(..bytes).collect();
                let mut options = std::fs::OpenOptions::new();
                let mut opened = options.append(true).create(true).open(path).unwrap();
                opened.write_all(&part).unwrap();
            }
            Step::Rename(file) => {
                let old = self.path(file);
                self.renamed += 1;
                self.names[file] = format!("renamed{}.jsonl", self.renamed);
                if old.exists() {
                    std::fs::rename(old, self.path(file)).unwrap();
                }
            }
            Step::Age(file) => {
                if let Ok(file) = std::fs::File::open(self.path(file)) {
                    file.set_modified(UNIX_EPOCH + Duration::from_secs(1_770_000_000))
                        .unwrap();
                }
            }
            Step::Work(pieces) => {
                self.work(ScanDepth::Full, false);
                for _ in 0..pieces {
                    self.work(ScanDepth::Named, true);
                }
            }
            Step::Restart => {
                let root = self.home.path().join("projects/-srv-app/");
                let root = root.to_str().unwrap();
                let known = self
                    .known
                    .iter()
                    .filter(|(_, known)| **known != SourceCheckpoint::default());
                let known = known.map(|(key, known)| (key.0.strip_prefix(root).unwrap().to_owned(), known.clone()));
                self.transcripts = transcripts(self.home.path(), known.collect());
            }
        }
    }

    fn work(&mut self, depth: ScanDepth, read: bool) -> Unread {
        let work = Work {
            depth,
            live: read,
            archives: read,
            ..Work::default()
        };
        let outcome = self.transcripts.work(&work, &self.context);
        let Batch {
            events, checkpoints, ..
        } = outcome.batch;
        self.known.extend(checkpoints);
        self.told
            .extend(events.into_iter().filter_map(|event| match event.fact {
                Fact::CallReported(call) => Some((call.call.message?, call.offset)),
                _ => None,
            }));
        outcome.unread
    }
}

fn transcripts(home: &Path, known: BTreeMap<String, SourceCheckpoint>) -> Transcripts {
    Transcripts::new(
        Agent::by_key("claude").unwrap(),
        home.to_owned(),
        PathBuf::from("projects/-srv-app"),
        known,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_files_grow_are_renamed_and_left_behind_each_call_is_told_once(steps in steps()) {
        let mut world = World::new();
        let expected: BTreeSet<String> =
            (0..3).flat_map(|file| (0..25).map(move |line| format!("m{file}-{line}"))).collect();
        for step in &steps {
            world.step(step);
        }
        for file in 0..3 {
            world.step(&Step::Append(file, usize::MAX));
        }
        while world.work(ScanDepth::Rescan, true) != Unread::default() {}
        prop_assert_eq!(world.told.len(), expected.len());
        let told: BTreeSet<String> = world.told.iter().map(|(message, _)| message.clone()).collect();
        prop_assert_eq!(told, expected);
        // Where a call stands is where it stands, whatever was read before.
        for (message, offset) in &world.told {
            let file: usize = message[1..2].parse().unwrap();
            let at = usize::try_from(*offset).unwrap();
            let whole = text(file);
            let line = whole[at..].split(|byte| *byte == b'\n').next().unwrap();
            let wanted = format!("\"{message}\"");
            prop_assert!(String::from_utf8_lossy(line).contains(&wanted));
        }
    }
}
