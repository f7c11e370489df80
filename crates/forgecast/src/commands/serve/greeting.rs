//! The message at the start: where the server is, who gets in by what, and what it found. Tokens are in it once, when they
//! were made; it must never repeat them.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use forgecast_hub::Hub;
use forgecast_hub::query::RowQuery;
use forgecast_protocol::SessionStatus;
use forgecast_protocol::health::{RootKind, RootState, SourceHealth};
use forgecast_server::{Role, TokenInfo};
use tokio::sync::watch;

use crate::config::Config;
use crate::pipeline;
use crate::reach::Reach;
use crate::terminal::{self, Style, one_line};

/// How long the message waits for the first look at everything; a big tree goes on behind it.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Clone, Copy)]
pub(super) struct Greeting<'a> {
    pub(super) style: Style,
    pub(super) config: &'a Config,
    pub(super) db: &'a Path,
    pub(super) reach: &'a Reach,
    /// Of the certificate, when there is one.
    pub(super) fingerprint: Option<&'a str>,
}

impl Greeting<'_> {
    /// Where it is, and who gets in: `tokens` there are, and `made` are those of them that are new, with their texts.
    pub(super) fn say(self, tokens: &[TokenInfo], made: &[(TokenInfo, String)]) {
        terminal::print(&self.text(tokens, made, terminal::columns()));
        if self.reach.is_exposed() && self.fingerprint.is_none() && self.config.server.trusted_proxies.is_empty() {
            terminal::warn(
                "others can reach this address and nothing is encrypted: whoever can listen on the way can read along and take the \
                 tokens; add --tls-self-signed, or put a proxy with https before it (docs/security.md)",
            );
        }
    }

    fn text(self, tokens: &[TokenInfo], made: &[(TokenInfo, String)], columns: usize) -> String {
        let text_of = |role| made.iter().find(|(info, _)| info.role == role).map(|(_, text)| text);
        let entry = text_of(Role::View)
            .map(|token| format!("/#token={token}"))
            .unwrap_or_else(|| "/".to_owned());
        let elsewhere = self.reach.elsewhere();
        let mut text = format!("forgecast {}\n", env!("CARGO_PKG_VERSION"));
        self.line(&mut text, "dashboard", &self.style.bold(&self.reach.dashboard()));
        for (index, url) in elsewhere.iter().enumerate() {
            let label = if index == 0 { "elsewhere" } else { "" };
            self.line(&mut text, label, &self.style.bold(&format!("{url}{entry}")));
        }
        if let Some(fingerprint) = self.fingerprint {
            self.line(&mut text, "tls", &format!("SHA-256 {fingerprint}"));
        }
        self.line(&mut text, "database", &one_line(&self.db.display().to_string()));
        if made.is_empty() {
            if self.wants_tokens() {
                self.line(&mut text, "tokens", &listed(tokens));
            }
            return text;
        }
        for (info, token) in made {
            let may = match info.role {
                Role::View => "to watch",
                Role::Ingest => "to send facts",
                Role::Admin => "for everything",
            };
            self.line(
                &mut text,
                "token",
                &format!("{}  {}", self.style.bold(token), self.style.dim(may)),
            );
        }
        self.line(
            &mut text,
            "",
            &self
                .style
                .dim("shown this once; `forgecast token` makes, lists and ends them"),
        );
        if let Some(first) = elsewhere.first()
            && let Some(code) = terminal::qr(&format!("{first}{entry}"), columns.saturating_sub(2), self.style)
        {
            text.push('\n');
            text.push_str(&code);
            text.push('\n');
        }
        text
    }

    fn wants_tokens(self) -> bool {
        self.reach.is_exposed() || self.config.requires_local_tokens()
    }

    fn line(self, text: &mut String, label: &str, value: &str) {
        let _ = writeln!(text, "  {}  {value}", self.style.dim(&format!("{label:9}")));
    }

    /// The rest of the message, once everything that is there was looked at.
    pub(super) async fn found(self, hub: Hub, health: watch::Receiver<SourceHealth>) {
        let settled = pipeline::settled(&hub, health.clone(), FIRST_LOOK).await;
        let health = health.borrow().clone();
        let mut text = String::new();
        for folder in folders(&health) {
            self.line(&mut text, "watching", &folder);
        }
        let (sessions, running) = count_sessions(&hub).await;
        let so_far = if settled { "" } else { " so far" };
        let (projects, sessions) = (count(health.projects, "project"), count(sessions, "session"));
        self.line(
            &mut text,
            "found",
            &format!("{projects}, {sessions}, {running} running{so_far}"),
        );
        terminal::print(&text);
    }
}

/// What tokens there are, without what they are.
fn listed(tokens: &[TokenInfo]) -> String {
    const MOST: usize = 6;
    let names = tokens
        .iter()
        .take(MOST)
        .map(|token| match token.name == token.role.as_str() {
            true => token.name.clone(),
            false => format!("{} ({})", one_line(&token.name), token.role),
        });
    let mut names: Vec<String> = names.collect();
    if tokens.len() > MOST {
        names.push(format!("{} more", tokens.len() - MOST));
    }
    format!(
        "{}; `forgecast token rotate` makes new ones and shows them",
        names.join(", ")
    )
}

/// How many sessions there are, and how many of them are at work. Asks for rows: the index and the counters are a moment
/// behind by design.
async fn count_sessions(hub: &Hub) -> (u64, u64) {
    let mut query = RowQuery {
        limit: 1_000,
        ..RowQuery::default()
    };
    let (mut all, mut running) = (0, 0);
    loop {
        let page = hub.rows(query.clone()).await;
        let page = page.inspect_err(|error| tracing::warn!(%error, "cannot count the sessions"));
        for row in page.iter().flat_map(|page| &page.rows) {
            all += 1;
            running += u64::from(row.status == SessionStatus::Running);
        }
        query.cursor = page.ok().and_then(|page| page.next_cursor);
        if query.cursor.is_none() {
            return (all, running);
        }
    }
}

/// Each folder with how it is. What is wrong with one is in the log as well, and in the dashboard.
fn folders(health: &SourceHealth) -> Vec<String> {
    let described = health.roots.iter().map(|root| {
        let found = match root.kind {
            RootKind::Projects => count(root.projects, "project"),
            RootKind::Checkpoints => format!("checkpoints, {}", count(root.projects, "session")),
            RootKind::Logs => "logs".to_owned(),
            RootKind::Claude | RootKind::Codex | RootKind::Foundry => count(root.projects, "transcript"),
        };
        let state = match root.state {
            RootState::Watching => found,
            RootState::Polling => format!("{found}, polled"),
            RootState::Missing => "does not exist; watched as soon as it does".to_owned(),
            RootState::Unreadable => "cannot be read; watched as soon as it can be".to_owned(),
        };
        format!("{} ({state})", one_line(&root.path.display().to_string()))
    });
    described.collect()
}

fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
