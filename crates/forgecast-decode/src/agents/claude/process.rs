//! What Claude Code says of its processes: `sessions/<pid>.json`, which it writes while it runs and
//! removes when it ends in order, and `jobs/<id>/state.json` of a session in the background.

use forgecast_protocol::event::ProcessStatus;
use forgecast_protocol::session::WaitingFor;

use crate::agents::{JobFile, ProcessFile};
use crate::clean::Cleaner;
use crate::fields::Fields;
use crate::transcript::session_name;
use crate::{Unparsable, json};

/// What a process says that it waits for, what that is, and how it is shown. What is not here is
/// shown as it is.
const WAITS: &[(&str, WaitingFor, &str)] = &[
    ("permission prompt", WaitingFor::Permission, "Waiting for tool approval"),
    ("sandbox request", WaitingFor::Permission, "Wants to use the network"),
    (
        "worker request",
        WaitingFor::Permission,
        "A sub-agent waits for approval",
    ),
    ("goal proposal", WaitingFor::Permission, "Proposes a goal"),
    ("input needed", WaitingFor::Answer, "Asks a question"),
    ("dialog open", WaitingFor::Answer, "A dialog is open"),
];

/// `sessions/<pid>.json`; `None` for a process that has no session of its own, such as the service of the jobs.
///
/// # Errors
/// When it is no object or not complete.
pub(super) fn process(bytes: &[u8], cleaner: &Cleaner) -> Result<Option<ProcessFile>, Unparsable> {
    let mut fields = Fields::new(json::object(bytes)?, cleaner);
    let kind = fields.word(&["kind"]);
    let is_session = matches!(kind.as_deref(), None | Some("interactive" | "bg"));
    let (Some(pid), Some(session), true) = (fields.count(&["pid"]), fields.word(&["sessionId"]), is_session) else {
        return Ok(None);
    };
    let waits = fields.line(&["waitingFor"]);
    let status = match fields.word(&["status"]).as_deref() {
        Some("busy") => ProcessStatus::Busy,
        Some("waiting") => ProcessStatus::Waiting,
        Some("idle") => ProcessStatus::Idle,
        _ => ProcessStatus::Alive,
    };
    let known = WAITS.iter().find(|(word, ..)| Some(*word) == waits.as_deref());
    let reason = known.map(|(_, _, reason)| (*reason).to_owned()).or(waits);
    let reason = reason.unwrap_or_else(|| "Needs a person".to_owned());
    let by_script = fields.word(&["entrypoint"]).is_some_and(|way| way.starts_with("sdk"));
    Ok(Some(ProcessFile {
        pid,
        started: fields.word(&["procStart"]),
        domain: fields.line(&["pidDomain"]),
        session: session_name(&session),
        directory: fields.folder(&["cwd"]),
        job: fields.word(&["jobId"]),
        status,
        waiting_for: known
            .map(|(_, waiting_for, _)| *waiting_for)
            .filter(|_| status == ProcessStatus::Waiting),
        reason: Some(reason).filter(|_| status == ProcessStatus::Waiting),
        since: fields.time(&["statusUpdatedAt", "startedAt"]),
        attended: kind.map(|kind| kind == "interactive" && !by_script),
    }))
}

/// `jobs/<id>/state.json`; `None` when it names no session.
///
/// # Errors
/// When it is no object or not complete.
pub(super) fn job(bytes: &[u8], cleaner: &Cleaner) -> Result<Option<JobFile>, Unparsable> {
    let mut fields = Fields::new(json::object(bytes)?, cleaner);
    let Some(session) = fields.word(&["sessionId"]) else {
        return Ok(None);
    };
    let detail = fields.line(&["detail"]).filter(|detail| !detail.is_empty());
    let ended = match fields.word(&["state"]).as_deref() {
        Some("done") => Some((ProcessStatus::Exited, "The background job is done".to_owned())),
        Some("stopped") => Some((ProcessStatus::Exited, "The background job was stopped".to_owned())),
        Some("failed") => {
            let why = detail.map_or_else(String::new, |detail| format!(": {detail}"));
            Some((ProcessStatus::Failed, format!("The background job failed{why}")))
        }
        _ => None,
    };
    Ok(Some(JobFile {
        session: session_name(&session),
        directory: fields.folder(&["cwd"]),
        ended,
        needs: fields.line(&["needs"]).filter(|needs| !needs.is_empty()),
        since: fields.time(&["updatedAt"]),
    }))
}
