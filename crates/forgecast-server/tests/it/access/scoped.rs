//! Tokens that show a part: whatever route they ask and whatever they follow, numbers have no words in them, and a project's
//! token learns nothing of the others.

use forgecast_protocol::event::{
    ArtifactChanged, ArtifactKind, CheckpointReported, ErrorReported, ProblemFound, SessionSeen, TaskReported,
    TokenDelta, UsageRecorded,
};
use forgecast_protocol::rest::{Cursor, Sort};
use forgecast_protocol::{Event, Fact, Problem, ProblemKind};
use forgecast_server::{Access, Role, Route, TokenScope};
use forgecast_testkit::{LIMIT, Received, Server, Viewer, bearer, event, now, phase, routes};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::closed;

/// In every word of the session `weather`, and nowhere else.
const WORDS: &str = "c4n4ry";
/// In every word, name and id of the session of another project, and nowhere else.
const OTHERS: &str = "0th3rs";

fn numbers() -> TokenScope {
    TokenScope {
        numbers_only: true,
        ..TokenScope::default()
    }
}

fn of_project(project: &str) -> TokenScope {
    TokenScope {
        project: Some(project.to_owned()),
        ..TokenScope::default()
    }
}

fn token(server: &Server, scope: TokenScope) -> String {
    let name = format!("{scope:?}").chars().take(64).collect::<String>();
    let made = server.keys.add_scoped_token(Role::View, scope, name.trim());
    made.unwrap().1
}

/// Facts of a session with a word in every text of theirs.
fn facts(name: &str, project: &str, word: &str) -> Vec<Event> {
    let text = |what: &str| format!("{what} {word}");
    let facts = [
        Fact::SessionSeen(SessionSeen {
            project: Some(project.to_owned()),
            task: Some(text("prompt")),
            title: Some(text("title")),
            host: Some(text("host")),
            ..SessionSeen::default()
        }),
        Fact::CheckpointReported(CheckpointReported {
            working_directory: Some(format!("/home/{word}/{name}")),
            ..CheckpointReported::default()
        }),
        Fact::TaskReported(TaskReported {
            id: "task-1".to_owned(),
            description: Some(text("task")),
            files: vec![format!("src/{word}.rs")],
            ..TaskReported::default()
        }),
        Fact::ArtifactChanged(ArtifactChanged {
            name: format!("{word}.md"),
            kind: ArtifactKind::Document,
            size: 9,
            modified_at: now(),
            dated: None,
            removed: false,
        }),
        Fact::ErrorReported(ErrorReported {
            message: text("error"),
            ..ErrorReported::default()
        }),
        Fact::ProblemFound(ProblemFound {
            key: format!("/home/{word}/x"),
            problem: Problem {
                kind: ProblemKind::BadField,
                message: text("problem"),
                subject: Some(format!("/home/{word}/x")),
            },
        }),
        Fact::UsageRecorded(UsageRecorded {
            tokens: TokenDelta {
                input: 42,
                ..TokenDelta::default()
            },
            ..UsageRecorded::default()
        }),
    ];
    let facts = facts.into_iter().map(|fact| event(name, fact));
    facts.chain([phase(name, "Builder", &text("detail"))]).collect()
}

/// Asks a route about a session: the status and all that comes with it, of a stream the beginning with its first heartbeat.
async fn ask(server: &Server, route: &Route, token: &str, session: &str) -> (u16, String) {
    let path = route
        .path
        .replace("{id}", session)
        .replace("{session}", session)
        .replace("{revision}", "1")
        .replace("{*name}", "a.md")
        .replace("{agent}", "scout-1");
    let own = format!("http://{}", server.address);
    let bearer = bearer(token);
    let headers = [
        ("content-type", "application/json"),
        ("origin", &*own),
        ("authorization", &*bearer),
    ];
    let body = if route.method == "POST" { "{}" } else { "" };
    let mut stream = server.connect().await;
    let head = server.head(route.method, &path, &headers, body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        let read = timeout(LIMIT, stream.read_buf(&mut bytes)).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if read == 0 || text.contains("text/event-stream") && text.contains("event: heartbeat") {
            let status = text.split(' ').nth(1).unwrap().parse().unwrap();
            return (status, text);
        }
    }
}

/// Everything that a viewer with this token is sent of these topics until the session has a phase, and its state then.
async fn follow(server: &Server, token: &str, topics: &[&str], last: &Event) -> (String, Value) {
    let mut viewer = Viewer::with_token(server, token).await.unwrap();
    for topic in topics {
        viewer.subscribe(topic).await;
    }
    let mut received = String::new();
    let mut beats = 0;
    while beats < 4 {
        if beats == 1 {
            server.settled(last.clone()).await;
        }
        let Received::Message(message) = viewer.hear().await else {
            panic!("closed after {received}");
        };
        beats += u32::from(message["type"] == "heartbeat");
        received += &message.to_string();
    }
    let held = viewer.held.get("sessions").map(|held| held.state.clone());
    (received, held.unwrap_or_default())
}

async fn world() -> Server {
    let server = closed().await;
    for fact in facts("weather", "mine", WORDS) {
        server.settled(fact).await;
    }
    for fact in facts(OTHERS, "theirs", OTHERS) {
        server.settled(fact).await;
    }
    server
}

/// Whether a restricted token is let in at all.
fn is_allowed(route: &Route, scope: &TokenScope) -> bool {
    match route.access {
        Access::Open | Access::Numbers | Access::Part => true,
        Access::Shared => !scope.numbers_only,
        Access::View | Access::Ingest | Access::Approve | Access::Admin => false,
    }
}

#[tokio::test]
async fn a_token_for_numbers_gets_no_word_from_any_route() {
    let server = world().await;
    let (_, whole) = server.keys.add_token(Role::View, "whole").unwrap();
    let token = token(&server, numbers());
    let (mut answered, mut wordy) = (0, 0);
    for route in routes() {
        let (status, text) = ask(&server, &route, &token, "weather~1").await;
        let place = format!("{} {}", route.method, route.path);
        assert!(!text.contains(WORDS), "{place}: {text}");
        assert_eq!(status == 403, !is_allowed(&route, &numbers()), "{place}: {status}");
        answered += u32::from(status == 200);
        wordy += u32::from(ask(&server, &route, &whole, "weather~1").await.1.contains(WORDS));
    }
    assert!(answered > 8 && wordy > 10, "{answered} answered, {wordy} have words");
    // Nor is it told whether a word is there.
    let all = server.get_as(&token, "/api/v1/sessions").await.json();
    let found = server
        .get_as(&token, &format!("/api/v1/sessions?q={WORDS}"))
        .await
        .json();
    assert_eq!(all["sessions"], found["sessions"]);
    let view = server.get_as(&token, "/api/v1/sessions/weather~1").await.json();
    assert_eq!(
        (&view["usage"]["input"], &view["phase"]["name"]),
        (&json!(42), &json!("Builder"))
    );
    assert_eq!(view["name"], "weather~1");
    let page = server.get_as(&token, "/api/v1/sessions?sort=name&limit=1").await.json();
    let cursor: Cursor = page["next_cursor"].as_str().unwrap().parse().unwrap();
    assert_ne!(cursor.sort, Sort::Name, "it would hold the name of a session");
    let report = server.get_as(&token, "/api/v1/stats?group_by=session").await.json();
    assert!(
        report["rows"].as_array().unwrap().iter().any(|row| row["input"] == 42),
        "{report}"
    );
}

#[tokio::test]
async fn a_token_of_a_project_learns_nothing_of_others_from_any_route() {
    let server = world().await;
    let token = token(&server, of_project("mine"));
    let theirs = format!("{OTHERS}~1");
    let mut answered = 0;
    for route in routes() {
        let place = format!("{} {}", route.method, route.path);
        let (status, text) = ask(&server, &route, &token, "weather~1").await;
        assert!(!text.contains(OTHERS), "{place}: {text}");
        assert_eq!(
            status == 403,
            !is_allowed(&route, &of_project("mine")),
            "{place}: {status}"
        );
        answered += u32::from(status == 200);
        if route.path.contains("{id}") || route.path.contains("{session}") {
            let (foreign, _) = ask(&server, &route, &token, &theirs).await;
            let (nobodys, _) = ask(&server, &route, &token, "nobody~1").await;
            assert_eq!((foreign, nobodys), (403, 403), "{place}");
        }
    }
    assert!(answered > 12, "{answered}");
    for path in [
        "/api/v1/sessions".to_owned(),
        format!("/api/v1/sessions?project=theirs&q={OTHERS}"),
        "/api/v1/stats?group_by=session".to_owned(),
        "/api/v1/stats?group_by=project&project=theirs".to_owned(),
        format!("/api/v1/stats?session={theirs}"),
    ] {
        let answer = server.get_as(&token, &path).await;
        assert!(
            answer.status < 500 && !answer.text().contains(OTHERS),
            "{path}: {}",
            answer.text()
        );
        assert!(!answer.text().contains("theirs"), "{path}: {}", answer.text());
    }
    // A cursor holds what the last row of its page is sorted by, and of all rows only its own are paged through.
    for sort in ["name", "cost", "tokens", "last_work"] {
        let page = server
            .get_as(&token, &format!("/api/v1/sessions?sort={sort}&limit=1"))
            .await
            .json();
        assert_eq!(page["sessions"][0]["id"], "weather~1", "{sort}: {page}");
        assert_eq!(
            page.get("next_cursor"),
            None,
            "{sort}: there is no other one of its own"
        );
    }
    let report = server.get_as(&token, "/api/v1/stats").await.json();
    assert_eq!((report.get("burn"), report.get("budgets")), (None, None), "{report}");
    let view = server.get_as(&token, "/api/v1/sessions/weather~1").await.json();
    assert_eq!(view["task"], format!("prompt {WORDS}"));
}

#[tokio::test]
async fn live_messages_for_numbers_have_no_words_and_patches_lead_to_what_rest_says() {
    let server = world().await;
    let token = token(&server, numbers());
    let topics = ["sessions", "session/weather~1", "log/weather~1"];
    let last = phase("weather", "Test", &format!("detail {WORDS}"));
    let (received, index) = follow(&server, &token, &topics, &last).await;
    assert!(!received.contains(WORDS), "{received}");
    assert!(
        received.contains(r#""type":"patch""#) && received.contains("forbidden"),
        "{received}"
    );
    assert!(!received.contains("digest"), "{received}");
    let row = &index["sessions"]["weather~1"];
    assert_eq!(row["phase"]["name"], "Test");
    let listed = server.get_as(&token, "/api/v1/sessions").await.json();
    let listed = listed["sessions"].as_array().unwrap().iter();
    assert_eq!(listed.clone().find(|listed| listed["id"] == "weather~1").unwrap(), row);
}

#[tokio::test]
async fn live_messages_of_a_project_name_no_other_also_when_a_session_changes_its_project() {
    let server = world().await;
    let token = token(&server, of_project("mine"));
    let topics = ["sessions", "session/weather~1", "session/0th3rs~1", "log/weather~1"];
    let last = phase(OTHERS, "Test", &format!("detail {OTHERS}"));
    let (received, index) = follow(&server, &token, &topics, &last).await;
    // The refusal repeats the topic that was asked for.
    let received = received.replace(r#""topic":"session/0th3rs~1""#, "");
    assert!(!received.contains(OTHERS), "{received}");
    assert!(received.contains("forbidden") && index["total"] == 1, "{index}");

    let mut viewer = Viewer::with_token(&server, &token).await.unwrap();
    viewer.subscribe("sessions").await;
    viewer.until("sessions", |state| state["total"] == 1).await;
    let moved = |project: &str| {
        let seen = SessionSeen {
            project: Some(project.to_owned()),
            ..SessionSeen::default()
        };
        event("other", Fact::SessionSeen(seen))
    };
    server.settled(moved("mine")).await;
    viewer
        .until("sessions", |state| state["sessions"]["other~1"]["status"] == "running")
        .await;
    server.settled(moved("theirs")).await;
    viewer
        .until("sessions", |state| state["sessions"]["other~1"].is_null())
        .await;
}

#[tokio::test]
async fn only_tokens_for_watching_are_restricted_and_stay_so() {
    let server = closed().await;
    for role in [Role::Ingest, Role::Admin] {
        assert!(server.keys.add_scoped_token(role, numbers(), "x").is_err());
    }
    let made = token(&server, of_project("mine"));
    assert_eq!(server.get_as(&made, "/readyz").await.status, 403);
    let (info, rotated) = server.keys.rotate(Role::View).unwrap();
    assert_eq!(
        info.scope,
        of_project("mine"),
        "a rotated token shows no more than before"
    );
    assert_eq!(server.get_as(&rotated, "/readyz").await.status, 403);
    assert_eq!(server.get_as(&made, "/api/v1/sessions").await.status, 401);
}
