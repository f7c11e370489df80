//! One session: its status, its phases, its log. A session that does not exist is answered in the words of the old API,
//! which is not always a 404.

use std::sync::Arc;

use axum::extract::State;
use forgecast_hub::{From, LogQuery};
use forgecast_server::{AppState, Error, InPath, InQuery};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, LegacyError, OrMissing, answer};
use crate::session::{IdPath, NO_SESSION};
use crate::view::{Phases, SessionState};

/// One session, or that it does not exist.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum StateOrError {
    State(Box<SessionState>),
    Error(LegacyError),
}

impl StateOrError {
    /// That the session does not exist.
    pub(crate) fn missing() -> Self {
        Self::Error(LegacyError {
            error: NO_SESSION.to_owned(),
        })
    }
}

/// The last lines of a log.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Logs {
    session_id: String,
    /// Oldest first.
    #[schemars(length(max = 1000))]
    logs: Vec<String>,
}

/// How much of a log.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct LinesQuery {
    /// How many; brought into 1 to 1,000.
    #[serde(default = "LinesQuery::default_lines")]
    lines: i64,
}

impl LinesQuery {
    fn default_lines() -> i64 {
        50
    }
}

/// `GET /api/status/{id}`.
pub(crate) async fn status(
    State(state): State<Arc<AppState>>,
    InPath(IdPath { id }): InPath<IdPath>,
) -> Answer<StateOrError> {
    let session = id.load(&state).await?;
    let found = session.map(|session| StateOrError::State(Box::new(SessionState::new(&session, state.now()))));
    Ok(answer(found.unwrap_or_else(StateOrError::missing)))
}

/// `GET /api/phases/{id}`.
pub(crate) async fn phases(
    State(state): State<Arc<AppState>>,
    InPath(IdPath { id }): InPath<IdPath>,
) -> Result<OrMissing<Phases>, Error> {
    let session = id.load(&state).await?;
    Ok(OrMissing(session.as_ref().map(Phases::new).ok_or(NO_SESSION)))
}

/// `GET /api/logs/{id}?lines=50`: the last lines, oldest first.
pub(crate) async fn logs(
    State(state): State<Arc<AppState>>,
    InPath(IdPath { id }): InPath<IdPath>,
    InQuery(LinesQuery { lines }): InQuery<LinesQuery>,
) -> Answer<Logs> {
    let query = LogQuery {
        from: From::Last,
        limit: u32::try_from(lines.clamp(1, 1_000)).unwrap_or(1),
        level: None,
        text: None,
    };
    let page = state.hub().log(&id.reference(&state), query).await?;
    let lines = page.map(|page| page.lines).unwrap_or_default();
    Ok(answer(Logs {
        session_id: id.name(&state),
        logs: lines.into_iter().map(|line| line.text).collect(),
    }))
}
