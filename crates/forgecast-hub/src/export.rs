//! Exports of sessions, read piece by piece: however much there is of a session, little of it is in memory at a time.

use forgecast_protocol::rest::{Exported, StoredEvent};
use forgecast_protocol::{LogLine, SessionId, SessionRef};
use forgecast_store::{From, LogQuery, Store};

use crate::error::Error;
use crate::hub::Hub;

/// Facts that are read at a time.
const EVENTS: u32 = 256;
/// Log lines that are read at a time.
const LINES: u32 = 1_000;

/// An export that is under way: what was stored when it began, facts first, then log lines. What retention removes meanwhile
/// is left out.
#[derive(Debug)]
pub struct Export {
    store: Store,
    id: SessionId,
    head: Exported,
    /// Facts after this sequence come next, up to the other one.
    after: u64,
    newest: u64,
    /// Lines from this number on come next, up to the other one.
    line: u64,
    end: u64,
}

impl Hub {
    /// Begins to export a session. `None` when there is no such session.
    ///
    /// # Errors
    /// The store failed.
    pub async fn begin_export(&self, session: &SessionRef) -> Result<Option<Export>, Error> {
        let Some(id) = self.find(session).await? else {
            return Ok(None);
        };
        self.settle().await;
        let store = self.shared.store.clone();
        let head = store.export_head(&id).await.map_err(Error::store("export a session"))?;
        Ok(head.map(|(head, newest, end)| Export {
            store,
            id,
            head,
            after: 0,
            newest,
            line: 0,
            end,
        }))
    }

    /// Everything that is stored of a session, at once. `None` when there is no such session.
    ///
    /// # Errors
    /// The store failed.
    pub async fn export(&self, session: &SessionRef) -> Result<Option<Exported>, Error> {
        let Some(mut export) = self.begin_export(session).await? else {
            return Ok(None);
        };
        let mut whole = export.head().clone();
        loop {
            let events = export.next_events().await?;
            if events.is_empty() {
                break;
            }
            whole.events.extend(events);
        }
        loop {
            let lines = export.next_lines().await?;
            if lines.is_empty() {
                return Ok(Some(whole));
            }
            whole.log.extend(lines);
        }
    }
}

impl Export {
    /// Everything but facts and log lines, which are empty in it.
    #[must_use]
    pub fn head(&self) -> &Exported {
        &self.head
    }

    /// The next facts; empty when there are no more.
    ///
    /// # Errors
    /// The store failed.
    pub async fn next_events(&mut self) -> Result<Vec<StoredEvent>, Error> {
        if self.after >= self.newest {
            return Ok(Vec::new());
        }
        let page = self.store.events_after(&self.id, self.after, EVENTS).await;
        let mut page = page.map_err(Error::store("export the facts of a session"))?;
        self.after = page.last().map_or(self.newest, |last| last.sequence);
        page.retain(|stored| stored.sequence <= self.newest);
        Ok(page)
    }

    /// The next log lines; empty when there are no more.
    ///
    /// # Errors
    /// The store failed.
    pub async fn next_lines(&mut self) -> Result<Vec<LogLine>, Error> {
        if self.line >= self.end {
            return Ok(Vec::new());
        }
        let query = LogQuery {
            from: From::Offset(self.line),
            limit: LINES,
            level: None,
            text: None,
        };
        let page = self.store.log(&self.id, query).await;
        let mut lines = page.map_err(Error::store("export the log of a session"))?.lines;
        self.line = lines.last().map_or(self.end, |last| last.offset + 1);
        lines.retain(|line| line.offset < self.end);
        Ok(lines)
    }
}
