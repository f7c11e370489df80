//! The token that an agent's settings carry where the server wants one: for sending facts and nothing else, one per agent,
//! made when it is written and revoked when it is taken out. Never printed.

use std::path::Path;

use anyhow::{Context as _, Result};
use forgecast_server::Role;
use serde_json::Value;

use crate::access;
use crate::cli::{Agent, InitArgs};
use crate::client::Client;
use crate::commands::{Context, sight};
use crate::config::Config;
use crate::connect::{self, write};
use crate::terminal;

/// A token of a server elsewhere.
const GIVEN: &str = "FORGECAST_TOKEN";
/// Stands for a token where it is shown.
const HIDDEN: &str = "fc_i_…";

/// See the module.
pub(super) struct Tokens<'a> {
    context: &'a Context,
    config: &'a Config,
    args: &'a InitArgs,
    url: &'a str,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(context: &'a Context, config: &'a Config, args: &'a InitArgs, url: &'a str) -> Self {
        Self {
            context,
            config,
            args,
            url,
        }
    }

    /// The token to write, when one is wanted; `there` is the one that the settings have.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn wanted(&self, there: Option<String>) -> Result<Option<String>> {
        if let Some(given) = self.context.environment.variable(GIVEN) {
            return Ok(Some(given.to_owned()));
        }
        if self.args.url.is_some() && !is_here(self.url) {
            if there.is_none() {
                terminal::warn(&format!(
                    "a server elsewhere wants a token: make one there with `forgecast token new --role ingest`, and set {GIVEN}"
                ));
            }
            return Ok(there);
        }
        if !wants_one(self.url, self.config) {
            return Ok(None);
        }
        if let Some(there) = there.filter(|there| is_good(self.url, there)) {
            return Ok(Some(there));
        }
        if !self.args.yes {
            return Ok(Some(HIDDEN.to_owned()));
        }
        self.make().map(Some)
    }

    fn make(&self) -> Result<String> {
        let db = self.db();
        let written = || format!("cannot make a token in {}", access::path(&db).display());
        let keys = access::open(&db, &forgecast_ingest::system_clock())?;
        let name = name(self.args.agent);
        // One that was lost, or is good for nothing any more.
        keys.revoke_token(name).with_context(written)?;
        let (_, token) = keys.add_token(Role::Ingest, name).with_context(written)?;
        Ok(token)
    }

    /// Ends the agent's token.
    ///
    /// # Errors
    /// The file of tokens cannot be changed.
    pub(super) fn end(&self) -> Result<()> {
        let keys = access::open(&self.db(), &forgecast_ingest::system_clock())?;
        if let Some(token) = keys.revoke_token(name(self.args.agent))? {
            terminal::print(&format!("revoked the token {} ({})\n", token.name, token.id));
        }
        Ok(())
    }

    fn db(&self) -> std::path::PathBuf {
        let running = sight::running(self.context, self.config).filter(|running| running.url == self.url);
        running.map_or_else(|| self.config.db.clone(), |running| running.db)
    }
}

/// Whether the server takes no facts from this machine without a token; by the configuration when none answers.
pub(crate) fn wants_one(url: &str, config: &Config) -> bool {
    role(url, None).map_or_else(|| config.requires_local_tokens(), |role| role.is_null())
}

/// Whether the server takes facts with this token; when none answers it is taken for good.
pub(crate) fn is_good(url: &str, token: &str) -> bool {
    role(url, Some(token)).is_none_or(|role| role == "ingest" || role == "admin")
}

/// What one is to the server; none when it does not say.
fn role(url: &str, token: Option<&str>) -> Option<Value> {
    if !Client::answers(url) {
        return None;
    }
    let answer: Value = Client::new(url, token).state("/api/v1/me").ok()?;
    // A wrong token is answered with a problem.
    Some(answer.get("role").cloned().unwrap_or(Value::Null))
}

fn is_here(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let address: Option<std::net::SocketAddr> = host.parse().ok();
    address.is_some_and(|address| address.ip().to_canonical().is_loopback())
        || host.split(':').next() == Some("localhost")
}

fn name(agent: Agent) -> &'static str {
    match agent {
        Agent::Claude => "claude",
        Agent::Codex => "codex",
    }
}

/// The token in an agent's settings.
pub(crate) fn in_settings(agent: Agent, file: &Path) -> Option<String> {
    let text = write::read(file).ok()??;
    match agent {
        Agent::Claude => connect::claude::token::of(&text),
        Agent::Codex => connect::codex::token(&text),
    }
}

/// A text without tokens in it.
pub(super) fn hidden(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("fc_") {
        let (before, token) = rest.split_at(at);
        let length = token.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '_' | '-'));
        let (token, after) = token.split_at(length.unwrap_or(token.len()));
        shown.push_str(before);
        shown.push_str(if token.len() > HIDDEN.len() { HIDDEN } else { token });
        rest = after;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_not_shown() {
        let text = "a \"Bearer fc_i_AAAAAAAAAAAAAAAA-_\", fc_x, b=fc_a_BBBBBBBBBBBBBBBBBB";
        assert_eq!(hidden(text), "a \"Bearer fc_i_…\", fc_x, b=fc_i_…");
        assert_eq!(hidden(HIDDEN), HIDDEN);
    }

    #[test]
    fn here_is_loopback() {
        for url in ["http://127.0.0.1:8080", "http://[::1]:1", "http://localhost:8080"] {
            assert!(is_here(url), "{url}");
        }
        for url in [
            "http://192.168.1.5:8080",
            "https://builds.example/x",
            "http://127.0.0.1.evil:80",
        ] {
            assert!(!is_here(url), "{url}");
        }
    }
}
