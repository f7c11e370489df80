//! Sessions as clients of Context Foundry name and know them: any text names one, and the newest run of a name has the bare
//! name as its id.

use forgecast_hub::session_called;
use forgecast_protocol::rest::{SessionsQuery, Sort};
use forgecast_protocol::{SessionId, SessionRef, SessionRow, SessionStatus, SessionView};
use forgecast_server::{AppState, Error};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::vocabulary::{self, LegacyStatus};

/// The error that clients get about a session that does not exist.
pub(crate) const NO_SESSION: &str = "Session not found";
/// Most views that one answer is made of; the sessions that worked last come first.
pub(crate) const MOST_VIEWS: usize = 100;

/// Rows per query.
const PAGE: u32 = 1_000;

/// A session as a path or query names it. A text that cannot be an id is turned into one in the same way as where
/// producers send it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(inline, example = "weather-app")]
#[serde(transparent)]
pub(crate) struct NamedSession(String);

/// The path of a session.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct IdPath {
    /// Any text names a session, though perhaps none that exists: its name, or the id of a run.
    #[schemars(length(min = 1))]
    pub(crate) id: NamedSession,
}

/// The path of a session.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct SessionPath {
    /// Any text names a session, though perhaps none that exists: its name, or the id of a run.
    #[schemars(length(min = 1))]
    pub(crate) session: NamedSession,
}

/// A session that exists.
#[derive(Debug)]
pub(crate) struct Session {
    /// The id that clients know it by.
    pub(crate) id: String,
    pub(crate) view: SessionView,
}

impl NamedSession {
    /// The name, cleaned like a producer's, so that it can be repeated in an answer.
    pub(crate) fn name(&self, state: &AppState) -> String {
        state.cleaner().word(&self.0)
    }

    /// The run, or the newest run of the name.
    pub(crate) fn reference(&self, state: &AppState) -> SessionRef {
        session_called(&self.name(state))
    }

    /// The session with its newest view; `None` when it does not exist.
    pub(crate) async fn load(&self, state: &AppState) -> Result<Option<Session>, Error> {
        load(state, &self.reference(state)).await
    }
}

/// A session with its newest view; `None` when it does not exist.
pub(crate) async fn load(state: &AppState, session: &SessionRef) -> Result<Option<Session>, Error> {
    let Some(found) = state.hub().view(session).await? else {
        return Ok(None);
    };
    let view: SessionView = serde_json::from_slice(&found.json)
        .map_err(|error| Error::internal(format!("read the view of {}", found.id), error))?;
    let id = id_for_clients(state, &view.id);
    Ok(Some(Session { id, view }))
}

/// The sessions at work that worked last, at most [`MOST_VIEWS`].
pub(crate) async fn load_running(state: &AppState) -> Result<Vec<Session>, Error> {
    let rows = rows(state, vocabulary::statuses(LegacyStatus::Running), MOST_VIEWS).await?;
    load_all(state, rows).await
}

/// The sessions that worked last, at most [`MOST_VIEWS`].
pub(crate) async fn load_last(state: &AppState) -> Result<Vec<Session>, Error> {
    load_all(state, rows(state, Vec::new(), MOST_VIEWS).await?).await
}

/// The sessions of these rows, without those that were removed meanwhile.
async fn load_all(state: &AppState, rows: Vec<SessionRow>) -> Result<Vec<Session>, Error> {
    let mut sessions = Vec::with_capacity(rows.len());
    for row in rows {
        sessions.extend(load(state, &row.id.into()).await?);
    }
    Ok(sessions)
}

/// At most `most` rows with one of these statuses (any when the list is empty), the last that worked first.
pub(crate) async fn rows(state: &AppState, status: Vec<SessionStatus>, most: usize) -> Result<Vec<SessionRow>, Error> {
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let left = u32::try_from(most.saturating_sub(rows.len())).unwrap_or(PAGE);
        if left == 0 {
            return Ok(rows);
        }
        let page = SessionsQuery {
            status: status.clone(),
            sort: Sort::LastWork,
            limit: left.min(PAGE),
            cursor,
            ..SessionsQuery::default()
        };
        let page = state.hub().rows(page).await?;
        rows.extend(page.sessions);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(rows);
        }
        // A long list lets others work between its pages.
        tokio::task::yield_now().await;
    }
}

/// The id that clients know a session by: the bare name for its newest run, else the id of the run.
pub(crate) fn id_for_clients(state: &AppState, id: &SessionId) -> String {
    let newest = state.hub().resolve(&SessionRef::Newest(id.name().clone()));
    if newest.as_ref() == Some(id) {
        id.name().to_string()
    } else {
        id.to_string()
    }
}
