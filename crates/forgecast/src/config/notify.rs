//! The targets of notifications, as the configuration file lists them. Only the file can: a target may be a program, and a
//! message says what agents do.

use std::collections::BTreeSet;
use std::path::PathBuf;

use forgecast_protocol::rest::TargetKind;
use forgecast_protocol::session::AttentionKind;
use serde::Deserialize;
use toml::Value;

use super::setting::{PathBase, Setting, SettingValue};

/// All targets: `[[notify.targets]]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct NotifyTargets(pub(crate) Vec<NotifyTarget>);

/// One target, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotifyTarget {
    pub(crate) name: String,
    pub(crate) kind: TargetKind,
    pub(crate) url: Option<String>,
    pub(crate) url_file: Option<PathBuf>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) secret_file: Option<PathBuf>,
    #[serde(default)]
    pub(crate) command: Vec<String>,
    pub(crate) events: Option<BTreeSet<AttentionKind>>,
    #[serde(default)]
    pub(crate) your_turn: bool,
    #[serde(default)]
    pub(crate) projects: Vec<String>,
    pub(crate) quiet: Option<String>,
    #[serde(default)]
    pub(crate) resolved: bool,
    pub(crate) include_text: Option<bool>,
    pub(crate) group_ms: Option<u32>,
    pub(crate) cool_down_ms: Option<u32>,
}

impl SettingValue for NotifyTargets {
    fn parse(&self, text: &str) -> Value {
        Value::from(text)
    }

    fn read(&mut self, value: Value, setting: &Setting, base: PathBase<'_>) -> Result<(), String> {
        if !value.is_array() {
            return Err("a list of tables in the configuration file, [[notify.targets]]".to_owned());
        }
        let targets: Result<Vec<NotifyTarget>, _> = value.try_into();
        let mut targets = targets.map_err(|error| format!("a list of targets: {}", error.message()))?;
        for target in &mut targets {
            for path in [&mut target.url_file, &mut target.token_file, &mut target.secret_file]
                .into_iter()
                .flatten()
            {
                let written = Value::from(path.to_string_lossy().into_owned());
                path.read(written, setting, base)?;
            }
        }
        self.0 = targets;
        Ok(())
    }

    /// Only their names: an address may be a secret.
    fn to_toml(&self) -> Option<Value> {
        let names: Vec<&str> = self.0.iter().map(|target| target.name.as_str()).collect();
        Some(Value::from(names))
    }

    fn separator(&self) -> Option<char> {
        None
    }

    fn is_file_only(&self) -> bool {
        true
    }
}
