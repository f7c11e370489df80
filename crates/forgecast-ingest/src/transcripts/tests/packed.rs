//! Rollouts that are packed, unpacked and moved while they are followed, or while nobody looks.

use super::*;

const FOLDERS: [&str; 2] = ["sessions/2026/11/21", "archived_sessions"];

/// What happens to the rollouts and to us.
#[derive(Clone, Debug)]
enum Step {
    Append(usize, usize),
    /// The file takes its other form; the old one goes away at once, or after a look.
    Repack(usize, bool),
    /// The file moves to the other folder.
    Move(usize),
    Age(usize),
    /// So many pieces of work on what waits.
    Work(usize),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let file = || 0..2_usize;
    let step = prop_oneof![
        4 => (file(), 1..2_000_usize).prop_map(|(file, bytes)| Step::Append(file, bytes)),
        2 => (file(), any::<bool>()).prop_map(|(file, at_once)| Step::Repack(file, at_once)),
        1 => file().prop_map(Step::Move),
        1 => file().prop_map(Step::Age),
        3 => (0..4_usize).prop_map(Step::Work),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..40)
}

fn id(file: usize) -> String {
    format!("0199a1b2-0000-7000-8000-00000000000{file}")
}

/// A rollout: calls, each known by its response, and noise.
fn rollout(file: usize) -> Vec<u8> {
    let mut lines = format!(
        "{{\"type\":\"session_meta\",\"payload\":{{\"id\":\"{}\"}}}}\n",
        id(file)
    );
    for call in 0..25 {
        let padding = "x".repeat(call * 37 % 400);
        lines.push_str(&format!("{{\"type\":\"noise\",\"padding\":\"{padding}\"}}\n"));
        lines.push_str(&format!(
            r#"{{"timestamp":"2026-11-20T08:00:00.000Z","type":"token_usage_record","payload":{{"response_id":"r{file}-{call}","usage":{{"input_tokens":{call},"output_tokens":1}}}}}}"#
        ));
        lines.push('\n');
    }
    lines.into_bytes()
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

struct Rollouts {
    home: tempfile::TempDir,
    folder: [usize; 2],
    is_packed: [bool; 2],
    left: [Vec<u8>; 2],
    transcripts: Transcripts,
    known: BTreeMap<SourceKey, SourceCheckpoint>,
    told: Vec<String>,
    /// Files that could not be read, each time it was reported.
    problems: usize,
    context: Context,
}

fn followed(home: &Path, known: BTreeMap<String, SourceCheckpoint>) -> Transcripts {
    let codex = Agent::by_key("codex").unwrap();
    Transcripts::new(codex, home.to_owned(), PathBuf::new(), known)
}

impl Rollouts {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        for folder in FOLDERS {
            std::fs::create_dir_all(home.path().join(folder)).unwrap();
        }
        Self {
            folder: [0, 0],
            is_packed: [false, false],
            left: [rollout(0), rollout(1)],
            transcripts: followed(home.path(), BTreeMap::new()),
            known: BTreeMap::new(),
            told: Vec::new(),
            problems: 0,
            context: context(),
            home,
        }
    }

    fn path(&self, file: usize) -> PathBuf {
        let ending = if self.is_packed[file] { ".zst" } else { "" };
        let name = format!("rollout-2026-11-21T08-00-00-{}.jsonl{ending}", id(file));
        self.home.path().join(FOLDERS[self.folder[file]]).join(name)
    }

    /// Only whole lines are packed.
    fn repack(&mut self, file: usize, at_once: bool) {
        let old = self.path(file);
        if old.exists() && !self.is_packed[file] {
            let end = self.left[file].iter().position(|byte| *byte == b'\n');
            self.step(&Step::Append(file, end.map_or(0, |end| end + 1)));
        }
        let Ok(bytes) = std::fs::read(&old) else { return };
        let bytes = match self.is_packed[file] {
            true => zstd::decode_all(&bytes[..]).unwrap(),
            false => pack(&bytes),
        };
        self.is_packed[file] ^= true;
        std::fs::write(self.path(file), bytes).unwrap();
        if !at_once {
            self.work(ScanDepth::Rescan, false);
        }
        std::fs::remove_file(old).unwrap();
        self.work(ScanDepth::Rescan, false);
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Append(file, bytes) => {
                if self.is_packed[file] {
                    self.repack(file, true);
                }
                let bytes = bytes.min(self.left[file].len());
                let part: Vec<u8> = self.left[file].drain(..bytes).collect();
                let mut options = std::fs::OpenOptions::new();
                let mut opened = options.append(true).create(true).open(self.path(file)).unwrap();
                opened.write_all(&part).unwrap();
            }
            Step::Repack(file, at_once) => self.repack(file, at_once),
            Step::Move(file) => {
                let old = self.path(file);
                self.folder[file] ^= 1;
                if old.exists() {
                    std::fs::rename(old, self.path(file)).unwrap();
                }
                self.work(ScanDepth::Rescan, false);
            }
            Step::Age(file) => {
                if let Ok(file) = std::fs::File::open(self.path(file)) {
                    let long_ago = UNIX_EPOCH + Duration::from_secs(1_770_000_000);
                    file.set_modified(long_ago).unwrap();
                }
            }
            Step::Work(pieces) => {
                self.work(ScanDepth::Full, false);
                for _ in 0..pieces {
                    self.work(ScanDepth::Named, true);
                }
            }
            Step::Restart => {
                let root = format!("{}/", self.home.path().to_str().unwrap());
                let there = self
                    .known
                    .iter()
                    .filter(|(_, known)| **known != SourceCheckpoint::default());
                let known = there.map(|(key, known)| (key.0.strip_prefix(&root).unwrap().to_owned(), known.clone()));
                self.transcripts = followed(self.home.path(), known.collect());
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
        self.known.extend(outcome.batch.checkpoints);
        for event in outcome.batch.events {
            match event.fact {
                Fact::CallReported(call) => self.told.extend(call.call.message),
                Fact::ProblemFound(found) if !found.key.ends_with("#lines") => self.problems += 1,
                _ => {}
            }
        }
        outcome.unread
    }

    fn read_all(&mut self) {
        while self.work(ScanDepth::Rescan, true) != Unread::default() {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_rollouts_are_packed_unpacked_and_moved_no_call_is_lost(steps in steps(), packed in any::<bool>()) {
        let mut rollouts = Rollouts::new();
        for step in &steps {
            rollouts.step(step);
        }
        for file in 0..2 {
            rollouts.step(&Step::Append(file, usize::MAX));
            if packed {
                rollouts.repack(file, true);
            }
        }
        rollouts.read_all();
        let mut told = rollouts.told.clone();
        told.sort();
        // The number of a removed file may be given to another one, which is then read again: the same
        // calls, which the ledger knows.
        told.dedup();
        let calls = (0..2).flat_map(|file| (0..25).map(move |call| format!("codex:r{file}-{call}:{call}-0-0-1-0")));
        let mut expected: Vec<String> = calls.collect();
        expected.sort();
        prop_assert_eq!(told, expected);
        prop_assert_eq!(rollouts.problems, 0);
    }
}

#[test]
fn a_rollout_that_is_packed_and_unpacked_goes_on_where_it_was_read_to() {
    let mut rollouts = Rollouts::new();
    rollouts.step(&Step::Append(0, 2_000));
    for _ in 0..3 {
        rollouts.step(&Step::Work(3));
        rollouts.repack(0, false);
        rollouts.step(&Step::Work(3));
        rollouts.repack(0, false);
        rollouts.step(&Step::Restart);
        rollouts.step(&Step::Append(0, 900));
    }
    rollouts.step(&Step::Append(0, usize::MAX));
    rollouts.read_all();
    assert_eq!(rollouts.told.len(), 25, "{:?}", rollouts.told);
}

#[test]
fn a_packed_rollout_is_read_whole_where_nothing_is_known() {
    let mut rollouts = Rollouts::new();
    // The last line of a packed file is whole, with an end or without.
    rollouts.left[1].pop();
    for file in 0..2 {
        let packed = pack(&rollouts.left[file]);
        rollouts.is_packed[file] = true;
        std::fs::write(rollouts.path(file), packed).unwrap();
    }
    rollouts.read_all();
    assert_eq!(rollouts.told.len(), 50);
}

#[test]
fn another_file_under_the_name_is_read_from_its_beginning() {
    let mut rollouts = Rollouts::new();
    rollouts.step(&Step::Append(0, 3_000));
    rollouts.read_all();
    let before = rollouts.told.len();
    assert!(before > 0);
    std::fs::remove_file(rollouts.path(0)).unwrap();
    rollouts.is_packed[0] = true;
    std::fs::write(rollouts.path(0), pack(&rollout(1))).unwrap();
    rollouts.read_all();
    assert_eq!(rollouts.told.len(), before + 25);
}

#[test]
fn half_a_packed_file_is_a_problem_only_when_it_stays_one() {
    let mut rollouts = Rollouts::new();
    rollouts.is_packed[0] = true;
    let packed = pack(&rollout(0));
    std::fs::write(rollouts.path(0), &packed[..packed.len() / 2]).unwrap();
    rollouts.work(ScanDepth::Rescan, true);
    assert_eq!(rollouts.problems, 0);
    rollouts.work(ScanDepth::Rescan, true);
    assert_eq!(rollouts.problems, 1);
    // It is not read again and again.
    assert_eq!(rollouts.work(ScanDepth::Rescan, true), Unread::default());
    assert_eq!(rollouts.problems, 1);
    std::fs::write(rollouts.path(0), &packed).unwrap();
    rollouts.read_all();
    assert_eq!(rollouts.told.len(), 25);
    assert_eq!(rollouts.transcripts.status().problems, 0);
}
