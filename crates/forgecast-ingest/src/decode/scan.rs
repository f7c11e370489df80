//! All usage in all transcripts, without a server: files in big pieces, lines found by search, on several threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgecast_protocol::event::CallReported;

use super::transcript::{TranscriptKind, TranscriptPath};

/// Where transcripts are looked for.
#[derive(Clone, Debug, Default)]
pub struct ScanRoots {
    /// Claude Code's configuration folders (`~/.claude`), with `projects` inside.
    pub claude: Vec<PathBuf>,
    /// Codex' homes (`~/.codex`), with `sessions` and `archived_sessions` inside.
    pub codex: Vec<PathBuf>,
    /// The origin's successor's homes (`~/.foundry`), with `observatory` inside.
    pub foundry: Vec<PathBuf>,
}

/// One account of one call, as a transcript tells it.
#[derive(Clone, Debug)]
pub struct ScannedCall {
    /// Which kind of transcript.
    pub kind: TranscriptKind,
    /// The account; [`used_at`](CallReported::used_at) is always there.
    pub report: CallReported,
    /// The agent's own session: that of the path, or the one that a line of an older format names.
    pub session: Arc<str>,
    /// The folder that the agent was started in, when the lines so far named one.
    pub directory: Option<Arc<str>>,
    /// What the file's path says.
    pub path: Arc<TranscriptPath>,
    /// The file.
    pub file: Arc<Path>,
}

/// What a scan came across.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanSummary {
    /// Files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Accounts handed out.
    pub calls: u64,
    /// Lines with usage that could not be read or counted.
    pub bad: u64,
    /// Files and folders that could not be read, with the reason; at most 100.
    pub problems: Vec<(PathBuf, String)>,
}

/// Reads every transcript under these roots on `threads` threads and hands each account of a call to `each`, in no
/// particular order between files, in the order of lines within one.
pub fn usage(roots: &ScanRoots, threads: usize, each: impl Fn(ScannedCall) + Sync) -> ScanSummary {
    let _ = (roots, threads, each);
    ScanSummary::default()
}
