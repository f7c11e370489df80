//! Tells who asks: by the token or the cookie of the request, or by where it comes from. Neither is ever logged.

use std::sync::Arc;
use std::time::Instant;

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

use super::guesses::{Guesses, Presented};
use super::keys::Keys;
use super::lookup::{Proof, Ticket};
use super::{Caller, cookie};
use crate::error::Error;
use crate::guard::Visitor;
use crate::options::Options;

/// See the module.
#[derive(Debug)]
pub(crate) struct Gate {
    keys: Arc<Keys>,
    guesses: Guesses,
    /// Whether processes of this machine need a token, too.
    require_token: bool,
}

/// A bearer token, when the request has one.
enum Bearer<'a> {
    None,
    Token(&'a str),
    /// Several, or one that is no text.
    Nonsense,
}

impl Gate {
    pub(crate) fn new(keys: Arc<Keys>, options: &Options) -> Self {
        Self {
            keys,
            guesses: Guesses::new(options.guesses_per_address, options.guesses, Instant::now()),
            require_token: options.require_token,
        }
    }

    /// Who asks. What somebody shows decides, also where nothing needs to be shown: who signs in with a share link on the
    /// machine itself sees what its guests see. A cookie that is no longer valid is none; browsers keep them.
    ///
    /// # Errors
    /// [`Error::TooManyGuesses`].
    pub(crate) fn caller(&self, visitor: &Visitor, headers: &HeaderMap) -> Result<Caller, Error> {
        match bearer(headers) {
            Bearer::Token(text) => return Ok(self.present(visitor, text)?.unwrap_or(Caller::Stranger)),
            Bearer::Nonsense => return Ok(Caller::Stranger),
            Bearer::None => {}
        }
        if headers.contains_key(header::COOKIE) {
            let name = cookie::name(headers, visitor.secure);
            for value in cookie::values(headers, &name) {
                match self.keys.find_signed(value) {
                    Proof::Caller(caller) => return Ok(caller),
                    Proof::Forged => self.judge(visitor, Presented::Wrong(mark(value)))?,
                    Proof::Nothing => {}
                }
            }
        }
        if visitor.local && !self.require_token {
            Ok(Caller::Local)
        } else {
            Ok(Caller::Stranger)
        }
    }

    /// Whose token it is; nothing when it is nobody's.
    ///
    /// # Errors
    /// [`Error::TooManyGuesses`].
    pub(crate) fn present(&self, visitor: &Visitor, text: &str) -> Result<Option<Caller>, Error> {
        let found = self.keys.find(text);
        let presented = match found.as_ref().and_then(Caller::pass) {
            Some(pass) => Presented::Right(&pass.key),
            None => Presented::Wrong(mark(text)),
        };
        self.judge(visitor, presented)?;
        Ok(found)
    }

    /// What a browser is given that presented a token.
    pub(crate) fn ticket(&self, caller: &Caller) -> Option<Ticket> {
        self.keys.ticket(caller)
    }

    /// Looks for tokens that were revoked since, for all who ask [`Self::holds`] next.
    pub(crate) fn refresh(&self) {
        self.keys.refresh();
    }

    /// Whether a caller may still go on, as of the last [`Self::refresh`].
    pub(crate) fn holds(&self, caller: &Caller) -> bool {
        caller.pass().is_none_or(|pass| self.keys.holds(pass))
    }

    fn judge(&self, visitor: &Visitor, presented: Presented<'_>) -> Result<(), Error> {
        self.guesses
            .judge(visitor.address, presented, Instant::now())
            .map_err(Error::TooManyGuesses)
    }
}

/// Stands for a wrong token where they are counted.
fn mark(text: &str) -> u64 {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte))
}

/// The token in `Authorization`. Another scheme is somebody else's: a proxy that asks for a password passes it on.
fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = given.next() else {
        return Bearer::None;
    };
    let (Ok(text), None) = (first.to_str(), given.next()) else {
        return Bearer::Nonsense;
    };
    match text.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Bearer::Token(token.trim()),
        None if text.trim().eq_ignore_ascii_case("bearer") => Bearer::Nonsense,
        _ => Bearer::None,
    }
}
