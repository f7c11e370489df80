//! The server and the dashboard while one works on them: the server is built and started anew when its sources change,
//! Vite shows the dashboard with hot reload and passes requests on to the server. Ctrl-C ends both.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, SystemTime};

use signal_hook::consts::TERM_SIGNALS;
use signal_hook::iterator::Signals;

use crate::tests::install;
use crate::{Result, tool};

/// How often the sources are compared with what was built.
const TICK: Duration = Duration::from_millis(500);
const UI: &str = "crates/forgecast-ui";
const VITE: &str = "node_modules/vite/bin/vite.js";
/// Sessions of development go into a database of their own: its schema may be unfinished.
const DATABASE: &str = "target/dev/forgecast.db";

/// `dev [arguments of forgecast]`; without any, it serves the current folder and this machine's transcripts.
pub(crate) fn run(arguments: &[String]) -> Result {
    install(UI)?;
    let signals = signals()?;
    let port = free_port()?;
    let mut server = Server::new(arguments, port)?;
    let mut vite = Running::start(
        Command::new("node")
            .arg(VITE)
            .current_dir(tool::root().join(UI))
            .env("FORGECAST_URL", format!("http://127.0.0.1:{port}")),
    )?;
    println!("dev: the address that Vite prints shows the dashboard; Ctrl-C ends it and the server");
    loop {
        match signals.recv_timeout(TICK) {
            Err(RecvTimeoutError::Timeout) if vite.ended()?.is_some() => return Err("Vite ended".to_owned()),
            Err(RecvTimeoutError::Timeout) => server.follow()?,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Ctrl-C and requests to terminate, so that what was started is stopped, too.
fn signals() -> Result<Receiver<()>> {
    let mut signals = Signals::new(TERM_SIGNALS).map_err(|error| format!("cannot listen for signals: {error}"))?;
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        for _ in signals.forever() {
            // One that is not taken yet says the same.
            let _ = sender.try_send(());
        }
    });
    Ok(receiver)
}

/// A port for the server, the same for all its starts.
fn free_port() -> Result<u16> {
    let address = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    address
        .map(|address| address.port())
        .map_err(|error| format!("no free port: {error}"))
}

/// The server, built from sources of a certain state.
struct Server {
    arguments: Vec<String>,
    sources: BTreeMap<PathBuf, SystemTime>,
    build: Option<Running>,
    server: Option<Running>,
}

impl Server {
    fn new(arguments: &[String], port: u16) -> Result<Self> {
        let database = tool::root().join(DATABASE);
        let folder = database.parent().unwrap_or(&database);
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self {
            arguments: server_arguments(arguments, port, &database),
            sources: BTreeMap::new(),
            build: None,
            server: None,
        })
    }

    /// Starts a build when a source changed, and the server when a build is done. A build that fails leaves the server
    /// of the build before alone.
    fn follow(&mut self) -> Result {
        if let Some(build) = &mut self.build {
            match build.ended()? {
                None => return Ok(()),
                Some(false) => println!("dev: the build failed; it is tried again when a source changes"),
                Some(true) => {
                    // The port is free again before the next server asks for it.
                    drop(self.server.take());
                    let program = tool::root().join("target/debug/forgecast");
                    self.server = Some(Running::start(Command::new(program).args(&self.arguments))?);
                }
            }
            self.build = None;
        }
        if let Some(server) = &mut self.server
            && server.ended()?.is_some()
        {
            println!("dev: the server ended; it is started again when a source changes");
            self.server = None;
        }
        let sources = sources()?;
        if sources != self.sources {
            self.sources = sources;
            self.build = Some(Running::start(
                Command::new("cargo")
                    .args(["build", "--workspace", "--bin", "forgecast"])
                    .current_dir(tool::root()),
            )?);
        }
        Ok(())
    }
}

/// The arguments of `forgecast`: `serve` when no command is named, with a database that is not the user's own. `demo`
/// makes a temporary one.
fn server_arguments(given: &[String], port: u16, database: &Path) -> Vec<String> {
    let mut arguments = Vec::new();
    let demo = given.first().is_some_and(|first| first == "demo");
    if !demo && given.first().is_none_or(|first| first != "serve") {
        arguments.push("serve".to_owned());
    }
    arguments.extend_from_slice(given);
    if !demo && !given.iter().any(|argument| argument == "--db") {
        arguments.extend(["--db".to_owned(), database.display().to_string()]);
    }
    arguments.extend(["--port".to_owned(), port.to_string()]);
    arguments
}

/// Every file that the server is built from, with the time of its last change. The dashboard's are Vite's business.
fn sources() -> Result<BTreeMap<PathBuf, SystemTime>> {
    let mut sources = BTreeMap::new();
    let crates = tool::root().join("crates");
    walk(&crates, &mut sources).map_err(|error| format!("cannot list {}: {error}", crates.display()))?;
    Ok(sources)
}

fn walk(folder: &Path, sources: &mut BTreeMap<PathBuf, SystemTime>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let skipped = ["node_modules", "tests", "examples", "dist"];
        if path.is_dir() {
            if !path
                .file_name()
                .is_some_and(|name| skipped.iter().any(|skip| name == *skip))
            {
                walk(&path, sources)?;
            }
        } else if path
            .extension()
            .is_some_and(|kind| kind == "rs" || kind == "toml" || kind == "sql")
        {
            // It may be gone by now, as editors replace files.
            if let Ok(changed) = path.metadata().and_then(|metadata| metadata.modified()) {
                sources.insert(path, changed);
            }
        }
    }
    Ok(())
}

/// A program that ends with this value at the latest.
struct Running {
    child: Child,
    name: String,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().display().to_string();
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.map_err(|error| format!("cannot run {name}: {error}"))?;
        Ok(Self { child, name })
    }

    /// Whether it succeeded, once it has ended.
    fn ended(&mut self) -> Result<Option<bool>> {
        let status = self.child.try_wait();
        let status = status.map_err(|error| format!("wait for {}: {error}", self.name))?;
        Ok(status.map(|status| status.success()))
    }
}

impl Drop for Running {
    /// Asks it to end, so that the server closes its database, and waits until it has.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let asked = Command::new("kill").arg(self.child.id().to_string()).status();
            if !asked.is_ok_and(|status| status.success()) {
                // It may have ended by itself.
                let _ = self.child.kill();
            }
        }
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_never_opens_the_database_of_the_user_by_default() {
        let cases = [
            ("", "serve --db dev.db --port 9"),
            ("/srv", "serve /srv --db dev.db --port 9"),
            ("serve /srv", "serve /srv --db dev.db --port 9"),
            ("serve --db mine.db", "serve --db mine.db --port 9"),
            ("demo --builds 2", "demo --builds 2 --port 9"),
        ];
        for (given, expected) in cases {
            let given: Vec<String> = given.split_whitespace().map(str::to_owned).collect();
            assert_eq!(server_arguments(&given, 9, Path::new("dev.db")).join(" "), expected);
        }
    }
}
