//! Simulated builds: writes the files and the agent transcripts of builds that never happened, in the way coding agents write
//! them. It passes nothing but files to the pipeline, so the demo goes through every stage.

mod agent;
mod content;
mod documents;
mod script;
mod side_tasks;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use forgecast_protocol::{Clock, Timestamp};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use agent::Workspace;
use content::Blueprint;
use script::BuildSpec;
use writer::{Pace, Step};

/// The part of each build that is done when the demo starts, so that the overview shows different phases immediately.
const HEAD_STARTS: [f64; 5] = [0.0, 0.34, 0.62, 0.16, 0.8];

/// Options of the demo.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The folder for the project folders of the builds; an absolute path without links.
    pub(crate) into: PathBuf,
    /// The folder of Claude Code, which gets the transcripts.
    pub(crate) claude: PathBuf,
    /// How many builds run at the same time.
    pub(crate) builds: u32,
    /// The speed factor; at 1 a build takes three to four minutes.
    pub(crate) speed: f64,
    /// The random seed; the same seed gives the same builds.
    pub(crate) seed: u64,
    /// Runs every build once, from its beginning, instead of one after another forever.
    pub(crate) once: bool,
}

/// A file that the demo could not write.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub(crate) struct WriteError {
    pub(crate) path: PathBuf,
    pub(crate) source: std::io::Error,
}

/// A source of simulated work, which plays one round after the other.
struct Player {
    work: Work,
    options: Options,
    clock: Clock,
}

enum Work {
    /// The builds of one slot, each in its folder; the number of the slot.
    Builds(u32),
    /// The side tasks of an agent without a build, in the session with this id, which is the same while the demo runs.
    SideTasks(String),
}

/// The builds of a demo and the idle agent, each at its starting point.
pub(crate) struct Demo {
    running: Vec<(Player, Progress)>,
}

/// A running build or round of side tasks.
struct Progress {
    /// What is still to do.
    steps: Vec<Step>,
    folder: PathBuf,
    /// When step time zero was, or would have been.
    began: Instant,
}

impl Demo {
    /// Writes the part of each build that is done, so that a server that starts now finds running builds.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) async fn prepare(options: &Options, clock: &Clock) -> Result<Self, WriteError> {
        let side_tasks = Work::SideTasks(agent::session_id(options.seed, clock.now()));
        let work = (0..options.builds).map(Work::Builds).chain([side_tasks]);
        let mut running = Vec::new();
        for (number, work) in work.enumerate() {
            let (options, clock) = (options.clone(), clock.clone());
            let head_start = match options.once {
                true => 0.0,
                false => HEAD_STARTS[number % HEAD_STARTS.len()],
            };
            let player = Player { work, options, clock };
            let progress = player.begin(0, head_start).await?;
            running.push((player, progress));
        }
        Ok(Self { running })
    }

    /// Runs until `shutdown`, or until every build has ended if each runs once.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) async fn play(self, shutdown: CancellationToken) -> Result<(), WriteError> {
        let mut players = JoinSet::new();
        for (player, progress) in self.running {
            players.spawn(player.play(progress));
        }
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                ended = players.join_next() => match ended {
                    None => return Ok(()),
                    Some(Ok(result)) => result?,
                    Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
                },
            }
        }
    }
}

impl Player {
    async fn play(self, mut progress: Progress) -> Result<(), WriteError> {
        let speed = self.options.speed;
        for round in 1.. {
            for step in progress.steps {
                let due = Duration::from_millis(step.at_ms).div_f64(speed);
                tokio::time::sleep_until(progress.began + due).await;
                writer::perform(&progress.folder, &step.action, Pace::Realistic).await?;
            }
            if self.options.once {
                break;
            }
            let pause = Duration::from_secs(20).div_f64(speed);
            tokio::time::sleep(pause).await;
            progress = self.begin(round, 0.0).await?;
        }
        Ok(())
    }

    /// Sets up a round, and writes the part of it that is done.
    async fn begin(&self, round: u32, head_start: f64) -> Result<Progress, WriteError> {
        let now = self.clock.now();
        let (_, steps) = self.steps(round, now);
        let length = Duration::from_millis(steps.last().map_or(0, |step| step.at_ms));
        let behind = length.mul_f64(head_start);
        let passed = behind.div_f64(self.options.speed);
        let begins_at = now.plus_millis(-i64::try_from(passed.as_millis()).unwrap_or(0));
        let (folder, mut steps) = self.steps(round, begins_at);
        let start = Instant::now();
        let done = steps.partition_point(|step| Duration::from_millis(step.at_ms) < behind);
        for step in steps.drain(..done) {
            writer::perform(&folder, &step.action, Pace::Immediate).await?;
        }
        Ok(Progress {
            steps,
            folder,
            began: start.checked_sub(passed).unwrap_or(start),
        })
    }

    /// The project's folder and the steps of a round that begins at this time.
    fn steps(&self, round: u32, begins_at: Timestamp) -> (PathBuf, Vec<Step>) {
        let options = &self.options;
        match &self.work {
            Work::Builds(slot) => {
                let (blueprint, name, run) = assignment(options.builds, *slot, round);
                let folder = options.into.join(&name);
                let spec = BuildSpec {
                    blueprint,
                    session: &name,
                    run,
                    seed: seed_of(options.seed, *slot, round),
                    claude: &options.claude,
                    folder: &folder,
                };
                let steps = script::write(&spec, begins_at, options.speed);
                (folder, steps)
            }
            Work::SideTasks(session) => {
                let folder = options.into.join(side_tasks::PROJECT);
                let workspace = Workspace {
                    claude: options.claude.clone(),
                    folder: folder.clone(),
                    session: session.clone(),
                    begins_at,
                    speed: options.speed,
                };
                let seed = seed_of(options.seed, u32::MAX, round);
                (folder, side_tasks::write(workspace, round, seed))
            }
        }
    }
}

/// The project, folder name and run of a round. A slot has its own projects, so two builds never share a folder; after its
/// last project it builds the first one again, as a second run in the same folder.
fn assignment(slots: u32, slot: u32, round: u32) -> (&'static Blueprint, String, u32) {
    let all = content::BLUEPRINTS;
    let slots = slots.max(1);
    let count = u32::try_from(all.len()).unwrap_or(1);
    let per_slot = (count / slots).clamp(1, 2);
    let turn = round % per_slot;
    let index = slot + turn * slots;
    let blueprint = &all[(index % count) as usize];
    let name = match index / count {
        0 => blueprint.name.to_owned(),
        again => format!("{}-{}", blueprint.name, again + 1),
    };
    (blueprint, name, round / per_slot + 1)
}

fn seed_of(seed: u64, number: u32, round: u32) -> u64 {
    seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(u64::from(number) << 32 | u64::from(round))
}

#[cfg(test)]
mod tests;
