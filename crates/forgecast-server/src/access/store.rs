//! `access.json` on disk: which tokens and share links there are, never a token itself. Written whole under a lock and
//! moved into place, for its owner only; a reader sees the one state or the next, and never half of one.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::issue::{ShareInfo, TokenInfo};

/// More than any list of tokens has; what is longer was not written by this program.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// 32 bytes, on disk as hexadecimal digits: a secret, or the SHA-256 of one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes32(pub(super) [u8; 32]);

impl Bytes32 {
    /// 32 bytes that nobody can guess.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn random() -> io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self(bytes))
    }

    pub(super) fn hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

impl Serialize for Bytes32 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hex())
    }
}

impl<'de> Deserialize<'de> for Bytes32 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = HEXLOWER.decode(text.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        // The text is not repeated: it may be the secret with a slip in it.
        bytes
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("not 64 hexadecimal digits"))
    }
}

/// The content of the file.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Document {
    /// What cookies are signed with.
    pub(super) secret: Bytes32,
    #[serde(default)]
    pub(super) tokens: Vec<Token>,
    #[serde(default)]
    pub(super) shares: Vec<Share>,
}

/// A token as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Token {
    #[serde(flatten)]
    pub(super) info: TokenInfo,
    /// SHA-256 of the token's text.
    pub(super) hash: Bytes32,
}

/// A share link as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Share {
    #[serde(flatten)]
    pub(super) info: ShareInfo,
    /// SHA-256 of the token's text.
    pub(super) hash: Bytes32,
}

/// What tells one state of the file from the next without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Of the file at `path`; nothing when there is none.
    ///
    /// # Errors
    /// It cannot be told.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(found) => Ok(Some(Self::from(&found))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl From<&fs::Metadata> for Stamp {
    fn from(found: &fs::Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

/// The file and the stamp that it had when it was read; nothing when there is none.
///
/// # Errors
/// It cannot be read; with `InvalidData`, it is not what this program wrote.
pub(super) fn read(path: &Path) -> io::Result<Option<(Document, Stamp)>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let stamp = Stamp::from(&file.metadata()?);
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text)?;
    let document = serde_json::from_slice(&text)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display())))?;
    Ok(Some((document, stamp)))
}

/// Takes the file from everybody but its owner, should somebody have given it to them. Says whether that was so.
///
/// # Errors
/// The permissions cannot be changed.
pub(super) fn make_private(path: &Path) -> io::Result<bool> {
    let mode = match fs::metadata(path) {
        Ok(found) => found.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if mode & 0o077 == 0 {
        return Ok(false);
    }
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(true)
}

/// The right to change the file, among all processes, until it is dropped.
pub(super) struct Lock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl Lock {
    /// Waits for it. The folder is made when there is none.
    ///
    /// # Errors
    /// The lock cannot be made.
    pub(super) fn take(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(beside(path, "lock"))?;
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(Self(file))
    }

    /// Puts `document` in the place of the file.
    ///
    /// # Errors
    /// It cannot be written; the file is then what it was.
    pub(super) fn write(&self, path: &Path, document: &Document) -> io::Result<Stamp> {
        let new = beside(path, "new");
        // One that was left behind by a kill could have other permissions.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        let mut text = serde_json::to_vec_pretty(document)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(Stamp::from(&file.metadata()?))
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}
