//! Who sent a request and what they may do. Every route states whom it serves when it is declared, and the check runs before
//! the handler, so that no handler can forget it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::Response;
use forgecast_hub::{Hub, Start};
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
mod scope;
mod store;
#[cfg(test)]
mod tests;
mod verify;

pub(crate) use self::gate::Gate;
pub use self::keys::Keys;
pub(crate) use self::scope::ScopedTopics;
pub use self::scope::TokenScope;
pub use self::store::{ShareInfo, TokenInfo};

/// Whom a route serves. There is no default: a route without one of these cannot be declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Everybody: liveness, signing in, the documentation.
    Open,
    /// Principals that may watch, holders of the share link of the session in the path, and tokens whose project it belongs to.
    Shared,
    /// The same, and tokens for numbers only: the handler answers them with numbers.
    Numbers,
    /// Principals that may watch, and those that may watch a part: the handler answers them with that part.
    Part,
    /// Principals that may watch everything.
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
    /// A client with a token that shows a part.
    Scoped(Arc<TokenScope>, Credential),
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
            Self::Token(Role::Approve, _) => !matches!(access, Access::Ingest | Access::Admin),
            Self::Token(Role::View, _) => !matches!(access, Access::Ingest | Access::Approve | Access::Admin),
            Self::Scoped(scope, _) => match access {
                Access::Open | Access::Numbers | Access::Part => true,
                Access::Shared => !scope.numbers_only,
                Access::View | Access::Ingest | Access::Approve | Access::Admin => false,
            },
            Self::Token(Role::Ingest, _) => matches!(access, Access::Open | Access::Ingest),
            Self::ShareLink(..) => matches!(access, Access::Open | Access::Shared | Access::Numbers),
        }
    }

    /// Whether this principal may view a session, named as in a path. A share link requires the whole id: the run that a bare
    /// name means may change between the check and the answer.
    pub(crate) async fn can_view(&self, hub: &Hub, session: &str) -> bool {
        match self {
            Self::ShareLink(own, _) => own.to_string() == session,
            Self::Scoped(scope, _) => scope.includes(hub, session).await,
            _ => self.may(Access::View),
        }
    }

    /// Whether this principal may subscribe to a topic.
    pub(crate) async fn can_subscribe(&self, hub: &Hub, topic: &Topic) -> bool {
        match topic {
            Topic::Sessions => self.may(Access::Part),
            Topic::Session(session) => self.can_view(hub, &session.to_string()).await,
            Topic::Log(session) => self.may(Access::Shared) && self.can_view(hub, &session.to_string()).await,
        }
    }

    /// Where this principal begins to follow a topic. What it holds of one that it is shown in part cannot be told by a
    /// revision.
    pub(crate) fn start(&self, start: Start) -> Start {
        match (self, start) {
            (Self::Scoped(..), Start::After { .. }) => Start::Fresh,
            (_, start) => start,
        }
    }

    /// To what this principal is restricted, if it is.
    pub(crate) fn scope(&self) -> Option<&TokenScope> {
        match self {
            Self::Scoped(scope, _) => Some(scope),
            _ => None,
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
            Self::Token(_, credential) | Self::Scoped(_, credential) | Self::ShareLink(_, credential) => {
                Some(credential)
            }
        }
    }

    /// This principal, authenticated by a cookie that is valid until `until`.
    fn signed_in(mut self, until: Timestamp) -> Self {
        if let Self::Token(_, credential) | Self::Scoped(_, credential) | Self::ShareLink(_, credential) = &mut self {
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
            Self::Local | Self::Token(..) | Self::Scoped(..) | Self::ShareLink(..) => Error::Forbidden,
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
    if matches!(access, Access::Shared | Access::Numbers)
        && let Ok(named) = RawPathParams::from_request_parts(&mut parts, &()).await
        && let Some((_, session)) = named.iter().find(|(name, _)| matches!(*name, "id" | "session"))
    {
        let hub = parts.extensions.get::<Hub>().cloned();
        let hub = hub.ok_or_else(|| Error::internal("check who asks", "the request did not come through the guard"))?;
        if !principal.can_view(&hub, session).await {
            return Err(principal.refusal());
        }
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}
