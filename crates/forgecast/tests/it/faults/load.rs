//! More changes than notifications: storms, folders made and filled at once, a server that stood still. What is shown in
//! the end is what is on the disk, of every session.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::follower::Follower;
use super::support::{Pulse, assert_conserved, assert_no_panic, assert_silent, building, metrics};
use crate::viewer::{Viewer, Wire, detail_of};
use crate::world::{Project, World, pause};

const SESSIONS: usize = 100;

fn name(index: usize) -> String {
    format!("app-{index}")
}

/// A phase file whose number stands in the index, too.
fn numbered(index: usize, number: usize) -> Value {
    let mut phase = building(&name(index), &format!("change {number}"));
    phase["phase_number"] = json!(format!("{number}/999"));
    phase
}

fn projects(world: &World) -> Vec<Project> {
    (0..SESSIONS)
        .map(|index| {
            let project = world.project(&name(index));
            project.phase(&numbered(index, 0));
            project
        })
        .collect()
}

/// The number of the phase of each session, as the index shows it.
fn all_at(index: &Value, number: usize) -> bool {
    let wished = json!(number.to_string());
    let rows = index["sessions"].as_object();
    rows.is_some_and(|rows| rows.len() == SESSIONS && rows.values().all(|row| row["phase"]["number"] == wished))
}

/// F02: 10,000 renames over 100 sessions at up to 1,000 a second; every last value arrives, by every way there is.
#[test]
fn after_ten_thousand_renames_every_last_value_arrives() {
    const CHANGES: usize = 100;
    let world = World::new();
    let projects = projects(&world);
    let server = world.serve();
    let mut index = Follower::follow(server.address(), "sessions", None).unwrap();
    index.until("all sessions", |state| all_at(state, 0));
    let viewers: Vec<Viewer> = (0..SESSIONS)
        .step_by(10)
        .map(|number| Viewer::of(&server, &name(number), Wire::WebSocket, None))
        .collect();
    let pulse = Pulse::of(&server);
    for change in 1..=CHANGES {
        let began = Instant::now();
        for (number, project) in projects.iter().enumerate() {
            project.phase(&numbered(number, change));
        }
        pause(Duration::from_millis(100).saturating_sub(began.elapsed()));
    }
    let last = format!("change {CHANGES}");
    index.until("the last values", |state| all_at(state, CHANGES));
    for viewer in &viewers {
        viewer.until_detail(&last);
    }
    for number in 0..SESSIONS {
        server.view_when(&name(number), |view| detail_of(view) == last);
    }
    index.until_digest();
    pulse.assert_steady();
    assert_silent(&mut index);
    assert_conserved(&server);
    assert_no_panic(server);
}

/// F03, end to end: 300 times `mkdir -p` and a write, at two depths.
#[test]
fn every_folder_that_is_made_and_filled_at_once_is_shown() {
    const FOLDERS: usize = 300;
    let world = World::new();
    let server = world.serve();
    let mut index = Follower::follow(server.address(), "sessions", None).unwrap();
    let pulse = Pulse::of(&server);
    for number in 0..FOLDERS {
        let place = if number % 2 == 0 {
            name(number)
        } else {
            format!("team/deep/{}", name(number))
        };
        let project = Project::at(&world.path("projects").join(place));
        std::fs::write(
            project.phase_file(),
            building(&name(number), "made at once").to_string(),
        )
        .unwrap();
    }
    index.until("all of them", |state| {
        state["sessions"].as_object().is_some_and(|rows| rows.len() == FOLDERS)
    });
    for number in 0..FOLDERS {
        server.view_when(&name(number), |view| detail_of(view) == "made at once");
    }
    pulse.assert_steady();
    assert_silent(&mut index);
    assert_conserved(&server);
    assert_no_panic(server);
}

/// F04: the server stands still while 50,000 changes are made, more than the system keeps notifications for.
#[test]
fn a_server_that_stood_still_counts_one_overflow_shows_it_and_catches_up() {
    const CHANGES: usize = 500;
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    assert!(
        limit.trim().parse::<usize>().unwrap() < SESSIONS * CHANGES,
        "the queue must overflow"
    );
    let world = World::new();
    let projects = projects(&world);
    let server = world.serve();
    let mut index = Follower::follow(server.address(), "sessions", None).unwrap();
    index.until("all sessions", |state| all_at(state, 0));
    let watched = Viewer::of(&server, &name(7), Wire::WebSocket, None);
    watched.until_detail("change 0");
    assert_eq!(metrics(&server)["forgecast_source_overflows_total"], 0);

    server.signal(Signal::STOP);
    for change in 1..=CHANGES {
        for (number, project) in projects.iter().enumerate() {
            project.phase(&numbered(number, change));
        }
    }
    // Made while nobody looked: its notification is among those that were lost.
    let late = world.project("late");
    late.phase(&building("late", "made meanwhile"));
    server.signal(Signal::CONT);

    let pulse = Pulse::of(&server);
    index.until("the overflow is shown", |state| {
        let problems = state["problems"].as_object();
        problems.is_some_and(|problems| problems.values().any(|problem| problem["kind"] == "overflow"))
    });
    let last = format!("change {CHANGES}");
    for number in 0..SESSIONS {
        server.view_when(&name(number), |view| detail_of(view) == last);
    }
    server.view_when("late", |view| detail_of(view) == "made meanwhile");
    watched.until_detail(&last);
    index.until("the overflow is over", |state| {
        state["problems"].as_object().is_none_or(serde_json::Map::is_empty)
    });
    assert_eq!(metrics(&server)["forgecast_source_overflows_total"], 1, "counted once");
    pulse.assert_steady();
    assert_silent(&mut index);
    assert_conserved(&server);
    assert_no_panic(server);
}
