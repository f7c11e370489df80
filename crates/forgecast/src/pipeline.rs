//! The pipeline without the HTTP server: store, hub and sources. They are started in this order and stopped in reverse, so
//! that everything a source delivered before the stop is folded and committed, and the stop counts as clean. A command that
//! only brings something over has a hub without sources.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use forgecast_decode::mask;
use forgecast_hub::Hub;
use forgecast_ingest::{AgentHomes, system_clock};
use forgecast_protocol::health::SourceHealth;
use forgecast_protocol::{Batch, Calendar, Clock};
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, HardBudget, key};
use crate::memory;

/// A hub on its store, without sources.
pub(crate) struct RunningHub {
    pub(crate) hub: Hub,
    /// What the user has to know of the database: that it was damaged, or is only read.
    pub(crate) notices: Vec<String>,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

/// A running pipeline.
pub(crate) struct Pipeline {
    pub(crate) hub: Hub,
    pub(crate) health: watch::Receiver<SourceHealth>,
    pub(crate) running: RunningHub,
    sources: JoinHandle<Result<(), forgecast_ingest::Error>>,
    stop_sources: CancellationToken,
}

/// The rules for secrets: the built-in ones, changed by the configuration.
pub(crate) fn mask_rules(config: &Config) -> Result<mask::Rules> {
    let patterns = config.sources.mask.iter().enumerate();
    let extra: Vec<(String, String)> = patterns
        .map(|(index, pattern)| (format!("sources.mask[{index}]"), pattern.clone()))
        .collect();
    mask::Rules::new(&extra, &config.sources.mask_off)
        .with_context(|| format!("{}: sources.mask", config.provenance(key!(sources.mask))))
}

impl RunningHub {
    /// Starts a hub on `db`, or on a temporary database: nothing is read but the store, nothing is watched.
    ///
    /// # Errors
    /// The database cannot be opened (in use, not writable, disk full), or the price file cannot be read.
    pub(crate) async fn start(config: &Config, db: Option<PathBuf>) -> Result<Self> {
        let (options, clock) = (hub_options(config)?, system_clock());
        Self::on(open(config, db, &clock).await?, options, clock).await
    }

    async fn on(opened: forgecast_store::Opened, options: forgecast_hub::Options, clock: Clock) -> Result<Self> {
        let stop = CancellationToken::new();
        let notices = opened.notices.iter().map(|(_, problem)| problem.message.clone());
        let notices = notices.collect();
        let (hub, task) = forgecast_hub::start(opened, options, clock, stop.clone()).await?;
        Ok(Self {
            hub,
            notices,
            task,
            stop,
        })
    }

    /// Commits what waits and closes the store.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        if !self.task.is_finished()
            && let Err(panic) = (&mut self.task).await
        {
            tracing::error!(error = %panic, "a part of the pipeline failed");
        }
    }
}

impl Pipeline {
    /// Starts the pipeline on `db`, or on a temporary database.
    ///
    /// # Errors
    /// As [`RunningHub::start`], or a rule for secrets is not a regular expression.
    pub(crate) async fn start(config: &Config, db: Option<PathBuf>) -> Result<Self> {
        let (rules, options, clock) = (mask_rules(config)?, hub_options(config)?, system_clock());
        let opened = open(config, db, &clock).await?;
        let known = opened.store.sources().await?;
        let running = RunningHub::on(opened, options, clock.clone()).await?;
        let hub = running.hub.clone();
        let (report, health) = watch::channel(SourceHealth::default());
        let stop_sources = CancellationToken::new();
        let options = source_options(config, rules);
        let sources = forgecast_ingest::run(options, known, hub.intake(), clock, report, stop_sources.clone());
        Ok(Self {
            hub,
            health,
            sources: tokio::spawn(sources),
            stop_sources,
            running,
        })
    }

    /// Resolves if the sources or the hub end without being stopped.
    ///
    /// # Errors
    /// The reason.
    pub(crate) async fn failed(&mut self) -> Result<()> {
        tokio::select! {
            ended = &mut self.sources => ended.context("the sources ended in a panic")?.map_err(Into::into),
            ended = &mut self.running.task => ended.context("the hub ended in a panic"),
        }
    }

    /// Stops the sources, then the hub, which commits the rest and closes the store.
    pub(crate) async fn stop(&mut self) {
        self.stop_sources.cancel();
        if !self.sources.is_finished() {
            match (&mut self.sources).await {
                Err(panic) => tracing::error!(error = %panic, "a part of the pipeline failed"),
                Ok(Err(error)) => tracing::error!(%error, "a part of the pipeline failed"),
                Ok(Ok(())) => {}
            }
        }
        self.running.stop().await;
    }
}

/// Waits until everything that was on disk at the start is in the hub. Returns `false` if that takes longer than `limit`.
pub(crate) async fn settled(hub: &Hub, mut health: watch::Receiver<SourceHealth>, limit: Duration) -> bool {
    let intake = hub.intake();
    let settled = async {
        let ready = health.wait_for(|health| health.ready).await.is_ok();
        // Batches of the sources wait in the hub's intake; an empty push follows the last of them.
        while intake.capacity() < intake.max_capacity() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let _ = hub.push(Batch::default()).await;
        // Old sessions become abandoned, and agents that work in a build's folder are merged into it.
        let _ = hub.wait_idle().await;
        ready
    };
    tokio::time::timeout(limit, settled).await.unwrap_or(false)
}

/// The folders of all coding agents, sorted; none when transcripts are switched off.
pub(crate) fn transcripts(config: &Config) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = agents(config).into_iter().map(|(_, folder)| folder).collect();
    folders.sort_unstable();
    folders
}

/// The homes of the agents whose files are read: without transcripts those of agents that keep a record of builds.
pub(crate) fn agents(config: &Config) -> AgentHomes {
    let mut homes = config.transcripts.agents.homes();
    homes.retain(|(agent, _)| config.transcripts.enabled || agent.drives);
    homes
}

/// The calendar of this machine's time zone.
pub(crate) fn local_calendar() -> Calendar {
    Calendar::new(TimeZone::try_system().unwrap_or(TimeZone::UTC))
}

async fn open(config: &Config, db: Option<PathBuf>, clock: &Clock) -> Result<forgecast_store::Opened> {
    let options = store_options(config, db);
    Ok(forgecast_store::open(options, forgecast_session::FOLD_VERSION, clock.now()).await?)
}

fn store_options(config: &Config, path: Option<PathBuf>) -> forgecast_store::Options {
    forgecast_store::Options {
        path,
        retention_days: config.store.retention_days,
        max_bytes: config.store.max_mib << 20,
        log_lines_per_session: config.store.log_lines_per_session,
        ..forgecast_store::Options::default()
    }
}

fn hub_options(config: &Config) -> Result<forgecast_hub::Options> {
    Ok(forgecast_hub::Options {
        limits: forgecast_session::Limits {
            stalled_ms: config.sessions.stalled_after_s * 1_000,
            abandoned_ms: config.sessions.abandoned_after_s * 1_000,
            settled_ms: config.sessions.settled_after_s * 1_000,
            context_limit_tokens: config.usage.context_limit_tokens,
        },
        viewers_per_session: config.viewers.per_session,
        viewers: config.viewers.total,
        max_sessions: memory::sessions(config.sessions.max),
        idle_unfinished: memory::idle_views(),
        prices: crate::prices::load(config)?,
        budgets: forgecast_hub::Budgets {
            session_usd: config.budgets.session_usd,
            day_usd: config.budgets.day_usd,
            month_usd: config.budgets.month_usd,
        },
        hard_limits: forgecast_hub::HardLimits {
            session_usd: config.budgets.hard_usd(HardBudget::Session),
            project_usd: config.budgets.hard_usd(HardBudget::Project),
            day_usd: config.budgets.hard_usd(HardBudget::Day),
            month_usd: config.budgets.hard_usd(HardBudget::Month),
        },
        calendar: local_calendar(),
        ..forgecast_hub::Options::default()
    })
}

fn source_options(config: &Config, mask: mask::Rules) -> forgecast_ingest::Options {
    forgecast_ingest::Options {
        roots: config.roots.clone(),
        checkpoints: config.checkpoints.clone(),
        logs: config.logs.clone(),
        agents: agents(config),
        optional: config.optional.clone(),
        home: config.home.clone(),
        poll: config.poll,
        debounce_ms: config.sources.debounce_ms,
        settle_ms: config.sources.settle_ms,
        reconcile_ms: config.sources.reconcile_ms,
        discover_ms: config.sources.discover_ms,
        watch_limit: Some(config.sources.watch_limit).filter(|limit| *limit > 0),
        mask,
        host: rustix::system::uname().nodename().to_str().ok().map(str::to_owned),
        ..forgecast_ingest::Options::default()
    }
}
