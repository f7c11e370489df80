//! The handle to the running notifier: what the HTTP server asks it for.

use std::sync::Arc;

use forgecast_hub::Hub;
use forgecast_protocol::Timestamp;
use forgecast_protocol::rest::{Notification, NotificationTarget, Notifications};
use tokio::sync::{mpsc, oneshot};

use crate::target::Options;

/// Why the notifier does not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Hub(#[from] forgecast_hub::Error),
    /// It is stopping, or it could not start.
    #[error("the notifier has stopped")]
    Stopped,
}

/// What the task is asked for.
pub(crate) enum Command {
    Describe(
        Vec<NotificationTarget>,
        oneshot::Sender<(Vec<NotificationTarget>, Option<Timestamp>)>,
    ),
    /// Milliseconds.
    Silence(i64, oneshot::Sender<Option<Timestamp>>),
    Test(usize, oneshot::Sender<Notification>),
    Retry(Option<String>, oneshot::Sender<Result<u32, forgecast_hub::Error>>),
}

/// A handle to the running notifier, cheap to clone.
#[derive(Clone)]
pub struct Notifier {
    pub(crate) hub: Hub,
    pub(crate) options: Arc<Options>,
    pub(crate) commands: mpsc::Sender<Command>,
}

impl Notifier {
    /// The targets, and the newest `limit` messages.
    ///
    /// # Errors
    /// The store cannot be read, or the notifier has stopped.
    pub async fn overview(&self, limit: u32) -> Result<Notifications, Error> {
        let configured = self.options.targets.iter().map(|target| NotificationTarget {
            name: target.name.clone(),
            kind: target.channel.kind(),
            host: target.channel.endpoint().map(|endpoint| endpoint.host().to_owned()),
            events: target.rules.events.iter().copied().collect(),
            your_turn: target.rules.your_turn,
            projects: target.rules.projects.clone(),
            quiet: target.rules.quiet.map(|quiet| quiet.to_string()),
            resolved: target.resolved,
            include_text: target.include_text,
            waiting: 0,
            failures: 0,
            next_attempt_at: None,
            disabled: None,
        });
        let configured = configured.collect();
        let (targets, silenced_until) = self.ask(|reply| Command::Describe(configured, reply)).await?;
        Ok(Notifications {
            targets,
            silenced_until,
            notifications: self.hub.notifications(limit).await?,
        })
    }

    /// Sends nothing for so many seconds; 0 ends a silence. Returns its end.
    ///
    /// # Errors
    /// The notifier has stopped.
    pub async fn silence(&self, seconds: u32) -> Result<Option<Timestamp>, Error> {
        self.ask(|reply| Command::Silence(i64::from(seconds) * 1_000, reply))
            .await
    }

    /// Sends a test message at once and waits for what becomes of it. None when there is no such target.
    ///
    /// # Errors
    /// The notifier has stopped.
    pub async fn test(&self, target: &str) -> Result<Option<Notification>, Error> {
        let Some(at) = self.place_of(target) else {
            return Ok(None);
        };
        self.ask(|reply| Command::Test(at, reply)).await.map(Some)
    }

    /// Enables one target or all of them, and attempts at once what waits and what was given up and is still needed. Returns
    /// how many messages that are; none when there is no such target.
    ///
    /// # Errors
    /// The store cannot be read, or the notifier has stopped.
    pub async fn retry(&self, target: Option<&str>) -> Result<Option<u32>, Error> {
        if target.is_some_and(|target| self.place_of(target).is_none()) {
            return Ok(None);
        }
        let target = target.map(str::to_owned);
        Ok(Some(self.ask(|reply| Command::Retry(target, reply)).await??))
    }

    fn place_of(&self, target: &str) -> Option<usize> {
        self.options.targets.iter().position(|known| known.name == target)
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| Error::Stopped)?;
        answer.await.map_err(|_| Error::Stopped)
    }
}
