//! The tokens and share links of a server, in a file beside its database: opened for commands and for the server itself.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use forgecast_protocol::Clock;
use forgecast_server::Keys;

/// The file's name.
const FILE: &str = "access.json";

/// Where the keys of the server on this database are.
pub(crate) fn path(db: &Path) -> PathBuf {
    db.with_file_name(FILE)
}

/// Opens them; there need be none yet.
///
/// # Errors
/// The file cannot be read, or is not what Forgecast wrote.
pub(crate) fn open(db: &Path, clock: &Clock) -> Result<Keys> {
    let path = path(db);
    Keys::open(&path, clock.clone()).with_context(|| {
        format!(
            "cannot read the access tokens in {}; mend it, or move it away to begin anew",
            path.display()
        )
    })
}
