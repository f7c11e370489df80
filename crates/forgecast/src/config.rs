//! The configuration, resolved once: defaults < `forgecast.toml` < the origin's variables < `FORGECAST_*` < flags, each
//! value with where it came from. Must never be asked twice: whoever needs a value is given it.

mod agents;
mod environment;
mod error;
mod listen;
mod origin;
mod settings;
mod show;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

pub(crate) use environment::Environment;
use error::suggestion;
pub(crate) use error::{ConfigError, Provenance};
pub(crate) use listen::Encryption;
use settings::{Kind, SETTINGS, Setting};
pub(crate) use show::{default_file, show};
use value::Surroundings;
pub(crate) use value::nearest;

/// All settings with where each came from.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    values: BTreeMap<&'static str, (Value, Provenance)>,
    /// What should be said about the configuration although it can be used.
    pub(crate) warnings: Vec<String>,
}

impl Config {
    /// Puts the layers on top of each other. `flags` are the settings that the command line named, `file` is the one
    /// that it named instead of those at the usual places.
    ///
    /// # Errors
    /// An unreadable or malformed file, an unknown key, a value that its setting cannot hold, a folder whose name is
    /// not UTF-8.
    pub(crate) fn resolve(
        environment: &Environment,
        file: Option<&Path>,
        flags: Vec<(&'static str, Value)>,
    ) -> Result<Self, ConfigError> {
        let home = environment.home();
        if home.as_deref().and_then(Path::to_str).is_some_and(value::is_lossy) {
            return Err(ConfigError::NotUtf8 {
                what: "the home folder's name",
                instead: "set HOME to a folder whose name is",
            });
        }
        let mut config = Self {
            values: BTreeMap::new(),
            warnings: Vec::new(),
        };
        config.take_defaults();
        if let Some(path) = find_file(environment, file)? {
            config.take_file(&path, home.as_deref())?;
        }
        origin::take(&mut config, environment);
        config.take_variables(environment, home.as_deref())?;
        for (key, value) in flags {
            if let Some(setting) = find(key) {
                let value = value::check(setting, value, environment.surroundings(home.as_deref()));
                config.put(setting, value, Provenance::Flag)?;
            }
        }
        config.work_out(environment, home.as_deref())?;
        config.host()?;
        config.encryption()?;
        Ok(config)
    }

    fn put(
        &mut self,
        setting: &'static Setting,
        value: Result<Value, String>,
        provenance: Provenance,
    ) -> Result<(), ConfigError> {
        let value = value.map_err(|form| ConfigError::BadValue {
            provenance: provenance.clone(),
            key: setting.key,
            form,
        })?;
        self.values.insert(setting.key, (value, provenance));
        Ok(())
    }

    fn take_defaults(&mut self) {
        for setting in SETTINGS {
            if let Some(value) = setting.default.and_then(literal) {
                self.values.insert(setting.key, (value, Provenance::Default));
            }
        }
    }

    fn take_file(&mut self, path: &Path, home: Option<&Path>) -> Result<(), ConfigError> {
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
        for (key, value) in flatten(table) {
            let Some(setting) = find(&key) else {
                let meant = value::nearest(&key, SETTINGS.iter().map(|setting| setting.key));
                return Err(ConfigError::UnknownKey {
                    path: path.to_owned(),
                    key,
                    meant,
                });
            };
            let value = value::check(setting, value, Surroundings { folder, home });
            self.put(setting, value, Provenance::File(path.to_owned()))?;
        }
        Ok(())
    }

    fn take_variables(&mut self, environment: &Environment, home: Option<&Path>) -> Result<(), ConfigError> {
        let known: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
        for (name, text) in &environment.variables {
            // A token is no setting: it would be shown among them.
            if !name.starts_with("FORGECAST_") || name == "FORGECAST_TOKEN" {
                continue;
            }
            let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == *name) else {
                // Not an error: scripts around Forgecast have variables of their own that begin the same way.
                let meant = value::nearest(name, known.iter().map(String::as_str));
                self.warnings.push(format!("{name} is no setting{}", suggestion(meant)));
                continue;
            };
            let value = value::parse(setting, text, environment.surroundings(home));
            self.put(setting, value, Provenance::Variable(name.clone()))?;
        }
        Ok(())
    }

    /// The defaults that depend on where we are, below the roots that were asked for.
    fn work_out(&mut self, environment: &Environment, home: Option<&Path>) -> Result<(), ConfigError> {
        let existing = |path: PathBuf| path.is_dir().then_some(path);
        if !self.values.contains_key("roots") {
            if environment.current_folder.to_str().is_none() {
                return Err(ConfigError::NotUtf8 {
                    what: "the current folder's name",
                    instead: "name the folders to watch, or start it elsewhere",
                });
            }
            let homelab = home.and_then(|home| existing(home.join("homelab")));
            let roots: Vec<PathBuf> = std::iter::once(environment.current_folder.clone())
                .chain(homelab)
                .collect();
            self.default_paths("roots", &roots);
        }
        for (key, below) in [("checkpoints", "checkpoints/ralph"), ("logs", "logs")] {
            if !self.values.contains_key(key) {
                let found: Vec<PathBuf> = self
                    .paths("roots")
                    .iter()
                    .filter_map(|root| existing(root.join(below)))
                    .collect();
                self.default_paths(key, &found);
            }
        }
        for (key, found) in [
            ("transcripts.claude", agents::claude(environment)),
            ("transcripts.codex", agents::codex(environment)),
            ("transcripts.foundry", agents::foundry(environment)),
        ] {
            if !self.values.contains_key(key) {
                self.default_paths(key, &found);
            }
        }
        if !self.values.contains_key("db") {
            if home.is_none() && environment.folder("XDG_DATA_HOME").is_none() {
                self.warnings.push(format!(
                    "HOME is not set: the database is kept in {}; name another place with --db",
                    environment.data_folder().display()
                ));
            }
            let db = environment.data_folder().join("forgecast.db");
            let value = Value::String(db.to_string_lossy().into_owned());
            self.values.insert("db", (value, Provenance::Default));
        }
        Ok(())
    }

    fn default_paths(&mut self, key: &'static str, paths: &[PathBuf]) {
        let list = paths
            .iter()
            .map(|path| Value::String(path.to_string_lossy().into_owned()));
        self.values
            .insert(key, (Value::Array(list.collect()), Provenance::Default));
    }
}

/// Reading a setting; the types were checked when it was put in.
impl Config {
    /// A whole number that is not negative.
    pub(crate) fn number(&self, key: &str) -> u64 {
        let value = self.values.get(key).and_then(|(value, _)| value.as_integer());
        value.and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
    }

    /// A number of things.
    pub(crate) fn count(&self, key: &str) -> usize {
        usize::try_from(self.number(key)).unwrap_or(usize::MAX)
    }

    /// An amount of US dollars; none when nobody set it.
    pub(crate) fn dollars(&self, key: &str) -> Option<f64> {
        self.values.get(key).and_then(|(value, _)| value.as_float())
    }

    /// A path that may be absent.
    pub(crate) fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.text(key)).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// Whether something is switched on.
    pub(crate) fn switch(&self, key: &str) -> bool {
        self.values
            .get(key)
            .and_then(|(value, _)| value.as_bool())
            .unwrap_or_default()
    }

    /// A text or a word.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.values
            .get(key)
            .and_then(|(value, _)| value.as_str())
            .unwrap_or_default()
    }

    /// A list of texts.
    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        let list = self.values.get(key).and_then(|(value, _)| value.as_array());
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    /// A list of absolute paths.
    pub(crate) fn paths(&self, key: &str) -> Vec<PathBuf> {
        self.texts(key).into_iter().map(PathBuf::from).collect()
    }

    /// The database.
    pub(crate) fn db(&self) -> PathBuf {
        PathBuf::from(self.text("db"))
    }

    /// The port; `0` leaves the choice to the system.
    pub(crate) fn port(&self) -> u16 {
        u16::try_from(self.number("port")).unwrap_or_default()
    }

    /// Where a setting came from.
    pub(crate) fn provenance(&self, key: &str) -> Provenance {
        self.values
            .get(key)
            .map_or(Provenance::Default, |(_, provenance)| provenance.clone())
    }
}

fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The file that was named, else the first that exists at the usual places.
fn find_file(environment: &Environment, named: Option<&Path>) -> Result<Option<PathBuf>, ConfigError> {
    if let Some(path) = named {
        return Ok(Some(environment.current_folder.join(path)));
    }
    let configs = environment
        .folder("XDG_CONFIG_HOME")
        .or_else(|| Some(environment.home()?.join(".config")));
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

/// The value of a TOML literal.
fn literal(text: &str) -> Option<Value> {
    let mut table: Table = format!("value = {text}").parse().ok()?;
    table.remove("value")
}

/// Whether a setting's value is a list; a variable separates its items.
fn separator(kind: Kind) -> Option<char> {
    match kind {
        Kind::Texts | Kind::Addresses => Some(','),
        Kind::Paths => Some(':'),
        _ => None,
    }
}
