//! `POST /api/v1/hooks/claude`: answered at once and without a body, whatever the hub does and whatever was sent.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use forgecast_testkit::{Answer, Server, eventually, metric};

const ADDRESS: &str = "/api/v1/hooks/claude";

/// A hook as the agent sends it, of a session of its own.
pub(crate) fn hook(event: &str, more: &Value) -> String {
    let mut body = json!({
        "session_id": "5b1f0c3e-77aa-4f0e-9a55-0d5b7f7b2c11",
        "transcript_path": "/home/dev/.claude/projects/-srv-weather-app/5b1f0c3e-77aa-4f0e-9a55-0d5b7f7b2c11.jsonl",
        "cwd": "/srv/weather-app",
        "permission_mode": "default",
        "hook_event_name": event,
    });
    if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
        body.extend(more.clone());
    }
    body.to_string()
}

fn tool_use(number: usize) -> String {
    let id = format!("toolu_{number}");
    hook(
        "PostToolUse",
        &json!({"tool_name": "Read", "tool_input": {"file_path": "src/main.rs"}, "tool_use_id": id, "duration_ms": 12}),
    )
}

/// What must be true of every answer to a hook.
fn is_empty_and_good(answer: &Answer) {
    assert_eq!(answer.status, 204, "{answer:?}");
    assert!(answer.body.is_empty(), "{answer:?}");
    assert_eq!(answer.header("content-type"), "");
}

async fn conserves(server: &Server) -> [u64; 4] {
    let page = server.get("/metrics").await.text();
    let [read, unreadable, dropped] =
        ["read", "unreadable", "dropped"].map(|word| metric(&page, &format!("forgecast_hooks_{word}_total")));
    let waiting = metric(&page, "forgecast_hooks_waiting");
    assert_eq!(
        metric(&page, "forgecast_hooks_received_total"),
        read + unreadable + dropped + waiting,
        "{page}"
    );
    [read, unreadable, dropped, waiting]
}

#[tokio::test]
async fn a_hook_is_answered_although_the_hub_takes_nothing_and_only_so_many_wait() {
    const WAITING: usize = 8;
    const SENT: u64 = 400;
    let server = Server::with(|setup| setup.server.hooks_waiting = WAITING).await;
    let intake = server.hub.intake();
    let blocked = intake.reserve_many(intake.max_capacity()).await.unwrap();
    for number in 0..SENT {
        let answer = server.post(ADDRESS, &tool_use(usize::try_from(number).unwrap())).await;
        is_empty_and_good(&answer);
    }
    let [read, _, dropped, waiting] = conserves(&server).await;
    assert_eq!(read + dropped + waiting, SENT);
    assert!(waiting <= WAITING as u64 && dropped > 0, "{waiting} {dropped}");
    drop(blocked);
    eventually("none waits", async || conserves(&server).await[3] == 0).await;
    is_empty_and_good(&server.post(ADDRESS, &tool_use(10_000)).await);
    eventually("the next one is read", async || {
        let [now, _, still, waiting] = conserves(&server).await;
        (now + still, still, waiting) == (SENT + 1, dropped, 0)
    })
    .await;
}

#[tokio::test]
async fn hooks_that_wait_have_only_so_many_bytes() {
    let server = Server::with(|setup| setup.server.hooks_waiting_bytes = 100_000).await;
    let long = hook("PostToolUse", &json!({"tool_response": "x".repeat(100_000)}));
    is_empty_and_good(&server.post(ADDRESS, &long).await);
    assert_eq!(conserves(&server).await, [0, 0, 1, 0]);
}

#[tokio::test]
async fn many_hooks_on_one_connection_are_answered_in_turn() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let mut sent = String::new();
    for number in 0..50 {
        let body = tool_use(number);
        let head = server.head("POST", ADDRESS, &[("content-type", "application/json")], body.len());
        // The last one closes.
        let head = if number < 49 {
            head.replace("connection: close\r\n", "")
        } else {
            head
        };
        sent.push_str(&head);
        sent.push_str(&body);
    }
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 204 No Content\r\n").count(), 50, "{answers}");
}

#[tokio::test]
async fn a_hook_that_cannot_be_read_is_counted_and_shown_and_answered_all_the_same() {
    let server = Server::start().await;
    let bodies: [&[u8]; 6] = [b"", b"nonsense", b"{", b"[1, 2]", b"\xff\xfe", b"null"];
    for body in bodies {
        let json = [("content-type", "application/json")];
        is_empty_and_good(&server.request("POST", ADDRESS, &json, body).await);
    }
    is_empty_and_good(&server.post(ADDRESS, &tool_use(1)).await);
    eventually("all are read", async || {
        conserves(&server).await == [1, bodies.len() as u64, 0, 0]
    })
    .await;
    eventually("the problem is shown", async || {
        let index = server.index().await;
        index["problems"]["hooks"]["message"]
            .as_str()
            .is_some_and(|message| message.contains(ADDRESS))
    })
    .await;
    let counters = server.hub.counters();
    let lost: u64 = counters.rejected.values().chain(counters.dropped.values()).sum();
    assert_eq!(counters.received, counters.applied + counters.duplicate + lost);
}

#[tokio::test]
async fn a_hook_too_long_is_refused_without_a_body_too() {
    let server = Server::with(|setup| setup.server.body_bytes = 1_000).await;
    let answer = server
        .post(ADDRESS, &hook("Stop", &json!({"x": "y".repeat(2_000)})))
        .await;
    assert_eq!((answer.status, answer.body.len()), (413, 0), "{answer:?}");
}

#[tokio::test]
async fn what_was_acknowledged_before_a_stop_reaches_the_hub() {
    let server = Server::start().await;
    let intake = server.hub.intake();
    let blocked = intake.reserve_many(intake.max_capacity()).await.unwrap();
    let unreadable = server.post(ADDRESS, "nonsense").await;
    is_empty_and_good(&unreadable);
    server.stop();
    drop(blocked);
    let hub = server.hub.clone();
    server.ended().await;
    eventually("its problem is known", async || hub.counters().applied == 1).await;
}

#[tokio::test]
async fn the_same_hook_twice_counts_once() {
    let server = Server::start().await;
    for _ in 0..3 {
        is_empty_and_good(&server.post(ADDRESS, &tool_use(1)).await);
    }
    eventually("all are read", async || conserves(&server).await == [3, 0, 0, 0]).await;
    eventually("one is applied", async || {
        let counters = server.hub.counters();
        (counters.applied, counters.duplicate) == (1, 2)
    })
    .await;
}

#[tokio::test]
async fn a_hook_says_that_a_person_is_needed_and_the_next_prompt_that_nobody_is() {
    let server = Server::start().await;
    let status = async || {
        let view = server
            .get("/api/v1/sessions/5b1f0c3e-77aa-4f0e-9a55-0d5b7f7b2c11")
            .await;
        let view = if view.status == 200 { view.json() } else { Value::Null };
        (view["status"].clone(), view["waiting_for"].clone())
    };
    let asks = json!({"notification_type": "permission_prompt", "message": "Claude needs your permission to use Bash"});
    is_empty_and_good(&server.post(ADDRESS, &hook("Notification", &asks)).await);
    eventually("it waits", async || {
        status().await == (json!("waiting"), json!("permission"))
    })
    .await;
    is_empty_and_good(
        &server
            .post(ADDRESS, &hook("UserPromptSubmit", &json!({"prompt": "go on"})))
            .await,
    );
    eventually("it runs", async || status().await == (json!("running"), Value::Null)).await;
}
