//! The command of the hooks of agents whose hooks run commands: it never fails or holds up its agent, whatever the server
//! does, loses nothing, and hands the server's answer back.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{World, eventually, request};

const SESSION: &str = "01a22b29-2e42-78a2-8573-1c28a523c66b";

fn hook(event: &str, more: &Value) -> String {
    let mut body = json!({"session_id": SESSION, "turn_id": "t1", "transcript_path": null, "cwd": "/srv/weather",
        "hook_event_name": event, "model": "gpt-5.5", "permission_mode": "default"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body.to_string()
}

fn asks() -> String {
    hook(
        "PermissionRequest",
        &json!({"tool_name": "Bash", "tool_input": {"command": "npm publish"}}),
    )
}

/// Runs the command as an agent does. Returns standard output and how long it took.
fn run(world: &World, agent: &str, body: &str) -> (String, Duration) {
    let began = Instant::now();
    let mut command = world.command(&["hook", agent]);
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let took = began.elapsed();
    assert!(output.status.success(), "{output:?}");
    (String::from_utf8(output.stdout).unwrap(), took)
}

fn kept(world: &World) -> Vec<PathBuf> {
    let files = std::fs::read_dir(world.path("home/.local/share/forgecast/spool"));
    let paths = files.into_iter().flatten().flatten().map(|file| file.path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect()
}

/// Announces a server that is none of ours, as a running server does.
fn announce(world: &World, listener: &TcpListener) {
    std::fs::create_dir_all(world.path("run/forgecast")).unwrap();
    let running = json!({"url": format!("http://{}", listener.local_addr().unwrap()), "pid": std::process::id(),
        "db": world.db(), "transcripts": [], "spool": world.path("home/.local/share/forgecast/spool")});
    let file = world.path(&format!("run/forgecast/{}.json", std::process::id()));
    std::fs::write(file, running.to_string()).unwrap();
}

#[test]
fn a_hook_of_codex_reaches_the_server_and_its_agent_hears_nothing() {
    let world = World::new();
    let server = world.serve();
    let mut times: Vec<Duration> = (0..20)
        .map(|_| run(&world, "codex", &hook("UserPromptSubmit", &json!({}))).1)
        .collect();
    times.sort_unstable();
    println!("median {:?}, slowest {:?}", times[10], times[19]);
    assert_eq!(run(&world, "codex", &asks()).0, "");
    let view = server.view_when(SESSION, |view| view["status"] == "waiting");
    assert_eq!(view["status_reason"], "Wants to run: npm publish");
    // On a machine that is too slow for the limit the server takes them from the spool.
    eventually("nothing waits", || kept(&world).is_empty().then_some(()));
}

#[test]
fn without_a_server_a_hook_is_kept_and_delivered_later_with_its_time() {
    let world = World::new();
    assert_eq!(run(&world, "codex", &asks()).0, "");
    assert_eq!(kept(&world).len(), 1);
    let asked = jiff::Timestamp::now();
    let server = world.serve();
    eventually("it is delivered", || kept(&world).is_empty().then_some(()));
    let view = server.view_when(SESSION, |view| view["status"] == "waiting");
    assert_eq!(view["status_reason"], "Wants to run: npm publish");
    let row = server.json("/api/v1/sessions");
    let since: jiff::Timestamp = row["sessions"][0]["attention"]["since"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(since <= asked, "{row}");
}

#[test]
fn a_server_that_hangs_costs_the_agent_little_and_loses_nothing() {
    let world = World::new();
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    announce(&world, &hung);
    let mut times: Vec<Duration> = (0..10).map(|_| run(&world, "codex", &asks()).1).collect();
    times.sort_unstable();
    println!("hung: median {:?}", times[5]);
    assert_eq!(kept(&world).len(), 10);
}

#[test]
fn the_servers_answer_is_handed_to_the_agent() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    announce(&world, &listener);
    let answer = r#"{"decision":"block","reason":"the budget is spent"}"#;
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            let mut piece = [0; 1_024];
            let length = stream.read(&mut piece).unwrap();
            assert_ne!(length, 0, "the request is incomplete");
            request.extend_from_slice(&piece[..length]);
        }
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        )
        .unwrap();
        String::from_utf8(request).unwrap()
    });
    assert_eq!(run(&world, "codex", &asks()).0, answer);
    let request = server.join().unwrap();
    assert!(request.starts_with("POST /api/v1/hooks/codex "), "{request}");
    assert!(kept(&world).is_empty());
}

#[test]
fn nothing_makes_it_fail() {
    let world = World::new();
    for (agent, body) in [
        ("nobody", "{}"),
        ("foundry", "{}"),
        ("codex", ""),
        ("codex", "{"),
        ("codex", "[1]"),
    ] {
        assert_eq!(run(&world, agent, body).0, "", "{agent} {body}");
    }
    assert!(kept(&world).is_empty());
}

#[test]
fn a_turn_that_will_wake_itself_is_not_waiting() {
    let world = World::new();
    let server = world.serve();
    let post = |event: &str, more: &Value| {
        let (status, body) = request(server.address(), "POST", "/api/v1/hooks/claude", &hook(event, more));
        assert_eq!(status, 204, "{body}");
    };
    post("UserPromptSubmit", &json!({}));
    let crons =
        json!({"session_crons": [{"id": "c1", "schedule": "*/5 * * * *", "recurring": true, "prompt": "look again"}]});
    post("Stop", &crons);
    post("TaskCreated", &json!({"task_id": "1", "task_subject": "Look again"}));
    let view = server.view_when(SESSION, |view| view["progress"]["tasks"].is_object());
    assert_eq!(view["status"], "running", "{view}");
    post("UserPromptSubmit", &json!({}));
    post("Stop", &json!({"session_crons": []}));
    let view = server.view_when(SESSION, |view| view["status"] == "waiting");
    assert_eq!(view["waiting_for"], "prompt");
}
