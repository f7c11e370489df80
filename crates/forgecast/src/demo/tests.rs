//! What a build of the demo must be: playable twice to the byte, in the right order, never stuck.

use super::writer::Action;
use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn spec(index: usize, seed: u64) -> BuildSpec<'static> {
    BuildSpec {
        blueprint: &content::BLUEPRINTS[index],
        session: content::BLUEPRINTS[index].name,
        run: 1,
        seed,
        claude: Path::new("/demo/claude"),
        folder: Path::new("/demo/project"),
    }
}

fn phases(steps: &[Step]) -> Vec<serde_json::Value> {
    steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Write { path, text, .. } if path.ends_with("current-phase.json") => {
                Some(serde_json::from_str(text).unwrap())
            }
            _ => None,
        })
        .collect()
}

#[test]
fn the_same_seed_writes_the_same_build_and_another_seed_another() {
    let begin = Timestamp::from_millis(1_790_000_000_000);
    let once = script::write(&spec(0, 7), begin, 1.0);
    assert_eq!(once, script::write(&spec(0, 7), begin, 1.0));
    assert_ne!(once, script::write(&spec(0, 8), begin, 1.0));
}

#[test]
fn a_build_takes_three_to_four_minutes_at_speed_one() {
    for index in 0..content::BLUEPRINTS.len() {
        for seed in 0..20 {
            let steps = script::write(&spec(index, seed), Timestamp::default(), 1.0);
            let length = steps.last().unwrap().at_ms;
            assert!((120_000..300_000).contains(&length), "{index}: {length} ms");
        }
    }
}

#[test]
fn a_failing_round_of_tests_loops_back_and_the_build_ends_with_feedback() {
    let steps = script::write(&spec(0, 1), Timestamp::default(), 1.0);
    let mut order = Vec::new();
    for file in phases(&steps) {
        let phase = file["current_phase"].as_str().unwrap().to_owned();
        if order.last() != Some(&phase) {
            order.push(phase);
        }
    }
    insta::assert_snapshot!(order.join(" > "), @"Scout > Architect > Builder > Test > Architect > Builder > Test > Screenshot > Documentation > Deploy > Feedback");
    assert_eq!(phases(&steps).last().unwrap()["status"], "completed");
}

#[test]
fn one_project_gives_up_and_says_so() {
    let index = content::BLUEPRINTS.iter().position(|one| one.fails).unwrap();
    let steps = script::write(&spec(index, 1), Timestamp::default(), 1.0);
    assert_eq!(phases(&steps).last().unwrap()["status"], "failed");
}

/// The lines of each transcript of a list of steps, by file.
fn transcripts(steps: &[Step]) -> BTreeMap<PathBuf, Vec<serde_json::Value>> {
    let mut files = BTreeMap::<PathBuf, Vec<_>>::new();
    for step in steps {
        if let Action::Append { path, text } = &step.action
            && path.is_absolute()
        {
            let lines = files.entry(path.clone()).or_default();
            lines.push(serde_json::from_str(text).unwrap());
        }
    }
    files
}

/// What is called for in each call, in order: id, context, and output from line to line.
fn calls(lines: &[serde_json::Value]) -> Vec<(String, u64, Vec<u64>)> {
    let mut calls = Vec::<(String, u64, Vec<u64>)>::new();
    for message in lines.iter().map(|line| &line["message"]) {
        let usage = &message["usage"];
        let Some(output) = usage["output_tokens"].as_u64() else {
            continue;
        };
        let names = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
        let context = names.iter().filter_map(|name| usage[name].as_u64()).sum();
        let id = message["id"].as_str().unwrap();
        match calls.last_mut().filter(|call| call.0 == id) {
            Some(call) => call.2.push(output),
            None => calls.push((id.to_owned(), context, vec![output])),
        }
    }
    calls
}

#[test]
fn the_agent_of_a_build_writes_what_agents_write() {
    for index in 0..content::BLUEPRINTS.len() {
        for seed in 0..8 {
            let begin = Timestamp::from_millis(1_790_000_000_000);
            let files = transcripts(&script::write(&spec(index, seed), begin, 1.0));
            let issues = content::BLUEPRINTS[index].issues.len();
            assert_eq!(
                files.len(),
                2 + issues,
                "itself, a plan, and one for each thing to mend"
            );
            let mut ids = BTreeSet::new();
            for (file, lines) in &files {
                let times: Vec<_> = lines.iter().map(|line| line["timestamp"].as_str().unwrap()).collect();
                assert!(times.is_sorted(), "{}", file.display());
                assert!(lines.iter().all(|line| line["cwd"] == "/demo/project"));
                let calls = calls(lines);
                assert!(calls.iter().all(|call| call.2.is_sorted()));
                assert!(calls.iter().all(|call| ids.insert(call.0.clone())), "no call twice");
                let is_helper = file.to_string_lossy().contains("/subagents/agent-");
                assert_eq!(lines.iter().all(|line| line["isSidechain"] == true), is_helper);
                let compacted = lines
                    .iter()
                    .filter(|line| line["subtype"] == "compact_boundary")
                    .count();
                let falls = calls.windows(2).filter(|pair| pair[1].1 < pair[0].1).count();
                assert_eq!(falls, compacted, "the context grows until it is summed up");
                if !is_helper {
                    let shares = calls.iter().map(|call| call.1 * 100 / 200_000);
                    assert!(shares.clone().all(|share| (20..=80).contains(&share)));
                    assert!((30..90).contains(&calls.len()), "{}", calls.len());
                    assert_eq!(lines.last().unwrap()["message"]["stop_reason"], "end_turn");
                }
            }
        }
    }
}

#[test]
fn the_same_seed_uses_the_same_tokens_in_other_calls_whenever_it_is_played() {
    let used = |begin| {
        let files = transcripts(&script::write(&spec(1, 5), Timestamp::from_millis(begin), 1.0));
        let calls: Vec<_> = files.values().flat_map(|lines| calls(lines)).collect();
        let ids: BTreeSet<String> = calls.iter().map(|call| call.0.clone()).collect();
        let mut amounts: Vec<_> = calls.into_iter().map(|call| (call.1, call.2)).collect();
        amounts.sort_unstable();
        (ids, amounts)
    };
    let (first, second) = (used(1_790_000_000_000), used(1_790_000_400_000));
    assert!(first.0.is_disjoint(&second.0));
    assert_eq!(first.1, second.1);
}

#[test]
fn the_agent_without_a_build_goes_on_in_one_file_with_new_calls_each_round() {
    let workspace = Workspace {
        claude: PathBuf::from("/demo/claude"),
        folder: PathBuf::from("/demo/notes"),
        session: "s".to_owned(),
        begins_at: Timestamp::from_millis(1_790_000_000_000),
        speed: 1.0,
    };
    let mut ids = BTreeSet::new();
    for round in 0..3 {
        let seed = seed_of(1, u32::MAX, round);
        let steps = side_tasks::write(workspace.clone(), round, seed);
        let files = transcripts(&steps);
        let (file, lines) = files.first_key_value().unwrap();
        assert_eq!(
            (files.len(), file.to_str()),
            (1, Some("/demo/claude/projects/-demo-notes/s.jsonl"))
        );
        for (id, context, _) in calls(lines) {
            assert!(ids.insert(id));
            assert!((40_000..160_000).contains(&context), "{context}");
        }
        let turns = lines.iter().filter(|line| line["message"]["stop_reason"] == "end_turn");
        assert!(turns.count() >= 3);
        assert!(lines[0]["message"]["content"].is_string(), "it begins with a prompt");
        assert!((120..360).contains(&(steps.last().unwrap().at_ms / 1_000)));
    }
}

#[test]
fn every_slot_has_folders_of_its_own() {
    for builds in [1, 3, 5, 6, 20] {
        let mut taken = BTreeSet::new();
        for number in 0..builds {
            let folders: BTreeSet<String> = (0..8).map(|round| assignment(builds, number, round).1).collect();
            for folder in folders {
                assert!(taken.insert(folder.clone()), "{folder} is used twice of {builds}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn played_once_it_leaves_what_the_last_step_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        into: folder.path().to_owned(),
        claude: folder.path().join("claude"),
        builds: 2,
        speed: 50.0,
        seed: 3,
        once: true,
    };
    let clock = Clock::new(Timestamp::default);
    let demo = Demo::prepare(&options, &clock).await.unwrap();
    demo.play(CancellationToken::new()).await.unwrap();
    for project in ["weather-app", "chess-engine"] {
        let left = folder.path().join(project).join(".context-foundry");
        let phase = std::fs::read_to_string(left.join("current-phase.json")).unwrap();
        let phase: serde_json::Value = serde_json::from_str(&phase).unwrap();
        assert_eq!(phase["current_phase"], "Feedback");
        assert!(left.join("session-summary.json").exists());
        assert!(left.join("patterns/common-issues.json").exists());
    }
    let agents = std::fs::read_dir(folder.path().join("claude/projects")).unwrap();
    assert_eq!(agents.count(), 3, "one for each build, and one beside them");
}
