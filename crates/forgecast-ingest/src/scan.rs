//! All usage in all transcripts, without a server: files in big pieces, lines of interest found by search, several
//! threads. Knows nothing of what is on their lines besides calls, and never holds more than a few pieces in memory.

mod files;
mod read;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use forgecast_decode::scan::UsageLines;
pub use forgecast_decode::scan::{Scanned, ScannedCall, ScannedTitle, ScannedTotal};

use self::files::Part;
use crate::AgentHomes;
use forgecast_decode::clean::Cleaner;

/// Most problems that are named.
const MAX_PROBLEMS: usize = 100;

/// What a scan came across.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanSummary {
    /// Files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Accounts handed out.
    pub calls: u64,
    /// Lines with usage that could not be read or counted.
    pub bad: u64,
    /// Files and folders that could not be read, with the reason; at most 100.
    pub problems: Vec<(PathBuf, String)>,
}

impl ScanSummary {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.calls += other.calls;
        self.bad += other.bad;
        let room = MAX_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(other.problems.into_iter().take(room));
    }
}

/// How to scan.
#[derive(Clone, Copy, Debug)]
pub struct ScanOptions {
    /// How many threads read.
    pub threads: usize,
    /// Whether titles of sessions are wanted, too; they are looked for in the first megabyte of each transcript.
    pub titles: bool,
}

/// How far a scan is, in bytes on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanProgress {
    /// Read so far.
    pub done: u64,
    /// To be read in all.
    pub total: u64,
}

/// Reads every transcript in the homes of these agents and hands each account of a call, and what agents say of their
/// sessions, to `each`, in no particular order between files, in the order of lines within a piece of one. Of an account
/// that is repeated on the next lines only the first is handed out. A folder that is not there is no problem. `progress`
/// is called by every thread after each piece.
pub fn usage(
    roots: &AgentHomes,
    options: ScanOptions,
    progress: impl Fn(ScanProgress) + Sync,
    each: impl Fn(Scanned) + Sync,
) -> ScanSummary {
    let mut summary = ScanSummary::default();
    let parts = files::parts(roots, &mut summary);
    let total = parts.iter().map(|part| part.size).sum();
    let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
    let all = Mutex::new(summary);
    let cleaner = Cleaner::default();
    let work = || {
        let mut own = ScanSummary::default();
        let mut buffer = Vec::new();
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut left = part.size;
            let mut advance = |bytes: u64| {
                let bytes = bytes.min(left);
                left -= bytes;
                let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
                progress(ScanProgress { done, total });
            };
            scan(
                part,
                options.titles,
                &cleaner,
                &mut buffer,
                &mut own,
                &each,
                &mut advance,
            );
            // Of a file that was packed, or could not be read to its end.
            advance(u64::MAX);
        }
        all.lock().unwrap_or_else(PoisonError::into_inner).add(own);
    };
    let workers = options.threads.clamp(1, parts.len().max(1));
    std::thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(work);
        }
        work();
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn scan(
    part: &Part,
    titles: bool,
    cleaner: &Cleaner,
    buffer: &mut Vec<u8>,
    summary: &mut ScanSummary,
    each: &impl Fn(Scanned),
    advance: &mut impl FnMut(u64),
) {
    let mut lines = UsageLines::new(&part.scanned, cleaner, each);
    let read = read::pieces(part, buffer, |piece, offset| {
        lines.piece(piece, offset);
        if titles && offset == 0 {
            lines.title(piece);
        }
        if !part.is_packed {
            advance(piece.len() as u64);
        }
    });
    match read {
        Ok((bytes, too_long)) => {
            summary.bytes += bytes;
            summary.bad += too_long;
        }
        Err(why) => summary.add(ScanSummary {
            problems: vec![(part.scanned.file.to_path_buf(), why)],
            ..ScanSummary::default()
        }),
    }
    summary.files += u64::from(part.range.start == 0);
    summary.calls += lines.calls();
    summary.bad += lines.bad();
}
