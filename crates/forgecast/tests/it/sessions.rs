//! Which builds are one session and which are two, and when a build is over.

use serde_json::json;

use crate::world::{Project, World};

#[test]
fn a_phase_that_completes_does_not_complete_the_build() {
    let world = World::new();
    let project = world.project("weather-app");
    project.phase(
        &json!({"session_id": "weather-app", "current_phase": "Test", "phase_number": "4/7", "status": "completed",
        "phases_completed": ["Scout", "Architect", "Builder", "Test"]}),
    );
    let server = world.serve();
    let view = server.view_when("weather-app", |view| view["phases"]["Test"]["status"] == "completed");
    assert_eq!(view["status"], "running");
    assert_eq!(view.get("ended_at"), None);
    project.phase(
        &json!({"session_id": "weather-app", "current_phase": "Feedback", "phase_number": "7/7", "status": "completed",
        "phases_completed": ["Scout", "Architect", "Builder", "Test", "Documentation", "Deploy", "Feedback"]}),
    );
    let view = server.view_when("weather-app", |view| view["status"] == "completed");
    assert!(view["ended_at"].is_string());
}

#[test]
fn a_second_build_in_the_folder_is_a_second_session() {
    let world = World::new();
    let project = world.project("weather-app");
    let server = world.serve();
    project.phase(&json!({"session_id": "weather-app", "current_phase": "Builder", "status": "building", "phases_completed": ["Scout", "Architect"]}));
    server.view_when("weather-app~1", |view| view["phase"]["name"] == "Builder");
    project.phase(
        &json!({"session_id": "weather-app", "current_phase": "Scout", "status": "starting", "phases_completed": []}),
    );
    let second = server.view_when("weather-app~2", |view| view["phase"]["name"] == "Scout");
    assert_eq!(second["id"], "weather-app~2");
    let newest = server.json("/api/v1/sessions/weather-app");
    assert_eq!(newest["id"], "weather-app~2", "the bare name means the newest run");
    let first = server.json("/api/v1/sessions/weather-app~1");
    assert_eq!(first["phase"]["name"], "Builder", "the first run keeps what it was");
}

#[test]
fn the_same_name_in_two_folders_is_two_sessions() {
    let world = World::new();
    for (place, phase) in [("a/app", "Scout"), ("b/app", "Test")] {
        let project = Project::at(&world.path("projects").join(place));
        project.phase(&json!({"session_id": "app", "current_phase": phase, "status": "in_progress"}));
    }
    let server = world.serve();
    let rows = crate::world::eventually("two sessions", || {
        let rows = server.json("/api/v1/sessions")["sessions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        (rows.len() == 2).then_some(rows)
    });
    assert_ne!(rows[0]["id"], rows[1]["id"]);
    let mut phases: Vec<&str> = rows.iter().filter_map(|row| row["phase"]["name"].as_str()).collect();
    phases.sort_unstable();
    assert_eq!(phases, ["Scout", "Test"]);
}

#[test]
fn a_self_healing_loop_stays_in_its_session_and_shows_as_attempts() {
    let world = World::new();
    let project = world.project("weather-app");
    let server = world.serve();
    let steps = [
        ("Test", "testing", json!(["Scout", "Architect", "Builder"])),
        ("Test", "self-healing", json!(["Scout", "Architect", "Builder"])),
        ("Architect", "self-healing", json!(["Scout"])),
        ("Builder", "building", json!(["Scout", "Architect"])),
        ("Test", "testing", json!(["Scout", "Architect", "Builder"])),
    ];
    for (phase, status, completed) in steps {
        project.phase(&json!({"session_id": "weather-app", "current_phase": phase, "status": status, "phases_completed": completed}));
        server.view_when("weather-app", |view| {
            view["phase"]["name"] == phase && view["status_word"] == status
        });
    }
    let view = server.json("/api/v1/sessions/weather-app");
    assert_eq!(view["id"], "weather-app~1");
    assert_eq!(view["phases"]["Test"]["attempts"], 2);
}
