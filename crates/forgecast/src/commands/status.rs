//! `status`: prints one session, once or at every change. `--watch` is a viewer like any other: a snapshot, then patches. On
//! a terminal the session is redrawn in place, elsewhere each change is a line.

use anyhow::{Context as _, Result, bail};
use forgecast_protocol::{ServerMessage, SessionRef, SessionView};
use forgecast_session::patch;
use serde_json::Value;

use super::Context;
use super::session_client::{self, Database, SessionClient};
use crate::cli::StatusArgs;
use crate::pipeline::local_calendar;
use crate::terminal::{self, LiveText};

/// Prints the session, and with `--watch` each change until the stream ends.
///
/// # Errors
/// There is no such session, there is no server to watch, and the errors of [`SessionClient`].
pub(crate) fn run(context: &Context, args: &StatusArgs) -> Result<()> {
    if args.watch {
        return watch(context, args);
    }
    let client = SessionClient::open(context, &args.sources, Database::ToRead)?;
    let id = client.meant(&args.id)?;
    if args.json {
        let view: Value = serde_json::from_slice(&client.view_json(&id)?)?;
        terminal::print_json(&view)?;
    } else {
        let view = client.view(&id)?;
        let now = forgecast_ingest::system_clock().now();
        let limits = client.limits()?;
        terminal::print(&terminal::session(&view, now, context.style()));
        terminal::print(&terminal::limits(
            &limits,
            &view.id,
            &local_calendar(),
            now,
            context.style(),
        ));
    }
    Ok(())
}

fn watch(context: &Context, args: &StatusArgs) -> Result<()> {
    let config = context.configure(args.sources.flags())?;
    let Some(client) = session_client::server(context, &config) else {
        bail!("--watch needs a running server; start one with `forgecast`, or omit --watch");
    };
    let client = SessionClient::Remote(client);
    let id = client.meant(&args.id)?;
    let mut follower = Follower {
        shown: match LiveText::on_terminal(&context.environment) {
            _ if args.json => Shown::Json,
            Some(live) => Shown::InPlace(live),
            None => Shown::Lines(None),
        },
        context,
        state: Value::Null,
        revision: 0,
    };
    client.follow(&id, |data| follower.apply(data, &id))
}

/// How changes are shown.
enum Shown {
    /// Each view as a line of JSON.
    Json,
    /// The whole session in place of what was shown before.
    InPlace(LiveText),
    /// First the whole session, then a line for each change; the last such line.
    Lines(Option<String>),
}

/// Applies the server's messages and shows what changed.
struct Follower<'c> {
    shown: Shown,
    context: &'c Context,
    state: Value,
    revision: u64,
}

impl Follower<'_> {
    fn apply(&mut self, data: &str, session: &SessionRef) -> Result<()> {
        match serde_json::from_str(data).context("the server sent an unknown message")? {
            ServerMessage::Snapshot { state, revision, .. } => {
                self.state = state;
                self.revision = revision;
                self.show()
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
                self.show()
            }
            // Ages grow although nothing changes.
            ServerMessage::Heartbeat { .. } if matches!(self.shown, Shown::InPlace(_)) && self.revision > 0 => {
                self.show()
            }
            ServerMessage::Removed { .. } => bail!("the session {session} was removed"),
            ServerMessage::Error { problem, .. } => bail!("{}", problem.detail.unwrap_or(problem.title)),
            _ => Ok(()),
        }
    }

    fn show(&mut self) -> Result<()> {
        if let Shown::Json = self.shown {
            terminal::print(&format!("{}\n", self.state));
            return Ok(());
        }
        let view: SessionView = serde_json::from_value(self.state.clone())
            .context("the session's state cannot be read; is the server of another version?")?;
        // The terminal may have another size by now.
        let style = self.context.style();
        let whole = || terminal::session(&view, forgecast_ingest::system_clock().now(), style);
        match &mut self.shown {
            Shown::Json => {}
            Shown::InPlace(live) => live.show(&whole()),
            Shown::Lines(last) => {
                let line = terminal::change(&view, style);
                match last {
                    None => terminal::print(&whole()),
                    Some(last) if *last == line => {}
                    Some(_) => terminal::print(&format!("{line}\n")),
                }
                *last = Some(line);
            }
        }
        Ok(())
    }
}
