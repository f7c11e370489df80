//! Bodies that mean harm: too long, lying, endless, small ones that stand for very much. Faults F22 and F16.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use forgecast_testkit::routes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::hooks::hook;
use crate::otlp::{JSON, LOGS, PROTOBUF};
use forgecast_server::Access;
use forgecast_testkit::{Answer, LIMIT, Server, bearer, head};

const MIB: usize = 1024 * 1024;
const LONG: usize = 150 * MIB;
/// What the server may take more than before, whatever is sent to it.
const GROWTH: u64 = 32 * MIB as u64;

/// Every address that takes a body, with what it takes there.
const DOORS: [(&str, &str); 18] = [
    ("/api/v1/login", JSON),
    ("/api/v1/notifications/retry", JSON),
    ("/api/v1/notifications/silence", JSON),
    ("/api/v1/notifications/test", JSON),
    ("/api/v1/budgets/raise", JSON),
    ("/api/v1/budgets/clear", JSON),
    ("/api/v1/events", JSON),
    ("/api/v1/import", JSON),
    ("/api/v1/hooks/claude", JSON),
    ("/api/v1/hooks/claude/permission", JSON),
    ("/api/v1/hooks/codex", JSON),
    ("/api/phase-update", JSON),
    ("/api/agent-update", JSON),
    ("/api/broadcast/a", JSON),
    ("/v1/logs", JSON),
    ("/v1/logs", PROTOBUF),
    ("/v1/metrics", JSON),
    ("/v1/metrics", PROTOBUF),
];

pub(crate) fn packed(bytes: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for piece in bytes {
        encoder.write_all(&piece).unwrap();
    }
    encoder.finish().unwrap()
}

/// The server in a process of its own, so that its memory is nobody else's.
struct Process {
    child: Child,
    address: SocketAddr,
    /// Opens every door.
    bearer: String,
}

impl Process {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "bodies::serves_until_its_input_ends",
                "--nocapture",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let place = lines.map_while(Result::ok).find_map(|line| {
            let (_, place) = line.split_once("serving on ")?;
            let (address, key) = place.split_once(" for ")?;
            Some((address.parse().ok()?, bearer(key)))
        });
        let (address, bearer) = place.expect("it serves");
        Self { child, address, bearer }
    }

    /// A line of its status, bytes.
    fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let kib: u64 = line
            .trim_matches([':', '\t', ' '])
            .trim_end_matches(" kB")
            .parse()
            .unwrap();
        kib * 1024
    }

    /// What opens the door.
    fn shown(&self) -> impl Iterator<Item = (&str, &str)> {
        std::iter::once(("authorization", &*self.bearer))
    }

    /// Sends a head and a body as fast as it is taken, and reads the answer.
    async fn ask(&self, path: &str, headers: &[(&str, &str)], length: Option<usize>, body: Pieces<'_>) -> Answer {
        let headers: Vec<_> = self.shown().chain(headers.iter().copied()).collect();
        let mut head = head(self.address, "POST", path, &headers, length.unwrap_or(0));
        if length.is_none() {
            head = head.replace("content-length: 0", "transfer-encoding: chunked");
        }
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut reading, mut writing) = stream.into_split();
        let mut answer = Vec::new();
        let writes = async {
            writing.write_all(head.as_bytes()).await?;
            for _ in 0..body.times {
                writing.write_all(body.piece).await?;
            }
            writing.flush().await
        };
        let answered = async {
            let (read, written) = tokio::join!(reading.read_to_end(&mut answer), writes);
            // An endless body ends when nobody reads it; all others must be taken to their end, or their sender would
            // lose the answer over the connection that breaks.
            assert!(written.is_ok() || body.times == usize::MAX, "{path}: {written:?}");
            assert!(read.is_ok() || body.times == usize::MAX, "{path}: {read:?}");
        };
        timeout(LIMIT, answered).await.expect("an answer");
        Answer::parse(&answer)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A body: one piece, again and again.
#[derive(Clone, Copy)]
struct Pieces<'p> {
    piece: &'p [u8],
    times: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the server that the test below measures; ends with its input"]
async fn serves_until_its_input_ends() {
    let server = Server::start().await;
    println!("serving on {} for {}", server.address, server.keys.process_key());
    let ended = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    let _ = ended.await;
}

#[test]
fn no_address_that_takes_a_body_is_forgotten() {
    let posts = routes().into_iter().filter(|route| route.method == "POST");
    // Signing out says everything by its address, and the token of the process must not answer for a person.
    let takes = posts.filter(|route| route.path != "/api/v1/logout" && route.access != Access::Approve);
    let takes: BTreeSet<String> = takes.map(|route| route.path.replace("{id}", "a")).collect();
    let tried: BTreeSet<String> = DOORS.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(takes, tried);
}

/// Fault F22.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_lying_and_endless_bodies_are_refused_and_take_no_memory() {
    let server = Process::start();
    let before = server.memory("VmRSS").max(server.memory("VmHWM"));
    let mib = vec![b' '; MIB];
    let long = Pieces {
        piece: &mib,
        times: LONG / MIB,
    };
    let chunk = [format!("{MIB:x}\r\n").as_bytes(), &mib[..], b"\r\n"].concat();
    let endless = Pieces {
        piece: &chunk,
        times: usize::MAX,
    };
    let nothing = Pieces { piece: b"", times: 0 };
    let bomb = packed((0..LONG / MIB).map(|_| mib.clone()));
    assert!(bomb.len() < MIB, "{}", bomb.len());
    let bomb = Pieces { piece: &bomb, times: 1 };
    for (path, kind) in DOORS {
        let plain = [("content-type", kind)];
        let gzip = [("content-type", kind), ("content-encoding", "gzip")];
        assert_eq!(server.ask(path, &plain, Some(LONG), long).await.status, 413, "{path}");
        assert_eq!(
            server.ask(path, &plain, Some(LONG), nothing).await.status,
            413,
            "{path}"
        );
        assert_eq!(server.ask(path, &plain, None, endless).await.status, 413, "{path}");
        assert_eq!(
            server.ask(path, &gzip, Some(bomb.piece.len()), bomb).await.status,
            413,
            "{path}"
        );
        // Several at a time take turns in the room that there is for one.
        let together = (0..8).map(|_| server.ask(path, &gzip, Some(bomb.piece.len()), bomb));
        for answer in futures_util::future::join_all(together).await {
            // A hook does not wait for its turn.
            let expected: &[u16] = if path.contains("hooks") { &[413, 204] } else { &[413] };
            assert!(expected.contains(&answer.status), "{path}: {answer:?}");
        }
        lies(&server, path, kind).await;
    }
    let growth = server.memory("VmHWM") - before;
    println!(
        "at most {} KiB more, {} KiB are left",
        growth / 1024,
        server.memory("VmRSS").saturating_sub(before) / 1024
    );
    assert!(growth <= GROWTH, "{} KiB", growth / 1024);
}

/// Bodies that are not what their head says.
async fn lies(server: &Process, path: &str, kind: &str) {
    let plain = [("content-type", kind)];
    let once = |piece| Pieces { piece, times: 1 };
    let broken = server
        .ask(path, &plain, None, once(b"zz\r\nno size of a chunk\r\n"))
        .await;
    assert_eq!(broken.status, 400, "{path}");
    let unknown = [("content-type", kind), ("content-encoding", "br")];
    assert_eq!(
        server.ask(path, &unknown, Some(2), once(b"{}")).await.status,
        415,
        "{path}"
    );
    let no_gzip = [("content-type", kind), ("content-encoding", "gzip")];
    assert_eq!(
        server.ask(path, &no_gzip, Some(2), once(b"{}")).await.status,
        400,
        "{path}"
    );
    // More is announced than comes.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let headers: Vec<_> = server.shown().chain(plain).collect();
    let head = head(server.address, "POST", path, &headers, 1_000);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"{}").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(LIMIT, stream.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.is_empty() || Answer::parse(&answer).status == 400, "{path}");
}

/// Something near to what is sent to these addresses, so that a change of it gets far into a decoder.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = crate::otlp::samples();
    let tool = serde_json::json!({"tool_name": "Bash", "tool_use_id": "toolu_1", "tool_input": {"command": "ls"}});
    for event in [
        "PreToolUse",
        "PostToolUse",
        "Notification",
        "Stop",
        "SubagentStop",
        "UserPromptSubmit",
        "SessionEnd",
    ] {
        seeds.push(hook(event, &tool).into_bytes());
    }
    seeds.push(br#"{"id": "e-1", "session": "a", "type": "phase_reported", "phase": "Scout"}"#.to_vec());
    seeds
}

/// A seed with some of its bytes changed, cut or repeated; or nothing but noise.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    let edits = prop::collection::vec(edit, 0..12);
    let changed = (prop::sample::select(seeds()), edits).prop_map(|(mut bytes, edits)| {
        for (place, byte, what) in edits {
            if bytes.is_empty() {
                break;
            }
            let place = place.index(bytes.len());
            match what {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                2 => bytes.truncate(place),
                _ => bytes.extend_from_within(place..),
            }
        }
        bytes
    });
    prop_oneof![4 => changed, 1 => prop::collection::vec(any::<u8>(), 0..400)]
}

/// Fault F16: nothing that is sent is the server's fault, and it is still there afterwards.
#[tokio::test]
async fn no_body_makes_an_error_of_the_server() {
    let server = Server::start().await;
    let key = bearer(&server.keys.process_key());
    let cases = 600;
    let mut runner = TestRunner::new(Config::with_cases(cases));
    let strategy = (prop::sample::select(DOORS.to_vec()), mutated(), any::<bool>());
    for _ in 0..cases {
        let ((path, kind), body, gzip) = strategy.new_tree(&mut runner).unwrap().current();
        let mut headers = vec![("content-type", kind), ("authorization", &*key)];
        let body = if gzip {
            headers.push(("content-encoding", "gzip"));
            packed([body])
        } else {
            body
        };
        let answer = server.request("POST", path, &headers, &body).await;
        assert!(answer.status < 500, "{path} {kind} {answer:?} {body:?}");
        if path == LOGS || path.starts_with("/v1/") {
            assert_eq!(answer.header("content-type"), kind);
        }
        if path.contains("hooks") {
            assert_eq!((answer.status, answer.body.len()), (204, 0));
        }
    }
    assert_eq!(server.get("/healthz").await.status, 200);
    let counters = server.hub.counters();
    let lost: u64 = counters.rejected.values().chain(counters.dropped.values()).sum();
    assert_eq!(counters.received, counters.applied + counters.duplicate + lost);
}
