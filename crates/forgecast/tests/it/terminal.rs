//! Commands at a terminal: what a person sees on a screen of 80 columns and on a wide one, and is asked.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::json;

use crate::transcripts::{Growing, Speaker, ago};
use crate::world::{PATIENCE, World, eventually};

const SHOP: &str = "7d1f0c3e-77aa-4f0e-9a55-0d5b7f7b2c11";
const TITLE: &str = "Mend the flaky test of the sync queue before the release goes out";

/// All that was written so far, and whether that was all.
type Written = (Mutex<(Vec<u8>, bool)>, Condvar);

/// A command at a terminal.
struct Terminal {
    child: Child,
    keyboard: File,
    written: Arc<Written>,
}

impl Terminal {
    /// Starts a command on a terminal of this width, with 24 rows.
    fn start(world: &World, columns: u16, arguments: &[&str]) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let end = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
        let mut command = world.command(arguments);
        command.env("TERM", "xterm").stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().unwrap();
        // The command alone holds the other end, so that its end is the end of what can be read.
        drop(command);
        let mut screen = File::from(terminal);
        let keyboard = screen.try_clone().unwrap();
        let written: Arc<Written> = Arc::default();
        let sink = Arc::clone(&written);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                // A terminal that nobody has open any more is an error and no end.
                let count = screen.read(&mut bytes).unwrap_or(0);
                let mut written = sink.0.lock().unwrap();
                written.0.extend(&bytes[..count]);
                written.1 = count == 0;
                sink.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self {
            child,
            keyboard,
            written,
        }
    }

    /// Waits until what was written, or the end of it, is as wished.
    fn until(&self, what: &str, wished: impl Fn(&str, bool) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut written = self.written.0.lock().unwrap();
        loop {
            let text = String::from_utf8_lossy(&written.0).into_owned();
            if wished(&text, written.1) {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain: {what}; written: {text:?}");
            written = self.written.1.wait_timeout(written, left).unwrap().0;
        }
    }

    fn until_shown(&self, text: &str) -> String {
        self.until(text, |written, _| written.contains(text))
    }

    fn type_line(&mut self, text: &str) {
        writeln!(self.keyboard, "{text}").unwrap();
    }

    /// Waits for the end: how it ended, and the screen.
    fn end(mut self) -> (ExitStatus, String) {
        let status = eventually("the command ends", || self.child.try_wait().unwrap());
        let text = self.until("the end", |_, ended| ended);
        (status, screen(&text))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a screen shows of this text: colors say nothing, and the sequences that replace text do so. Any other is a failure.
fn screen(text: &str) -> String {
    let mut lines = vec![String::new()];
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            '\n' => lines.push(String::new()),
            // All that is written to the left is written anew.
            '\r' if rest.starts_with('\n') => {}
            '\r' => lines.last_mut().unwrap().clear(),
            '\u{1b}' => {
                let end = rest.find(|letter: char| letter.is_ascii_alphabetic()).unwrap();
                let (number, what) = (rest[1..end].parse().unwrap_or(1), &rest[end..=end]);
                rest = &rest[end + 1..];
                match what {
                    // To the beginning of an earlier row; what follows there is erased with `J`, and only then.
                    "F" => {
                        assert!(rest.starts_with("\u{1b}[J"), "{rest:?}");
                        lines.truncate(lines.len() - number);
                        lines.last_mut().unwrap().clear();
                    }
                    "J" | "K" | "m" => {}
                    what => panic!("unexpected: {what} in {text:?}"),
                }
            }
            letter => lines.last_mut().unwrap().push(letter),
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// A build and the session of an agent.
fn world() -> World {
    let world = World::new();
    phase(&world, "Test", "Running 48 tests");
    let folder = world.path("elsewhere/shop");
    let speaker = Speaker {
        session: SHOP,
        folder: &folder,
        agent: None,
    };
    let lines = [
        speaker.prompt(TITLE, &ago(2)),
        speaker.call("one", [1_234_567, 20, 0, 0], &ago(1)),
    ];
    let file = world.path(&format!("home/.claude/projects/-elsewhere-shop/{SHOP}.jsonl"));
    Growing::new(file, &lines).finish();
    world
}

fn phase(world: &World, phase: &str, detail: &str) {
    world
        .project("weather-app")
        .phase(&json!({"session_id": "weather-app", "current_phase": phase,
        "phase_number": "4/7", "status": "testing", "progress_detail": detail,
        "phases_completed": ["Scout", "Architect", "Builder"]}));
}

#[test]
fn tables_fit_the_terminal_and_use_all_of_it() {
    let world = world();
    for arguments in [
        &["sessions"][..],
        &["usage", "--by", "session"],
        &["usage"],
        &["prices"],
    ] {
        let shown = |columns| {
            let (status, text) = Terminal::start(&world, columns, arguments).end();
            assert!(status.success(), "{text}");
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= columns.into(), "{arguments:?} in {columns} columns:\n{text}");
            text
        };
        let (narrow, wide) = (shown(80), shown(200));
        assert!(!narrow.contains(SHOP) && !wide.contains(SHOP), "{wide}");
        if arguments.contains(&"sessions") || arguments.contains(&"session") {
            assert!(
                narrow.contains("Mend the flaky") && narrow.contains("7d1f0c3e"),
                "{narrow}"
            );
            assert!(wide.contains(TITLE), "{wide}");
        }
    }
    let (_, shown) = Terminal::start(&world, 80, &["status", "7d1f0c3e"]).end();
    assert!(
        shown.contains(&format!("id         {SHOP}~1")),
        "what is shown of an id names it: {shown}"
    );
    let (code, _, said) = world.run(&["status", "7d1f0c3f"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(said, @"forgecast: there is no session 7d1f0c3f; `forgecast sessions` lists the sessions");
}

#[test]
fn watching_redraws_in_place() {
    let world = world();
    let server = world.serve();
    server.view_when("weather-app", |view| view["phase"]["name"] == "Test");
    let terminal = Terminal::start(&world, 80, &["status", "weather-app", "--watch"]);
    terminal.until_shown("Running 48 tests");
    phase(&world, "Deploy", "Pushing");
    terminal.until_shown("Pushing");
    // Nothing changes any more, and the age grows nevertheless.
    let before = terminal.until("an age", |text, _| screen(text).contains("last work  0 s ago"));
    terminal.until("a greater age", |text, _| {
        text.len() > before.len() && !screen(text).contains("  0 s ago")
    });
    assert!(server.stop().success());
    let (status, shown) = terminal.end();
    assert!(status.success());
    let count = |word: &str| shown.lines().filter(|line| line.contains(word)).count();
    assert_eq!(
        (count("phase "), count("last work"), count("Running")),
        (1, 1, 0),
        "{shown}"
    );
}

#[test]
fn forgetting_asks_and_only_yes_deletes() {
    let world = world();
    let server = world.serve();
    server.view_when("weather-app", |view| view["phase"]["name"] == "Test");
    for (answer, outcome) in [
        ("", "kept weather-app"),
        ("no", "kept weather-app"),
        ("y", "deleted weather-app"),
    ] {
        let mut terminal = Terminal::start(&world, 80, &["forget", "weather-app"]);
        terminal.until_shown("Delete weather-app and everything stored of it permanently? [y/N]");
        let found = server.get("/api/v1/sessions/weather-app").0;
        assert_eq!(found, 200, "nothing is deleted before the answer");
        terminal.type_line(answer);
        let (status, shown) = terminal.end();
        assert!(status.success() && shown.contains(outcome), "{answer:?}: {shown}");
    }
    eventually("gone", || {
        (server.get("/api/v1/sessions/weather-app").0 == 404).then_some(())
    });
}

#[test]
fn a_long_import_shows_how_far_it_is_on_a_terminal_and_nowhere_else() {
    let world = World::new();
    let metrics = world.path("metrics.db");
    let tasks = |count: u32| {
        let connection = rusqlite::Connection::open(&metrics).unwrap();
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS tasks (task_id TEXT PRIMARY KEY, status TEXT, start_time TEXT);
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})
             INSERT OR IGNORE INTO tasks SELECT printf('task-%06d', n), 'completed', '2026-01-31T08:00:00Z' FROM n"
        );
        connection.execute_batch(&sql).unwrap();
    };
    let file = metrics.to_str().unwrap();
    tasks(3);
    let (code, said, progress) = world.run(&["import", file]);
    assert_eq!((code, progress.as_str()), (0, ""), "{said}");
    // So many that this takes longer than a bar waits, on any machine.
    tasks(100_000);
    let terminal = Terminal::start(&world, 80, &["import", file]);
    let shown = terminal.until_shown(" of 100,000");
    assert!(shown.contains("importing sessions"), "{shown}");
}
