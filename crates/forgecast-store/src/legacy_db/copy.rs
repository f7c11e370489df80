//! A copy of a database as it was at one moment. Only reads the original and the journals beside it.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::LegacyDbError;
use crate::quarantine::with_suffix;

/// What SQLite keeps beside a database and needs to understand it. The `-shm` is made from the others.
const COMPANIONS: [&str; 2] = ["-wal", "-journal"];
/// How often a database that changes meanwhile is copied again.
const TRIES: usize = 5;

/// What shows that a file is still the same: device, inode, size, and when content and inode changed.
type Look = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

/// Copies the database into a folder of its own.
pub(super) fn copy(path: &Path) -> Result<(TempDir, PathBuf), LegacyDbError> {
    let failed = |source: io::Error| LegacyDbError::Read {
        path: path.to_owned(),
        source,
    };
    // Before anything is opened: to open a pipe would wait for its other end.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(LegacyDbError::unusable(path, "is not a regular file"));
    }
    let mut beginning = Vec::new();
    let opened = File::open(path).map_err(failed)?;
    opened.take(16).read_to_end(&mut beginning).map_err(failed)?;
    if beginning != *b"SQLite format 3\0" {
        return Err(LegacyDbError::unusable(path, "is not an SQLite database"));
    }
    // SQLite looks for journals beside the file itself, not beside a link to it.
    let path_of_file = fs::canonicalize(path).map_err(failed)?;
    for _ in 0..TRIES {
        let folder = tempfile::Builder::new()
            .prefix("forgecast-import-")
            .tempdir()
            .map_err(failed)?;
        let target = folder.path().join("metrics.db");
        let before = looks(&path_of_file);
        copy_all(&path_of_file, &target).map_err(failed)?;
        if before == looks(&path_of_file) {
            return Ok((folder, target));
        }
    }
    let reason = "is being written continuously; try again when no build is running";
    Err(LegacyDbError::unusable(path, reason))
}

fn copy_all(path: &Path, target: &Path) -> io::Result<()> {
    fs::copy(path, target)?;
    // A database that may not be written has a copy that may not be, either: its journal could not be played back.
    let writable = Permissions::from_mode(0o600);
    fs::set_permissions(target, writable.clone())?;
    for companion in COMPANIONS {
        let to = with_suffix(target, companion);
        match fs::copy(with_suffix(path, companion), &to) {
            Ok(_) => fs::set_permissions(&to, writable.clone())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn looks(path: &Path) -> [Look; 3] {
    ["", COMPANIONS[0], COMPANIONS[1]].map(|suffix| {
        let metadata = fs::metadata(with_suffix(path, suffix)).ok()?;
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Some((metadata.dev(), metadata.ino(), metadata.size(), modified, changed))
    })
}
