//! Documents that are seen while they are being written. What is half there is never shown; the last good state stands,
//! with the trouble beside it for as long as it lasts.

use serde_json::{Value, json};

use super::support::{Pulse, assert_conserved, assert_no_panic, building, write_in_place};
use crate::viewer::{Seen, Viewer, Wire};
use crate::world::{Project, World, eventually};

const ROUNDS: u64 = 30;
const PROJECTS_OF_A_KIND: usize = 4;

/// One kind of document: its name, its text for a round, and the round that a view shows of it, taken from the
/// document's first field and from its last.
struct Kind {
    word: &'static str,
    file: &'static str,
    text: fn(u64) -> Value,
    shown: fn(&Value) -> (Option<u64>, Option<u64>),
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.rsplit(' ').next()?.parse().ok(),
        other => other.as_u64(),
    }
}

const KINDS: [Kind; 5] = [
    Kind {
        word: "phase",
        file: "current-phase.json",
        text: |round| {
            json!({"current_phase": "Builder", "phase_number": "3/7", "phases_completed": ["Scout", "Architect"],
                "progress_detail": format!("writes the \u{201c}parser\u{201d}, round {round}"), "status": "building",
                "test_iteration": 1 + round, "started_at": "2026-01-01T10:00:00Z"})
        },
        shown: |view| {
            (
                number(&view["phase"]["detail"]),
                // An iteration of 0 would say that no test has run.
                number(&view["tests"]["iteration"]).map(|iteration| iteration - 1),
            )
        },
    },
    Kind {
        word: "summary",
        file: "session-summary.json",
        text: |round| {
            json!({"files_created": ["src/main.rs"], "phases_completed": ["Scout"], "test_iterations": 1,
                "tests_failing": round, "tests_passing": 100, "total_tests": 100 + round})
        },
        shown: |view| {
            let summary = &view["tests"]["summary"];
            (
                number(&summary["failed"]),
                number(&summary["total"]).map(|total| total - 100),
            )
        },
    },
    Kind {
        word: "feedback",
        file: "feedback/build-feedback-1.json",
        text: |round| {
            json!({"issues_found": [{"category": "Testing", "id": "one", "issue": format!("slow tests {round}"), "severity": "HIGH",
                "solution": format!("use a fake clock {round}")}], "success": true, "test_iterations": 2})
        },
        shown: |view| {
            let decision = &view["decisions"]["recent"][".context-foundry/feedback/build-feedback-1.json#one"];
            (number(&decision["title"]), number(&decision["solution"]))
        },
    },
    Kind {
        word: "tasks",
        file: "build-tasks.json",
        text: |round| {
            json!({"parallel_mode": true, "tasks": [
                {"dependencies": [], "description": format!("first {round}"), "files": ["a.rs"], "id": "a"},
                {"dependencies": ["a"], "description": format!("second {round}"), "files": ["b.rs"], "id": "b"}], "total_tasks": 2})
        },
        shown: |view| {
            let tasks = &view["progress"]["tasks"];
            (number(&tasks["a"]["description"]), number(&tasks["b"]["description"]))
        },
    },
    Kind {
        word: "patterns",
        file: "patterns/common-issues.json",
        text: |round| {
            json!({"patterns": [
                {"frequency": round, "pattern_id": "a", "severity": "HIGH", "title": "missing lock file"},
                {"frequency": round, "pattern_id": "b", "severity": "LOW", "title": "flaky clock"}]})
        },
        shown: |view| {
            let patterns = &view["patterns"];
            (number(&patterns["a"]["frequency"]), number(&patterns["b"]["frequency"]))
        },
    },
];

/// One document under test.
struct Case {
    kind: &'static Kind,
    project: Project,
    viewer: Option<Viewer>,
}

impl Case {
    fn viewer(&self) -> &Viewer {
        self.viewer.as_ref().unwrap()
    }

    /// Both ends of the document in the newest state.
    fn shown(&self, seen: &Seen) -> (Option<u64>, Option<u64>) {
        (self.kind.shown)(&seen.state)
    }

    fn is_broken(seen: &Seen) -> bool {
        let problems = seen.state["problems"].as_object();
        problems.is_some_and(|problems| problems.values().any(|problem| problem["kind"] == "unparsable"))
    }
}

/// F01, the live half: 600 prefixes written in place into 20 projects of a live server, each completed afterwards.
#[test]
fn a_half_written_document_is_a_problem_beside_the_last_good_state() {
    let world = World::new();
    let seed = 1;
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let text = |kind: &Kind, round: u64| serde_json::to_string_pretty(&(kind.text)(round)).unwrap();
    let mut cases = Vec::new();
    for kind in &KINDS {
        for index in 0..PROJECTS_OF_A_KIND {
            let name = format!("{}-{index}", kind.word);
            let project = world.project(&name);
            project.phase(&building(&name, "beside it"));
            write_in_place(&project, kind.file, text(kind, 0));
            cases.push(Case {
                kind,
                project,
                viewer: None,
            });
        }
    }
    let server = world.serve();
    for case in &mut cases {
        let name = case.project.folder.file_name().unwrap().to_str().unwrap().to_owned();
        server.view_when(&name, |view| (case.kind.shown)(view).1 == Some(0));
        case.viewer = Some(Viewer::of(&server, &name, Wire::WebSocket, None));
    }
    let pulse = Pulse::of(&server);
    let mut prefixes = 0;
    for round in 1..=ROUNDS {
        for case in &cases {
            let whole = text(case.kind, round);
            // Any byte but the last: a letter of several bytes may be cut, too.
            let cut = rng.usize(0..whole.len() - 1);
            write_in_place(&case.project, case.kind.file, &whole.as_bytes()[..cut]);
            prefixes += 1;
        }
        for case in &cases {
            case.viewer()
                .until("the trouble is shown beside the last good state", |seen| {
                    let before = Some(round - 1);
                    assert_eq!(case.shown(seen), (before, before), "{}", case.kind.word);
                    Case::is_broken(seen).then_some(())
                });
        }
        for case in &cases {
            write_in_place(&case.project, case.kind.file, text(case.kind, round));
        }
        for case in &cases {
            case.viewer().until("the whole document, without trouble", |seen| {
                let now = Some(round);
                (case.shown(seen) == (now, now) && !Case::is_broken(seen)).then_some(())
            });
        }
    }
    assert_eq!(prefixes, 600);
    for case in &cases {
        case.viewer().until("all states", |seen| {
            for state in &seen.states {
                let (first, last) = (case.kind.shown)(state);
                assert_eq!(first, last, "half a document was shown: {state}");
            }
            Some(())
        });
    }
    eventually("no source has a problem", || {
        (super::support::metrics(&server)["forgecast_source_problems"] == 0).then_some(())
    });
    pulse.assert_steady();
    assert_conserved(&server);
    assert_no_panic(server);
}
