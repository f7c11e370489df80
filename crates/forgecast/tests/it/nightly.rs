//! What takes too long for every submission; `cargo xtask nightly` runs it. Each test names its row of the fault table.

use std::process::Command;

use serde_json::{Value, json};

use crate::faults::support::{assert_conserved, assert_no_panic};
use crate::world::{Server, World, request};

const IDS: usize = 1_000_000;
const TOGETHER: usize = 1_000;
const LIMIT_KIB: u64 = 192 * 1024;

/// F43.
#[test]
#[ignore = "takes minutes"]
fn nightly_a_million_sessions_in_192_mib_end_no_server_and_evictions_are_counted() {
    let world = World::new();
    let inner = world.command(&["serve", "--port", "0"]);
    // The limit on what a process may allocate: what is beyond fails, as in a container that is too small.
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -d {LIMIT_KIB}; exec \"$0\" \"$@\"")])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env_clear()
        .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(world.path("projects"));
    let server = Server::start(command);
    let (mut taken, mut refused) = (0, 0);
    for first in (0..IDS).step_by(TOGETHER) {
        let events: Vec<Value> = (first..first + TOGETHER).map(event).collect();
        let body = Value::from(events).to_string();
        let (status, answer) = request(server.address(), "POST", "/api/v1/events", &body);
        match status {
            200 => taken += 1,
            422 | 503 => refused += 1,
            _ => panic!("{status}: {answer}"),
        }
    }
    assert!(taken > 0);
    let (status, _) = server.get("/healthz");
    assert_eq!(status, 200);
    println!("{taken} bodies taken, {refused} refused");
    let metrics = assert_conserved(&server);
    assert!(metrics["forgecast_session_evictions_total"] > 0);
    assert_no_panic(server);
}

/// Every second session is over when it is first heard of, so that there is something to evict.
fn event(number: usize) -> Value {
    let (phase, status) = if number.is_multiple_of(2) {
        ("Feedback", "completed")
    } else {
        ("Builder", "building")
    };
    json!({"id": format!("n-{number}"), "session": format!("s{number}"), "type": "phase_reported", "phase": phase, "status": status})
}
