//! `status`: prints one session, once or at every change. `--watch` is a viewer like any other: a snapshot, then patches.

use anyhow::{Context as _, Result, bail};
use forgecast_protocol::{ServerMessage, SessionRef, SessionView};
use forgecast_session::patch;
use serde_json::Value;

use super::Context;
use super::session_client::{self, Database, SessionClient};
use crate::cli::StatusArgs;
use crate::terminal::{self, Style};

/// Prints the session, and with `--watch` each change until the stream ends.
///
/// # Errors
/// There is no such session, there is no server to watch, and the errors of [`SessionClient`].
pub(crate) fn run(context: &Context, args: &StatusArgs) -> Result<()> {
    if args.watch {
        return watch(context, args);
    }
    let client = SessionClient::open(context, &args.sources, Database::ToRead)?;
    if args.json {
        let view: Value = serde_json::from_slice(&client.view_json(&args.id)?)?;
        terminal::print_json(&view)?;
    } else {
        let view = client.view(&args.id)?;
        let now = forgecast_ingest::system_clock().now();
        terminal::print(&terminal::session(&view, now, context.style()));
    }
    Ok(())
}

fn watch(context: &Context, args: &StatusArgs) -> Result<()> {
    let config = context.configure(args.sources.flags())?;
    let Some(client) = session_client::server(context, &config) else {
        bail!("--watch needs a running server; start one with `forgecast`, or omit --watch");
    };
    let mut follower = Follower {
        json: args.json,
        style: context.style(),
        state: Value::Null,
        revision: 0,
        last: None,
    };
    let path = format!("/api/v1/sessions/{}/live", args.id);
    if client.follow(&path, |data| follower.apply(data, &args.id))? {
        Ok(())
    } else {
        bail!(session_client::unknown(&args.id))
    }
}

/// Applies the server's messages and prints what changed.
struct Follower {
    json: bool,
    style: Style,
    state: Value,
    revision: u64,
    last: Option<String>,
}

impl Follower {
    fn apply(&mut self, data: &str, session: &SessionRef) -> Result<()> {
        match serde_json::from_str(data).context("the server sent an unknown message")? {
            ServerMessage::Snapshot { state, revision, .. } => {
                let first = self.state.is_null();
                self.state = state;
                self.revision = revision;
                self.show(first)
            }
            ServerMessage::Patch {
                from, revision, patch, ..
            } => {
                if from != self.revision {
                    bail!(
                        "the stream has a gap between revisions {} and {from}; run the command again",
                        self.revision
                    );
                }
                patch::merge(&mut self.state, &patch);
                self.revision = revision;
                self.show(false)
            }
            ServerMessage::Removed { .. } => bail!("the session {session} was removed"),
            ServerMessage::Error { problem, .. } => bail!("{}", problem.detail.unwrap_or(problem.title)),
            _ => Ok(()),
        }
    }

    fn show(&mut self, first: bool) -> Result<()> {
        if self.json {
            terminal::print(&format!("{}\n", self.state));
            return Ok(());
        }
        let view: SessionView = serde_json::from_value(self.state.clone())
            .context("the session's state cannot be read; is the server of another version?")?;
        let line = terminal::change(&view, self.style);
        if first {
            let now = forgecast_ingest::system_clock().now();
            terminal::print(&terminal::session(&view, now, self.style));
        } else if self.last.as_ref() != Some(&line) {
            terminal::print(&format!("{line}\n"));
        }
        self.last = Some(line);
        Ok(())
    }
}
