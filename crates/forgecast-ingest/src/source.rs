//! What is read together, of whatever kind: the files of a build, or the transcripts of an agent.

use crate::folder::Number;
use crate::watch::WatchId;
use crate::work::{Context, Outcome, Work};

/// A source's number, for as long as the process runs.
pub(crate) type SourceId = u64;

/// How a source is.
#[derive(Debug, Default)]
pub(crate) struct Status {
    /// Its folder is not there.
    pub(crate) gone: bool,
    /// Folders that should have a watch and have none: they are looked at more often.
    pub(crate) unwatched: u64,
    /// Every change of it comes with a notification, as far as its file system and its watches are concerned.
    pub(crate) is_covered: bool,
    /// How many problems are open.
    pub(crate) problems: usize,
    /// How many transcripts are known in it.
    pub(crate) transcripts: u64,
    /// The numbers of the folders by which a project is known wherever it is.
    pub(crate) numbers: Vec<Number>,
}

/// Files that are read together, with all that is known of them.
pub(crate) trait Source: Send {
    /// Does the work, on a thread that may block.
    fn work(&mut self, work: &Work, context: &Context) -> Outcome;

    /// Whether the work is so little that another thread would cost more than doing it.
    fn is_light(&self, _work: &Work) -> bool {
        false
    }

    /// How it is after its last work.
    fn status(&self) -> Status;

    /// A watch ended by itself; the next look sets it again.
    fn forget_watch(&mut self, watch: WatchId);
}
