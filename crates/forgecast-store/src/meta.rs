//! What the database remembers of itself from one process to the next: its epoch, the fold that made its snapshots, and
//! whether it was closed properly.

use std::hash::{BuildHasher, RandomState};

use forgecast_protocol::Epoch;
use rusqlite::{Connection, OptionalExtension, Result};

const EPOCH: &str = "epoch";
const CLEAN: &str = "clean";
const FOLD_VERSION: &str = "fold_version";

/// How a database was found, and the epoch that follows from it.
pub(crate) struct Beginning {
    pub(crate) epoch: Epoch,
    /// Whether it was closed properly; true for a new one.
    pub(crate) clean: bool,
}

/// Determines the epoch and marks the database as being in use. Revisions that were published may not have been
/// committed before an unclean stop, and another fold may number differently: both renew the epoch.
pub(crate) fn begin(connection: &mut Connection, fold_version: u32) -> Result<Beginning> {
    let transaction = connection.transaction()?;
    let stored = get(&transaction, EPOCH)?.and_then(|epoch| u32::try_from(epoch).ok());
    let clean = stored.is_none() || was_clean(&transaction)?;
    let same_fold = get(&transaction, FOLD_VERSION)? == Some(i64::from(fold_version));
    let number = match stored {
        Some(number) if clean && same_fold => number,
        other => another(other),
    };
    set(&transaction, EPOCH, i64::from(number))?;
    mark_in_use(&transaction)?;
    set(&transaction, FOLD_VERSION, i64::from(fold_version))?;
    transaction.commit()?;
    Ok(Beginning {
        epoch: Epoch::new(number),
        clean,
    })
}

/// Whether it was closed properly.
pub(crate) fn was_clean(connection: &Connection) -> Result<bool> {
    Ok(get(connection, CLEAN)? == Some(1))
}

/// An epoch for a database that cannot remember one.
pub(crate) fn passing_epoch() -> Epoch {
    Epoch::new(another(None))
}

/// Marks that something may have been published that is not stored in it.
pub(crate) fn mark_in_use(connection: &Connection) -> Result<()> {
    set(connection, CLEAN, 0)
}

/// Marks that everything that was published is stored.
pub(crate) fn mark_clean(connection: &Connection) -> Result<()> {
    set(connection, CLEAN, 1)
}

/// A random number other than the last one. The keys of the standard library's hash maps are the source of randomness.
fn another(last: Option<u32>) -> u32 {
    let hash = RandomState::new().hash_one(std::process::id());
    let number = u32::try_from(hash >> 32).unwrap_or(1);
    if Some(number) == last {
        number.wrapping_add(1)
    } else {
        number
    }
}

fn get(connection: &Connection, key: &str) -> Result<Option<i64>> {
    connection
        .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
        .optional()
}

fn set(connection: &Connection, key: &str, value: i64) -> Result<()> {
    connection.execute(
        "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
        rusqlite::params![key, value],
    )?;
    Ok(())
}
