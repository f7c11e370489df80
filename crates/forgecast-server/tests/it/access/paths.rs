//! The folders of the machine: whoever has a share link sees the session and none of them, however it asks.

use forgecast_protocol::event::{
    ArtifactChanged, ArtifactKind, CheckpointReported, Custom, ProblemFound, SourceGone, SourceReturned, TaskReported,
};
use forgecast_protocol::{Event, Fact, Problem, ProblemKind};
use forgecast_server::Role;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{HOUR, closed, id};
use forgecast_testkit::{LIMIT, Server, Viewer, bearer, event, now, phase};

/// In every path of these tests, and nowhere else.
const CANARY: &str = "c4n4ry";
const FOLDER: &str = "/home/c4n4ry/private/weather";
const TOPIC: &str = "session/weather~1";

fn path(below: &str) -> String {
    format!("{FOLDER}/{below}")
}

/// Facts that state paths, in the order in which they happen. The last one is seen as the phase `Deploy`.
fn facts() -> Vec<Event> {
    let file = path(".context-foundry/current-phase.json");
    let problem = Problem {
        kind: ProblemKind::BadField,
        message: format!("{file}: the field status is no text"),
        subject: Some(file.clone()),
    };
    let artifacts = json!({"plan": path("plan.md"), "docs": [path("docs/a.md"), "b.md"], path("c.md"): "c"});
    let facts = [
        Fact::CheckpointReported(CheckpointReported {
            working_directory: Some(FOLDER.to_owned()),
            artifacts: artifacts.as_object().cloned(),
            ..CheckpointReported::default()
        }),
        Fact::ProblemFound(ProblemFound {
            key: format!("{file}#status"),
            problem,
        }),
        Fact::TaskReported(TaskReported {
            id: "task-1".to_owned(),
            files: vec![path("src/main.rs"), "src/lib.rs".to_owned()],
            ..TaskReported::default()
        }),
        Fact::ArtifactChanged(ArtifactChanged {
            name: path("notes.md"),
            kind: ArtifactKind::Document,
            size: 9,
            modified_at: now(),
            dated: None,
            removed: false,
        }),
        Fact::SourceGone(SourceGone { path: file.clone() }),
        Fact::SourceReturned(SourceReturned { path: file }),
        Fact::Custom(Custom {
            kind: "moved".to_owned(),
            data: json!({"to": FOLDER, "directory": "/c4n4ry"}),
        }),
    ];
    let facts = facts.into_iter().map(|fact| event("weather", fact));
    facts.chain([phase("weather", "Deploy", "done")]).collect()
}

/// Follows the session over a WebSocket until the last fact, and returns all that was received.
async fn followed(viewer: &mut Viewer) -> String {
    let mut received = String::new();
    while !viewer
        .held
        .get(TOPIC)
        .is_some_and(|held| held.state["phase"]["name"] == "Deploy")
    {
        received += &viewer.message().await.to_string();
    }
    // The mark of a heartbeat that follows is that of this state.
    received + &viewer.message_of("heartbeat").await.to_string()
}

/// The session's event stream until it has what is wanted.
async fn streamed(server: &Server, token: &str, wanted: &str) -> String {
    let mut stream = server.connect().await;
    let bearer = bearer(token);
    let path = "/api/v1/sessions/weather~1/live";
    let head = server.head("GET", path, &[("authorization", &bearer)], 0);
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains(wanted) {
        assert!(timeout(LIMIT, stream.read_buf(&mut bytes)).await.unwrap().unwrap() > 0);
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_guest_receives_no_path_of_the_machine_while_it_follows() {
    let server = closed().await;
    let (_, link) = server.keys.share(id("weather~1"), HOUR).unwrap();
    let (_, token) = server.keys.add_token(Role::View, "phone").unwrap();
    let mut guest = Viewer::with_token(&server, &link).await.unwrap();
    let mut viewer = Viewer::with_token(&server, &token).await.unwrap();
    for follower in [&mut guest, &mut viewer] {
        follower.subscribe(TOPIC).await;
        follower.message_of("snapshot").await;
    }
    let begun = guest.held[TOPIC].clone();
    // Seen one by one, so that each is a patch of its own.
    for fact in facts() {
        server.settled(fact).await;
    }
    let (theirs, ours) = (followed(&mut guest).await, followed(&mut viewer).await);
    assert!(theirs.contains(r#""type":"patch""#), "{theirs}");
    assert!(!theirs.contains(CANARY), "{theirs}");
    assert!(ours.contains(FOLDER), "{ours}");
    assert_eq!(viewer.held[TOPIC].state["working_directory"], FOLDER);
    assert!(viewer.verified > 0);

    // What the patches led to is what a snapshot shows to a guest, and what REST says.
    let mut newcomer = Viewer::with_token(&server, &link).await.unwrap();
    newcomer.subscribe(TOPIC).await;
    let snapshot = newcomer.message_of("snapshot").await.to_string();
    assert!(!snapshot.contains(CANARY), "{snapshot}");
    assert_eq!(newcomer.held, guest.held);
    let answer = server.get_as(&link, "/api/v1/sessions/weather~1").await;
    assert_eq!(answer.json(), guest.held[TOPIC].state);
    let mut resumed = Viewer::with_token(&server, &link).await.unwrap();
    resumed.resume(TOPIC, &begun).await;
    let theirs = followed(&mut resumed).await;
    assert!(!theirs.contains(CANARY), "{theirs}");
    assert_eq!(resumed.held, guest.held);
    let shown = &guest.held[TOPIC].state;
    assert_eq!(
        shown["progress"]["checkpoint_artifacts"],
        json!({"plan": "…/plan.md", "docs": ["…/a.md", "b.md"]})
    );
    assert_eq!(
        shown["progress"]["tasks"]["task-1"]["files"],
        json!(["…/main.rs", "src/lib.rs"])
    );
}

#[tokio::test]
async fn a_guest_s_event_stream_has_no_path_of_the_machine() {
    let server = closed().await;
    let (_, link) = server.keys.share(id("weather~1"), HOUR).unwrap();
    let (_, token) = server.keys.add_token(Role::View, "curl").unwrap();
    let all = async {
        for fact in facts() {
            server.settled(fact).await;
        }
    };
    let (theirs, ours, ()) = tokio::join!(
        streamed(&server, &link, "Deploy"),
        streamed(&server, &token, "Deploy"),
        all
    );
    assert!(!theirs.contains(CANARY), "{theirs}");
    assert!(ours.contains(CANARY), "{ours}");
    // Whoever comes later gets all of it at once.
    let theirs = streamed(&server, &link, "event: snapshot").await;
    assert!(!theirs.contains(CANARY), "{theirs}");
}

#[tokio::test]
async fn a_guest_reads_no_path_of_the_machine_in_any_answer() {
    let server = closed().await;
    let (_, link) = server.keys.share(id("weather~1"), HOUR).unwrap();
    let (_, token) = server.keys.add_token(Role::View, "phone").unwrap();
    for fact in facts() {
        server.settled(fact).await;
    }
    let newest = server.get_as(&link, "/api/v1/sessions/weather~1/export").await.json()["revision"]
        .as_u64()
        .unwrap();
    let mut paths = vec![
        "".to_owned(),
        "/timeline".to_owned(),
        "/events".to_owned(),
        "/export".to_owned(),
        "/log".to_owned(),
        "/log/matches?q=c4n4ry".to_owned(),
        "/series?metric=tokens".to_owned(),
        "/files/home/c4n4ry/private/weather/notes.md".to_owned(),
    ];
    paths.extend((1..=newest).map(|revision| format!("/at/{revision}")));
    let mut ours = 0;
    for path in paths {
        let path = format!("/api/v1/sessions/weather~1{path}");
        let theirs = server.get_as(&link, &path).await;
        let text = format!("{:?} {}", theirs.headers, theirs.text());
        // An answer may repeat what was asked.
        let told = text.replace("home/c4n4ry/private/weather/notes.md", "");
        assert!(!told.contains(CANARY), "{path}: {text}");
        let all = server.get_as(&token, &path).await;
        assert_eq!(all.status, theirs.status, "{path}");
        ours += usize::from(all.text().contains(FOLDER));
        if path.contains("/at/") || path.ends_with("weather~1") {
            let tag = theirs.header("etag");
            let bearer = bearer(&link);
            let headers = [("authorization", &*bearer), ("if-none-match", tag)];
            assert_eq!(server.request("GET", &path, &headers, b"").await.status, 304, "{path}");
        }
    }
    assert!(ours > 4, "viewers see them: {ours}");
    let page: Value = server.get_as(&link, "/api/v1/sessions/weather~1/events").await.json();
    assert!(page.to_string().contains("…/main.rs"), "{page}");
}
