//! What every connection and every handler shares: the hub and what surrounds it. Built once by [`crate::run`]; nothing in
//! it changes afterwards but counters and what locks itself.

use std::path::PathBuf;
use std::sync::Arc;

use forgecast_decode::clean::Cleaner;
use forgecast_decode::otlp::Sequences;
use forgecast_hub::Hub;
use forgecast_protocol::Clock;
use forgecast_protocol::health::SourceHealth;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::access::gate::Gate;
use crate::body::Bodies;
use crate::connections::Connections;
use crate::guard::{Base, Guard};
use crate::hooks::Hooks;
use crate::live::HeartbeatClock;
use crate::metrics::Counts;
use crate::options::Options;
use crate::origin::rooms::Rooms;
use crate::tls::Tls;

/// What every connection shares.
pub(crate) struct AppState {
    pub(crate) hub: Hub,
    pub(crate) health: watch::Receiver<SourceHealth>,
    pub(crate) cleaner: Arc<Cleaner>,
    pub(crate) clock: Clock,
    pub(crate) roots: Vec<PathBuf>,
    pub(crate) options: Options,
    pub(crate) access: Gate,
    pub(crate) guard: Guard,
    pub(crate) base: Base,
    pub(crate) tls: Option<Tls>,
    pub(crate) bodies: Bodies,
    pub(crate) hooks: Hooks,
    pub(crate) rooms: Rooms,
    /// Shared by all exports, so that a body that never arrived is missed.
    pub(crate) sequences: Arc<Sequences>,
    pub(crate) connections: Connections,
    /// How many artifacts may be read at a time: file I/O happens on threads, and a stuck disk must not take them all.
    pub(crate) readers: Arc<Semaphore>,
    pub(crate) heartbeats: Arc<HeartbeatClock>,
    pub(crate) counts: Counts,
    pub(crate) stopping: CancellationToken,
}
