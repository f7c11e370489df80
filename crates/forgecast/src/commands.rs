//! One file per command; each gets what it needs from `Context` and returns when it is done.

pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod emit;
pub(crate) mod export;
pub(crate) mod forget;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod serve;
pub(crate) mod sessions;
pub(crate) mod share;
pub(crate) mod sight;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod usage;

use std::path::PathBuf;

use anyhow::Result;
use toml::Value;

use crate::cli::{CommonArgs, ListenArgs, ServeArgs, SourceArgs};
use crate::config::{Config, Environment};
use crate::terminal;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) environment: Environment,
    pub(crate) common: CommonArgs,
}

/// Settings that the command line named.
pub(crate) type Flags = Vec<(&'static str, Value)>;

impl Context {
    /// The configuration with these flags on top; begins to log by it and says its warnings.
    ///
    /// # Errors
    /// See [`crate::config::ConfigError`].
    pub(crate) fn configure(&self, mut flags: Flags) -> Result<Config> {
        for (key, value) in [
            ("log.format", &self.common.log_format),
            ("log.level", &self.common.log_level),
        ] {
            flags.extend(value.clone().map(|value| (key, Value::String(value))));
        }
        let config = Config::resolve(&self.environment, self.common.config.as_deref(), flags)?;
        crate::telemetry::begin(&config, &self.environment);
        for warning in &config.warnings {
            terminal::warn(warning);
        }
        Ok(config)
    }
}

impl SourceArgs {
    /// The settings that were named.
    pub(crate) fn flags(&self) -> Flags {
        let db = self
            .db
            .as_ref()
            .map(|db| ("db", Value::String(db.to_string_lossy().into_owned())));
        let poll = self.poll.then_some(("poll", Value::Boolean(true)));
        let transcripts = self
            .no_transcripts
            .then_some(("transcripts.enabled", Value::Boolean(false)));
        db.into_iter().chain(poll).chain(transcripts).collect()
    }
}

impl ServeArgs {
    /// The settings that were named.
    pub(crate) fn flags(&self) -> Flags {
        let mut flags = self.sources.flags();
        if !self.paths.is_empty() {
            let paths = self
                .paths
                .iter()
                .map(|path| Value::String(path.to_string_lossy().into_owned()));
            flags.push(("roots", Value::Array(paths.collect())));
        }
        flags.extend(self.listen.flags());
        flags
    }
}

impl ListenArgs {
    /// The settings that were named.
    pub(crate) fn flags(&self) -> Flags {
        let text = |key, value: &Option<String>| value.clone().map(|value| (key, Value::String(value)));
        let path = |key, value: &Option<PathBuf>| {
            let value = value.as_ref()?.to_string_lossy().into_owned();
            Some((key, Value::String(value)))
        };
        let switch = |key, on: bool| on.then_some((key, Value::Boolean(true)));
        let list = |key, items: Vec<String>| {
            let items: Vec<Value> = items.into_iter().map(Value::String).collect();
            (!items.is_empty()).then_some((key, Value::Array(items)))
        };
        let proxies = self.trusted_proxy.iter().map(ToString::to_string).collect();
        [
            text("host", &self.host),
            self.port.map(|port| ("port", Value::Integer(port.into()))),
            switch("open", self.open),
            switch("server.require_token", self.require_token),
            switch("server.tls_self_signed", self.tls_self_signed),
            path("server.tls_certificate", &self.tls_cert),
            path("server.tls_key", &self.tls_key),
            text("server.base_path", &self.base_path),
            list("server.trusted_proxies", proxies),
            list("server.allowed_origins", self.allowed_origin.clone()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
