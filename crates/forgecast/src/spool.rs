//! Facts that no server has acknowledged yet, one file each, in a folder of this user alone. Whoever delivers them removes
//! them; the id in each makes a second delivery count for nothing. Nothing here is ever opened through a link.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::runtime_file::make_private;

/// The folder below the one for data.
const FOLDER: &str = "spool";
/// Where facts that no server will ever take are put, for a person to look at.
const ASIDE: &str = "refused";
/// More facts than these are not kept: a script in a loop must not fill the disk while nobody looks.
pub(crate) const MOST: usize = 20_000;
/// The largest fact.
pub(crate) const LARGEST: u64 = 1 << 20;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
}

impl Spool {
    /// The spool below a folder for data; nothing is made yet.
    pub(crate) fn within(data_folder: &Path) -> Self {
        Self {
            folder: data_folder.join(FOLDER),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a fact under a name that sorts by `at_ms`; whole or not at all.
    ///
    /// # Errors
    /// The folder cannot be written, belongs to somebody else, or is full.
    pub(crate) fn keep(&self, fact: &str, at_ms: i64) -> io::Result<PathBuf> {
        make_private(&self.folder)?;
        self.is_ours()?;
        if self.pending()?.len() >= MOST {
            let message = format!("{MOST} facts wait in {} already", self.folder.display());
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

    /// The facts that wait, oldest first.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    pub(crate) fn pending(&self) -> io::Result<Vec<PathBuf>> {
        files(&self.folder)
    }

    /// The facts that were set aside.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    pub(crate) fn set_aside(&self) -> io::Result<Vec<PathBuf>> {
        files(&self.aside())
    }

    /// Where they are.
    pub(crate) fn aside(&self) -> PathBuf {
        self.folder.join(ASIDE)
    }

    /// Puts a fact aside.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub(crate) fn put_aside(&self, path: &Path) -> io::Result<()> {
        let aside = self.aside();
        make_private(&aside)?;
        match path.file_name() {
            Some(name) => fs::rename(path, aside.join(name)),
            None => Ok(()),
        }
    }

    /// Reads a fact.
    ///
    /// # Errors
    /// It is no plain file of ours, or too large.
    pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no plain file"));
        }
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST {
            return Err(io::Error::other(format!("it is larger than {LARGEST} bytes")));
        }
        Ok(bytes)
    }

    /// Refuses a folder of somebody else: in a shared folder for temporary files anybody may have made it.
    pub(crate) fn is_ours(&self) -> io::Result<()> {
        let metadata = fs::symlink_metadata(&self.folder)?;
        if metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw() {
            return Ok(());
        }
        let message = format!("{} belongs to somebody else", self.folder.display());
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
        spool.put_aside(&first).unwrap();
        assert_eq!(spool.pending().unwrap(), [later]);
        assert_eq!(spool.set_aside().unwrap().len(), 1);
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
        fs::write(&giant, vec![b' '; usize::try_from(LARGEST).unwrap() + 1]).unwrap();
        assert!(Spool::read(&giant).unwrap_err().to_string().contains("larger"));
    }
}
