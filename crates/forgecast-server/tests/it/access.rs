//! Who may do what: every route against every kind of caller, what guessing leads to, and where tokens must never be.
//! Fault F38.

mod canary;
mod login;
mod paths;
mod scoped;
mod table;
mod watching;

use std::time::Duration;

use forgecast_protocol::SessionId;
use forgecast_server::{Options, Role};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use forgecast_testkit::{Server, phase};

const HOUR: Duration = Duration::from_secs(3600);

/// A server at which nobody is let in for being near, with two sessions.
async fn closed() -> Server {
    closed_with(|_| ()).await
}

async fn closed_with(change: impl FnOnce(&mut Options)) -> Server {
    let server = Server::with(|setup| {
        setup.server.require_token = true;
        setup.server.heartbeat_ms = 20;
        change(&mut setup.server);
    })
    .await;
    server.settled(phase("weather", "Scout", "looks for a forecast")).await;
    server.settled(phase("other", "Scout", "a secret of others")).await;
    server
}

fn id(text: &str) -> SessionId {
    text.parse().unwrap()
}

#[tokio::test]
async fn guessing_is_slowed_down_and_locks_out_nobody_elsewhere() {
    let server = closed_with(|options| options.wrong_tokens_per_address = 10).await;
    let path = "/api/v1/sessions/weather~1";
    let (_, known) = server.keys.add_token(Role::View, "known").unwrap();
    let (_, new) = server.keys.add_token(Role::View, "new").unwrap();
    assert_eq!(server.get_as(&known, path).await.status, 200);
    let mut refused = None;
    for number in 0..11 {
        let answer = server.get_as(&format!("fc_v_{number}"), path).await;
        if number < 10 {
            assert_eq!(answer.status, 401, "{number}");
        } else {
            refused = Some(answer);
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["type"], "urn:forgecast:error:too-many-guesses");
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=7).contains(&wait), "{wait}");
    let body = format!(r#"{{"token": "{new}"}}"#);
    assert_eq!(
        server.post("/api/v1/login", &body).await.status,
        429,
        "signing in is the same"
    );
    assert_eq!(server.get_as(&new, path).await.status, 429, "not even looked at");
    assert_eq!(server.get_as(&known, path).await.status, 200, "it was here before");
    assert_eq!(server.get("/healthz").await.status, 200, "what is open stays open");
    assert_eq!(server.get_from("127.0.0.2", &new, path).await.status, 200);
    assert_eq!(server.get_from("127.0.0.2", "fc_v_x", path).await.status, 401);
}

#[tokio::test]
async fn guesses_from_many_addresses_are_slowed_down_together() {
    let server = closed_with(|options| options.wrong_tokens = 30).await;
    let path = "/api/v1/stats";
    let (_, token) = server.keys.add_token(Role::View, "phone").unwrap();
    let mut answers = Vec::new();
    for number in 2..42 {
        let address = format!("127.0.0.{number}");
        answers.push(server.get_from(&address, &format!("fc_v_{number}"), path).await.status);
    }
    assert_eq!(
        answers.iter().filter(|status| **status == 401).count(),
        30,
        "{answers:?}"
    );
    assert_eq!(
        answers.iter().filter(|status| **status == 429).count(),
        10,
        "{answers:?}"
    );
    assert_eq!(server.get_from("127.0.0.99", &token, path).await.status, 200);
}

#[tokio::test]
async fn an_address_that_others_reach_is_not_served_without_a_token() {
    let server = Server::start().await;
    let run = |listener, stop| forgecast_server::run(listener, server.app(Options::default()), stop);
    for address in ["0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0"] {
        // A machine without IPv6 has no such address.
        let Ok(listener) = TcpListener::bind(address).await else {
            continue;
        };
        let refusal = run(listener, CancellationToken::new()).await.unwrap_err().to_string();
        assert!(
            refusal.contains("forgecast token") && refusal.contains("127.0.0.1"),
            "{refusal}"
        );
    }
    server.keys.share(id("weather~1"), HOUR).unwrap();
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    assert!(
        run(listener, CancellationToken::new()).await.is_err(),
        "a share link is no token"
    );
    server.keys.add_token(Role::View, "phone").unwrap();
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    run(listener, stop).await.unwrap();
}
