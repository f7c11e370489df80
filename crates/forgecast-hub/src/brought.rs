//! Sessions that were exported elsewhere, brought in as they are: their facts are stored with their own times and
//! revisions and folded like after a restart, so that view and log are the same as there. Nothing is folded into a session
//! that is here already.

use forgecast_protocol::{Revision, SessionId, SessionRef, SessionRow};
use forgecast_store::{Commit, Exported, StoredSession, Write};
use tokio::sync::oneshot;

use crate::command::Command;
use crate::error::Error;
use crate::history::{self, Labels};
use crate::hub::Hub;

/// No revision and no line comes near it, and no database can hold a higher one.
const HIGHEST: u64 = i64::MAX as u64;

/// What became of a session that was brought in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brought {
    /// It is here now, durably, under this id.
    New(SessionId),
    /// It was here already, under this id; nothing was changed.
    Known(SessionId),
    /// It cannot be taken: why.
    Refused(Refusal),
}

/// Why a session cannot be brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There are as many sessions as there may be.
    #[error("there are as many sessions as there may be; forget some, or raise sessions.max")]
    TooMany,
    /// It has no facts.
    #[error("it holds no facts, so there is no session to be made of it")]
    Empty,
    /// Its revisions do not grow from fact to fact, or lead to no state at all, or its log lines are not numbered so.
    #[error("its facts or log lines are not in their order; it was changed since it was exported")]
    Disordered,
    /// All of its facts are here, under their ids, as facts of other sessions.
    #[error("its facts are here already, as those of another session")]
    Taken,
}

/// The place that was found for a session.
pub(crate) enum Place {
    Free(StoredSession),
    Full,
}

/// What the hub has to know of a session that is stored already.
pub(crate) struct Arrived {
    pub(crate) session: StoredSession,
    pub(crate) row: SessionRow,
    pub(crate) next_line: u64,
}

impl Hub {
    /// Stores an exported session and shows it; answers when it is durable. Its id is kept unless another session has it:
    /// then it becomes the next run of the name. What it used is part of its view, not of the reports over all sessions:
    /// these are made from calls, which an export does not hold.
    ///
    /// # Errors
    /// The store did not take it, or the hub is stopping.
    pub async fn bring(&self, exported: Exported) -> Result<Brought, Error> {
        if exported.events.is_empty() {
            return Ok(Brought::Refused(Refusal::Empty));
        }
        if !is_ordered(&exported) {
            return Ok(Brought::Refused(Refusal::Disordered));
        }
        if let Some(known) = self.known(&exported).await? {
            return Ok(Brought::Known(known));
        }
        let (reply, answer) = oneshot::channel();
        let command = Command::Place {
            session: exported.session.clone(),
            reply,
        };
        self.commands.send(command).await.map_err(|_| Error::Stopped)?;
        let session = match answer.await.map_err(|_| Error::Stopped)? {
            Place::Free(session) => session,
            Place::Full => return Ok(Brought::Refused(Refusal::TooMany)),
        };
        let id = session.id.clone();
        let stored = self.store_brought(session, exported).await;
        let (arrived, brought) = match stored {
            Ok(Some(arrived)) => (Some(Box::new(arrived)), Ok(Brought::New(id.clone()))),
            Ok(None) => (None, Ok(Brought::Refused(Refusal::Taken))),
            Err(error) => (None, Err(error)),
        };
        let arrived = Command::Arrived { id, arrived };
        self.commands.send(arrived).await.map_err(|_| Error::Stopped)?;
        brought
    }

    /// The run of the same name that began with the very same fact.
    async fn known(&self, exported: &Exported) -> Result<Option<SessionId>, Error> {
        let operation = "compare an imported session with those that are here";
        let first = exported.events.first().map(|stored| &stored.event);
        let name = exported.session.id.name();
        let newest = self.resolve(&SessionRef::Newest(name.clone()));
        self.settle().await;
        for run in 1..=newest.map_or(0, |newest| newest.run()) {
            let id = name.run(run);
            if self.resolve(&id.clone().into()).is_none() {
                continue;
            }
            let page = self.shared.store.events_after(&id, 0, 1).await;
            let page = page.map_err(|source| Error::Store { operation, source })?;
            if page.first().map(|stored| &stored.event) == first {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Nothing when none of its facts was new, and then nothing of it is stored.
    async fn store_brought(&self, session: StoredSession, exported: Exported) -> Result<Option<Arrived>, Error> {
        let operation = "store an imported session";
        let failed = |source| Error::Store { operation, source };
        let id = session.id.clone();
        let next_line = exported.log.last().map_or(0, |line| line.offset.saturating_add(1));
        let mut writes = vec![Write::Session(session.clone())];
        let mut newest: Revision = 0;
        for stored in exported.events {
            newest = stored.revision;
            writes.push(Write::Event {
                session: id.clone(),
                revision: stored.revision,
                event: stored.event,
            });
        }
        if !exported.log.is_empty() {
            writes.push(Write::Log {
                session: id.clone(),
                lines: exported.log,
            });
        }
        self.shared.store.commit(Commit { writes }).await.map_err(failed)?;
        let topic = id.to_string();
        let labels = Labels {
            topic: &topic,
            epoch: self.shared.epoch,
        };
        let restored = history::restore(&self.shared.store, &id, None, labels).await?;
        // A fact is stored once, under the first session that told it.
        let Some(restored) = restored else {
            self.shared.store.forget(&id).await.map_err(failed)?;
            return Ok(None);
        };
        let row = restored.session.row();
        let writes = vec![Write::Row {
            session: id,
            revision: newest.max(restored.revision),
            row: row.clone(),
        }];
        self.shared.store.commit(Commit { writes }).await.map_err(failed)?;
        Ok(Some(Arrived {
            session,
            row,
            next_line,
        }))
    }
}

fn is_ordered(exported: &Exported) -> bool {
    let revisions = exported.events.iter().map(|stored| stored.revision);
    let lines = exported.log.iter().map(|line| line.offset);
    // The first state of a session has the revision 1: facts that led nowhere make none.
    let newest = exported.events.last().map_or(0, |stored| stored.revision);
    let last_line = exported.log.last().map_or(0, |line| line.offset);
    (1..=HIGHEST).contains(&newest)
        && last_line < HIGHEST
        && revisions.is_sorted()
        && lines.is_sorted_by(|one, next| one < next)
}
