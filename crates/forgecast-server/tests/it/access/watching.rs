//! Those who watch: guests see one session and nothing of the others, and whoever's token ends is told so.

use forgecast_server::Role;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::{HOUR, closed, id};
use forgecast_testkit::{LIMIT, Server, bearer, phase};
use forgecast_testkit::{Received, Viewer};

const NOT_AUTHORIZED: Option<(u16, &str)> = Some((4401, "not authorised"));

async fn closing(viewer: &mut Viewer) -> Option<(u16, String)> {
    viewer.closing().await
}

fn is_over(ending: Option<(u16, String)>) {
    let ending = ending.as_ref().map(|(code, reason)| (*code, &**reason));
    assert_eq!(ending, NOT_AUTHORIZED);
}

#[tokio::test]
async fn a_socket_is_refused_before_it_is_one() {
    let server = closed().await;
    let (_, ingest) = server.keys.add_token(Role::Ingest, "hook").unwrap();
    assert_eq!(Viewer::with_token(&server, "fc_v_x").await.err(), Some(401));
    assert_eq!(Viewer::with_token(&server, &ingest).await.err(), Some(403));
    let (_, view) = server.keys.add_token(Role::View, "phone").unwrap();
    assert!(Viewer::with_token(&server, &view).await.is_ok());
}

#[tokio::test]
async fn a_guest_follows_its_session_and_its_log_and_nothing_else() {
    let server = closed().await;
    let (_, link) = server.keys.share(id("weather~1"), HOUR).unwrap();
    let mut guest = Viewer::with_token(&server, &link).await.unwrap();
    for topic in [
        "sessions",
        "session/other~1",
        "log/other~1",
        "session/other",
        "session/weather",
        "log/weather",
        "session/weather~2",
        "session/nobody~1",
    ] {
        guest.subscribe(topic).await;
        let error = guest.message_of("error").await;
        assert_eq!(
            (&error["topic"], &error["problem"]["status"]),
            (&json!(topic), &json!(403)),
            "{error}"
        );
    }
    guest.subscribe("log/weather~1").await;
    guest.subscribe("session/weather~1").await;
    guest
        .until("session/weather~1", |state| state["phase"]["name"] == "Scout")
        .await;
    // Others work, a new session comes, a source is in trouble: nothing of it is a guest's business.
    server.settled(phase("other", "Builder", "a secret of others")).await;
    server.settled(phase("newcomer", "Scout", "a secret of others")).await;
    server.settled(phase("weather", "Builder", "writes it")).await;
    let mut beats = 0;
    while beats < 3 {
        let Received::Message(message) = guest.hear().await else {
            panic!("closed");
        };
        assert!(!message.to_string().contains("other"), "{message}");
        if message["type"] == "heartbeat" {
            let topics: Vec<_> = message["revisions"].as_object().unwrap().keys().collect();
            assert!(topics.iter().all(|topic| topic.ends_with("/weather~1")), "{message}");
            beats += 1;
        }
    }
    assert_eq!(guest.held["session/weather~1"].state["phase"]["name"], "Builder");
    let known: Vec<_> = guest.held.keys().collect();
    assert_eq!(known, ["session/weather~1"]);
}

#[tokio::test]
async fn a_newer_run_of_the_same_name_is_not_the_guests() {
    let server = closed().await;
    let (_, link) = server.keys.share(id("weather~1"), HOUR).unwrap();
    let finished = json!([
        {"id": "1", "session": "weather", "type": "completion_reported", "outcome": "completed"},
        {"id": "2", "session": "weather", "type": "session_seen", "task": "another run", "run": "2"},
    ]);
    let bearer = bearer(&server.keys.process_key());
    let headers = [("content-type", "application/json"), ("authorization", &*bearer)];
    server
        .request("POST", "/api/v1/events", &headers, finished.to_string().as_bytes())
        .await;
    for path in ["/api/v1/sessions/weather", "/api/v1/sessions/weather~2"] {
        assert_eq!(server.get_as(&link, path).await.status, 403, "{path}");
    }
    assert_eq!(server.get_as(&link, "/api/v1/sessions/weather~1").await.status, 200);
}

#[tokio::test]
async fn sockets_end_when_the_token_is_revoked_and_others_do_not_notice() {
    let server = closed().await;
    let (_, one) = server.keys.add_token(Role::View, "phone").unwrap();
    let (_, two) = server.keys.add_token(Role::View, "laptop").unwrap();
    let (link, shared) = server.keys.share(id("weather~1"), HOUR).unwrap();
    let mut phone = Viewer::with_token(&server, &one).await.unwrap();
    let mut laptop = Viewer::with_token(&server, &two).await.unwrap();
    let mut guest = Viewer::with_token(&server, &shared).await.unwrap();
    for viewer in [&mut phone, &mut laptop] {
        viewer.subscribe("sessions").await;
        viewer
            .until("sessions", |state| state["sessions"]["weather~1"].is_object())
            .await;
    }
    // By another process, as `forgecast token revoke` is.
    let command = forgecast_server::Keys::open(
        &server.folder.path().join("access.json"),
        forgecast_protocol::Clock::new(forgecast_testkit::now),
    )
    .unwrap();
    command.revoke_token("phone").unwrap();
    is_over(closing(&mut phone).await);
    command.revoke_share(&link.id).unwrap();
    is_over(closing(&mut guest).await);
    server.settled(phase("weather", "Builder", "goes on")).await;
    laptop
        .until("sessions", |state| {
            state["sessions"]["weather~1"]["phase"]["name"] == "Builder"
        })
        .await;
    assert_eq!(Viewer::with_token(&server, &one).await.err(), Some(401));
}

#[tokio::test]
async fn a_socket_ends_when_the_link_expires() {
    let server = closed().await;
    let (_, link) = server.keys.share(id("weather~1"), HOUR).unwrap();
    let mut guest = Viewer::with_token(&server, &link).await.unwrap();
    guest.subscribe("session/weather~1").await;
    guest.message_of("heartbeat").await;
    server.pass(HOUR);
    is_over(closing(&mut guest).await);
}

#[tokio::test]
async fn an_event_stream_ends_with_its_token() {
    let server = closed().await;
    let (_, token) = server.keys.add_token(Role::View, "curl").unwrap();
    let (link, shared) = server.keys.share(id("weather~1"), HOUR).unwrap();
    let open = async |token: &str, path: &str| {
        let bearer = bearer(token);
        let mut stream = server.connect().await;
        let head = server.head("GET", path, &[("authorization", &bearer)], 0);
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains("event: heartbeat") {
            assert!(timeout(LIMIT, stream.read_buf(&mut text)).await.unwrap().unwrap() > 0);
        }
        (stream, text)
    };
    let (mut index, _) = open(&token, "/api/v1/sessions/live").await;
    let (mut session, seen) = open(&shared, "/api/v1/sessions/weather~1/live").await;
    assert!(!String::from_utf8_lossy(&seen).contains("other"));
    server.keys.revoke_token("curl").unwrap();
    server.keys.revoke_share(&link.id).unwrap();
    for stream in [&mut index, &mut session] {
        let mut rest = Vec::new();
        let read = timeout(LIMIT, stream.read_to_end(&mut rest)).await;
        read.expect("an end").unwrap();
    }
}

#[tokio::test]
async fn the_socket_of_other_programs_pages_ends_with_its_token() {
    let server = closed().await;
    let (_, token) = server.keys.add_token(Role::View, "wall").unwrap();
    let (_, link) = server.keys.share(id("weather~1"), HOUR).unwrap();
    let open = async |token: &str| {
        let mut request = format!("ws://{}/ws/weather~1", server.address)
            .into_client_request()
            .unwrap();
        request
            .headers_mut()
            .insert("authorization", bearer(token).parse().unwrap());
        tokio_tungstenite::client_async(request, server.connect().await).await
    };
    assert!(open(&link).await.is_err(), "it is no guest's");
    let (mut socket, _) = open(&token).await.unwrap();
    let first = timeout(LIMIT, socket.next()).await.unwrap().unwrap().unwrap();
    let first: Value = serde_json::from_str(first.to_text().unwrap()).unwrap();
    assert_eq!(first["type"], "status");
    server.keys.revoke_token("wall").unwrap();
    let code = loop {
        match timeout(LIMIT, socket.next()).await.unwrap() {
            Some(Ok(Message::Close(frame))) => break frame.map(|frame| u16::from(frame.code)),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, Some(4401));
}

#[tokio::test]
async fn who_signed_in_with_a_browser_is_told_too() {
    let server: Server = closed().await;
    let (_, token) = server.keys.add_token(Role::View, "phone").unwrap();
    let body = json!({ "token": token }).to_string();
    let answer = server.post("/api/v1/login", &body).await;
    let (cookie, _) = answer.header("set-cookie").split_once(';').unwrap();
    let mut request = format!("ws://{}/api/v1/live", server.address)
        .into_client_request()
        .unwrap();
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::client_async(request, server.connect().await)
        .await
        .unwrap();
    server.keys.revoke_token("phone").unwrap();
    loop {
        if let Message::Close(frame) = timeout(LIMIT, socket.next()).await.unwrap().unwrap().unwrap() {
            assert_eq!(frame.map(|frame| u16::from(frame.code)), Some(4401));
            return;
        }
    }
}
