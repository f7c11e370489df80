//! The configuration, resolved once at the start from layers, each of which overrides the ones before it: defaults,
//! `forgecast.toml`, the variables of Context Foundry's server, `FORGECAST_*` variables, flags.

mod agents;
mod environment;
mod error;
mod legacy;
mod listen;
mod notify;
mod setting;
mod settings;
mod show;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use forgecast_protocol::health::RootKind;
use toml::{Table, Value};

use crate::nearest::nearest;
pub(crate) use agents::AgentFolders;
pub(crate) use environment::{Environment, TOKEN_VARIABLE};
use error::suggestion;
pub(crate) use error::{ConfigError, Provenance};
pub(crate) use listen::Encryption;
pub(crate) use notify::NotifyTarget;
pub(crate) use setting::Key;
use setting::PathBase;
pub(crate) use settings::{Settings, key};
pub(crate) use show::{default_file, show};
pub(crate) use value::{HardBudget, LogFormat, LogLevel};

/// The settings of one process. It dereferences to them: `config.sources.debounce_ms`.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    settings: Settings,
    /// Where each value came from, by key; those that are missing are defaults.
    provenance: BTreeMap<String, Provenance>,
    /// How connections are encrypted.
    pub(crate) encryption: Encryption,
    /// Default folders that may appear later: it is no problem that they do not exist.
    pub(crate) optional: Vec<(RootKind, PathBuf)>,
    /// The user's home folder.
    pub(crate) home: Option<PathBuf>,
    /// Oddities to report to the user although the configuration is usable.
    pub(crate) warnings: Vec<String>,
}

impl Deref for Config {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

/// A value on its way into a setting.
#[derive(Debug)]
enum Input<'a> {
    /// Text of a variable.
    Text(&'a str),
    /// A value of the file or of a flag.
    Toml(Value),
}

impl Config {
    /// Applies the layers in order. `file` replaces the configuration files at the usual places, `flags` are the
    /// settings that the command line names.
    ///
    /// # Errors
    /// An unreadable or malformed file, an unknown key, a value that its setting cannot hold, settings that contradict
    /// each other, a folder whose name is not UTF-8.
    pub(crate) fn resolve(
        environment: &Environment,
        file: Option<&Path>,
        flags: Vec<(Key, Value)>,
    ) -> Result<Self, ConfigError> {
        if environment.home().and_then(Path::to_str).is_some_and(value::is_lossy) {
            return Err(ConfigError::NotUtf8 {
                what: "the home folder's name",
                instead: "set HOME to a folder whose name is",
            });
        }
        let mut config = Self {
            settings: Settings::default(),
            provenance: BTreeMap::new(),
            encryption: Encryption::None,
            optional: Vec::new(),
            home: environment.home().map(Path::to_owned),
            warnings: Vec::new(),
        };
        if let Some(path) = find_file(environment, file)? {
            config.read_file(&path, environment.home())?;
        }
        legacy::read(&mut config, environment);
        config.read_variables(environment)?;
        for (key, value) in flags {
            config.set_or_fail(
                key.as_str(),
                &Input::Toml(value),
                Provenance::Flag,
                environment.path_base(),
            )?;
        }
        config.compute_defaults(environment)?;
        config.encryption = listen::encryption(&config)?;
        if let Some(setting) = config.budgets.hard_without_amount() {
            let key = key!(budgets.hard);
            return Err(ConfigError::BadValue {
                provenance: config.provenance(key!(budgets.hard)),
                key: key.as_str().to_owned(),
                expected: format!("a list of budgets that have an amount: set budgets.{setting}"),
            });
        }
        Ok(config)
    }

    /// Where the value of a setting came from.
    pub(crate) fn provenance(&self, key: Key) -> Provenance {
        self.provenance_of(key.as_str())
    }

    fn provenance_of(&self, key: &str) -> Provenance {
        self.provenance.get(key).cloned().unwrap_or(Provenance::Default)
    }

    /// Sets the setting with this key, if there is one. The error says what the setting holds.
    fn set(&mut self, key: &str, input: &Input<'_>, provenance: Provenance, base: PathBase<'_>) -> Result<(), String> {
        let mut result = Ok(());
        self.settings.each(|setting, field| {
            if setting.key == key {
                let value = match input {
                    Input::Text(text) => field.parse(text),
                    Input::Toml(value) => value.clone(),
                };
                result = field.read(value, setting, base);
            }
        });
        if result.is_ok() {
            self.provenance.insert(key.to_owned(), provenance);
        }
        result
    }

    fn set_or_fail(
        &mut self,
        key: &str,
        input: &Input<'_>,
        provenance: Provenance,
        base: PathBase<'_>,
    ) -> Result<(), ConfigError> {
        self.set(key, input, provenance.clone(), base)
            .map_err(|expected| ConfigError::BadValue {
                provenance,
                key: key.to_owned(),
                expected,
            })
    }

    fn read_file(&mut self, path: &Path, home: Option<&Path>) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            ConfigError::Syntax {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                message: error.message().lines().collect::<Vec<_>>().join(", "),
            }
        })?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let known: Vec<String> = keys().into_iter().map(|(key, _)| key).collect();
        for (key, value) in flatten(table) {
            if !known.contains(&key) {
                let meant = nearest(&key, known.iter().map(String::as_str)).map(str::to_owned);
                return Err(ConfigError::UnknownKey {
                    path: path.to_owned(),
                    key,
                    meant,
                });
            }
            let provenance = Provenance::File(path.to_owned());
            self.set_or_fail(&key, &Input::Toml(value), provenance, PathBase { folder, home })?;
        }
        Ok(())
    }

    fn read_variables(&mut self, environment: &Environment) -> Result<(), ConfigError> {
        let known = keys();
        for (name, text) in &environment.variables {
            if !name.starts_with("FORGECAST_") || name == TOKEN_VARIABLE {
                continue;
            }
            let Some((key, _)) = known.iter().find(|(_, variable)| variable == name) else {
                // Not an error, because scripts may have variables of their own that begin the same way.
                let meant = nearest(name, known.iter().map(|(_, variable)| variable.as_str()));
                self.warnings
                    .push(format!("{name} is not a setting{}", suggestion(meant)));
                continue;
            };
            let provenance = Provenance::Variable(name.clone());
            self.set_or_fail(key, &Input::Text(text), provenance, environment.path_base())?;
        }
        Ok(())
    }

    /// Sets the defaults that depend on the environment, of settings that no layer has set.
    fn compute_defaults(&mut self, environment: &Environment) -> Result<(), ConfigError> {
        let home = environment.home();
        let is_set = |key: &str| self.provenance.contains_key(key);
        let settings = &mut self.settings;
        if !is_set(key!(roots).as_str()) {
            if environment.current_folder.to_str().is_none() {
                return Err(ConfigError::NotUtf8 {
                    what: "the current folder's name",
                    instead: "name the folders to watch, or start Forgecast in another folder",
                });
            }
            settings.roots = vec![environment.current_folder.clone()];
            if let Some(homelab) = home.map(|home| home.join("homelab"))
                && homelab != environment.current_folder
            {
                settings.roots.push(homelab.clone());
                self.optional.push((RootKind::Projects, homelab));
            }
        }
        // Not only those that exist: what runs the builds may make them after the start.
        let mut below_roots = |kind: RootKind, name: &str| {
            let folders: Vec<PathBuf> = settings.roots.iter().map(|root| root.join(name)).collect();
            let optional = folders.iter().map(|folder| (kind.clone(), folder.clone()));
            self.optional.extend(optional);
            folders
        };
        if !is_set(key!(checkpoints).as_str()) {
            settings.checkpoints = below_roots(RootKind::Checkpoints, "checkpoints/ralph");
        }
        if !is_set(key!(logs).as_str()) {
            settings.logs = below_roots(RootKind::Logs, "logs");
        }
        settings.transcripts.agents.compute_defaults(environment, is_set);
        if !is_set(key!(db).as_str()) {
            let folder = environment.data_folder();
            if home.is_none() && environment.folder("XDG_DATA_HOME").is_none() {
                self.warnings.push(format!(
                    "HOME is not set: the database is kept in {}; name another file with --db",
                    folder.display()
                ));
            }
            settings.db = folder.join("forgecast.db");
        }
        if !is_set(key!(usage.prices).as_str()) {
            let configs = environment.config_folder();
            settings.usage.prices = configs.map(|folder| folder.join("forgecast/prices.toml"));
        }
        Ok(())
    }
}

/// The key and the variable of every setting.
fn keys() -> Vec<(String, String)> {
    let mut keys = Vec::new();
    Settings::default().each(|setting, _| keys.push((setting.key.clone(), setting.variable())));
    keys
}

/// The file that was named, else the first that exists at the usual places.
fn find_file(environment: &Environment, named: Option<&Path>) -> Result<Option<PathBuf>, ConfigError> {
    if let Some(path) = named {
        return Ok(Some(environment.current_folder.join(path)));
    }
    let configs = environment.config_folder();
    let places = [
        Some(environment.current_folder.join("forgecast.toml")),
        configs.map(|folder| folder.join("forgecast/forgecast.toml")),
    ];
    for path in places.into_iter().flatten() {
        match path.try_exists() {
            Ok(true) => return Ok(Some(path)),
            Ok(false) => {}
            Err(source) => return Err(ConfigError::Read { path, source }),
        }
    }
    Ok(None)
}

/// Dotted keys and their values; a table that is no table of ours ends up as an unknown key.
fn flatten(table: Table) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => flat.extend(inner.into_iter().map(|(name, value)| (format!("{key}.{name}"), value))),
            value => flat.push((key, value)),
        }
    }
    flat
}
