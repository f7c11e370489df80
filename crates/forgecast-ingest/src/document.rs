//! Reading files that are rewritten: only when they differ by `stat`, and telling new content from old by digest.
//! Nothing here decides what a document means, and a document that is being written is never passed on as whole.

use std::path::Path;

use forgecast_protocol::{FileIdentity, SourceCheckpoint, hex};
use sha2::{Digest, Sha256};

use crate::clock;
use forgecast_open::{Base, OpenError};

/// What is remembered of one document.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// The file as it was when it was last looked at.
    pub(crate) identity: FileIdentity,
    /// SHA-256 of the last good content, hexadecimal; empty when there was none.
    pub(crate) digest: String,
    /// Readings in a row that failed and may succeed when repeated.
    pub(crate) attempts: u8,
    /// Whether it is there, as far as we know.
    pub(crate) present: bool,
    /// Written so short a time before it was read that a further change may show the same times.
    racy: bool,
    /// A changed identity of unchanged content was stored once; more of that waits for company.
    pub(crate) refreshed: bool,
    /// What its source remembers of it, stored with how far it was read.
    pub(crate) state: String,
}

/// What a reading gave.
#[derive(Debug)]
pub(crate) enum Reading {
    /// The file is as it was.
    Unchanged,
    /// The file changed and its content did not.
    Same,
    /// New content.
    Fresh {
        /// All of it.
        bytes: Vec<u8>,
        /// Its digest.
        digest: String,
        /// Whether the file was written to while it was read.
        torn: bool,
    },
}

/// A document that was changed so short a time ago may change again without showing it, milliseconds.
const RACY_MS: u64 = 20;

impl Document {
    /// A document of an earlier life.
    pub(crate) fn known(checkpoint: &SourceCheckpoint) -> Self {
        Self {
            identity: checkpoint.identity,
            digest: checkpoint.digest.clone(),
            state: checkpoint.state.clone(),
            present: true,
            ..Self::default()
        }
    }

    /// How far it was read.
    pub(crate) fn checkpoint(&self) -> SourceCheckpoint {
        SourceCheckpoint {
            identity: self.identity,
            offset: 0,
            digest: self.digest.clone(),
            state: self.state.clone(),
        }
    }

    /// Whether a look by `stat` is a reason to read.
    pub(crate) fn differs(&self, now: &FileIdentity) -> bool {
        self.racy || !self.present || self.identity != *now
    }

    /// Reads the file if it differs; `again` reads it in any case (a repeated attempt).
    pub(crate) fn read(&mut self, base: &Base, path: &Path, limit: u64, again: bool) -> Result<Reading, OpenError> {
        self.read_rewritten(base, path, limit, again, false)
    }

    /// As [`read`](Self::read). With `is_news` a file that was rewritten is new content although it says the same.
    pub(crate) fn read_rewritten(
        &mut self,
        base: &Base,
        path: &Path,
        limit: u64,
        again: bool,
        is_news: bool,
    ) -> Result<Reading, OpenError> {
        if !again && !self.differs(&base.stat(path)?) {
            return Ok(Reading::Unchanged);
        }
        let mut opened = base.file(path, limit)?;
        let bytes = opened.read_all(path, limit)?;
        let torn = opened.identity_now().is_ok_and(|after| after != opened.identity);
        let is_rewritten = std::mem::replace(&mut self.identity, opened.identity) != opened.identity;
        self.present = true;
        self.racy = clock::is_recent(opened.identity.ctime_ns, RACY_MS);
        let digest = digest(&bytes);
        if digest == self.digest && !torn && !(is_news && is_rewritten) {
            return Ok(Reading::Same);
        }
        Ok(Reading::Fresh { bytes, digest, torn })
    }
}

/// SHA-256, hexadecimal.
fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
