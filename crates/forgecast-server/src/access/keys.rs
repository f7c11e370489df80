//! The tokens and share links that open this server. Of each only a hash is kept; its text is given out once, when it is
//! made. Another process may change the file at any time (`forgecast token`, `forgecast share`): what is asked here is
//! asked of the file as it is now.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ctutils::CtEq;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use forgecast_protocol::{Clock, SessionId, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::cookie::{self, Parts};
use super::file::{self, Bytes32, Document, Lock, Share, Stamp, Token};
use super::{Caller, Pass, Role};

/// How long a browser stays signed in with a token. With a share link it is as long as the link is valid.
const SIGNED_IN: Duration = Duration::from_secs(30 * 24 * 3600);
/// The longest that a share link may be valid.
const LONGEST_SHARE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Longest name of a token, in characters.
const NAME_CHARS: usize = 64;
/// Most tokens, and most share links: each that is presented is compared with all of them.
const MOST: usize = 1_000;
/// Longest text that is looked at as a token. Ours have 48 bytes.
const TOKEN_BYTES: usize = 128;

/// A token, without what would let anybody in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenInfo {
    /// Eight hexadecimal digits.
    pub id: String,
    /// What it is for.
    pub role: Role,
    /// What its owner calls it; no two have the same name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A share link, without what would let anybody in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShareInfo {
    /// Eight hexadecimal digits.
    pub id: String,
    /// The one session that it shows.
    pub session: SessionId,
    /// Until when.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

impl From<&Token> for TokenInfo {
    fn from(token: &Token) -> Self {
        Self {
            id: token.id.clone(),
            role: token.role,
            name: token.name.clone(),
            created_at: token.created_at,
        }
    }
}

impl From<&Share> for ShareInfo {
    fn from(share: &Share) -> Self {
        Self {
            id: share.id.clone(),
            session: share.session.clone(),
            expires_at: share.expires_at,
            created_at: share.created_at,
        }
    }
}

/// See the module.
pub struct Keys {
    path: PathBuf,
    clock: Clock,
    process: ProcessKey,
    loaded: Mutex<Loaded>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The admin token of this process, which no file of this crate ever holds.
struct ProcessKey {
    id: Arc<str>,
    text: String,
    hash: Bytes32,
    /// Its cookies are signed with a secret of their own: that of the file may come and go.
    secret: Bytes32,
}

struct Loaded {
    stamp: Option<Stamp>,
    document: Arc<Document>,
    /// Whether it was said in the log that the file cannot be read.
    complained: bool,
}

/// What a cookie proves.
pub(super) enum Proof {
    /// Who signed in with it.
    Caller(Caller),
    /// It is signed by somebody else, under an id that there is.
    Forged,
    /// Nothing: it expired, or what it was made from is no more.
    Nothing,
}

/// What a browser is given to keep.
pub(crate) struct Ticket {
    /// The cookie's value.
    pub(crate) value: String,
    /// How long it is valid, seconds.
    pub(crate) seconds: u64,
}

impl Keys {
    /// The keys in the file at `path`; none when it is not there, and it is made with the first. A file that others could
    /// read is taken from them.
    ///
    /// # Errors
    /// The file cannot be read; with `InvalidData`, it is not what this program wrote. Or the system has no random numbers.
    pub fn open(path: &Path, clock: Clock) -> io::Result<Self> {
        let process = ProcessKey::new()?;
        if file::make_private(path)? {
            tracing::warn!(path = %path.display(), "the file of the access tokens was open to others; it is not any more");
        }
        let loaded = match file::read(path)? {
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

    /// Makes a token. Its text is in nobody's hands but the caller's: it cannot be shown again.
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
        self.change(|document, now| {
            room(document.shares.len(), "share links")?;
            let (text, hash) = new_token('s')?;
            let share = Share {
                id: document.new_id()?,
                session,
                hash,
                expires_at: now.plus_millis(millis),
                created_at: now,
            };
            let info = ShareInfo::from(&share);
            document.shares.push(share);
            Ok((info, text))
        })
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
        let mut document = file::read(&self.path)?.map_or_else(|| none(&self.process), |(document, _)| document);
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
    fn now(&self) -> Arc<Document> {
        let mut loaded = self.loaded();
        let same = Stamp::of(&self.path).map(|stamp| stamp == loaded.stamp);
        if matches!(same, Ok(true)) {
            return Arc::clone(&loaded.document);
        }
        match same.and_then(|_| file::read(&self.path)) {
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

    /// Whose token this is. What it is compared with tells nothing by the time it takes.
    pub(super) fn find(&self, text: &str) -> Option<Caller> {
        if text.len() > TOKEN_BYTES {
            return None;
        }
        let presented = hash(text);
        let same = |kept: &Bytes32| kept.0.ct_eq(&presented.0).to_bool();
        let (document, now) = (self.now(), self.clock.now());
        let mut found = same(&self.process.hash).then(|| self.process.caller());
        for token in &document.tokens {
            if same(&token.hash) {
                found = Some(token.caller());
            }
        }
        for share in &document.shares {
            if same(&share.hash) && share.expires_at > now {
                found = Some(share.caller());
            }
        }
        found
    }

    /// Who signed in with this cookie.
    pub(super) fn find_signed(&self, value: &str) -> Proof {
        let Some(parts) = Parts::of(value) else {
            return Proof::Nothing;
        };
        let (document, now) = (self.now(), self.clock.now());
        let Some((caller, hash, secret)) = self.signer(&document, parts.id) else {
            return Proof::Nothing;
        };
        if !parts.is_signed(secret, hash) {
            return Proof::Forged;
        }
        let caller = caller.signed_in(parts.until());
        if caller.ended(now) {
            Proof::Nothing
        } else {
            Proof::Caller(caller)
        }
    }

    /// A cookie for one who presented a token; nothing for those who did not.
    pub(crate) fn ticket(&self, caller: &Caller) -> Option<Ticket> {
        let pass = caller.pass()?;
        let (document, now) = (self.now(), self.clock.now());
        let (_, hash, secret) = self.signer(&document, &pass.key)?;
        let month = now.plus_millis(i64::try_from(SIGNED_IN.as_millis()).unwrap_or(i64::MAX));
        let until = pass.until.map_or(month, |until| until.min(month));
        Some(Ticket {
            value: cookie::signed(&pass.key, until, secret, hash),
            seconds: until.millis_since(now) / 1_000,
        })
    }

    /// Whether what a caller came in with still stands, as of the last [`Self::refresh`].
    pub(crate) fn holds(&self, pass: &Pass) -> bool {
        if pass.until.is_some_and(|until| until <= self.clock.now()) {
            return false;
        }
        let document = Arc::clone(&self.loaded().document);
        self.signer(&document, &pass.key).is_some()
    }

    fn signer<'a>(&'a self, document: &'a Document, id: &str) -> Option<(Caller, &'a Bytes32, &'a Bytes32)> {
        if id == &*self.process.id {
            return Some((self.process.caller(), &self.process.hash, &self.process.secret));
        }
        let token = document.tokens.iter().find(|token| token.id == id);
        let token = token.map(|token| (token.caller(), &token.hash, &document.secret));
        token.or_else(|| {
            let share = document.shares.iter().find(|share| share.id == id)?;
            Some((share.caller(), &share.hash, &document.secret))
        })
    }

    fn loaded(&self) -> MutexGuard<'_, Loaded> {
        // Replaced in one step: a panic elsewhere cannot leave half of it.
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProcessKey {
    fn new() -> io::Result<Self> {
        let (text, hash) = new_token(Role::Admin.letter())?;
        let secret = Bytes32::random()?;
        Ok(Self {
            // Longer than those of the file, so that it is none of them.
            id: HEXLOWER.encode(&Bytes32::random()?.0[..8]).into(),
            text,
            hash,
            secret,
        })
    }

    fn caller(&self) -> Caller {
        Caller::Holder(Role::Admin, Pass::new(&self.id, None))
    }
}

impl Token {
    fn caller(&self) -> Caller {
        Caller::Holder(self.role, Pass::new(&self.id, None))
    }
}

impl Share {
    fn caller(&self) -> Caller {
        Caller::Guest(self.session.clone(), Pass::new(&self.id, Some(self.expires_at)))
    }
}

impl Document {
    fn add_token(&mut self, role: Role, name: &str, now: Timestamp) -> io::Result<(TokenInfo, String)> {
        let printable = !name.chars().any(char::is_control) && name.trim() == name;
        if name.is_empty() || name.chars().count() > NAME_CHARS || !printable {
            let why = format!("the name of a token has 1 to {NAME_CHARS} printable characters");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        room(self.tokens.len(), "tokens")?;
        let (text, hash) = new_token(role.letter())?;
        let token = Token {
            id: self.new_id()?,
            role,
            name: name.to_owned(),
            hash,
            created_at: now,
        };
        let info = TokenInfo::from(&token);
        self.tokens.push(token);
        Ok((info, text))
    }

    fn new_id(&self) -> io::Result<String> {
        loop {
            let id = HEXLOWER.encode(&Bytes32::random()?.0[..4]);
            let taken =
                self.tokens.iter().any(|token| token.id == id) || self.shares.iter().any(|share| share.id == id);
            if !taken {
                return Ok(id);
            }
        }
    }
}

fn room(taken: usize, what: &str) -> io::Result<()> {
    if taken < MOST {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "there are {MOST} {what} already; revoke some"
    )))
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

/// `fc_<letter>_` and 32 random bytes; and the hash of it.
fn new_token(letter: char) -> io::Result<(String, Bytes32)> {
    let text = format!("fc_{letter}_{}", BASE64URL_NOPAD.encode(&Bytes32::random()?.0));
    let hash = hash(&text);
    Ok((text, hash))
}

fn hash(text: &str) -> Bytes32 {
    Bytes32(Sha256::digest(text.as_bytes()).into())
}
