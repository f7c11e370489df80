//! A misspelt command is no folder: `forgecast statsu x` must not begin to watch a folder named `statsu`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::CommandFactory;

use crate::cli::Cli;
use crate::nearest::nearest;

/// Refuses a first word that is no folder but nearly a command.
///
/// # Errors
/// Names the command that was probably meant.
pub(crate) fn refuse_misspelt_command(paths: &[PathBuf]) -> Result<()> {
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
            bail!("there is no command and no folder `{word}`; did you mean `{meant}`? (a folder: ./{word})")
        }
        None => Ok(()),
    }
}
