//! Approvals: an agent asks whether it may use a tool, its hook waits here, and a person answers from anywhere. Whatever
//! goes wrong (nobody answers in time, the link breaks, the server stops, there are too many) the hook gets an empty answer,
//! and the agent asks in its own terminal, as if there were no hook. There is no way to allow more than this one use.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::response::NoContent;
use axum::{Extension, Json};
use forgecast_decode::agents::{PermissionRequest, WaitOver};
use forgecast_protocol::event::ApprovalAnswered;
use forgecast_protocol::rest::{Approval, ApprovalAnswer, Approvals, Hook, SessionPath};
use forgecast_protocol::{
    Batch, Event, Fact, Origin, SessionId, SessionName, SessionRef, SourceKind, Subject, Timestamp, hex,
};
use tokio::sync::oneshot;

use crate::access::Principal;
use crate::error::Error;
use crate::etag::NoStore;
use crate::extract::{InBody, InPath};
use crate::hooks::{HookAnswer, take};
use crate::state::AppState;

/// How long a hook waits. A little less than the timeout that `forgecast init` gives it.
const WAIT: Duration = Duration::from_secs(590);
/// Requests that may wait at a time, and the longest input that is shown: each is a connection and memory.
const MAX_WAITING: usize = 64;
const MAX_INPUT_BYTES: usize = 256 * 1024;
/// Longest reason, in characters.
const MAX_REASON: usize = 1_000;

/// What waits for an answer.
#[derive(Debug, Default)]
pub(crate) struct WaitingApprovals {
    waiting: Mutex<BTreeMap<String, Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    /// The agent's own session.
    agent: SessionName,
    request: PermissionRequest,
    shown: Approval,
    /// Where the answer goes, as the agent reads it.
    answer: oneshot::Sender<String>,
}

/// A request that waits; it no longer does when this is dropped.
struct Ticket<'a> {
    approvals: &'a WaitingApprovals,
    id: String,
    answer: oneshot::Receiver<String>,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.approvals.lock().remove(&self.id);
    }
}

impl WaitingApprovals {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a request wait. `None` when too many do, or when it is too long to be shown.
    fn wait(&self, request: PermissionRequest, now: Timestamp) -> Option<Ticket<'_>> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).ok()?;
        let id = hex(&random);
        let mut waiting = self.lock();
        if waiting.len() >= MAX_WAITING || request.input.to_string().len() > MAX_INPUT_BYTES {
            return None;
        }
        let (sender, answer) = oneshot::channel();
        let wait_ms = i64::try_from(WAIT.as_millis()).unwrap_or_default();
        let shown = Approval {
            id: id.clone(),
            tool: request.tool.clone(),
            input: request.input.clone(),
            digest: request.digest(),
            asked_at: now,
            ends_at: now.plus_millis(wait_ms),
        };
        let entry = Waiting {
            agent: request.agent.clone(),
            request,
            shown,
            answer: sender,
        };
        waiting.insert(id.clone(), entry);
        drop(waiting);
        Some(Ticket {
            approvals: self,
            id,
            answer,
        })
    }

    /// What agents of these sessions wait for.
    fn list(&self, is_of_session: impl Fn(&SessionName) -> bool) -> Vec<Approval> {
        let waiting = self.lock();
        let shown = waiting.values().filter(|one| is_of_session(&one.agent));
        let mut shown: Vec<Approval> = shown.map(|one| one.shown.clone()).collect();
        shown.sort_by_key(|one| (one.asked_at, one.id.clone()));
        shown
    }

    /// Takes the request that an answer is for: nobody else can answer it any more.
    fn take(&self, given: &ApprovalAnswer, is_of_session: impl Fn(&SessionName) -> bool) -> Result<Waiting, Error> {
        let mut waiting = self.lock();
        let found = waiting.get(&given.id).filter(|one| is_of_session(&one.agent));
        let gone =
            || Error::NotFound("no request of this session with this id waits for an answer any more".to_owned());
        let found = found.ok_or_else(gone)?;
        if found.shown.digest != given.digest {
            return Err(Error::Conflict(
                "the digest is not that of the request; nothing was answered: show the request again".to_owned(),
            ));
        }
        waiting.remove(&given.id).ok_or_else(gone)
    }

    /// A later hook of an agent may say that it no longer waits: it was answered in its terminal.
    pub(crate) fn notice(&self, body: &[u8], shared: &AppState) {
        if self.lock().is_empty() {
            return;
        }
        if let Some(over) = WaitOver::read(body, &shared.cleaner) {
            // The hooks that wait get no answer: what they would be answered with is dropped.
            self.lock().retain(|_, one| !over.ends(&one.request));
        }
    }
}

/// `POST /api/v1/hooks/claude/permission`: waits until somebody answers.
pub(crate) async fn wait(State(shared): State<Arc<AppState>>, InBody(request, _): InBody<Hook>) -> HookAnswer {
    let body = match shared.bodies.read_at_once(request).await {
        Ok(body) => body.into_bytes(),
        Err(error) => return HookAnswer::failed(&shared, &error),
    };
    let asked = PermissionRequest::read(&body, &shared.cleaner);
    let ticket = asked.and_then(|asked| shared.approvals.wait(asked, shared.clock.now()));
    // After it waits: whoever learns of it finds it.
    let answer = take(&shared, body);
    let Some(mut ticket) = ticket else {
        return answer;
    };
    let given = tokio::select! {
        given = &mut ticket.answer => given.ok(),
        () = shared.stopping.cancelled() => None,
        () = tokio::time::sleep(WAIT) => None,
    };
    match given {
        Some(answer) => HookAnswer::json(answer),
        None => HookAnswer::nothing(),
    }
}

/// `GET /api/v1/sessions/{id}/approvals`.
pub(crate) async fn list(
    State(shared): State<Arc<AppState>>,
    InPath(SessionPath { id: session }): InPath<SessionPath>,
) -> Result<NoStore<Json<Approvals>>, Error> {
    let id = find(&shared, &session).await?;
    let approvals = shared.approvals.list(|agent| is_of(&shared, agent, &id));
    Ok(NoStore(Json(Approvals { approvals })))
}

/// `POST /api/v1/sessions/{id}/approvals`.
pub(crate) async fn answer(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InPath(SessionPath { id: session }): InPath<SessionPath>,
    InBody(request, _): InBody<ApprovalAnswer>,
) -> Result<NoContent, Error> {
    let given: ApprovalAnswer = shared.read_json(request).await?;
    let reason = given.reason.as_deref().unwrap_or_default();
    if reason.chars().count() > MAX_REASON {
        return Err(Error::Malformed(format!(
            "a reason has at most {MAX_REASON} characters"
        )));
    }
    let id = find(&shared, &session).await?;
    let waiting = shared.approvals.take(&given, |agent| is_of(&shared, agent, &id))?;
    let late = || Error::Conflict("the agent no longer waits for this answer; it asks in its own terminal".to_owned());
    if waiting.answer.is_closed() {
        return Err(late());
    }
    let reason = shared.cleaner.line(reason);
    let fact = answered(&shared, &principal, &waiting, given.allow, &reason);
    // Recorded first: what was not stored is not allowed, since dropping the request is the empty answer.
    shared.hub.push_by(principal.producer(), Batch::of(fact)).await?;
    let answer = if given.allow {
        waiting.request.allowance()
    } else {
        PermissionRequest::denial(&reason)
    };
    waiting.answer.send(answer).map_err(|_| late())?;
    Ok(NoContent)
}

async fn find(shared: &AppState, session: &SessionRef) -> Result<SessionId, Error> {
    let found = shared.hub.find(session).await?;
    found.ok_or_else(|| Error::NotFound(format!("there is no session {session}")))
}

/// Whether an agent's own session is shown as, or within, this one.
fn is_of(shared: &AppState, agent: &SessionName, session: &SessionId) -> bool {
    shared.hub.session_of_agent(agent).as_ref() == Some(session)
}

/// The fact that somebody answered.
fn answered(shared: &AppState, principal: &Principal, waiting: &Waiting, allow: bool, reason: &str) -> Event {
    let key = principal.producer();
    let tokens = shared.access.keys.tokens().into_iter();
    let by = tokens.filter(|token| token.id == key).map(|token| token.name).next();
    let request = &waiting.request;
    Event {
        id: None,
        subject: Subject {
            transcript: Some(waiting.agent.clone()),
            ..Subject::default()
        },
        at: shared.clock.now(),
        origin: Origin {
            kind: SourceKind::Hook,
            path: Some("/api/v1/sessions/{id}/approvals".to_owned()),
            first_sight: false,
            modified_at: None,
        },
        fact: Fact::ApprovalAnswered(ApprovalAnswered {
            request: waiting.shown.id.clone(),
            digest: waiting.shown.digest.clone(),
            tool: request.tool.clone(),
            summary: request.summary.clone(),
            agent: request.subagent.clone(),
            allowed: allow,
            reason: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
            by: by.unwrap_or_else(|| key.to_owned()),
        }),
    }
}
