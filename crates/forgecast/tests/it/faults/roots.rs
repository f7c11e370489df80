//! The watched folder itself goes away, comes back, or is called something else.

use std::fs;

use serde_json::Value;

use super::follower::Follower;
use super::support::{Pulse, assert_conserved, assert_no_panic, assert_silent, building, metrics};
use crate::viewer::{Viewer, Wire, detail_of};
use crate::world::{Project, World, eventually};

const PROJECTS: usize = 5;

fn name(index: usize) -> String {
    format!("app-{index}")
}

fn fill(world: &World, detail: &str) {
    for index in 0..PROJECTS {
        let project = Project::at(&world.path("work").join(name(index)));
        project.phase(&building(&name(index), detail));
    }
}

/// F07, end to end: removed, made again, renamed, renamed back.
#[test]
fn sessions_of_a_root_that_is_gone_are_marked_and_not_erased_and_it_recovers() {
    let world = World::new();
    fs::create_dir(world.path("work")).unwrap();
    fill(&world, "first");
    let root = world.path("work");
    let server = world.serve_with(&[root.to_str().unwrap()]);
    for index in 0..PROJECTS {
        server.view_when(&name(index), |view| detail_of(view) == "first");
    }
    let mut index = Follower::follow(server.address(), "sessions", None).unwrap();
    index.until("all of them", |state| {
        state["sessions"].as_object().is_some_and(|rows| rows.len() == PROJECTS)
    });
    let viewer = Viewer::of(&server, &name(0), Wire::Sse, None);
    viewer.until_detail("first");
    let pulse = Pulse::of(&server);
    let is_gone = |view: &Value| view["status"] == "abandoned";
    let all_gone = |detail: &str| {
        for index in 0..PROJECTS {
            let view = server.view_when(&name(index), is_gone);
            assert_eq!(detail_of(&view), detail, "what it was is still shown");
            assert!(view["status_reason"].is_string(), "{view}");
        }
        eventually("the root counts as missing", || {
            (metrics(&server)[r#"forgecast_roots{state="missing"}"#] == 1).then_some(())
        });
        eventually("its absence is shown", || {
            let mut fresh = Follower::follow(server.address(), "sessions", None).unwrap();
            fresh.until("a snapshot", Value::is_object);
            let problems = fresh.state["problems"].as_object()?;
            problems
                .values()
                .any(|problem| problem["kind"] == "missing")
                .then_some(())
        });
    };
    let all_back = |detail: &str| {
        for index in 0..PROJECTS {
            let view = server.view_when(&name(index), |view| {
                view["status"] == "running" && detail_of(view) == detail
            });
            assert_eq!(view["id"], format!("{}~1", name(index)), "the same build, not another");
        }
        eventually("the root is watched", || {
            (metrics(&server)[r#"forgecast_roots{state="watching"}"#] == 1).then_some(())
        });
    };

    fs::remove_dir_all(&root).unwrap();
    all_gone("first");
    fill(&world, "second");
    all_back("second");
    fs::rename(&root, world.path("elsewhere")).unwrap();
    all_gone("second");
    // A folder that was moved away is not ours any more.
    let stranger = Project::at(&world.path("elsewhere").join(name(0)));
    stranger.phase(&building(&name(0), "not ours"));
    fs::rename(world.path("elsewhere"), &root).unwrap();
    fill(&world, "third");
    all_back("third");
    viewer.until_detail("third");
    index.until("all of them, and no trouble", |state| {
        let rows = state["sessions"].as_object().unwrap();
        assert_eq!(rows.len(), PROJECTS, "none was erased, none was made twice");
        let no_trouble = state["problems"].as_object().is_none_or(serde_json::Map::is_empty);
        no_trouble && rows.values().all(|row| row["status"] == "running")
    });
    pulse.assert_steady();
    assert_silent(&mut index);
    assert_conserved(&server);
    assert_no_panic(server);
}
