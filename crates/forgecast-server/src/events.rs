//! Pushes: facts that producers send. Answered only when what was accepted is durable; the same id twice counts once.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use forgecast_decode::push::{self, Pushed};
use forgecast_hub::Reason;
use forgecast_protocol::rest::{Envelopes, PushReceipt, Rejection};

use crate::access::Principal;
use crate::error::Error;
use crate::extract::InBody;
use crate::state::AppState;

/// `POST /api/v1/events`: one envelope or an array of them.
pub(crate) async fn push(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InBody(request, _): InBody<Envelopes>,
) -> Result<Json<PushReceipt>, Error> {
    let decoded = shared.decode_body(request, push::envelopes).await?;
    let pushed = decoded.map_err(|error| Error::Malformed(error.to_string()))?;
    let Pushed {
        batch,
        rejected,
        envelope_of,
        envelope_of_log,
        envelopes,
        ..
    } = pushed;
    let receipt = shared.hub.push_by(principal.producer(), batch).await?;
    let unread = rejected.into_iter().map(|one| Rejection {
        index: one.index,
        problem: one.why,
    });
    let facts = receipt.rejected.iter().map(|one| (one, &envelope_of));
    let logs = receipt.rejected_logs.iter().map(|one| (one, &envelope_of_log));
    let unwanted = facts.chain(logs).map(|(one, envelope_of)| Rejection {
        index: envelope_of.get(one.index).copied().unwrap_or(one.index),
        problem: refusal(one.reason).to_owned(),
    });
    let mut rejected: Vec<_> = unread.chain(unwanted).collect();
    rejected.sort_by_key(|one| one.index);
    // One envelope may say several things; refused for one of them, it is named once.
    rejected.dedup_by_key(|one| one.index);
    if rejected.len() == envelopes
        && let Some(first) = rejected.first()
    {
        return Err(Error::Rejected(format!(
            "nothing was taken; envelope {}: {}",
            first.index, first.problem
        )));
    }
    Ok(Json(PushReceipt {
        accepted: receipt.accepted + receipt.log_lines,
        duplicates: receipt.duplicates + receipt.known_log_lines,
        rejected,
    }))
}

/// Why the hub did not take a fact and what to do about it, for whoever sent it.
#[must_use]
pub fn refusal(reason: Reason) -> &'static str {
    match reason {
        Reason::UnknownRun => "there is no such run; leave the number out to mean the newest one",
        Reason::NoSession => "it names no session",
        Reason::Conflict => "the session belongs to another directory",
        Reason::TooManySessions => {
            "as many sessions are unfinished as there may be; finish or forget some, or raise sessions.max"
        }
        Reason::TooManyPushed => {
            "too many sessions that were pushed are unfinished; finish or forget some, or raise sessions.max"
        }
        Reason::Implausible => "it names more tokens or money than any source can mean",
        Reason::Busy => "the store is busy; send it again",
        Reason::Shutdown => "the server is stopping; send it again",
    }
}
