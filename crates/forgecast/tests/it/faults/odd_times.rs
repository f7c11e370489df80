//! Clocks that lie: files with impossible times, producers in other time zones and in the past, a server that was frozen.
//! No duration may ever be negative, and no time in a file hides its content.

use std::fs::{self, OpenOptions};
use std::time::{Duration, SystemTime};

use forgecast_protocol::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::follower::Follower;
use super::support::{Pulse, assert_conserved, assert_no_panic, assert_silent, building, write_in_place};
use crate::viewer::{Viewer, Wire, detail_of};
use crate::world::{Project, Server, World, pause};

/// Writes in place and gives the file this time of its last change.
fn write_at(project: &Project, phase: &Value, modified: SystemTime) {
    let path = project.phase_file();
    fs::write(&path, phase.to_string()).unwrap();
    OpenOptions::new()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(modified)
        .unwrap();
}

/// F11, end to end: the same size and the same time with other content; 1970 and 2106.
#[test]
fn content_that_hides_behind_its_old_size_and_time_is_seen() {
    let world = World::new();
    let project = world.project("app");
    project.phase(&building("app", "aaaa"));
    let server = world.serve();
    server.view_when("app", |view| detail_of(view) == "aaaa");
    let viewer = Viewer::of(&server, "app", Wire::WebSocket, None);
    let pulse = Pulse::of(&server);
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(4_291_747_200);
    let times = [
        None,
        Some(SystemTime::UNIX_EPOCH),
        Some(far),
        None,
        Some(SystemTime::UNIX_EPOCH),
    ];
    for (round, time) in times.into_iter().enumerate() {
        let before = fs::metadata(project.phase_file()).unwrap();
        let modified = time.unwrap_or(before.modified().unwrap());
        let detail = format!("new{round}");
        write_at(&project, &building("app", &detail), modified);
        let after = fs::metadata(project.phase_file()).unwrap();
        assert_eq!((after.len(), after.modified().unwrap()), (before.len(), modified));
        viewer.until_detail(&detail);
        let view = server.json("/api/v1/sessions/app");
        assert_eq!(
            view["status"], "running",
            "it was changed just now, whatever the file says: {view}"
        );
        assert_in_order(&view, "");
    }
    pulse.assert_steady();
    assert_conserved(&server);
    assert_no_panic(server);
    // Read for the first time, an impossible time must do no harm either.
    for (name, time) in [("old", SystemTime::UNIX_EPOCH), ("future", far)] {
        let project = world.project(name);
        write_at(&project, &building(name, "first sight"), time);
    }
    let server = world.serve();
    for name in ["old", "future"] {
        let view = server.view_when(name, |view| detail_of(view) == "first sight");
        assert_in_order(&view, "");
        assert_not_ahead(&view, &server);
    }
    assert_no_panic(server);
}

fn time(value: &Value) -> Option<Timestamp> {
    serde_json::from_value(value.clone()).ok()
}

/// Nothing in a view ends before it began, at any depth.
fn assert_in_order(value: &Value, place: &str) {
    if let (Some(started), Some(ended)) = (time(&value["started_at"]), time(&value["ended_at"])) {
        assert!(started <= ended, "{place} ends before it began: {value}");
    }
    if let Value::Object(map) = value {
        for (name, inner) in map {
            assert_in_order(inner, &format!("{place}/{name}"));
        }
    }
}

/// Times by which a viewer counts how long ago something was are not in the future.
fn assert_not_ahead(view: &Value, server: &Server) {
    let mut heartbeat = tungstenite::client(
        format!("ws://{}/api/v1/live", server.address()),
        std::net::TcpStream::connect(server.address()).unwrap(),
    )
    .unwrap()
    .0;
    let hello: Value = serde_json::from_str(heartbeat.read().unwrap().to_text().unwrap()).unwrap();
    let now = time(&hello["server_time"]).unwrap();
    for name in ["last_work_at", "last_seen_at"] {
        let at = time(&view[name]);
        assert!(at.is_none_or(|at| at <= now), "{name} {at:?} is after {now:?}: {view}");
    }
}

/// The producers' clocks: an hour ahead, an hour behind, a day behind, both sides of a change to winter time and of one to
/// summer time, without a zone, with odd offsets, before the epoch, far in the future, and none.
fn clocks() -> Vec<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    let mut clocks: Vec<String> = [0, 3_600_000, -3_600_000, -86_400_000, 86_400_000]
        .iter()
        .map(|shift| Timestamp::from_millis(now + shift).to_string())
        .collect();
    let naive: Vec<String> = clocks
        .iter()
        .map(|text| text.trim_end_matches('Z').to_owned())
        .collect();
    clocks.extend(naive);
    clocks.extend(
        [
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:10:00+01:00",
            "2026-10-25T02:30:00",
            "2026-03-29T02:30:00",
            "2026-03-29T03:30:00+02:00",
            "2026-03-29T01:59:59+01:00",
            "2026-11-21T12:00:00+14:00",
            "2026-11-21T12:00:00-12:00",
            "1970-01-01T00:00:00Z",
            "2106-02-07T06:28:16Z",
            "0001-01-01T00:00:00",
            "",
        ]
        .map(str::to_owned),
    );
    clocks
}

/// Agents that begin and end by each of the clocks.
fn push_agents(server: &Server, clocks: &[String]) {
    let envelopes: Vec<Value> = clocks
        .iter()
        .enumerate()
        .flat_map(|(index, clock)| {
            ["active", "completed"].map(|status| {
                json!({"id": format!("{index}-{status}"), "session": "app", "at": clock, "type": "agent_reported",
                    "agent_id": format!("agent-{}", index / 2), "status": status})
            })
        })
        .collect();
    let (status, answer) = crate::world::request(
        server.address(),
        "POST",
        "/api/v1/events",
        &Value::from(envelopes).to_string(),
    );
    assert_eq!(status, 200, "{answer}");
}

/// F42: a build whose producer's clock jumps at every report, its summary and checkpoint included; the server is frozen
/// for a moment in the middle.
#[test]
fn no_duration_is_negative_whatever_the_producers_clock_does() {
    let world = World::new();
    let project = world.project("app");
    let server = world.serve();
    let phases = [
        "Scout",
        "Architect",
        "Builder",
        "Test",
        "Documentation",
        "Deploy",
        "Feedback",
    ];
    let clocks = clocks();
    let seed = 42;
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let any = |rng: &mut fastrand::Rng| clocks[rng.usize(..clocks.len())].clone();
    let mut viewer = None;
    let pulse = Pulse::of(&server);
    let mut number = 0;
    // Loops back to Architect and Builder, but not to Scout: that would be another build.
    for turn in 0..4 * phases.len() {
        let index = match turn {
            0 => 0,
            turn if turn % 5 == 4 => 2,
            turn => 1 + turn % (phases.len() - 1),
        };
        for status in ["starting", "in_progress", "completed"] {
            if index == phases.len() - 1 && status == "completed" {
                continue;
            }
            number += 1;
            let detail = format!("report {number}");
            project.phase(&json!({
                "session_id": "app", "current_phase": phases[index], "status": status, "progress_detail": detail,
                "phases_completed": phases[..index], "started_at": any(&mut rng), "last_updated": any(&mut rng),
            }));
            if number == 40 {
                server.signal(Signal::STOP);
                pause(Duration::from_millis(1_500));
                server.signal(Signal::CONT);
            }
            let viewer = viewer.get_or_insert_with(|| {
                server.view_when("app", |view| detail_of(view) == detail);
                Viewer::of(&server, "app", Wire::WebSocket, None)
            });
            viewer.until("the report", |seen| {
                let is_here = seen.states.iter().rev().take(8).any(|state| detail_of(state) == detail);
                is_here.then_some(())
            });
        }
    }
    push_agents(&server, &clocks);
    let summary = json!({"status": "completed", "completed_at": "1999-12-31T23:59:59", "duration_minutes": 1e9, "total_tests": 3});
    write_in_place(&project, "session-summary.json", summary.to_string());
    let view = server.view_when("app", |view| view["tests"]["summary"]["total"] == 3);
    assert_not_ahead(&view, &server);
    viewer.unwrap().until("all states", |seen| {
        (seen.state["tests"]["summary"]["total"] == 3).then(|| {
            for state in &seen.states {
                assert_in_order(state, "");
            }
        })
    });
    let runs = server.json("/api/v1/sessions");
    for row in runs["sessions"].as_array().unwrap() {
        assert_in_order(row, "row");
        let id = row["id"].as_str().unwrap();
        assert_in_order(&server.json(&format!("/api/v1/sessions/{id}")), id);
    }
    pulse.assert_steady();
    assert_silent(&mut Follower::follow(server.address(), "session/app", None).unwrap());
    assert_conserved(&server);
    assert_no_panic(server);
}
