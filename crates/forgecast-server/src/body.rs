//! Reads the body of a request: up to a size, and at a pace. A body that trickles holds a connection and memory, so it
//! gets a deadline that only bytes move.

use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::error::Error;

/// What a body must bring in a second to be allowed to go on: far below any network, far above a trickle.
const BYTES_PER_SECOND: u64 = 32 * 1024;

/// The whole body, at most `limit` bytes; it has `patience`, and a second more for each 32 KiB that came.
pub(crate) async fn read(body: Body, limit: usize, patience: Duration) -> Result<Bytes, Error> {
    // What says beforehand that it is too long is not read at all.
    if body.size_hint().lower() > limit as u64 {
        return Err(Error::TooLarge(limit));
    }
    let begun = Instant::now();
    let mut body = pin!(body);
    let mut bytes = BytesMut::new();
    loop {
        let earned = Duration::from_millis(bytes.len() as u64 * 1000 / BYTES_PER_SECOND);
        let frame = timeout_at(begun + patience + earned, body.frame())
            .await
            .map_err(|_| Error::TooSlow)?;
        let Some(frame) = frame else {
            return Ok(bytes.freeze());
        };
        // The connection broke or the framing is wrong: whoever sent it is not there to read more about it.
        let frame = frame.map_err(|_| Error::Malformed("the body ended too early".to_owned()))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > limit {
            return Err(Error::TooLarge(limit));
        }
        bytes.extend_from_slice(&data);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_trickle_is_cut_off_and_a_slow_but_steady_body_is_not() {
        let dripping = |bytes: usize, every: Duration, times: usize| {
            Body::from_stream(stream::unfold(times, move |left| async move {
                let left = left.checked_sub(1)?;
                tokio::time::sleep(every).await;
                Some((Ok::<_, Infallible>(vec![b' '; bytes]), left))
            }))
        };
        let second = Duration::from_secs(1);
        let begun = Instant::now();
        let outcome = read(dripping(1, second, 1000), 5000, 10 * second).await;
        assert!(matches!(outcome, Err(Error::TooSlow)));
        assert!(begun.elapsed() < 12 * second);
        let steady = read(dripping(64 * 1024, second, 60), 1 << 30, 10 * second).await;
        assert_eq!(steady.unwrap().len(), 60 * 64 * 1024);
    }

    #[tokio::test]
    async fn a_body_longer_than_the_limit_is_refused() {
        let outcome = read(Body::from("12345"), 4, Duration::from_secs(1)).await;
        assert!(matches!(outcome, Err(Error::TooLarge(4))));
        let pieces = stream::iter(["123", "45"].map(Ok::<_, Infallible>));
        let outcome = read(Body::from_stream(pieces), 4, Duration::from_secs(1)).await;
        assert!(matches!(outcome, Err(Error::TooLarge(4))));
    }
}
