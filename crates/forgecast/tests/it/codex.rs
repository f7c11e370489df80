//! Families of Codex threads through the running binary: forks, chains of forks, sub-agents with
//! and without a copied history, in both forms that Codex writes, packed, moved and rewritten. Each
//! thread has what it used itself, and nothing else, whether its files are found or were followed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::transcripts::{Tokens, amount};
use crate::world::{Server, World, try_eventually};

/// Input, cached and output of one call, as Codex writes them.
type Call = [u64; 3];
type Expected = BTreeMap<String, (Tokens, u64)>;

/// How a thread came to be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Birth {
    Alone,
    /// A sub-agent that knows nothing of its parent's history.
    SpawnedEmpty,
    /// A sub-agent that begins with a copy, but for the records of calls.
    SpawnedWithCopy,
    /// A fork that begins with a copy, with or without the lines that say whose it was.
    Forked {
        names_ancestors: bool,
    },
}

#[derive(Clone, Debug)]
struct Plan {
    birth: Birth,
    /// Which of the threads before it is its parent.
    parent: prop::sample::Index,
    /// Calls, and whether one only compacts the context, which the totals do not tell.
    calls: Vec<(Call, bool)>,
    /// Writes a record of each call.
    records: bool,
    /// A copy keeps the times of its lines.
    keeps_times: bool,
    archived: bool,
    packed: bool,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let birth = prop_oneof![
        1 => Just(Birth::Alone),
        2 => Just(Birth::SpawnedEmpty),
        2 => Just(Birth::SpawnedWithCopy),
        3 => any::<bool>().prop_map(|names_ancestors| Birth::Forked { names_ancestors }),
    ];
    // Few different numbers, so that threads use the same ones by chance.
    let call = prop::sample::select(vec![[1_000, 200, 50], [1_000, 0, 50], [2_500, 2_000, 7]]);
    let calls = prop::collection::vec((call, prop::bool::weighted(0.2)), 0..4);
    let how = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let plan = (birth, any::<prop::sample::Index>(), calls, how).prop_map(|(birth, parent, calls, how)| {
        let (records, keeps_times, archived, packed) = how;
        Plan {
            birth,
            parent,
            calls,
            records,
            keeps_times,
            archived,
            packed,
        }
    });
    prop::collection::vec(plan, 1..7)
}

/// One thread, written.
struct Thread {
    id: String,
    lines: Vec<Value>,
    /// The totals at the end of its file.
    total: Call,
    /// A version that writes a record of each call; no older one goes on with what it wrote.
    records: bool,
    folder: &'static str,
    packed: bool,
}

impl Thread {
    fn bytes(&self) -> Vec<u8> {
        self.lines
            .iter()
            .flat_map(|line| format!("{line}\n").into_bytes())
            .collect()
    }

    fn path(&self, world: &World, folder: &str, packed: bool) -> PathBuf {
        let ending = if packed { ".zst" } else { "" };
        let name = format!("rollout-2026-11-21T08-00-00-{}.jsonl{ending}", self.id);
        world.path("home/.codex").join(folder).join(name)
    }

    fn write(&self, world: &World, folder: &str, packed: bool, bytes: &[u8]) {
        let path = self.path(world, folder, packed);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let bytes = if packed {
            zstd::encode_all(bytes, 3).unwrap()
        } else {
            bytes.to_vec()
        };
        fs::write(path, bytes).unwrap();
    }
}

const FOLDERS: [&str; 2] = ["sessions/2026/11/21", "archived_sessions"];

fn at(milliseconds: u64) -> String {
    let begin: jiff::Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
    let at = begin + jiff::SignedDuration::from_millis(milliseconds.try_into().unwrap());
    format!("{at:.3}")
}

fn usage([input, cached, output]: Call) -> Value {
    json!({"input_tokens": input, "cached_input_tokens": cached, "output_tokens": output, "reasoning_output_tokens": 0,
        "total_tokens": input + output})
}

fn sum(one: Call, other: Call) -> Call {
    std::array::from_fn(|at| one[at] + other[at])
}

fn id(number: usize) -> String {
    format!("0199a1b2-0000-7000-8000-00000000000{number}")
}

/// The threads of a family, each begun an hour after the one before it, and what each used itself.
fn family(plans: &[Plan]) -> (Vec<Thread>, Expected) {
    let (mut threads, mut expected) = (Vec::<Thread>::new(), Expected::new());
    for (number, plan) in plans.iter().enumerate() {
        let begun = number as u64 * 3_600_000;
        let parent = (number > 0).then(|| &threads[plan.parent.index(number)]);
        let mut thread = Thread {
            id: id(number),
            lines: Vec::new(),
            total: [0; 3],
            records: plan.records || parent.is_some_and(|parent| parent.records && plan.birth != Birth::Alone),
            folder: FOLDERS[usize::from(plan.archived)],
            packed: plan.packed,
        };
        begin(&mut thread, plan, parent, begun);
        let mut used = ([0; 4], 0);
        for (call, (tokens, compacts)) in plan.calls.iter().enumerate() {
            let now = begun + (call as u64 + 1) * 60_000;
            let compacts = *compacts && thread.records;
            spend(&mut thread, call, *tokens, compacts, now);
            let [input, cached, output] = *tokens;
            used.0 = [used.0[0] + input - cached, used.0[1] + output, used.0[2] + cached, 0];
            used.1 += 1;
        }
        if used.1 > 0 {
            expected.insert(thread.id.clone(), used);
        }
        threads.push(thread);
    }
    (threads, expected)
}

fn begin(thread: &mut Thread, plan: &Plan, parent: Option<&Thread>, begun: u64) {
    let mut meta = json!({"id": thread.id, "cwd": "/srv/weather"});
    let mut copied = Vec::new();
    match (plan.birth, parent) {
        (Birth::Alone, _) | (_, None) => {}
        (Birth::SpawnedEmpty | Birth::SpawnedWithCopy, Some(parent)) => {
            meta["source"] = json!({"subagent": {"thread_spawn": {"parent_thread_id": parent.id, "depth": 1}}});
            if plan.birth == Birth::SpawnedWithCopy {
                let kept = |line: &&Value| line["type"] != "token_usage_record";
                copied.extend(parent.lines.iter().filter(kept).cloned());
                // Older versions, those without records, went on with the parent's total.
                thread.total = if thread.records { [0; 3] } else { parent.total };
            }
        }
        (Birth::Forked { names_ancestors }, Some(parent)) => {
            meta["forked_from_id"] = json!(parent.id);
            let kept = |line: &&Value| names_ancestors || line["type"] != "session_meta";
            copied.extend(parent.lines.iter().filter(kept).cloned());
            thread.total = parent.total;
        }
    }
    thread
        .lines
        .push(json!({"timestamp": at(begun), "type": "session_meta", "payload": meta}));
    for (number, mut line) in copied.into_iter().enumerate() {
        if !plan.keeps_times {
            line["timestamp"] = json!(at(begun + 2 + number as u64));
        }
        thread.lines.push(line);
    }
    let context = json!({"cwd": "/srv/weather", "model": "gpt-5.4"});
    thread
        .lines
        .push(json!({"timestamp": at(begun + 500), "type": "turn_context", "payload": context}));
}

/// A call: its record, and the totals after it, told twice.
fn spend(thread: &mut Thread, call: usize, tokens: Call, compacts: bool, now: u64) {
    if thread.records {
        let response = format!("resp_{}_{call}", thread.id);
        // The total of the records goes its own way: a compaction is in it.
        let total = sum(thread.total, [call as u64, 0, 0]);
        thread.lines.push(json!({"timestamp": at(now), "type": "token_usage_record", "payload": {
            "thread_id": thread.id, "response_id": response, "usage": usage(tokens), "thread_token_usage": usage(sum(total, tokens))}}));
    }
    if !compacts {
        thread.total = sum(thread.total, tokens);
        let info = json!({"total_token_usage": usage(thread.total), "last_token_usage": usage(tokens), "model_context_window": 272_000});
        for later in [1, 9] {
            let payload = json!({"type": "token_count", "info": info, "rate_limits": null});
            thread
                .lines
                .push(json!({"timestamp": at(now + later), "type": "event_msg", "payload": payload}));
        }
    }
}

fn by_session(report: &Value) -> Expected {
    let rows = report["rows"].as_array().unwrap().iter();
    rows.map(|row| (row["session"].as_str().unwrap().to_owned(), amount(row)))
        .collect()
}

fn scanned(world: &World) -> Expected {
    let (code, stdout, stderr) = world.run(&["usage", "--by", "session", "--json"]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    by_session(&serde_json::from_str(&stdout).unwrap())
}

fn counted_when(server: &Server, expected: &Expected) {
    let mut last = Expected::new();
    let found = try_eventually(|| {
        last = by_session(&server.json("/api/v1/stats?group_by=session"));
        (last == *expected).then_some(())
    });
    assert!(found.is_some(), "never {expected:#?}; last: {last:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_thread_of_a_family_has_what_it_used_itself(plans in plans()) {
        let world = World::new();
        let (threads, expected) = family(&plans);
        for thread in &threads {
            thread.write(&world, thread.folder, thread.packed, &thread.bytes());
        }
        prop_assert_eq!(scanned(&world), expected);
    }
}

/// The threads of a family grow in turns, are moved, packed and unpacked, under a server that is
/// killed in between.
#[test]
fn a_family_that_is_followed_counts_what_one_that_is_found_counts() {
    let mut runner = TestRunner::deterministic();
    for seed in 0..6 {
        let plans = plans().new_tree(&mut runner).unwrap().current();
        let (threads, expected) = family(&plans);
        let world = World::new();
        let mut rng = fastrand::Rng::with_seed(seed);
        // Where each file is, in which form, and how many of its bytes are written.
        let mut states = vec![(FOLDERS[0], false, 0); threads.len()];
        let mut server = world.serve();
        for step in 0..40 {
            if step % 13 == 12 {
                let errors = server.kill();
                assert!(!errors.contains("panicked"), "{errors}");
                server = world.serve();
                continue;
            }
            let which = rng.usize(..threads.len());
            let (thread, state) = (&threads[which], &mut states[which]);
            let old = thread.path(&world, state.0, state.1);
            let all = thread.bytes();
            match rng.u8(..8) {
                0 if old.exists() => {
                    state.0 = FOLDERS[usize::from(state.0 == FOLDERS[0])];
                    let new = thread.path(&world, state.0, state.1);
                    fs::create_dir_all(new.parent().unwrap()).unwrap();
                    fs::rename(&old, new).unwrap();
                }
                1 if old.exists() => {
                    state.1 = !state.1;
                    thread.write(&world, state.0, state.1, &all[..state.2]);
                    fs::remove_file(&old).unwrap();
                }
                _ if !state.1 => {
                    state.2 = (state.2 + rng.usize(1..900)).min(all.len());
                    thread.write(&world, state.0, false, &all[..state.2]);
                }
                _ => {}
            }
        }
        for (thread, (folder, packed, _)) in threads.iter().zip(&states) {
            thread.write(&world, folder, *packed, &thread.bytes());
        }
        counted_when(&server, &expected);
        assert!(server.stop().success());
        assert_eq!(scanned(&world), expected);
        counted_when(&world.serve(), &expected);
    }
}
