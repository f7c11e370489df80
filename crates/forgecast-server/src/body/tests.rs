use std::convert::Infallible;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;

use super::budget::{FIRST_BYTES, FIRST_ROOM_BYTES, GRAIN_BYTES};
use super::*;

fn bodies(limit: usize, patience: Duration) -> Bodies {
    Bodies {
        limit,
        patience,
        budget: MemoryBudget::new(1 << 30, 0),
    }
}

async fn read(body: Body, limit: usize, patience: Duration) -> Result<LimitedBody, Error> {
    bodies(limit, patience).read(Request::new(body)).await
}

async fn unpack(bytes: Vec<u8>, pieces: usize, limit: usize) -> Result<Vec<u8>, Error> {
    let pieces: Vec<_> = bytes
        .chunks(pieces)
        .map(|piece| Ok::<_, Infallible>(piece.to_vec()))
        .collect();
    let body = Body::from_stream(stream::iter(pieces));
    let bodies = bodies(limit, Duration::from_secs(10));
    let read = bodies.read(gzip(body)).await;
    read.map(LimitedBody::into_bytes)
}

fn gzip(body: Body) -> Request {
    let request = Request::builder().header(header::CONTENT_ENCODING, "gzip");
    request.body(body).unwrap()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

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
    // What came quickly at first earns no more time than a window.
    let burst = stream::iter([Ok::<_, Infallible>(vec![b' '; 8 << 20])]);
    let trickle = stream::unfold((), move |()| async move {
        tokio::time::sleep(second).await;
        Some((Ok::<_, Infallible>(vec![b' ']), ()))
    });
    let begun = Instant::now();
    let body = Body::from_stream(futures_util::StreamExt::chain(burst, Box::pin(trickle)));
    assert!(matches!(read(body, 1 << 30, 10 * second).await, Err(Error::TooSlow)));
    assert!(begun.elapsed() < 12 * second);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_gives_way_to_others_that_wait_for_memory() {
    let longest = 4 << 20;
    let bodies = Bodies {
        budget: MemoryBudget::new(longest, longest),
        ..bodies(longest, Duration::from_secs(10))
    };
    let second = Duration::from_secs(1);
    let slow = stream::unfold((), move |()| async move {
        tokio::time::sleep(second).await;
        Some((Ok::<_, Infallible>(vec![b' '; 64 * 1024]), ()))
    });
    let slow = bodies.read(Request::new(Body::from_stream(Box::pin(slow))));
    let other = async {
        tokio::time::sleep(5 * second).await;
        loop {
            match bodies.read(Request::new(Body::from(vec![b' '; longest]))).await {
                Err(Error::NoRoom) => {}
                other => break other,
            }
        }
    };
    let begun = Instant::now();
    let (slow, other) = tokio::join!(slow, other);
    assert!(matches!(slow, Err(Error::NoRoom)), "{slow:?}");
    assert_eq!(other.unwrap().len(), longest);
    assert!(begun.elapsed() < 20 * second);
}

#[tokio::test]
async fn a_body_longer_than_the_limit_is_refused() {
    let outcome = read(Body::from("12345"), 4, Duration::from_secs(1)).await;
    assert!(matches!(outcome, Err(Error::TooLarge(4))));
    let pieces = stream::iter(["123", "45"].map(Ok::<_, Infallible>));
    let outcome = read(Body::from_stream(pieces), 4, Duration::from_secs(1)).await;
    assert!(matches!(outcome, Err(Error::TooLarge(4))));
}

#[tokio::test(start_paused = true)]
async fn bodies_share_their_room_and_wait_for_each_other() {
    let longest = FIRST_BYTES + 8 * GRAIN_BYTES;
    let bodies = Bodies {
        budget: MemoryBudget::new(longest + 2 * GRAIN_BYTES, longest),
        ..bodies(longest, Duration::from_secs(1))
    };
    let request = |length: usize| Request::new(Body::from(vec![b' '; length]));
    let shared = bodies.read(request(FIRST_BYTES + 2 * GRAIN_BYTES)).await.unwrap();
    let turn = bodies.read(request(longest)).await.unwrap();
    let late = bodies.read(request(longest)).await;
    assert!(matches!(late, Err(Error::NoRoom)), "a second has passed: {late:?}");
    let begun = Instant::now();
    assert!(matches!(
        bodies.read_at_once(request(longest)).await,
        Err(Error::NoRoom)
    ));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(bodies.read_at_once(request(FIRST_BYTES)).await.is_ok(), "a short one");
    let waiting = async {
        let read = bodies.read(request(longest)).await;
        read.map(|held| held.len())
    };
    let (read, ()) = tokio::join!(waiting, async { drop(turn) });
    assert_eq!(read.unwrap(), longest);
    drop(shared);
    assert!(
        bodies
            .read_at_once(request(FIRST_BYTES + 2 * GRAIN_BYTES))
            .await
            .is_ok()
    );
    let mut many = Vec::new();
    while let Ok(body) = bodies.read(request(FIRST_BYTES)).await {
        many.push(body);
    }
    assert_eq!(many.len(), FIRST_ROOM_BYTES / FIRST_BYTES);
}

#[tokio::test]
async fn what_was_packed_is_unpacked_however_it_is_cut() {
    let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut twice = packed(&text);
    twice.extend(packed(b"behind"));
    let whole = [&text[..], b"behind"].concat();
    for pieces in [1, 7, 255, 4096, 1 << 20] {
        assert!(
            unpack(twice.clone(), pieces, 1 << 20).await.unwrap() == whole,
            "{pieces}"
        );
    }
    assert!(unpack(packed(b""), 100, 100).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_little_that_stands_for_very_much_is_refused() {
    let bomb = packed(&vec![0; 64 << 20]);
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let outcome = unpack(bomb, 64 * 1024, 1 << 20).await;
    assert!(matches!(outcome, Err(Error::TooLarge(_))), "{outcome:?}");
}

#[tokio::test]
async fn what_is_no_gzip_or_only_half_of_one_is_malformed() {
    let good = packed(&b"some text that is long enough".repeat(20));
    let mut wrong_sum = good.clone();
    let sum = wrong_sum.len() - 6;
    wrong_sum[sum] ^= 1;
    let behind = [&good[..], b"and something else that is not"].concat();
    let wrong = [
        Vec::new(),
        b"{}".to_vec(),
        b"no gzip, but long enough".to_vec(),
        wrong_sum,
        behind,
    ];
    let halves = (0..good.len()).map(|length| good[..length].to_vec());
    for bytes in wrong.into_iter().chain(halves) {
        let outcome = unpack(bytes.clone(), 10, 1 << 20).await;
        assert!(
            matches!(outcome, Err(Error::Malformed(_))),
            "{} {outcome:?}",
            bytes.len()
        );
    }
}

#[test]
fn only_gzip_is_known_and_only_alone() {
    let is_gzip = |values: &[&'static str]| {
        let headers = values
            .iter()
            .map(|value| (header::CONTENT_ENCODING, header::HeaderValue::from_static(value)));
        let permit = MemoryPermit::new(MemoryBudget::new(0, 0), Duration::ZERO);
        let sink = Sink::new(&headers.collect(), BodyBuffer::new(0, permit)).ok()?;
        Some(matches!(sink, Sink::Gzip(_)))
    };
    assert_eq!(is_gzip(&[]), Some(false));
    assert_eq!(is_gzip(&["identity"]), Some(false));
    assert_eq!(is_gzip(&["GZIP"]), Some(true));
    for refused in [&["br"][..], &["gzip, gzip"], &["gzip", "gzip"], &["deflate"]] {
        assert_eq!(is_gzip(refused), None, "{refused:?}");
    }
}
