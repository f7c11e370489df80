//! `config show` and `config default`: the settings as text.

use std::fmt::Write as _;

use super::{Config, SETTINGS, separator};

/// Each value with where it came from, aligned.
pub(crate) fn show(config: &Config) -> String {
    let rows: Vec<(String, String)> = SETTINGS
        .iter()
        .filter_map(|setting| {
            let (value, provenance) = config.values.get(setting.key)?;
            Some((format!("{} = {value}", setting.key), provenance.to_string()))
        })
        .collect();
    // One very long list must not push the column of all others off the screen.
    let width = rows
        .iter()
        .map(|(row, _)| row.chars().count())
        .filter(|width| *width <= 44)
        .max()
        .unwrap_or(0);
    rows.iter().fold(String::new(), |mut text, (row, provenance)| {
        let _ = writeln!(text, "{row:width$}  # {provenance}");
        text
    })
}

/// A file with every default, commented; as it stands it changes nothing.
pub(crate) fn default_file() -> String {
    let mut text = String::from(
        "# Configuration of Forgecast: ./forgecast.toml, else ~/.config/forgecast/forgecast.toml.\n\
         # A variable beats the file, a flag beats the variable; `forgecast config show` tells where each value comes from.\n\
         # Relative paths are relative to this file; ~/ is the home folder.\n",
    );
    let mut table = "";
    for setting in SETTINGS {
        let (in_table, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        if in_table != table {
            let _ = write!(text, "\n[{in_table}]");
            table = in_table;
        }
        let list = separator(setting.kind)
            .map(|with| format!(" (list separated by `{with}`)"))
            .unwrap_or_default();
        let default = setting.default.unwrap_or("…");
        let _ = write!(
            text,
            "\n# {}\n# {}{list}\n# {name} = {default}\n",
            setting.about,
            setting.variable()
        );
    }
    text
}
