//! `forget`: deletes a session and everything stored about it.

use anyhow::{Result, bail};
use forgecast_protocol::SessionRef;

use super::Context;
use super::session_client::{self, Database, SessionClient};
use crate::cli::ForgetArgs;
use crate::terminal;

/// Deletes the session through the running server, else from the database, once that is confirmed.
///
/// # Errors
/// There is no such session, nobody can confirm it, and the errors of [`SessionClient`].
pub(crate) fn run(context: &Context, args: &ForgetArgs) -> Result<()> {
    let client = SessionClient::open(context, &args.sources, Database::Existing)?;
    let id = client.meant(&args.id)?;
    if !args.yes && !confirms(&id)? {
        terminal::print(&format!("kept {id}\n"));
        return Ok(());
    }
    if client.forget(&id)? {
        terminal::print(&format!("deleted {id}\n"));
        Ok(())
    } else {
        bail!(session_client::unknown(&id))
    }
}

/// Asks the person at the terminal.
fn confirms(id: &SessionRef) -> Result<bool> {
    let question = format!("Delete {id} and everything stored of it permanently? [y/N]");
    let Some(answer) = terminal::ask(&question) else {
        bail!("forget deletes {id} and everything stored of it permanently; confirm that with --yes")
    };
    Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
}
