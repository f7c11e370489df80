//! Where coding agents keep their records, by their own rules: by their own variables, else at their usual places. A
//! folder that is not there yet is named all the same: it is awaited.

use std::path::{Path, PathBuf};

use super::Environment;

/// Folders of Claude Code, which have `projects` inside. The variable may name several, and `projects` itself.
pub(super) fn claude(environment: &Environment) -> Vec<PathBuf> {
    if let Some(list) = environment.variable("CLAUDE_CONFIG_DIR") {
        let named = list.split(',').map(str::trim).filter(|folder| !folder.is_empty());
        return distinct(named.map(|folder| configuration(&expanded(environment, folder))));
    }
    let home = environment.home().map(|home| home.join(".claude"));
    let config = environment
        .folder("XDG_CONFIG_HOME")
        .or_else(|| Some(environment.home()?.join(".config")))
        .map(|config| config.join("claude"));
    distinct(home.into_iter().chain(config))
}

/// Folders of Codex.
pub(super) fn codex(environment: &Environment) -> Vec<PathBuf> {
    let named = environment.variable("CODEX_HOME");
    let folder = match named {
        Some(folder) => Some(expanded(environment, folder)),
        None => environment.home().map(|home| home.join(".codex")),
    };
    folder.into_iter().collect()
}

/// Folders of Foundry.
pub(super) fn foundry(environment: &Environment) -> Vec<PathBuf> {
    environment
        .home()
        .map(|home| home.join(".foundry"))
        .into_iter()
        .collect()
}

fn expanded(environment: &Environment, folder: &str) -> PathBuf {
    match (folder.strip_prefix("~/"), environment.home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => environment.absolute(Path::new(folder)),
    }
}

/// The folder around `projects`, when that is what was named.
fn configuration(folder: &Path) -> PathBuf {
    match folder.parent() {
        Some(parent) if folder.ends_with("projects") && !folder.join("projects").is_dir() => parent.to_owned(),
        _ => folder.to_owned(),
    }
}

fn distinct(folders: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut distinct: Vec<PathBuf> = Vec::new();
    for folder in folders {
        if !distinct.contains(&folder) {
            distinct.push(folder);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_of(variables: &[(&str, &str)]) -> Environment {
        Environment::made_of(Path::new("/work"), variables)
    }

    fn paths(list: &[&str]) -> Vec<PathBuf> {
        list.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn without_variables_agents_are_looked_for_at_their_usual_places() {
        let home = made_of(&[("HOME", "/home/ann")]);
        assert_eq!(claude(&home), paths(&["/home/ann/.claude", "/home/ann/.config/claude"]));
        assert_eq!(codex(&home), paths(&["/home/ann/.codex"]));
        assert_eq!(foundry(&home), paths(&["/home/ann/.foundry"]));
        let moved = made_of(&[("HOME", "/home/ann"), ("XDG_CONFIG_HOME", "/etc/ann")]);
        assert_eq!(claude(&moved), paths(&["/home/ann/.claude", "/etc/ann/claude"]));
        assert!(claude(&made_of(&[])).is_empty(), "no home, no place");
    }

    #[test]
    fn their_own_variables_come_first() {
        let named = made_of(&[
            ("HOME", "/home/ann"),
            ("CLAUDE_CONFIG_DIR", "/a/, ~/b/projects,c,/a"),
            ("CODEX_HOME", "x/../codex"),
        ]);
        assert_eq!(claude(&named), paths(&["/a", "/home/ann/b", "/work/c"]));
        assert_eq!(codex(&named), paths(&["/work/codex"]));
        let empty = made_of(&[("HOME", "/h"), ("CLAUDE_CONFIG_DIR", "")]);
        assert_eq!(claude(&empty).len(), 2);
    }
}
