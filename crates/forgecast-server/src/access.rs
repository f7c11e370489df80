//! Who sent a request and what they may do. Every route states whom it serves when it is declared, and the check runs before
//! the handler, so that no handler can forget it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::Response;
use forgecast_protocol::{SessionId, Timestamp, Topic};
use serde::{Deserialize, Serialize};

use crate::error::Error;

pub(crate) mod cookie;
mod gate;
mod issue;
mod keys;
mod paths;
mod rate_limit;
mod receive;
mod store;
#[cfg(test)]
mod tests;
mod verify;

pub(crate) use self::gate::Gate;
pub use self::keys::Keys;
pub use self::store::{ShareInfo, TokenInfo};

/// Whom a route serves. There is no default: a route without one of these cannot be declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Everybody: liveness, signing in, the documentation.
    Open,
    /// Principals that may watch, and holders of the share link of the session in the path.
    Shared,
    /// Principals that may watch.
    View,
    /// Principals that may send facts.
    Ingest,
    /// Principals that may answer for a person what an agent may do. A token for that, and nothing else.
    Approve,
    /// Administrators.
    Admin,
}

/// Who sent a request. The guard puts it into the request's extensions before routing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    /// No token, or an unknown one: only open routes are allowed.
    Anonymous,
    /// A process of this machine.
    Local,
    /// A client with a valid token.
    Token(Role, Credential),
    /// A client with a share link: it may watch this one session.
    ShareLink(SessionId, Credential),
}

/// The token, share link or cookie that a client presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    /// The id of the token or the share link.
    pub(crate) key: Arc<str>,
    /// When it expires; absent for tokens, which do not.
    pub(crate) until: Option<Timestamp>,
    /// Whether it came as a cookie. A browser sends cookies whichever page makes the request, so changes are checked further.
    pub(crate) cookie: bool,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::AsRefStr, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    /// To watch.
    View,
    /// To send facts.
    Ingest,
    /// To watch, and to answer what agents ask to be allowed.
    Approve,
    /// Everything but to answer for a person.
    Admin,
}

impl Credential {
    fn new(key: &str, until: Option<Timestamp>) -> Self {
        Self {
            key: key.into(),
            until,
            cookie: false,
        }
    }
}

impl Principal {
    /// Whether this principal may use a route. On a shared route the session in the path is checked as well.
    pub(crate) fn may(&self, access: Access) -> bool {
        match self {
            Self::Anonymous => access == Access::Open,
            Self::Local => !matches!(access, Access::Approve | Access::Admin),
            // The token of the process is one of these, and an agent of the same user can read it.
            Self::Token(Role::Admin, _) => access != Access::Approve,
            // No facts: an agent that asks by its hook cannot be the one that answers.
            Self::Token(Role::Approve, _) => {
                matches!(access, Access::Open | Access::Shared | Access::View | Access::Approve)
            }
            Self::Token(Role::View, _) => matches!(access, Access::Open | Access::Shared | Access::View),
            Self::Token(Role::Ingest, _) => matches!(access, Access::Open | Access::Ingest),
            Self::ShareLink(..) => matches!(access, Access::Open | Access::Shared),
        }
    }

    /// Whether this principal may view a session, named as in a path. A share link requires the whole id: the run that a bare
    /// name means may change between the check and the answer.
    pub(crate) fn can_view(&self, session: &str) -> bool {
        match self {
            Self::ShareLink(own, _) => own.to_string() == session,
            _ => self.may(Access::View),
        }
    }

    /// Whether this principal may subscribe to a topic.
    pub(crate) fn can_subscribe(&self, topic: &Topic) -> bool {
        match topic {
            Topic::Sessions => self.may(Access::View),
            Topic::Session(session) | Topic::Log(session) => self.can_view(&session.to_string()),
        }
    }

    /// Who this is as a producer: what one of them sends may take a part of what all may take.
    pub(crate) fn producer(&self) -> &str {
        self.credential().map_or("local", |credential| &credential.key)
    }

    /// The credential that was presented, if there was one.
    pub(crate) fn credential(&self) -> Option<&Credential> {
        match self {
            Self::Anonymous | Self::Local => None,
            Self::Token(_, credential) | Self::ShareLink(_, credential) => Some(credential),
        }
    }

    /// This principal, authenticated by a cookie that is valid until `until`.
    fn signed_in(mut self, until: Timestamp) -> Self {
        if let Self::Token(_, credential) | Self::ShareLink(_, credential) = &mut self {
            credential.cookie = true;
            credential.until = Some(credential.until.map_or(until, |earlier| earlier.min(until)));
        }
        self
    }

    fn ended(&self, now: Timestamp) -> bool {
        let until = self.credential().and_then(|credential| credential.until);
        until.is_some_and(|until| until <= now)
    }

    /// Why this principal is refused: it is unknown, or it is known and its role does not allow this.
    pub(crate) fn refusal(&self) -> Error {
        match self {
            Self::Anonymous => Error::Unauthorized,
            Self::Local | Self::Token(..) | Self::ShareLink(..) => Error::Forbidden,
        }
    }
}

/// Runs before each handler.
pub(crate) async fn check(access: Access, request: Request, next: Next) -> Result<Response, Error> {
    let (mut parts, body) = request.into_parts();
    let principal = parts
        .extensions
        .get::<Principal>()
        .cloned()
        .unwrap_or(Principal::Anonymous);
    if !principal.may(access) {
        return Err(principal.refusal());
    }
    // A browser sends `Origin` with a request that changes something. A request with a cookie and without it is refused.
    let by_cookie = principal.credential().is_some_and(|credential| credential.cookie);
    if by_cookie && changes(&parts.method) && !parts.headers.contains_key(header::ORIGIN) {
        return Err(Error::Origin);
    }
    if access == Access::Shared
        && let Ok(named) = RawPathParams::from_request_parts(&mut parts, &()).await
        && let Some((_, session)) = named.iter().find(|(name, _)| matches!(*name, "id" | "session"))
        && !principal.can_view(session)
    {
        return Err(principal.refusal());
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}
