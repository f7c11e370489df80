//! Writes files as coding agents and their shells do: in place and half-written for a moment (`cat > file << EOF`),
//! sometimes to a temporary file that is renamed, and logs by appending.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::WriteError;

/// A change to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Replaces the text of a file; `path` is relative to the project's folder.
    Write { path: String, text: String, style: Style },
    /// Appends lines to a file; `path` is relative to the project's folder.
    Append { path: String, text: String },
    /// Appends a line to a transcript; `file` is absolute.
    AppendTranscript { file: PathBuf, line: String },
}

/// One action, at a time in milliseconds after the start of its build at speed 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) at_ms: u64,
    pub(crate) action: Action,
}

/// How a file is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Truncates the file, writes the first half, and the rest after a pause, like a here-document of a shell.
    InPlace { pause_ms: u64 },
    /// Writes a temporary file and renames it.
    Renamed,
}

/// Whether to pause between the halves of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// No pause, for the part of a build that is done when the demo starts.
    Immediate,
    /// A pause, as with real agents.
    Realistic,
}

/// Carries out one action below `folder`.
pub(crate) async fn perform(folder: &Path, action: &Action, pace: Pace) -> Result<(), WriteError> {
    let target = match action {
        Action::Write { path, .. } | Action::Append { path, .. } => folder.join(path),
        Action::AppendTranscript { file, .. } => file.clone(),
    };
    write(&target, action, pace)
        .await
        .map_err(|source| WriteError { path: target, source })
}

async fn write(target: &Path, action: &Action, pace: Pace) -> std::io::Result<()> {
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).await?;
    }
    match action {
        Action::Append { text, .. } | Action::AppendTranscript { line: text, .. } => {
            let mut options = OpenOptions::new();
            let mut file = options.append(true).create(true).open(target).await?;
            file.write_all(text.as_bytes()).await?;
            file.flush().await
        }
        Action::Write {
            text,
            style: Style::Renamed,
            ..
        } => {
            let beside = beside(target);
            fs::write(&beside, text).await?;
            fs::rename(&beside, target).await
        }
        Action::Write {
            text,
            style: Style::InPlace { pause_ms },
            ..
        } => {
            let (first, second) = text.as_bytes().split_at(text.len() / 2);
            let mut file = File::create(target).await?;
            file.write_all(first).await?;
            file.flush().await?;
            if pace == Pace::Realistic {
                tokio::time::sleep(Duration::from_millis(*pause_ms)).await;
            }
            file.write_all(second).await?;
            file.flush().await
        }
    }
}

fn beside(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    target.with_file_name(name)
}
