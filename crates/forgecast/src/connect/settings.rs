//! The settings of coding agents on this machine: where they are, the token in them, and what the server thinks of it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{claude, codex, write};
use crate::cli::Agent;
use crate::client::Client;
use crate::config::Config;

/// The settings files of an agent: one in each of its folders that exists, else in the first.
pub(crate) fn files(agent: Agent, config: &Config) -> Vec<PathBuf> {
    let name = match agent {
        Agent::Claude => "settings.json",
        Agent::Codex => "config.toml",
    };
    let folders = config.transcripts.agents.of(agent.key());
    let mut there: Vec<&PathBuf> = folders.iter().filter(|folder| folder.is_dir()).collect();
    if there.is_empty() {
        there.extend(folders.first());
    }
    there.into_iter().map(|folder| folder.join(name)).collect()
}

/// A settings file in which an agent was told to report to this port of this machine.
pub(crate) fn pointing_to(port: u16, config: &Config) -> Option<PathBuf> {
    let addresses = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("//{host}:{port}/"));
    let reports = |file: &PathBuf| {
        let text = write::read(file).ok().flatten().unwrap_or_default();
        addresses.iter().any(|address| text.contains(address))
    };
    let agents = [Agent::Claude, Agent::Codex];
    agents.into_iter().flat_map(|agent| files(agent, config)).find(reports)
}

/// The token in a settings file of an agent.
pub(crate) fn token(agent: Agent, file: &Path) -> Option<String> {
    let text = write::read(file).ok()??;
    match agent {
        Agent::Claude => claude::token::of(&text),
        Agent::Codex => codex::token(&text),
    }
}

/// Whether the server takes facts from this machine only with a token; by the configuration if no server answers.
pub(crate) fn requires_token(url: &str, config: &Config) -> bool {
    role(url, None).map_or_else(|| config.requires_local_tokens(), |role| role.is_null())
}

/// Whether the server takes facts with this token; also true if no server answers.
pub(crate) fn accepts_token(url: &str, token: &str) -> bool {
    role(url, Some(token)).is_none_or(|role| role == "ingest" || role == "admin")
}

/// The role that the server gives a request with this token, or null; none if no server answers.
fn role(url: &str, token: Option<&str>) -> Option<Value> {
    if !Client::answers(url) {
        return None;
    }
    let answer: Value = Client::new(url, token).state("/api/v1/me").ok()?;
    // The answer to a wrong token is a problem document.
    Some(answer.get("role").cloned().unwrap_or(Value::Null))
}
