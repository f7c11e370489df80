//! `export`: writes one session as self-contained JSON.

use anyhow::{Context as _, Result};

use super::Context;
use super::session_client::{Database, SessionClient};
use crate::cli::ExportArgs;
use crate::terminal;

/// Writes the session to a file or to standard output.
///
/// # Errors
/// There is no such session, the file cannot be written, and the errors of [`SessionClient`].
pub(crate) fn run(context: &Context, args: &ExportArgs) -> Result<()> {
    let client = SessionClient::open(context, &args.sources, Database::ToRead)?;
    let json = client.export(&client.meant(&args.id)?)?;
    match &args.output {
        Some(path) => std::fs::write(path, &json).with_context(|| format!("cannot write {}", path.display())),
        None => {
            terminal::print(&String::from_utf8_lossy(&json));
            terminal::print("\n");
            Ok(())
        }
    }
}
