//! Access to sessions for commands: through the server that runs on this machine, else through a hub of the command's own,
//! which has read the files once if the command is about what they say.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use forgecast_decode::clean::Cleaner;
use forgecast_decode::push;
use forgecast_hub::{Hub, ImportOutcome};
use forgecast_protocol::health::SourceHealth;
use forgecast_protocol::rest::{
    EventPage, Exported, ImportReceipt, LimitsReport, PushReceipt, Rejection, SessionList, SessionsQuery,
};
use forgecast_protocol::session::{SessionRow, SourceOfState};
use forgecast_protocol::{SessionRef, SessionView};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::Context;
use crate::cli::SourceArgs;
use crate::client::Client;
use crate::config::{Config, Provenance, key};
use crate::pipeline::{self, Pipeline, RunningHub};
use crate::runtime_file::{self, Running};
use crate::terminal::{self, Progress, Unit, counted};

/// How long the sources may take to read everything.
const SCAN_LIMIT: Duration = Duration::from_secs(60);
/// Rows per page, the most that the server allows.
const PAGE: u32 = 1_000;

/// A running server, or a hub of our own.
pub(crate) enum SessionClient {
    /// A running server.
    Remote(Client),
    /// A hub that lives as long as this command.
    Local(Box<LocalHub>),
}

/// A hub with the runtime that it runs on.
pub(crate) struct LocalHub {
    runtime: Runtime,
    hub: Hub,
    backing: Backing,
}

/// What a local hub is stopped with.
enum Backing {
    /// Sources that have read the files once.
    Sources(Pipeline),
    /// The store alone.
    Store(RunningHub),
}

impl LocalHub {
    /// On this database, or a temporary one, with everything that the files say.
    fn with_sources(config: &Config, db: Option<PathBuf>) -> Result<Self> {
        let runtime = Runtime::new().context("cannot start the runtime")?;
        let pipeline = runtime.block_on(async {
            let mut pipeline = Pipeline::start(config, db).await?;
            let reading = tokio::select! {
                settled = pipeline::settled(&pipeline.hub, pipeline.health.clone(), SCAN_LIMIT) => Some(settled),
                () = show(pipeline.health.clone()) => None,
            };
            if reading == Some(true) {
                return Ok(pipeline);
            }
            pipeline.stop().await;
            bail!(
                "reading {} folders took longer than {} s",
                config.roots.len(),
                SCAN_LIMIT.as_secs()
            )
        })?;
        warn_of(&pipeline.running);
        let roots = pipeline.health.borrow().roots.clone();
        for message in roots.iter().filter_map(|root| root.message.as_deref()) {
            terminal::warn(message);
        }
        let hub = pipeline.hub.clone();
        let backing = Backing::Sources(pipeline);
        Ok(Self { runtime, hub, backing })
    }

    /// On this database alone: no file is read or watched.
    fn of_store(config: &Config, db: PathBuf) -> Result<Self> {
        let runtime = Runtime::new().context("cannot start the runtime")?;
        let running = runtime.block_on(RunningHub::start(config, Some(db)))?;
        warn_of(&running);
        let hub = running.hub.clone();
        let backing = Backing::Store(running);
        Ok(Self { runtime, hub, backing })
    }
}

impl Drop for LocalHub {
    /// Commits what was read.
    fn drop(&mut self) {
        match &mut self.backing {
            Backing::Sources(pipeline) => self.runtime.block_on(pipeline.stop()),
            Backing::Store(running) => self.runtime.block_on(running.stop()),
        }
    }
}

/// Says what is wrong with the database.
fn warn_of(running: &RunningHub) {
    for notice in &running.notices {
        terminal::warn(notice);
    }
}

/// Shows how much was read, while this is awaited.
async fn show(mut health: watch::Receiver<SourceHealth>) {
    let progress = Progress::of("reading", Unit::Unknown);
    while health.changed().await.is_ok() {
        let (files, projects) = {
            let health = health.borrow_and_update();
            (health.reads, health.projects)
        };
        progress.say(&format!("{}, {}", counted(files, "file"), counted(projects, "project")));
    }
}

/// Which database a command uses if no server runs.
#[derive(Clone, Copy)]
pub(crate) enum Database {
    /// The one that is configured. If it does not exist or is in use, a temporary one, so that reading leaves nothing
    /// behind.
    ToRead,
    /// The one that is configured, which must exist.
    Existing,
    /// The one that is configured, which is created if it does not exist. Nothing else is read: the command adds to it.
    ToAdd,
}

/// The running server: the one on the configured database, else any unless the database was configured explicitly.
pub(crate) fn running(context: &Context, config: &Config) -> Option<Running> {
    let named = config.provenance(key!(db)) != Provenance::Default;
    let folder = context.environment.runtime_folder();
    runtime_file::find(&folder, &config.db, named, |running| Client::answers(&running.url))
}

/// A client for the running server.
pub(crate) fn server(context: &Context, config: &Config) -> Option<Client> {
    running(context, config).as_ref().map(Client::of)
}

/// The running server that watches the same transcripts.
pub(crate) fn watching(context: &Context, config: &Config) -> Option<Running> {
    let transcripts = pipeline::transcripts(config);
    let folder = context.environment.runtime_folder();
    runtime_file::find(&folder, &config.db, false, |running| {
        running.transcripts == transcripts && Client::answers(&running.url)
    })
}

impl SessionClient {
    /// Uses the running server, else a local hub on this database.
    ///
    /// # Errors
    /// The configuration is wrong, or the database or the sources cannot be opened.
    pub(crate) fn open(context: &Context, args: &SourceArgs, database: Database) -> Result<Self> {
        let config = context.configure(args.flags())?;
        if let Some(client) = server(context, &config) {
            return Ok(Self::Remote(client));
        }
        let db = config.db.clone();
        let local = match database {
            Database::ToRead if !db.exists() => LocalHub::with_sources(&config, None),
            Database::Existing if !db.exists() => {
                bail!("there is no database {}; name another with --db", db.display())
            }
            Database::ToAdd => LocalHub::of_store(&config, db),
            Database::ToRead | Database::Existing => LocalHub::with_sources(&config, Some(db)),
        };
        let local = match (local, database) {
            // In use by a server that does not answer, or that runs with another runtime folder.
            (Err(error), Database::ToRead)
                if matches!(error.downcast_ref(), Some(forgecast_store::Error::InUse { .. })) =>
            {
                LocalHub::with_sources(&config, None)
            }
            (local, _) => local,
        };
        Ok(Self::Local(Box::new(local?)))
    }

    /// All rows, most recent work first.
    ///
    /// # Errors
    /// The server or the store fails.
    pub(crate) fn rows(&self) -> Result<Vec<SessionRow>> {
        let mut rows = Vec::new();
        let mut query = SessionsQuery {
            limit: PAGE,
            ..SessionsQuery::default()
        };
        loop {
            let page = match self {
                Self::Remote(client) => {
                    let after = query.cursor.map(|cursor| format!("&cursor={cursor}"));
                    let path = format!("/api/v1/sessions?limit={PAGE}{}", after.unwrap_or_default());
                    client.get(&path)?.context("the server has no list of sessions")?
                }
                Self::Local(local) => local.runtime.block_on(local.hub.rows(query.clone()))?,
            };
            let SessionList { sessions, next_cursor } = page;
            rows.extend(sessions);
            query.cursor = next_cursor;
            if query.cursor.is_none() {
                return Ok(rows);
            }
        }
    }

    /// The session that is meant: what lists show of an agent's id stands for all of it.
    ///
    /// # Errors
    /// Several sessions are meant, or the server or the store fails.
    pub(crate) fn meant(&self, session: &SessionRef) -> Result<SessionRef> {
        let SessionRef::Newest(name) = session else {
            return Ok(session.clone());
        };
        if !terminal::is_short_id(name.as_str()) {
            return Ok(session.clone());
        }
        let rows = self.rows()?;
        let is_meant = |row: &&SessionRow| {
            row.source == SourceOfState::Transcript && row.id.name().as_str().starts_with(name.as_str())
        };
        let ids: BTreeSet<&str> = rows.iter().filter(is_meant).map(|row| row.id.name().as_str()).collect();
        let is_whole = rows.iter().any(|row| row.id.name() == name);
        match ids.first() {
            Some(_) if ids.len() > 1 && !is_whole => bail!("several sessions begin with {name}; name more of the id"),
            Some(id) if !is_whole => Ok(id.parse()?),
            _ => Ok(session.clone()),
        }
    }

    /// The view of a session as JSON.
    ///
    /// # Errors
    /// There is no such session, or the server or the store fails.
    pub(crate) fn view_json(&self, session: &SessionRef) -> Result<Vec<u8>> {
        let json = match self {
            Self::Remote(client) => client.bytes(&format!("/api/v1/sessions/{session}"))?,
            Self::Local(local) => {
                let view = local.runtime.block_on(local.hub.view(session))?;
                view.map(|state| state.json.to_vec())
            }
        };
        json.with_context(|| unknown(session))
    }

    /// The view of a session.
    ///
    /// # Errors
    /// There is no such session, or the server or the store fails.
    pub(crate) fn view(&self, session: &SessionRef) -> Result<SessionView> {
        serde_json::from_slice(&self.view_json(session)?)
            .context("the session's state cannot be read; is the server of another version?")
    }

    /// How much of each plan is used up. A server that does not know yet has no windows.
    ///
    /// # Errors
    /// The server fails.
    pub(crate) fn limits(&self) -> Result<LimitsReport> {
        match self {
            Self::Remote(client) => Ok(client.get("/api/v1/limits")?.unwrap_or_default()),
            Self::Local(local) => Ok(local.hub.limits()),
        }
    }

    /// Calls `each` with every message about a session until the server ends or takes it away.
    ///
    /// # Errors
    /// There is no such session or no server, the server cannot be reached, and the errors of `each`.
    pub(crate) fn follow(&self, session: &SessionRef, each: impl FnMut(&str) -> Result<()>) -> Result<()> {
        let Self::Remote(client) = self else {
            bail!("only a running server can be followed");
        };
        if client.follow(&format!("/api/v1/sessions/{session}/live"), each)? {
            Ok(())
        } else {
            bail!(unknown(session))
        }
    }

    /// One session as self-contained JSON.
    ///
    /// # Errors
    /// There is no such session, or the server or the store fails.
    pub(crate) fn export(&self, session: &SessionRef) -> Result<Vec<u8>> {
        let json = match self {
            Self::Remote(client) => client.bytes(&format!("/api/v1/sessions/{session}/export"))?,
            Self::Local(local) => {
                let exported = local.runtime.block_on(local.hub.export(session))?;
                exported.map(|exported| serde_json::to_vec(&exported)).transpose()?
            }
        };
        json.with_context(|| unknown(session))
    }

    /// Deletes a session. Returns whether there was one.
    ///
    /// # Errors
    /// The server or the store fails.
    pub(crate) fn forget(&self, session: &SessionRef) -> Result<bool> {
        match self {
            Self::Remote(client) => client.delete(&format!("/api/v1/sessions/{session}")),
            Self::Local(local) => Ok(local.runtime.block_on(local.hub.forget(session))?),
        }
    }

    /// Sends envelopes, as in `POST /api/v1/events`; accepted facts are durable.
    ///
    /// # Errors
    /// The envelopes were neither accepted nor rejected; sending them again is safe.
    pub(crate) fn push(&self, body: &[u8], cleaner: &Cleaner) -> Result<PushReceipt> {
        match self {
            Self::Remote(client) => {
                let answer: Result<PushReceipt, String> = client.post("/api/v1/events", body)?;
                // The server rejected all of them, and names the first reason.
                Ok(answer.unwrap_or_else(|why| all_rejected(body, &why)))
            }
            Self::Local(local) => {
                let pushed = push::envelopes(body, cleaner, forgecast_ingest::system_clock().now())?;
                let receipt = local.runtime.block_on(local.hub.push(pushed.batch))?;
                let unread = pushed.rejected.into_iter().map(|one| Rejection {
                    index: one.index,
                    problem: one.why,
                });
                let unwanted = receipt.rejected.into_iter().map(|one| Rejection {
                    index: pushed.envelope_of.get(one.index).copied().unwrap_or(one.index),
                    problem: <&str>::from(one.reason).replace('_', " "),
                });
                Ok(PushReceipt {
                    accepted: receipt.accepted,
                    duplicates: receipt.duplicates,
                    rejected: unread.chain(unwanted).collect(),
                })
            }
        }
    }

    /// The id of a session's first fact: `None` if there is no such session or no fact, `Some(None)` if the fact has no id.
    ///
    /// # Errors
    /// The server or the store fails.
    pub(crate) fn first_fact(&self, session: &SessionRef) -> Result<Option<Option<String>>> {
        let events = match self {
            Self::Remote(client) => {
                let facts: Option<EventPage> = client.get(&format!("/api/v1/sessions/{session}/events?limit=1"))?;
                facts.map(|facts| facts.events).unwrap_or_default()
            }
            Self::Local(local) => {
                let events = local.runtime.block_on(local.hub.events(session, 0, 1))?;
                events.unwrap_or_default()
            }
        };
        let first = events.into_iter().next();
        Ok(first.map(|first| first.event.id.map(|id| id.as_str().to_owned())))
    }

    /// Imports an exported session. Returns its id here and whether it is new, or why it was rejected.
    ///
    /// # Errors
    /// The server or the store fails.
    pub(crate) fn import_session(&self, exported: Exported) -> Result<Result<(String, bool), String>> {
        match self {
            Self::Remote(client) => {
                let answer: Result<ImportReceipt, String> =
                    client.post("/api/v1/import", &serde_json::to_vec(&exported)?)?;
                Ok(answer.map(|receipt| (receipt.session.to_string(), receipt.new)))
            }
            Self::Local(local) => Ok(match local.runtime.block_on(local.hub.import_session(exported))? {
                ImportOutcome::New(id) => Ok((id.to_string(), true)),
                ImportOutcome::Known(id) => Ok((id.to_string(), false)),
                ImportOutcome::Refused(why) => Err(why.to_string()),
            }),
        }
    }
}

/// The receipt of a push of which nothing was accepted.
fn all_rejected(body: &[u8], why: &str) -> PushReceipt {
    let envelopes: Vec<serde::de::IgnoredAny> = serde_json::from_slice(body).unwrap_or_default();
    let rejected = |index| Rejection {
        index,
        problem: why.to_owned(),
    };
    PushReceipt {
        rejected: (0..envelopes.len()).map(rejected).collect(),
        ..PushReceipt::default()
    }
}

/// The message that there is no such session.
pub(crate) fn unknown(session: &SessionRef) -> String {
    format!("there is no session {session}; `forgecast sessions` lists the sessions")
}
