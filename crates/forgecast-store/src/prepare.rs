//! A commit as the writer takes it: serialised already. That happens where the commit is queued, because only then is
//! the size of the backlog true, and because a queue of bytes is smaller than one of structures.

use forgecast_protocol::rest::StoredSession;
use forgecast_protocol::{
    Event, EventId, LogLine, Revision, SessionId, SessionRow, SourceCheckpoint, SourceKey, Timestamp,
};

use crate::error::Error;
use crate::write::{Commit, StoredRun, UsageDelta, Write};

/// What a write takes beside its texts, roughly.
const OVERHEAD: usize = 160;
/// How much of a text the search looks at, in characters.
const SEARCHED: usize = 500;

/// A commit, ready to be written as often as it takes.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) writes: Vec<Ready>,
    /// Roughly the memory it takes.
    pub(crate) bytes: u64,
}

/// One write, serialised.
#[derive(Debug)]
pub(crate) enum Ready {
    Session(StoredSession),
    Event {
        session: SessionId,
        revision: Revision,
        at: i64,
        id: Option<EventId>,
        body: String,
    },
    Snapshot {
        session: SessionId,
        revision: Revision,
        fold_version: u32,
        body: Vec<u8>,
    },
    Row {
        session: SessionId,
        row: Box<ReadyRow>,
    },
    Checkpoint(SourceKey, SourceCheckpoint),
    ForgetSource(SourceKey),
    Log {
        session: SessionId,
        lines: Vec<LogLine>,
    },
    Run {
        run: StoredRun,
        body: String,
    },
    Call {
        number: u64,
        keys: Vec<u64>,
        body: Vec<u8>,
    },
    ForgetCall(u64),
    Transcript {
        id: String,
        session: SessionId,
        directory: Option<String>,
    },
    Usage(Box<UsageDelta>),
    ForgetUsage {
        owner: String,
        session: String,
    },
}

/// A row of the overview with the columns that it is found and sorted by.
#[derive(Clone, Debug)]
pub(crate) struct ReadyRow {
    pub(crate) revision: Revision,
    pub(crate) status: &'static str,
    pub(crate) active: bool,
    pub(crate) project: Option<String>,
    pub(crate) last_work_at: i64,
    pub(crate) started_at: i64,
    pub(crate) ended_at: Option<i64>,
    pub(crate) tokens: i64,
    pub(crate) cost_usd: f64,
    pub(crate) name_key: String,
    pub(crate) search: String,
    pub(crate) body: String,
}

impl Prepared {
    /// Serialises a commit.
    pub(crate) fn new(commit: Commit) -> Result<Self, Error> {
        let writes: Vec<Ready> = commit.writes.into_iter().map(ready).collect::<Result<_, _>>()?;
        let bytes: usize = writes.iter().map(size).sum();
        Ok(Self {
            writes,
            bytes: bytes.try_into().unwrap_or(u64::MAX),
        })
    }

    /// The producers' ids in it.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &EventId> {
        self.writes.iter().filter_map(|write| match write {
            Ready::Event { id, .. } => id.as_ref(),
            _ => None,
        })
    }
}

fn ready(write: Write) -> Result<Ready, Error> {
    Ok(match write {
        Write::Session(session) => Ready::Session(session),
        Write::Event {
            session,
            revision,
            event,
        } => ready_event(session, revision, event)?,
        Write::Snapshot {
            session,
            revision,
            fold_version,
            body,
        } => Ready::Snapshot {
            session,
            revision,
            fold_version,
            body,
        },
        Write::Row { session, revision, row } => Ready::Row {
            session,
            row: Box::new(ready_row(revision, &row)?),
        },
        Write::Checkpoint(source, checkpoint) => Ready::Checkpoint(source, checkpoint),
        Write::ForgetSource(source) => Ready::ForgetSource(source),
        Write::Log { session, lines } => Ready::Log { session, lines },
        Write::Run(run) => Ready::Run {
            body: json("a run", &run.body)?,
            run,
        },
        Write::Call { number, keys, body } => Ready::Call { number, keys, body },
        Write::ForgetCall(number) => Ready::ForgetCall(number),
        Write::Transcript { id, session, directory } => Ready::Transcript { id, session, directory },
        Write::Usage(delta) => Ready::Usage(Box::new(delta)),
        Write::ForgetUsage { owner, session } => Ready::ForgetUsage { owner, session },
    })
}

fn ready_event(session: SessionId, revision: Revision, event: Event) -> Result<Ready, Error> {
    Ok(Ready::Event {
        session,
        revision,
        at: event.at.as_millis(),
        body: json("a fact", &event)?,
        id: event.id,
    })
}

fn ready_row(revision: Revision, row: &SessionRow) -> Result<ReadyRow, Error> {
    let usage = row.usage.clone().unwrap_or_default();
    let id = row.id.to_string();
    let searched = [
        Some(id.as_str()),
        Some(&row.name),
        row.project.as_deref(),
        row.task.as_deref(),
    ];
    let search: Vec<String> = searched
        .into_iter()
        .flatten()
        .map(|text| text.chars().take(SEARCHED).collect::<String>().to_lowercase())
        .collect();
    let started_at = row.started_at.map_or(0, Timestamp::as_millis);
    Ok(ReadyRow {
        revision,
        status: row.status.as_str(),
        active: row.status.is_active(),
        project: row.project.clone(),
        last_work_at: row.last_work_at.map_or(started_at, Timestamp::as_millis),
        started_at,
        ended_at: row.ended_at.map(Timestamp::as_millis),
        tokens: i64::try_from(usage.tokens).unwrap_or(i64::MAX),
        cost_usd: usage.cost_usd.filter(|cost| cost.is_finite()).unwrap_or(0.0),
        name_key: row.name.to_lowercase(),
        search: search.join("\n"),
        body: json("a row", row)?,
    })
}

fn json(what: &str, value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Refused {
        reason: format!("{what} cannot be written as JSON: {error}"),
    })
}

fn size(write: &Ready) -> usize {
    OVERHEAD
        + match write {
            Ready::Session(session) => session.name.len(),
            Ready::Event { body, .. } => body.len(),
            Ready::Snapshot { body, .. } => body.len(),
            Ready::Row { row, .. } => row.body.len() + row.search.len(),
            Ready::Checkpoint(source, checkpoint) => source.0.len() + checkpoint.state.len(),
            Ready::ForgetSource(source) => source.0.len(),
            Ready::Log { lines, .. } => lines.iter().map(|line| OVERHEAD + line.text.len()).sum(),
            Ready::Run { body, .. } => 2 * body.len(),
            Ready::Call { keys, body, .. } => size_of_val(keys.as_slice()) + body.len(),
            Ready::ForgetCall(_) => 0,
            Ready::Transcript { id, directory, .. } => id.len() + directory.as_ref().map_or(0, String::len),
            Ready::ForgetUsage { owner, session } => owner.len() + session.len(),
            Ready::Usage(delta) => {
                let texts = [&delta.owner, &delta.session, &delta.project, &delta.model, &delta.phase];
                texts.into_iter().map(String::len).sum()
            }
        }
}
