//! What is made: tokens, share links and the admin token of the process, each with its hash. A text leaves this file once,
//! towards whoever asked for it.

use std::io;
use std::sync::Arc;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use forgecast_protocol::{SessionId, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Role;
use super::store::{Bytes32, Document, Share, Token};

/// Longest name of a token, in characters.
const NAME_CHARS: usize = 64;
/// Most tokens, and most share links: each that is presented is compared with all of them.
const MOST: usize = 1_000;

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

/// The admin token of this process, which no file of this crate ever holds.
pub(super) struct ProcessKey {
    pub(super) id: Arc<str>,
    pub(super) text: String,
    pub(super) hash: Bytes32,
    /// Its cookies are signed with a secret of their own: that of the file may come and go.
    pub(super) secret: Bytes32,
}

impl ProcessKey {
    pub(super) fn new() -> io::Result<Self> {
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
}

impl Document {
    pub(super) fn add_token(&mut self, role: Role, name: &str, now: Timestamp) -> io::Result<(TokenInfo, String)> {
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

    /// A link that is valid until then.
    pub(super) fn add_share(
        &mut self,
        session: SessionId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> io::Result<(ShareInfo, String)> {
        room(self.shares.len(), "share links")?;
        let (text, hash) = new_token('s')?;
        let share = Share {
            id: self.new_id()?,
            session,
            hash,
            expires_at,
            created_at: now,
        };
        let info = ShareInfo::from(&share);
        self.shares.push(share);
        Ok((info, text))
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

/// `fc_<letter>_` and 32 random bytes; and the hash of it.
fn new_token(letter: char) -> io::Result<(String, Bytes32)> {
    let text = format!("fc_{letter}_{}", BASE64URL_NOPAD.encode(&Bytes32::random()?.0));
    let hash = hash(&text);
    Ok((text, hash))
}

pub(super) fn hash(text: &str) -> Bytes32 {
    Bytes32(Sha256::digest(text.as_bytes()).into())
}
