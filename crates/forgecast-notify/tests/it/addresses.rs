//! Where messages never go: into the private network, wherever a name or a redirect leads.

use forgecast_notify::{Channel, Options, Target};
use forgecast_protocol::rest::NotificationState::Waiting;

use crate::receiver::{Behavior, Receiver};
use crate::world::*;

#[tokio::test]
async fn an_address_that_is_not_public_is_not_connected_to_however_it_is_written() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let port = receiver.address.port();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
    ];
    let targets = hosts.map(|host| webhook(host, &format!("http://{host}:{port}/hook")));
    let refused = Options {
        allowed_addresses: Vec::new(),
        ..options(targets.to_vec())
    };
    let server = world.start(refused).await;
    server.asks("weather", "?").await;
    let shown = server
        .shows(|shown| shown.targets.len() == hosts.len() && shown.targets.iter().all(|target| target.failures > 0))
        .await;
    for message in &shown.notifications {
        let error = message.error.as_deref().unwrap();
        assert!(
            error.contains("which is not a public address; add it to notify.allowed_addresses"),
            "{error}"
        );
        assert_eq!((message.state, message.uncertain), (Waiting, false));
    }
    assert!(receiver.received().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_not_followed() {
    let (world, receiver, inner) = (World::new(), Receiver::start().await, Receiver::start().await);
    let location = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{}/inner",
        inner.address
    );
    receiver.behaves(Behavior::answers(&location));
    let server = world.start(options(vec![to(&receiver)])).await;
    server.asks("weather", "?").await;
    server.fails_with("redirects are not followed").await;
    assert!(inner.received().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn no_answer_and_no_error_contains_a_secret() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    receiver.behaves(Behavior::answers("HTTP/1.1 403 Forbidden"));
    let url = format!("http://{}/services/canary-path?key=canary-query", receiver.address);
    let token = Some(forgecast_notify::Secret("canary-token".to_owned()));
    let ntfy = Channel::Ntfy {
        url: url.parse().unwrap(),
        token,
    };
    let bad_token = Some(forgecast_notify::Secret("canary\nheader".to_owned()));
    let unsendable = Channel::Ntfy {
        url: url.parse().unwrap(),
        token: bad_token,
    };
    let mut targets = vec![
        Target::new("ntfy", ntfy),
        Target::new(
            "slack",
            Channel::Slack {
                url: url.parse().unwrap(),
            },
        ),
        Target::new("unsendable", unsendable),
        webhook("webhook", &url),
    ];
    targets.iter_mut().for_each(|target| target.group_ms = 0);
    let shown = format!("{:?}", options(targets.clone()));
    assert!(!shown.contains("canary") && !shown.contains(KEY), "{shown}");
    let server = world.start(options(targets)).await;
    server.asks("weather", "?").await;
    let shown = server
        .shows(|shown| shown.targets.iter().all(|target| target.failures > 0))
        .await;
    let shown = serde_json::to_string(&shown).unwrap();
    assert!(!shown.contains("canary") && !shown.contains(KEY), "{shown}");
    assert!(shown.contains("127.0.0.1 answered 403 Forbidden"), "{shown}");
    server.stop().await;
}
