//! Writes files as coding agents and their shells do: in place and half-written for a moment (`cat > file << EOF`),
//! sometimes to a temporary file that is renamed, and logs by appending.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::WriteError;

/// A change to one file. The path is absolute or relative to the project's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Replaces the text of a file.
    Write { path: PathBuf, text: String, style: Style },
    /// Appends lines to a file.
    Append { path: PathBuf, text: String },
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

/// Carries out one action of the project in `folder`.
pub(crate) async fn perform(folder: &Path, action: &Action, pace: Pace) -> Result<(), WriteError> {
    let (Action::Write { path, .. } | Action::Append { path, .. }) = action;
    let target = folder.join(path);
    write(&target, action, pace)
        .await
        .map_err(|source| WriteError { path: target, source })
}

async fn write(target: &Path, action: &Action, pace: Pace) -> std::io::Result<()> {
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).await?;
    }
    match action {
        Action::Append { text, .. } => {
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
            let mut beside = target.as_os_str().to_owned();
            beside.push(".tmp");
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
