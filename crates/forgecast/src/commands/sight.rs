//! Where a command looks: at the server that runs on this machine, else once by itself with a pipe of its own.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use forgecast_decode::clean::Cleaner;
use forgecast_decode::push;
use forgecast_hub::query::RowQuery;
use forgecast_hub::{Exported, ImportOutcome};
use forgecast_protocol::session::SessionRow;
use forgecast_protocol::{SessionRef, SessionView};
use forgecast_store::StoredEvent;
use serde::Deserialize;
use tokio::runtime::Runtime;

use super::Context;
use crate::cli::SourceArgs;
use crate::client::Client;
use crate::config::{Config, Provenance, key};
use crate::pipeline::{self, Pipeline};
use crate::runtime_file::{self, Running};

/// How long a look by ourselves may take.
const LOOK: Duration = Duration::from_secs(60);
/// Rows in a page: as many as there may be.
const PAGE: u32 = 1_000;

/// What can be asked about sessions.
pub(crate) enum Sight {
    /// A running server.
    Server(Client),
    /// A pipe of our own, opened for this one question.
    Own(Box<Own>),
}

/// See [`Sight::Own`].
pub(crate) struct Own {
    runtime: Runtime,
    pipeline: Pipeline,
}

impl Own {
    fn open(config: &Config, db: Option<PathBuf>) -> Result<Self> {
        let runtime = Runtime::new().context("cannot start the runtime")?;
        let pipeline = runtime.block_on(async {
            let pipeline = Pipeline::start(config, db, &forgecast_ingest::system_clock()).await?;
            if pipeline::settled(&pipeline.hub, pipeline.health.clone(), LOOK).await {
                return Ok(pipeline);
            }
            pipeline.stop().await;
            bail!(
                "looking at {} folders took longer than {} s",
                config.roots.len(),
                LOOK.as_secs()
            )
        })?;
        Ok(Self { runtime, pipeline })
    }
}

fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(forgecast_store::Error::InUse { .. }))
}

#[derive(Deserialize)]
struct Page {
    sessions: Vec<SessionRow>,
    next_cursor: Option<String>,
}

/// What became of envelopes.
pub(crate) struct Taken {
    /// Facts that are stored now.
    pub(crate) accepted: u64,
    /// Facts that were known.
    pub(crate) duplicates: u64,
    /// Envelopes that were refused: place and reason.
    pub(crate) rejected: Vec<(usize, String)>,
}

impl Taken {
    fn refused(body: &[u8], why: &str) -> Self {
        let envelopes: Vec<serde::de::IgnoredAny> = serde_json::from_slice(body).unwrap_or_default();
        Self {
            accepted: 0,
            duplicates: 0,
            rejected: (0..envelopes.len()).map(|index| (index, why.to_owned())).collect(),
        }
    }
}

#[derive(Deserialize)]
struct Receipt {
    accepted: u64,
    duplicates: u64,
    rejected: Vec<Rejection>,
}

#[derive(Deserialize)]
struct Rejection {
    index: usize,
    problem: String,
}

#[derive(Deserialize)]
struct Arrival {
    session: String,
    new: bool,
}

#[derive(Deserialize)]
struct Facts {
    events: Vec<StoredEvent>,
}

/// The server that runs: the one on the database that was named, else any.
pub(crate) fn running(context: &Context, config: &Config) -> Option<Running> {
    let named = config.provenance(key!(db)) != Provenance::Default;
    let folder = context.environment.runtime_folder();
    runtime_file::find(&folder, &config.db, named, |running| Client::answers(&running.url))
}

/// The same, to ask it.
pub(crate) fn server(context: &Context, config: &Config) -> Option<Client> {
    running(context, config).as_ref().map(Client::of)
}

impl Sight {
    /// Finds a server, or looks for ourselves: on the database when there is one that nobody holds, else on a temporary
    /// one, so that looking leaves nothing behind.
    ///
    /// # Errors
    /// What the configuration, the database or the sources refuse.
    pub(crate) fn open(context: &Context, args: &SourceArgs) -> Result<Self> {
        let config = context.configure(args.flags())?;
        if let Some(client) = server(context, &config) {
            return Ok(Self::Server(client));
        }
        let db = Some(config.db.clone()).filter(|db| db.exists());
        match Own::open(&config, db) {
            // By a server that does not answer, or that another user's runtime folder knows.
            Err(error) if is_in_use(&error) => Own::open(&config, None),
            other => other,
        }
        .map(|own| Self::Own(Box::new(own)))
    }

    /// Finds a server, or opens the database itself, which must be there: for what changes it.
    ///
    /// # Errors
    /// There is no database, and what the configuration, the database or the sources refuse.
    pub(crate) fn open_stored(context: &Context, args: &SourceArgs) -> Result<Self> {
        let config = context.configure(args.flags())?;
        if let Some(client) = server(context, &config) {
            return Ok(Self::Server(client));
        }
        let db = config.db.clone();
        if !db.exists() {
            bail!(
                "nothing is stored: there is no database {}; name another one with --db",
                db.display()
            );
        }
        Own::open(&config, Some(db)).map(|own| Self::Own(Box::new(own)))
    }

    /// The same on a database that is made when there is none.
    ///
    /// # Errors
    /// What the configuration, the database or the sources refuse.
    pub(crate) fn open_or_make(context: &Context, args: &SourceArgs) -> Result<Self> {
        let config = context.configure(args.flags())?;
        if let Some(client) = server(context, &config) {
            return Ok(Self::Server(client));
        }
        Own::open(&config, Some(config.db.clone())).map(|own| Self::Own(Box::new(own)))
    }

    /// All rows, newest work first.
    ///
    /// # Errors
    /// What the server or the store answers.
    pub(crate) fn rows(&self) -> Result<Vec<SessionRow>> {
        let mut rows = Vec::new();
        match self {
            Self::Server(client) => {
                let mut cursor = None;
                loop {
                    let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
                    let page: Page = client
                        .get(&format!("/api/v1/sessions?limit={PAGE}{after}"))?
                        .context("the server has no list of sessions")?;
                    rows.extend(page.sessions);
                    cursor = page.next_cursor;
                    if cursor.is_none() {
                        return Ok(rows);
                    }
                }
            }
            Self::Own(own) => own.runtime.block_on(async {
                let mut query = RowQuery {
                    limit: PAGE,
                    ..RowQuery::default()
                };
                loop {
                    let page = own.pipeline.hub.rows(query.clone()).await?;
                    rows.extend(page.rows);
                    query.cursor = page.next_cursor;
                    if query.cursor.is_none() {
                        return Ok(rows);
                    }
                }
            }),
        }
    }

    /// The view of a session as JSON.
    ///
    /// # Errors
    /// There is no such session, and what the server or the store answers.
    pub(crate) fn view_json(&self, session: &SessionRef) -> Result<Vec<u8>> {
        let json = match self {
            Self::Server(client) => client.bytes(&format!("/api/v1/sessions/{session}"))?,
            Self::Own(own) => {
                let view = own.runtime.block_on(own.pipeline.hub.view(session))?;
                view.map(|state| state.json.to_vec())
            }
        };
        json.with_context(|| unknown(session))
    }

    /// The view of a session.
    ///
    /// # Errors
    /// As [`Sight::view_json`].
    pub(crate) fn view(&self, session: &SessionRef) -> Result<SessionView> {
        serde_json::from_slice(&self.view_json(session)?).context("the view has another shape than expected")
    }

    /// One session as self-contained JSON.
    ///
    /// # Errors
    /// There is no such session, and what the server or the store answers.
    pub(crate) fn export(&self, session: &SessionRef) -> Result<Vec<u8>> {
        let json = match self {
            Self::Server(client) => client.bytes(&format!("/api/v1/sessions/{session}/export"))?,
            Self::Own(own) => {
                let exported = own.runtime.block_on(own.pipeline.hub.export(session))?;
                exported.map(|exported| serde_json::to_vec(&exported)).transpose()?
            }
        };
        json.with_context(|| unknown(session))
    }

    /// Removes a session; `false` when there was none.
    ///
    /// # Errors
    /// What the server or the store answers.
    pub(crate) fn forget(&self, session: &SessionRef) -> Result<bool> {
        match self {
            Self::Server(client) => client.delete(&format!("/api/v1/sessions/{session}")),
            Self::Own(own) => Ok(own.runtime.block_on(own.pipeline.hub.forget(session))?),
        }
    }

    /// Hands over envelopes, as in `POST /api/v1/events`; what was taken is durable.
    ///
    /// # Errors
    /// Nobody took them, and nobody refused them: sending them again is safe.
    pub(crate) fn push(&self, body: &[u8], cleaner: &Cleaner) -> Result<Taken> {
        match self {
            Self::Server(client) => client.post("/api/v1/events", body).map(|answer| match answer {
                Ok(Receipt {
                    accepted,
                    duplicates,
                    rejected,
                }) => Taken {
                    accepted,
                    duplicates,
                    rejected: rejected.into_iter().map(|one| (one.index, one.problem)).collect(),
                },
                // Nothing of it was taken; the server names the first reason.
                Err(why) => Taken::refused(body, &why),
            }),
            Self::Own(own) => {
                let pushed = push::envelopes(body, cleaner, forgecast_ingest::system_clock().now())?;
                let receipt = own.runtime.block_on(own.pipeline.hub.push(pushed.batch))?;
                let unread = pushed.rejected.into_iter().map(|one| (one.index, one.why));
                let unwanted = receipt.rejected.into_iter().map(|one| {
                    let index = pushed.envelope_of.get(one.index).copied().unwrap_or(one.index);
                    (index, one.reason.as_str().replace('_', " "))
                });
                Ok(Taken {
                    accepted: receipt.accepted,
                    duplicates: receipt.duplicates,
                    rejected: unread.chain(unwanted).collect(),
                })
            }
        }
    }

    /// The id of the first fact that is known of a session: none when there is no such session or no fact; an empty one
    /// when that fact has no id.
    ///
    /// # Errors
    /// What the server or the store answers.
    pub(crate) fn first_fact(&self, session: &SessionRef) -> Result<Option<Option<String>>> {
        let events = match self {
            Self::Server(client) => {
                let facts: Option<Facts> = client.get(&format!("/api/v1/sessions/{session}/events?limit=1"))?;
                facts.map(|facts| facts.events).unwrap_or_default()
            }
            Self::Own(own) => {
                let events = own.runtime.block_on(own.pipeline.hub.events(session, 0, 1))?;
                events.unwrap_or_default()
            }
        };
        let first = events.into_iter().next();
        Ok(first.map(|first| first.event.id.map(|id| id.as_str().to_owned())))
    }

    /// Brings an exported session in: the id that it has here and whether it is new, or why it is refused.
    ///
    /// # Errors
    /// What the server or the store answers.
    pub(crate) fn bring(&self, exported: Exported) -> Result<Result<(String, bool), String>> {
        match self {
            Self::Server(client) => {
                let answer = client.post("/api/v1/import", &serde_json::to_vec(&exported)?)?;
                Ok(answer.map(|Arrival { session, new }| (session, new)))
            }
            Self::Own(own) => Ok(match own.runtime.block_on(own.pipeline.hub.import_session(exported))? {
                ImportOutcome::New(id) => Ok((id.to_string(), true)),
                ImportOutcome::Known(id) => Ok((id.to_string(), false)),
                ImportOutcome::Refused(why) => Err(why.to_string()),
            }),
        }
    }

    /// Ends the look; a pipe of our own commits what it found.
    pub(crate) fn close(self) {
        if let Self::Own(own) = self {
            own.runtime.block_on(own.pipeline.stop());
        }
    }
}

/// What to say when there is no such session.
pub(crate) fn unknown(session: &SessionRef) -> String {
    format!("there is no session {session}; `forgecast sessions` lists them")
}
