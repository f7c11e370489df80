//! Reports the session beside the command: a thread that takes what was printed, looks for results of tests in it, and
//! sends it as the log. Facts go the way of all facts from commands: to the server, or into the spool while none answers.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use forgecast_decode::TestOutput;
use forgecast_decode::clean::{Cleaner, LogState};
use forgecast_decode::mask::MASK;
use forgecast_protocol::Timestamp;
use serde_json::Value;

use super::Ended;
use super::output::{Lines, Output};
use super::session::CommandSession;
use crate::commands::Context;
use crate::commands::emit::{Outcome, deliver};
use crate::spool::Spool;
use crate::terminal::counted;

/// How often the log is sent, and how often while it is only kept.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_WITHOUT_SERVER: Duration = Duration::from_secs(2);
/// How often it is said what the command is doing, and what its tests have come to.
const ACTIVITY: Duration = Duration::from_secs(15);
/// How long a server may take for what is sent at once.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// How long the end of the command may take to be reported.
const LAST_LIMIT: Duration = Duration::from_secs(5);
/// Most bytes and lines of the log that are sent at once, the newest, and lines of one envelope.
const MAX_BYTES: usize = 128 << 10;
const MAX_LINES: usize = 2_000;
const ENVELOPE_LINES: usize = 1_000;
/// Longest line that is sent as it was printed, with its colors, in bytes.
const MAX_LINE: usize = 16 << 10;
/// How often the log is kept for a server that is not there; after that only the end is.
const MAX_KEPT: u32 = 1_000;
/// Characters of the last line in the reason of a failure.
const MAX_REASON: usize = 200;

/// The thread that reports.
pub(super) struct Reporter {
    output: Arc<Output>,
    end: SyncSender<Ended>,
    /// Whether something was lost, and why.
    done: Receiver<Option<String>>,
}

impl Reporter {
    pub(super) fn start(context: Context, session: CommandSession, output: Arc<Output>) -> Result<Self> {
        let (end, ended) = sync_channel(1);
        let (sender, done) = sync_channel(1);
        let report = Report {
            spool: Spool::within(&context.environment.data_folder()),
            context,
            session,
            cleaner: Cleaner::default(),
            log: LogState::default(),
            tests: TestOutput::default(),
            left_out: 0,
            last_line: None,
            kept: 0,
            is_kept: false,
            lost: None,
        };
        let from = Arc::clone(&output);
        let thread = thread::Builder::new().name("report".to_owned());
        let thread = thread.spawn(move || drop(sender.send(report.run(&from, &ended))));
        thread.context("cannot start a thread")?;
        Ok(Self { output, end, done })
    }

    /// The command ended. Waits until that is reported, but not for long. Returns what could not be.
    pub(super) fn finish(self, ended: &Ended) -> Option<String> {
        let _ = self.end.try_send(ended.clone());
        self.output.close();
        let late = || Some("the end of the session could not be reported in time".to_owned());
        self.done.recv_timeout(LAST_LIMIT).unwrap_or_else(|_| late())
    }
}

struct Report {
    context: Context,
    spool: Spool,
    session: CommandSession,
    /// Secrets are masked here already: the spool is a file like any other.
    cleaner: Cleaner,
    log: LogState,
    tests: TestOutput,
    /// Lines that were left out and not said to be.
    left_out: u64,
    /// The last line with anything in it.
    last_line: Option<String>,
    /// How often something was kept in the spool.
    kept: u32,
    is_kept: bool,
    lost: Option<String>,
}

impl Report {
    fn run(mut self, output: &Output, ended: &Receiver<Ended>) -> Option<String> {
        let seen = self.session.seen();
        self.send(vec![seen]);
        let mut active_at: Option<Instant> = None;
        loop {
            let pause = if self.is_kept { PAUSE_WITHOUT_SERVER } else { PAUSE };
            let lines = output.take(ACTIVITY, Instant::now() + pause);
            let at = forgecast_ingest::system_clock().now();
            let is_last = lines.is_last;
            let is_spared = self.kept >= MAX_KEPT && !is_last;
            let has_lines = !lines.bytes.is_empty();
            let mut facts = self.log_of(lines, is_spared, at);
            if has_lines && !is_spared && !is_last && active_at.is_none_or(|active| active.elapsed() >= ACTIVITY) {
                active_at = Some(Instant::now());
                facts.extend(self.activity(at));
                facts.extend(self.results(at));
            }
            if is_last {
                facts.extend(self.results(at));
                // Without one, the command was not even tried.
                if let Ok(ended) = ended.try_recv() {
                    facts.push(self.end(&ended, at));
                }
            }
            if !facts.is_empty() {
                self.send(facts);
            }
            if is_last {
                return self.lost;
            }
        }
    }

    /// The lines as envelopes, the newest of them if there are many.
    fn log_of(&mut self, lines: Lines, is_spared: bool, at: Timestamp) -> Vec<Value> {
        self.left_out += lines.left_out;
        let text = String::from_utf8_lossy(&lines.bytes);
        let lines: Vec<&str> = text.split_terminator('\n').collect();
        let mut room = MAX_BYTES;
        let fits = |line: &&&str| {
            let length = line.len().min(MAX_LINE);
            room.checked_sub(length).is_some_and(|rest| {
                room = rest;
                true
            })
        };
        let shown = lines.iter().rev().take(MAX_LINES).take_while(fits).count();
        let first_shown = if is_spared { lines.len() } else { lines.len() - shown };
        let mut log = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            self.tests.line(line);
            let line = line.trim_end_matches('\r');
            let (clean, ..) = self.cleaner.next_log_line(&mut self.log, line);
            if index < first_shown {
                self.left_out += 1;
                continue;
            }
            if self.left_out > 0 {
                log.push(format!(
                    "… {} left out",
                    counted(std::mem::take(&mut self.left_out), "line")
                ));
            }
            if !clean.trim().is_empty() {
                self.last_line = Some(clean.clone());
            }
            // The server reads the colors of a line that holds no secret.
            let is_masked = clean.contains(MASK) || line.len() > MAX_LINE;
            log.push(if is_masked { clean } else { line.to_owned() });
        }
        let envelopes = log.chunks(ENVELOPE_LINES);
        let envelopes = envelopes.map(|lines| self.session.envelope("log", at, [("text", lines.join("\n").into())]));
        envelopes.collect()
    }

    fn activity(&mut self, at: Timestamp) -> Option<Value> {
        let words = self.last_line.clone()?;
        let fields = [("activity", "working".into()), ("words", words.into())];
        Some(self.session.envelope("activity_reported", at, fields))
    }

    fn results(&mut self, at: Timestamp) -> Option<Value> {
        let result = self.tests.result()?;
        let fields = [
            ("total", result.total),
            ("passed", result.passed),
            ("failed", result.failed),
        ];
        let fields = fields
            .into_iter()
            .filter_map(|(name, count)| Some((name, count?.into())));
        Some(self.session.envelope("tests_reported", at, fields))
    }

    fn end(&mut self, ended: &Ended, at: Timestamp) -> Value {
        let mut fields = vec![
            ("success", ended.failure.is_none().into()),
            ("started_at", self.session.began.to_string().into()),
            ("completed_at", at.to_string().into()),
        ];
        if let Some(failure) = &ended.failure {
            let last: Option<String> = self
                .last_line
                .as_ref()
                .map(|line| line.trim().chars().take(MAX_REASON).collect());
            let last = last.filter(|_| !failure.contains(": "));
            let reason = last.map_or_else(|| failure.clone(), |last| format!("{failure}: {last}"));
            fields.push(("summary", reason.into()));
        }
        self.session.envelope("completion_reported", at, fields)
    }

    fn send(&mut self, facts: Vec<Value>) {
        let body = Value::from(facts).to_string();
        let at_ms = forgecast_ingest::system_clock().now().as_millis();
        let outcome = deliver(&self.context, &self.spool, &body, at_ms, Instant::now() + TIME_LIMIT);
        self.is_kept = matches!(outcome, Outcome::Kept(_));
        self.kept += u32::from(self.is_kept);
        if let Outcome::Lost(why) = outcome {
            self.lost = Some(why);
        }
    }
}
