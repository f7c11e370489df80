//! A pseudoterminal for the command, and the raw mode in which the user's own terminal is meanwhile: keys are for the
//! command's terminal to interpret.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{self, OptionalActions, Termios};

/// A pseudoterminal. The command's end is closed here once the command has it, so that reading ends with the command.
#[derive(Debug)]
pub(super) struct Pty {
    pub(super) controller: OwnedFd,
    pub(super) command_end: File,
}

impl Pty {
    /// Opens one with the settings and the size of the user's terminal.
    pub(super) fn like(terminal: BorrowedFd<'_>) -> io::Result<Self> {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        fcntl_setfd(&controller, FdFlags::CLOEXEC)?;
        grantpt(&controller)?;
        unlockpt(&controller)?;
        let path = ptsname(&controller, Vec::new())?;
        let flags = i32::try_from(OFlags::NOCTTY.bits()).unwrap_or_default();
        let command_end = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(OsStr::from_bytes(path.to_bytes()))?;
        if let Ok(settings) = termios::tcgetattr(terminal) {
            termios::tcsetattr(&command_end, OptionalActions::Now, &settings)?;
        }
        copy_size(terminal, controller.as_fd());
        Ok(Self {
            controller,
            command_end,
        })
    }
}

/// Gives a terminal the size of another one. The kernel tells the command.
pub(super) fn copy_size(from: BorrowedFd<'_>, to: BorrowedFd<'_>) {
    if let Ok(size) = termios::tcgetwinsize(from) {
        // The command still runs in a terminal of another size.
        let _ = termios::tcsetwinsize(to, size);
    }
}

/// The user's terminal in raw mode; as it was again when this is dropped.
#[derive(Debug)]
pub(super) struct RawMode<'t> {
    terminal: BorrowedFd<'t>,
    before: Termios,
}

impl<'t> RawMode<'t> {
    /// Nothing if this process is in the background: then the terminal is another's.
    pub(super) fn enter(terminal: BorrowedFd<'t>) -> Option<Self> {
        if termios::tcgetpgrp(terminal).ok()? != rustix::process::getpgrp() {
            return None;
        }
        let before = termios::tcgetattr(terminal).ok()?;
        let raw = Self { terminal, before };
        raw.renew();
        Some(raw)
    }

    /// Sets it again: a shell that continues a stopped process has set modes of its own.
    pub(super) fn renew(&self) {
        let mut raw = self.before.clone();
        raw.make_raw();
        let _ = termios::tcsetattr(self.terminal, OptionalActions::Now, &raw);
    }
}

impl Drop for RawMode<'_> {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}
