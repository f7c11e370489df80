//! The HTTP edge: REST, WebSocket, SSE, pushes, hooks, telemetry, metrics and the dashboard's files. It owns no state of
//! sessions: it asks the hub and passes the hub's bytes on. Nothing in here may make the hub wait.
//!
//! Another crate adds routes with [`Routes`]: its handlers take [`AppState`] and the extractors of this crate, and the
//! binary passes them in [`App::mounted`].

mod accept;
mod access;
mod approvals;
mod assets;
pub mod atomic_file;
mod body;
mod budgets;
mod concurrency;
mod connections;
mod counts;
mod error;
mod etag;
mod events;
mod export;
mod extract;
mod files;
mod guard;
mod headers;
mod health;
mod heartbeat;
mod hook_queue;
mod hooks;
mod import;
mod live;
mod login;
mod metrics;
mod notifications;
pub mod openapi;
mod options;
mod otlp;
mod router;
mod serve;
mod sessions;
mod state;
mod stats;
mod tls;
mod viewer;
mod websocket;
mod write_timeout;

pub use access::{Access, Keys, Role, ShareInfo, TokenInfo, TokenScope};
pub use error::Error;
pub use etag::NoStore;
pub use events::refusal;
pub use extract::{InBody, InPath, InQuery};
pub use options::Options;
pub use router::{Route, Routes, Words, routes, says};
pub use serve::{App, Exposed, ServeError, run};
pub use state::AppState;
pub use tls::{Tls, TlsError};
pub use viewer::{ViewerProtocol, ViewerSocket, ViewerUpgrade};
pub use websocket::CloseReason;
