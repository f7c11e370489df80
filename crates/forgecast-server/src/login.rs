//! Signing in with a browser: a token is exchanged for a cookie once, by POST, so that it stands in no address, no history
//! and no log. Programs send their token with each request and need nothing of this.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::NoContent;
use axum::{Extension, Json};
use forgecast_protocol::rest::{CallerRole, Login, Me};
use serde_json::{Map, Value};

use crate::access::{Principal, Role, cookie};
use crate::error::Error;
use crate::etag::NoStore;
use crate::extract::InBody;
use crate::guard::ClientInfo;
use crate::state::AppState;

/// Longest body that is read of a stranger.
const BODY_BYTES: usize = 4 * 1024;

/// `POST /api/v1/login`: a cookie for a token.
pub(crate) async fn login(
    State(shared): State<Arc<AppState>>,
    Extension(client): Extension<ClientInfo>,
    headers: HeaderMap,
    InBody(request, _): InBody<Login>,
) -> Result<WithCookie, Error> {
    let mut bodies = shared.bodies.clone();
    bodies.limit = BODY_BYTES;
    let body = bodies.read(request).await?;
    // The parser would repeat what it stumbled over, which may be the token.
    let login: Login = serde_json::from_slice(&body)
        .map_err(|_| Error::Malformed("the body must be {\"token\": \"…\"}".to_owned()))?;
    let principal = shared.access.present(&client, login.token.trim())?;
    let ticket = principal.and_then(|principal| shared.access.keys.ticket(&principal));
    let ticket = ticket.ok_or(Error::Unauthorized)?;
    with_cookie(&shared, &client, &headers, &ticket.value, ticket.seconds)
}

/// `POST /api/v1/logout`: the browser forgets the cookie. The token stays what it is.
pub(crate) async fn logout(
    State(shared): State<Arc<AppState>>,
    Extension(client): Extension<ClientInfo>,
    headers: HeaderMap,
    _: InBody<Map<String, Value>>,
) -> Result<WithCookie, Error> {
    with_cookie(&shared, &client, &headers, "", 0)
}

/// `GET /api/v1/me`: who the principal is.
pub(crate) async fn me(Extension(principal): Extension<Principal>) -> NoStore<Json<Me>> {
    let role = match principal {
        Principal::Anonymous => None,
        Principal::Local => Some(CallerRole::Local),
        Principal::Token(Role::View, _) | Principal::Scoped(..) => Some(CallerRole::View),
        Principal::Token(Role::Ingest, _) => Some(CallerRole::Ingest),
        Principal::Token(Role::Approve, _) => Some(CallerRole::Approve),
        Principal::Token(Role::Admin, _) => Some(CallerRole::Admin),
        Principal::ShareLink(..) => Some(CallerRole::Guest),
    };
    let (session, expires_at) = match principal {
        Principal::ShareLink(session, credential) => (Some(session), credential.until),
        _ => (None, None),
    };
    NoStore(Json(Me {
        role,
        session,
        expires_at,
    }))
}

/// Nothing but a cookie.
type WithCookie = NoStore<([(HeaderName, HeaderValue); 1], NoContent)>;

fn with_cookie(
    shared: &AppState,
    client: &ClientInfo,
    headers: &HeaderMap,
    value: &str,
    seconds: u64,
) -> Result<WithCookie, Error> {
    let name = cookie::name(headers, client.secure);
    let base = shared.options.base_path.split('/').filter(|part| !part.is_empty());
    let base: String = base.flat_map(|part| ["/", part]).collect();
    let secure = if client.secure { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; HttpOnly; SameSite=Strict; Path={base}/; Max-Age={seconds}{secure}");
    let cookie = HeaderValue::try_from(cookie).map_err(|error| Error::internal("make a cookie", error))?;
    Ok(NoStore(([(header::SET_COOKIE, cookie)], NoContent)))
}
