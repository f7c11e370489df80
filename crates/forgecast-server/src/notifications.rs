//! Whom the server calls, what it sent, and what an administrator may do about it. Targets are configured in the server's
//! file only: nothing here can add one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use forgecast_protocol::Timestamp;
use forgecast_protocol::rest::{
    Notification, NotificationRetry, NotificationTest, Notifications, NotificationsQuery, Retried, Silence, Silenced,
};

use crate::error::Error;
use crate::etag::NoStore;
use crate::extract::{InBody, InQuery};
use crate::state::AppState;

/// The longest silence, in seconds.
const MAX_SILENCE: u32 = 7 * 86_400;
/// The most messages in one answer.
const MAX_LISTED: u32 = 1_000;

/// `GET /api/v1/notifications`.
pub(crate) async fn list(
    State(shared): State<Arc<AppState>>,
    InQuery(query): InQuery<NotificationsQuery>,
) -> Result<NoStore<Json<Notifications>>, Error> {
    if !(1..=MAX_LISTED).contains(&query.limit) {
        return Err(Error::Malformed(format!("limit must be from 1 to {MAX_LISTED}")));
    }
    Ok(NoStore(Json(shared.notifier.overview(query.limit).await?)))
}

/// `POST /api/v1/notifications/silence`.
pub(crate) async fn silence(
    State(shared): State<Arc<AppState>>,
    InBody(request, _): InBody<Silence>,
) -> Result<Json<Silenced>, Error> {
    let Silence { seconds } = shared.read_json(request).await?;
    if seconds > MAX_SILENCE {
        return Err(Error::Malformed(format!(
            "a silence lasts at most {MAX_SILENCE} seconds"
        )));
    }
    let until: Option<Timestamp> = shared.notifier.silence(seconds).await?;
    Ok(Json(Silenced { until }))
}

/// `POST /api/v1/notifications/test`.
pub(crate) async fn test(
    State(shared): State<Arc<AppState>>,
    InBody(request, _): InBody<NotificationTest>,
) -> Result<Json<Notification>, Error> {
    let NotificationTest { target } = shared.read_json(request).await?;
    let sent = shared.notifier.test(&target).await?;
    sent.map(Json).ok_or_else(|| unknown(&target))
}

/// `POST /api/v1/notifications/retry`.
pub(crate) async fn retry(
    State(shared): State<Arc<AppState>>,
    InBody(request, _): InBody<NotificationRetry>,
) -> Result<Json<Retried>, Error> {
    let NotificationRetry { target } = shared.read_json(request).await?;
    let messages = shared.notifier.retry(target.as_deref()).await?;
    let messages = messages.ok_or_else(|| unknown(target.as_deref().unwrap_or_default()))?;
    Ok(Json(Retried { messages }))
}

fn unknown(target: &str) -> Error {
    Error::NotFound(format!("no target of notifications is called {target:?}"))
}
