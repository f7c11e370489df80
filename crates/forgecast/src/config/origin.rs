//! Variables that were set for the server that Forgecast takes over from. They keep their meaning, below Forgecast's own.

use super::{Config, Environment, Provenance, find, value};

/// Each variable and the setting that it means.
const VARIABLES: [(&str, &str); 5] = [
    ("LIVESTREAM_HOST", "host"),
    ("LIVESTREAM_PORT", "port"),
    ("CHECKPOINTS_DIR", "checkpoints"),
    ("LOGS_DIR", "logs"),
    ("METRICS_RETENTION_DAYS", "store.retention_days"),
];

/// Takes those that are set to something. One that cannot be used is left out and said: it was not written for Forgecast.
pub(super) fn take(config: &mut Config, environment: &Environment) {
    let home = environment.home();
    for (name, key) in VARIABLES {
        let (Some(text), Some(setting)) = (environment.variable(name), find(key)) else {
            continue;
        };
        match value::parse(setting, text, environment.surroundings(home.as_deref())) {
            Ok(value) => {
                let provenance = Provenance::Variable(name.to_owned());
                config.values.insert(setting.key, (value, provenance));
            }
            Err(form) => config
                .warnings
                .push(format!("{name} is left out: `{key}` must be {form}")),
        }
    }
}
