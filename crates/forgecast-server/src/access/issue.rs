//! Issues tokens, share links and the admin token of the process, each with its hash. The text of a token leaves this module
//! once, to whoever asked for it.

use std::io;
use std::sync::Arc;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use forgecast_protocol::{SessionId, Timestamp};
use sha2::{Digest, Sha256};

use super::store::{Bytes32, Document, Issued, ShareInfo, TokenInfo};
use super::{Role, TokenScope};

/// Longest name of a token, in characters.
const NAME_CHARS: usize = 64;
/// Most tokens, and most share links: each token that is presented is compared with all of them.
const MOST: usize = 1_000;

/// The admin token of this process. It is never written to the file of tokens.
pub(super) struct ProcessKey {
    pub(super) id: Arc<str>,
    pub(super) text: String,
    pub(super) hash: Bytes32,
    /// Signs its cookies; a secret of its own, since the one in the file may change.
    pub(super) secret: Bytes32,
}

impl ProcessKey {
    pub(super) fn new() -> io::Result<Self> {
        let (text, hash) = new_token(Role::Admin.as_ref())?;
        let secret = Bytes32::random()?;
        Ok(Self {
            // Longer than the ids in the file, so that it cannot be one of them.
            id: HEXLOWER.encode(&Bytes32::random()?.0[..8]).into(),
            text,
            hash,
            secret,
        })
    }
}

impl Document {
    pub(super) fn add_token(
        &mut self,
        role: Role,
        scope: TokenScope,
        name: &str,
        now: Timestamp,
    ) -> io::Result<(TokenInfo, String)> {
        if scope.is_restricted() && role != Role::View {
            let why = "only a token for watching can be restricted to a project or to numbers";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let printable = !name.chars().any(char::is_control) && name.trim() == name;
        if name.is_empty() || name.chars().count() > NAME_CHARS || !printable {
            let why = format!("the name of a token has 1 to {NAME_CHARS} printable characters");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        check_count(self.tokens.len(), "tokens")?;
        let (text, hash) = new_token(role.as_ref())?;
        let info = TokenInfo {
            id: self.new_id()?,
            role,
            name: name.to_owned(),
            created_at: now,
            scope,
        };
        self.tokens.push(Issued {
            info: info.clone(),
            hash,
        });
        Ok((info, text))
    }

    fn new_id(&self) -> io::Result<String> {
        loop {
            let id = HEXLOWER.encode(&Bytes32::random()?.0[..4]);
            let exists = self.tokens.iter().any(|token| token.info.id == id)
                || self.shares.iter().any(|share| share.info.id == id);
            if !exists {
                return Ok(id);
            }
        }
    }

    /// A link that is valid until `expires_at`.
    pub(super) fn add_share(
        &mut self,
        session: SessionId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> io::Result<(ShareInfo, String)> {
        check_count(self.shares.len(), "share links")?;
        let (text, hash) = new_token("share")?;
        let info = ShareInfo {
            id: self.new_id()?,
            session,
            expires_at,
            created_at: now,
        };
        self.shares.push(Issued {
            info: info.clone(),
            hash,
        });
        Ok((info, text))
    }
}

fn check_count(count: usize, what: &str) -> io::Result<()> {
    if count < MOST {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "there are {MOST} {what} already; revoke some"
    )))
}

/// `fc_<first letter of its kind>_` with 32 random bytes, and the hash of that text.
fn new_token(kind: &str) -> io::Result<(String, Bytes32)> {
    let text = format!("fc_{kind:.1}_{}", BASE64URL_NOPAD.encode(&Bytes32::random()?.0));
    let hash = hash(&text);
    Ok((text, hash))
}

pub(super) fn hash(text: &str) -> Bytes32 {
    Bytes32(Sha256::digest(text.as_bytes()).into())
}
