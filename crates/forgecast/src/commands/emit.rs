//! `emit`: a fact from a script. It is written to the spool first and sent then, by a deadline that a caller does not
//! notice; what no server acknowledged stays in the spool and is delivered later, once. No runtime, no configuration.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::CommandFactory;
use clap::error::ErrorKind;

use super::Context;
use crate::cli::{Cli, EmitArgs};
use crate::emit::{self, Answer, Said, post};
use crate::runtime_file;
use crate::spool::{LARGEST, Spool};
use crate::terminal;

/// How long all of it may take; what is left of 50 ms is for starting and ending a process.
const PATIENCE: Duration = Duration::from_millis(30);

/// What became of a fact.
enum Outcome {
    /// A server has it for good.
    Taken,
    /// It waits in the spool: why.
    Kept(String),
    /// Nobody has it, or nobody will: why.
    Lost(String),
}

/// Reports a fact. Success also when nobody takes it yet: a build must not fail because nobody watches it.
///
/// # Errors
/// Only with `--strict`: no server took the fact. What was said wrongly ends the process with 2.
pub(crate) fn run(context: &Context, args: &EmitArgs, began: Instant) -> Result<()> {
    let now = forgecast_ingest::system_clock().now();
    let envelope = match envelope(context, args, now) {
        Ok(envelope) => envelope,
        Err(why) => Cli::command()
            .error(ErrorKind::ValueValidation, terminal::several_lines(&why))
            .exit(),
    };
    let spool = Spool::within(&context.environment.data_folder());
    match deliver(context, &spool, &envelope, now.as_millis(), began + PATIENCE) {
        Outcome::Taken => Ok(()),
        Outcome::Kept(why) if args.strict => bail!("{why}; the fact is kept and delivered later"),
        Outcome::Lost(why) if args.strict => bail!(why),
        // What waits is no news: scripts run with and without a server.
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
    let random = format!("emit-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    let said = Said {
        kind: &args.kind,
        fields: &args.fields,
        object: object.as_deref(),
        session: args.session.as_deref(),
        folder: folder.as_deref(),
        current_folder: context.environment.current_folder(),
        id: args.id.as_deref().unwrap_or(&random),
    };
    let envelope = emit::envelope(&said, now)?;
    if envelope.len() as u64 > LARGEST {
        return Err(format!("the fact is larger than {LARGEST} bytes"));
    }
    Ok(envelope)
}

fn standard_input() -> Result<String, String> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LARGEST + 1).read_to_string(&mut text);
    read.map_err(|error| format!("--json -: cannot read standard input: {error}"))?;
    Ok(text)
}

/// Keeps it, sends it, and forgets it when it was acknowledged.
fn deliver(context: &Context, spool: &Spool, envelope: &str, at_ms: i64, deadline: Instant) -> Outcome {
    let kept = spool.keep(envelope, at_ms);
    // Nobody is overtaken: while older facts wait, this one waits behind them.
    let is_first = match (&kept, spool.pending()) {
        (Ok(path), Ok(pending)) => pending.first() == Some(path),
        _ => true,
    };
    let answer = if is_first {
        send(context, spool, envelope, deadline)
    } else {
        Answer::Later("older facts wait to be delivered".to_owned())
    };
    match (answer, kept) {
        (Answer::Taken, kept) => {
            if let Ok(path) = kept {
                let _ = std::fs::remove_file(path);
            }
            Outcome::Taken
        }
        (Answer::Refused(why), kept) => {
            if let Ok(path) = kept {
                let _ = spool.put_aside(&path);
            }
            Outcome::Lost(format!("the server refused the fact: {why}"))
        }
        (Answer::Later(why), Ok(_)) => Outcome::Kept(why),
        (Answer::Later(why), Err(error)) => Outcome::Lost(format!("{why}, and the fact cannot be kept: {error}")),
    }
}

fn send(context: &Context, spool: &Spool, envelope: &str, deadline: Instant) -> Answer {
    let takes = |running: &runtime_file::Running| running.spool.as_deref() == Some(spool.folder());
    let folder = context.environment.runtime_folder();
    match runtime_file::find(&folder, Path::new(""), false, takes) {
        Some(running) => post(&running.url, running.key.as_deref(), envelope, deadline),
        None => Answer::Later("no server is running".to_owned()),
    }
}
