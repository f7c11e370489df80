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
use writer::Step;

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

/// Runs one build at a time, each in its folder.
struct BuildSlot {
    number: u32,
    options: Options,
    clock: Clock,
}

/// An agent without a build, which repeats its side tasks.
struct IdleAgent {
    /// The id of its session, which is the same while the demo runs.
    session: String,
    options: Options,
    clock: Clock,
}

/// A source of simulated work.
enum Player {
    BuildSlot(BuildSlot),
    IdleAgent(IdleAgent),
}

/// The builds of a demo and the idle agent, each at its starting point.
pub(crate) struct Demo {
    running: Vec<(Player, Progress)>,
}

/// A running build or round of side tasks.
struct Progress {
    steps: Vec<Step>,
    folder: PathBuf,
    /// The index of the next step.
    next: usize,
    /// When step time zero was, or would have been.
    began: Instant,
}

impl Demo {
    /// Writes the part of each build that is done, so that a server that starts now finds running builds.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) async fn prepare(options: &Options, clock: &Clock) -> Result<Self, WriteError> {
        let head_start = |number: usize| match options.once {
            true => 0.0,
            false => HEAD_STARTS[number % HEAD_STARTS.len()],
        };
        let slots = (0..options.builds).map(|number| {
            Player::BuildSlot(BuildSlot {
                number,
                options: options.clone(),
                clock: clock.clone(),
            })
        });
        let idle_agent = Player::IdleAgent(IdleAgent::new(options, clock));
        let mut running = Vec::new();
        for (number, player) in slots.chain([idle_agent]).enumerate() {
            let progress = player.begin(0, head_start(number)).await?;
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
    fn options(&self) -> &Options {
        match self {
            Self::BuildSlot(BuildSlot { options, .. }) | Self::IdleAgent(IdleAgent { options, .. }) => options,
        }
    }

    /// Sets up a round, and writes the part of it that is done.
    async fn begin(&self, round: u32, head_start: f64) -> Result<Progress, WriteError> {
        match self {
            Self::BuildSlot(slot) => slot.begin(round, head_start).await,
            Self::IdleAgent(idle_agent) => idle_agent.begin(round, head_start).await,
        }
    }

    async fn play(self, mut progress: Progress) -> Result<(), WriteError> {
        let options = self.options().clone();
        let mut round = 0;
        loop {
            while let Some(step) = progress.step() {
                let due = Duration::from_millis(step.at_ms).div_f64(options.speed);
                tokio::time::sleep_until(progress.began + due).await;
                progress.perform(writer::Pace::Realistic).await?;
            }
            if options.once {
                return Ok(());
            }
            let pause = Duration::from_secs(20).div_f64(options.speed);
            tokio::time::sleep(pause).await;
            round += 1;
            progress = self.begin(round, 0.0).await?;
        }
    }
}

impl BuildSlot {
    async fn begin(&self, round: u32, head_start: f64) -> Result<Progress, WriteError> {
        let options = &self.options;
        let (blueprint, folder_name, run) = self.assignment(round);
        let folder = options.into.join(&folder_name);
        let spec = BuildSpec {
            blueprint,
            session: &folder_name,
            run,
            seed: seed_of(options.seed, self.number, round),
            claude: &options.claude,
            folder: &folder,
        };
        let behind = Duration::from_millis(script::length_ms(&spec)).mul_f64(head_start);
        let steps = script::write(&spec, begin_of(&self.clock, behind, options.speed), options.speed);
        Progress::begin(steps, folder.clone(), behind, options.speed).await
    }

    /// The project, folder name and run of this round. A slot has its own projects, so two builds never share a folder; after
    /// its last project it builds the first one again, as a second run in the same folder.
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
}

impl IdleAgent {
    fn new(options: &Options, clock: &Clock) -> Self {
        Self {
            session: agent::session_id(options.seed, clock.now()),
            options: options.clone(),
            clock: clock.clone(),
        }
    }

    async fn begin(&self, round: u32, head_start: f64) -> Result<Progress, WriteError> {
        let options = &self.options;
        let seed = seed_of(options.seed, u32::MAX, round);
        let mut workspace = Workspace {
            claude: options.claude.clone(),
            folder: options.into.join(side_tasks::PROJECT),
            session: self.session.clone(),
            begins_at: self.clock.now(),
            speed: options.speed,
        };
        let behind = side_tasks::length(&workspace, seed).mul_f64(head_start);
        workspace.begins_at = begin_of(&self.clock, behind, options.speed);
        let folder = workspace.folder.clone();
        let steps = side_tasks::write(workspace, round, seed);
        Progress::begin(steps, folder, behind, options.speed).await
    }
}

impl Progress {
    /// Writes the steps before `behind`, a time at speed 1.
    async fn begin(steps: Vec<Step>, folder: PathBuf, behind: Duration, speed: f64) -> Result<Self, WriteError> {
        let now = Instant::now();
        let mut progress = Self {
            steps,
            folder,
            next: 0,
            began: now.checked_sub(behind.div_f64(speed)).unwrap_or(now),
        };
        while progress
            .step()
            .is_some_and(|step| Duration::from_millis(step.at_ms) < behind)
        {
            progress.perform(writer::Pace::Immediate).await?;
        }
        Ok(progress)
    }

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

/// The start of a round of which `behind`, a time at speed 1, is done.
fn begin_of(clock: &Clock, behind: Duration, speed: f64) -> Timestamp {
    let behind = behind.div_f64(speed).as_millis();
    clock.now().plus_millis(-i64::try_from(behind).unwrap_or(0))
}

fn seed_of(seed: u64, number: u32, round: u32) -> u64 {
    seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(u64::from(number) << 32 | u64::from(round))
}

#[cfg(test)]
mod tests;
