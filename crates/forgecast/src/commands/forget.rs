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
    if !args.yes && !confirms(&args.id)? {
        terminal::print(&format!("kept {}\n", args.id));
        return Ok(());
    }
    if client.forget(&args.id)? {
        terminal::print(&format!("deleted {}\n", args.id));
        Ok(())
    } else {
        bail!(session_client::unknown(&args.id))
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
