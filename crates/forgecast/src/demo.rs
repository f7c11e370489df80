//! A producer and nothing more: builds that never happened, written to real files the way coding agents write them.
//! It must never hand anything to the pipeline but files; what the dashboard shows of it went through every stage.

mod content;
mod documents;
mod script;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use forgecast_protocol::{Clock, Timestamp};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use content::Blueprint;
use script::{Cast, Step};

/// Share of a build that lies behind it when the demo begins: the first is new, the others are under way, so that the
/// overview shows different phases at once.
const HEAD_STARTS: [f64; 5] = [0.0, 0.34, 0.62, 0.16, 0.8];

/// What to play.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The folder that gets one project folder per build.
    pub(crate) into: PathBuf,
    /// How many builds run side by side.
    pub(crate) builds: u32,
    /// How much faster than the script; 1 lets a build take three to four minutes.
    pub(crate) speed: f64,
    /// The same seed plays the same builds.
    pub(crate) seed: u64,
    /// Every build once, from its beginning, instead of one after another for ever.
    pub(crate) once: bool,
}

/// A file that the demo could not write.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub(crate) struct WriteError {
    pub(crate) path: PathBuf,
    pub(crate) source: std::io::Error,
}

/// One place in the row of builds: plays a build in its folder, then the next.
struct Slot {
    number: u32,
    options: Options,
    clock: Clock,
}

/// The builds of a demo, each brought to where it stands when the demo begins.
pub(crate) struct Demo {
    running: Vec<(Slot, Playing)>,
}

/// A build that is being played.
struct Playing {
    steps: Vec<Step>,
    folder: PathBuf,
    /// Position in the list of steps.
    next: usize,
    /// The time at which step time zero was (or would have been).
    began: Instant,
}

impl Demo {
    /// Writes what lies behind each build already, so that a server that starts now finds builds under way.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) async fn prepare(options: &Options, clock: &Clock) -> Result<Self, WriteError> {
        let mut running = Vec::new();
        for number in 0..options.builds {
            let slot = Slot {
                number,
                options: options.clone(),
                clock: clock.clone(),
            };
            let head_start = if options.once {
                0.0
            } else {
                HEAD_STARTS[number as usize % HEAD_STARTS.len()]
            };
            let playing = slot.begin(0, head_start).await?;
            running.push((slot, playing));
        }
        Ok(Self { running })
    }

    /// Plays until `shutdown`, or until every build ended when each is played once.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) async fn play(self, shutdown: CancellationToken) -> Result<(), WriteError> {
        let mut slots = JoinSet::new();
        for (slot, playing) in self.running {
            slots.spawn(slot.play(playing));
        }
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                ended = slots.join_next() => match ended {
                    None => return Ok(()),
                    Some(Ok(result)) => result?,
                    Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
                },
            }
        }
    }
}

impl Slot {
    /// Sets up the slot's build number `round` and writes the part of it that lies behind.
    async fn begin(&self, round: u32, head_start: f64) -> Result<Playing, WriteError> {
        let (blueprint, folder_name, run) = self.assignment(round);
        let seed = self
            .options
            .seed
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .wrapping_add(u64::from(self.number) << 32 | u64::from(round));
        let folder = self.options.into.join(&folder_name);
        let cast = Cast {
            blueprint,
            session: &folder_name,
            run,
            seed,
        };
        let behind_ms = share(script::length_ms(&cast), head_start);
        let behind = Duration::from_millis(behind_ms).div_f64(self.options.speed);
        let begins_at = minus(self.clock.now(), behind);
        let mut playing = Playing {
            steps: script::write(&cast, begins_at, self.options.speed),
            folder,
            next: 0,
            began: Instant::now().checked_sub(behind).unwrap_or_else(Instant::now),
        };
        while playing.step().is_some_and(|step| step.at_ms < behind_ms) {
            playing.perform(writer::Pace::AtOnce).await?;
        }
        Ok(playing)
    }

    /// Which project the slot builds in this round. A slot keeps to its own projects, so that two builds never share a
    /// folder; when it has been through them it builds the first one again: a second run in the same folder.
    fn assignment(&self, round: u32) -> (&'static Blueprint, String, u32) {
        let all = content::BLUEPRINTS;
        let slots = self.options.builds.max(1);
        let count = u32::try_from(all.len()).unwrap_or(1);
        let per_slot = (count / slots).clamp(1, 2);
        let turn = round % per_slot;
        let index = self.number + turn * slots;
        let blueprint = &all[(index % count) as usize];
        let name = match index / count {
            0 => blueprint.name.to_owned(),
            again => format!("{}-{}", blueprint.name, again + 1),
        };
        (blueprint, name, round / per_slot + 1)
    }

    async fn play(self, mut playing: Playing) -> Result<(), WriteError> {
        let mut round = 0;
        loop {
            while let Some(step) = playing.step() {
                let due = Duration::from_millis(step.at_ms).div_f64(self.options.speed);
                tokio::time::sleep_until(playing.began + due).await;
                playing.perform(writer::Pace::AsAgentsDo).await?;
            }
            if self.options.once {
                return Ok(());
            }
            let pause = Duration::from_secs(20).div_f64(self.options.speed);
            tokio::time::sleep(pause).await;
            round += 1;
            playing = self.begin(round, 0.0).await?;
        }
    }
}

impl Playing {
    fn step(&self) -> Option<&Step> {
        self.steps.get(self.next)
    }

    async fn perform(&mut self, pace: writer::Pace) -> Result<(), WriteError> {
        if let Some(step) = self.steps.get(self.next) {
            writer::perform(&self.folder, &step.action, pace).await?;
            self.next += 1;
        }
        Ok(())
    }
}

fn share(length_ms: u64, part: f64) -> u64 {
    Duration::from_millis(length_ms)
        .mul_f64(part)
        .as_millis()
        .try_into()
        .unwrap_or(0)
}

fn minus(time: Timestamp, behind: Duration) -> Timestamp {
    time.plus_millis(-i64::try_from(behind.as_millis()).unwrap_or(0))
}

#[cfg(test)]
mod tests;
