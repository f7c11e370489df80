//! A fleet at work for hours, with a fault every half minute: 500 builds that each write once a second, 1,000 pushed events
//! a second and 200 viewers that fold what they are sent. Again and again everything stands still for a moment, and then
//! nothing may be lost, counted twice or shown otherwise than the server has it. Like [`crate::day`] it judges, by what is
//! counted and by how memory and descriptors grow.
//!
//! It can be stopped at any time and goes on where it was: the folder has the database, the builds and how far the load
//! was when it last stood still. What is sent again after that has the same ids.

mod faults;
mod load;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use self::faults::{Fault, Random};
use self::load::Load;
use crate::process::{Server, get, pause};

/// Between two faults.
const FAULT_EVERY: Duration = Duration::from_secs(30);
/// Between two looks at the whole.
const LOOK_EVERY: Duration = Duration::from_secs(5 * 60);
/// How soon everything that was written has to be shown once nothing is written any more.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);
/// How much more memory an hour may take, in bytes; judged from the second hour on, since the first one fills rings and
/// caches.
const GROWTH_PER_HOUR: f64 = 1024.0 * 1024.0;
/// Descriptors that may be open besides those of the first look: connections come and go.
const DESCRIPTORS: u64 = 16;

/// What to run, and where it keeps everything.
pub(crate) struct Soak {
    pub(crate) binary: PathBuf,
    pub(crate) folder: PathBuf,
    /// How long in all.
    pub(crate) time: Duration,
    /// What the faults follow from, unless one is under way.
    pub(crate) seed: u64,
}

/// How far a soak is, as its folder keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Progress {
    seed: u64,
    seconds: u64,
    /// Events that were acknowledged.
    events: u64,
    /// Rounds in which every build wrote.
    rounds: u64,
    faults: u64,
    /// Descriptors at the first look.
    descriptors: u64,
}

/// What one look found.
struct Look {
    resident_bytes: f64,
    descriptors: u64,
    verified: u64,
}

impl Soak {
    /// Runs, or goes on, until it has run for so long in all; writes `hour-N.json` for each hour.
    ///
    /// # Errors
    /// Something was lost, counted twice or shown wrongly, or grew, with the seed by which it can be run again.
    pub(crate) fn run(&self) -> Result<()> {
        let mut progress = Progress::read(&self.folder)?.unwrap_or(Progress {
            seed: self.seed,
            ..Progress::default()
        });
        let outcome = self.run_from(&mut progress);
        outcome.with_context(|| {
            format!(
                "seed {}, after {} faults and {} s; {} has everything, and has to go before another soak begins",
                progress.seed,
                progress.faults,
                progress.seconds,
                self.folder.display()
            )
        })?;
        // What is left are the figures.
        Progress::remove(&self.folder)
    }

    fn run_from(&self, progress: &mut Progress) -> Result<()> {
        let (root, data) = (self.folder.join("projects"), self.folder.join("data"));
        std::fs::create_dir_all(&data)?;
        let mut random = Random::after(progress.seed, progress.faults);
        let mut load = Load::begin(&root, progress.events, progress.rounds)?;
        let mut server = Some(Server::forgecast(&self.binary, &root, &data)?);
        load.go_on(address(&server)?);
        let mut hours = Hours::default();
        while progress.time() < self.time {
            let begin = Instant::now();
            let rest = self.time - progress.time();
            while begin.elapsed() < LOOK_EVERY.min(rest) {
                pause(FAULT_EVERY.min(rest));
                let fault = Fault::draw(&mut random);
                hours.count(fault);
                progress.faults += 1;
                fault
                    .happen(&mut server, || Server::forgecast(&self.binary, &root, &data), &load)
                    .with_context(|| format!("{fault:?}"))?;
                load.go_on(address(&server)?);
            }
            let look = load.stand_still(|load| look(server.as_ref(), load))?;
            (progress.events, progress.rounds) = (load.events(), load.rounds());
            progress.seconds += begin.elapsed().as_secs();
            if progress.descriptors == 0 {
                progress.descriptors = look.descriptors;
            }
            ensure!(
                look.descriptors <= progress.descriptors + DESCRIPTORS,
                "{} descriptors are open, {} were at the first look",
                look.descriptors,
                progress.descriptors
            );
            progress.write(&self.folder)?;
            hours.add(&self.folder, progress, &look)?;
        }
        hours.judge()?;
        load.end();
        server.map_or(Ok(()), Server::stop)
    }
}

fn address(server: &Option<Server>) -> Result<std::net::SocketAddr> {
    Ok(server.as_ref().context("a server")?.address)
}

/// Nothing is written any more: is everything there, once, and do all viewers hold what the server has?
fn look(server: Option<&Server>, load: &Load) -> Result<Look> {
    let server = server.context("a server")?;
    let until = Instant::now() + SETTLED_WITHIN;
    let verified_before = load.viewers.verified();
    loop {
        let late = load.not_shown(server.address)?;
        let counted = counted(server)?;
        ensure!(
            counted <= load.events(),
            "{counted} events are counted and {} were acknowledged",
            load.events()
        );
        // Each viewer has compared its state with a digest after everything stood still.
        let compared = load.viewers.verified() - verified_before;
        if late.is_empty() && counted == load.events() && compared >= 2 * load.viewers.len() {
            break;
        }
        if Instant::now() > until {
            bail!(
                "after {} s: {} builds are not shown as they are ({:?}), {counted} of {} events are counted, {compared} digests \
                 were compared",
                SETTLED_WITHIN.as_secs(),
                late.len(),
                late.first(),
                load.events()
            );
        }
        pause(Duration::from_millis(200));
    }
    if let Some(divergence) = load.viewers.divergence() {
        bail!("a viewer: {divergence}");
    }
    Ok(Look {
        resident_bytes: server.resident_bytes()?,
        descriptors: server.descriptors()?,
        verified: load.viewers.verified(),
    })
}

/// Events that are counted: each is worth one token.
fn counted(server: &Server) -> Result<u64> {
    let (_, body) = get(server.address, "/api/v1/stats")?;
    let stats: Value = serde_json::from_str(&body).context("the statistics")?;
    Ok(stats["totals"]["input"].as_u64().unwrap_or_default())
}

impl Progress {
    fn path(folder: &Path) -> PathBuf {
        folder.join("progress.json")
    }

    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    fn remove(folder: &Path) -> Result<()> {
        std::fs::remove_file(Self::path(folder))?;
        std::fs::remove_dir_all(folder.join("projects"))?;
        Ok(std::fs::remove_dir_all(folder.join("data"))?)
    }

    fn read(folder: &Path) -> Result<Option<Self>> {
        let path = Self::path(folder);
        if !path.is_file() {
            return Ok(None);
        }
        let stored: Value = serde_json::from_slice(&std::fs::read(&path)?).context("progress.json")?;
        let number = |name: &str| {
            stored[name]
                .as_u64()
                .with_context(|| format!("{name} in progress.json"))
        };
        Ok(Some(Self {
            seed: number("seed")?,
            seconds: number("seconds")?,
            events: number("events")?,
            rounds: number("rounds")?,
            faults: number("faults")?,
            descriptors: number("descriptors")?,
        }))
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let stored = json!({
            "seed": self.seed, "seconds": self.seconds, "events": self.events, "rounds": self.rounds, "faults": self.faults,
            "descriptors": self.descriptors,
        });
        let next = folder.join("progress.next");
        std::fs::write(&next, stored.to_string())?;
        Ok(std::fs::rename(next, Self::path(folder))?)
    }
}

/// What is written for each hour.
#[derive(Default)]
struct Hours {
    faults: BTreeMap<String, u64>,
    /// Resident memory at each look, with the second of the soak.
    memory: Vec<(f64, f64)>,
}

#[expect(clippy::cast_precision_loss, reason = "seconds, and a few looks")]
impl Hours {
    fn count(&mut self, fault: Fault) {
        *self.faults.entry(format!("{fault:?}").to_lowercase()).or_default() += 1;
    }

    /// Writes the file of the hour that is under way, anew at every look.
    fn add(&mut self, folder: &Path, progress: &Progress, look: &Look) -> Result<()> {
        self.memory.push((progress.seconds as f64, look.resident_bytes));
        let hour = progress.seconds.div_ceil(3600).max(1);
        let figures = json!({
            "hour": hour, "seconds": progress.seconds, "seed": progress.seed, "faults": self.faults, "events": progress.events,
            "files_written": progress.rounds * load::BUILDS as u64, "digests_compared": look.verified,
            "resident_mib": look.resident_bytes / 1024.0 / 1024.0, "descriptors": look.descriptors,
            "growth_mib_per_hour": self.growth_per_hour().map(|growth| growth / 1024.0 / 1024.0),
        });
        say(&figures.to_string());
        Ok(std::fs::write(
            folder.join(format!("hour-{hour:03}.json")),
            figures.to_string(),
        )?)
    }

    /// Bytes an hour, by least squares over the looks after the first hour.
    fn growth_per_hour(&self) -> Option<f64> {
        let settled: Vec<(f64, f64)> = self.memory.iter().copied().filter(|(at, _)| *at > 3600.0).collect();
        if settled.len() < 3 {
            return None;
        }
        let count = settled.len() as f64;
        let mean_at = settled.iter().map(|(at, _)| at).sum::<f64>() / count;
        let mean = settled.iter().map(|(_, bytes)| bytes).sum::<f64>() / count;
        let above: f64 = settled.iter().map(|(at, bytes)| (at - mean_at) * (bytes - mean)).sum();
        let below: f64 = settled.iter().map(|(at, _)| (at - mean_at).powi(2)).sum();
        Some(above / below * 3600.0)
    }

    fn judge(&self) -> Result<()> {
        match self.growth_per_hour() {
            Some(growth) if growth > GROWTH_PER_HOUR => {
                bail!("memory grows by {:.1} MiB an hour", growth / 1024.0 / 1024.0)
            }
            _ => Ok(()),
        }
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what this is for")]
fn say(figures: &str) {
    println!("{figures}");
}
