//! Checks of the running server, its database and its folders.

use std::fs::OpenOptions;
use std::path::Path;

use forgecast_protocol::health::RootHealth;
use forgecast_protocol::rest::{Readiness, Ready, StoreState};

use super::{Finding, fail, ok, warn};
use crate::client::Client;
use crate::config::{Config, Environment, Provenance, key};
use crate::runtime_file::{self, Running};
use crate::spool::Spool;

/// A server that announced itself.
pub(super) struct Server {
    running: Running,
    /// Its readiness, if it answers.
    ready: Option<Readiness>,
    /// Number of folders that it has to poll.
    polled: u64,
}

impl Server {
    pub(super) fn url(&self) -> &str {
        &self.running.url
    }

    /// Its URL from other machines, if it is exposed.
    pub(super) fn network_url(&self) -> Option<&str> {
        self.running.elsewhere.as_deref()
    }

    pub(super) fn db(&self) -> &Path {
        &self.running.db
    }
}

/// The server that a command would use, even if it does not answer.
pub(super) fn find(environment: &Environment, config: &Config) -> Option<Server> {
    let named = config.provenance(key!(db)) != Provenance::Default;
    let folder = environment.runtime_folder();
    let spool = Spool::within(&environment.data_folder());
    // A server that delivers this spool is preferred to a demo.
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

/// The number of folders that are polled because the system has no watch left.
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
            warn("server", "no server is running", "start it with `forgecast`"),
            database(&config.db),
        ];
    };
    let (url, pid) = (&server.running.url, server.running.pid);
    let Some(ready) = &server.ready else {
        let fix = format!("stop it (kill {pid}) and start it again");
        return vec![fail(
            "server",
            format!("the server at {url} (process {pid}) does not answer"),
            fix,
        )];
    };
    let runs = format!("runs at {url} (process {pid})");
    let mut findings = vec![match ready.status {
        Ready::Ready => ok("server", runs),
        Ready::Starting => ok("server", runs + " and is still doing its first scan"),
        Ready::Degraded => warn("server", runs + " and is degraded", "see the other findings"),
    }];
    findings.push(stored(&server.running.db, &ready.store));
    findings.extend(sources(&ready.sources));
    if let Some(indexing) = &ready.indexing {
        let (done, files) = (indexing.done, indexing.files);
        findings.push(ok("archives", format!("{done} of {files} transcripts are read")));
    }
    if server.polled > 0 {
        findings.push(warn(
            "watches",
            format!(
                "{} folders are polled, because the system has no more watches",
                server.polled
            ),
            "sudo sysctl fs.inotify.max_user_watches=524288",
        ));
    }
    findings
}

fn stored(db: &Path, store: &StoreState) -> Finding {
    let error = store
        .last_error
        .as_deref()
        .map(|error| format!(": {error}"))
        .unwrap_or_default();
    match (store.full, store.writable) {
        (true, _) => fail(
            "database",
            format!("{} cannot grow: the disk is full{error}", db.display()),
            "free disk space; the server then continues by itself",
        ),
        (_, false) => fail(
            "database",
            format!("{} is not writable{error}", db.display()),
            "check its permissions and whether another process uses it; the server then continues by itself",
        ),
        _ => ok("database", format!("{} is writable", db.display())),
    }
}

fn sources(sources: &[RootHealth]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = sources
        .iter()
        .filter(|source| !source.state.is_observed())
        .map(|source| {
            let why = source
                .message
                .clone()
                .unwrap_or_else(|| source.state.as_ref().to_owned());
            warn(
                "folders",
                format!("{}: {why}", source.path.display()),
                "create it, or leave it out when starting the server",
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
        Ok(_) => ok(what, format!("{shown} is writable")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let there = db.ancestors().skip(1).find(|folder| folder.exists());
            let writable = there.is_some_and(|folder| {
                let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
                rustix::fs::access(folder, access).is_ok()
            });
            if writable {
                ok(what, format!("{shown} does not exist yet; the server creates it"))
            } else {
                fail(
                    what,
                    format!("{shown} cannot be created"),
                    "make its folder writable, or name another with --db",
                )
            }
        }
        Err(error) => fail(
            what,
            format!("{shown} is not writable: {error}"),
            "make it writable, or name another with --db",
        ),
    }
}
