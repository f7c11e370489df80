//! `sessions`: lists the sessions.

use anyhow::Result;

use super::Context;
use super::session_client::SessionClient;
use crate::cli::{SessionsArgs, StatusWord};
use crate::terminal::{self, Style};
use forgecast_protocol::SessionStatus;

/// Prints the list, newest work first.
///
/// # Errors
/// The errors of [`SessionClient`].
pub(crate) fn run(context: &Context, args: &SessionsArgs) -> Result<()> {
    let client = SessionClient::open(context, &args.sources)?;
    let mut rows = client.rows()?;
    client.close();
    if let Some(word) = args.status {
        rows.retain(|row| row.status == status(word));
    }
    if args.json {
        terminal::print(&format!("{}\n", serde_json::to_string_pretty(&rows)?));
    } else {
        let now = forgecast_ingest::system_clock().now();
        terminal::print(&terminal::sessions(&rows, now, Style::of_stdout(&context.environment)));
    }
    Ok(())
}

fn status(word: StatusWord) -> SessionStatus {
    match word {
        StatusWord::Running => SessionStatus::Running,
        StatusWord::Waiting => SessionStatus::Waiting,
        StatusWord::Stalled => SessionStatus::Stalled,
        StatusWord::Completed => SessionStatus::Completed,
        StatusWord::Failed => SessionStatus::Failed,
        StatusWord::Abandoned => SessionStatus::Abandoned,
    }
}
