//! A world for one test: a home, projects, and servers that run in it. Waits on conditions, never on time alone.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Ten times what a slow machine needs; only a failing test waits for so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The folders of one test, and the servers that run in them.
pub(crate) struct World {
    folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "run", "projects"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The phase file of a project below the usual root; its folder is made.
    pub(crate) fn project(&self, name: &str) -> Project {
        Project::at(&self.path("projects").join(name))
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.path("home/.local/share/forgecast/forgecast.db")
    }

    /// The binary in this world, with nothing of the world around it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forgecast"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(self.path("projects"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end: exit code, standard output, standard error.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| self.anonymous(&String::from_utf8(bytes).unwrap());
        (
            output.status.code().unwrap_or(-1),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// Text without what differs from run to run: the world's own folder.
    pub(crate) fn anonymous(&self, text: &str) -> String {
        text.replace(&self.folder.path().display().to_string(), "<world>")
    }

    /// A server on a free port that watches `projects`.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    pub(crate) fn serve_with(&self, arguments: &[&str]) -> Server {
        let mut all = vec!["serve", "--port", "0"];
        all.extend(arguments);
        Server::start(self.command(&all))
    }
}

/// A project's folder.
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
}

impl Project {
    pub(crate) fn at(folder: &Path) -> Self {
        fs::create_dir_all(folder.join(".context-foundry")).unwrap();
        Self {
            folder: folder.to_owned(),
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(".context-foundry").join(name)
    }

    pub(crate) fn phase_file(&self) -> PathBuf {
        self.file("current-phase.json")
    }

    /// Replaces the phase file at once, by rename.
    pub(crate) fn phase(&self, json: &Value) {
        self.replace("current-phase.json", &json.to_string());
    }

    pub(crate) fn replace(&self, name: &str, text: &str) {
        let beside = self.file(&format!("{name}.tmp"));
        fs::create_dir_all(beside.parent().unwrap()).unwrap();
        fs::write(&beside, text).unwrap();
        fs::rename(beside, self.file(name)).unwrap();
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    stdout: Receiver<String>,
    errors: Option<std::thread::JoinHandle<String>>,
}

impl Server {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, stdout) = sync_channel(1024);
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut err = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = err.read_to_string(&mut text);
            text
        });
        let mut server = Self {
            child,
            url: String::new(),
            stdout,
            errors: Some(errors),
        };
        let line = server.line_with("dashboard");
        server.url = line[line.find("http").unwrap()..].trim_end_matches('/').to_owned();
        server
    }

    /// The next line of standard output with this word in it.
    pub(crate) fn line_with(&mut self, word: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self
                .stdout
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) if line.contains(word) => return line,
                Ok(_) => {}
                Err(_) => panic!("no line with {word:?}; standard error: {}", self.end()),
            }
        }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// SIGKILL, and what it wrote to standard error.
    pub(crate) fn kill(mut self) -> String {
        self.end()
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.wait()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the server ends", || self.child.try_wait().unwrap())
    }

    fn end(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.errors
            .take()
            .map(|errors| errors.join().unwrap())
            .unwrap_or_default()
    }

    /// GET: status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        request(self.address(), "GET", path, "")
    }

    /// GET of JSON that must be there.
    pub(crate) fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Waits until the view of `session` is as wished.
    pub(crate) fn view_when(&self, session: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/api/v1/sessions/{session}");
        let mut last = String::new();
        let found = try_eventually(|| {
            let (status, body) = self.get(&path);
            last.clone_from(&body);
            let view: Value = serde_json::from_str(&body).ok().filter(|_| status == 200)?;
            wished(&view).then_some(view)
        });
        found.unwrap_or_else(|| panic!("{session} never was as wished; last: {last}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One HTTP/1.0 request, so that the answer ends with the connection; status 0 when the server is not there.
pub(crate) fn request(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    use std::io::Write;
    let answer = std::net::TcpStream::connect(address).and_then(|mut stream| {
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    });
    let answer = answer.unwrap_or_default();
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}

/// Tries until there is something.
pub(crate) fn try_eventually<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt() {
            return Some(found);
        }
        if Instant::now() > deadline {
            return None;
        }
        pause(Duration::from_millis(10));
    }
}

/// Tries until there is something, or fails.
pub(crate) fn eventually<T>(what: &str, attempt: impl FnMut() -> Option<T>) -> T {
    try_eventually(attempt).unwrap_or_else(|| panic!("waited in vain: {what}"))
}

/// A pause that is part of what is tested (a producer between two halves), or a tick between two looks.
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).unwrap().write_all(text.as_bytes()).unwrap();
}
