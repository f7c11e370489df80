//! Replaces a file as a whole: a reader finds the old content or the new one, never half of one. The new file is readable by
//! its owner only until it has the requested permissions.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes `bytes` to a new file with the permissions `mode` beside `path`, renames it to `path` and gives it back. Returns
/// when it is durable.
///
/// # Errors
/// It cannot be written; the file at `path` then stays as it was.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut new = NamedTempFile::new_in(folder)?;
    new.write_all(bytes)?;
    // Until here only its owner could read it.
    new.as_file().set_permissions(Permissions::from_mode(mode))?;
    new.as_file().sync_all()?;
    let file = new.persist(path)?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}
