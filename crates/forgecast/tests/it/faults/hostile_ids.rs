//! Names as weapons: session ids that try to be paths, flags, control sequences or too long. They are names and nothing
//! else, wherever they come from.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::path::Path;

use fastrand::Rng;
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use super::follower::Follower;
use super::support::{Pulse, assert_conserved, assert_no_panic, building};
use crate::viewer::detail_of;
use crate::world::{PATIENCE, Server, World, request};

const CANARY: &str = "canary-7d1f0c";

/// Traversal, run numbers, flags, control sequences, encodings, other languages' magic words.
const SEEDS: &[&str] = &[
    "..",
    ".",
    "...",
    "../../canary",
    "..\\..\\canary",
    "/etc/passwd",
    "//canary",
    "~",
    "~1",
    "a~0",
    "a~-1",
    "a~99999999999",
    "a~~1",
    "-rf",
    "--help",
    "a b",
    " a",
    "a ",
    "a\nb",
    "a\r\nSet-Cookie: x=1",
    "a\tb",
    "a\u{0}b",
    "\u{1b}[2J",
    "\u{1b}]0;x\u{7}",
    "\u{202e}txt",
    "\u{feff}a",
    "\u{200b}",
    "\u{e9}t\u{e9}",
    "e\u{301}",
    "\u{1f600}",
    "\u{fffd}",
    "%2e%2e%2f",
    "%00",
    "..%2fcanary",
    "%252e%252e",
    "..;/",
    "con",
    "nul",
    "a:b",
    "a|b",
    "a;b",
    "a&b",
    "$(id)",
    "`id`",
    "${HOME}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "\"; DROP TABLE sessions; --",
    "a'b",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "null",
    "undefined",
    "NaN",
    "true",
    "0",
    "-0",
    "1e308",
    "sessions",
    "live",
    "*",
    "?",
    "#",
    "a/b",
    "a//b",
    "./a",
    "a/.",
    "a/..",
    ".git",
    ".context-foundry",
    "current-phase.json",
    "forgecast.db",
    "file:///etc/passwd",
    "http://127.0.0.1/",
    "\\\\host\\share",
    "C:\\x",
    "LPT1",
];

fn seeds() -> Vec<String> {
    let texts = SEEDS.iter().copied().map(str::to_owned);
    texts
        .chain([127, 128, 129, 255, 256, 300, 4_096, 20_000].map(|length| "a".repeat(length)))
        .chain([
            "../".repeat(60),
            "%2e".repeat(90),
            "\u{1f600}".repeat(100),
            "a~".repeat(100),
        ])
        .collect()
}

/// 2,000 ids, no two alike: the seeds, and what becomes of them by cutting, joining and breaking them.
fn hostile_ids(seed: u64) -> Vec<String> {
    let mut rng = Rng::with_seed(seed);
    let seeds = seeds();
    let mut ids: BTreeSet<String> = seeds.iter().cloned().collect();
    while ids.len() < 2_000 {
        let mut text: String = rng.choice(&seeds).unwrap().chars().take(200).collect();
        match rng.u8(..4) {
            0 => text.push_str(rng.choice(&seeds).unwrap().get(..20).unwrap_or("\u{0}")),
            1 => text.insert(0, char::from(rng.u8(..0x80))),
            2 => text.push(rng.char(..)),
            _ => text = format!("{text}~{}", rng.i32(..)),
        }
        ids.insert(text);
    }
    ids.into_iter().collect()
}

/// Every byte in the form that a path must have, but for some that a client may forget.
fn encoded(id: &str, strict: bool) -> String {
    let mut text = String::new();
    for byte in id.bytes() {
        let is_plain =
            byte.is_ascii_alphanumeric() || !strict && matches!(byte, b'.' | b'/' | b'~' | b'\\' | b';' | b'\'' | b'&');
        if is_plain {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02x}").unwrap();
        }
    }
    text
}

/// Names of everything below a folder but the database's own and the projects, which the test made itself.
fn all_below(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        into.insert(path.display().to_string());
        if path.is_dir() {
            all_below(&path, into);
        }
    }
}

fn everything(world: &World) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    all_below(world.path("home").parent().unwrap(), &mut names);
    names.retain(|name| !name.contains("forgecast.db") && !name.contains("/projects/"));
    names
}

fn ask(server: &Server, method: &str, path: &str) -> (u16, String) {
    let (status, body) = request(server.address(), method, path, "");
    assert!((200..500).contains(&status), "{status} for {method} {path}: {body}");
    assert!(!body.contains(CANARY), "{path} gave a file away");
    (status, body)
}

/// F39: 2,000 ids by push, by path and as topics, 400 of them in files.
#[test]
fn a_hostile_session_id_is_a_name_and_opens_nothing() {
    let world = World::new();
    for place in ["canary", "home/canary", "projects/canary", "home/canary~1"] {
        fs::write(world.path(place), CANARY).unwrap();
    }
    let victim = world.project("victim");
    victim.phase(&building("victim", "unharmed"));
    fs::write(victim.file("scout-report.md"), "read me").unwrap();
    fs::write(victim.folder.join("secret.md"), CANARY).unwrap();
    let server = world.serve();
    server.view_when("victim", |view| detail_of(view) == "unharmed");
    let before = everything(&world);
    let seed = 39;
    println!("seed {seed}");
    let ids = hostile_ids(seed);
    assert_eq!(ids.len(), 2_000);
    let pulse = Pulse::of(&server);
    push_all(&server, &ids);
    for id in &ids {
        // What a client cannot send in a request line at all is not worth a request.
        for path in [encoded(id, true), encoded(id, false)] {
            if path == "live" || path.ends_with("/live") {
                // Streams, which do not end.
                continue;
            }
            let (status, body) = ask(&server, "GET", &format!("/api/v1/sessions/{path}"));
            if status == 200 && body.starts_with('{') {
                assert_eq!(
                    serde_json::from_str::<Value>(&body).unwrap().get("sessions").is_some(),
                    path.is_empty()
                );
            }
        }
    }
    for id in ids.iter().step_by(5) {
        let strict = encoded(id, true);
        ask(&server, "GET", &format!("/api/v1/sessions/victim/files/{strict}"));
        ask(
            &server,
            "GET",
            &format!("/api/v1/sessions/{strict}/files/.context-foundry/scout-report.md"),
        );
        ask(
            &server,
            "GET",
            &format!("/api/v1/sessions/victim/files/{}", encoded(id, false)),
        );
        ask(&server, "GET", &format!("/api/v1/sessions/{strict}/log"));
    }
    as_topics(&server, &ids);
    in_files(&world, &server, &ids);
    let view = server.json("/api/v1/sessions/victim~1");
    assert_eq!(detail_of(&view), "unharmed");
    let file = ask(
        &server,
        "GET",
        "/api/v1/sessions/victim/files/.context-foundry/scout-report.md",
    );
    assert_eq!(file, (200, "read me".to_owned()));
    let mut index = Follower::follow(server.address(), "sessions", None).unwrap();
    index.until("a snapshot", Value::is_object);
    for (id, row) in index.state["sessions"].as_object().unwrap() {
        let slug = id.rsplit_once('~').unwrap().0;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        assert!(slug.len() <= 128 && slug.bytes().all(is_plain), "{id:?} is no id");
        assert!(slug.as_bytes()[0].is_ascii_alphanumeric(), "{id:?} is no id");
        let name = row["name"].as_str().unwrap();
        assert!(!name.chars().any(char::is_control), "{name:?} is not clean");
    }
    assert_eq!(everything(&world), before, "something was made");
    pulse.assert_steady();
    assert_conserved(&server);
    assert_no_panic(server);
}

fn push_all(server: &Server, ids: &[String]) {
    for chunk in ids.chunks(250) {
        let envelopes: Vec<Value> = chunk
            .iter()
            .map(|id| json!({"session": id, "type": "phase_reported", "current_phase": "Scout", "status": "researching"}))
            .collect();
        let (status, body) = request(
            server.address(),
            "POST",
            "/api/v1/events",
            &Value::from(envelopes).to_string(),
        );
        assert_eq!(status, 200, "{body}");
    }
}

/// The same as topics of a socket: each is told why not, or is closed; what a name that is one leads to gives no file away.
fn as_topics(server: &Server, ids: &[String]) {
    let mut socket = socket(server);
    let (mut told, mut closed) = (0, 0);
    for id in ids {
        for kind in ["session", "log"] {
            let topic = format!("{kind}/{id}");
            for message in ["subscribe", "unsubscribe"] {
                let message = json!({"type": message, "topic": topic}).to_string();
                socket.send(Message::text(message)).unwrap();
            }
            // Not a message of the protocol, but an object: the answer to it comes after the one to the topic.
            socket.send(Message::text(r#"{"type":"mark"}"#)).unwrap();
            loop {
                let text = match socket.read() {
                    Ok(Message::Text(text)) => text,
                    Ok(Message::Close(_)) | Err(_) => {
                        closed += 1;
                        socket = self::socket(server);
                        break;
                    }
                    Ok(_) => continue,
                };
                assert!(!text.contains(CANARY), "{topic:?} gave a file away");
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["type"] == "error" {
                    if message.get("topic").is_none() {
                        break;
                    }
                    let status = message["problem"]["status"].as_u64().unwrap();
                    assert!((400..500).contains(&status), "{topic:?}: {message}");
                    told += 1;
                }
            }
        }
    }
    assert!(told > 2_000, "{told} topics were refused, {closed} sockets closed");
}

fn socket(server: &Server) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    let url = format!("ws://{}/api/v1/live", server.address());
    tungstenite::client(url, stream).unwrap().0
}

/// The same in phase files, whose folder's name is harmless.
fn in_files(world: &World, server: &Server, ids: &[String]) {
    for (number, id) in ids.iter().step_by(5).enumerate() {
        world
            .project(&format!("hostile-{number}"))
            .phase(&building(id, &format!("from file {number}")));
    }
    let known = crate::world::eventually("every file is a session", || {
        let projects = super::support::metrics(server)["forgecast_projects"];
        (projects == 401).then_some(projects)
    });
    assert_eq!(known, 401);
}
