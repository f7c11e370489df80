//! All usage in all transcripts, without a server: files in big pieces, lines of interest found by search, several
//! threads. Knows nothing of what is on their lines besides calls, and never holds more than a few pieces in memory.

mod files;
mod read;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use forgecast_decode::scan::UsageLines;
pub use forgecast_decode::scan::{Scanned, ScannedCall, ScannedTotal};

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

/// Reads every transcript in the homes of these agents on `threads` threads and hands each account of a call, and what agents say of their sessions, to `each`, in no
/// particular order between files, in the order of lines within a piece of one. Of an account that is repeated on the
/// next lines only the first is handed out. A folder that is not there is no problem.
pub fn usage(roots: &AgentHomes, threads: usize, each: impl Fn(Scanned) + Sync) -> ScanSummary {
    let mut summary = ScanSummary::default();
    let parts = files::parts(roots, &mut summary);
    let next = AtomicUsize::new(0);
    let all = Mutex::new(summary);
    let cleaner = Cleaner::default();
    let work = || {
        let mut own = ScanSummary::default();
        let mut buffer = Vec::new();
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            scan(part, &cleaner, &mut buffer, &mut own, &each);
        }
        all.lock().unwrap_or_else(PoisonError::into_inner).add(own);
    };
    let workers = threads.clamp(1, parts.len().max(1));
    std::thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(work);
        }
        work();
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn scan(part: &Part, cleaner: &Cleaner, buffer: &mut Vec<u8>, summary: &mut ScanSummary, each: &impl Fn(Scanned)) {
    let mut lines = UsageLines::new(&part.scanned, cleaner, each);
    let read = read::pieces(part, buffer, |piece, offset| lines.piece(piece, offset));
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
