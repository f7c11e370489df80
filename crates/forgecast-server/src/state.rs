//! What every connection and every handler shares: the hub and what surrounds it. Built once by [`crate::run`]; nothing in
//! it changes afterwards but counters and what locks itself.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::Request;
use forgecast_decode::clean::Cleaner;
use forgecast_decode::otlp::Sequences;
use forgecast_hub::Hub;
use forgecast_notify::Notifier;
use forgecast_protocol::health::SourceHealth;
use forgecast_protocol::{Clock, Timestamp};
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::access::Gate;
use crate::approvals::WaitingApprovals;
use crate::body::{Bodies, QUICK_JSON_BYTES};
use crate::concurrency::Concurrency;
use crate::connections::Connections;
use crate::counts::Counts;
use crate::error::Error;
use crate::guard::{Base, Guard};
use crate::heartbeat::HeartbeatClock;
use crate::hook_queue::HookQueue;
use crate::options::Options;
use crate::tls::Tls;

/// What every connection shares.
pub struct AppState {
    pub(crate) hub: Hub,
    pub(crate) notifier: Notifier,
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
    pub(crate) hooks: HookQueue,
    /// Uses of tools that wait for a person.
    pub(crate) approvals: WaitingApprovals,
    /// Shared by all exports, so that a body that never arrived is missed.
    pub(crate) sequences: Arc<Sequences>,
    pub(crate) connections: Connections,
    /// Requests through proxies, by the address that they are forwarded for.
    pub(crate) forwarded: Connections,
    /// How many artifacts may be read at a time: file I/O happens on threads, and a stuck disk must not take them all.
    pub(crate) readers: Arc<Semaphore>,
    /// How many exports may be written at a time, and how many imports read: either may be large.
    pub(crate) exports: Concurrency,
    pub(crate) imports: Concurrency,
    pub(crate) heartbeats: HeartbeatClock,
    pub(crate) counts: Counts,
    pub(crate) stopping: CancellationToken,
}

impl AppState {
    /// The live state of all sessions.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Cleans text that clients send.
    #[must_use]
    pub fn cleaner(&self) -> &Arc<Cleaner> {
        &self.cleaner
    }

    /// The time that it is now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Reads the whole JSON body of a request, within the limits of size, pace and memory that hold for all bodies, and
    /// decodes it with the rules for text and the time at which it had arrived.
    ///
    /// # Errors
    /// The body is too long, too slow, compressed in an unknown way or broken, or there was no memory for it in time; or
    /// `decode` panicked.
    pub async fn decode_body<T: Send + 'static>(
        &self,
        request: Request,
        decode: impl FnOnce(&[u8], &Cleaner, Timestamp) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let body = self.bodies.read(request).await?;
        let (cleaner, now) = (Arc::clone(&self.cleaner), self.clock.now());
        body.decode(QUICK_JSON_BYTES, move |body| decode(body, &cleaner, now))
            .await
    }

    /// Reads the JSON body of a request that gives one value.
    ///
    /// # Errors
    /// Those of [`Self::decode_body`]; or the body is not such a value.
    pub(crate) async fn read_json<T: DeserializeOwned + Send + 'static>(&self, request: Request) -> Result<T, Error> {
        let decoded = self
            .decode_body(request, |body, _, _| serde_json::from_slice(body))
            .await?;
        decoded.map_err(|error: serde_json::Error| Error::Malformed(format!("the body: {error}")))
    }
}

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppState").finish_non_exhaustive()
    }
}
