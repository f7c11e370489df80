//! What the tests of several crates share: a server on a free port with everything that the binary mounts on it, a small HTTP
//! client that hides nothing, and a viewer that folds what it receives. Only for tests; nothing that ships depends on it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test cannot go on without, it fails on"
)]

mod facts;
mod http;
mod server;
mod viewer;

use std::time::Duration;

use forgecast_protocol::Timestamp;
use forgecast_server::Route;

pub use self::facts::{completion, event, phase};
pub use self::http::{Answer, bearer, head, metric};
pub use self::server::{Server, Setup};
pub use self::viewer::{Received, TopicState, Viewer};

/// Ten times what a loaded machine needs; reached only by a test that fails.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The time that it is on every server of the tests, unless [`Server::pass`] makes it later.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::from_millis(1_769_847_300_250)
}

/// Every route that the binary serves: the server's own and those that are mounted on it.
#[must_use]
pub fn routes() -> Vec<Route> {
    let (own, legacy) = (forgecast_server::routes(), forgecast_legacy::routes());
    own.table().iter().chain(legacy.table()).cloned().collect()
}

/// Waits until it is so.
///
/// # Panics
/// When it did not come true within [`LIMIT`].
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(LIMIT, waiting).await.is_err() {
        panic!("never came true: {what}");
    }
}
