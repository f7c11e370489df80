//! `backup` and `restore`: a copy of the whole database, made while it is in use, and the way back.

use anyhow::Result;
use forgecast_ingest::system_clock;
use forgecast_store::{Contents, Restored};

use super::{Context, Flags};
use crate::cli::{BackupArgs, DatabaseArgs, RestoreArgs};
use crate::config::key;
use crate::terminal::{self, counted};

/// Writes a copy of the database, whether or not a server has it open.
///
/// # Errors
/// There is no database, the file exists or cannot be written.
pub(crate) fn backup(context: &Context, args: &BackupArgs) -> Result<()> {
    let config = context.configure(args.database.flags())?;
    let contents = forgecast_store::backup(&config.db, &args.file)?;
    terminal::print(&format!(
        "backed up {} to {}: {}\n",
        config.db.display(),
        args.file.display(),
        described(&contents)
    ));
    Ok(())
}

/// Puts a copy in the place of the database, which is kept under another name.
///
/// # Errors
/// A server has the database open, or the file is no whole database of this version or an earlier one.
pub(crate) fn restore(context: &Context, args: &RestoreArgs) -> Result<()> {
    let config = context.configure(args.database.flags())?;
    let Restored { contents, replaced } = forgecast_store::restore(&args.file, &config.db, system_clock().now())?;
    terminal::print(&format!(
        "restored {} from {}: {}\n",
        config.db.display(),
        args.file.display(),
        described(&contents)
    ));
    if let Some(replaced) = replaced {
        terminal::print(&format!("the database that was there is now {}\n", replaced.display()));
    }
    Ok(())
}

impl DatabaseArgs {
    fn flags(&self) -> Flags {
        let mut flags = Flags::default();
        flags.set_path(key!(db), self.db.as_deref());
        flags
    }
}

/// `12.5 MiB, 3 sessions, 412 facts, 9000 log lines, the newest fact of 2026-01-31T08:15:00.250Z`.
fn described(contents: &Contents) -> String {
    let parts = [
        terminal::size(contents.bytes),
        counted(contents.sessions, "session"),
        counted(contents.facts, "fact"),
        counted(contents.log_lines, "log line"),
    ];
    let newest = contents.newest.map(|at| format!(", the newest fact of {at}"));
    parts.join(", ") + &newest.unwrap_or_default()
}
