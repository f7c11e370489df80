//! `forget`: deletes a session and everything stored about it.

use anyhow::{Result, bail};

use super::Context;
use super::session_client::{self, SessionClient};
use crate::cli::ForgetArgs;
use crate::terminal;

/// Deletes the session through the running server, else from the database.
///
/// # Errors
/// There is no such session, and the errors of [`SessionClient`].
pub(crate) fn run(context: &Context, args: &ForgetArgs) -> Result<()> {
    let client = SessionClient::open_stored(context, &args.sources)?;
    let forgotten = client.forget(&args.id);
    client.close();
    if forgotten? {
        terminal::print(&format!("deleted {}\n", args.id));
        Ok(())
    } else {
        bail!(session_client::unknown(&args.id))
    }
}
