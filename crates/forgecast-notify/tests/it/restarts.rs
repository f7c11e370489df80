//! After a stop or a crash at any moment nothing is lost, and nobody is called twice for the same.

use forgecast_protocol::rest::NotificationState::{Delivered, Waiting};

use crate::receiver::{Behavior, Receiver};
use crate::world::*;

#[tokio::test]
async fn what_was_called_for_is_not_called_for_again_after_a_restart() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let server = world.start(options(vec![to(&receiver)])).await;
    server.asks("weather", "?").await;
    server.has(1, Delivered).await;
    server.stop().await;
    let server = world.start(options(vec![to(&receiver)])).await;
    server.asks("search", "?").await;
    server.has(2, Delivered).await;
    server.goes_on("weather").await;
    server.has(3, Delivered).await;
    let received = receiver.received();
    assert_eq!(received[1].needed(), [("search~1".to_owned(), 1)]);
    assert_eq!(received[2].resolved(), [("weather~1".to_owned(), 1)]);
    server.stop().await;
}

#[tokio::test]
async fn a_message_under_way_at_a_crash_is_sent_again_with_the_same_id() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    receiver.behaves(Behavior::Hangs);
    let server = world.start(options(vec![to(&receiver)])).await;
    server.asks("weather", "?").await;
    server.shows(|_| receiver.received().len() == 1).await;
    server.crash().await;
    receiver.behaves(Behavior::answers("HTTP/1.1 200 OK"));
    let server = world.start(options(vec![to(&receiver)])).await;
    server.has(1, Delivered).await;
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    assert_eq!(received[0].body, received[1].body);
    server.stop().await;
}

#[tokio::test]
async fn a_need_that_was_stored_and_not_noticed_before_a_crash_is_called_for() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let mut server = world.start(options(vec![to(&receiver)])).await;
    // The first start is over once something was sent.
    server.asks("first", "?").await;
    server.has(1, Delivered).await;
    server.kill_notifier().await;
    server.asks("weather", "?").await;
    server.crash().await;
    let server = world.start(options(vec![to(&receiver)])).await;
    server.has(2, Delivered).await;
    assert_eq!(receiver.received()[1].needed(), [("weather~1".to_owned(), 1)]);
    server.stop().await;
}

#[tokio::test]
async fn messages_to_a_target_that_is_no_longer_configured_are_dead() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    receiver.behaves(Behavior::answers("HTTP/1.1 500 Oops"));
    let server = world.start(options(vec![to(&receiver)])).await;
    server.asks("weather", "?").await;
    server.fails_with("500").await;
    server.has(1, Waiting).await;
    server.stop().await;
    let other = webhook("other", &format!("http://{}/", receiver.address));
    let server = world.start(options(vec![other])).await;
    server.fails_with("the target is no longer configured").await;
    server.stop().await;
}
