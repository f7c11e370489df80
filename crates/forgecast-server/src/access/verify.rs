//! Whose a token or a cookie is. Answers from what the file holds now, and compares in a time that tells nothing.

use std::time::Duration;

use ctutils::CtEq;

use super::cookie::{self, Parts};
use super::issue::{ProcessKey, hash};
use super::keys::Keys;
use super::store::{Bytes32, Document, Share, Token};
use super::{Credential, Principal, Role};

/// How long a browser stays signed in with a token. With a share link it is as long as the link is valid.
const SIGNED_IN: Duration = Duration::from_secs(30 * 24 * 3600);
/// Longest text that is looked at as a token. Ours have 48 bytes.
const TOKEN_BYTES: usize = 128;

/// What a cookie proves.
pub(super) enum Proof {
    /// Who signed in with it.
    Principal(Principal),
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
    /// Whose token this is. What it is compared with tells nothing by the time it takes.
    pub(super) fn find(&self, text: &str) -> Option<Principal> {
        if text.len() > TOKEN_BYTES {
            return None;
        }
        let presented = hash(text);
        let same = |kept: &Bytes32| kept.0.ct_eq(&presented.0).to_bool();
        let (document, now) = (self.now(), self.clock.now());
        let mut found = same(&self.process.hash).then(|| self.process.principal());
        for token in &document.tokens {
            if same(&token.hash) {
                found = Some(token.principal());
            }
        }
        for share in &document.shares {
            if same(&share.hash) && share.expires_at > now {
                found = Some(share.principal());
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
        let Some((principal, hash, secret)) = self.signer(&document, parts.id) else {
            return Proof::Nothing;
        };
        if !parts.is_signed(secret, hash) {
            return Proof::Forged;
        }
        let principal = principal.signed_in(parts.until());
        if principal.ended(now) {
            Proof::Nothing
        } else {
            Proof::Principal(principal)
        }
    }

    /// A cookie for one who presented a token; nothing for those who did not.
    pub(crate) fn ticket(&self, principal: &Principal) -> Option<Ticket> {
        let credential = principal.credential()?;
        let (document, now) = (self.now(), self.clock.now());
        let (_, hash, secret) = self.signer(&document, &credential.key)?;
        let month = now.plus_millis(i64::try_from(SIGNED_IN.as_millis()).unwrap_or(i64::MAX));
        let until = credential.until.map_or(month, |until| until.min(month));
        Some(Ticket {
            value: cookie::signed(&credential.key, until, secret, hash),
            seconds: until.millis_since(now) / 1_000,
        })
    }

    /// Whether what a principal came in with still stands, as of the last [`Self::refresh`].
    pub(crate) fn holds(&self, credential: &Credential) -> bool {
        if credential.until.is_some_and(|until| until <= self.clock.now()) {
            return false;
        }
        let document = self.last();
        self.signer(&document, &credential.key).is_some()
    }

    fn signer<'a>(&'a self, document: &'a Document, id: &str) -> Option<(Principal, &'a Bytes32, &'a Bytes32)> {
        if id == &*self.process.id {
            return Some((self.process.principal(), &self.process.hash, &self.process.secret));
        }
        let token = document.tokens.iter().find(|token| token.id == id);
        let token = token.map(|token| (token.principal(), &token.hash, &document.secret));
        token.or_else(|| {
            let share = document.shares.iter().find(|share| share.id == id)?;
            Some((share.principal(), &share.hash, &document.secret))
        })
    }
}

impl ProcessKey {
    fn principal(&self) -> Principal {
        Principal::Token(Role::Admin, Credential::new(&self.id, None))
    }
}

impl Token {
    fn principal(&self) -> Principal {
        Principal::Token(self.role, Credential::new(&self.id, None))
    }
}

impl Share {
    fn principal(&self) -> Principal {
        Principal::ShareLink(self.session.clone(), Credential::new(&self.id, Some(self.expires_at)))
    }
}
