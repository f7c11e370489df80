//! What is read together, of either kind, for those who do not care which.

use std::collections::BTreeMap;
use std::path::PathBuf;

use forgecast_protocol::SourceCheckpoint;

use crate::source_set::SourceSet;
use crate::transcripts::Transcripts;
use crate::watch::WatchId;
use crate::work::{Context, Outcome, SetKind, Work};

/// The files of a build, or the transcripts of an agent.
#[derive(Debug)]
pub(crate) enum Source {
    Build(SourceSet),
    Transcripts(Transcripts),
}

impl Source {
    /// `relative` to `root`; `known` are checkpoints by path within the folder.
    pub(crate) fn new(
        kind: SetKind,
        root: PathBuf,
        relative: PathBuf,
        known: BTreeMap<String, SourceCheckpoint>,
    ) -> Self {
        match kind {
            SetKind::Transcripts(agent) => Self::Transcripts(Transcripts::new(agent, root, relative, known)),
            _ => Self::Build(SourceSet::new(kind, root, relative, known)),
        }
    }

    /// Does the work, on a thread that may block.
    pub(crate) fn work(&mut self, work: &Work, context: &Context) -> Outcome {
        match self {
            Self::Build(set) => set.work(work, context),
            Self::Transcripts(transcripts) => transcripts.work(work, context),
        }
    }

    /// Whether the work is so little that another thread would cost more than doing it.
    pub(crate) fn is_light(&self, work: &Work) -> bool {
        match self {
            Self::Build(set) => set.is_light(work),
            Self::Transcripts(_) => false,
        }
    }

    /// Folders that should have a watch and have none.
    pub(crate) fn unwatched(&self) -> u64 {
        match self {
            Self::Build(set) => set.unwatched(),
            Self::Transcripts(transcripts) => transcripts.unwatched(),
        }
    }

    /// How many problems are open.
    pub(crate) fn open_problems(&self) -> usize {
        match self {
            Self::Build(set) => set.open_problems(),
            Self::Transcripts(transcripts) => transcripts.open_problems(),
        }
    }

    /// Its folder is not there.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::Build(set) => set.is_gone(),
            Self::Transcripts(transcripts) => transcripts.is_gone(),
        }
    }

    /// How many transcripts are known in it.
    pub(crate) fn transcripts(&self) -> u64 {
        match self {
            Self::Build(_) => 0,
            Self::Transcripts(transcripts) => transcripts.count(),
        }
    }

    /// A watch ended by itself; the next look sets it again.
    pub(crate) fn forget_watch(&mut self, watch: WatchId) {
        match self {
            Self::Build(set) => set.forget_watch(watch),
            Self::Transcripts(transcripts) => transcripts.forget_watch(watch),
        }
    }
}
