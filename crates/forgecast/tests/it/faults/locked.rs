//! The database in somebody else's hands: the live view goes on, and nobody is told "stored" who was not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use rusqlite::Connection;
use serde_json::json;

use super::support::{Pulse, assert_conserved, assert_no_panic, building};
use crate::viewer::{Viewer, Wire, detail_of};
use crate::world::{PATIENCE, World, eventually, request};

/// The head and the body of the answer to one push.
pub(super) fn push(address: &str, id: &str) -> (u16, String) {
    let body = json!({"id": id, "session": "pushed", "type": "error_reported", "message": id}).to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "POST /api/v1/events HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap();
    (status, answer.to_ascii_lowercase())
}

/// F33: another process holds the database while files change and producers push.
#[test]
fn while_the_database_is_locked_the_view_moves_and_no_push_is_promised() {
    const CHANGES: usize = 60;
    const PUSHES: usize = 6;
    let world = World::new();
    let project = world.project("app");
    project.phase(&building("app", "before"));
    let server = world.serve();
    server.view_when("app", |view| detail_of(view) == "before");
    assert_eq!(push(server.address(), "first").0, 200);
    let viewer = Viewer::of(&server, "app", Wire::WebSocket, None);
    viewer.until_detail("before");

    let pulse = Pulse::of(&server);
    let other = Connection::open(world.db()).unwrap();
    other.busy_timeout(PATIENCE).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let address = server.address().to_owned();
    let pushes: Vec<_> = (0..PUSHES)
        .map(|number| {
            let address = address.clone();
            thread::spawn(move || push(&address, &format!("locked-{number}")))
        })
        .collect();
    for change in 1..=CHANGES {
        let detail = format!("locked {change}");
        project.phase(&building("app", &detail));
        viewer.until_detail(&detail);
    }
    // Nothing can have been stored, so nobody may have been told that it was; who gave up was told when to come back.
    for push in pushes {
        let (status, answer) = push.join().unwrap();
        assert_eq!(status, 503, "{answer}");
        assert!(answer.contains("retry-after: "), "{answer}");
    }
    let (status, ready) = server.get("/readyz");
    assert_eq!(status, 503, "not ready while nothing can be stored: {ready}");
    let problem = server.json("/api/v1/sessions/app");
    assert_eq!(detail_of(&problem), format!("locked {CHANGES}"));
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);

    // What was sent again is stored once, whatever became of it the first time.
    for number in 0..PUSHES {
        let id = format!("locked-{number}");
        let status = eventually("the push is taken", || {
            Some(push(&address, &id)).filter(|answer| answer.0 != 503)
        })
        .0;
        assert_eq!(status, 200);
    }
    let stored = |session: &str| {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page = server.json(&format!("/api/v1/sessions/{session}/events?limit=1000&after={after}"));
            let page = page["events"].as_array().unwrap();
            let Some(last) = page.last() else { return all };
            after = last["sequence"].as_u64().unwrap();
            all.extend(page.iter().map(|row| row["event"].clone()));
        }
    };
    let mut ids: Vec<String> = stored("pushed")
        .iter()
        .filter_map(|event| Some(event["id"].as_str()?.to_owned()))
        .collect();
    ids.sort_unstable();
    let mut wished: Vec<String> = (0..PUSHES).map(|number| format!("locked-{number}")).collect();
    wished.insert(0, "first".to_owned());
    assert_eq!(ids, wished);
    let details: Vec<String> = stored("app")
        .iter()
        .filter_map(|event| Some(event["fact"]["detail"].as_str()?.to_owned()))
        .collect();
    let mut wished: Vec<String> = (1..=CHANGES).map(|change| format!("locked {change}")).collect();
    wished.insert(0, "before".to_owned());
    assert_eq!(
        details, wished,
        "what was shown while it was locked is in the history, in order, once"
    );
    eventually("ready again", || (server.get("/readyz").0 == 200).then_some(()));
    pulse.assert_steady();
    assert_conserved(&server);
    assert_no_panic(server);
    // And it is there after a start.
    let server = world.serve();
    server.view_when("app", |view| detail_of(view) == format!("locked {CHANGES}"));
    assert_eq!(request(server.address(), "GET", "/api/v1/sessions/pushed", "").0, 200);
}
