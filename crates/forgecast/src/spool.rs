//! Facts that no server has acknowledged yet, one file per fact, in a folder that only this user can read. A file is removed
//! once its fact is delivered; because each fact has an id, a second delivery does not count. Links are never followed.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::private_folder::make_private;

/// The folder's name below the data folder.
const FOLDER: &str = "spool";
/// The subfolder for facts that no server accepts, for a person to inspect.
const QUARANTINE: &str = "refused";
/// The largest number of facts, so that a script in a loop cannot fill the disk.
pub(crate) const MAX_FACTS: usize = 20_000;
/// The size of the largest fact in bytes.
pub(crate) const MAX_FACT_BYTES: u64 = 1 << 20;

/// The spool folder.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
}

impl Spool {
    /// The spool in this data folder. Creates nothing.
    pub(crate) fn within(data_folder: &Path) -> Self {
        Self {
            folder: data_folder.join(FOLDER),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a fact atomically, under a name that sorts by `at_ms`.
    ///
    /// # Errors
    /// The folder cannot be written, belongs to another user, or has too many facts.
    pub(crate) fn keep(&self, fact: &str, at_ms: i64) -> io::Result<PathBuf> {
        make_private(&self.folder)?;
        self.check_owner()?;
        if self.pending()?.len() >= MAX_FACTS {
            let message = format!("{MAX_FACTS} facts are already waiting in {}", self.folder.display());
            return Err(io::Error::other(message));
        }
        let name = format!("{at_ms:015}-{:016x}.json", fastrand::u64(..));
        let beside = self.folder.join(format!(".{name}.new"));
        let path = self.folder.join(name);
        let written = write_new(&beside, fact).and_then(|()| fs::rename(&beside, &path));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written.map(|()| path)
    }

    /// The facts that are waiting, oldest first.
    ///
    /// # Errors
    /// The folder exists and cannot be read.
    pub(crate) fn pending(&self) -> io::Result<Vec<PathBuf>> {
        files(&self.folder)
    }

    /// The facts that no server accepts.
    ///
    /// # Errors
    /// The folder exists and cannot be read.
    pub(crate) fn quarantined(&self) -> io::Result<Vec<PathBuf>> {
        files(&self.quarantine_folder())
    }

    /// The folder of the facts that no server accepts.
    pub(crate) fn quarantine_folder(&self) -> PathBuf {
        self.folder.join(QUARANTINE)
    }

    /// Moves a fact that no server accepts into the quarantine folder.
    ///
    /// # Errors
    /// The file cannot be moved.
    pub(crate) fn quarantine(&self, path: &Path) -> io::Result<()> {
        let aside = self.quarantine_folder();
        make_private(&aside)?;
        fs::rename(path, aside.join(path.file_name().unwrap_or_default()))
    }

    /// Reads a fact.
    ///
    /// # Errors
    /// The path is not a regular file, or the file is too large.
    pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut bytes = Vec::new();
        file.take(MAX_FACT_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FACT_BYTES {
            return Err(io::Error::other(format!("it is larger than {MAX_FACT_BYTES} bytes")));
        }
        Ok(bytes)
    }

    /// Fails if the folder belongs to another user, who could have created it in a shared temporary folder.
    pub(crate) fn check_owner(&self) -> io::Result<()> {
        let metadata = fs::symlink_metadata(&self.folder)?;
        if metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw() {
            return Ok(());
        }
        let message = format!("{} belongs to another user", self.folder.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn facts_are_kept_in_order_for_their_owner_alone() {
        let data = tempfile::tempdir().unwrap();
        let spool = Spool::within(data.path());
        assert!(spool.pending().unwrap().is_empty(), "no folder yet");
        let later = spool.keep("{\"a\":2}", 2).unwrap();
        let first = spool.keep("{\"a\":1}", 1).unwrap();
        assert_eq!(spool.pending().unwrap(), [first.clone(), later.clone()]);
        assert_eq!(Spool::read(&first).unwrap(), b"{\"a\":1}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(spool.folder()), mode(&first)), (0o700, 0o600));
        spool.quarantine(&first).unwrap();
        assert_eq!(spool.pending().unwrap(), [later]);
        assert_eq!(spool.quarantined().unwrap().len(), 1);
    }

    #[test]
    fn links_and_giants_are_not_read() {
        let data = tempfile::tempdir().unwrap();
        let spool = Spool::within(data.path());
        let real = spool.keep("{}", 1).unwrap();
        let link = spool.folder().join("2.json");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(Spool::read(&link).is_err());
        let giant = spool.folder().join("3.json");
        fs::write(&giant, vec![b' '; usize::try_from(MAX_FACT_BYTES).unwrap() + 1]).unwrap();
        assert!(Spool::read(&giant).unwrap_err().to_string().contains("larger"));
    }
}
