//! Misspelled commands: `forgecast statsu x` must not start to watch a folder named `statsu`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::CommandFactory;

use crate::cli::Cli;
use crate::nearest::nearest;

/// Rejects a first argument that is no existing folder and similar to a command.
///
/// # Errors
/// Suggests the command.
pub(crate) fn reject_misspelled_command(paths: &[PathBuf]) -> Result<()> {
    let Some(word) = paths.first().and_then(|path| path.to_str()) else {
        return Ok(());
    };
    if word.contains(['/', '.']) || std::path::Path::new(word).exists() {
        return Ok(());
    }
    let command = Cli::command();
    let names = command.get_subcommands().map(clap::Command::get_name);
    match nearest(word, names) {
        Some(meant) => {
            bail!("there is no command or folder `{word}`; did you mean `{meant}`? (for a folder, write ./{word})")
        }
        None => Ok(()),
    }
}
