//! Verifies tokens and cookies against the file as it is now. Comparisons take constant time.

use std::sync::Arc;
use std::time::Duration;

use ctutils::CtEq;

use super::cookie::{self, Parts};
use super::issue::{ProcessKey, hash};
use super::keys::Keys;
use super::store::{Bytes32, Document, Issued, ShareInfo, TokenInfo};
use super::{Credential, Principal, Role};

/// How long a browser stays signed in with a token. With a share link, as long as the link is valid.
const SIGNED_IN: Duration = Duration::from_secs(30 * 24 * 3600);
/// Longest text that is checked as a token, in bytes. Ours have 48.
const TOKEN_BYTES: usize = 128;

/// The result of verifying a cookie.
pub(super) enum Proof {
    /// The client that signed in with it.
    Principal(Principal),
    /// Its id exists, but its signature is wrong.
    Forged,
    /// It expired, or its token was revoked.
    Nothing,
}

/// The cookie that a browser is given.
pub(crate) struct Ticket {
    /// The cookie's value.
    pub(crate) value: String,
    /// How long it is valid, in seconds.
    pub(crate) seconds: u64,
}

impl Keys {
    /// The client that this token belongs to. The time it takes depends on no token.
    pub(super) fn find(&self, text: &str) -> Option<Principal> {
        if text.len() > TOKEN_BYTES {
            return None;
        }
        let presented = hash(text);
        let same = |stored: &Bytes32| stored.0.ct_eq(&presented.0).to_bool();
        let (document, now) = (self.now(), self.clock.now());
        let mut found = same(&self.process.hash).then(|| self.process.principal());
        for token in &document.tokens {
            if same(&token.hash) {
                found = Some(token.principal());
            }
        }
        for share in &document.shares {
            if same(&share.hash) && share.info.expires_at > now {
                found = Some(share.principal());
            }
        }
        found
    }

    /// Verifies the value of a cookie.
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

    /// A cookie for a client that presented a token or a share link.
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

    /// Whether a credential is still valid, as of the last [`Self::refresh`].
    pub(crate) fn is_valid(&self, credential: &Credential) -> bool {
        if credential.until.is_some_and(|until| until <= self.clock.now()) {
            return false;
        }
        let document = Arc::clone(&self.loaded().document);
        self.signer(&document, &credential.key).is_some()
    }

    fn signer<'a>(&'a self, document: &'a Document, id: &str) -> Option<(Principal, &'a Bytes32, &'a Bytes32)> {
        if id == &*self.process.id {
            return Some((self.process.principal(), &self.process.hash, &self.process.secret));
        }
        let token = document.tokens.iter().find(|token| token.info.id == id);
        let token = token.map(|token| (token.principal(), &token.hash, &document.secret));
        token.or_else(|| {
            let share = document.shares.iter().find(|share| share.info.id == id)?;
            Some((share.principal(), &share.hash, &document.secret))
        })
    }
}

impl ProcessKey {
    fn principal(&self) -> Principal {
        Principal::Token(Role::Admin, Credential::new(&self.id, None))
    }
}

impl Issued<TokenInfo> {
    fn principal(&self) -> Principal {
        let credential = Credential::new(&self.info.id, None);
        if self.info.scope.is_restricted() {
            Principal::Scoped(Arc::new(self.info.scope.clone()), credential)
        } else {
            Principal::Token(self.info.role, credential)
        }
    }
}

impl Issued<ShareInfo> {
    fn principal(&self) -> Principal {
        let info = &self.info;
        Principal::ShareLink(info.session.clone(), Credential::new(&info.id, Some(info.expires_at)))
    }
}
