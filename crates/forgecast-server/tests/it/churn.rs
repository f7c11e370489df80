//! Clients that come and break, again and again, while facts come in: afterwards everything is as it was before.

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::faults::{alone, socket_head};
use forgecast_testkit::Viewer;
use forgecast_testkit::{LIMIT, Server, eventually, phase};

/// Facts for each client that comes: of fifty clients and five hundred facts a second.
const FACTS_PER_CLIENT: usize = 10;
const CLIENTS: usize = 240;
/// In how many ways a client begins.
const WAYS: usize = 6;

/// Fault F25.
#[test]
fn a_storm_of_clients_that_break_leaves_nothing_behind() {
    println!("{}", alone("churn::storms"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "counts the descriptors of its process; run by the test above"]
async fn storms() {
    let server = Server::with(|setup| {
        setup.server.header_timeout_ms = 500;
        setup.server.body_timeout_ms = 500;
        setup.server.send_timeout_ms = 500;
        setup.server.heartbeat_ms = 100;
        setup.server.idle_ms = 3_000;
        setup.send_buffer = Some(16 * 1024);
    })
    .await;
    server.settled(phase("a", "Scout", "0")).await;
    // Once to have everything that is opened at first use.
    storm(&server, 2 * WAYS).await;
    let before = TopicState::of_this_process();
    storm(&server, CLIENTS).await;
    eventually("no descriptor and no task is left", async || {
        let after = TopicState::of_this_process();
        after.descriptors <= before.descriptors && after.tasks <= before.tasks
    })
    .await;
    println!("{before:?} before and {:?} after", TopicState::of_this_process());
    assert_eq!(server.get("/api/v1/sessions/a").await.status, 200);
}

#[derive(Debug)]
struct TopicState {
    descriptors: usize,
    tasks: usize,
}

impl TopicState {
    fn of_this_process() -> Self {
        Self {
            descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            tasks: Handle::current().metrics().num_alive_tasks(),
        }
    }
}

/// So many clients, half of which break off with a reset, the others are never heard of again; and one good one.
async fn storm(server: &Server, clients: usize) {
    let mut good = Viewer::join(server).await;
    good.subscribe("session/a").await;
    let last = format!("the last of {clients}");
    let ending = last.clone();
    let good = tokio::spawn(async move {
        good.until("session/a~1", |state| state["phase"]["detail"] == *ending)
            .await;
    });
    let mut silent = Vec::new();
    for number in 0..clients {
        let stream = client(server, number % WAYS).await;
        if (number / WAYS).is_multiple_of(2) {
            stream.set_zero_linger().unwrap();
        } else {
            silent.push(stream);
        }
        for fact in 0..FACTS_PER_CLIENT {
            server.feed(long(&format!("{number}.{fact}"))).await;
        }
    }
    server.feed(phase("a", "Scout", &last)).await;
    timeout(LIMIT, good).await.unwrap().unwrap();
    let mut more = 0;
    eventually("the server has given all of them up", async || {
        // Whoever reads nothing is found out by what is sent.
        more += 1;
        server.feed(long(&more.to_string())).await;
        let page = server.get("/metrics").await.text();
        page.contains("forgecast_connections 1\n") && page.contains("forgecast_viewers 0\n")
    })
    .await;
    drop(silent);
}

fn long(detail: &str) -> forgecast_protocol::Event {
    phase("a", "Scout", &format!("{detail} {}", "x".repeat(1_500)))
}

/// One that connects, gets as far as it does, and reads nothing.
async fn client(server: &Server, way: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let json = [("content-type", "application/json")];
    let sent = match way {
        0 => Vec::new(),
        1 => b"GET /api/v1/sess".to_vec(),
        2 => server.head("POST", "/api/v1/events", &json, 1_000).into_bytes(),
        3 => server.head("GET", "/", &[], 0).into_bytes(),
        4 => server.head("GET", "/api/v1/sessions/a/live", &[], 0).into_bytes(),
        _ => {
            // The greeting is not waited for, and a frame may be masked with nothing.
            let subscribe = br#"{"type":"subscribe","topic":"session/a"}"#;
            let length = u8::try_from(subscribe.len()).unwrap();
            let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], &subscribe[..]].concat();
            [socket_head(server, &[]).as_bytes(), &frame].concat()
        }
    };
    stream.write_all(&sent).await.unwrap();
    stream
}
