use forgecast_protocol::rest::NotificationState;

use super::*;
use crate::target::{Endpoint, Secret};

fn item(session: &str, kind: AttentionKind, text: &str) -> NotificationItem {
    NotificationItem {
        session: session.parse().unwrap(),
        seq: 3,
        kind,
        since: Timestamp::from_millis(1_767_225_600_000),
        name: session.split('~').next().unwrap().to_owned(),
        project: Some("weather".to_owned()),
        text: text.to_owned(),
    }
}

fn notification(items: Vec<NotificationItem>, resolved: Vec<NotificationItem>) -> Notification {
    Notification {
        id: "msg_1".to_owned(),
        target: "phone".to_owned(),
        event: NotificationEvent::Attention,
        state: NotificationState::Waiting,
        created_at: Timestamp::from_millis(1_767_225_601_000),
        items,
        resolved,
        attempts: 1,
        uncertain: true,
        settled_at: None,
        error: None,
    }
}

fn message(notification: &Notification) -> Message<'_> {
    Message {
        notification,
        include_text: true,
        url: "https://builds.example",
    }
}

fn one() -> Notification {
    let text = "Wants to run: `rm -rf build && echo <!channel>`";
    notification(vec![item("weather-app~1", AttentionKind::Waiting, text)], Vec::new())
}

fn two() -> Notification {
    let items = vec![
        item("weather-app~1", AttentionKind::Waiting, "Wants to run: make"),
        item("todo-api~2", AttentionKind::Failed, ""),
    ];
    notification(items, vec![item("search~1", AttentionKind::Stalled, "")])
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[test]
fn a_webhook_gets_what_is_needed_and_what_no_longer_is() {
    insta::assert_json_snapshot!("webhook", message(&two()).json());
}

#[test]
fn ntfy_gets_a_title_a_text_and_a_link() {
    let url: Endpoint = "https://ntfy.example/sub/my-topic".parse().unwrap();
    let channel = Channel::Ntfy {
        url,
        token: Some(Secret("tk_1".to_owned())),
    };
    let request = request(message(&one()), &channel, Timestamp::default()).unwrap();
    assert_eq!(request.path, "/sub/");
    assert_eq!(request.headers[1].1, "Bearer tk_1");
    insta::assert_json_snapshot!("ntfy", body(&request));
}

#[test]
fn slack_gets_text_that_commands_nothing() {
    let url: Endpoint = "https://hooks.slack.com/services/T/B/x".parse().unwrap();
    let request = request(message(&one()), &Channel::Slack { url }, Timestamp::default()).unwrap();
    let text = body(&request)["text"].as_str().unwrap().to_owned();
    assert_eq!(
        text,
        "*<https://builds.example/session/weather-app~1|weather-app needs you>*\n\
         Wants to run: `rm -rf build &amp;&amp; echo &lt;!channel&gt;`"
    );
}

#[test]
fn a_target_may_be_told_without_what_is_asked() {
    let notification = one();
    let without = Message {
        include_text: false,
        ..message(&notification)
    };
    assert!(!without.json().to_string().contains("rm -rf"));
    assert_eq!(without.text(), "weather-app needs you");
}

#[test]
fn what_is_left_of_a_plan_is_told_to_every_target() {
    let text = "Claude Code, five hours: 92 % used, reset 15:05";
    let notification = notification(vec![item("weather-app~1", AttentionKind::Limit, text)], Vec::new());
    let message = Message {
        include_text: false,
        ..message(&notification)
    };
    assert_eq!(message.title(), "weather-app has news of its plan's limit");
    assert_eq!(message.text(), text);
    assert_eq!(message.json()["data"]["needed"][0]["text"], text);
}

#[test]
fn titles_say_who_needs_what() {
    let title = |items, resolved| message(&notification(items, resolved)).title();
    let (a, b) = (
        item("a~1", AttentionKind::Stalled, ""),
        item("b~1", AttentionKind::Budget, ""),
    );
    assert_eq!(title(vec![a.clone()], vec![b.clone()]), "a is stalled");
    assert_eq!(title(vec![a.clone(), b.clone()], vec![]), "2 sessions need you");
    assert_eq!(title(vec![], vec![b.clone()]), "b needs nobody any more");
    assert_eq!(title(vec![], vec![a, b]), "2 sessions need nobody any more");
    assert_eq!(title(vec![], vec![]), "Test message from Forgecast");
}

#[test]
fn the_signature_is_the_one_of_standard_webhooks() {
    // The example of the specification.
    let key: SigningKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
    let body = br#"{"test": 2432232314}"#;
    let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn the_largest_message_is_smaller_than_receivers_must_take() {
    let long = "é".repeat(10_000);
    let items = (0..50).map(|number| NotificationItem {
        name: long.clone(),
        project: Some(long.clone()),
        ..item(&format!("s{number}~1"), AttentionKind::Waiting, &long)
    });
    let notification = notification(items.collect(), Vec::new());
    assert!(message(&notification).json().to_string().len() < 64 * 1024);
}
