//! `serve`: wires the pipe to the HTTP edge, says where it is and what it found, and stops it in order.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use forgecast_hub::Hub;
use forgecast_hub::query::RowQuery;
use forgecast_ingest::clean::Cleaner;
use forgecast_ingest::{RootKind, RootState, SourceHealth};
use forgecast_protocol::{Clock, SessionStatus};
use forgecast_server::{App, Keys};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::cli::ServeArgs;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::pipeline::{self, Pipeline};
use crate::runtime_file::{Running, RuntimeFile};
use crate::spool::Spool;
use crate::terminal::{self, Style};
use crate::{shutdown, typo};

/// How long the start-up message waits for the first look at everything; a big tree goes on behind it.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// What to serve; the demo differs from a real server by nothing else.
pub(crate) struct Service<'a> {
    pub(crate) context: &'a Context,
    pub(crate) config: &'a Config,
    pub(crate) db: PathBuf,
    /// The facts to deliver that were kept while no server answered.
    pub(crate) spool: Option<Spool>,
    pub(crate) clock: Clock,
}

/// Serves until a signal.
///
/// # Errors
/// A taken port, a database that is in use or cannot be written, a folder that is no folder: one line each.
pub(crate) async fn run(context: &Context, args: &ServeArgs) -> Result<()> {
    typo::refuse_misspelt_command(&args.paths)?;
    let config = context.configure(args.flags())?;
    let db = config.db();
    let service = Service {
        context,
        config: &config,
        db,
        spool: Some(Spool::within(&context.environment.data_folder())),
        clock: forgecast_ingest::system_clock(),
    };
    service.run(shutdown::on_signals()?).await
}

impl Service<'_> {
    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// As [`run`].
    pub(crate) async fn run(self, shutdown: CancellationToken) -> Result<()> {
        let listener = listen(self.config.host()?, self.config.port()).await?;
        let address = listener.local_addr().context("cannot tell the port")?;
        let mut pipeline = Pipeline::start(self.config, Some(self.db.clone()), &self.clock).await?;
        let url = format!("http://{address}");
        let _announcement = self.announce(&url);
        let app = self.app(&pipeline)?;
        self.deliver(&pipeline, &app, shutdown.clone());
        let stop_server = CancellationToken::new();
        let mut server = tokio::spawn(forgecast_server::run(listener, app, stop_server.clone()));
        self.greet(&url);
        if self.config.switch("open") {
            open_browser(&url);
        }
        let greeting = self.found(pipeline.hub.clone(), pipeline.health.clone());
        let result = tokio::select! {
            () = async { greeting.await; shutdown.cancelled().await } => Ok(()),
            () = shutdown.cancelled() => Ok(()),
            ended = &mut server => ended.context("the server ended in a panic")?.map_err(Into::into),
            failed = pipeline.failed() => failed.context("the sources ended"),
        };
        // First the viewers (they are told to come back), then the sources, then what they handed over.
        let stopped = tokio::time::timeout(shutdown::DEADLINE, async {
            stop_server.cancel();
            if !server.is_finished() {
                let _ = server.await;
            }
            pipeline.stop().await;
        });
        if stopped.await.is_err() {
            tracing::error!(deadline = ?shutdown::DEADLINE, "the stop took too long; what was not committed is read again at the next start");
        }
        result
    }

    /// Delivers what was kept, until the server stops.
    fn deliver(&self, pipeline: &Pipeline, app: &App, stop: CancellationToken) {
        if let Some(spool) = self.spool.clone() {
            let delivery = Delivery {
                spool,
                hub: pipeline.hub.clone(),
                cleaner: Arc::clone(&app.cleaner),
                clock: self.clock.clone(),
            };
            tokio::spawn(delivery.run(pipeline.health.clone(), stop));
        }
    }

    fn app(&self, pipeline: &Pipeline) -> Result<App> {
        let mut roots = self.config.paths("roots");
        roots.extend(self.config.paths("checkpoints"));
        let access = self.db.with_file_name("access.json");
        let access = Keys::open(&access, self.clock.clone())
            .with_context(|| format!("cannot read the access tokens in {}", access.display()))?;
        Ok(App {
            hub: pipeline.hub.clone(),
            health: pipeline.health.clone(),
            cleaner: Arc::new(Cleaner::new(pipeline::mask_rules(self.config)?)),
            clock: self.clock.clone(),
            roots,
            access: Arc::new(access),
            tls: None,
            options: forgecast_server::Options {
                allowed_hosts: self.config.texts("server.allowed_hosts"),
                ..forgecast_server::Options::default()
            },
        })
    }

    /// Lets `status` and the others find this server. Without it they still work, by looking for themselves.
    fn announce(&self, url: &str) -> Option<RuntimeFile> {
        let running = Running {
            url: url.to_owned(),
            pid: std::process::id(),
            db: self.db.clone(),
            transcripts: pipeline::transcripts(self.config),
            spool: self.spool.as_ref().map(|spool| spool.folder().to_owned()),
        };
        let file = RuntimeFile::announce(&self.context.environment.runtime_folder(), &running);
        file.inspect_err(|error| tracing::warn!(%error, "other commands will not find this server"))
            .ok()
    }

    fn greet(&self, url: &str) {
        let style = Style::of_stdout(&self.context.environment);
        let label = |word: &str| style.dim(&format!("{word:9}"));
        terminal::print(&format!(
            "forgecast {}\n  {}  {}\n  {}  {}\n",
            env!("CARGO_PKG_VERSION"),
            label("dashboard"),
            style.bold(&format!("{url}/")),
            label("database"),
            self.db.display(),
        ));
    }

    /// The rest of the message, once everything that is there was looked at.
    async fn found(&self, hub: Hub, health: watch::Receiver<SourceHealth>) {
        let style = Style::of_stdout(&self.context.environment);
        let label = |word: &str| style.dim(&format!("{word:9}"));
        let settled = pipeline::settled(&hub, health.clone(), FIRST_LOOK).await;
        let health = health.borrow().clone();
        let mut text = String::new();
        for folder in folders(&health) {
            let _ = writeln!(text, "  {}  {folder}", label("watching"));
        }
        let (sessions, running) = count_sessions(&hub).await;
        let so_far = if settled { "" } else { " so far" };
        let _ = writeln!(
            text,
            "  {}  {}, {}, {running} running{so_far}",
            label("found"),
            count(health.projects, "project"),
            count(sessions, "session"),
        );
        terminal::print(&text);
    }
}

/// How many sessions there are, and how many of them are at work. Asks for rows: the index and the counters are a moment
/// behind by design.
async fn count_sessions(hub: &Hub) -> (u64, u64) {
    let mut query = RowQuery {
        limit: 1_000,
        ..RowQuery::default()
    };
    let (mut all, mut running) = (0, 0);
    loop {
        let page = hub.rows(query.clone()).await;
        let page = page.inspect_err(|error| tracing::warn!(%error, "cannot count the sessions"));
        for row in page.iter().flat_map(|page| &page.rows) {
            all += 1;
            running += u64::from(row.status == SessionStatus::Running);
        }
        query.cursor = page.ok().and_then(|page| page.next_cursor);
        if query.cursor.is_none() {
            return (all, running);
        }
    }
}

/// Each folder with how it is. What is wrong with one is in the log as well, and in the dashboard.
fn folders(health: &SourceHealth) -> Vec<String> {
    let described = health.roots.iter().map(|root| {
        let found = match root.kind {
            RootKind::Projects => count(root.projects, "project"),
            RootKind::Checkpoints => format!("checkpoints, {}", count(root.projects, "session")),
            RootKind::Logs => "logs".to_owned(),
            RootKind::Claude | RootKind::Codex | RootKind::Foundry => count(root.projects, "transcript"),
        };
        let state = match root.state {
            RootState::Watching => found,
            RootState::Polling => format!("{found}, polled"),
            RootState::Missing => "does not exist; watched as soon as it does".to_owned(),
            RootState::Unreadable => "cannot be read; watched as soon as it can be".to_owned(),
        };
        format!("{} ({state})", root.path.display())
    });
    described.collect()
}

fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

async fn listen(host: IpAddr, port: u16) -> Result<TcpListener> {
    match TcpListener::bind(SocketAddr::new(host, port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("port {port} on {host} is taken; choose another with --port (--port 0 picks a free one)")
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!("port {port} is reserved by the system; choose one above 1023 with --port")
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {host} port {port}")),
    }
}

fn open_browser(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let child = Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = child {
        terminal::warn(&format!(
            "cannot open the browser with {program} ({error}); open {url}/ by hand"
        ));
    }
}
