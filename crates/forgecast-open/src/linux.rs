//! Opening beneath a folder in one step, decided by the kernel (`openat2`, Linux 5.6).

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::FileSystem;

/// The system call is not there (old kernel) or not allowed (some sandboxes); learned once.
static UNAVAILABLE: AtomicBool = AtomicBool::new(false);

/// `None` when the system has no `openat2` for us.
pub(super) fn open(base: BorrowedFd<'_>, relative: &Path, flags: OFlags) -> Option<Result<OwnedFd, Errno>> {
    if UNAVAILABLE.load(Ordering::Relaxed) {
        return None;
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    // EAGAIN: a folder on the way was renamed during the lookup.
    for _ in 0..8 {
        match rustix::fs::openat2(base, relative, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(Errno::NOSYS) => {
                UNAVAILABLE.store(true, Ordering::Relaxed);
                return None;
            }
            // Sandboxes answer EPERM to calls they do not know; the slower way tells whether it was about this file.
            Err(Errno::PERM) => return None,
            result => return Some(result),
        }
    }
    Some(Err(Errno::AGAIN))
}

/// Magic numbers of file systems that others write to behind the kernel's back: NFS, SMB, CIFS, SMB2, 9P, FUSE (sshfs,
/// virtiofs), Ceph, AFS, Coda, Lustre, vboxsf.
const REMOTE: [u64; 11] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x0102_1997,
    0x6573_5546,
    0x00c3_6400,
    0x5346_414f,
    0x7375_7245,
    0x0bd0_0bd0,
    0x786f_4256,
];

/// Magic numbers of file systems that only the kernel here writes to, and that it notifies of: ext2 to ext4, XFS, Btrfs,
/// tmpfs, F2FS, ZFS, bcachefs. Not overlayfs: what is written to its layers beneath it is not told.
const LOCAL: [u64; 7] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0x0102_1994,
    0xf2f5_2010,
    0x2fc1_2fc1,
    0xca45_1a4e,
];

pub(super) fn file_system(folder: BorrowedFd<'_>) -> FileSystem {
    let kind = rustix::fs::fstatfs(folder).ok();
    let kind = kind.and_then(|status| u64::try_from(status.f_type).ok());
    match kind.map(|kind| kind & 0xffff_ffff) {
        Some(kind) if REMOTE.contains(&kind) => FileSystem::Remote,
        Some(kind) if LOCAL.contains(&kind) => FileSystem::Local,
        _ => FileSystem::Unknown,
    }
}
