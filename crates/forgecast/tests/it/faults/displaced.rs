//! The database file removed, replaced or cut under the server: what was acknowledged is there afterwards, and while nothing
//! can be stored nobody is told that it was.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::locked::push;
use super::support::building;
use crate::viewer::detail_of;
use crate::world::{Server, World, eventually};

const COMPANIONS: [&str; 3] = ["", "-wal", "-shm"];

/// Removes the database, or only its own file.
fn remove(world: &World, companions: usize) {
    let database = world.db();
    for suffix in &COMPANIONS[..companions] {
        let path = format!("{}{suffix}", database.display());
        assert!(fs::remove_file(path).is_ok() || !suffix.is_empty());
    }
}

/// The ids of the pushes that are stored.
fn stored(server: &Server) -> BTreeSet<String> {
    let page = server.json("/api/v1/sessions/pushed/events?limit=1000");
    let ids = page["events"].as_array().unwrap().iter();
    ids.filter_map(|row| Some(row["event"]["id"].as_str()?.to_owned()))
        .collect()
}

/// Pushes until one is taken; those before are refused in the words of HTTP.
fn push_until_taken(server: &Server, id: &str) {
    eventually(id, || {
        let (status, answer) = push(server.address(), id);
        assert!(
            status == 200 || (status == 503 && answer.contains("retry-after: ")),
            "{answer}"
        );
        (status == 200).then_some(())
    });
}

#[test]
fn what_is_acknowledged_after_the_database_was_removed_survives_a_kill() {
    for companions in [1, COMPANIONS.len()] {
        let world = World::new();
        let project = world.project("app");
        project.phase(&building("app", "before"));
        let server = world.serve();
        server.view_when("app", |view| detail_of(view) == "before");
        push_until_taken(&server, "before");
        remove(&world, companions);
        let mut acknowledged = BTreeSet::from(["before".to_owned()]);
        for number in 0..25 {
            let id = format!("after-{number}");
            push_until_taken(&server, &id);
            acknowledged.insert(id);
        }
        assert_eq!(server.get("/readyz").0, 200, "it recovered by itself");
        server.kill();
        let server = world.serve();
        assert_eq!(stored(&server), acknowledged);
        server.view_when("app", |view| detail_of(view) == "before");
    }
}

#[test]
fn nobody_is_told_stored_while_another_file_stands_in_the_place_of_the_database() {
    let world = World::new();
    let project = world.project("app");
    project.phase(&building("app", "before"));
    let server = world.serve();
    push_until_taken(&server, "before");
    fs::rename(world.db(), world.path("aside.db")).unwrap();
    fs::write(world.db(), "somebody else's").unwrap();
    let (status, answer) = push(server.address(), "meanwhile");
    assert!(status == 503 && answer.contains("retry-after: "), "{answer}");
    let (status, ready) = server.get("/readyz");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let error = ready["store"]["last_error"].as_str().unwrap();
    assert!(
        status == 503 && error.contains("another file stands in the place"),
        "{ready}"
    );
    project.phase(&building("app", "the live view goes on"));
    server.view_when("app", |view| detail_of(view) == "the live view goes on");
    fs::remove_file(world.db()).unwrap();
    eventually("ready again", || (server.get("/readyz").0 == 200).then_some(()));
    push_until_taken(&server, "meanwhile");
    server.kill();
    let server = world.serve();
    assert_eq!(stored(&server), ["before", "meanwhile"].map(str::to_owned).into());
    server.view_when("app", |view| detail_of(view) == "the live view goes on");
}

#[test]
fn a_database_that_was_cut_takes_no_push_and_says_what_to_do() {
    let world = World::new();
    let server = world.serve();
    push_until_taken(&server, "before");
    // A checkpoint, so that the file holds more than it is cut to.
    let other = rusqlite::Connection::open(world.db()).unwrap();
    other
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    drop(other);
    eventually("its size is known", || {
        (server.json("/api/v1/sessions").is_object() && push(server.address(), "known").0 == 200).then_some(())
    });
    let file = fs::OpenOptions::new().write(true).open(world.db()).unwrap();
    file.set_len(8192).unwrap();
    let (status, answer) = push(server.address(), "lost");
    assert!(status == 503 && answer.contains("retry-after: "), "{answer}");
    let (status, ready) = server.get("/readyz");
    assert!(status == 503 && ready.contains("restart the server"), "{ready}");
    server.kill();
    let server = world.serve();
    push_until_taken(&server, "after");
}
