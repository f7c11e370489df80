//! Sources: finds builds under the configured folders, watches and reads their files, and turns them into facts.
//!
//! A notification is a hint, never a fact: the bytes on disk and the offset that was stored are the truth. Nothing here
//! writes to, locks or follows links in the folders it watches, and it knows neither hub nor store: batches go out by
//! one bounded channel, checkpoints come in once, at the start.
//!
//! The way of one change: `watch` (a hint) → `schedule` (when to read) → `engine` (who reads) → `source_set` (what is read,
//! on a blocking thread, by [`forgecast_open`]) → [`forgecast_decode`] → [`Batch`]. Transcripts of agents go the same way with `transcripts` in
//! the place of `source_set`: what agents at work write comes first, archives when nothing else waits.

mod discover;
mod document;
mod engine;
mod facts;
mod folder;
mod packed;
mod problem;
mod processes;
mod reconcile;
mod schedule;
mod source;
mod source_set;
mod tail;
mod transcripts;
mod watch;
mod work;

pub mod clock;
pub mod scan;

use std::collections::BTreeMap;
use std::path::PathBuf;

use forgecast_decode::agents::Agent;
use forgecast_decode::mask;
use forgecast_protocol::health::{RootKind, SourceHealth};
use forgecast_protocol::{Batch, Clock, SourceCheckpoint, SourceKey};
use tokio::sync::{mpsc, watch as watched};
use tokio_util::sync::CancellationToken;

pub use clock::system_clock;
pub use discover::links;

/// Homes of coding agents, each with the agent that keeps its transcripts there.
pub type AgentHomes = Vec<(&'static Agent, PathBuf)>;

/// What is watched, and how patiently.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folders under which projects are looked for; one may be a project itself.
    pub roots: Vec<PathBuf>,
    /// Folders of checkpoints (`checkpoints/ralph`), one folder per session inside.
    pub checkpoints: Vec<PathBuf>,
    /// Folders of logs (`logs`).
    pub logs: Vec<PathBuf>,
    /// Homes of coding agents (`~/.claude`). One that does not exist is awaited, which is no problem.
    pub agents: AgentHomes,
    /// Those of the folders above that nobody asked for by name. As with homes of agents, it is no problem if one does
    /// not exist.
    pub optional: Vec<(RootKind, PathBuf)>,
    /// The user's home folder. It is no project, because Context Foundry keeps its global database in the
    /// `.context-foundry` there.
    pub home: Option<PathBuf>,
    /// A transcript that has not changed for so many milliseconds is an archive: read after everything else, for its
    /// usage only.
    pub archive_after_ms: u64,
    /// Use no notifications: look at everything by `stat`, once a second.
    pub poll: bool,
    /// Changes of one file within so many milliseconds after a reading are folded into one more reading.
    pub debounce_ms: u64,
    /// Markdown and text are read when they have not changed for so many milliseconds.
    pub settle_ms: u64,
    /// What is active is compared by `stat` every so many milliseconds, whatever the notifications say.
    pub reconcile_ms: u64,
    /// The tree is searched for projects every so many milliseconds.
    pub discover_ms: u64,
    /// A configured folder may be away for so many milliseconds before what was found in it counts as gone: a disk that is
    /// mounted again, a folder that is replaced.
    pub away_ms: u64,
    /// At most so many watches; beyond it folders are polled. `None`: as many as the system gives.
    pub watch_limit: Option<usize>,
    /// What is masked as a secret.
    pub mask: mask::Rules,
    /// The name of this machine, shown with every session found here.
    pub host: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            checkpoints: Vec::new(),
            logs: Vec::new(),
            agents: Vec::new(),
            optional: Vec::new(),
            home: None,
            archive_after_ms: 24 * 60 * 60 * 1_000,
            poll: false,
            debounce_ms: 100,
            settle_ms: 200,
            reconcile_ms: 5_000,
            discover_ms: 60_000,
            away_ms: 15_000,
            watch_limit: None,
            mask: mask::Rules::default(),
            host: None,
        }
    }
}

/// What ends [`run`] before it is told to; whatever happens to a single file or folder is a problem, not an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to watch.
    #[error("no folder to watch: give at least one root, checkpoints folder, logs folder or folder of an agent")]
    NothingToWatch,
    /// A configured folder cannot be made absolute.
    #[error("cannot resolve the folder {path:?}")]
    ResolveFolder {
        /// As configured.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The notification queue failed while it was read.
    #[error("cannot read file notifications")]
    ReadNotifications(#[source] std::io::Error),
    /// Nobody takes batches any more.
    #[error("the receiver of facts is gone")]
    SinkClosed,
}

/// Watches until `shutdown`, sending one [`Batch`] per reading. `known` is how far each source was read in an earlier
/// life: what has not changed since says nothing, logs go on at their offset. While `sink` is full, changes of a file
/// wait as one, and nothing is lost.
///
/// # Errors
/// When nothing can be watched, a configured folder cannot be resolved, the notifications fail, or `sink` is closed.
pub async fn run(
    options: Options,
    known: BTreeMap<SourceKey, SourceCheckpoint>,
    sink: mpsc::Sender<Batch>,
    clock: Clock,
    health: watched::Sender<SourceHealth>,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let engine = engine::Engine::new(options, known, sink, clock, health)?;
    Box::pin(engine.run(shutdown)).await
}
