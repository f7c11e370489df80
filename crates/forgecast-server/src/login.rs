//! Signing in with a browser: a token is exchanged for a cookie once, by POST, so that it stands in no address, no history
//! and no log. Programs send their token with each request and need nothing of this.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use forgecast_protocol::SessionId;
use serde::{Deserialize, Serialize};

use crate::access::{Principal, cookie};
use crate::error::Error;
use crate::etag::no_store;
use crate::guard::ClientInfo;
use crate::state::AppState;

/// Longest body that is read of a stranger.
const BODY_BYTES: usize = 4 * 1024;

/// What is posted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    token: String,
}

/// Who asks, as the dashboard needs to know it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Me {
    /// `view`, `ingest`, `admin`, `local`, `guest`; nothing for a stranger.
    role: Option<&'static str>,
    /// The one session that a guest may see.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
}

/// `POST /api/v1/login`: a cookie for a token.
pub(crate) async fn login(
    State(shared): State<Arc<AppState>>,
    Extension(client): Extension<ClientInfo>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Error> {
    let mut bodies = shared.bodies.clone();
    bodies.limit = BODY_BYTES;
    let body = bodies.read(request).await?;
    // The parser would repeat what it stumbled over, which may be the token.
    let login: Login = serde_json::from_slice(&body)
        .map_err(|_| Error::Malformed("the body must be {\"token\": \"…\"}".to_owned()))?;
    let principal = shared.access.present(&client, login.token.trim())?;
    let ticket = principal.and_then(|principal| shared.access.ticket(&principal));
    let ticket = ticket.ok_or(Error::Unauthorized)?;
    with_cookie(&shared, &client, &headers, &ticket.value, ticket.seconds)
}

/// `POST /api/v1/logout`: the browser forgets the cookie. The token stays what it is.
pub(crate) async fn logout(
    State(shared): State<Arc<AppState>>,
    Extension(client): Extension<ClientInfo>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    with_cookie(&shared, &client, &headers, "", 0)
}

/// `GET /api/v1/me`: who the principal is.
pub(crate) async fn me(Extension(principal): Extension<Principal>) -> Response {
    no_store(Json(Me::from(&principal)))
}

impl From<&Principal> for Me {
    fn from(principal: &Principal) -> Self {
        let (role, session) = match principal {
            Principal::Anonymous => (None, None),
            Principal::Local => (Some("local"), None),
            Principal::Token(role, _) => (Some(role.as_str()), None),
            Principal::ShareLink(session, _) => (Some("guest"), Some(session.clone())),
        };
        Self { role, session }
    }
}

fn with_cookie(
    shared: &AppState,
    client: &ClientInfo,
    headers: &HeaderMap,
    value: &str,
    seconds: u64,
) -> Result<Response, Error> {
    let name = cookie::name(headers, client.secure);
    let base = shared.options.base_path.split('/').filter(|part| !part.is_empty());
    let base: String = base.flat_map(|part| ["/", part]).collect();
    let secure = if client.secure { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; HttpOnly; SameSite=Strict; Path={base}/; Max-Age={seconds}{secure}");
    let cookie = HeaderValue::try_from(cookie).map_err(|error| Error::internal("make a cookie", error))?;
    let headers = [
        (header::SET_COOKIE, cookie),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}
