//! The faults, drawn by a seed: the same seed gives the same faults in the same order.

use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::load::Load;
use crate::process::{Server, pause};

/// How long a process is frozen, a folder away, a file half written.
const FOR: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// The server is killed and started again.
    Killed,
    /// The server is asked to stop and started again.
    Stopped,
    /// The server is frozen for a while.
    Frozen,
    /// All viewers lose their connections at once.
    Disconnected,
    /// Twenty phase files are cut in the middle for a while.
    Half,
    /// Twenty project folders are away for a while.
    Away,
    /// Twenty viewers connect and read nothing.
    Deaf,
}

impl Fault {
    const ALL: [Self; 7] = [
        Self::Killed,
        Self::Stopped,
        Self::Frozen,
        Self::Disconnected,
        Self::Half,
        Self::Away,
        Self::Deaf,
    ];

    pub(super) fn draw(random: &mut Random) -> Self {
        Self::ALL[random.below(Self::ALL.len())]
    }

    /// Lets it happen; returns when it is over.
    pub(super) fn happen(
        self,
        server: &mut Option<Server>,
        start: impl Fn() -> Result<Server>,
        load: &Load,
    ) -> Result<()> {
        match self {
            Self::Killed => {
                // A server that is dropped is killed.
                drop(server.take());
                *server = Some(start()?);
            }
            Self::Stopped => {
                server.take().context("a server")?.stop()?;
                *server = Some(start()?);
            }
            Self::Frozen => {
                let server = server.as_ref().context("a server")?;
                server.signal(Signal::STOP)?;
                pause(FOR);
                server.signal(Signal::CONT)?;
            }
            Self::Disconnected => load.viewers.disconnect(),
            Self::Half => load.with_some_halves(|| pause(FOR))?,
            Self::Away => load.with_some_away(|| pause(FOR))?,
            Self::Deaf => {
                let server = server.as_ref().context("a server")?;
                load.with_deaf_viewers(server.address, || pause(FOR))?;
            }
        }
        Ok(())
    }
}

/// Numbers that follow from a seed (splitmix64).
pub(super) struct Random(u64);

impl Random {
    /// As it is after so many draws.
    pub(super) fn after(seed: u64, draws: u64) -> Self {
        let mut random = Self(seed);
        for _ in 0..draws {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap_or_default()
    }
}
