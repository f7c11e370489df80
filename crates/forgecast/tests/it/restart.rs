//! Stops and starts: a clean one goes on where it was, by patches; a graceful stop tells its viewers and exits with 0.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::viewer::{Held, Viewer, WIRES, Wire, detail_of};
use crate::world::{World, request};

fn building(detail: &str) -> Value {
    json!({"session_id": "weather-app", "current_phase": "Builder", "status": "building", "progress_detail": detail})
}

#[test]
fn after_a_clean_restart_viewers_go_on_by_patches() {
    let world = World::new();
    let project = world.project("weather-app");
    project.phase(&building("before"));
    let server = world.serve();
    server.view_when("weather-app", |view| detail_of(view) == "before");
    let viewer = Viewer::of(&server, "weather-app", Wire::WebSocket, None);
    viewer.until_detail("before");
    project.phase(&building("later"));
    viewer.until_detail("later");
    let held = viewer.until("a position", |seen| {
        Some(Held {
            position: seen.position?,
            state: seen.state.clone(),
        })
    });
    assert!(server.stop().success());

    project.phase(&building("while away"));
    let server = world.serve();
    server.view_when("weather-app", |view| detail_of(view) == "while away");
    for wire in WIRES {
        let viewer = Viewer::of(&server, "weather-app", wire, Some(&held));
        let (kinds, (epoch, revision), folded) = viewer.until("the missed change", |seen| {
            (detail_of(&seen.state) == "while away")
                .then(|| (seen.kinds.clone(), seen.position.unwrap(), seen.state.clone()))
        });
        assert!(kinds.iter().all(|kind| *kind == "patch"), "{wire:?}: {kinds:?}");
        assert_eq!(epoch, held.position.0, "{wire:?}");
        assert!(revision > held.position.1, "{wire:?}");
        let now = server.json("/api/v1/sessions/weather-app");
        assert_eq!(
            folded, now,
            "{wire:?}: what was held, with what was missed, is what is there"
        );
    }
}

#[test]
fn a_restart_without_a_change_adds_no_fact() {
    let world = World::new();
    world.project("weather-app").phase(&building("still"));
    let mut facts = Vec::new();
    for _ in 0..3 {
        let mut server = world.serve();
        server.line_with("found");
        server.view_when("weather-app", |view| detail_of(view) == "still");
        facts.push(
            server.json("/api/v1/sessions/weather-app/events?limit=1000")["events"]
                .as_array()
                .unwrap()
                .len(),
        );
        assert!(server.stop().success());
    }
    assert_eq!(facts, [facts[0]; 3]);
}

#[test]
fn a_graceful_stop_under_load_tells_viewers_and_exits_with_zero() {
    let world = World::new();
    let project = world.project("weather-app");
    project.phase(&building("0"));
    let mut server = world.serve();
    server.view_when("weather-app", |view| detail_of(view) == "0");
    let viewers: Vec<Viewer> = (0..8)
        .map(|_| Viewer::of(&server, "weather-app", Wire::WebSocket, None))
        .collect();
    for viewer in &viewers {
        viewer.until("a snapshot", |seen| seen.position);
    }
    let over = AtomicBool::new(false);
    let address = server.address().to_owned();
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                project.phase(&building(&number.to_string()));
            }
        });
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                request(
                    &address,
                    "POST",
                    "/api/v1/events",
                    r#"{"session":"pushed","type":"custom","kind":"tick"}"#,
                );
            }
        });
        viewers[0].until("some load", |seen| (seen.states.len() > 5).then_some(()));
        // Supervisors send it twice.
        server.signal(Signal::TERM);
        server.signal(Signal::TERM);
        for viewer in &viewers {
            let code = viewer.until("a close", |seen| seen.closed);
            assert_eq!(code, 1012, "viewers are told to come back");
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(server.wait().code(), Some(0));
    // It was marked clean: the epoch is kept.
    let epoch = viewers[0].until("a position", |seen| seen.position).0;
    let server = world.serve();
    let again = Viewer::of(&server, "weather-app", Wire::Sse, None)
        .until("a snapshot", |seen| seen.position)
        .0;
    assert_eq!(epoch, again);
}
