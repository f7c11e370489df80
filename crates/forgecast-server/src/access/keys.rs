//! The tokens and share links of this server. Only a hash of each is stored; its text is given out once, when it is issued.
//! Another process may change the file at any time (`forgecast token`, `forgecast share`), so every question is answered from
//! the file as it is now.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forgecast_protocol::{Clock, SessionId, Timestamp};

use super::issue::ProcessKey;
use super::store::{self, Document, Lock, ShareInfo, Stamp, TokenInfo};
use super::{Role, TokenScope};

/// The longest that a share link may be valid.
const LONGEST_SHARE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The tokens and share links in one file, and the admin token of this process.
pub struct Keys {
    path: PathBuf,
    pub(super) clock: Clock,
    pub(super) process: ProcessKey,
    loaded: Mutex<Loaded>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("path", &self.path).finish_non_exhaustive()
    }
}

pub(super) struct Loaded {
    stamp: Option<Stamp>,
    pub(super) document: Arc<Document>,
    /// Whether the log says that the file cannot be read.
    error_logged: bool,
}

impl Loaded {
    fn new(found: Option<(Document, Stamp)>, process: &ProcessKey) -> Self {
        let (document, stamp) = found.unzip();
        Self {
            stamp,
            document: Arc::new(document.unwrap_or_else(|| empty(process))),
            error_logged: false,
        }
    }
}

impl Keys {
    /// The keys in the file at `path`. A missing file has none and is created with the first one. A file that other users
    /// could read is made private.
    ///
    /// # Errors
    /// The file cannot be read; with `InvalidData`, it is not what this program wrote. Or the system has no random numbers.
    pub fn open(path: &Path, clock: Clock) -> io::Result<Self> {
        let process = ProcessKey::new()?;
        if store::make_private(path)? {
            tracing::warn!(path = %path.display(), "the file of the access tokens was open to others; it is not any more");
        }
        let loaded = Loaded::new(store::read(path)?, &process);
        Ok(Self {
            path: path.to_owned(),
            clock,
            process,
            loaded: Mutex::new(loaded),
        })
    }

    /// An admin token that is valid as long as this process runs, for other commands of the same user.
    #[must_use]
    pub fn process_key(&self) -> String {
        self.process.text.clone()
    }

    /// Whether there is no token, so that only this machine has access. Share links do not count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.now().tokens.is_empty()
    }

    /// The tokens, oldest first.
    #[must_use]
    pub fn tokens(&self) -> Vec<TokenInfo> {
        self.now().tokens.iter().map(|token| token.info.clone()).collect()
    }

    /// The share links that are still valid, oldest first.
    #[must_use]
    pub fn shares(&self) -> Vec<ShareInfo> {
        let now = self.clock.now();
        let document = self.now();
        let shares = document.shares.iter().map(|share| &share.info);
        shares.filter(|share| share.expires_at > now).cloned().collect()
    }

    /// Makes a token. Its text is in nobody's hands but the principal's: it cannot be shown again.
    ///
    /// # Errors
    /// `InvalidInput`: the name is empty, longer than 64 characters or not printable. `AlreadyExists`: another token has
    /// it. Otherwise the file cannot be written.
    pub fn add_token(&self, role: Role, name: &str) -> io::Result<(TokenInfo, String)> {
        self.add_scoped_token(role, TokenScope::default(), name)
    }

    /// Makes a token that is restricted, if `scope` restricts anything; it must be one for watching then.
    ///
    /// # Errors
    /// As [`Self::add_token`]; `InvalidInput` also for another role with a restriction.
    pub fn add_scoped_token(&self, role: Role, scope: TokenScope, name: &str) -> io::Result<(TokenInfo, String)> {
        self.change(|document, now| {
            if document.tokens.iter().any(|token| token.info.name == name) {
                let why = format!("there is a token with the name {name:?} already");
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
            }
            document.add_token(role, scope, name, now)
        })
    }

    /// Revokes a token by its id or name, at once. `None` when there is no such token.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn revoke_token(&self, id_or_name: &str) -> io::Result<Option<TokenInfo>> {
        self.change(|document, _| {
            let tokens = &mut document.tokens;
            // An id first: a name may look like one.
            let by_id = tokens.iter().position(|token| token.info.id == id_or_name);
            let found = by_id.or_else(|| tokens.iter().position(|token| token.info.name == id_or_name));
            Ok(found.map(|at| tokens.remove(at).info))
        })
    }

    /// Revokes all tokens of a role and issues one in their place, with the name and the restriction of the newest of them.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn rotate(&self, role: Role) -> io::Result<(TokenInfo, String)> {
        self.change(|document, now| {
            let newest = document.tokens.iter().rev().find(|token| token.info.role == role);
            let mut name = newest.map_or_else(|| role.as_ref().to_owned(), |token| token.info.name.clone());
            let scope = newest.map_or_else(TokenScope::default, |token| token.info.scope.clone());
            document.tokens.retain(|token| token.info.role != role);
            while document.tokens.iter().any(|token| token.info.name == name) {
                name.push('\'');
            }
            document.add_token(role, scope, &name, now)
        })
    }

    /// Issues a share link to one session.
    ///
    /// # Errors
    /// `InvalidInput`: the lifetime is nothing, or longer than ten years. Otherwise the file cannot be written.
    pub fn share(&self, session: SessionId, lifetime: Duration) -> io::Result<(ShareInfo, String)> {
        let millis = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        if millis == 0 || lifetime > LONGEST_SHARE {
            let why = "a share link is valid for a millisecond at least and ten years at most";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        self.change(|document, now| document.add_share(session, now.plus_millis(millis), now))
    }

    /// Revokes a share link by its id, at once. `None` when there is no such link.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn revoke_share(&self, id: &str) -> io::Result<Option<ShareInfo>> {
        self.change(|document, _| {
            let found = document.shares.iter().position(|share| share.info.id == id);
            Ok(found.map(|at| document.shares.remove(at).info))
        })
    }

    /// Changes the file under its lock. Expired share links are removed with the next change.
    fn change<T>(&self, change: impl FnOnce(&mut Document, Timestamp) -> io::Result<T>) -> io::Result<T> {
        let lock = Lock::take(&self.path)?;
        let mut document = store::read(&self.path)?.map_or_else(|| empty(&self.process), |(document, _)| document);
        let now = self.clock.now();
        document.shares.retain(|share| share.info.expires_at > now);
        let done = change(&mut document, now)?;
        let stamp = lock.write(&self.path, &document)?;
        *self.loaded() = Loaded::new(Some((document, stamp)), &self.process);
        Ok(done)
    }

    /// What the file holds now. When it cannot be read (disk failure, no file descriptor left), what it held before: a fault
    /// must not lock everybody out. When its content is invalid, nothing: the change may have been a revocation.
    pub(super) fn now(&self) -> Arc<Document> {
        let mut loaded = self.loaded();
        let same = Stamp::of(&self.path).map(|stamp| stamp == loaded.stamp);
        if matches!(same, Ok(true)) {
            return Arc::clone(&loaded.document);
        }
        match same.and_then(|_| store::read(&self.path)) {
            Ok(found) => *loaded = Loaded::new(found, &self.process),
            Err(error) => {
                if !loaded.error_logged {
                    tracing::error!(%error, "the access tokens cannot be read");
                    loaded.error_logged = true;
                }
                if error.kind() == io::ErrorKind::InvalidData {
                    loaded.document = Arc::new(empty(&self.process));
                }
            }
        }
        Arc::clone(&loaded.document)
    }

    /// Reads the file if it changed, for the calls of [`Self::is_valid`] that follow.
    pub(crate) fn refresh(&self) {
        self.now();
    }

    pub(super) fn loaded(&self) -> MutexGuard<'_, Loaded> {
        // Replaced in one step: a panic elsewhere cannot leave half of it.
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The content of a missing file.
fn empty(process: &ProcessKey) -> Document {
    Document {
        // Made when the process starts, so that cookies of the first token do not depend on when it was issued.
        secret: process.secret,
        tokens: Vec::new(),
        shares: Vec::new(),
    }
}
