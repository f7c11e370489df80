//! From a file to every viewer, for the three ways in which agents write: a here-document in place, a rename, two halves
//! with a pause between them. The last state always arrives and half a document never does.

use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::viewer::{Viewer, WIRES, detail_of};
use crate::world::{Project, World, pause};

const ROUNDS: usize = 12;

fn document(round: usize) -> String {
    let document = json!({
        "session_id": "weather-app",
        "current_phase": "Builder",
        "phase_number": "3/7",
        "status": "building",
        "progress_detail": format!("round {round}"),
        "phases_completed": ["Scout", "Architect"],
        "filler": "x".repeat(400),
    });
    serde_json::to_string_pretty(&document).unwrap()
}

/// Writes all rounds in the given way; every viewer must end with the last and have seen nothing but whole ones.
fn every_viewer_sees_whole_states(write: impl Fn(&Project, &str)) {
    let world = World::new();
    let project = world.project("weather-app");
    project.replace("current-phase.json", &document(0));
    let server = world.serve();
    server.view_when("weather-app", |view| detail_of(view) == "round 0");
    let viewers = WIRES.map(|wire| Viewer::of(&server, "weather-app", wire, None));
    for viewer in &viewers {
        viewer.until_detail("round 0");
    }
    for round in 1..=ROUNDS {
        write(&project, &document(round));
        for viewer in &viewers {
            viewer.until_detail(&format!("round {round}"));
        }
    }
    let whole: Vec<String> = (0..=ROUNDS).map(|round| format!("round {round}")).collect();
    for viewer in viewers {
        viewer.until("all states", |seen| {
            for state in &seen.states {
                assert!(whole.iter().any(|one| one == detail_of(state)), "half a state: {state}");
                assert_eq!(state["phase"]["name"], "Builder");
                assert_eq!(
                    state.get("problems"),
                    None,
                    "a document that was completed is no problem"
                );
            }
            assert_eq!(seen.kinds[0], "snapshot");
            assert!(seen.kinds[1..].iter().all(|kind| *kind == "patch"), "{:?}", seen.kinds);
            Some(())
        });
    }
}

#[test]
fn a_here_document_in_place_reaches_every_viewer() {
    every_viewer_sees_whole_states(|project, text| {
        let script = format!("cat > current-phase.json << 'EOF'\n{text}\nEOF\n");
        shell(project, &script);
    });
}

#[test]
fn a_rename_reaches_every_viewer() {
    every_viewer_sees_whole_states(|project, text| {
        let script = format!("cat > next.json << 'EOF'\n{text}\nEOF\nmv next.json current-phase.json\n");
        shell(project, &script);
    });
}

#[test]
fn two_halves_thirty_milliseconds_apart_are_never_shown_as_half_a_state() {
    every_viewer_sees_whole_states(|project, text| {
        let (first, second) = text.as_bytes().split_at(text.len() / 2);
        let mut file = File::create(project.phase_file()).unwrap();
        file.write_all(first).unwrap();
        pause(Duration::from_millis(30));
        file.write_all(second).unwrap();
    });
}

#[test]
fn a_burst_ends_with_its_last_state() {
    let world = World::new();
    let project = world.project("weather-app");
    project.replace("current-phase.json", &document(0));
    let server = world.serve();
    server.view_when("weather-app", |view| detail_of(view) == "round 0");
    let viewers = WIRES.map(|wire| Viewer::of(&server, "weather-app", wire, None));
    for round in 1..=500 {
        project.replace("current-phase.json", &document(round));
    }
    for viewer in viewers {
        viewer.until_detail("round 500");
    }
}

#[test]
fn a_folder_that_is_made_together_with_its_phase_file_is_found() {
    let world = World::new();
    let server = world.serve();
    for number in 0..20 {
        let name = format!("made-{number}");
        let project = world.project(&name);
        std::fs::write(project.phase_file(), document(number).replace("weather-app", &name)).unwrap();
    }
    for number in 0..20 {
        server.view_when(&format!("made-{number}"), |view| {
            detail_of(view) == format!("round {number}")
        });
    }
}

fn shell(project: &Project, script: &str) {
    let folder: Value = json!(project.file(""));
    let status = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder.as_str().unwrap())
        .status()
        .unwrap();
    assert!(status.success());
}
