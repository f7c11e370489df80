//! The token in an agent's settings, for a server that requires one. It allows sending facts and nothing else, each agent
//! has its own, it is created when the settings are written and revoked when they are undone. It is never printed.

use anyhow::{Context as _, Result};
use forgecast_server::Role;

use crate::access;
use crate::cli::InitArgs;
use crate::commands::{Context, session_client};
use crate::config::{Config, TOKEN_VARIABLE};
use crate::connect::settings;
use crate::terminal;

/// Replaces a token in output.
const MASKED_TOKEN: &str = "fc_i_…";

/// Finds, creates and revokes the token of one agent.
pub(super) struct Tokens<'a> {
    pub(super) context: &'a Context,
    pub(super) config: &'a Config,
    pub(super) args: &'a InitArgs,
    pub(super) url: &'a str,
}

impl Tokens<'_> {
    /// The token to write, if the server requires one; `there` is the one in the settings.
    ///
    /// # Errors
    /// It cannot be created.
    pub(super) fn required(&self, there: Option<String>) -> Result<Option<String>> {
        if let Some(given) = self.context.environment.token() {
            return Ok(Some(given.to_owned()));
        }
        if self.args.url.is_some() && !is_local(self.url) {
            if there.is_none() {
                terminal::warn(&format!(
                    "a server on another machine requires a token: create one there with `forgecast token new --role ingest`, and set {TOKEN_VARIABLE}"
                ));
            }
            return Ok(there);
        }
        if !settings::requires_token(self.url, self.config) {
            return Ok(None);
        }
        if let Some(there) = there.filter(|there| settings::accepts_token(self.url, there)) {
            return Ok(Some(there));
        }
        if !self.args.yes {
            return Ok(Some(MASKED_TOKEN.to_owned()));
        }
        self.create().map(Some)
    }

    fn create(&self) -> Result<String> {
        let db = self.db();
        let written = || format!("cannot create a token in {}", access::path(&db).display());
        let keys = access::open(&db)?;
        let name = self.args.agent.key();
        // An earlier token that was lost or is no longer valid.
        keys.revoke_token(name).with_context(written)?;
        let (_, token) = keys.add_token(Role::Ingest, name).with_context(written)?;
        Ok(token)
    }

    /// Revokes the agent's token.
    ///
    /// # Errors
    /// The file of tokens cannot be changed.
    pub(super) fn revoke(&self) -> Result<()> {
        let keys = access::open(&self.db())?;
        if let Some(token) = keys.revoke_token(self.args.agent.key())? {
            terminal::print(&format!("revoked the token {} ({})\n", token.name, token.id));
        }
        Ok(())
    }

    fn db(&self) -> std::path::PathBuf {
        let running = session_client::running(self.context, self.config).filter(|running| running.url == self.url);
        running.map_or_else(|| self.config.db.clone(), |running| running.db)
    }
}

fn is_local(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let address: Option<std::net::SocketAddr> = host.parse().ok();
    address.is_some_and(|address| address.ip().to_canonical().is_loopback())
        || host.split(':').next() == Some("localhost")
}

/// The text with its tokens masked.
pub(super) fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("fc_") {
        let (before, token) = rest.split_at(at);
        let length = token.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '_' | '-'));
        let (token, after) = token.split_at(length.unwrap_or(token.len()));
        shown.push_str(before);
        shown.push_str(if token.len() > MASKED_TOKEN.len() {
            MASKED_TOKEN
        } else {
            token
        });
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
        assert_eq!(masked(text), "a \"Bearer fc_i_…\", fc_x, b=fc_i_…");
        assert_eq!(masked(MASKED_TOKEN), MASKED_TOKEN);
    }

    #[test]
    fn here_is_loopback() {
        for url in ["http://127.0.0.1:8080", "http://[::1]:1", "http://localhost:8080"] {
            assert!(is_local(url), "{url}");
        }
        for url in [
            "http://192.168.1.5:8080",
            "https://builds.example/x",
            "http://127.0.0.1.evil:80",
        ] {
            assert!(!is_local(url), "{url}");
        }
    }
}
