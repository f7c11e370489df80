//! A session that was exported comes back. It is no way to say facts of sessions that are here: these come by
//! `POST /api/v1/events`.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use forgecast_decode::clean::Cleaner;
use forgecast_decode::exported::clean_export;
use forgecast_hub::ImportOutcome;
use forgecast_protocol::rest::{Exported, ImportReceipt};

use crate::access::Principal;
use crate::error::Error;
use crate::extract::InBody;
use crate::state::AppState;

/// `POST /api/v1/import`: the document of `GET /api/v1/sessions/{id}/export`.
pub(crate) async fn bring(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InBody(request, _): InBody<Exported>,
) -> Result<Json<ImportReceipt>, Error> {
    let body = shared.bodies.read(request).await?;
    // What is made of a body takes several times its memory.
    let _permit = shared.imports.acquire(&principal)?;
    let cleaner = Arc::clone(&shared.cleaner);
    let read = tokio::task::spawn_blocking(move || read(&body, &cleaner));
    let exported = read.await.map_err(|error| Error::internal("read an export", error))??;
    let (events, log_lines) = (exported.events.len() as u64, exported.log.len() as u64);
    match shared.hub.import_session(exported).await? {
        ImportOutcome::New(session) => Ok(Json(ImportReceipt {
            session,
            new: true,
            events,
            log_lines,
        })),
        ImportOutcome::Known(session) => Ok(Json(ImportReceipt {
            session,
            new: false,
            events: 0,
            log_lines: 0,
        })),
        ImportOutcome::Refused(why) => Err(Error::Rejected(why.to_string())),
    }
}

fn read(body: &[u8], cleaner: &Cleaner) -> Result<Exported, Error> {
    let mut exported: Exported = serde_json::from_slice(body)
        .map_err(|error| Error::Malformed(format!("this is no exported session: {error}")))?;
    if !clean_export(&mut exported, cleaner) {
        let why = "a fact of it holds more text than any that was taken here";
        return Err(Error::Rejected(why.to_owned()));
    }
    Ok(exported)
}
