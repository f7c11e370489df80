//! The output of `config show` and `config default`.

use std::fmt::Write as _;

use super::{Config, Settings};

/// Every value with its source, aligned.
pub(crate) fn show(config: &Config) -> String {
    let mut rows: Vec<(String, String)> = Vec::new();
    config.settings.clone().each(|setting, value| {
        if let Some(value) = value.to_toml() {
            let source = config.provenance_of(&setting.key);
            rows.push((format!("{} = {value}", setting.key), source.to_string()));
        }
    });
    // One very long list must not push the column of all others off the screen.
    let width = rows
        .iter()
        .map(|(row, _)| row.chars().count())
        .filter(|width| *width <= 44)
        .max()
        .unwrap_or(0);
    rows.iter().fold(String::new(), |mut text, (row, source)| {
        let _ = writeln!(text, "{row:width$}  # {source}");
        text
    })
}

/// A file with every default, commented out; as it stands it changes nothing.
pub(crate) fn default_file() -> String {
    let mut text = String::from(
        "# Configuration of Forgecast: ./forgecast.toml, else ~/.config/forgecast/forgecast.toml.\n\
         # A variable overrides the file, a flag overrides the variable; `forgecast config show` prints where each\n\
         # value comes from. Relative paths are relative to this file; ~/ is the home folder.\n",
    );
    let mut table = String::new();
    Settings::default().each(|setting, value| {
        let (in_table, name) = setting.key.rsplit_once('.').unwrap_or(("", &setting.key));
        if in_table != table {
            let _ = write!(text, "\n[{in_table}]");
            in_table.clone_into(&mut table);
        }
        let list = value
            .separator()
            .map(|with| format!(" (list separated by `{with}`)"))
            .unwrap_or_default();
        let default = value.to_toml().filter(|_| !setting.is_default_computed);
        let default = default.map_or_else(|| "…".to_owned(), |value| value.to_string());
        let variable = match value.is_file_only() {
            true => String::new(),
            false => format!("# {}{list}\n", setting.variable()),
        };
        let _ = write!(text, "\n{}{variable}# {name} = {default}\n", setting.about);
    });
    text
}
