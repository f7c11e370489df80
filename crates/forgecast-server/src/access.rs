//! Who a request is from and what that one may do. Every route says whom it serves when it is declared; the check stands
//! before the handler, so that no handler can forget it.

use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::middleware::Next;
use axum::response::Response;
use forgecast_protocol::SessionId;

use crate::error::Error;

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
    Holder(Role),
    /// The holder of a share link: one session, watching only.
    Guest(SessionId),
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// To watch.
    View,
    /// To send facts.
    Ingest,
    /// Everything.
    Admin,
}

impl Caller {
    /// Whether this one may use a route; of a shared route, whether the session it names is theirs is asked besides.
    pub(crate) fn may(&self, access: Access) -> bool {
        match self {
            Self::Stranger => access == Access::Open,
            Self::Local => true,
            Self::Holder(Role::Admin) => true,
            Self::Holder(Role::View) => matches!(access, Access::Open | Access::Shared | Access::View),
            Self::Holder(Role::Ingest) => matches!(access, Access::Open | Access::Ingest),
            Self::Guest(_) => matches!(access, Access::Open | Access::Shared),
        }
    }

    /// Whether this one may see a session.
    pub(crate) fn may_see(&self, session: &str) -> bool {
        match self {
            Self::Guest(own) => own.to_string() == session,
            _ => self.may(Access::View),
        }
    }
}

/// Stands before each handler.
pub(crate) async fn check(access: Access, request: Request, next: Next) -> Result<Response, Error> {
    let (mut parts, body) = request.into_parts();
    let caller = parts.extensions.get::<Caller>().cloned().unwrap_or(Caller::Stranger);
    if !caller.may(access) {
        return Err(Error::Unauthorised);
    }
    if access == Access::Shared
        && let Ok(named) = RawPathParams::from_request_parts(&mut parts, &()).await
        && let Some((_, session)) = named.iter().find(|(name, _)| matches!(*name, "id" | "session"))
        && !caller.may_see(session)
    {
        return Err(Error::Unauthorised);
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}
