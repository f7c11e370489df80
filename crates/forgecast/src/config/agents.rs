//! Where coding agents keep their records, by each agent's own rules: by its environment variable, else at its usual
//! places. A folder that does not exist yet is listed all the same, because it may appear later.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Environment;
use super::settings::{Field, Key, Setting, Visitor};

/// A coding agent whose transcripts can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AgentKind {
    Claude,
    Codex,
    Foundry,
}

impl AgentKind {
    /// Every agent, in the order of the documentation.
    pub(crate) const ALL: [Self; 3] = [Self::Claude, Self::Codex, Self::Foundry];

    /// The word for it in settings and in the output of `doctor`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Foundry => "foundry",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Claude => {
                "# Folders of Claude Code, which contain `projects`. Default: those of CLAUDE_CONFIG_DIR (a list\n\
                 # separated by commas), else ~/.claude and $XDG_CONFIG_HOME/claude (~/.config/claude).\n"
            }
            Self::Codex => "# Folders of Codex, which contain `sessions`. Default: CODEX_HOME, else ~/.codex.\n",
            Self::Foundry => "# Folders of Foundry, which contain `observatory`. Default: ~/.foundry.\n",
        }
    }

    fn default_folders(self, environment: &Environment) -> Vec<PathBuf> {
        match self {
            Self::Claude => claude(environment),
            Self::Codex => codex(environment),
            Self::Foundry => foundry(environment),
        }
    }
}

/// The folders of each agent: the settings `transcripts.claude`, `transcripts.codex` and so on.
#[derive(Clone, Debug)]
pub(crate) struct AgentFolders(BTreeMap<AgentKind, Vec<PathBuf>>);

impl Default for AgentFolders {
    fn default() -> Self {
        Self(AgentKind::ALL.map(|agent| (agent, Vec::new())).into())
    }
}

impl AgentFolders {
    /// The key of the setting that holds the folders of an agent, such as `transcripts.claude`.
    pub(crate) fn key(agent: AgentKind) -> Key {
        Key(Cow::Owned(format!("transcripts.{}", agent.key())))
    }

    /// The folders of one agent.
    pub(crate) fn of(&self, agent: AgentKind) -> &[PathBuf] {
        self.0.get(&agent).map_or(&[], Vec::as_slice)
    }

    /// Looks the folders up that no layer names; `is_set` tells whether one names the setting of a key.
    pub(super) fn compute_defaults(&mut self, environment: &Environment, is_set: impl Fn(&str) -> bool) {
        for (agent, folders) in &mut self.0 {
            if !is_set(Self::key(*agent).as_str()) {
                *folders = agent.default_folders(environment);
            }
        }
    }
}

impl Field for AgentFolders {
    fn visit(&mut self, _: Setting, visitor: Visitor<'_>) {
        for (agent, folders) in &mut self.0 {
            let setting = Setting {
                key: Self::key(*agent).as_str().to_owned(),
                about: Cow::Borrowed(agent.about()),
                is_default_computed: true,
                range: None,
            };
            visitor(&setting, folders);
        }
    }
}

/// Folders of Claude Code, which contain `projects`. The variable may name several, and `projects` itself.
fn claude(environment: &Environment) -> Vec<PathBuf> {
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
fn codex(environment: &Environment) -> Vec<PathBuf> {
    let named = environment.variable("CODEX_HOME");
    let folder = match named {
        Some(folder) => Some(expanded(environment, folder)),
        None => environment.home().map(|home| home.join(".codex")),
    };
    folder.into_iter().collect()
}

/// Folders of Foundry.
fn foundry(environment: &Environment) -> Vec<PathBuf> {
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
