//! The pipeline without the HTTP server: store, hub and sources. They are started in this order and stopped in reverse, so
//! that everything a source delivered before the stop is folded and committed, and the stop counts as clean.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use forgecast_decode::mask;
use forgecast_hub::Hub;
use forgecast_ingest::AgentHomes;
use forgecast_protocol::health::SourceHealth;
use forgecast_protocol::{Batch, Calendar};
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, key};
use crate::memory;

/// A running pipeline.
pub(crate) struct Pipeline {
    pub(crate) hub: Hub,
    pub(crate) health: watch::Receiver<SourceHealth>,
    sources: JoinHandle<Result<(), forgecast_ingest::Error>>,
    keeper: JoinHandle<()>,
    stop_sources: CancellationToken,
    stop_hub: CancellationToken,
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

impl Pipeline {
    /// Starts the pipeline on `db`, or on a temporary database.
    ///
    /// # Errors
    /// The database cannot be opened (in use, not writable, disk full), a rule for secrets is not a regular expression, or
    /// the price file cannot be read.
    pub(crate) async fn start(config: &Config, db: Option<PathBuf>) -> Result<Self> {
        let clock = forgecast_ingest::system_clock();
        let (rules, options) = (mask_rules(config)?, hub_options(config)?);
        let opened =
            forgecast_store::open(store_options(config, db), forgecast_session::FOLD_VERSION, clock.now()).await?;
        let known = opened.store.sources().await?;
        let stop_hub = CancellationToken::new();
        let (hub, keeper) = forgecast_hub::start(opened, options, clock.clone(), stop_hub.clone()).await?;
        let (report, health) = watch::channel(SourceHealth::default());
        let stop_sources = CancellationToken::new();
        let options = source_options(config, rules);
        let sources = forgecast_ingest::run(
            options,
            known,
            hub.intake(),
            clock.clone(),
            report,
            stop_sources.clone(),
        );
        Ok(Self {
            hub,
            health,
            sources: tokio::spawn(sources),
            keeper,
            stop_sources,
            stop_hub,
        })
    }

    /// Resolves if the sources or the hub end without being stopped.
    ///
    /// # Errors
    /// The reason.
    pub(crate) async fn failed(&mut self) -> Result<()> {
        tokio::select! {
            ended = &mut self.sources => ended.context("the sources ended in a panic")?.map_err(Into::into),
            ended = &mut self.keeper => ended.context("the hub ended in a panic"),
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
        self.stop_hub.cancel();
        if !self.keeper.is_finished()
            && let Err(panic) = (&mut self.keeper).await
        {
            tracing::error!(error = %panic, "a part of the pipeline failed");
        }
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
