//! How much memory a viewer takes that only listens. Alone in its process, since it counts every allocation.

#![expect(clippy::unwrap_used, reason = "what a test cannot go on without, it fails on")]

use std::alloc::System;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use cap::Cap;
use forgecast_testkit::{LIMIT, Server, phase};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes on the heap for a viewer that follows one topic and waits. The socket's buffers are the kernel's.
const MOST_BYTES: usize = 2_304;
const VIEWERS: usize = 200;

/// Viewers that have their snapshot. They are made without allocations, so that all that is counted is the server's.
fn join(address: SocketAddr, viewers: &mut Vec<TcpStream>) {
    for _ in 0..VIEWERS {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        write!(
            stream,
            "GET /api/v1/live HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .unwrap();
        let subscribe = br#"{"type":"subscribe","topic":"session/a~1"}"#;
        // A text frame of less than 126 bytes, masked with zeros.
        let head = [0x81, 0x80 | u8::try_from(subscribe.len()).unwrap(), 0, 0, 0, 0];
        stream.write_all(&[head.as_slice(), subscribe].concat()).unwrap();
        let mut received = [0; 4 << 10];
        let mut end = 0;
        while !received[..end].windows(10).any(|bytes| bytes == b"\"snapshot\"") {
            let read = stream.read(&mut received[end..]).unwrap();
            assert!(read > 0, "no snapshot in {}", String::from_utf8_lossy(&received[..end]));
            end += read;
        }
        viewers.push(stream);
    }
}

#[tokio::test]
async fn a_viewer_that_only_listens_takes_little_memory() {
    let server = Server::with(|setup| setup.hub.viewers_per_session = 2 * VIEWERS).await;
    server.settled(phase("a", "Builder", "at work")).await;
    let address = server.address;
    let join_more = |mut viewers: Vec<TcpStream>| {
        tokio::task::spawn_blocking(move || {
            join(address, &mut viewers);
            viewers
        })
    };
    // What the server allocates once is allocated for the first ones.
    let viewers = join_more(Vec::with_capacity(2 * VIEWERS)).await.unwrap();
    let before = ALLOCATOR.allocated();
    let viewers = join_more(viewers).await.unwrap();
    let each = || ALLOCATOR.allocated().saturating_sub(before) / VIEWERS;
    // What the snapshots were made with is freed a little later.
    let settling = async {
        while each() > MOST_BYTES {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let is_little = tokio::time::timeout(LIMIT, settling).await.is_ok();
    let bytes = each();
    eprintln!("{bytes} bytes for each viewer");
    assert!(is_little, "a viewer takes {bytes} bytes, more than {MOST_BYTES}");
    drop(viewers);
}
