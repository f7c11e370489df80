//! `import` of what `export` wrote: the same view and log in another database.

use std::fs;

use serde_json::{Value, json};

use super::{export, import, view};
use crate::world::{World, request};

/// What is the same wherever a session is: all but the store's own numbers of facts, and when it came there.
fn essence(mut export: Value) -> Value {
    export["session"]["created_at"].take();
    for event in export["events"].as_array_mut().unwrap() {
        event["sequence"] = json!(0);
    }
    export
}

/// A build that ended, with a log, exported into `weather.json`.
fn exported(world: &World) -> (Value, Value) {
    let project = world.project("weather-app");
    project.phase(
        &json!({"session_id": "weather-app", "current_phase": "Test", "status": "testing",
        "phases_completed": ["Scout", "Architect", "Builder"], "started_at": "2026-01-31T08:00:00Z"}),
    );
    project.replace("build-output-1.txt", "compiling\n\u{1b}[31merror: red\u{1b}[0m\n");
    let server = world.serve();
    server.view_when("weather-app", |view| view["phase"]["name"] == "Test");
    let facts = json!([
        {"session": "weather-app", "id": "d", "type": "decision_recorded", "key": "1", "title": "Cache it"},
        {"session": "weather-app", "id": "l", "type": "completion_reported", "status": "completed"}
    ]);
    assert_eq!(
        request(server.address(), "POST", "/api/v1/events", &facts.to_string()).0,
        200
    );
    crate::world::eventually("the log", || {
        let log = server.json("/api/v1/sessions/weather-app/log");
        (log["lines"].as_array().unwrap().len() >= 2).then_some(())
    });
    let found = (
        export(&server, "weather-app"),
        server.json("/api/v1/sessions/weather-app"),
    );
    fs::write(world.path("weather.json"), found.0.to_string()).unwrap();
    assert!(server.stop().success());
    found
}

#[test]
fn an_export_comes_back_as_it_was_in_another_database_with_a_server_and_without() {
    let from = World::new();
    let (document, view) = exported(&from);
    let with = World::new();
    fs::copy(from.path("weather.json"), with.path("weather.json")).unwrap();
    let server = with.serve();
    insta::assert_snapshot!(import(&with, "weather.json"), @"imported 1 session: 5 facts new, 0 known, 0 rejected; 2 log lines");
    assert_eq!(server.json("/api/v1/sessions/weather-app~1"), view);
    assert_eq!(essence(export(&server, "weather-app")), essence(document.clone()));
    let known = import(&with, "weather.json");
    insta::assert_snapshot!(known, @"imported 1 session: 0 facts new, 5 known, 0 rejected");
    assert!(server.stop().success());
    let server = with.serve();
    assert_eq!(server.json("/api/v1/sessions/weather-app~1"), view, "after a restart");
    assert_eq!(essence(export(&server, "weather-app")), essence(document.clone()));

    let without = World::new();
    fs::copy(from.path("weather.json"), without.path("weather.json")).unwrap();
    import(&without, "weather.json");
    let server = without.serve();
    assert_eq!(server.json("/api/v1/sessions/weather-app~1"), view);
    assert_eq!(essence(export(&server, "weather-app")), essence(document));
}

#[test]
fn an_export_whose_id_is_taken_becomes_the_next_run_and_is_known_then() {
    let from = World::new();
    let (_, there) = exported(&from);
    let world = World::new();
    fs::copy(from.path("weather.json"), world.path("weather.json")).unwrap();
    world
        .project("other")
        .phase(&json!({"session_id": "weather-app", "current_phase": "Scout"}));
    let server = world.serve();
    let here = server.view_when("weather-app~1", |view| view["phase"]["name"] == "Scout");
    for _ in 0..2 {
        import(&world, "weather.json");
        assert_eq!(
            server.json("/api/v1/sessions/weather-app~2")["decisions"],
            there["decisions"]
        );
        assert_eq!(
            server.json("/api/v1/sessions/weather-app~1")["created_at"],
            here["created_at"]
        );
        assert_eq!(server.get("/api/v1/sessions/weather-app~3").0, 404);
    }
}

#[test]
fn an_export_that_was_changed_by_hand_is_cleaned_or_refused() {
    let from = World::new();
    let (mut document, _) = exported(&from);
    let text = document
        .to_string()
        .replace("Cache it", "Cache \\u001b[31mit AKIAQ3EGRT5Y7UJ2KLMN");
    fs::write(from.path("changed.json"), text).unwrap();
    let world = World::new();
    fs::copy(from.path("changed.json"), world.path("changed.json")).unwrap();
    import(&world, "changed.json");
    let decisions = view(&world, "weather-app")["decisions"].to_string();
    assert!(
        !decisions.contains("AKIA") && !decisions.contains("u001b"),
        "{decisions}"
    );

    document["events"].as_array_mut().unwrap().reverse();
    document["session"]["id"] = json!("reversed~1");
    fs::write(world.path("reversed.json"), document.to_string()).unwrap();
    let said = import(&world, "reversed.json");
    assert!(said.contains("not in their order"), "{said}");
}
