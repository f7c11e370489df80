//! `ingest`: shows the run of an agent by what it prints as JSON, line by line as it is printed. Each line's facts go to the
//! server, or into the spool while none answers, as those of `emit` do. What is ingested stops neither the agent nor the
//! pipe that it stands in.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use forgecast_decode::agents::{OutputReader, output_envelopes};
use forgecast_decode::clean::Cleaner;
use forgecast_decode::mask;
use forgecast_decode::transcript::DecodedLines;
use serde_json::Value;

use super::Context;
use super::emit::{Outcome, deliver};
use crate::cli::IngestArgs;
use crate::emit::random_id;
use crate::spool::{MAX_FACT_BYTES, Spool};
use crate::terminal::{self, counted};

/// How long a server may take for the facts of one line.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// The longest line that is read, in bytes; the rest of a longer one is passed over.
const MAX_LINE: u64 = 16 << 20;

/// Reads to the end of the output.
///
/// # Errors
/// The file cannot be read, or nothing in it is the output of an agent.
pub(crate) fn run(context: &Context, args: &IngestArgs) -> Result<()> {
    let folder = match &args.dir {
        Some(folder) => context.environment.absolute(folder),
        None => context.environment.current_folder().to_owned(),
    };
    let input: Box<dyn Read> = if args.file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(&args.file);
        Box::new(file.with_context(|| format!("cannot read {}", args.file.display()))?)
    };
    let mut ingest = Ingest {
        context,
        spool: Spool::within(&context.environment.data_folder()),
        // The server masks what it is sent.
        cleaner: Cleaner::new(mask::Rules::none()),
        reader: OutputReader::new(folder.to_str().map(str::to_owned)),
        facts: 0,
        bad: DecodedLines::default(),
    };
    let read = ingest.read(BufReader::new(input));
    ingest.end();
    read.with_context(|| format!("cannot read {}", args.file.display()))?;
    if ingest.facts == 0 {
        let why = Some(ingest.bad.last_bad).filter(|why| !why.is_empty());
        bail!(
            "no output of an agent: {}; give it what `claude -p --output-format stream-json --verbose` or `codex exec --json` prints",
            why.unwrap_or_else(|| "it says nothing".to_owned())
        );
    }
    if ingest.bad.bad > 0 {
        terminal::warn(&format!(
            "{} could not be read: {}",
            counted(ingest.bad.bad, "line"),
            ingest.bad.last_bad
        ));
    }
    Ok(())
}

struct Ingest<'c> {
    context: &'c Context,
    spool: Spool,
    cleaner: Cleaner,
    reader: OutputReader,
    /// Facts that were sent or kept.
    facts: u64,
    /// Lines that could not be read.
    bad: DecodedLines,
}

impl Ingest<'_> {
    fn read(&mut self, mut input: impl BufRead) -> std::io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let now = forgecast_ingest::system_clock().now();
            let lines = self.reader.line(&line, &self.cleaner, now);
            if lines.bad > 0 {
                self.bad.bad += lines.bad;
                self.bad.last_bad.clone_from(&lines.last_bad);
            }
            self.send(&lines);
        }
    }

    /// The run ended, or whoever stands before this in the pipe did.
    fn end(&mut self) {
        let now = forgecast_ingest::system_clock().now();
        let events: Vec<_> = self.reader.end(&self.cleaner, now).into_iter().collect();
        self.send(&DecodedLines {
            events,
            ..DecodedLines::default()
        });
    }

    fn send(&mut self, lines: &DecodedLines) {
        let id = random_id("ingest");
        let envelopes = output_envelopes(lines, &id);
        if envelopes.is_empty() {
            return;
        }
        self.facts += envelopes.len() as u64;
        let mut body = Value::from(envelopes).to_string();
        if body.len() as u64 > MAX_FACT_BYTES {
            // Long lines of the log are what makes it large, and what can be spared.
            let events = lines.events.clone();
            let facts = DecodedLines {
                events,
                ..DecodedLines::default()
            };
            body = Value::from(output_envelopes(&facts, &id)).to_string();
        }
        let at_ms = forgecast_ingest::system_clock().now().as_millis();
        let deadline = Instant::now() + TIME_LIMIT;
        if let Outcome::Lost(why) = deliver(self.context, &self.spool, &body, at_ms, deadline) {
            terminal::warn(&why);
        }
    }
}
