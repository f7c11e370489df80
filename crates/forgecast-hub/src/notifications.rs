//! What whoever calls a person needs of the hub: which rows changed, which rows are stored, and the outbox beside them.

use forgecast_protocol::rest::Notification;
use forgecast_protocol::{SessionId, SessionRow, Timestamp, Topic};
use forgecast_store::{NotificationWrite, StoredNotifications};

use crate::error::Error;
use crate::hub::Hub;
use crate::subscription::{Source, Subscription};

impl Hub {
    /// Follows the index from its newest state, for a part of this process: it does not count as a viewer.
    #[must_use]
    pub fn follow_index(&self) -> Subscription {
        let topic = self.shared.index.clone();
        let cursor = topic.cursor(None);
        Subscription::uncounted(Topic::Sessions, Source::State { topic, cursor })
    }

    /// The rows of these sessions as they are on the disk, after everything that was published before has reached it; or
    /// of all sessions that need a person's notice. A session that is gone has none.
    ///
    /// # Errors
    /// The disk did not finish in time, the store cannot be read, or the hub has stopped.
    pub async fn stored_rows(&self, sessions: Option<Vec<SessionId>>) -> Result<Vec<SessionRow>, Error> {
        self.flush().await?;
        let rows = self.shared.store.attention_rows(sessions).await;
        rows.map_err(Error::store("read who needs notice"))
    }

    /// The notifications that wait, and what is remembered beside them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn stored_notifications(&self) -> Result<StoredNotifications, Error> {
        let stored = self.shared.store.stored_notifications().await;
        stored.map_err(Error::store("read the notifications that wait"))
    }

    /// The newest notifications, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn notifications(&self, limit: u32) -> Result<Vec<Notification>, Error> {
        let newest = self.shared.store.notifications(limit).await;
        newest.map_err(Error::store("read the notifications"))
    }

    /// The notifications that were given up.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn dead_notifications(&self) -> Result<Vec<Notification>, Error> {
        let dead = self.shared.store.dead_notifications().await;
        dead.map_err(Error::store("read dead notifications"))
    }

    /// Stores what became of notifications, as a whole or not at all.
    ///
    /// # Errors
    /// The disk did not take it.
    pub async fn write_notifications(&self, writes: Vec<NotificationWrite>, now: Timestamp) -> Result<(), Error> {
        let written = self.shared.store.write_notifications(writes, now).await;
        written.map_err(Error::store("store notifications"))
    }
}
