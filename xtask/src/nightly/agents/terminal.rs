//! A program in a terminal: keys go in, and it may be killed. The terminal is that of `script`,
//! which every Linux has.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::Result;

/// Where keys go in; the terminal's own answers as well.
type Keys = Arc<Mutex<Option<ChildStdin>>>;

/// What a program asks of its terminal, and the answer: where the cursor is, and what it is able to
/// do.
const QUESTIONS: [(&str, &str); 2] = [("\u{1b}[6n", "\u{1b}[1;1R"), ("\u{1b}[c", "\u{1b}[?62;c")];

/// A program that believes that somebody sits in front of it.
pub(super) struct Terminal {
    child: Child,
    keys: Keys,
    screen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts `words`, which have nothing in them that a shell would read otherwise than as it
    /// stands, with the environment and folder of `command`.
    pub(super) fn start(mut command: Command, words: &[&str]) -> Result<Self> {
        let line = format!("stty rows 50 cols 160; exec {}", words.join(" "));
        let mut child = command
            .args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot run script, which makes a terminal: {error}"))?;
        let keys: Keys = Arc::new(Mutex::new(child.stdin.take()));
        let screen = Arc::new(Mutex::default());
        if let Some(output) = child.stdout.take() {
            let (keys, screen) = (Arc::clone(&keys), Arc::clone(&screen));
            std::thread::spawn(move || show(output, &keys, &screen));
        }
        Ok(Self { child, keys, screen })
    }

    /// Presses keys.
    pub(super) fn press(&self, keys: &str) -> Result {
        press(&self.keys, keys).map_err(|error| format!("the terminal takes no keys: {error}"))
    }

    /// Whether these words were on the screen, wherever they stand between the codes that place
    /// them.
    pub(super) fn shows(&self, words: &str) -> bool {
        let shown = self.text();
        words.split_whitespace().all(|word| shown.contains(word))
    }

    /// Forgets what was on the screen.
    pub(super) fn clear(&self) {
        if let Ok(mut screen) = self.screen.lock() {
            screen.clear();
        }
    }

    fn text(&self) -> String {
        let screen = self.screen.lock();
        screen.map_or_else(
            |_| String::new(),
            |screen| String::from_utf8_lossy(&screen).into_owned(),
        )
    }

    /// Whether the program ended.
    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Without a terminal its program ends as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes down what is shown, and answers what the program asks.
fn show(mut output: impl Read, keys: &Keys, screen: &Mutex<Vec<u8>>) {
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = output.read(&mut piece) {
        let shown = String::from_utf8_lossy(&piece[..read]);
        for (question, answer) in QUESTIONS {
            for _ in shown.matches(question) {
                // A program that has ended needs no answer.
                let _ = press(keys, answer);
            }
        }
        if let Ok(mut screen) = screen.lock() {
            screen.extend_from_slice(&piece[..read]);
        }
    }
}

fn press(keys: &Keys, text: &str) -> std::io::Result<()> {
    let Ok(mut keys) = keys.lock() else { return Ok(()) };
    let Some(pipe) = keys.as_mut() else { return Ok(()) };
    pipe.write_all(text.as_bytes())?;
    pipe.flush()
}
