//! Nothing leaves the machine that nobody asked for: under strace, the server and the commands connect to no address that is
//! not configured. A trace of the system calls is exact where looking at connections now and then is not: it also shows what
//! is short, what fails and what is no TCP, and it needs neither root nor a namespace.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use crate::viewer::detail_of;
use crate::world::{PATIENCE, Server, World, request, write_private};

/// System calls that name an address to talk to.
const CALLS: &str = "trace=connect,sendto,sendmsg,sendmmsg";

/// The command under strace, which writes to this file. The traced process is the child itself.
fn traced(world: &World, arguments: &[&str]) -> (Command, PathBuf) {
    let trace = world.path(&format!("trace-{}", fastrand::u64(..)));
    let plain = world.command(arguments);
    let mut command = Command::new("strace");
    command
        .args(["-D", "-f", "-qq", "-e", CALLS, "-o"])
        .arg(&trace)
        .arg(plain.get_program())
        .args(plain.get_args())
        .env_clear()
        .envs(plain.get_envs().filter_map(|(key, value)| Some((key, value?))))
        .current_dir(plain.get_current_dir().unwrap());
    (command, trace)
}

/// Whether the tool is there: without it nothing would be shown, and this test must not pass.
fn assert_strace() {
    let found = Command::new("strace").arg("--version").output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "this test needs strace (apt-get install strace)"
    );
}

/// The internet addresses that were talked to, as `127.0.0.1:80`, and the names of local sockets.
fn addresses(trace: &PathBuf) -> BTreeSet<String> {
    let text = fs::read_to_string(trace).unwrap();
    let between = |line: &str, before: &str, after: &str| -> Option<String> {
        let rest = line.split_once(before)?.1;
        Some(rest.split_once(after)?.0.to_owned())
    };
    let address = |line: &str| {
        let family = between(line, "sa_family=", ",")?;
        match family.as_str() {
            "AF_INET" | "AF_INET6" => {
                let port = between(line, "htons(", ")")?;
                let ip =
                    between(line, "inet_addr(\"", "\"").or_else(|| between(line, "inet_pton(AF_INET6, \"", "\""))?;
                Some(format!("{ip}:{port}"))
            }
            "AF_UNIX" => between(line, "sun_path=", "}"),
            // The kernel itself: the addresses of this machine.
            "AF_NETLINK" | "AF_UNSPEC" => None,
            other => Some(other.to_owned()),
        }
    };
    text.lines().filter_map(address).collect()
}

/// A receiver of webhooks: the bodies of what it gets.
fn receiver() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, bodies) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let (mut text, mut bytes) = (String::new(), [0; 4096]);
            let body = loop {
                let read = stream.read(&mut bytes).unwrap();
                text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
                let body = text
                    .split_once("\r\n\r\n")
                    .and_then(|(_, body)| serde_json::from_str(body).ok());
                if read == 0 || body.is_some() {
                    break body;
                }
            };
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
            if body.is_some_and(|body| sender.send(body).is_err()) {
                return;
            }
        }
    });
    (address, bodies)
}

/// What a day holds: builds, transcripts, pushes, hooks, telemetry, and everything that can be looked at.
fn use_everything(world: &World, server: &Server) {
    let phase =
        json!({"session_id": "weather-app", "current_phase": "Builder", "progress_detail": "see https://example.com"});
    world.project("weather-app").phase(&phase);
    server.view_when("weather-app", |view| detail_of(view) == "see https://example.com");
    let asks = json!({"session": "asking", "type": "waiting_began", "reason": "may I?", "waiting_for": "permission"});
    let hook =
        json!({"hook_event_name": "SessionStart", "session_id": "5f1c9a70-1c1e-4b5e-9d0a-3a1f4c2b7e88", "cwd": "/x"});
    for (path, body) in [
        ("/api/v1/events", &asks),
        ("/api/v1/hooks/claude", &hook),
        ("/v1/logs", &json!({"resourceLogs": []})),
    ] {
        let (status, answer) = request(server.address(), "POST", path, &body.to_string());
        assert!((200..300).contains(&status), "{path}: {answer}");
    }
    for path in [
        "/",
        "/docs",
        "/openapi.json",
        "/api/v1/sessions",
        "/api/v1/sessions/weather-app/export",
        "/api/v1/stats",
        "/api/v1/limits",
        "/api/v1/notifications",
        "/metrics",
        "/readyz",
    ] {
        assert_eq!(server.get(path).0, 200, "{path}");
    }
}

#[test]
fn a_server_connects_to_nothing_that_is_not_configured() {
    assert_strace();
    let world = World::new();
    let (command, trace) = traced(&world, &["serve", "--port", "0"]);
    let server = Server::start(command);
    use_everything(&world, &server);
    for arguments in [
        &["sessions"][..],
        &["status", "weather-app"],
        &["usage"],
        &["doctor"],
        &["backup", "copy.db"],
    ] {
        let (mut command, trace) = traced(&world, arguments);
        let output = command.output().unwrap();
        let own = BTreeSet::from([server.address().to_owned()]);
        let found = addresses(&trace);
        assert!(
            found.is_subset(&own),
            "{arguments:?}: {found:?}, {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert!(server.stop().success());
    assert_eq!(addresses(&trace), BTreeSet::new());
}

#[test]
fn a_server_that_calls_somebody_connects_to_that_address_alone() {
    assert_strace();
    let world = World::new();
    let (address, bodies) = receiver();
    let secret = world.path("webhook-secret");
    write_private(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let config = format!(
        "[notify]\nallowed_addresses = [\"127.0.0.1\"]\n\
         [[notify.targets]]\nname = \"person\"\nkind = \"webhook\"\nurl = \"http://{address}/hook\"\nsecret_file = {:?}\n",
        secret.display().to_string()
    );
    let file = world.path("forgecast.toml");
    fs::write(&file, config).unwrap();
    let (command, trace) = traced(&world, &["serve", "--port", "0", "--config", file.to_str().unwrap()]);
    let server = Server::start(command);
    use_everything(&world, &server);
    bodies.recv_timeout(PATIENCE).unwrap();
    assert!(server.stop().success());
    // That it is seen at all shows that others would be.
    assert_eq!(addresses(&trace), BTreeSet::from([address]));
}
