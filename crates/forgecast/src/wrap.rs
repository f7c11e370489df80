//! `run`: a command as a session. The user's terminal gets the command's bytes, unchanged, and the command gets the user's
//! keys, signals and window size; its exit code is that of `forgecast run`. What it prints is the session's log, which is
//! collected aside: nothing that happens to it slows the command down, and what there is no time for is left out and said.

mod child;
mod output;
mod pty;
mod relay;
mod report;
mod session;
mod signals;

use std::ffi::OsString;
use std::sync::Arc;

use anyhow::Result;

use crate::cli::RunArgs;
use crate::commands::Context;
use crate::terminal;
pub(crate) use child::become_command;
use output::Output;
use report::Reporter;
use session::CommandSession;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ended {
    /// The exit code as a shell has it: 128 and the signal for a command that a signal ended.
    code: u8,
    /// Why it failed, if it did: `Exit code 3`.
    failure: Option<String>,
}

/// Runs a command to its end, and reports it as a session. Returns its exit code.
///
/// # Errors
/// The name is none for a session, or the system has no terminal or thread left.
pub(crate) fn run(context: &Context, args: &RunArgs) -> Result<u8> {
    let now = forgecast_ingest::system_clock().now();
    let session = CommandSession::new(&context.environment, args.name.as_deref(), &args.command, now)?;
    let output = Arc::new(Output::default());
    let reporter = Reporter::start(context.clone(), session, Arc::clone(&output))?;
    let ended = child::run(&args.command, &output);
    let ended = ended.inspect_err(|_| output.close())?;
    if let Some(warning) = reporter.finish(&ended) {
        terminal::warn(&warning);
    }
    Ok(ended.code)
}

/// The command as a person would type it.
fn command_line(command: &[OsString]) -> String {
    let quoted = command.iter().map(|part| {
        let part = part.to_string_lossy();
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,@%+~^".contains(letter);
        if !part.is_empty() && part.chars().all(is_plain) {
            part.into_owned()
        } else {
            format!("'{}'", part.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
