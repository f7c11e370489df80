//! `sessions`: lists the sessions.

use anyhow::Result;

use super::Context;
use super::session_client::{Database, SessionClient};
use crate::cli::SessionsArgs;
use crate::terminal;

/// Prints the list, newest work first.
///
/// # Errors
/// The errors of [`SessionClient`].
pub(crate) fn run(context: &Context, args: &SessionsArgs) -> Result<()> {
    let mut rows = SessionClient::open(context, &args.sources, Database::ToRead)?.rows()?;
    if let Some(status) = args.status {
        rows.retain(|row| row.status == status);
    }
    if args.json {
        terminal::print_json(&rows)?;
    } else {
        let now = forgecast_ingest::system_clock().now();
        terminal::print(&terminal::sessions(&rows, now, context.style()));
    }
    Ok(())
}
