//! Reads and atomically replaces settings files of other programs and the user's prices, with a
//! backup beside them, and records what was added to settings so that it can be undone. A file that
//! changed since it was read is not replaced.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use forgecast_protocol::Timestamp;
use forgecast_server::atomic_file;
use serde::{Deserialize, Serialize};

use super::Added;
use crate::private_folder::make_private;

/// The size of the largest file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// How a token begins in settings.
const TOKEN: &str = "Bearer fc_";

/// The text of a file; none if there is no file.
///
/// # Errors
/// It cannot be read, is not a regular file, not UTF-8 or too large.
pub(crate) fn read(path: &Path) -> Result<Option<String>> {
    let described = || format!("cannot read {}", path.display());
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Ok(target) = fs::read_link(path) {
                bail!(
                    "{} is a link to {}, which is not there; create that file, or remove the link",
                    path.display(),
                    target.display()
                );
            }
            return Ok(None);
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            let folder = path.parent().unwrap_or(path);
            bail!("{} is not a folder", folder.display())
        }
        Err(error) => return Err(error).with_context(described),
        Ok(metadata) if !metadata.is_file() || metadata.len() > MAX_BYTES => {
            bail!(
                "{} is not a regular file of at most {} MiB",
                path.display(),
                MAX_BYTES >> 20
            )
        }
        Ok(_) => {}
    }
    fs::read_to_string(path).map(Some).with_context(described)
}

/// Replaces the text `before` by `after`, where none means that there is no file. Returns the path of the backup.
///
/// # Errors
/// The file changed meanwhile, or cannot be written.
pub(crate) fn replace(
    path: &Path,
    before: Option<&str>,
    after: Option<&str>,
    now: Timestamp,
) -> Result<Option<PathBuf>> {
    // The settings may be a link to a file elsewhere; the link stays.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if read(&target)?.as_deref() != before {
        bail!(
            "{} was changed by another program; run the command again",
            path.display()
        );
    }
    let backup = before.map(|text| back_up(path, text, now)).transpose()?;
    let described = || format!("cannot write {}", path.display());
    match after {
        None => fs::remove_file(&target).with_context(described)?,
        Some(text) => {
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder).with_context(described)?;
            }
            // A file with a token is readable for its owner only.
            let mode = match fs::metadata(&target) {
                Ok(there) if !text.contains(TOKEN) => there.permissions().mode() & 0o777,
                _ => 0o600,
            };
            atomic_file::replace(&target, text.as_bytes(), mode).with_context(described)?;
        }
    }
    Ok(backup)
}

/// `settings.json.forgecast-backup-20261122T001500Z`, with a number appended if that exists.
fn back_up(path: &Path, text: &str, now: Timestamp) -> Result<PathBuf> {
    let time = now.to_string();
    let time = time.split('.').next().unwrap_or_default().replace(['-', ':'], "");
    let mut name = path.to_owned().into_os_string();
    name.push(format!(".forgecast-backup-{time}Z"));
    let mut backup = PathBuf::from(&name);
    let mode = fs::metadata(path).map_or(0o600, |metadata| metadata.permissions().mode() & 0o777);
    for number in 2..100 {
        let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(&backup);
        match made {
            Ok(mut file) => {
                file.write_all(text.as_bytes())
                    .with_context(|| format!("cannot write {}", backup.display()))?;
                return Ok(backup);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let mut other = name.clone();
                other.push(format!("-{number}"));
                backup = other.into();
            }
            Err(error) => return Err(error).with_context(|| format!("cannot write {}", backup.display())),
        }
    }
    bail!("there are too many backups of {}", path.display())
}

/// What `init` did to files, stored in the data folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Records {
    files: BTreeMap<PathBuf, Record>,
}

/// What `init` did to one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    pub(crate) added: Added,
    /// The file before the first change; none if it did not exist.
    pub(crate) before: Option<String>,
    /// The file after the last change; none if somebody else changed it in between, so the original is not known.
    pub(crate) after: Option<String>,
}

impl Record {
    /// The original file, if the file was not changed by anything else since.
    pub(crate) fn original(&self, text: &str) -> Option<Option<String>> {
        (self.after.as_deref() == Some(text)).then(|| self.before.clone())
    }
}

impl Records {
    fn path(data_folder: &Path) -> PathBuf {
        data_folder.join("init.json")
    }

    /// Loads the records; empty if they cannot be read.
    pub(crate) fn load(data_folder: &Path) -> Self {
        let bytes = fs::read(Self::path(data_folder)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    pub(crate) fn of(&self, file: &Path) -> Option<&Record> {
        self.files.get(file)
    }

    /// Stores or removes the record of a file.
    ///
    /// # Errors
    /// The records cannot be written.
    pub(crate) fn keep(&mut self, data_folder: &Path, file: &Path, record: Option<Record>) -> Result<()> {
        match record {
            Some(record) => self.files.insert(file.to_owned(), record),
            None => self.files.remove(file),
        };
        let path = Self::path(data_folder);
        let text = serde_json::to_string_pretty(self)?;
        make_private(data_folder)
            .and_then(|()| atomic_file::replace(&path, text.as_bytes(), 0o600).map(drop))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_795_305_600_000)
    }

    #[test]
    fn a_file_is_replaced_with_a_backup_and_keeps_its_mode_and_its_link() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("dotfiles.json");
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        let path = folder.path().join("settings.json");
        std::os::unix::fs::symlink(&real, &path).unwrap();
        let backup = replace(&path, Some("old"), Some("new"), now()).unwrap().unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("new"));
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_to_string(&backup).unwrap(), "old");
        let name = backup.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.starts_with("settings.json.forgecast-backup-2026"), "{name}");
        let second = replace(&path, Some("new"), Some("newer"), now()).unwrap().unwrap();
        assert_ne!(backup, second);
    }

    #[test]
    fn a_link_that_leads_nowhere_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        std::os::unix::fs::symlink("elsewhere.json", &path).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(
            error.contains("is a link to elsewhere.json, which is not there"),
            "{error}"
        );
        assert!(replace(&path, None, Some("new"), now()).is_err());
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink() && !path.exists());
    }

    #[test]
    fn a_file_with_a_token_in_it_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        replace(&path, Some("old"), Some("\"Bearer fc_i_x\""), now()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_changed_since_it_was_read_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        fs::write(&path, "theirs").unwrap();
        assert!(replace(&path, Some("old"), Some("new"), now()).is_err());
        assert!(replace(&path, None, Some("new"), now()).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        let fresh = folder.path().join("a/settings.json");
        assert_eq!(replace(&fresh, None, Some("new"), now()).unwrap(), None);
        assert_eq!(read(&fresh).unwrap().as_deref(), Some("new"));
        replace(&fresh, Some("new"), None, now()).unwrap();
        assert_eq!(read(&fresh).unwrap(), None);
    }

    #[test]
    fn a_folder_is_not_read_as_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("is not a regular file of at most 4 MiB"), "{error}");
    }

    #[test]
    fn records_are_kept_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let file = Path::new("/home/ann/.claude/settings.json");
        let record = Record {
            before: Some("{}".to_owned()),
            after: Some("{\"a\":1}".to_owned()),
            ..Record::default()
        };
        Records::load(&data).keep(&data, file, Some(record.clone())).unwrap();
        let mut again = Records::load(&data);
        assert_eq!(again.of(file), Some(&record));
        assert_eq!(record.original("{\"a\":1}"), Some(Some("{}".to_owned())));
        assert_eq!(record.original("{\"a\":2}"), None);
        again.keep(&data, file, None).unwrap();
        assert_eq!(Records::load(&data), Records::default());
    }
}
