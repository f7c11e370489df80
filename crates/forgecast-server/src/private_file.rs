//! Replaces a file with secrets as a whole: only its owner can read it, and whoever opens it finds one content or the next,
//! never half of one.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes `bytes` to a new file (mode 0600) beside `path`, renames it to `path` and gives it back. Returns when it is durable.
///
/// # Errors
/// It cannot be written; the file at `path` then stays as it was.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut new = NamedTempFile::new_in(folder)?;
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    let file = new.persist(path)?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}
