//! One module per command. Each gets a [`Context`] and returns when the command is done.

pub(crate) mod backup;
pub(crate) mod budget;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod emit;
pub(crate) mod export;
pub(crate) mod forget;
pub(crate) mod hook;
pub(crate) mod import;
pub(crate) mod ingest;
pub(crate) mod init;
pub(crate) mod notify;
pub(crate) mod prices;
pub(crate) mod serve;
pub(crate) mod session_client;
pub(crate) mod sessions;
pub(crate) mod share;
pub(crate) mod status;
pub(crate) mod statusline;
pub(crate) mod token;
pub(crate) mod usage;

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use toml::Value;

use crate::cli::{CommonArgs, ListenArgs, ServeArgs, SourceArgs};
use crate::config::{Config, Environment, Key, LogLevel, Provenance, key};
use crate::terminal::{self, Style};

/// The environment and the common options, which every command gets.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) environment: Environment,
    pub(crate) common: CommonArgs,
    /// Whether the command serves. The others say in words of their own what concerns their user.
    pub(crate) is_server: bool,
}

/// Settings that the command line names.
#[derive(Debug, Default)]
pub(crate) struct Flags(Vec<(Key, Value)>);

impl Flags {
    /// Sets a setting if the command line names it.
    pub(crate) fn set(&mut self, key: Key, value: Option<impl Serialize>) {
        let value = value.and_then(|value| Value::try_from(value).ok());
        self.0.extend(value.map(|value| (key, value)));
    }

    /// Sets a path if the command line names it.
    pub(crate) fn set_path(&mut self, key: Key, path: Option<&Path>) {
        self.set(key, path.map(|path| path.to_string_lossy().into_owned()));
    }
}

impl Context {
    /// The colors for standard output.
    pub(crate) fn style(&self) -> Style {
        Style::of_stdout(&self.environment)
    }

    /// The configuration with these flags on top. Also starts the log that it asks for, and prints its warnings.
    ///
    /// # Errors
    /// See [`crate::config::ConfigError`].
    pub(crate) fn configure(&self, mut flags: Flags) -> Result<Config> {
        flags.set(key!(log.format), self.common.log_format);
        flags.set(key!(log.level), self.common.log_level);
        let config = Config::resolve(&self.environment, self.common.config.as_deref(), flags.0)?;
        let is_chosen = config.provenance(key!(log.level)) != Provenance::Default;
        let level = if self.is_server || is_chosen {
            config.log.level
        } else {
            LogLevel::Error
        };
        crate::telemetry::begin(level, config.log.format, &self.environment);
        for warning in &config.warnings {
            terminal::warn(warning);
        }
        Ok(config)
    }
}

impl SourceArgs {
    /// The settings that were named.
    pub(crate) fn flags(&self) -> Flags {
        let mut flags = Flags::default();
        flags.set_path(key!(db), self.db.as_deref());
        flags.set(key!(poll), self.poll.then_some(true));
        flags.set(key!(transcripts.enabled), self.no_transcripts.then_some(false));
        flags
    }
}

impl ServeArgs {
    /// The settings that were named.
    pub(crate) fn flags(&self) -> Flags {
        let mut flags = self.sources.flags();
        flags.set(
            key!(roots),
            unless_empty(self.paths.iter().map(|path| path.to_string_lossy().into_owned())),
        );
        self.listen.add_to(&mut flags);
        flags
    }
}

impl ListenArgs {
    /// Adds the settings that were named.
    pub(crate) fn add_to(&self, flags: &mut Flags) {
        flags.set(key!(host), self.host.clone());
        flags.set(key!(port), self.port);
        flags.set(key!(open), self.open.then_some(true));
        flags.set(key!(server.require_token), self.require_token.then_some(true));
        flags.set(key!(server.tls_self_signed), self.tls_self_signed.then_some(true));
        flags.set_path(key!(server.tls_certificate), self.tls_cert.as_deref());
        flags.set_path(key!(server.tls_key), self.tls_key.as_deref());
        flags.set(key!(server.base_path), self.base_path.clone());
        flags.set(
            key!(server.trusted_proxies),
            unless_empty(self.trusted_proxy.iter().map(ToString::to_string)),
        );
        flags.set(
            key!(server.allowed_origins),
            unless_empty(self.allowed_origin.iter().cloned()),
        );
    }
}

/// A list, if there is anything in it.
fn unless_empty(items: impl Iterator<Item = String>) -> Option<Vec<String>> {
    Some(items.collect()).filter(|items: &Vec<String>| !items.is_empty())
}
