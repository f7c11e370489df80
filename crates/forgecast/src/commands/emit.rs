//! `emit`: reports a fact from a script. The fact is written to the spool, then sent within a time limit that the caller does
//! not notice. A fact that no server acknowledged stays in the spool and is delivered later, once. For speed it uses neither
//! the async runtime nor the configuration.

use std::io::Read;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::CommandFactory;
use clap::error::ErrorKind;

use super::Context;
use crate::cli::{Cli, EmitArgs};
use crate::emit::{self, Answer, FactArguments, post};
use crate::runtime_file;
use crate::spool::{MAX_FACT_BYTES, Spool};
use crate::terminal;

/// How long everything may take; of 50 ms the rest is for starting and ending the process.
const TIME_LIMIT: Duration = Duration::from_millis(30);

/// What became of a fact.
pub(crate) enum Outcome {
    /// A server has stored the fact.
    Accepted,
    /// The fact waits in the spool, for this reason.
    Kept(String),
    /// The fact is lost, for this reason.
    Lost(String),
}

/// Reports a fact. Succeeds even if no server accepts it yet, because a build must not fail when nobody watches it.
///
/// # Errors
/// No server accepted the fact, with `--strict` only. Wrong arguments end the process with status 2.
pub(crate) fn run(context: &Context, args: &EmitArgs, began: Instant) -> Result<()> {
    let now = forgecast_ingest::system_clock().now();
    let envelope = match envelope(context, args, now) {
        Ok(envelope) => envelope,
        Err(why) => Cli::command()
            .error(ErrorKind::ValueValidation, terminal::several_lines(&why))
            .exit(),
    };
    let spool = Spool::within(&context.environment.data_folder());
    match deliver(context, &spool, &envelope, now.as_millis(), began + TIME_LIMIT) {
        Outcome::Accepted => Ok(()),
        Outcome::Kept(why) if args.strict => bail!("{why}; the fact is kept and will be delivered later"),
        Outcome::Lost(why) if args.strict => bail!(why),
        // Not worth a message, because scripts run with and without a server.
        Outcome::Kept(_) => Ok(()),
        Outcome::Lost(why) => {
            terminal::warn(&why);
            Ok(())
        }
    }
}

fn envelope(context: &Context, args: &EmitArgs, now: forgecast_protocol::Timestamp) -> Result<String, String> {
    let object = match args.json.as_deref() {
        Some("-") => Some(standard_input()?),
        other => other.map(str::to_owned),
    };
    let folder = args.dir.as_deref().map(|folder| context.environment.absolute(folder));
    if let Some(file) = folder.as_ref().filter(|folder| folder.is_file()) {
        return Err(format!("--dir: {} is not a folder", file.display()));
    }
    let random = emit::random_id("emit");
    let arguments = FactArguments {
        kind: &args.kind,
        fields: &args.fields,
        object: object.as_deref(),
        session: args.session.as_deref(),
        folder: folder.as_deref(),
        current_folder: context.environment.current_folder(),
        id: args.id.as_deref().unwrap_or(&random),
    };
    let envelope = emit::envelope(&arguments, now)?;
    if envelope.len() as u64 > MAX_FACT_BYTES {
        return Err(format!("the fact is larger than {MAX_FACT_BYTES} bytes"));
    }
    Ok(envelope)
}

fn standard_input() -> Result<String, String> {
    let mut text = String::new();
    let read = std::io::stdin()
        .lock()
        .take(MAX_FACT_BYTES + 1)
        .read_to_string(&mut text);
    read.map_err(|error| format!("--json -: cannot read standard input: {error}"))?;
    Ok(text)
}

/// Writes the fact to the spool, sends it, and removes it once it is acknowledged.
pub(crate) fn deliver(context: &Context, spool: &Spool, envelope: &str, at_ms: i64, deadline: Instant) -> Outcome {
    let kept = spool.keep(envelope, at_ms);
    // Facts are delivered in order, so this one waits while older ones do.
    let is_first = match (&kept, spool.pending()) {
        (Ok(path), Ok(pending)) => pending.first() == Some(path),
        _ => true,
    };
    let answer = if is_first {
        send(context, envelope, deadline)
    } else {
        Answer::Later("older facts are waiting to be delivered".to_owned())
    };
    match (answer, kept) {
        (Answer::Accepted, kept) => {
            if let Ok(path) = kept {
                let _ = std::fs::remove_file(path);
            }
            Outcome::Accepted
        }
        (Answer::Refused(why), kept) => {
            if let Ok(path) = kept {
                let _ = spool.quarantine(&path);
            }
            Outcome::Lost(format!("the server rejected the fact: {why}"))
        }
        (Answer::Later(why), Ok(_)) => Outcome::Kept(why),
        (Answer::Later(why), Err(error)) => Outcome::Lost(format!("{why}, and the fact cannot be kept: {error}")),
    }
}

fn send(context: &Context, envelope: &str, deadline: Instant) -> Answer {
    match runtime_file::delivering(&context.environment) {
        Some(running) => post(&running.url, running.key.as_deref(), envelope, deadline),
        None => Answer::Later("no server is running".to_owned()),
    }
}
