//! Receivers that fail, hang, are away for an hour or want no more: nothing is lost, and nothing is called for twice.

use std::time::Duration;

use forgecast_protocol::rest::NotificationState::{Delivered, Obsolete, Waiting};

use crate::receiver::{Behavior, Receiver};
use crate::world::*;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_need_is_called_for_once_and_its_end_is_told_once() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let server = world.start(options(vec![to(&receiver)])).await;
    server.asks("weather", "Wants to run: make").await;
    server.has(1, Delivered).await;
    server.goes_on("weather").await;
    server.has(2, Delivered).await;
    server.asks("weather", "Wants to run: make install").await;
    server.has(3, Delivered).await;
    let received = receiver.received();
    let weather = |seq| vec![("weather~1".to_owned(), seq)];
    assert_eq!(received.len(), 3);
    assert_eq!(received[0].needed(), weather(1));
    assert_eq!(received[0].body["data"]["needed"][0]["text"], "Wants to run: make");
    assert_eq!(
        received[0].body["data"]["url"],
        "https://builds.example/session/weather~1"
    );
    assert_eq!((received[1].needed(), received[1].resolved()), (vec![], weather(1)));
    assert_eq!(received[2].needed(), weather(2));
    server.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_away_for_an_hour_gets_what_is_still_needed() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    receiver.behaves(Behavior::answers("HTTP/1.1 503 Service Unavailable"));
    let server = world.start(options(vec![to(&receiver)])).await;
    for session in ["one", "two", "three"] {
        server.asks(session, "?").await;
        let failed = receiver.received().len();
        server.shows(|_| receiver.received().len() > failed).await;
        world.pass(20 * MINUTE);
    }
    server.goes_on("two").await;
    // Before the next attempt, or it would be sent with what was needed until now.
    server.shows(|shown| shown.notifications[0].items.len() == 2).await;
    receiver.behaves(Behavior::answers("HTTP/1.1 200 OK"));
    // Not so long that the one that went on would be stalled.
    world.pass(10 * MINUTE);
    let shown = server.has(1, Delivered).await;
    assert_eq!((shown.notifications.len(), shown.targets[0].failures), (1, 0));
    let taken: Vec<_> = receiver
        .received()
        .into_iter()
        .filter(|request| request.taken)
        .collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].needed(), [("one~1".to_owned(), 1), ("three~1".to_owned(), 1)]);
    server.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_tried_again_ever_more_slowly() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", nobody.local_addr().unwrap());
    drop(nobody);
    let server = world.start(options(vec![webhook("away", &url), to(&receiver)])).await;
    server.asks("weather", "?").await;
    let shown = server.fails_with("cannot connect").await;
    let away = &shown.targets[0];
    assert!(away.failures > 0 && away.next_attempt_at.is_some());
    // Others do not wait for it.
    server.has(1, Delivered).await;
    for failures in [4, 6] {
        world.pass(10 * MINUTE);
        server.shows(|shown| shown.targets[0].failures >= failures / 2).await;
    }
    server.goes_on("weather").await;
    server.has(1, Obsolete).await;
    server.stop().await;
}

#[tokio::test]
async fn a_receiver_that_took_a_message_and_did_not_answer_gets_the_same_again() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let server = world.start(options(vec![to(&receiver)])).await;
    for behavior in [Behavior::HangsUp, Behavior::Hangs] {
        receiver.behaves(behavior);
        let before = receiver.received().len();
        if before == 0 {
            server.asks("weather", "?").await;
        } else {
            world.pass(MINUTE);
        }
        server.shows(|_| receiver.received().len() > before).await;
        server.shows(|shown| shown.targets[0].failures > 0).await;
    }
    // What is needed meanwhile does not join the message that may have arrived.
    server.asks("search", "?").await;
    receiver.behaves(Behavior::answers("HTTP/1.1 200 OK"));
    server.fails_with("no answer within 5 s").await;
    world.pass(MINUTE);
    server.has(2, Delivered).await;
    let received = receiver.received();
    let ids: Vec<_> = received
        .iter()
        .map(|request| request.header("webhook-id").unwrap())
        .collect();
    assert_eq!((ids.len(), ids[0], ids[1]), (4, ids[2], ids[2]));
    assert!(
        received[..3]
            .iter()
            .all(|request| request.needed() == [("weather~1".to_owned(), 1)])
    );
    assert_eq!(received[3].needed(), [("search~1".to_owned(), 1)]);
    server.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_disabled_visibly_until_it_is_enabled_again() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    receiver.behaves(Behavior::answers("HTTP/1.1 410 Gone"));
    let server = world.start(options(vec![to(&receiver)])).await;
    server.asks("weather", "?").await;
    let shown = server.shows(|shown| shown.targets[0].disabled.is_some()).await;
    assert_eq!(
        shown.targets[0].disabled.as_deref(),
        Some("127.0.0.1 answered 410 Gone: it wants no more messages")
    );
    server.stop().await;
    // Also after a restart.
    receiver.behaves(Behavior::answers("HTTP/1.1 200 OK"));
    let server = world.start(options(vec![to(&receiver)])).await;
    server.asks("search", "?").await;
    let shown = server
        .shows(|shown| shown.notifications.iter().any(|message| message.items.len() == 2))
        .await;
    assert!(shown.targets[0].disabled.is_some());
    assert_eq!((shown.notifications[0].state, receiver.received().len()), (Waiting, 1));
    assert_eq!(server.notifier.retry(Some("receiver")).await.unwrap(), Some(1));
    let shown = server.has(1, Delivered).await;
    assert_eq!(shown.targets[0].disabled, None);
    assert_eq!(receiver.received()[1].needed().len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn an_answer_without_end_is_read_up_to_a_limit() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    receiver.behaves(Behavior::Floods);
    let server = world.start(options(vec![to(&receiver)])).await;
    server.asks("weather", "?").await;
    server.has(1, Delivered).await;
    server.stop().await;
}

#[tokio::test]
async fn a_pause_that_the_receiver_asks_for_is_kept() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    receiver.behaves(Behavior::answers("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 600"));
    let server = world.start(options(vec![to(&receiver)])).await;
    server.asks("weather", "?").await;
    let shown = server.fails_with("429").await;
    let asked_at = shown.notifications[0].created_at;
    let next = shown.targets[0].next_attempt_at.unwrap();
    assert!(next.millis_since(asked_at) >= 600_000, "{asked_at} {next}");
    server.stop().await;
}

#[tokio::test]
async fn during_a_silence_nothing_is_sent_and_afterwards_what_is_still_needed() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let server = world.start(options(vec![to(&receiver)])).await;
    assert!(server.notifier.silence(3_600).await.unwrap().is_some());
    server.asks("over", "?").await;
    server.asks("weather", "?").await;
    // Both, or the second may begin a notification of its own after the first was taken back.
    server
        .shows(|shown| shown.notifications.iter().any(|message| message.items.len() == 2))
        .await;
    server.goes_on("over").await;
    server.shows(|shown| shown.notifications[0].items.len() == 1).await;
    assert!(server.overview().await.silenced_until.is_some() && receiver.received().is_empty());
    world.pass(61 * MINUTE);
    let shown = server.has(1, Delivered).await;
    assert_eq!(shown.silenced_until, None);
    assert_eq!(receiver.received()[0].needed(), [("weather~1".to_owned(), 1)]);
    server.stop().await;
}
