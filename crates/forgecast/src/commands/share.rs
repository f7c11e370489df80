//! `share`: links to one session for people without a token. A link shows that session until it expires or is revoked, and
//! nothing else. A running server sees changes immediately.

use anyhow::{Context as _, Result, anyhow, bail};
use forgecast_protocol::{SessionId, SessionRef};
use forgecast_server::ShareInfo;
use serde_json::json;

use super::Context;
use super::session_client::{self, Database, SessionClient};
use super::token::minute;
use crate::access;
use crate::cli::ShareArgs;
use crate::config::Config;
use crate::runtime_file::Running;
use crate::server_urls::{self, ServerUrls};
use crate::terminal;

/// Creates, lists or revokes links.
///
/// # Errors
/// There is no such session or link, or the file of tokens and links cannot be read or written.
pub(crate) fn run(context: &Context, args: &ShareArgs) -> Result<()> {
    let config = context.configure(args.sources.flags())?;
    let running = session_client::running(context, &config);
    let db = running
        .as_ref()
        .map_or_else(|| config.db.clone(), |running| running.db.clone());
    let keys = access::open(&db)?;
    let written = || format!("cannot change {}", access::path(&db).display());
    if args.list {
        return list(context, args.json, &keys.shares());
    }
    if let Some(id) = &args.revoke {
        match keys.revoke_share(id).with_context(written)? {
            Some(share) if args.json => terminal::print_json(&json!(share))?,
            Some(share) => terminal::print(&format!("revoked the link {} to {}\n", share.id, share.session)),
            None => bail!("there is no link {id}; `forgecast share --list` lists the links"),
        }
        return Ok(());
    }
    let named = args.id.as_ref().context("name a session")?;
    let base = match &args.url {
        Some(url) => server_urls::parse(url)?,
        None => base(&config, running.as_ref())?,
    };
    let session = resolve(context, args, named)?;
    let (info, token) = keys.share(session, args.lifetime).with_context(written)?;
    let url = format!("{base}/session/{}#token={token}", info.session);
    if args.json {
        let mut shown = json!(info);
        shown["url"] = url.into();
        return Ok(terminal::print_json(&shown)?);
    }
    let style = context.style();
    terminal::print(&format!("{}\n", style.bold(&url)));
    let until = minute(info.expires_at);
    let note = format!(
        "  shows {} and nothing else until {until}; `forgecast share --revoke {}` revokes it",
        info.session, info.id
    );
    terminal::print(&format!("{}\n", style.dim(&note)));
    if args.url.is_none() && running.as_ref().is_none_or(|running| running.elsewhere.is_none()) {
        terminal::warn(
            "only this machine can reach that address; pass another with --url, or serve with --host 0.0.0.0",
        );
    }
    Ok(())
}

/// The run that the name means now, because a link must not move on to a later run.
fn resolve(context: &Context, args: &ShareArgs, named: &SessionRef) -> Result<SessionId> {
    let client = SessionClient::open(context, &args.sources, Database::ToRead)?;
    Ok(client.view(&client.meant(named)?)?.id)
}

/// The server's address for the recipient, without a slash at the end.
fn base(config: &Config, running: Option<&Running>) -> Result<String> {
    match running {
        Some(running) => Ok(running.elsewhere.clone().unwrap_or_else(|| running.url.clone())),
        None if config.port == 0 => Err(anyhow!(
            "no server is running and port is 0, so its address is not known; pass it with --url"
        )),
        None => Ok(ServerUrls::of((config.host, config.port).into(), config).likeliest()),
    }
}

fn list(context: &Context, as_json: bool, shares: &[ShareInfo]) -> Result<()> {
    if as_json {
        terminal::print_json(&json!(shares))?;
    } else if shares.is_empty() {
        terminal::print("There are no links.\n");
    } else {
        let now = forgecast_ingest::system_clock().now();
        terminal::print(&terminal::shares(shares, now, context.style()));
    }
    Ok(())
}
