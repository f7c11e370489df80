//! `forget`: removes a session and everything that is stored of it.

use anyhow::{Result, bail};

use super::Context;
use super::sight::{self, Sight};
use crate::cli::ForgetArgs;
use crate::terminal;

/// Removes the session, through the server when one runs, else from the database directly.
///
/// # Errors
/// There is no such session, and what [`Sight`] says.
pub(crate) fn run(context: &Context, args: &ForgetArgs) -> Result<()> {
    let sight = Sight::open_stored(context, &args.sources)?;
    let forgotten = sight.forget(&args.id);
    sight.close();
    if forgotten? {
        terminal::print(&format!("forgot {}\n", args.id));
        Ok(())
    } else {
        bail!(sight::unknown(&args.id))
    }
}
