//! Imports sessions that were exported elsewhere, as they are: their facts are stored with their own times and revisions
//! and folded as after a restart, so that view and log are the same as there. Nothing is folded into a session that exists
//! here already.

use forgecast_protocol::{Revision, SessionId};
use forgecast_store::{Commit, Exported, StoredSession, Write};

use crate::command::{Command, ImportedSession};
use crate::error::Error;
use crate::history::restore;
use crate::hub::Hub;

/// No revision and no line number comes near it, and no database can hold a higher one.
const HIGHEST: u64 = i64::MAX as u64;

/// The result of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// The session is here now, durably, under this id.
    New(SessionId),
    /// The session was here already, under this id; nothing was changed.
    Known(SessionId),
    /// The session cannot be imported: why.
    Refused(Refusal),
}

/// Why a session cannot be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There are as many sessions as there may be.
    #[error("there are as many sessions as there may be; forget some, or raise sessions.max")]
    TooMany,
    /// It has no facts.
    #[error("it holds no facts, so there is no session to be made of it")]
    Empty,
    /// Its revisions do not grow from fact to fact, or lead to no state at all, or its log lines are not in order.
    #[error("its facts or log lines are not in their order; it was changed since it was exported")]
    Disordered,
    /// All of its facts are here, under their ids, as facts of other sessions.
    #[error("its facts are here already, as those of another session")]
    Taken,
}

impl Hub {
    /// Stores an exported session and shows it; returns when it is durable. Its id is kept unless another session has it:
    /// then it becomes the next run of the name. What it used is part of its view, but not of the reports over all
    /// sessions: these are made from calls, which an export does not hold.
    ///
    /// # Errors
    /// The store failed, or the hub is stopping.
    pub async fn import_session(&self, exported: Exported) -> Result<ImportOutcome, Error> {
        if exported.events.is_empty() {
            return Ok(ImportOutcome::Refused(Refusal::Empty));
        }
        if !is_ordered(&exported) {
            return Ok(ImportOutcome::Refused(Refusal::Disordered));
        }
        if let Some(known) = self.known(&exported).await? {
            return Ok(ImportOutcome::Known(known));
        }
        // One that left memory has its id all the same.
        self.find(&exported.session.id.clone().into()).await?;
        let session = exported.session.clone();
        let slot = self.ask(|reply| Command::ReserveSlot { session, reply }).await?;
        let Some(session) = slot else {
            return Ok(ImportOutcome::Refused(Refusal::TooMany));
        };
        let id = session.id.clone();
        let (imported, outcome) = match self.store_imported(session, exported).await {
            Ok(Some(imported)) => (Some(Box::new(imported)), Ok(ImportOutcome::New(id.clone()))),
            Ok(None) => (None, Ok(ImportOutcome::Refused(Refusal::Taken))),
            Err(error) => (None, Err(error)),
        };
        self.send(Command::FinishImport { id, imported }).await?;
        outcome
    }

    /// The run of the same name that began with the very same fact.
    async fn known(&self, exported: &Exported) -> Result<Option<SessionId>, Error> {
        let first = exported.events.first().map(|stored| &stored.event);
        let name = exported.session.id.name();
        let newest = self.shared.registry().newest_run(name);
        self.settle().await;
        for run in 1..=newest {
            let id = name.run(run);
            let page = self.shared.store.events_after(&id, 0, 1).await;
            let page = page.map_err(Error::store("compare an imported session with those that are here"))?;
            if page.first().map(|stored| &stored.event) == first {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Returns `None`, with nothing stored, when none of its facts was new.
    async fn store_imported(
        &self,
        session: StoredSession,
        exported: Exported,
    ) -> Result<Option<ImportedSession>, Error> {
        let failed = Error::store("store an imported session");
        let id = session.id.clone();
        let next_line = exported.log.last().map_or(0, |line| line.offset.saturating_add(1));
        let newest: Revision = exported.events.last().map_or(0, |stored| stored.revision);
        let mut writes = vec![Write::Session(session.clone())];
        writes.extend(exported.events.into_iter().map(|stored| Write::Event {
            session: id.clone(),
            revision: stored.revision,
            event: stored.event,
        }));
        if !exported.log.is_empty() {
            writes.push(Write::Log {
                session: id.clone(),
                key: None,
                lines: exported.log,
            });
        }
        self.shared.store.commit(Commit { writes }).await.map_err(failed)?;
        let restored = restore(&self.shared, &id, None).await?;
        // A fact is stored once, under the first session that has it.
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
        Ok(Some(ImportedSession {
            session,
            row,
            next_line,
        }))
    }
}

fn is_ordered(exported: &Exported) -> bool {
    let revisions = exported.events.iter().map(|stored| stored.revision);
    let lines = exported.log.iter().map(|line| line.offset);
    // The first state of a session has the revision 1: facts that led to no state make none.
    let newest = exported.events.last().map_or(0, |stored| stored.revision);
    let last_line = exported.log.last().map_or(0, |line| line.offset);
    (1..=HIGHEST).contains(&newest)
        && last_line < HIGHEST
        && revisions.is_sorted()
        && lines.is_sorted_by(|one, next| one < next)
}
