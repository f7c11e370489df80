//! A commit becomes what the writer takes. That happens where it is queued, because only then is the size of the backlog
//! true, and because a queue of bytes is smaller than one of structures.

use std::sync::Arc;

use forgecast_protocol::SessionId;
use rusqlite::Connection;

use super::row::RowColumns;
use super::sums::Owners;
use super::{Action, Counters, PreparedCommit, calls};
use crate::error::Error;
use crate::write::{Commit, Write};

/// What a write takes beside its texts, roughly, in bytes.
const OVERHEAD: usize = 160;

impl PreparedCommit {
    /// Serializes a commit.
    ///
    /// # Errors
    /// [`Error::Refused`]: a part of it cannot be written as JSON.
    pub(crate) fn new(commit: Commit) -> Result<Self, Error> {
        let mut prepared = Self::default();
        for write in commit.writes {
            prepared.add(write)?;
        }
        Ok(prepared)
    }

    fn add(&mut self, write: Write) -> Result<(), Error> {
        let (bytes, action) = match write {
            Write::Session(session) => (session.name.len(), Action::Introduce(session)),
            Write::Event {
                session,
                revision,
                event,
            } => {
                let (body, at, key) = (json("a fact", &event)?, event.at, event.key());
                self.ids.extend(key.clone());
                (
                    body.len(),
                    of_session(session, move |db, known| {
                        known.add_event(db, revision, at, key.as_ref(), &body)
                    }),
                )
            }
            Write::Snapshot {
                session,
                revision,
                fold_version,
                body,
            } => (
                body.len(),
                of_session(session, move |db, known| {
                    known.add_snapshot(db, revision, fold_version, &body)
                }),
            ),
            Write::Row { session, revision, row } => {
                let columns = Arc::new(RowColumns::new(revision, &row, json("a row", &row)?));
                (
                    columns.body.len() + columns.search.len(),
                    of_session(session, move |_, known| Ok(known.show(&columns))),
                )
            }
            Write::Log { session, key, lines } => {
                self.ids.extend(key.clone());
                (
                    lines.iter().map(|line| OVERHEAD + line.text.len()).sum(),
                    of_session(session, move |db, known| known.add_lines(db, key.as_ref(), &lines)),
                )
            }
            Write::Run(run) => {
                let body = json("a run", &run.body)?;
                (
                    2 * body.len(),
                    of_session(run.session.clone(), move |db, known| known.set_run(db, &run, &body)),
                )
            }
            Write::Transcript { id, session, directory } => (
                id.len() + directory.as_ref().map_or(0, String::len),
                of_session(session, move |db, known| {
                    calls::write_transcript(db, &id, known.number, directory.as_deref())
                }),
            ),
            Write::Checkpoint(source, checkpoint) => (
                source.0.len() + checkpoint.state.len(),
                alone(move |db, _| super::write_checkpoint(db, &source, &checkpoint)),
            ),
            Write::ForgetSource(source) => (source.0.len(), alone(move |db, _| super::forget_source(db, &source))),
            Write::Call { number, keys, body } => (
                size_of_val(keys.as_slice()) + body.len(),
                alone(move |db, _| calls::write_call(db, number, &keys, &body)),
            ),
            Write::ForgetCall(number) => (0, alone(move |db, _| calls::forget_call(db, number))),
            Write::Usage(delta) => {
                let texts = [&delta.owner, &delta.session, &delta.project, &delta.model, &delta.phase];
                (
                    texts.into_iter().map(String::len).sum(),
                    alone(move |db, owners| owners.add(db, &delta)),
                )
            }
            Write::ForgetUsage { owner, session } => (
                owner.len() + session.len(),
                alone(move |db, owners| owners.forget(db, &owner, &session)),
            ),
            Write::Limit { key, body } => limit(key, body),
        };
        self.bytes += (OVERHEAD + bytes) as u64;
        self.actions.push(action);
        Ok(())
    }
}

fn limit(key: String, body: Option<String>) -> (usize, Action) {
    let bytes = key.len() + body.as_ref().map_or(0, String::len);
    (bytes, alone(move |db, _| super::write_limit(db, &key, body.as_deref())))
}

fn of_session(
    session: SessionId,
    run: impl Fn(&Connection, &mut Counters) -> rusqlite::Result<usize> + Send + 'static,
) -> Action {
    Action::OfSession(session, Box::new(run))
}

fn alone(run: impl Fn(&Connection, &mut Owners) -> rusqlite::Result<usize> + Send + 'static) -> Action {
    Action::Alone(Box::new(run))
}

fn json(what: &str, value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Refused {
        reason: format!("{what} cannot be written as JSON: {error}"),
    })
}
