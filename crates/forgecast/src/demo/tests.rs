//! What a build of the demo must be: playable twice to the byte, in the right order, never stuck.

use super::writer::Action;
use super::*;
use std::collections::BTreeSet;

fn cast(index: usize, seed: u64) -> Cast<'static> {
    Cast {
        blueprint: &content::BLUEPRINTS[index],
        session: content::BLUEPRINTS[index].name,
        run: 1,
        seed,
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
    let once = script::write(&cast(0, 7), begin, 1.0);
    assert_eq!(once, script::write(&cast(0, 7), begin, 1.0));
    assert_ne!(once, script::write(&cast(0, 8), begin, 1.0));
}

#[test]
fn a_build_takes_three_to_four_minutes_at_speed_one() {
    for index in 0..content::BLUEPRINTS.len() {
        for seed in 0..20 {
            let length = script::length_ms(&cast(index, seed));
            assert!((120_000..300_000).contains(&length), "{index}: {length} ms");
        }
    }
}

#[test]
fn a_failing_round_of_tests_loops_back_and_the_build_ends_with_feedback() {
    let steps = script::write(&cast(0, 1), Timestamp::default(), 1.0);
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
    let steps = script::write(&cast(index, 1), Timestamp::default(), 1.0);
    assert_eq!(phases(&steps).last().unwrap()["status"], "failed");
}

#[test]
fn every_slot_has_folders_of_its_own() {
    for builds in [1, 3, 5, 6, 20] {
        let mut taken = BTreeSet::new();
        for number in 0..builds {
            let slot = Slot {
                number,
                options: Options {
                    into: PathBuf::new(),
                    builds,
                    speed: 1.0,
                    seed: 1,
                    once: false,
                },
                clock: Clock::new(Timestamp::default),
            };
            let folders: BTreeSet<String> = (0..8).map(|round| slot.assignment(round).1).collect();
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
}
