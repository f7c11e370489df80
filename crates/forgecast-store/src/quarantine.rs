//! Moves a database that cannot be used, or that another one takes the place of, out of the way. Nothing is ever deleted: a damaged file may still be repaired by
//! hand.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use forgecast_protocol::{Problem, ProblemKind, Timestamp};

use crate::error::Error;

/// The path with `suffix` appended to its last part.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Renames the database and its companions to `<name>.<why>-<time>`. Returns its new name.
pub(crate) fn set_aside(path: &Path, now: Timestamp, why: &str) -> Result<PathBuf, Error> {
    let target = free_name(path, now, why);
    // The companions first: SQLite would take a write-ahead log that stays for that of the new database.
    for suffix in ["-wal", "-shm", ""] {
        let from = with_suffix(path, suffix);
        if suffix.is_empty() || from.try_exists().unwrap_or(false) {
            fs::rename(&from, with_suffix(&target, suffix)).map_err(|source| Error::open(&from, &source))?;
        }
    }
    Ok(target)
}

/// Sets aside a database that is damaged and says so in a notice.
pub(crate) fn quarantine(path: &Path, now: Timestamp, why: &str) -> Result<(String, Problem), Error> {
    let target = set_aside(path, now, "corrupt")?;
    tracing::info!(
        database = %path.display(), kept_as = %target.display(), why,
        "the database cannot be used; it was quarantined and a new one begun"
    );
    let problem = Problem {
        kind: ProblemKind::Store,
        message: format!(
            "The database could not be used ({why}). It was kept as {} and a new one was begun.",
            target.display()
        ),
        subject: Some(path.display().to_string()),
    };
    Ok((format!("store/set-aside/{}", target.display()), problem))
}

/// An unused name: `forgecast.db.corrupt-20260131T081500Z`, with a number after it when a file has that name.
fn free_name(path: &Path, now: Timestamp, why: &str) -> PathBuf {
    let time = now.to_string().replace(['-', ':'], "");
    let seconds = time.split('.').next().unwrap_or_default();
    let name = with_suffix(path, &format!(".{why}-{seconds}Z"));
    let numbered = (2..1000).map(|number| with_suffix(&name, &format!("-{number}")));
    std::iter::once(name.clone())
        .chain(numbered)
        .find(|candidate| !candidate.try_exists().unwrap_or(true))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_file_quarantined_in_the_same_second_gets_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let now = Timestamp::from_millis(1_769_847_300_250);
        let names: Vec<PathBuf> = (0..2)
            .map(|_| {
                let name = free_name(&path, now, "corrupt");
                fs::write(&name, "").unwrap();
                name
            })
            .collect();
        assert_eq!(names[0], folder.path().join("a.db.corrupt-20260131T081500Z"));
        assert_eq!(names[1], folder.path().join("a.db.corrupt-20260131T081500Z-2"));
    }
}
