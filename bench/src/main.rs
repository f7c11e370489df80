//! Measures Forgecast beside floors and peers: interleaved in one run, so that a machine's moods cancel out.
//! It judges nothing by itself and fails only when something did not work; the figures are for people. Only [`day`] and
//! [`mod@soak`] judge, for `cargo xtask promises` and `cargo xtask nightly soak`.

mod burst;
mod busy;
mod day;
mod fanout;
mod floor;
mod http;
mod idle;
mod latency;
mod process;
mod project;
mod push;
mod report;
mod soak;
mod start;
mod transcripts;
mod ui;
mod usage;
mod viewer;
mod wire;

use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use report::Report;

/// What every measurement needs to know.
pub(crate) struct Bench {
    /// The program under test.
    pub(crate) binary: PathBuf,
    /// Fewer rounds: for trying the harness out, not for figures to quote.
    pub(crate) quick: bool,
}

impl Bench {
    /// `full`, or `quick` in a quick run.
    pub(crate) fn rounds(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

type Measurement = fn(&Bench, &mut Report) -> Result<()>;

const MEASUREMENTS: &[(&str, &str, Measurement)] = &[
    (
        "latency",
        "write to frame, beside inotify + read + parse + patch + write(2)",
        latency::run,
    ),
    (
        "ui",
        "rename to the changed pixel in Chromium, beside the frame's arrival",
        ui::run,
    ),
    (
        "fanout",
        "CPU per delivery, beside send(2) in a loop and nchan when it is installed",
        fanout::run,
    ),
    (
        "burst",
        "every project changes at once; the overview of as many sessions",
        burst::run,
    ),
    ("idle", "300 and 3,000 sessions at rest, nothing changes", idle::run),
    ("wire", "bytes and frames per change", wire::run),
    (
        "start",
        "start with many projects, restart with many facts, size of the binary",
        start::run,
    ),
    ("push", "acknowledged events per second", push::run),
    (
        "usage",
        "transcripts: cold beside ccusage, a restart, one huge file; what a hook waits for",
        usage::run,
    ),
];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    if let Some(role) = arguments.next_if(|word| word.starts_with("floor-")) {
        let rest: Vec<String> = arguments.collect();
        return floor::run(&role, &rest);
    }
    if arguments.next_if(|word| word == "day").is_some() {
        return play_day(arguments);
    }
    if arguments.next_if(|word| word == "soak").is_some() {
        return soak(arguments)?.run();
    }
    let (mut accepts_busy, mut bench) = (
        false,
        Bench {
            binary: PathBuf::from("target/release/forgecast"),
            quick: false,
        },
    );
    let mut json = PathBuf::from("target/bench.json");
    let mut wanted = Vec::new();
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "--quick" => bench.quick = true,
            "--busy" => accepts_busy = true,
            "--binary" => bench.binary = arguments.next().unwrap_or_default().into(),
            "--json" => json = arguments.next().unwrap_or_default().into(),
            name if MEASUREMENTS.iter().any(|(known, ..)| *known == name) => wanted.push(word),
            other => bail!("unknown measurement {other:?}; there are: {}", names().join(", ")),
        }
    }
    if !bench.binary.is_file() {
        bail!(
            "{} is not there: run `cargo build --release` first, or name it with --binary",
            bench.binary.display()
        );
    }
    let mut report = Report::default();
    let busy = busy::share()?;
    if busy > busy::MOST && !accepts_busy {
        bail!(
            "other programs use {:.0} % of this machine's processors, and figures taken beside them are worth nothing: wait \
             until they are done, or give --busy to try the harness out",
            busy * 100.0
        );
    }
    report.figure("processors in use by others at the beginning", busy * 100.0, "%");
    for (name, about, measure) in MEASUREMENTS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            report.begin(name, about);
            measure(&bench, &mut report)?;
        }
    }
    report.write_json(&json)
}

/// `day --binary PATH --minutes N`: a day of builds, for the promises.
fn play_day(mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let (mut binary, mut minutes) = (PathBuf::from("target/release/forgecast"), 10.0);
    while let Some(word) = arguments.next() {
        let value = arguments.next().unwrap_or_default();
        match word.as_str() {
            "--binary" => binary = value.into(),
            "--minutes" => minutes = value.parse().context("a number of minutes")?,
            other => bail!("unknown option {other:?}; there are --binary and --minutes"),
        }
    }
    day::run(&binary, Duration::try_from_secs_f64(minutes * 60.0)?)
}

/// `soak --binary PATH --folder PATH --minutes N [--seed N]`: a fleet at work under faults.
fn soak(mut arguments: impl Iterator<Item = String>) -> Result<soak::Soak> {
    let mut soak = soak::Soak {
        binary: PathBuf::from("target/release/forgecast"),
        folder: PathBuf::from("target/soak"),
        time: Duration::from_secs(2 * 3600),
        seed: std::hash::RandomState::new().build_hasher().finish(),
    };
    while let Some(word) = arguments.next() {
        let value = arguments.next().unwrap_or_default();
        match word.as_str() {
            "--binary" => soak.binary = value.into(),
            "--folder" => soak.folder = value.into(),
            "--minutes" => soak.time = Duration::from_secs(60 * value.parse::<u64>().context("a number of minutes")?),
            "--seed" => soak.seed = value.parse().context("a seed")?,
            other => bail!("unknown option {other:?}; there are --binary, --folder, --minutes and --seed"),
        }
    }
    Ok(soak)
}

fn names() -> Vec<&'static str> {
    MEASUREMENTS.iter().map(|(name, ..)| *name).collect()
}
