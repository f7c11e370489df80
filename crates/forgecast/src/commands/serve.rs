//! `serve`: connects the pipeline to the HTTP server, prints where it is and what it found, and stops both in order.

mod startup_banner;

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use forgecast_decode::clean::Cleaner;
use forgecast_ingest::system_clock;
use forgecast_notify::Notifier;
use forgecast_server::{App, Keys, Role, Tls, TokenInfo};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::cli::ServeArgs;
use crate::config::{Config, Encryption, Provenance, key};
use crate::connect::settings;
use crate::delivery::Delivery;
use crate::pipeline::{self, Pipeline};
use crate::runtime_file::{Running, RuntimeFile};
use crate::server_urls::ServerUrls;
use crate::spool::Spool;
use crate::terminal::{self, Style};
use crate::{access, notify, shutdown, typo};
use startup_banner::StartupBanner;

/// How many ports after the usual one are tried.
const NEXT_PORTS: u16 = 20;

/// What to serve; the demo differs from a real server by nothing else.
pub(crate) struct Service<'a> {
    pub(crate) context: &'a Context,
    pub(crate) config: &'a Config,
    pub(crate) db: PathBuf,
    /// Where `emit` keeps facts while no server answers; they are delivered.
    pub(crate) spool: Option<Spool>,
    /// Whom to call. Links lead to this server when it has no address for them.
    pub(crate) notify: forgecast_notify::Options,
}

/// Serves until a signal.
///
/// # Errors
/// The port or the database is in use, the database cannot be written, a folder does not exist.
pub(crate) async fn run(context: &Context, args: &ServeArgs) -> Result<()> {
    typo::reject_misspelled_command(&args.paths)?;
    let config = context.configure(args.flags())?;
    let db = config.db.clone();
    let service = Service {
        context,
        config: &config,
        db,
        spool: Some(Spool::within(&context.environment.data_folder())),
        notify: notify::options(&config)?,
    };
    service.run(shutdown::on_signals()?).await
}

impl Service<'_> {
    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// As [`run`].
    pub(crate) async fn run(self, shutdown: CancellationToken) -> Result<()> {
        let listener = listen(self.config).await?;
        let address = listener.local_addr().context("cannot determine the port")?;
        let mut pipeline = Pipeline::start(self.config, Some(self.db.clone())).await?;
        let urls = ServerUrls::of(address, self.config);
        let tls = self.tls(&urls)?;
        let fingerprint = tls.as_ref().map(|tls| tls.fingerprint().to_owned());
        let keys = Arc::new(access::open(&self.db)?);
        let made = self.first_tokens(&urls, &keys)?;
        let _announcement = self.announce(&urls, &keys);
        let stop_notifier = CancellationToken::new();
        let (notifier, mut notifying) = self.notify(&pipeline, &urls, stop_notifier.clone());
        let app = self.app(&pipeline, &keys, notifier, tls)?;
        self.deliver(&pipeline, &app, shutdown.clone());
        let stop_server = CancellationToken::new();
        let mut server = tokio::spawn(forgecast_server::run(listener, app, stop_server.clone()));
        let notices = std::mem::take(&mut pipeline.running.notices);
        let banner = StartupBanner {
            style: Style::of_stdout(&self.context.environment),
            config: self.config,
            db: &self.db,
            notices: &notices,
            urls: &urls,
            fingerprint: fingerprint.as_deref(),
        };
        banner.print(&keys.tokens(), &made);
        if self.config.open {
            open_browser(&urls.dashboard());
        }
        let banner = banner.print_findings(pipeline.hub.clone(), pipeline.health.clone());
        let result = tokio::select! {
            () = async { banner.await; shutdown.cancelled().await } => Ok(()),
            () = shutdown.cancelled() => Ok(()),
            ended = &mut server => ended.context("the server ended in a panic")?.map_err(Into::into),
            failed = pipeline.failed() => failed.context("the sources ended"),
        };
        // First the viewers, which are told to reconnect, then the sources, then the data they delivered.
        let stopped = tokio::time::timeout(shutdown::DEADLINE, async {
            stop_server.cancel();
            if !server.is_finished() {
                let _ = server.await;
            }
            stop_notifier.cancel();
            if let Err(panic) = (&mut notifying).await {
                tracing::error!(error = %panic, "notifications ended early");
            }
            pipeline.stop().await;
        });
        if stopped.await.is_err() {
            tracing::error!(deadline = ?shutdown::DEADLINE, "stopping took too long; data that was not committed is read again at the next start");
        }
        result
    }

    /// Delivers facts from the spool until the server stops.
    fn deliver(&self, pipeline: &Pipeline, app: &App, stop: CancellationToken) {
        if let Some(spool) = self.spool.clone() {
            let delivery = Delivery {
                spool,
                hub: pipeline.hub.clone(),
                cleaner: Arc::clone(&app.cleaner),
                clock: system_clock(),
            };
            tokio::spawn(delivery.run(pipeline.health.clone(), stop));
        }
    }

    /// Creates a view token and an admin token if clients need one and there is none.
    fn first_tokens(&self, urls: &ServerUrls, keys: &Keys) -> Result<Vec<(TokenInfo, String)>> {
        if !keys.is_empty() || !(urls.is_exposed() || self.config.requires_local_tokens()) {
            return Ok(Vec::new());
        }
        let made = [Role::View, Role::Admin].map(|role| keys.add_token(role, role.as_ref()));
        let made: Result<_, _> = made.into_iter().collect();
        made.with_context(|| format!("cannot create access tokens in {}", access::path(&self.db).display()))
    }

    /// The certificate that connections are encrypted with; a self-signed one is stored beside the database.
    fn tls(&self, urls: &ServerUrls) -> Result<Option<Tls>> {
        Ok(match &self.config.encryption {
            Encryption::None => None,
            Encryption::Certificate { certificate, key } => Some(Tls::from_pem(certificate, key)?),
            Encryption::SelfSigned => {
                let names = urls.names(&self.config.server.allowed_hosts);
                let folder = self.db.with_file_name("tls");
                Some(Tls::self_signed(&folder, &names, system_clock().now())?)
            }
        })
    }

    /// Starts to call people.
    fn notify(&self, pipeline: &Pipeline, urls: &ServerUrls, stop: CancellationToken) -> (Notifier, JoinHandle<()>) {
        let mut options = self.notify.clone();
        if options.url.is_empty() {
            options.url = urls.likeliest();
        }
        forgecast_notify::start(options, pipeline.hub.clone(), system_clock(), stop)
    }

    fn app(&self, pipeline: &Pipeline, keys: &Arc<Keys>, notifier: Notifier, tls: Option<Tls>) -> Result<App> {
        let server = &self.config.server;
        Ok(App {
            hub: pipeline.hub.clone(),
            notifier,
            health: pipeline.health.clone(),
            cleaner: Arc::new(Cleaner::new(pipeline::mask_rules(self.config)?)),
            clock: system_clock(),
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

    /// Lets other commands find this server. If that fails, they still work by reading the files themselves.
    fn announce(&self, urls: &ServerUrls, keys: &Keys) -> Option<RuntimeFile> {
        let running = Running {
            url: urls.for_commands(),
            pid: std::process::id(),
            db: self.db.clone(),
            transcripts: pipeline::transcripts(self.config),
            spool: self.spool.as_ref().map(|spool| spool.folder().to_owned()),
            elsewhere: urls.network_urls().into_iter().next(),
            key: Some(keys.process_key()),
        };
        let file = RuntimeFile::announce(&self.context.environment.runtime_folder(), &running);
        file.inspect_err(|error| tracing::warn!(%error, "other commands cannot find this server"))
            .ok()
    }
}

/// Takes the configured port. If nobody chose it and it is taken, the next free one serves as well, unless an agent was told
/// to report to it.
async fn listen(config: &Config) -> Result<TcpListener> {
    let (host, port) = (config.host, config.port);
    let is_chosen = config.provenance(key!(port)) != Provenance::Default;
    match TcpListener::bind(SocketAddr::new(host, port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_chosen => {
            bail!("port {port} on {host} is in use; choose another with --port (--port 0 picks a free one)")
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            if let Some(file) = settings::pointing_to(port, config) {
                bail!(
                    "port {port} on {host} is in use, and {} reports to it; end the program that uses it, or choose another with \
                     --port and run `forgecast init` again",
                    file.display()
                )
            }
            let listener = listen_behind(host, port).await?;
            let other = listener.local_addr().context("cannot determine the port")?.port();
            terminal::warn(&format!(
                "port {port} is in use by another program; serving on {other} instead"
            ));
            Ok(listener)
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!("port {port} is reserved by the system; choose one above 1023 with --port")
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {host} port {port}")),
    }
}

/// Takes the next free port.
async fn listen_behind(host: IpAddr, port: u16) -> Result<TcpListener> {
    for next in (1..=NEXT_PORTS).filter_map(|step| port.checked_add(step)) {
        if let Ok(listener) = TcpListener::bind(SocketAddr::new(host, next)).await {
            return Ok(listener);
        }
    }
    bail!("port {port} on {host} is in use, and so are the {NEXT_PORTS} after it; choose another with --port")
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
            "cannot open the browser with {program} ({error}); open {url} yourself"
        ));
    }
}
