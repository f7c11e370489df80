//! What each kind of target gets.

use forgecast_notify::{Channel, Secret, Target};
use forgecast_protocol::rest::NotificationState::{Dead, Delivered};

use crate::receiver::{Behavior, Receiver};
use crate::world::*;

#[tokio::test]
async fn ntfy_slack_and_a_webhook_get_requests_in_their_own_form() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let base = format!("http://{}", receiver.address);
    let url = |path: &str| format!("{base}{path}").parse().unwrap();
    let token = Some(Secret("tk_1".to_owned()));
    let targets = vec![
        Target::new(
            "ntfy",
            Channel::Ntfy {
                url: url("/builds"),
                token,
            },
        ),
        Target::new(
            "slack",
            Channel::Slack {
                url: url("/services/T/B/x"),
            },
        ),
        webhook("webhook", &format!("{base}/hook?from=builds")),
    ];
    let server = world.start(options(targets)).await;
    server.asks("weather", "Wants to run: make").await;
    server.has(3, Delivered).await;
    let received = receiver.received();
    let of = |line: &str| received.iter().find(|request| request.head.starts_with(line)).unwrap();
    let ntfy = of("POST / HTTP/1.1");
    assert_eq!(ntfy.header("authorization"), Some("Bearer tk_1"));
    assert_eq!(
        (ntfy.body["topic"].as_str(), ntfy.body["title"].as_str()),
        (Some("builds"), Some("weather needs you"))
    );
    assert_eq!(ntfy.body["message"], "Wants to run: make");
    let slack = of("POST /services/T/B/x HTTP/1.1");
    assert!(slack.body["text"].as_str().unwrap().ends_with("Wants to run: make"));
    let webhook = of("POST /hook?from=builds HTTP/1.1");
    assert_eq!(webhook.header("host"), Some(receiver.address.to_string().as_str()));
    assert!(webhook.header("webhook-id").unwrap().starts_with("msg_"));
    assert_eq!(webhook.header("webhook-timestamp").unwrap().len(), 10);
    assert!(webhook.header("webhook-signature").unwrap().starts_with("v1,"));
    server.stop().await;
}

#[tokio::test]
async fn a_command_gets_json_on_standard_input() {
    let world = World::new();
    let file = world.path("message.json");
    let script = format!("cat > '{}'", file.display());
    let command = |script: &str| Channel::Command {
        argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
    };
    let targets = vec![
        Target::new("works", command(&script)),
        Target::new("fails", command("exit 3")),
    ];
    let server = world.start(options(targets)).await;
    server.asks("weather", "Wants to run: make").await;
    server.has(1, Delivered).await;
    server.fails_with("exit status: 3").await;
    let message: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(message["type"], "attention.needed");
    assert_eq!(message["data"]["needed"][0]["text"], "Wants to run: make");
    server.stop().await;
}

#[tokio::test]
async fn a_test_is_sent_at_once_and_says_what_became_of_it() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let mut target = to(&receiver);
    target.group_ms = 60_000;
    let server = world.start(options(vec![target])).await;
    server.notifier.silence(60).await.unwrap();
    assert_eq!(server.notifier.test("nobody").await.unwrap(), None);
    let sent = server.notifier.test("receiver").await.unwrap().unwrap();
    assert_eq!((sent.state, sent.error), (Delivered, None));
    receiver.behaves(Behavior::answers("HTTP/1.1 401 Unauthorized"));
    let sent = server.notifier.test("receiver").await.unwrap().unwrap();
    assert_eq!(
        (sent.state, sent.error.as_deref()),
        (Dead, Some("127.0.0.1 answered 401 Unauthorized"))
    );
    assert!(receiver.received().iter().all(|request| request.body["type"] == "test"));
    // It is listed, and nothing to be sent again.
    assert_eq!(server.has(1, Dead).await.notifications.len(), 2);
    assert_eq!(server.notifier.retry(None).await.unwrap(), Some(0));
    server.stop().await;
}
