//! `forget`: deletes a session and everything stored about it.

use anyhow::{Result, bail};

use super::Context;
use super::session_client::{self, Database, SessionClient};
use crate::cli::ForgetArgs;
use crate::terminal;

/// Deletes the session through the running server, else from the database.
///
/// # Errors
/// There is no such session, and the errors of [`SessionClient`].
pub(crate) fn run(context: &Context, args: &ForgetArgs) -> Result<()> {
    let client = SessionClient::open(context, &args.sources, Database::Existing)?;
    if client.forget(&args.id)? {
        terminal::print(&format!("deleted {}\n", args.id));
        Ok(())
    } else {
        bail!(session_client::unknown(&args.id))
    }
}
