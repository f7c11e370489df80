//! `notify`: tests targets, lists what was sent, silences, and sends again. The running server does all of it.

use anyhow::{Context as _, Result, bail};
use forgecast_protocol::rest::{
    Notification, NotificationRetry, NotificationState, NotificationTest, Notifications, Retried, Silence, Silenced,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::session_client;
use super::{Context, Flags};
use crate::cli::{NotifyArgs, NotifyCommand};
use crate::client::Client;
use crate::config::key;
use crate::terminal;

/// Runs one of the `notify` commands.
///
/// # Errors
/// No server runs, it rejects the request, or a test message was not delivered.
pub(crate) fn run(context: &Context, args: &NotifyArgs) -> Result<()> {
    let mut flags = Flags::default();
    flags.set_path(key!(db), args.db.as_deref());
    let config = context.configure(flags)?;
    let server = session_client::server(context, &config).context("no server runs here; start it with `forgecast`")?;
    match &args.command {
        NotifyCommand::Test { target } => test(&server, args.json, target),
        NotifyCommand::List => list(context, &server, args.json),
        NotifyCommand::Retry { target } => {
            if let Some(target) = target {
                check_target(&server, target)?;
            }
            let retried: Retried = post(&server, "retry", &NotificationRetry { target: target.clone() })?;
            if args.json {
                return Ok(terminal::print_json(&retried)?);
            }
            let messages = terminal::counted(retried.messages.into(), "message");
            terminal::print(&format!(
                "{messages} to send; `forgecast notify list` shows what became of them\n"
            ));
            Ok(())
        }
        NotifyCommand::Silence { length, end } => {
            let length = length.filter(|_| !end).unwrap_or_default();
            let seconds = u32::try_from(length.as_secs()).unwrap_or(u32::MAX);
            let silenced: Silenced = post(&server, "silence", &Silence { seconds })?;
            match silenced.until {
                _ if args.json => terminal::print_json(&silenced)?,
                Some(until) => terminal::print(&format!(
                    "nothing is sent until {}; what is still needed is sent then\n",
                    super::token::minute(until)
                )),
                None => terminal::print("notifications are sent\n"),
            }
            Ok(())
        }
    }
}

fn test(server: &Client, as_json: bool, target: &str) -> Result<()> {
    check_target(server, target)?;
    let target = target.to_owned();
    let sent: Notification = post(server, "test", &NotificationTest { target })?;
    if as_json {
        terminal::print_json(&sent)?;
    } else if sent.state == NotificationState::Delivered {
        terminal::print(&format!("{} took the message\n", sent.target));
    }
    match sent.state {
        NotificationState::Delivered => Ok(()),
        _ => bail!("{}: {}", sent.target, sent.error.unwrap_or_default()),
    }
}

fn list(context: &Context, server: &Client, as_json: bool) -> Result<()> {
    let shown = overview(server)?;
    if as_json {
        return Ok(terminal::print_json(&shown)?);
    }
    if shown.targets.is_empty() {
        terminal::print("No targets are configured; docs/notifications.md says how.\n");
    }
    let now = forgecast_ingest::system_clock().now();
    terminal::print(&terminal::notifications(&shown, now, context.style()));
    Ok(())
}

fn overview(server: &Client) -> Result<Notifications> {
    let shown = server.get("/api/v1/notifications")?;
    shown.context("the server is of an older version and calls nobody")
}

fn check_target(server: &Client, name: &str) -> Result<()> {
    let targets = overview(server)?.targets;
    if targets.iter().any(|target| target.name == name) {
        return Ok(());
    }
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    match names.as_slice() {
        [] => bail!("no targets are configured; docs/notifications.md says how"),
        names => bail!("no target is called {name:?}; there are {}", names.join(", ")),
    }
}

fn post<T: DeserializeOwned>(server: &Client, what: &str, body: &impl Serialize) -> Result<T> {
    let body = serde_json::to_vec(body).context("cannot write the request")?;
    let answer = server.post(&format!("/api/v1/notifications/{what}"), &body)?;
    answer.map_err(anyhow::Error::msg)
}
