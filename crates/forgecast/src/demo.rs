//! A producer and nothing more: builds that never happened and the transcripts of the agents that worked on them, written
//! to real files the way coding agents write them. It must never hand anything to the pipeline but files; what the
//! dashboard shows of it went through every stage.

mod agent;
mod content;
mod documents;
mod errands;
mod script;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use forgecast_protocol::{Clock, Timestamp};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use agent::Desk;
use content::Blueprint;
use script::{Cast, Step};

/// Share of a build that lies behind it when the demo begins: the first is new, the others are under way, so that the
/// overview shows different phases at once.
const HEAD_STARTS: [f64; 5] = [0.0, 0.34, 0.62, 0.16, 0.8];

/// What to play.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The folder that gets one project folder per build; a whole path without links.
    pub(crate) into: PathBuf,
    /// The configuration folder of the agents, which gets their transcripts.
    pub(crate) claude: PathBuf,
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

/// The agent without a build: plays its errands, then again.
struct Visitor {
    /// The id of its session, the same for as long as the demo runs.
    session: String,
    options: Options,
    clock: Clock,
}

/// Whoever plays one thing after the other.
enum Player {
    Slot(Slot),
    Visitor(Visitor),
}

/// The builds of a demo and the agent beside them, each brought to where it stands when the demo begins.
pub(crate) struct Demo {
    running: Vec<(Player, Playing)>,
}

/// A build or a round of errands that is being played.
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
        let head_start = |number: usize| match options.once {
            true => 0.0,
            false => HEAD_STARTS[number % HEAD_STARTS.len()],
        };
        let slots = (0..options.builds).map(|number| {
            Player::Slot(Slot {
                number,
                options: options.clone(),
                clock: clock.clone(),
            })
        });
        let visitor = Player::Visitor(Visitor::new(options, clock));
        let mut running = Vec::new();
        for (number, player) in slots.chain([visitor]).enumerate() {
            let playing = player.begin(0, head_start(number)).await?;
            running.push((player, playing));
        }
        Ok(Self { running })
    }

    /// Plays until `shutdown`, or until every build ended when each is played once.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) async fn play(self, shutdown: CancellationToken) -> Result<(), WriteError> {
        let mut players = JoinSet::new();
        for (player, playing) in self.running {
            players.spawn(player.play(playing));
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
            Self::Slot(Slot { options, .. }) | Self::Visitor(Visitor { options, .. }) => options,
        }
    }

    /// Sets up round number `round` and writes the part of it that lies behind.
    async fn begin(&self, round: u32, head_start: f64) -> Result<Playing, WriteError> {
        match self {
            Self::Slot(slot) => slot.begin(round, head_start).await,
            Self::Visitor(visitor) => visitor.begin(round, head_start).await,
        }
    }

    async fn play(self, mut playing: Playing) -> Result<(), WriteError> {
        let options = self.options().clone();
        let mut round = 0;
        loop {
            while let Some(step) = playing.step() {
                let due = Duration::from_millis(step.at_ms).div_f64(options.speed);
                tokio::time::sleep_until(playing.began + due).await;
                playing.perform(writer::Pace::AsAgentsDo).await?;
            }
            if options.once {
                return Ok(());
            }
            let pause = Duration::from_secs(20).div_f64(options.speed);
            tokio::time::sleep(pause).await;
            round += 1;
            playing = self.begin(round, 0.0).await?;
        }
    }
}

impl Slot {
    async fn begin(&self, round: u32, head_start: f64) -> Result<Playing, WriteError> {
        let options = &self.options;
        let (blueprint, folder_name, run) = self.assignment(round);
        let folder = options.into.join(&folder_name);
        let cast = Cast {
            blueprint,
            session: &folder_name,
            run,
            seed: seed_of(options.seed, self.number, round),
            claude: &options.claude,
            folder: &folder,
        };
        let behind = Duration::from_millis(script::length_ms(&cast)).mul_f64(head_start);
        let steps = script::write(&cast, begin_of(&self.clock, behind, options.speed), options.speed);
        Playing::begin(steps, folder.clone(), behind, options.speed).await
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
}

impl Visitor {
    fn new(options: &Options, clock: &Clock) -> Self {
        Self {
            session: agent::session_id(options.seed, clock.now()),
            options: options.clone(),
            clock: clock.clone(),
        }
    }

    async fn begin(&self, round: u32, head_start: f64) -> Result<Playing, WriteError> {
        let options = &self.options;
        let seed = seed_of(options.seed, u32::MAX, round);
        let mut desk = Desk {
            claude: options.claude.clone(),
            folder: options.into.join(errands::PROJECT),
            session: self.session.clone(),
            begins_at: self.clock.now(),
            speed: options.speed,
        };
        let behind = errands::length(&desk, seed).mul_f64(head_start);
        desk.begins_at = begin_of(&self.clock, behind, options.speed);
        let folder = desk.folder.clone();
        let steps = errands::write(desk, round, seed);
        Playing::begin(steps, folder, behind, options.speed).await
    }
}

impl Playing {
    /// Writes what lies `behind` already, a time at speed 1.
    async fn begin(steps: Vec<Step>, folder: PathBuf, behind: Duration, speed: f64) -> Result<Self, WriteError> {
        let now = Instant::now();
        let mut playing = Self {
            steps,
            folder,
            next: 0,
            began: now.checked_sub(behind.div_f64(speed)).unwrap_or(now),
        };
        while playing
            .step()
            .is_some_and(|step| Duration::from_millis(step.at_ms) < behind)
        {
            playing.perform(writer::Pace::AtOnce).await?;
        }
        Ok(playing)
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

/// When something began that has come so far, a time at speed 1.
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
