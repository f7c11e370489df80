//! `access.json` on disk: the tokens and share links, each with its hash and never with its text. It is written as a whole
//! under a lock and renamed into place, readable by its owner only; a reader sees one state or the next, never half of one.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use data_encoding::HEXLOWER;
use forgecast_protocol::{SessionId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Role, TokenScope};
use crate::atomic_file;

/// More than any list of tokens takes; a longer file was not written by this program.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// 32 bytes, on disk as hexadecimal digits: a secret, or the SHA-256 of one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes32(pub(super) [u8; 32]);

impl Bytes32 {
    /// 32 random bytes from the system.
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
        // The error does not repeat the text: it may be a mistyped secret.
        bytes
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("not 64 hexadecimal digits"))
    }
}

/// The content of the file.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Document {
    /// Signs cookies.
    pub(super) secret: Bytes32,
    #[serde(default)]
    pub(super) tokens: Vec<Issued<TokenInfo>>,
    #[serde(default)]
    pub(super) shares: Vec<Issued<ShareInfo>>,
}

/// A token without its text or hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// Eight hexadecimal digits.
    pub id: String,
    /// What it allows.
    pub role: Role,
    /// Its name, which no other token has.
    pub name: String,
    /// When it was issued.
    pub created_at: Timestamp,
    /// To what it is restricted, if it is for watching.
    #[serde(flatten)]
    pub scope: TokenScope,
}

/// A share link without its text or hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareInfo {
    /// Eight hexadecimal digits.
    pub id: String,
    /// The one session that it shows.
    pub session: SessionId,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was issued.
    pub created_at: Timestamp,
}

/// A token or a share link as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Issued<Info> {
    #[serde(flatten)]
    pub(super) info: Info,
    /// SHA-256 of the token's text.
    pub(super) hash: Bytes32,
}

/// Device, inode, size and the times of modification and change: tells whether the file changed without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp([u64; 3], [i64; 4]);

impl Stamp {
    /// The stamp of the file at `path`; `None` when it does not exist.
    ///
    /// # Errors
    /// The file's metadata cannot be read.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        Ok(if_exists(fs::metadata(path))?.as_ref().map(Self::from))
    }
}

/// `None` when there is no such file.
fn if_exists<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

impl From<&fs::Metadata> for Stamp {
    fn from(found: &fs::Metadata) -> Self {
        Self(
            [found.dev(), found.ino(), found.size()],
            [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()],
        )
    }
}

/// The content of the file and its stamp; `None` when it does not exist.
///
/// # Errors
/// It cannot be read; with `InvalidData`, it is not what this program wrote.
pub(super) fn read(path: &Path) -> io::Result<Option<(Document, Stamp)>> {
    let Some(file) = if_exists(File::open(path))? else {
        return Ok(None);
    };
    let stamp = Stamp::from(&file.metadata()?);
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text)?;
    let document = serde_json::from_slice(&text)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display())))?;
    Ok(Some((document, stamp)))
}

/// Makes the file readable by its owner only; `true` when it was readable by others.
///
/// # Errors
/// The permissions cannot be changed.
pub(super) fn make_private(path: &Path) -> io::Result<bool> {
    let mode = if_exists(fs::metadata(path))?.map_or(0, |found| found.permissions().mode());
    if mode & 0o077 == 0 {
        return Ok(false);
    }
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(true)
}

/// The lock on changes of the file, among all processes, until it is dropped.
pub(super) struct Lock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl Lock {
    /// Waits for the lock. Creates the folder when it does not exist.
    ///
    /// # Errors
    /// The lock cannot be made.
    pub(super) fn take(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(lock)?;
        file.lock()?;
        Ok(Self(file))
    }

    /// Replaces the file with `document`.
    ///
    /// # Errors
    /// It cannot be written; the file then stays as it was.
    pub(super) fn write(&self, path: &Path, document: &Document) -> io::Result<Stamp> {
        let mut text = serde_json::to_vec_pretty(document)?;
        text.push(b'\n');
        let file = atomic_file::replace(path, &text, 0o600)?;
        Ok(Stamp::from(&file.metadata()?))
    }
}
