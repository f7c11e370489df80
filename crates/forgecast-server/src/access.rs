//! Who a request is from and what that one may do. Every route says whom it serves when it is declared; the check stands
//! before the handler, so that no handler can forget it.

use std::fmt;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::Response;
use forgecast_protocol::{SessionId, Timestamp, Topic};
use serde::{Deserialize, Serialize};

use crate::error::Error;

pub(crate) mod cookie;
mod file;
pub(crate) mod gate;
mod guesses;
mod keys;
mod lookup;
mod made;
#[cfg(test)]
mod tests;
mod theirs;

pub use self::keys::Keys;
pub use self::made::{ShareInfo, TokenInfo};

/// Whom a route serves. There is no default: a route without one of these cannot be declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Everybody: signs of life, the page that asks for a token, the documentation.
    Open,
    /// Who may watch, or holds the share link of the session that the path names.
    Shared,
    /// Who may watch.
    View,
    /// Who may send facts.
    Ingest,
    /// Who may do everything.
    Admin,
}

/// Who asks, as far as it is known. Put into the request's extensions before the route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// No token, or one that is not known: only what is open.
    Stranger,
    /// A process of this machine.
    Local,
    /// The holder of a token.
    Holder(Role, Pass),
    /// The holder of a share link: one session, watching only.
    Guest(SessionId, Pass),
}

/// What somebody came in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    /// The id of the token or the share link.
    pub(crate) key: Arc<str>,
    /// Until when, when there is an end to it.
    pub(crate) until: Option<Timestamp>,
    /// Whether it came as a cookie, which a browser sends along whoever made the page.
    pub(crate) cookie: bool,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// To watch.
    View,
    /// To send facts.
    Ingest,
    /// Everything.
    Admin,
}

impl Role {
    /// `view`, `ingest` or `admin`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Ingest => "ingest",
            Self::Admin => "admin",
        }
    }

    /// How its tokens begin: `fc_v_`, `fc_i_`, `fc_a_`.
    fn letter(self) -> char {
        match self {
            Self::View => 'v',
            Self::Ingest => 'i',
            Self::Admin => 'a',
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Pass {
    fn new(key: &str, until: Option<Timestamp>) -> Self {
        Self {
            key: key.into(),
            until,
            cookie: false,
        }
    }
}

impl Caller {
    /// Whether this one may use a route; of a shared route, whether the session it names is theirs is asked besides.
    pub(crate) fn may(&self, access: Access) -> bool {
        match self {
            Self::Stranger => access == Access::Open,
            Self::Local => access != Access::Admin,
            Self::Holder(Role::Admin, _) => true,
            Self::Holder(Role::View, _) => matches!(access, Access::Open | Access::Shared | Access::View),
            Self::Holder(Role::Ingest, _) => matches!(access, Access::Open | Access::Ingest),
            Self::Guest(..) => matches!(access, Access::Open | Access::Shared),
        }
    }

    /// Whether this one may see a session, named as in a path. A guest has to name it by its whole id: what a bare name
    /// means may change between this question and its answer.
    pub(crate) fn may_see(&self, session: &str) -> bool {
        match self {
            Self::Guest(own, _) => own.to_string() == session,
            _ => self.may(Access::View),
        }
    }

    /// Whether this one may follow a topic.
    pub(crate) fn may_follow(&self, topic: &Topic) -> bool {
        match topic {
            Topic::Sessions => self.may(Access::View),
            Topic::Session(session) | Topic::Log(session) => self.may_see(&session.to_string()),
        }
    }

    /// What they came in with; nothing for those who need nothing, or have nothing.
    pub(crate) fn pass(&self) -> Option<&Pass> {
        match self {
            Self::Stranger | Self::Local => None,
            Self::Holder(_, pass) | Self::Guest(_, pass) => Some(pass),
        }
    }

    /// The same, come in with a cookie that is valid until then.
    fn signed_in(mut self, until: Timestamp) -> Self {
        if let Self::Holder(_, pass) | Self::Guest(_, pass) = &mut self {
            pass.cookie = true;
            pass.until = Some(pass.until.map_or(until, |earlier| earlier.min(until)));
        }
        self
    }

    fn ended(&self, now: Timestamp) -> bool {
        let until = self.pass().and_then(|pass| pass.until);
        until.is_some_and(|until| until <= now)
    }

    /// Why this one may not: who they are is not known, or it is known and not enough.
    pub(crate) fn refusal(&self) -> Error {
        match self {
            Self::Stranger => Error::Unauthorised,
            Self::Local | Self::Holder(..) | Self::Guest(..) => Error::Forbidden,
        }
    }
}

/// Stands before each handler.
pub(crate) async fn check(access: Access, request: Request, next: Next) -> Result<Response, Error> {
    let (mut parts, body) = request.into_parts();
    let caller = parts.extensions.get::<Caller>().cloned().unwrap_or(Caller::Stranger);
    if !caller.may(access) {
        return Err(caller.refusal());
    }
    // A browser says where the page comes from that changes something. Who has its cookie and does not say so is none.
    let by_cookie = caller.pass().is_some_and(|pass| pass.cookie);
    if by_cookie && changes(&parts.method) && !parts.headers.contains_key(header::ORIGIN) {
        return Err(Error::Origin);
    }
    if access == Access::Shared
        && let Ok(named) = RawPathParams::from_request_parts(&mut parts, &()).await
        && let Some((_, session)) = named.iter().find(|(name, _)| matches!(*name, "id" | "session"))
        && !caller.may_see(session)
    {
        return Err(caller.refusal());
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}
