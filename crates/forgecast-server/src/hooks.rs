//! Hooks of coding agents. The agent stands still until it is answered, so a hook is answered as soon as its body has
//! arrived: before it is decoded, before the hub, before any disk. What happens to it later never shows in the answer, and
//! the answer never has a body: the agent would read it as a command.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use forgecast_protocol::rest::Hook;

use crate::error::Error;
use crate::extract::InBody;
use crate::state::AppState;

/// `POST /api/v1/hooks/claude`: 204, whatever becomes of it. Only a body that is too long or too slow gets another status.
pub(crate) async fn claude(State(shared): State<Arc<AppState>>, InBody(request, _): InBody<Hook>) -> HookAnswer {
    match shared.bodies.read_at_once(request).await {
        Ok(body) => shared.hooks.offer(body.into_bytes(), shared.clock.now()),
        // Not the agent's trouble: it can do nothing about it.
        Err(Error::NoRoom) => shared.hooks.count().dropped += 1,
        Err(error) => return HookAnswer(error.status()),
    }
    HookAnswer(StatusCode::NO_CONTENT)
}

/// A status without a body, also when the hook is refused.
pub(crate) struct HookAnswer(StatusCode);

impl IntoResponse for HookAnswer {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}
