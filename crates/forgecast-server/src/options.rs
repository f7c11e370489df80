//! What an operator may set of the server: limits and names, each with its unit in the name.

use std::net::IpAddr;

/// Limits of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Names besides `localhost` under which browsers may ask for this server, without a port.
    pub allowed_hosts: Vec<String>,
    /// Whether processes of this machine need a token, too.
    pub require_token: bool,
    /// Wrong tokens per minute from one address; further tokens are refused without being checked.
    pub wrong_tokens_per_address: u32,
    /// Wrong tokens per minute from all addresses together. Valid tokens are accepted regardless.
    pub wrong_tokens: u32,
    /// Origins besides its own whose pages may ask this server, as browsers write them (`https://builds.example`): what a
    /// proxy presents that passes on another `Host` than it was asked for, or that speaks https and does not say so.
    pub allowed_origins: Vec<String>,
    /// Proxies whose word counts about who asks, for which host and how. With any of these nobody counts as local.
    pub trusted_proxies: Vec<IpAddr>,
    /// The path below which a proxy shows this server: empty, or `/x/y`.
    pub base_path: String,
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time from one address.
    pub connections_per_address: usize,
    /// How long the headers of a request may take, and an idle connection may stay.
    pub header_timeout_ms: u64,
    /// How long a body may take to begin with; a body that keeps coming gets more.
    pub body_timeout_ms: u64,
    /// How long a peer may take nothing of what is sent to it.
    pub send_timeout_ms: u64,
    /// How long open requests may take when the server stops.
    pub stop_ms: u64,
    /// Time between heartbeats.
    pub heartbeat_ms: u64,
    /// After so long without a sign of life, or without following anything, a WebSocket is closed.
    pub idle_ms: u64,
    /// Longest body of a push, a hook or an export, unpacked.
    pub body_bytes: usize,
    /// Bytes that all bodies together may take while they are read, the first 64 KiB of each aside; never less than the
    /// longest one.
    pub bodies_bytes: usize,
    /// Bodies of hooks that may wait to be decoded; the next ones are dropped and counted.
    pub hooks_waiting: usize,
    /// Bytes that they may have together.
    pub hooks_waiting_bytes: usize,
    /// Longest message of a viewer.
    pub client_message_bytes: usize,
    /// Topics that one WebSocket may follow.
    pub topics_per_socket: usize,
    /// Exports that are written at a time.
    pub exports: usize,
    /// Of them, exports to one token or share link, or to all without one.
    pub exports_per_caller: usize,
    /// Imports that are read at a time.
    pub imports: usize,
    /// Of them, imports by one token, or by all without one.
    pub imports_per_caller: usize,
    /// Artifacts that are read at a time.
    pub file_readers: usize,
    /// How long an artifact may take to be read.
    pub file_timeout_ms: u64,
    /// Longest artifact that is shown.
    pub file_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            require_token: false,
            wrong_tokens_per_address: 20,
            wrong_tokens: 200,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            base_path: String::new(),
            connections: 4_096,
            connections_per_address: 1_024,
            header_timeout_ms: 10_000,
            body_timeout_ms: 10_000,
            send_timeout_ms: 10_000,
            stop_ms: 5_000,
            heartbeat_ms: 1_000 * u64::from(forgecast_protocol::update::HEARTBEAT_S),
            idle_ms: 60_000,
            body_bytes: 20 * 1024 * 1024,
            bodies_bytes: 22 * 1024 * 1024,
            hooks_waiting: 1_024,
            hooks_waiting_bytes: 32 * 1024 * 1024,
            client_message_bytes: 64 * 1024,
            topics_per_socket: 64,
            exports: 16,
            exports_per_caller: 4,
            imports: 4,
            imports_per_caller: 2,
            file_readers: 4,
            file_timeout_ms: 5_000,
            file_bytes: 4 * 1024 * 1024,
        }
    }
}
