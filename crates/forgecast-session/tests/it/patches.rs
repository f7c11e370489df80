//! Merge patches: the vectors that the dashboard's `apply` is tested with too, and how small a change travels.

use forgecast_protocol::event::{PhaseReported, TaskReported};
use forgecast_protocol::{Epoch, Fact, ServerMessage, Topic};
use forgecast_session::Session;
use forgecast_session::patch::{diff, merge};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::*;

#[derive(Deserialize)]
struct Vector {
    name: String,
    before: Value,
    patch: Value,
    after: Value,
}

#[test]
fn the_shared_vectors_hold() {
    let text = include_str!("../../../../fixtures/vectors/merge-patch.json");
    let vectors: Vec<Vector> = serde_json::from_str(text).unwrap();
    assert!(vectors.len() >= 15);
    for vector in vectors {
        let mut state = vector.before;
        merge(&mut state, &vector.patch);
        assert_eq!(state, vector.after, "{}", vector.name);
    }
}

#[test]
fn a_difference_is_as_small_as_the_change() {
    let before = json!({"phase": {"name": "Test", "detail": "a"}, "tasks": {"1": {"status": "pending"}}, "gone": 1});
    let after = json!({"phase": {"name": "Test", "detail": "b"}, "tasks": {"1": {"status": "pending"}}, "new": {}});
    let patch = diff(&before, &after).unwrap();
    assert_eq!(patch, json!({"phase": {"detail": "b"}, "gone": null, "new": {}}));
    assert_eq!(diff(&after, &after), None);
}

/// A session whose view is at least 20 KB long.
fn long_session() -> Session {
    let mut session = after(&[report(
        "Builder",
        "building",
        &["Codebase Analysis", "Scout", "Architect"],
    )]);
    for number in 0..90 {
        let fact = TaskReported {
            id: format!("task-{number}"),
            description: Some("Write the module that fetches the forecast and keeps it for an hour".to_owned()),
            status: Some("pending".to_owned()),
            files: vec!["src/forecast/fetch.rs".to_owned(), "tests/forecast/fetch.rs".to_owned()],
            dependencies: vec![format!("task-{}", number / 2)],
            estimated_time: Some("15 minutes".to_owned()),
            order: Some(number),
        };
        session.apply(&pushed(minute(2), Fact::TaskReported(fact)));
    }
    session
}

/// The length of the frame that carries the change to a viewer.
fn frame_of(session: &mut Session, event: &forgecast_protocol::Event) -> usize {
    let before = serde_json::to_value(session.view()).unwrap();
    assert!(before.to_string().len() > 20_000);
    session.apply(event);
    let after = serde_json::to_value(session.view()).unwrap();
    let frame = ServerMessage::Patch {
        topic: Topic::Session(id().into()),
        epoch: Epoch::new(0xdead_beef),
        from: 123_456,
        revision: 123_457,
        patch: diff(&before, &after).unwrap(),
    };
    serde_json::to_string(&frame).unwrap().len()
}

#[test]
fn a_change_of_one_field_of_a_long_view_is_a_frame_of_at_most_300_bytes() {
    let mut session = long_session();
    let detail = PhaseReported {
        detail: Some("Building module 7 of 12".to_owned()),
        ..report("Builder", "building", &["Codebase Analysis", "Scout", "Architect"])
    };
    let length = frame_of(&mut session, &phase_file(minute(3), detail.clone()));
    assert!(length <= 300, "{length} bytes");

    let counted = PhaseReported {
        test_iteration: Some(2),
        ..detail
    };
    let length = frame_of(&mut session, &phase_file(minute(4), counted));
    assert!(length <= 300, "{length} bytes");

    let done = Fact::TaskReported(TaskReported {
        id: "task-42".to_owned(),
        status: Some("completed".to_owned()),
        ..TaskReported::default()
    });
    let length = frame_of(&mut session, &pushed(minute(5), done));
    assert!(length <= 300, "{length} bytes");
}
