//! Opens the file with the tokens and share links of a server, which is beside its database.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use forgecast_ingest::system_clock;
use forgecast_server::Keys;

/// The file's name.
const FILE: &str = "access.json";

/// The path of the file for the server on this database.
pub(crate) fn path(db: &Path) -> PathBuf {
    db.with_file_name(FILE)
}

/// Opens the file, which need not exist.
///
/// # Errors
/// The file cannot be read or was not written by Forgecast.
pub(crate) fn open(db: &Path) -> Result<Keys> {
    let path = path(db);
    Keys::open(&path, system_clock()).with_context(|| {
        format!(
            "cannot read the access tokens in {}; fix the file, or move it away to start over",
            path.display()
        )
    })
}
