//! The HTTP edge: REST, WebSocket, SSE, pushes, hooks, telemetry, metrics and the dashboard's files. It owns no state of sessions: it asks
//! the hub and passes the hub's bytes on. HTTP types end here, and nothing in here may make the hub wait.

mod accept;
mod access;
mod assets;
mod body;
mod connections;
mod error;
mod etag;
mod events;
mod extract;
mod files;
mod guard;
mod health;
mod hooks;
mod import;
mod live;
mod login;
mod metrics;
mod openapi;
mod options;
mod origin;
mod otlp;
mod router;
mod serve;
mod sessions;
mod state;
mod stats;
mod timeline;
mod tls;
mod wire;
mod write_timeout;

pub use access::{Access, Keys, Role, ShareInfo, TokenInfo};
pub use import::clean_export;
#[cfg(feature = "openapi")]
pub use openapi::document as openapi_document;
pub use options::Options;
pub use router::{Route, routes};
pub use serve::{App, Exposed, ServeError, run};
pub use tls::{Tls, TlsError};
