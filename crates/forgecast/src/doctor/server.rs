//! The server, its database, its folders.

use std::fs::OpenOptions;
use std::path::Path;

use forgecast_protocol::event::IndexingProgress;
use serde::Deserialize;

use super::{Finding, fail, ok, warn};
use crate::client::Client;
use crate::config::{Config, Environment, Provenance, key};
use crate::runtime_file::{self, Running};
use crate::spool::Spool;

/// A server that says it runs.
pub(super) struct Server {
    running: Running,
    /// How it is, when it answers.
    ready: Option<Ready>,
    /// Folders that it has to poll.
    polled: u64,
}

impl Server {
    pub(super) fn url(&self) -> &str {
        &self.running.url
    }

    /// Where others reach it.
    pub(super) fn elsewhere(&self) -> Option<&str> {
        self.running.elsewhere.as_deref()
    }

    pub(super) fn db(&self) -> &Path {
        &self.running.db
    }
}

/// What is of interest in `GET /readyz`.
#[derive(Deserialize)]
struct Ready {
    status: String,
    #[serde(default)]
    sources: Vec<Source>,
    store: Store,
    #[serde(default)]
    indexing: Option<IndexingProgress>,
}

#[derive(Deserialize)]
struct Source {
    path: String,
    state: String,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Deserialize)]
struct Store {
    writable: bool,
    #[serde(default)]
    full: bool,
    #[serde(default)]
    last_error: Option<String>,
}

/// The server that a command would ask; also one that does not answer.
pub(super) fn find(environment: &Environment, config: &Config) -> Option<Server> {
    let named = config.provenance(key!(db)) != Provenance::Default;
    let folder = environment.runtime_folder();
    let spool = Spool::within(&environment.data_folder());
    // Rather one that means it than a demo.
    let lasting = |running: &Running| running.spool.as_deref() == Some(spool.folder());
    let running = runtime_file::find(&folder, &config.db, named, lasting)
        .or_else(|| runtime_file::find(&folder, &config.db, named, |_| true))?;
    let client = Client::of(&running);
    let ready = Client::answers(&running.url)
        .then(|| client.state("/readyz").ok())
        .flatten();
    let polled = ready.as_ref().and_then(|_| polled(&client)).unwrap_or_default();
    Some(Server { running, ready, polled })
}

/// The number of folders for which the system gave no watch.
fn polled(client: &Client) -> Option<u64> {
    let metrics = client.bytes("/metrics").ok()??;
    let metrics = String::from_utf8(metrics).ok()?;
    let line = metrics
        .lines()
        .find(|line| line.starts_with("forgecast_polled_folders "))?;
    line.split(' ').nth(1)?.parse().ok()
}

pub(super) fn findings(server: Option<&Server>, config: &Config) -> Vec<Finding> {
    let Some(server) = server else {
        return vec![
            warn("server", "no server is running", "start one: `forgecast`"),
            database(&config.db),
        ];
    };
    let (url, pid) = (&server.running.url, server.running.pid);
    let Some(ready) = &server.ready else {
        let fix = format!("end it (kill {pid}) and start it again");
        return vec![fail(
            "server",
            format!("the one at {url} (process {pid}) does not answer"),
            fix,
        )];
    };
    let mut findings = vec![match ready.status.as_str() {
        "ready" => ok("server", format!("runs at {url} (process {pid})")),
        "starting" => ok(
            "server",
            format!("runs at {url} (process {pid}) and looks at the folders for the first time"),
        ),
        word => warn(
            "server",
            format!("runs at {url} (process {pid}) and is {word}"),
            "see below",
        ),
    }];
    findings.push(stored(&server.running.db, &ready.store));
    findings.extend(sources(&ready.sources));
    if let Some(indexing) = &ready.indexing {
        let (done, files) = (indexing.done, indexing.files);
        findings.push(ok("archives", format!("are being read: {done} of {files} transcripts")));
    }
    if server.polled > 0 {
        findings.push(warn(
            "watches",
            format!("{} folders are polled: the system gives no more watches", server.polled),
            "sudo sysctl fs.inotify.max_user_watches=524288",
        ));
    }
    findings
}

fn stored(db: &Path, store: &Store) -> Finding {
    let error = store
        .last_error
        .as_deref()
        .map(|error| format!(": {error}"))
        .unwrap_or_default();
    match (store.full, store.writable) {
        (true, _) => fail(
            "database",
            format!("{} cannot grow: the disk is full{error}", db.display()),
            "make room on the disk; it goes on by itself",
        ),
        (_, false) => fail(
            "database",
            format!("{} cannot be written{error}", db.display()),
            "see who else uses it and whether you may write to it; it goes on by itself",
        ),
        _ => ok("database", format!("{} is written", db.display())),
    }
}

fn sources(sources: &[Source]) -> Vec<Finding> {
    let unwell = |source: &&Source| !matches!(source.state.as_str(), "watching" | "polling");
    let mut findings: Vec<Finding> = sources
        .iter()
        .filter(unwell)
        .map(|source| {
            let why = source.message.clone().unwrap_or_else(|| source.state.clone());
            warn(
                "folders",
                format!("{}: {why}", source.path),
                "make it, or leave it out when starting the server",
            )
        })
        .collect();
    if findings.is_empty() {
        findings.push(ok("folders", format!("{} are watched", sources.len())));
    }
    findings
}

/// Whether a server could write to the database.
fn database(db: &Path) -> Finding {
    let what = "database";
    let shown = db.display();
    match OpenOptions::new().read(true).append(true).open(db) {
        Ok(_) => ok(what, format!("{shown} can be written")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let there = db.ancestors().skip(1).find(|folder| folder.exists());
            let writable = there.is_some_and(|folder| {
                let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
                rustix::fs::access(folder, access).is_ok()
            });
            if writable {
                ok(what, format!("{shown} is not there yet; the server makes it"))
            } else {
                fail(
                    what,
                    format!("{shown} cannot be made"),
                    "make its folder writable, or name another with --db",
                )
            }
        }
        Err(error) => fail(
            what,
            format!("{shown} cannot be written: {error}"),
            "make it writable, or name another with --db",
        ),
    }
}
