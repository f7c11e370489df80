//! Counts what became of every fact that was received. All numbers are under one lock, so that at every moment
//! *received = applied + duplicate + rejected + dropped*.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use forgecast_protocol::health::Durations;

/// Why a fact was not accepted. The words are stable and used as metric labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// It names a run that does not exist.
    UnknownRun,
    /// It belongs to no session and is not about a source.
    NoSession,
    /// It names a session of another folder.
    Conflict,
    /// There are as many sessions as there may be, and none of them is finished.
    TooManySessions,
    /// As many sessions that were pushed are unfinished as may be.
    TooManyPushed,
    /// Its numbers are none that a source can mean.
    Implausible,
    /// Too many batches or bytes wait already.
    Busy,
    /// The hub stopped before its session was in memory; its source is read again.
    Shutdown,
}

/// What the hub has done since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Facts received and dealt with: the sum of the next four.
    pub received: u64,
    /// Facts folded.
    pub applied: u64,
    /// Facts known already.
    pub duplicate: u64,
    /// Facts not accepted, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Facts accepted and lost, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Of the applied ones: facts that are in the stored state but not in the stored history, because the disk could
    /// not keep up.
    pub collapsed: u64,
    /// Facts of the hub itself (deadlines, estimates); not among the received.
    pub internal: u64,
    /// Log lines accepted.
    pub log_lines: u64,
    /// Log lines not accepted, by reason.
    pub log_lines_rejected: BTreeMap<&'static str, u64>,
    /// Log lines that were shown but not stored, because the disk could not keep up.
    pub log_lines_unstored: u64,
    /// Updates published, all sessions together.
    pub updates: u64,
    /// Updates of the index published.
    pub index_updates: u64,
    /// Sessions loaded into memory.
    pub activations: u64,
    /// Finished sessions that left the index because there were too many.
    pub evictions: u64,
    /// Calls to models that are in memory.
    pub calls_in_memory: u64,
    /// Calls that were evicted from memory because there were too many; they are stored.
    pub calls_evicted: u64,
    /// Transcripts whose session is no longer known, because there were too many bindings.
    pub transcripts_evicted: u64,
    /// Agent sessions that were merged into a build.
    pub merged_sessions: u64,
    /// Sessions known.
    pub sessions: u64,
    /// Of them, sessions that are unfinished: they are never evicted.
    pub sessions_unfinished: u64,
    /// Sessions whose full view is in memory.
    pub sessions_in_memory: u64,
    /// Subscriptions at the moment.
    pub viewers: u64,
    /// Batches of the sources that wait to be folded.
    pub intake_waiting: u64,
    /// How long it took to fold a batch, publication included.
    pub folds: Durations,
    /// Of that: how long it took to publish what changed.
    pub publications: Durations,
    /// Commits on their way to the disk.
    pub commits_pending: u64,
    /// Bytes on their way to the disk.
    pub backlog_bytes: u64,
}

/// The counters, shared by the handle and the task.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Counters>);

impl Tally {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts facts that were refused before anything was done with them.
    pub(crate) fn refuse(&self, facts: usize, reason: Reason) {
        let mut counters = self.lock();
        counters.received += facts as u64;
        count(&mut counters.rejected, reason, facts);
    }

    /// Counts facts that were accepted and are lost.
    pub(crate) fn drop_facts(&self, facts: usize, reason: Reason) {
        let mut counters = self.lock();
        counters.received += facts as u64;
        count(&mut counters.dropped, reason, facts);
    }

    /// Counts the lines of a log chunk that was rejected.
    pub(crate) fn reject_lines(&self, lines: usize, reason: Reason) {
        count(&mut self.lock().log_lines_rejected, reason, lines);
    }

    /// Adds what became of the facts and lines of a batch, in one step.
    pub(crate) fn add(&self, receipt: &Receipt) {
        let mut counters = self.lock();
        counters.received += receipt.accepted + receipt.duplicates + receipt.rejected.len() as u64;
        counters.applied += receipt.accepted;
        counters.duplicate += receipt.duplicates;
        for rejected in &receipt.rejected {
            count(&mut counters.rejected, rejected.reason, 1);
        }
        counters.log_lines += receipt.log_lines;
    }
}

fn count(counts: &mut BTreeMap<&'static str, u64>, reason: Reason, number: usize) {
    *counts.entry(reason.into()).or_default() += number as u64;
}

/// What became of the facts and log lines of a batch. A producer gets it once its push is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Facts folded.
    pub accepted: u64,
    /// Facts known already.
    pub duplicates: u64,
    /// Facts rejected.
    pub rejected: Vec<Rejected>,
    /// Log lines accepted.
    pub log_lines: u64,
    /// Log lines known already, by the id of the message that held them.
    pub known_log_lines: u64,
    /// Log chunks rejected.
    pub rejected_logs: Vec<Rejected>,
}

/// One fact, or one log chunk, of a push that was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its index among the facts (or the log chunks) of the push, from 0.
    pub index: usize,
    /// Why it was rejected.
    pub reason: Reason,
}
