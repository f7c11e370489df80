//! `serve`: wires the pipe to the HTTP edge, says where it is and what it found, and stops it in order.

mod greeting;

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use forgecast_decode::clean::Cleaner;
use forgecast_protocol::Clock;
use forgecast_server::{App, Keys, Role, Tls, TokenInfo};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::cli::ServeArgs;
use crate::config::{Config, Encryption};
use crate::delivery::Delivery;
use crate::pipeline::{self, Pipeline};
use crate::reach::Reach;
use crate::runtime_file::{Running, RuntimeFile};
use crate::spool::Spool;
use crate::terminal::{self, Style};
use crate::{access, shutdown, typo};
use greeting::Greeting;

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
    let db = config.db.clone();
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
        let listener = listen(self.config.host, self.config.port).await?;
        let address = listener.local_addr().context("cannot tell the port")?;
        let mut pipeline = Pipeline::start(self.config, Some(self.db.clone()), &self.clock).await?;
        let reach = Reach::of(address, self.config);
        let tls = self.tls(&reach)?;
        let fingerprint = tls.as_ref().map(|tls| tls.fingerprint().to_owned());
        let keys = Arc::new(access::open(&self.db, &self.clock)?);
        let made = self.first_tokens(&reach, &keys)?;
        let _announcement = self.announce(&reach, &keys);
        let app = self.app(&pipeline, &keys, tls)?;
        self.deliver(&pipeline, &app, shutdown.clone());
        let stop_server = CancellationToken::new();
        let mut server = tokio::spawn(forgecast_server::run(listener, app, stop_server.clone()));
        let greeting = Greeting {
            style: Style::of_stdout(&self.context.environment),
            config: self.config,
            db: &self.db,
            reach: &reach,
            fingerprint: fingerprint.as_deref(),
        };
        greeting.say(&keys.tokens(), &made);
        if self.config.open {
            open_browser(&reach.dashboard());
        }
        let greeting = greeting.found(pipeline.hub.clone(), pipeline.health.clone());
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

    /// Where others can come, somebody has to be let in: without any token one to watch and one for everything are made.
    fn first_tokens(&self, reach: &Reach, keys: &Keys) -> Result<Vec<(TokenInfo, String)>> {
        if !keys.is_empty() || !(reach.is_exposed() || self.config.requires_local_tokens()) {
            return Ok(Vec::new());
        }
        let made = [Role::View, Role::Admin].map(|role| keys.add_token(role, role.as_str()));
        let made: Result<_, _> = made.into_iter().collect();
        made.with_context(|| format!("cannot make access tokens in {}", access::path(&self.db).display()))
    }

    /// The certificate that connections are encrypted with; one of our own lies beside the database.
    fn tls(&self, reach: &Reach) -> Result<Option<Tls>> {
        Ok(match &self.config.encryption {
            Encryption::None => None,
            Encryption::Certificate { certificate, key } => Some(Tls::from_pem(certificate, key)?),
            Encryption::SelfSigned => {
                let names = reach.names(&self.config.server.allowed_hosts);
                let folder = self.db.with_file_name("tls");
                Some(Tls::self_signed(&folder, &names, self.clock.now())?)
            }
        })
    }

    fn app(&self, pipeline: &Pipeline, keys: &Arc<Keys>, tls: Option<Tls>) -> Result<App> {
        let server = &self.config.server;
        Ok(App {
            hub: pipeline.hub.clone(),
            health: pipeline.health.clone(),
            cleaner: Arc::new(Cleaner::new(pipeline::mask_rules(self.config)?)),
            clock: self.clock.clone(),
            roots: [self.config.roots.as_slice(), &self.config.checkpoints].concat(),
            access: Arc::clone(keys),
            tls,
            mounted: forgecast_legacy::routes(),
            options: forgecast_server::Options {
                allowed_hosts: server.allowed_hosts.clone(),
                allowed_origins: server.allowed_origins.clone(),
                trusted_proxies: server.trusted_proxies.clone(),
                base_path: server.base_path.clone(),
                require_token: server.require_token,
                ..forgecast_server::Options::default()
            },
        })
    }

    /// Lets `status` and the others find this server. Without it they still work, by looking for themselves.
    fn announce(&self, reach: &Reach, keys: &Keys) -> Option<RuntimeFile> {
        let running = Running {
            url: reach.for_commands(),
            pid: std::process::id(),
            db: self.db.clone(),
            transcripts: pipeline::transcripts(self.config),
            spool: self.spool.as_ref().map(|spool| spool.folder().to_owned()),
            elsewhere: reach.elsewhere().into_iter().next(),
            key: Some(keys.process_key()),
        };
        let file = RuntimeFile::announce(&self.context.environment.runtime_folder(), &running);
        file.inspect_err(|error| tracing::warn!(%error, "other commands will not find this server"))
            .ok()
    }
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
            "cannot open the browser with {program} ({error}); open {url} by hand"
        ));
    }
}
