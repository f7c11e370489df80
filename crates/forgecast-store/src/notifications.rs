//! The outbox of notifications, and what their sender has to remember. Both are written in one transaction behind the
//! commits that were queued before, so a message is never known without the facts that it is about.

use std::collections::BTreeMap;

use forgecast_protocol::rest::{Notification, NotificationState};
use forgecast_protocol::{SessionId, SessionRow, Timestamp};
use rusqlite::{Connection, Result, Row, Transaction, params};
use serde_json::Value;

use crate::error::Error;
use crate::query::sessions::readable_row;
use crate::sql::Json;
use crate::store::Store;

/// How long a notification is kept once nothing happens to it any more.
const KEPT_MS: i64 = 7 * 86_400_000;
/// How many are kept. Those that wait are removed last.
const MAX_NOTIFICATIONS: i64 = 10_000;

/// One write; those of one call are stored as a whole or not at all.
#[derive(Clone, Debug, PartialEq)]
pub enum NotificationWrite {
    /// Adds a notification, or replaces the one with its id.
    Put(Notification),
    /// Removes the notification with this id, because another one says what it said.
    Remove(String),
    /// Remembers a value, opaque here, by its key.
    Remember(String, Value),
    /// Forgets the value of a key.
    Forget(String),
}

/// What a start needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredNotifications {
    /// Those that wait to be sent, in the order in which they were made.
    pub waiting: Vec<Notification>,
    /// What was remembered, by key.
    pub memory: BTreeMap<String, Value>,
}

impl Store {
    /// Stores what became of notifications, behind everything that is queued, and removes those that are too old or too
    /// many: final ones a week after they became so, and beyond 10,000.
    ///
    /// # Errors
    /// The disk did not take it; then nothing of it is stored.
    pub async fn write_notifications(&self, writes: Vec<NotificationWrite>, now: Timestamp) -> Result<(), Error> {
        self.perform(move |db| {
            writes.iter().try_for_each(|one| write(db, one))?;
            prune(db, now)
        })
        .await
    }

    /// The notifications that wait, and what is remembered beside them.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn stored_notifications(&self) -> Result<StoredNotifications, Error> {
        self.read("reading the notifications that wait", |db| {
            let mut statement = db.prepare_cached("SELECT key, body FROM notifier")?;
            let memory = statement.query_map([], |row| {
                let Json(body) = row.get(1)?;
                Ok((row.get(0)?, body))
            })?;
            Ok(StoredNotifications {
                waiting: in_state(db, NotificationState::Waiting)?,
                memory: memory.collect::<Result<_>>()?,
            })
        })
        .await
    }

    /// The notifications that were given up, in the order in which they were made.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn dead_notifications(&self) -> Result<Vec<Notification>, Error> {
        self.read("reading dead notifications", |db| in_state(db, NotificationState::Dead))
            .await
    }

    /// The newest notifications, newest first.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn notifications(&self, limit: u32) -> Result<Vec<Notification>, Error> {
        self.read("reading notifications", move |db| {
            let mut statement = db.prepare_cached("SELECT body FROM notifications ORDER BY sequence DESC LIMIT ?1")?;
            statement.query_map([limit], notification)?.collect()
        })
        .await
    }

    /// The stored rows of these sessions, or of all sessions that need a person's notice.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn attention_rows(&self, sessions: Option<Vec<SessionId>>) -> Result<Vec<SessionRow>, Error> {
        self.read("reading who needs notice", move |db| {
            let Some(sessions) = sessions else {
                let mut statement = db.prepare_cached(
                    "SELECT row FROM sessions WHERE json_extract(row, '$.attention.seq') IS NOT NULL",
                )?;
                let rows = statement.query_map([], |row| readable_row(row, 0))?;
                return rows.filter_map(Result::transpose).collect();
            };
            let mut statement = db.prepare_cached("SELECT row FROM sessions WHERE id = ?1")?;
            let mut rows = Vec::new();
            for id in &sessions {
                for row in statement.query_map([id.to_string()], |row| readable_row(row, 0))? {
                    rows.extend(row?);
                }
            }
            Ok(rows)
        })
        .await
    }
}

fn write(db: &Connection, write: &NotificationWrite) -> Result<()> {
    let json = |error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    match write {
        NotificationWrite::Put(one) => {
            let body = serde_json::to_string(one).map_err(json)?;
            let settled_at = one.settled_at.map(Timestamp::as_millis);
            db.prepare_cached(
                "INSERT INTO notifications (id, state, settled_at, body) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET state = ?2, settled_at = ?3, body = ?4",
            )?
            .execute(params![one.id, one.state.as_ref(), settled_at, body])?;
        }
        NotificationWrite::Remove(id) => {
            db.prepare_cached("DELETE FROM notifications WHERE id = ?1")?
                .execute([id])?;
        }
        NotificationWrite::Remember(key, body) => {
            let body = serde_json::to_string(body).map_err(json)?;
            db.prepare_cached("INSERT INTO notifier VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET body = ?2")?
                .execute(params![key, body])?;
        }
        NotificationWrite::Forget(key) => {
            db.prepare_cached("DELETE FROM notifier WHERE key = ?1")?
                .execute([key])?;
        }
    }
    Ok(())
}

fn prune(db: &Transaction<'_>, now: Timestamp) -> Result<()> {
    db.prepare_cached("DELETE FROM notifications WHERE settled_at < ?1")?
        .execute([now.as_millis() - KEPT_MS])?;
    let count: i64 = db
        .prepare_cached("SELECT count(*) FROM notifications")?
        .query_row([], |row| row.get(0))?;
    if count > MAX_NOTIFICATIONS {
        db.prepare_cached(
            "DELETE FROM notifications WHERE sequence IN
             (SELECT sequence FROM notifications ORDER BY state = 'waiting', sequence LIMIT ?1)",
        )?
        .execute([count - MAX_NOTIFICATIONS])?;
    }
    Ok(())
}

fn in_state(db: &Transaction<'_>, state: NotificationState) -> Result<Vec<Notification>> {
    let mut statement = db.prepare_cached("SELECT body FROM notifications WHERE state = ?1 ORDER BY sequence")?;
    statement.query_map([state.as_ref()], notification)?.collect()
}

fn notification(row: &Row<'_>) -> Result<Notification> {
    let Json(notification) = row.get(0)?;
    Ok(notification)
}
