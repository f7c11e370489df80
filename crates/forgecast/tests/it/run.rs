//! Commands that `forgecast run` wraps, with real processes: the command's user notices nothing, in a terminal and without
//! one, whatever becomes of the server; and the session says what happened.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};
use serde_json::Value;

use crate::transcripts::{Speaker, ago};
use crate::world::{PATIENCE, Server, World, eventually};

/// A secret, in parts, so that no tool takes this file for a leak.
fn secret() -> String {
    ["ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"].concat()
}

fn shell<'a>(script: &'a str, before: &[&'a str]) -> Vec<&'a str> {
    [&["run"], before, &["--", "sh", "-c", script]].concat()
}

fn spool(world: &World) -> Vec<PathBuf> {
    let files = fs::read_dir(world.path("home/.local/share/forgecast/spool"));
    let paths = files.into_iter().flatten().flatten().map(|file| file.path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect()
}

/// The texts of a session's log.
fn log(server: &Server, session: &str) -> Vec<String> {
    let log = server.json(&format!("/api/v1/sessions/{session}/log?limit=10000"));
    let lines = log["lines"].as_array().unwrap().iter();
    lines.map(|line| line["text"].as_str().unwrap().to_owned()).collect()
}

/// Runs with these bytes as standard input.
fn run_with_input(world: &World, arguments: &[&str], input: &[u8]) -> (Option<i32>, Vec<u8>, Vec<u8>) {
    let mut command = world.command(arguments);
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    (output.status.code(), output.stdout, output.stderr)
}

#[test]
fn the_exit_code_is_the_commands_and_that_of_shells_where_there_is_none() {
    let world = World::new();
    for (script, code) in [
        ("exit 0", 0),
        ("exit 3", 3),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
    ] {
        assert_eq!(world.run(&shell(script, &[])).0, code, "{script}");
    }
    let (code, stdout, stderr) = world.run(&["run", "--", "no-such-command-anywhere"]);
    assert_eq!((code, stdout.as_str()), (127, ""));
    assert_eq!(stderr, "forgecast: no-such-command-anywhere: command not found\n");
    fs::write(world.path("projects/data"), "").unwrap();
    let (code, _, stderr) = world.run(&["run", "--", "./data"]);
    assert_eq!(code, 126);
    assert!(stderr.contains("./data: Permission denied"), "{stderr}");
}

#[test]
fn bytes_pass_through_unchanged_in_both_directions() {
    let world = World::new();
    let bytes: Vec<u8> = (0..=255_u8).cycle().take(300_000).collect();
    let (code, stdout, stderr) = run_with_input(&world, &["run", "--", "cat"], &bytes);
    assert_eq!(code, Some(0));
    assert!(stdout == bytes, "{} bytes of {}", stdout.len(), bytes.len());
    assert!(stderr.is_empty());
    let script = "printf '\\033[31mred\\033[0m'; printf 'err\\r' >&2";
    let (_, stdout, stderr) = run_with_input(&world, &shell(script, &[]), b"");
    assert_eq!(
        (stdout.as_slice(), stderr.as_slice()),
        (b"\x1b[31mred\x1b[0m".as_slice(), b"err\r".as_slice())
    );
}

#[test]
fn a_session_says_what_was_run_what_it_printed_and_how_it_ended() {
    let world = World::new();
    let server = world.serve();
    fs::create_dir(world.path("projects/.git")).unwrap();
    fs::write(world.path("projects/.git/HEAD"), "ref: refs/heads/fix-parser\n").unwrap();
    let script = format!(
        "echo token={}; printf '\\033[32mok\\033[0m then\\n'; echo '5 passed, 2 failed in 0.3s'; echo broken >&2; sleep 0; exit 4",
        secret()
    );
    let (code, stdout, _) = world.run(&shell(&script, &["--name", "nightly"]));
    assert_eq!(code, 4);
    assert!(
        stdout.contains(&secret()),
        "the user's own terminal shows what the command prints"
    );
    let view = server.view_when("nightly~1", |view| view["status"] == "failed");
    let reason = view["status_reason"].as_str().unwrap();
    assert!(reason.starts_with("Exit code 4: "), "{reason}");
    assert_eq!(view["branch"], "fix-parser");
    assert_eq!(view["working_directory"], world.path("projects").to_str().unwrap());
    let tests = &view["tests"]["summary"];
    assert_eq!(
        (&tests["total"], &tests["passed"], &tests["failed"]),
        (&7.into(), &5.into(), &2.into())
    );
    assert!(view["started_at"].as_str() <= view["ended_at"].as_str());
    assert!(view["task"].as_str().unwrap().starts_with("sh -c "), "{}", view["task"]);
    let lines = log(&server, "nightly~1");
    for line in ["ok then", "broken", "token=[masked]"] {
        assert!(lines.iter().any(|known| known == line), "{line}: {lines:?}");
    }
    let everything = format!(
        "{view}{lines:?}{}",
        server.get("/api/v1/sessions/nightly~1/events?limit=100").1
    );
    assert!(!everything.contains(&secret()), "{everything}");

    // The next one is the next run, and a build in the folder is another session.
    assert_eq!(world.run(&shell("exit 0", &["--name", "nightly"])).0, 0);
    let view = server.view_when("nightly~2", |view| view["status"] == "completed");
    assert_eq!(view["branch"], "fix-parser");
}

#[test]
fn commands_at_the_same_time_under_one_name_are_two_runs() {
    let world = World::new();
    let server = world.serve();
    let start = |word: &str| {
        let script = format!("read line; echo {word}");
        let mut command = world.command(&shell(&script, &["--name", "same"]));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    };
    let mut first = start("first");
    server.view_when("same~1", |_| true);
    let mut second = start("second");
    server.view_when("same~2", |_| true);
    for child in [&mut first, &mut second] {
        child.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(child.wait().unwrap().success());
    }
    for (session, word) in [("same~1", "first"), ("same~2", "second")] {
        server.view_when(session, |view| view["status"] == "completed");
        assert_eq!(log(&server, session), [word]);
    }
}

#[test]
fn without_a_server_it_runs_and_is_delivered_later_without_its_secrets() {
    let world = World::new();
    let script = format!("echo key {}; exit 1", secret());
    assert_eq!(world.run(&shell(&script, &["--name", "alone"])).0, 1);
    let kept = spool(&world);
    assert!(!kept.is_empty());
    for file in &kept {
        let text = fs::read_to_string(file).unwrap();
        assert!(!text.contains(&secret()), "{text}");
    }
    let server = world.serve();
    eventually("everything is delivered", || spool(&world).is_empty().then_some(()));
    let view = server.view_when("alone~1", |view| view["status"] == "failed");
    assert_eq!(view["status_reason"], "Exit code 1: key [masked]");
    assert_eq!(log(&server, "alone~1"), ["key [masked]"]);
}

#[test]
fn a_server_that_is_killed_in_the_middle_loses_nothing() {
    let world = World::new();
    let server = world.serve();
    let mut command = world.command(&shell(
        "echo before; read line; echo after; exit 5",
        &["--name", "long"],
    ));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    eventually("the first line is there", || {
        let (status, _) = server.get("/api/v1/sessions/long~1");
        (status == 200 && log(&server, "long~1") == ["before"]).then_some(())
    });
    server.kill();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5));
    let server = world.serve();
    let view = server.view_when("long~1", |view| view["status"] == "failed");
    assert_eq!(view["status_reason"], "Exit code 5: after");
    assert_eq!(log(&server, "long~1"), ["before", "after"]);
}

#[test]
fn a_signal_reaches_the_command_and_all_that_it_started() {
    let world = World::new();
    let script = "trap 'echo heard; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let mut command = world.command(&shell(script, &[]));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut ready = [0; 6];
    stdout.read_exact(&mut ready).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "heard\n");
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(9), None));
}

#[test]
fn what_runs_on_in_the_background_does_not_hold_it_up() {
    let world = World::new();
    let began = Instant::now();
    let mut command = world.command(&shell("sleep 300 & echo $!", &[]));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let status = child.wait().unwrap();
    assert!(status.success() && began.elapsed() < PATIENCE);
    let mut sleeper = String::new();
    child.stdout.take().unwrap().read_to_string(&mut sleeper).unwrap();
    let sleeper = Pid::from_raw(sleeper.trim().parse().unwrap()).unwrap();
    kill_process(sleeper, Signal::KILL).unwrap();
}

#[test]
fn an_agent_that_begins_inside_belongs_to_the_command() {
    let world = World::new();
    let server = world.serve();
    let folder = world.path("projects");
    let speaker = |session| Speaker {
        session,
        folder: &folder,
        agent: None,
    };
    let transcript = |session: &str| world.path(&format!("home/.claude/projects/p/{session}.jsonl"));
    let outside = "11111111-aaaa-4aaa-8aaa-111111111111";
    write_lines(
        &transcript(outside),
        &[
            speaker(outside).prompt("Before", &ago(60)),
            speaker(outside).call("o", [7, 7, 0, 0], &ago(50)),
        ],
    );
    server.view_when(outside, |view| view["usage"]["output"].is_u64());
    let mut command = world.command(&shell("read line", &["--name", "agents"]));
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    server.view_when("agents~1", |_| true);
    let inside = "22222222-aaaa-4aaa-8aaa-222222222222";
    write_lines(
        &transcript(inside),
        &[
            speaker(inside).prompt("Inside", &ago(0)),
            speaker(inside).call("i", [1_000, 50, 0, 0], &ago(0)),
        ],
    );
    let view = server.view_when("agents~1", |view| view["usage"]["output"].is_u64());
    assert_eq!(view["usage"]["output"], 50, "{}", view["usage"]);
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(child.wait().unwrap().success());
    server.view_when("agents~1", |view| view["status"] == "completed");
    assert_eq!(
        server.get(&format!("/api/v1/sessions/{outside}")).0,
        200,
        "it began before"
    );
    assert_eq!(server.get(&format!("/api/v1/sessions/{inside}")).0, 404);
}

fn write_lines(path: &Path, lines: &[Value]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(path, text).unwrap();
}

#[test]
fn a_hundred_megabytes_pass_as_quickly_as_a_pipe_and_what_is_left_out_is_said() {
    let world = World::new();
    let server = world.serve();
    let script = "yes 'a line of output that is as long as such lines are' | head -c 100000000";
    let measure = |mut command: Command| {
        let began = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let length = std::io::copy(&mut child.stdout.take().unwrap(), &mut std::io::sink()).unwrap();
        assert!(child.wait().unwrap().success());
        (length, began.elapsed())
    };
    let mut alone = Command::new("sh");
    alone.args(["-c", script]);
    let (_, alone) = measure(alone);
    let (length, wrapped) = measure(world.command(&shell(script, &["--name", "much"])));
    assert_eq!(length, 100_000_000);
    println!("100 MB: {alone:?} alone, {wrapped:?} wrapped");
    server.view_when("much~1", |view| view["status"] == "completed");
    let lines = log(&server, "much~1");
    assert!(
        lines.iter().any(|line| line.ends_with(" lines left out")),
        "{:?}",
        lines.first()
    );
}

/// A command in a terminal of its own, with the test in front of it.
struct Terminal {
    child: Child,
    keys: File,
    /// The command's end, which stays open so that its settings can be looked at.
    end: File,
    shown: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    fn start(world: &World, arguments: &[&str], (columns, rows): (u16, u16)) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let path = ptsname(&controller, Vec::new()).unwrap();
        let path = Path::new(OsStr::from_bytes(path.to_bytes())).to_owned();
        let end = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let keys = File::from(controller);
        let terminal_command = ["__run-in-terminal", "--", env!("CARGO_BIN_EXE_forgecast")];
        let mut command = world.command(&[&terminal_command[..], arguments].concat());
        let stream = || Stdio::from(end.try_clone().unwrap());
        let command = command.stdin(stream()).stdout(stream()).stderr(stream());
        let (sender, shown) = sync_channel(1024);
        let mut from = keys.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = from.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        resize(&keys, columns, rows);
        Self {
            child: command.spawn().unwrap(),
            keys,
            end,
            shown,
            seen: String::new(),
        }
    }

    fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            let bytes = self.shown.recv_timeout(PATIENCE);
            let bytes = bytes.unwrap_or_else(|_| panic!("{text:?} never came: {:?}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    fn type_keys(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
    }

    fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn resize(terminal: &File, columns: u16, rows: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).unwrap();
}

#[test]
fn in_a_terminal_the_command_has_one_of_the_same_size_and_learns_when_it_changes() {
    let world = World::new();
    let script = "trap 'stty size; exit 6' WINCH; test -t 0 && test -t 1 && test -t 2 && stty size; while :; do sleep 0.05; done";
    let mut terminal = Terminal::start(&world, &shell(script, &[]), (101, 31));
    terminal.wait_for("31 101\r\n");
    resize(&terminal.keys, 77, 22);
    terminal.wait_for("22 77\r\n");
    assert_eq!(terminal.code(), Some(6));
}

#[test]
fn keys_reach_the_command_and_the_terminal_is_as_it_was_afterwards() {
    let world = World::new();
    let script = "printf 'name? '; read name; echo \"hello $name\"; trap 'echo stopped; exit 7' INT; echo ready; while :; do sleep 0.05; done";
    let mut terminal = Terminal::start(&world, &shell(script, &[]), (80, 24));
    let modes = |terminal: &Terminal| {
        let settings = tcgetattr(&terminal.end).unwrap();
        (settings.local_modes, settings.input_modes, settings.output_modes)
    };
    let before = modes(&terminal);
    terminal.wait_for("name? ");
    assert_ne!(modes(&terminal), before, "raw meanwhile");
    terminal.type_keys(b"Ada\r");
    terminal.wait_for("hello Ada\r\n");
    terminal.wait_for("ready\r\n");
    terminal.type_keys(b"\x03");
    terminal.wait_for("stopped\r\n");
    assert_eq!(terminal.code(), Some(7));
    assert_eq!(modes(&terminal), before);
}

#[test]
fn in_a_terminal_signals_and_errors_end_as_in_a_shell() {
    let world = World::new();
    let server = world.serve();
    let mut terminal = Terminal::start(&world, &["run", "--", "no-such-command-anywhere"], (80, 24));
    terminal.wait_for("no-such-command-anywhere: command not found\r\n");
    assert_eq!(terminal.code(), Some(127));
    let view = server.view_when("no-such-command-anywhere~1", |view| view["status"] == "failed");
    let reason = view["status_reason"].as_str().unwrap();
    assert!(reason.contains("command not found"), "{reason}");

    let script = "echo ready; exec sleep 300";
    let mut terminal = Terminal::start(&world, &shell(script, &["--name", "hung"]), (80, 24));
    let before = tcgetattr(&terminal.end).unwrap().local_modes;
    terminal.wait_for("ready\r\n");
    kill_process(Pid::from_child(&terminal.child), Signal::HUP).unwrap();
    assert_eq!(terminal.code(), Some(129));
    assert_eq!(tcgetattr(&terminal.end).unwrap().local_modes, before);
    let view = server.view_when("hung~1", |view| view["status"] == "failed");
    assert_eq!(view["status_reason"], "Ended by SIGHUP: ready");
}
