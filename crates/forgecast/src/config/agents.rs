//! Where coding agents keep their records, by each agent's own rules: by its environment variable, else at its usual
//! places. A folder that does not exist yet is listed all the same, because it may appear later.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use forgecast_decode::agents::{AGENTS, Agent};

use super::Environment;
use super::setting::{Field, Key, Setting, Visitor};

/// The folders of each agent: the settings `transcripts.claude`, `transcripts.codex` and so on.
#[derive(Clone, Debug)]
pub(crate) struct AgentFolders(Vec<(&'static Agent, Vec<PathBuf>)>);

impl Default for AgentFolders {
    fn default() -> Self {
        Self(AGENTS.iter().map(|agent| (*agent, Vec::new())).collect())
    }
}

impl AgentFolders {
    /// The key of the setting that holds the folders of an agent, such as `transcripts.claude`.
    pub(crate) fn key(agent: &Agent) -> Key {
        Key(Cow::Owned(format!("transcripts.{}", agent.key)))
    }

    /// The folders of the agent with this key.
    pub(crate) fn of(&self, agent: &str) -> &[PathBuf] {
        let found = self.0.iter().find(|(other, _)| other.key == agent);
        found.map_or(&[], |(_, folders)| folders)
    }

    /// The folders of all agents, each with its agent.
    pub(crate) fn homes(&self) -> Vec<(&'static Agent, PathBuf)> {
        let agents = self.0.iter();
        agents
            .flat_map(|(agent, folders)| folders.iter().map(|folder| (*agent, folder.clone())))
            .collect()
    }

    /// Looks the folders up that no layer names; `is_set` tells whether one names the setting of a key.
    pub(super) fn compute_defaults(&mut self, environment: &Environment, is_set: impl Fn(&str) -> bool) {
        for (agent, folders) in &mut self.0 {
            if !is_set(Self::key(agent).as_str()) {
                *folders = default_folders(agent, environment);
            }
        }
    }
}

impl Field for AgentFolders {
    fn visit(&mut self, _: Setting, visitor: Visitor<'_>) {
        for (agent, folders) in &mut self.0 {
            let setting = Setting {
                key: Self::key(agent).as_str().to_owned(),
                about: Cow::Owned(about(agent)),
                is_default_computed: true,
                range: None,
            };
            visitor(&setting, folders);
        }
    }
}

/// The documentation of the setting, as comment lines.
fn about(agent: &Agent) -> String {
    let home = &agent.home;
    let variable = match (home.variable, home.separator) {
        (Some(name), Some(separator)) => format!("{name} (a list separated by `{separator}`), else "),
        (Some(name), None) => format!("{name}, else "),
        (None, _) => String::new(),
    };
    let config = home
        .config_folder
        .map(|folder| format!(" and $XDG_CONFIG_HOME/{folder}"));
    format!(
        "# Folders of {}, which contain `{}`.\n# Default: {variable}~/{}{}.\n",
        agent.label,
        agent.folders[0],
        home.folder,
        config.unwrap_or_default()
    )
}

/// The folders that the agent itself uses. Its variable may name several, and the folder with the transcripts in it.
fn default_folders(agent: &Agent, environment: &Environment) -> Vec<PathBuf> {
    let home = &agent.home;
    if let Some(named) = home.variable.and_then(|name| environment.variable(name)) {
        return match home.separator {
            None => vec![environment.expanded(named)],
            Some(separator) => {
                let named = named
                    .split(separator)
                    .map(str::trim)
                    .filter(|folder| !folder.is_empty());
                distinct(named.map(|folder| around(agent.folders[0], &environment.expanded(folder))))
            }
        };
    }
    let usual = environment.home().map(|user| user.join(home.folder));
    let config = home
        .config_folder
        .and_then(|folder| Some(environment.config_folder()?.join(folder)));
    distinct(usual.into_iter().chain(config))
}

/// The folder around the one with the transcripts, when that is what was named.
fn around(transcripts: &str, folder: &Path) -> PathBuf {
    match folder.parent() {
        Some(parent) if folder.ends_with(transcripts) && !folder.join(transcripts).is_dir() => parent.to_owned(),
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

    fn folders(agent: &str, environment: &Environment) -> Vec<PathBuf> {
        default_folders(Agent::by_key(agent).unwrap(), environment)
    }

    #[test]
    fn without_variables_agents_are_looked_for_at_their_usual_places() {
        let home = made_of(&[("HOME", "/home/ann")]);
        assert_eq!(
            folders("claude", &home),
            paths(&["/home/ann/.claude", "/home/ann/.config/claude"])
        );
        assert_eq!(folders("codex", &home), paths(&["/home/ann/.codex"]));
        assert_eq!(folders("foundry", &home), paths(&["/home/ann/.foundry"]));
        let moved = made_of(&[("HOME", "/home/ann"), ("XDG_CONFIG_HOME", "/etc/ann")]);
        assert_eq!(
            folders("claude", &moved),
            paths(&["/home/ann/.claude", "/etc/ann/claude"])
        );
        assert!(folders("claude", &made_of(&[])).is_empty(), "no home, no place");
    }

    #[test]
    fn their_own_variables_come_first() {
        let named = made_of(&[
            ("HOME", "/home/ann"),
            ("CLAUDE_CONFIG_DIR", "/a/, ~/b/projects,c,/a"),
            ("CODEX_HOME", "x/../codex"),
        ]);
        assert_eq!(folders("claude", &named), paths(&["/a", "/home/ann/b", "/work/c"]));
        assert_eq!(folders("codex", &named), paths(&["/work/codex"]));
        let empty = made_of(&[("HOME", "/h"), ("CLAUDE_CONFIG_DIR", "")]);
        assert_eq!(folders("claude", &empty).len(), 2);
    }
}
