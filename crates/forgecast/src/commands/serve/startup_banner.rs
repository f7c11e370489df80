//! What `serve` prints at the start: the server's addresses, its tokens and what it found. A token's text is printed only
//! when the token is created, and never again.

use std::path::Path;
use std::time::Duration;

use forgecast_hub::Hub;
use forgecast_protocol::SessionStatus;
use forgecast_protocol::health::{RootHealth, RootKind, RootState, SourceHealth};
use forgecast_protocol::rest::SessionsQuery;
use forgecast_server::{Role, TokenInfo};
use tokio::sync::watch;

use crate::config::Config;
use crate::pipeline;
use crate::server_urls::ServerUrls;
use crate::terminal::{self, Progress, Style, Unit, counted, one_line};

/// How long the banner waits for the first scan; the scan of a large tree continues afterwards.
const FIRST_SCAN: Duration = Duration::from_secs(10);

/// What the banner is made from.
#[derive(Clone, Copy)]
pub(super) struct StartupBanner<'a> {
    pub(super) style: Style,
    pub(super) config: &'a Config,
    pub(super) db: &'a Path,
    /// What is wrong with the database.
    pub(super) notices: &'a [String],
    pub(super) urls: &'a ServerUrls,
    /// The certificate's SHA-256 fingerprint, if there is a certificate.
    pub(super) fingerprint: Option<&'a str>,
}

impl StartupBanner<'_> {
    /// Prints addresses and tokens. `made` are the tokens that this start created, with their text.
    pub(super) fn print(self, tokens: &[TokenInfo], made: &[(TokenInfo, String)]) {
        terminal::print(&self.text(tokens, made));
        if self.urls.is_exposed() && self.fingerprint.is_none() && self.config.server.trusted_proxies.is_empty() {
            terminal::warn(
                "this address is reachable from the network and connections are not encrypted, so others on the network can read \
                 everything, including tokens; add --tls-self-signed, or use a reverse proxy with https (docs/security.md)",
            );
        }
    }

    fn text(self, tokens: &[TokenInfo], made: &[(TokenInfo, String)]) -> String {
        let style = self.style;
        let text_of = |role| made.iter().find(|(info, _)| info.role == role).map(|(_, text)| text);
        let entry = text_of(Role::View)
            .map(|token| format!("/#token={token}"))
            .unwrap_or_else(|| "/".to_owned());
        let elsewhere = self.urls.network_urls();
        let mut text = format!("forgecast {}\n", env!("CARGO_PKG_VERSION"));
        let mut line = |label: &str, value: &str| text.push_str(&style.labeled(label, value));
        line("dashboard", &style.bold(&self.urls.dashboard()));
        for (index, url) in elsewhere.iter().enumerate() {
            let label = if index == 0 { "elsewhere" } else { "" };
            line(label, &style.bold(&format!("{url}{entry}")));
        }
        if let Some(fingerprint) = self.fingerprint {
            line("tls", &format!("SHA-256 {fingerprint}"));
        }
        line("database", &one_line(&self.db.display().to_string()));
        for notice in self.notices {
            line("problem", &style.bold(&one_line(notice)));
        }
        if made.is_empty() {
            if self.urls.is_exposed() || self.config.requires_local_tokens() {
                line("tokens", &listed(tokens));
            }
            return text;
        }
        for (info, token) in made {
            let may = match info.role {
                Role::View => "to view",
                Role::Ingest => "to send facts",
                Role::Approve => "to approve",
                Role::Admin => "for full access",
            };
            line("token", &format!("{}  {}", style.bold(token), style.dim(may)));
        }
        let note = "shown only once; `forgecast token` creates, lists and revokes tokens";
        line("", &style.dim(note));
        if let Some(first) = elsewhere.first()
            && let Some(code) = terminal::qr(&format!("{first}{entry}"), style)
        {
            text.push_str(&format!("\n{code}\n"));
        }
        text
    }

    /// Prints the watched folders and what was found in them, after the first scan or [`FIRST_SCAN`], and shows how far the
    /// reading of archives is.
    pub(super) async fn print_findings(self, hub: Hub, reports: watch::Receiver<SourceHealth>) {
        let settled = pipeline::settled(&hub, reports.clone(), FIRST_SCAN).await;
        let health = reports.borrow().clone();
        let mut text = String::new();
        for root in &health.roots {
            text += &match (&root.message, root.state) {
                (Some(message), RootState::Unreadable) => self.style.labeled("problem", &one_line(message)),
                _ => self.style.labeled("watching", &folder(root)),
            };
        }
        let (sessions, running) = count_sessions(&hub).await;
        let so_far = if settled { "" } else { " so far" };
        let (projects, sessions) = (counted(health.projects, "project"), counted(sessions, "session"));
        let found = format!("{projects}, {sessions}, {running} running{so_far}");
        text += &self.style.labeled("found", &found);
        terminal::print(&text);
        show_indexing(reports).await;
    }
}

/// Shows how far the reading of archives is, until all that wait are read.
async fn show_indexing(mut reports: watch::Receiver<SourceHealth>) {
    let progress = Progress::of("indexing transcripts", Unit::Bytes);
    loop {
        let Some(indexing) = reports.borrow_and_update().indexing else {
            return;
        };
        progress.at(indexing.bytes_done, indexing.bytes);
        if reports.changed().await.is_err() {
            return;
        }
    }
}

/// The names of the tokens.
fn listed(tokens: &[TokenInfo]) -> String {
    const MAX_NAMES: usize = 6;
    let names = tokens
        .iter()
        .take(MAX_NAMES)
        .map(|token| match token.name == token.role.as_ref() {
            true => token.name.clone(),
            false => format!("{} ({})", one_line(&token.name), token.role),
        });
    let mut names: Vec<String> = names.collect();
    if tokens.len() > MAX_NAMES {
        names.push(format!("{} more", tokens.len() - MAX_NAMES));
    }
    format!(
        "{}; `forgecast token rotate` replaces them and prints the new ones",
        names.join(", ")
    )
}

/// How many sessions there are, and how many of them are running. Counts rows, because the index and the counters lag
/// slightly behind.
async fn count_sessions(hub: &Hub) -> (u64, u64) {
    let mut query = SessionsQuery {
        limit: 1_000,
        ..SessionsQuery::default()
    };
    let (mut all, mut running) = (0, 0);
    loop {
        let page = hub.rows(query.clone()).await;
        let page = page.inspect_err(|error| tracing::warn!(%error, "cannot count the sessions"));
        for row in page.iter().flat_map(|page| &page.sessions) {
            all += 1;
            running += u64::from(row.status == SessionStatus::Running);
        }
        query.cursor = page.ok().and_then(|page| page.next_cursor);
        if query.cursor.is_none() {
            return (all, running);
        }
    }
}

/// A folder with its state. Problems are in the log and in the dashboard as well.
fn folder(root: &RootHealth) -> String {
    let found = match &root.kind {
        RootKind::Projects => counted(root.projects, "project"),
        RootKind::Checkpoints => format!("checkpoints, {}", counted(root.projects, "session")),
        RootKind::Logs => "logs".to_owned(),
        RootKind::Agent(_) => counted(root.projects, "transcript"),
    };
    let state = match root.state {
        RootState::Watching => found,
        RootState::Polling => format!("{found}, polled"),
        RootState::Missing => "does not exist; will be watched once it does".to_owned(),
        RootState::Unreadable => "cannot be read".to_owned(),
    };
    format!("{} ({state})", one_line(&root.path.display().to_string()))
}
