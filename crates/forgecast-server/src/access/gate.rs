//! Finds the principal of a request: by its token or cookie, or by where it comes from. Neither is ever logged.

use std::sync::Arc;
use std::time::Instant;

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

use super::keys::Keys;
use super::rate_limit::{LoginRateLimiter, TokenCheck};
use super::verify::Proof;
use super::{Principal, cookie};
use crate::error::Error;
use crate::guard::ClientInfo;
use crate::options::Options;

/// Authenticates requests.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) keys: Arc<Keys>,
    rate_limit: LoginRateLimiter,
    /// Whether processes of this machine need a token, too.
    require_token: bool,
}

/// The `Authorization` header of a request.
enum Bearer<'a> {
    None,
    Token(&'a str),
    /// Several headers, or one that is not text.
    Nonsense,
}

impl Gate {
    pub(crate) fn new(keys: Arc<Keys>, options: &Options) -> Self {
        Self {
            keys,
            rate_limit: LoginRateLimiter::new(options.wrong_tokens_per_address, options.wrong_tokens, Instant::now()),
            require_token: options.require_token,
        }
    }

    /// The principal of a request. A credential decides even where none is needed: a local browser that signed in with a
    /// share link sees what the link allows. A cookie that is no longer valid is ignored; browsers keep them.
    ///
    /// # Errors
    /// [`Error::TooManyGuesses`].
    pub(crate) fn principal(&self, client: &ClientInfo, headers: &HeaderMap) -> Result<Principal, Error> {
        match bearer(headers) {
            Bearer::Token(text) => return Ok(self.present(client, text)?.unwrap_or(Principal::Anonymous)),
            Bearer::Nonsense => return Ok(Principal::Anonymous),
            Bearer::None => {}
        }
        if headers.contains_key(header::COOKIE) {
            let name = cookie::name(headers, client.secure);
            for value in cookie::values(headers, &name) {
                match self.keys.find_signed(value) {
                    Proof::Principal(principal) => return Ok(principal),
                    Proof::Forged => self.check_rate(client, TokenCheck::Invalid(mark(value)))?,
                    Proof::Nothing => {}
                }
            }
        }
        if client.local && !self.require_token {
            Ok(Principal::Local)
        } else {
            Ok(Principal::Anonymous)
        }
    }

    /// Checks a token that a client presents; `None` when it is unknown.
    ///
    /// # Errors
    /// [`Error::TooManyGuesses`].
    pub(crate) fn present(&self, client: &ClientInfo, text: &str) -> Result<Option<Principal>, Error> {
        let found = self.keys.find(text);
        let presented = match found.as_ref().and_then(Principal::credential) {
            Some(credential) => TokenCheck::Valid(&credential.key),
            None => TokenCheck::Invalid(mark(text)),
        };
        self.check_rate(client, presented)?;
        Ok(found)
    }

    /// Whether a principal's credential is still valid, as of the last [`Keys::refresh`].
    pub(crate) fn is_valid(&self, principal: &Principal) -> bool {
        principal
            .credential()
            .is_none_or(|credential| self.keys.is_valid(credential))
    }

    fn check_rate(&self, client: &ClientInfo, presented: TokenCheck<'_>) -> Result<(), Error> {
        self.rate_limit
            .check(client.address, presented, Instant::now())
            .map_err(Error::TooManyGuesses)
    }
}

/// Identifies an invalid token where attempts are counted, without keeping it.
fn mark(text: &str) -> u64 {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte))
}

/// The bearer token. Another scheme is ignored: a proxy that asks for a password passes it on.
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
