//! Opening beneath a folder component by component, each with `O_NOFOLLOW`: for systems without `openat2`.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::FOLDER;

/// `relative` holds plain components only.
pub(super) fn open(base: BorrowedFd<'_>, relative: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut parts = relative.components().peekable();
    let mut folder: Option<OwnedFd> = None;
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let flags = if last { flags } else { FOLDER } | OFlags::NOFOLLOW;
        let next = match &folder {
            Some(folder) => rustix::fs::openat(folder, part.as_os_str(), flags, Mode::empty()),
            None => rustix::fs::openat(base, part.as_os_str(), flags, Mode::empty()),
        }?;
        if last {
            return Ok(next);
        }
        folder = Some(next);
    }
    Err(Errno::INVAL)
}
