//! The tokens and share links that open this server. Of each only a hash is kept; its text is given out once, when it is
//! made. Another process may change the file at any time (`forgecast token`, `forgecast share`): what is asked here is
//! asked of the file as it is now.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forgecast_protocol::{Clock, SessionId, Timestamp};

use super::Role;
use super::issue::{ProcessKey, ShareInfo, TokenInfo};
use super::store::{self, Document, Lock, Stamp};

/// The longest that a share link may be valid.
const LONGEST_SHARE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// See the module.
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

struct Loaded {
    stamp: Option<Stamp>,
    document: Arc<Document>,
    /// Whether it was said in the log that the file cannot be read.
    complained: bool,
}

impl Keys {
    /// The keys in the file at `path`; none when it is not there, and it is made with the first. A file that others could
    /// read is taken from them.
    ///
    /// # Errors
    /// The file cannot be read; with `InvalidData`, it is not what this program wrote. Or the system has no random numbers.
    pub fn open(path: &Path, clock: Clock) -> io::Result<Self> {
        let process = ProcessKey::new()?;
        if store::make_private(path)? {
            tracing::warn!(path = %path.display(), "the file of the access tokens was open to others; it is not any more");
        }
        let loaded = match store::read(path)? {
            Some((document, stamp)) => Loaded {
                stamp: Some(stamp),
                document: Arc::new(document),
                complained: false,
            },
            None => Loaded {
                stamp: None,
                document: Arc::new(none(&process)),
                complained: false,
            },
        };
        Ok(Self {
            path: path.to_owned(),
            clock,
            process,
            loaded: Mutex::new(loaded),
        })
    }

    /// A token of this process that may do everything and ends with it; for the other commands of the same user.
    #[must_use]
    pub fn process_key(&self) -> String {
        self.process.text.clone()
    }

    /// Whether there is no token, so that nobody but this machine could come in. Share links do not count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.now().tokens.is_empty()
    }

    /// The tokens, oldest first.
    #[must_use]
    pub fn tokens(&self) -> Vec<TokenInfo> {
        self.now().tokens.iter().map(TokenInfo::from).collect()
    }

    /// The share links that are still valid, oldest first.
    #[must_use]
    pub fn shares(&self) -> Vec<ShareInfo> {
        let now = self.clock.now();
        let document = self.now();
        let valid = document.shares.iter().filter(|share| share.expires_at > now);
        valid.map(ShareInfo::from).collect()
    }

    /// Makes a token. Its text is in nobody's hands but the principal's: it cannot be shown again.
    ///
    /// # Errors
    /// `InvalidInput`: the name is empty, longer than 64 characters or not printable. `AlreadyExists`: another token has
    /// it. Otherwise the file cannot be written.
    pub fn add_token(&self, role: Role, name: &str) -> io::Result<(TokenInfo, String)> {
        self.change(|document, now| {
            if document.tokens.iter().any(|token| token.name == name) {
                let why = format!("there is a token with the name {name:?} already");
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
            }
            document.add_token(role, name, now)
        })
    }

    /// Ends a token at once, by its id or its name. Says which it was; nothing when there is none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn revoke_token(&self, id_or_name: &str) -> io::Result<Option<TokenInfo>> {
        self.change(|document, _| {
            let tokens = &mut document.tokens;
            // An id first: a name may look like one.
            let by_id = tokens.iter().position(|token| token.id == id_or_name);
            let found = by_id.or_else(|| tokens.iter().position(|token| token.name == id_or_name));
            Ok(found.map(|at| TokenInfo::from(&tokens.remove(at))))
        })
    }

    /// Ends all tokens of a role and makes one in their place, under the name of the newest of them.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn rotate(&self, role: Role) -> io::Result<(TokenInfo, String)> {
        self.change(|document, now| {
            let newest = document.tokens.iter().rev().find(|token| token.role == role);
            let mut name = newest.map_or_else(|| role.as_str().to_owned(), |token| token.name.clone());
            document.tokens.retain(|token| token.role != role);
            while document.tokens.iter().any(|token| token.name == name) {
                name.push('\'');
            }
            document.add_token(role, &name, now)
        })
    }

    /// Makes a link to one session that is valid for a while.
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

    /// Ends a share link at once. Says which it was; nothing when there is none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn revoke_share(&self, id: &str) -> io::Result<Option<ShareInfo>> {
        self.change(|document, _| {
            let found = document.shares.iter().position(|share| share.id == id);
            Ok(found.map(|at| ShareInfo::from(&document.shares.remove(at))))
        })
    }

    /// Changes the file, and nobody else does meanwhile. Share links that expired go with the next change.
    fn change<T>(&self, change: impl FnOnce(&mut Document, Timestamp) -> io::Result<T>) -> io::Result<T> {
        let lock = Lock::take(&self.path)?;
        let mut document = store::read(&self.path)?.map_or_else(|| none(&self.process), |(document, _)| document);
        let now = self.clock.now();
        document.shares.retain(|share| share.expires_at > now);
        let done = change(&mut document, now)?;
        let stamp = lock.write(&self.path, &document)?;
        *self.loaded() = Loaded {
            stamp: Some(stamp),
            document: Arc::new(document),
            complained: false,
        };
        Ok(done)
    }

    /// What the file holds now. When it cannot be looked at (a disk in trouble, no descriptor left), what it held before:
    /// a fault must not throw everybody out. When somebody wrote nonsense into it, nothing: that may have been a revocation.
    pub(super) fn now(&self) -> Arc<Document> {
        let mut loaded = self.loaded();
        let same = Stamp::of(&self.path).map(|stamp| stamp == loaded.stamp);
        if matches!(same, Ok(true)) {
            return Arc::clone(&loaded.document);
        }
        match same.and_then(|_| store::read(&self.path)) {
            Ok(Some((document, stamp))) => {
                *loaded = Loaded {
                    stamp: Some(stamp),
                    document: Arc::new(document),
                    complained: false,
                };
            }
            Ok(None) => {
                *loaded = Loaded {
                    stamp: None,
                    document: Arc::new(none(&self.process)),
                    complained: false,
                };
            }
            Err(error) => {
                if !loaded.complained {
                    tracing::error!(%error, "the access tokens cannot be read");
                    loaded.complained = true;
                }
                if error.kind() == io::ErrorKind::InvalidData {
                    loaded.document = Arc::new(none(&self.process));
                }
            }
        }
        Arc::clone(&loaded.document)
    }

    /// Looks whether the file changed, for all who ask [`Self::holds`] next.
    pub(crate) fn refresh(&self) {
        self.now();
    }

    /// What the file held when it was last looked at.
    pub(super) fn last(&self) -> Arc<Document> {
        Arc::clone(&self.loaded().document)
    }

    fn loaded(&self) -> MutexGuard<'_, Loaded> {
        // Replaced in one step: a panic elsewhere cannot leave half of it.
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What there is without a file.
fn none(process: &ProcessKey) -> Document {
    Document {
        // Made at the start, so that the first token's cookies do not depend on when it was made.
        secret: process.secret,
        tokens: Vec::new(),
        shares: Vec::new(),
    }
}
