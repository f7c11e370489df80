//! Variables of Context Foundry's livestream server, which Forgecast replaces. They keep their meaning, below Forgecast's
//! own variables.

use super::{Config, Environment, Input, Key, Provenance, key};

/// Each variable and the setting that it sets.
const VARIABLES: [(&str, Key); 5] = [
    ("LIVESTREAM_HOST", key!(host)),
    ("LIVESTREAM_PORT", key!(port)),
    ("CHECKPOINTS_DIR", key!(checkpoints)),
    ("LOGS_DIR", key!(logs)),
    ("METRICS_RETENTION_DAYS", key!(store.retention_days)),
];

/// Reads those that are not empty. One with an unusable value is ignored with a warning: it was not written for
/// Forgecast.
pub(super) fn read(config: &mut Config, environment: &Environment) {
    for (name, key) in VARIABLES {
        let Some(text) = environment.variable(name) else {
            continue;
        };
        let (key, provenance) = (key.as_str(), Provenance::Variable(name.to_owned()));
        if let Err(expected) = config.set(key, &Input::Text(text), provenance, environment.path_base()) {
            let warning = format!("{name} is ignored: `{key}` must be {expected}");
            config.warnings.push(warning);
        }
    }
}
