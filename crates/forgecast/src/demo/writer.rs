//! Writes files as coding agents and their shells do: in place and for a moment half-written (`cat > file << EOF`),
//! sometimes beside and renamed, logs by appending.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::WriteError;

/// What happens to one file; paths are relative to the project's folder, where they are not said to be whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The file holds this text afterwards.
    Write { path: String, text: String, style: Style },
    /// These lines stand at its end afterwards.
    Append { path: String, text: String },
    /// So does this one at the end of a transcript, whose path is whole.
    Say { file: PathBuf, line: String },
}

/// How a file comes to hold its new text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Truncated, the first half written, so many milliseconds later the rest: what a here-document of an agent looks
    /// like to everyone who reads meanwhile.
    InPlace { pause_ms: u64 },
    /// Written beside and renamed.
    Renamed,
}

/// Whether pauses between the halves of a file are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// For what lies behind when the demo begins: nobody watches.
    AtOnce,
    /// Half-written for a moment.
    AsAgentsDo,
}

/// Carries out one action below `folder`.
pub(crate) async fn perform(folder: &Path, action: &Action, pace: Pace) -> Result<(), WriteError> {
    let target = match action {
        Action::Write { path, .. } | Action::Append { path, .. } => folder.join(path),
        Action::Say { file, .. } => file.clone(),
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
        Action::Append { text, .. } | Action::Say { line: text, .. } => {
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
            if pace == Pace::AsAgentsDo {
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
