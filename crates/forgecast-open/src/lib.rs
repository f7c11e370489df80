//! The one opener for every path that an agent can influence: beneath a configured folder, through no link of any kind,
//! plain files with one name only, and never a pipe, socket or device.
//!
//! On Linux the kernel decides (`openat2` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS`), so a
//! folder that is swapped for a link at the worst moment changes nothing; elsewhere each component is opened with
//! `O_NOFOLLOW` from the one before.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use forgecast_protocol::FileIdentity;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

#[cfg(target_os = "linux")]
mod linux;
mod stepwise;

/// Why a path was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is nothing of that name.
    #[error("{path}: not there")]
    Missing {
        /// The path as it was asked for.
        path: String,
    },
    /// It is a link, a pipe, a socket, a device, a folder, or leads out of the folder.
    #[error("{path}: {what}, which is never opened")]
    Refused {
        /// The path as it was asked for.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// It is larger than is read.
    #[error("{path}: {size} bytes, more than the {limit} that are read")]
    Oversize {
        /// The path as it was asked for.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The system refused.
    #[error("cannot {operation} {path}")]
    Io {
        /// `open`, `list`, `read`.
        operation: &'static str,
        /// The path as it was asked for.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl OpenError {
    fn io(operation: &'static str, path: &Path, errno: Errno) -> Self {
        let path = path.to_string_lossy().into_owned();
        match errno {
            Errno::NOENT | Errno::NOTDIR => Self::Missing { path },
            Errno::LOOP | Errno::XDEV | Errno::MLINK => Self::Refused {
                path,
                what: "a link or a way out of the folder",
            },
            Errno::NXIO | Errno::NODEV => Self::Refused {
                path,
                what: "a socket, pipe or device",
            },
            errno => Self::Io {
                operation,
                path,
                source: errno.into(),
            },
        }
    }

    fn refused(path: &Path, what: &'static str) -> Self {
        Self::Refused {
            path: path.to_string_lossy().into_owned(),
            what,
        }
    }

    /// Whether there is nothing of that name.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

/// A folder from which files are opened. The folder itself is trusted (an operator named it, or it was opened beneath
/// one that was), nothing under it is.
#[derive(Debug)]
pub struct Base(OwnedFd);

/// A file that is open, and which one it is.
#[derive(Debug)]
pub struct Opened {
    /// The open file, at its beginning.
    pub file: File,
    /// As it was when it was opened.
    pub identity: FileIdentity,
}

/// What a name in a folder stands for, by the folder's own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A plain file.
    File,
    /// Anything else: links, pipes, sockets, devices.
    Other,
}

/// Who changes the files of a file system, and whether the system here hears of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileSystem {
    /// Only the kernel here, which can notify of every change.
    Local,
    /// Nothing is known of it.
    #[default]
    Unknown,
    /// Others too, without the system here noticing: a network or user-space file system.
    Remote,
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: OsString,
    /// What it is.
    pub kind: EntryKind,
    /// The file's number on its device.
    pub inode: u64,
}

/// No more names of one folder are looked at: a folder of a million files must not cost a gigabyte.
const MAX_ENTRIES: usize = 200_000;

#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const LISTING: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW);
const READING: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY);

impl Base {
    /// Opens a folder that an operator configured; links in its own path are followed.
    ///
    /// # Errors
    /// When it is not there, not a folder, or not ours to enter.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        rustix::fs::open(path, FOLDER, Mode::empty())
            .map(Self)
            .map_err(|errno| OpenError::io("open the folder", path, errno))
    }

    /// Opens a folder beneath this one, itself to be used as a base. The empty path is this folder.
    ///
    /// # Errors
    /// When it is not there, or a link stands anywhere on the way.
    pub fn sub(&self, relative: &Path) -> Result<Self, OpenError> {
        self.beneath(relative, FOLDER | OFlags::NOFOLLOW, "open the folder")
            .map(Self)
    }

    /// Opens a folder beneath this one that may be a link itself, to anywhere: it is followed if the link, the folder it
    /// stands in and the folder it leads to belong to the same user, who could as well have put the files here. What is
    /// opened beneath it is opened through no further link.
    ///
    /// # Errors
    /// When it is not there, leads to no folder, to somebody else's or to one that it is in itself, or a link stands
    /// anywhere on the way to it.
    pub fn sub_or_link(&self, relative: &Path) -> Result<Self, OpenError> {
        let Some(name) = relative.file_name().map(Path::new) else {
            return self.sub(relative);
        };
        check(relative)?;
        let folder = self.sub(relative.parent().unwrap_or(Path::new("")))?;
        let link = folder.status(name)?;
        if FileType::from_raw_mode(link.st_mode) != FileType::Symlink {
            return self.sub(relative);
        }
        let failed = |errno| OpenError::io("open the folder", relative, errno);
        let target = rustix::fs::openat(&folder.0, name, FOLDER, Mode::empty()).map_err(failed)?;
        let owner = rustix::fs::fstat(&folder.0).map_err(failed)?.st_uid;
        let stat = rustix::fs::fstat(&target).map_err(failed)?;
        if link.st_uid != owner || stat.st_uid != owner {
            return Err(OpenError::refused(relative, "a link of or to another user's folder"));
        }
        if folder.is_within(&stat).map_err(failed)? {
            return Err(OpenError::refused(relative, "a link to a folder around it"));
        }
        Ok(Self(target))
    }

    /// Whether this is the folder, or one below it.
    fn is_within(&self, folder: &Stat) -> Result<bool, Errno> {
        let same = |one: &Stat, other: &Stat| (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino);
        let mut at = rustix::fs::fstat(&self.0)?;
        let mut parent = rustix::fs::openat(&self.0, "..", FOLDER, Mode::empty())?;
        while !same(&at, folder) {
            let above = rustix::fs::fstat(&parent)?;
            // The root is its own parent.
            if same(&at, &above) {
                return Ok(false);
            }
            at = above;
            parent = rustix::fs::openat(&parent, "..", FOLDER, Mode::empty())?;
        }
        Ok(true)
    }

    /// Opens a plain file of at most `limit` bytes for reading.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn file(&self, relative: &Path, limit: u64) -> Result<Opened, OpenError> {
        // A look before the open: even a non-blocking open of a pipe would wake its writer, and one of a device may act.
        judge(relative, &self.status(relative)?)?;
        let fd = self.beneath(relative, READING, "open")?;
        // The truth about what was opened, in case it was swapped since.
        let stat = rustix::fs::fstat(&fd).map_err(|errno| OpenError::io("open", relative, errno))?;
        judge(relative, &stat)?;
        let identity = identity(&stat);
        if identity.size > limit {
            return Err(OpenError::Oversize {
                path: relative.to_string_lossy().into_owned(),
                size: identity.size,
                limit,
            });
        }
        Ok(Opened {
            file: File::from(fd),
            identity,
        })
    }

    /// Which file stands at this path, without opening it.
    ///
    /// # Errors
    /// When there is none, or the way to it is closed.
    pub fn stat(&self, relative: &Path) -> Result<FileIdentity, OpenError> {
        self.status(relative).map(|stat| identity(&stat))
    }

    /// Whether the folder can be listed, and which one it is.
    ///
    /// # Errors
    /// When it is gone or may not be listed.
    pub fn enter(&self) -> Result<FileIdentity, OpenError> {
        let fd = self.beneath(Path::new(""), LISTING, "list")?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| OpenError::io("list", Path::new("."), errno))?;
        Ok(identity(&stat))
    }

    /// On what kind of file system the folder is.
    #[must_use]
    pub fn file_system(&self) -> FileSystem {
        #[cfg(target_os = "linux")]
        return linux::file_system(self.0.as_fd());
        #[cfg(not(target_os = "linux"))]
        FileSystem::Unknown
    }

    fn status(&self, relative: &Path) -> Result<Stat, OpenError> {
        let result = if relative.as_os_str().is_empty() {
            rustix::fs::fstat(&self.0)
        } else {
            check(relative)?;
            rustix::fs::statat(&self.0, relative, AtFlags::SYMLINK_NOFOLLOW)
        };
        result.map_err(|errno| OpenError::io("look at", relative, errno))
    }

    /// The names in a folder, in no order; links and special files are named as [`EntryKind::Other`].
    ///
    /// # Errors
    /// When it is not there, not readable, or a link stands on the way.
    pub fn list(&self, relative: &Path) -> Result<Vec<Entry>, OpenError> {
        let fd = self.beneath(relative, LISTING, "list")?;
        let failed = |errno| OpenError::io("list", relative, errno);
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::new(fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let bytes = entry.file_name().to_bytes();
            if bytes == b"." || bytes == b".." {
                continue;
            }
            let name = std::ffi::OsStr::from_bytes(bytes).to_owned();
            let kind = match entry.file_type() {
                FileType::Directory => EntryKind::Folder,
                FileType::RegularFile => EntryKind::File,
                // Some file systems do not say; only then a `stat` per name is needed.
                FileType::Unknown => match self.status(&relative.join(&name)) {
                    Ok(stat) => kind(&stat),
                    Err(_) => continue,
                },
                _ => EntryKind::Other,
            };
            entries.push(Entry {
                name,
                kind,
                inode: entry.ino(),
            });
            if entries.len() >= MAX_ENTRIES {
                break;
            }
        }
        Ok(entries)
    }

    fn beneath(&self, relative: &Path, flags: OFlags, operation: &'static str) -> Result<OwnedFd, OpenError> {
        check(relative)?;
        let path = if relative.as_os_str().is_empty() {
            Path::new(".")
        } else {
            relative
        };
        #[cfg(target_os = "linux")]
        if let Some(opened) = linux::open(self.0.as_fd(), path, flags) {
            return opened.map_err(|errno| OpenError::io(operation, relative, errno));
        }
        stepwise::open(self.0.as_fd(), path, flags).map_err(|errno| OpenError::io(operation, relative, errno))
    }
}

/// Reads a plain file beneath `root` whole, at most `limit` bytes of it.
///
/// # Errors
/// See [`OpenError`].
pub fn read(root: &Path, relative: &Path, limit: u64) -> Result<(Vec<u8>, FileIdentity), OpenError> {
    let mut opened = Base::open(root)?.file(relative, limit)?;
    let bytes = opened.read_all(relative, limit)?;
    Ok((bytes, opened.identity))
}

impl Opened {
    /// The rest of the file, at most `limit` bytes.
    ///
    /// # Errors
    /// When reading fails, or when it has grown beyond the limit since it was opened.
    pub fn read_all(&mut self, relative: &Path, limit: u64) -> Result<Vec<u8>, OpenError> {
        let expected = usize::try_from(self.identity.size.min(limit)).unwrap_or(0);
        let mut bytes = Vec::with_capacity(expected.saturating_add(1));
        let io = |source| OpenError::Io {
            operation: "read",
            path: relative.to_string_lossy().into_owned(),
            source,
        };
        (&self.file)
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(io)?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > limit {
            return Err(OpenError::Oversize {
                path: relative.to_string_lossy().into_owned(),
                size,
                limit,
            });
        }
        Ok(bytes)
    }

    /// Which file it is now: differs from [`Opened::identity`] when it was written to since.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn identity_now(&self) -> io::Result<FileIdentity> {
        Ok(identity(&rustix::fs::fstat(&self.file)?))
    }
}

/// Only plain steps downwards.
fn check(relative: &Path) -> Result<(), OpenError> {
    if relative.as_os_str().as_bytes().contains(&0) {
        return Err(OpenError::refused(relative, "a name with a NUL"));
    }
    if relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return Ok(());
    }
    Err(OpenError::refused(relative, "a way out of the folder"))
}

/// A plain file with one name: a second name could belong to a file elsewhere that only we may read.
#[allow(
    clippy::useless_conversion,
    reason = "the width of the count differs between systems"
)]
fn judge(relative: &Path, stat: &Stat) -> Result<(), OpenError> {
    let what = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if u64::from(stat.st_nlink) > 1 => "a file with several names (hard links)",
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        _ => "a device",
    };
    Err(OpenError::refused(relative, what))
}

fn kind(stat: &Stat) -> EntryKind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => EntryKind::Folder,
        FileType::RegularFile => EntryKind::File,
        _ => EntryKind::Other,
    }
}

#[allow(
    clippy::useless_conversion,
    clippy::unnecessary_fallible_conversions,
    reason = "the widths of these fields differ between systems"
)]
fn identity(stat: &Stat) -> FileIdentity {
    let nanoseconds = |seconds: i64, part: i64| seconds.saturating_mul(1_000_000_000).saturating_add(part);
    FileIdentity {
        device: u64::try_from(stat.st_dev).unwrap_or(0),
        inode: u64::try_from(stat.st_ino).unwrap_or(0),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mtime_ns: nanoseconds(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
        ctime_ns: nanoseconds(stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests;
