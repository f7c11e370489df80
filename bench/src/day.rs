//! A day of builds at work, played at twelve times its pace: the facts, lines and reconnects of 24 hours in two. Then
//! nothing changes any more. The promises that this proves are in `docs/context-foundry.md`, S13; unlike the measurements,
//! it judges: by what is counted and by how the memory grows, never by a time.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Server, get, pause};
use crate::project::Project;
use crate::report::quantile;
use crate::viewer::{Viewer, is_data};

/// Builds at work side by side; each has a viewer that follows its session, its log and the overview.
const BUILDS: usize = 4;
/// A build writes a line so often, in seconds of the day.
const LINE_S: f64 = 2.0;
/// Lines between two changes of a build's phase file; half way it is written again with the same bytes.
const LINES_PER_CHANGE: u64 = 10;
/// Lines between two connections of one viewer: five minutes.
const LINES_PER_CONNECTION: u64 = 150;
/// At most so many times the pace of the day.
const FASTEST: f64 = 12.0;
/// The share of the time in which nothing changes, at the end.
const STEADY_SHARE: f64 = 0.1;
/// In that time one build writes what is there once more, so often.
const REWRITE: Duration = Duration::from_secs(1);
/// How much more memory the end may take than the state after the first quarter: a share, and bytes on top.
const GROWTH: (f64, f64) = (0.1, 8e6);
/// So often the memory is looked at.
const SAMPLES: u32 = 100;

/// Plays for so long and prints the figures on one line.
///
/// # Errors
/// What was promised is not kept, with the figures; or something did not work.
pub(crate) fn run(binary: &Path, time: Duration) -> Result<()> {
    let (root, data) = (TempDir::new()?, TempDir::new()?);
    let builds = Build::create_all(root.path())?;
    let server = Server::forgecast(binary, root.path(), data.path())?;
    server.wait_for_sessions(BUILDS)?;
    let viewers: Vec<Tab> = builds.iter().map(|build| Tab::open(server.address, build)).collect();
    let mut day = Day {
        server,
        builds,
        viewers,
        pace: (24.0 * 3600.0 / time.as_secs_f64()).clamp(1.0, FASTEST),
        memory: Vec::new(),
    };
    let steady = time.mul_f64(STEADY_SHARE);
    let work = day.play(time - steady)?;
    let rest = day.rest(steady)?;
    let figures = day.figures(&work, &rest);
    say(&figures);
    let broken = day.broken(&work, &rest);
    day.end()?;
    if !broken.is_empty() {
        bail!("{}", broken.join("; "));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are what this is for")]
fn say(figures: &str) {
    println!("{figures}");
}

struct Day {
    server: Server,
    builds: Vec<Build>,
    viewers: Vec<Tab>,
    /// Times the pace of the day.
    pace: f64,
    /// Bytes, from the beginning to the end of the work.
    memory: Vec<f64>,
}

/// What was counted in a stretch of time.
struct Counted {
    seconds: f64,
    /// Messages to each viewer, those without data included.
    messages: f64,
    /// Of these, those that say that something changed.
    data: f64,
    cpu_seconds: f64,
    /// Readings of watched files.
    reads: f64,
    /// Times that a file was written.
    writes: f64,
}

impl Day {
    /// The builds work.
    fn play(&mut self, time: Duration) -> Result<Counted> {
        let before = self.counts()?;
        let begin = Instant::now();
        let tick = Duration::from_secs_f64(LINE_S / self.pace);
        let (mut line, mut sampled, mut writes) = (0_u64, 0, 0_u64);
        while begin.elapsed() < time {
            line += 1;
            for (number, build) in (0_u64..).zip(&mut self.builds) {
                // Builds do not change all at once.
                writes += build.work(line + number * 3)?;
            }
            for (number, viewer) in (0_u64..).zip(&self.viewers) {
                if (line + number * 37).is_multiple_of(LINES_PER_CONNECTION) {
                    viewer.reconnect();
                }
            }
            if begin.elapsed() >= time / SAMPLES * sampled {
                sampled += 1;
                self.memory.push(self.server.resident_bytes()?);
            }
            // Late ticks are made up for, so that the day is whole.
            let next = tick.mul_f64(count(line));
            pause(next.saturating_sub(begin.elapsed()));
        }
        self.settle()?;
        let mut counted = self.since(&before, begin)?;
        counted.writes = count(writes);
        Ok(counted)
    }

    /// Nothing changes any more, though one build writes what is there again and again.
    fn rest(&mut self, time: Duration) -> Result<Counted> {
        let before = self.counts()?;
        let begin = Instant::now();
        let mut writes = 0;
        while begin.elapsed() < time {
            self.builds[0].rewrite()?;
            writes += 1;
            pause(REWRITE);
        }
        let mut counted = self.since(&before, begin)?;
        counted.writes = count(writes);
        Ok(counted)
    }

    /// Waits until all that was written is shown and sent.
    fn settle(&self) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let late = self.builds.iter().map(|build| build.is_shown(self.server.address));
            let late = late.collect::<Result<Vec<bool>>>()?.contains(&false);
            let lines = self.lines();
            let taken = self.server.metric("forgecast_log_lines_total")?;
            if !late && taken >= count(lines) {
                // What is shown was sent; a viewer reads it in a moment.
                pause(Duration::from_secs(1));
                return Ok(());
            }
            if Instant::now() > until {
                bail!("a minute after the last word of a build it was not shown: {taken} of {lines} lines were taken");
            }
            pause(Duration::from_millis(50));
        }
    }

    /// Lines that the builds wrote.
    fn lines(&self) -> u64 {
        self.builds.iter().map(|build| build.lines).sum()
    }

    fn counts(&self) -> Result<Counted> {
        let sum = |number: fn(&Tab) -> &AtomicU64| -> f64 {
            let all = self.viewers.iter().map(|viewer| number(viewer).load(Ordering::Relaxed));
            count(all.sum::<u64>()) / count(self.viewers.len() as u64)
        };
        Ok(Counted {
            seconds: 0.0,
            messages: sum(|viewer| &viewer.counts.messages),
            data: sum(|viewer| &viewer.counts.data),
            cpu_seconds: self.server.cpu_seconds()?,
            reads: self.server.metric("forgecast_source_reads_total")?,
            writes: 0.0,
        })
    }

    fn since(&self, before: &Counted, begin: Instant) -> Result<Counted> {
        let now = self.counts()?;
        Ok(Counted {
            seconds: begin.elapsed().as_secs_f64(),
            messages: now.messages - before.messages,
            data: now.data - before.data,
            cpu_seconds: now.cpu_seconds - before.cpu_seconds,
            reads: now.reads - before.reads,
            writes: 0.0,
        })
    }

    /// Memory after the first quarter of the work and at its end, in bytes: medians of a tenth of the samples.
    fn memory(&self) -> (f64, f64) {
        let tenth = (self.memory.len() / 10).max(1);
        let median_from = |first: usize| {
            let mut part: Vec<f64> = self.memory.iter().skip(first).take(tenth).copied().collect();
            quantile(&mut part, 0.5)
        };
        (
            median_from(self.memory.len() / 4),
            median_from(self.memory.len() - tenth),
        )
    }

    fn figures(&self, work: &Counted, rest: &Counted) -> String {
        let (warm, end) = self.memory();
        let hours = work.seconds * self.pace / 3600.0;
        let connections = self
            .viewers
            .iter()
            .map(|viewer| viewer.counts.connections.load(Ordering::Relaxed));
        format!(
            "steady: {:.2} messages a second to a viewer, {:.0} with data, {:.1} % of a core; {hours:.1} h of {BUILDS} builds at \
             {:.0} times their pace: {:.2} messages for each file written, {} lines, {} connections, {:.1} % of a core, {:.1} MB after \
             a quarter, {:.1} MB at the end",
            rest.messages / rest.seconds,
            rest.data,
            rest.cpu_seconds / rest.seconds * 100.0,
            self.pace,
            work.messages / work.writes,
            self.lines(),
            connections.sum::<u64>(),
            work.cpu_seconds / work.seconds * 100.0,
            warm / 1e6,
            end / 1e6,
        )
    }

    /// What is promised and not kept.
    fn broken(&self, work: &Counted, rest: &Counted) -> Vec<String> {
        let (warm, end) = self.memory();
        let limit = warm * (1.0 + GROWTH.0) + GROWTH.1;
        let changes = count(self.lines() / BUILDS as u64 / LINES_PER_CHANGE);
        let checks = [
            // A viewer sees what changes in the other builds as well.
            (
                work.data < changes,
                format!(
                    "{} messages to a viewer of a build that changed {changes} times",
                    work.data
                ),
            ),
            (rest.data > 0.0, "a message with data while nothing changed".to_owned()),
            (
                rest.messages >= rest.seconds,
                format!(
                    "{:.2} messages a second while nothing changed",
                    rest.messages / rest.seconds
                ),
            ),
            (
                // A line is a message of its log, of its session and of the overview; those of other builds are one.
                work.messages > 2.0 * work.writes,
                format!(
                    "{} messages to a viewer for {} files that were written",
                    work.messages, work.writes
                ),
            ),
            (
                // An atomic write is one reading, or two when it comes in a burst.
                rest.reads > 2.0 * rest.writes,
                format!("{} readings of {} files that were written", rest.reads, rest.writes),
            ),
            (
                work.reads > 2.0 * work.writes,
                format!("{} readings of {} files that were written", work.reads, work.writes),
            ),
            (
                end > limit,
                format!("memory grew from {:.1} MB to {:.1} MB", warm / 1e6, end / 1e6),
            ),
        ];
        let broken = checks.into_iter().filter(|(is_broken, _)| *is_broken);
        broken.map(|(_, what)| what).collect()
    }

    fn end(self) -> Result<()> {
        for viewer in &self.viewers {
            viewer.counts.over.store(true, Ordering::Relaxed);
        }
        self.server.stop()
    }
}

/// A build that works.
struct Build {
    project: Project,
    log: PathBuf,
    /// Lines written.
    lines: u64,
    /// What its phase file says.
    detail: String,
}

impl Build {
    fn create_all(root: &Path) -> Result<Vec<Self>> {
        let projects = Project::create_many(root, BUILDS)?.into_iter();
        let build = |project: Project| Self {
            log: project.phase_file().with_file_name("build-output-1.txt"),
            project,
            lines: 0,
            detail: "beginning".to_owned(),
        };
        Ok(projects.map(build).collect())
    }

    /// Writes a line, and what else is due; how many files were written.
    fn work(&mut self, line: u64) -> Result<u64> {
        let mut log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        writeln!(log, "step {line}: compiled module {} of the forecast", line % 97)?;
        self.lines += 1;
        match line % LINES_PER_CHANGE {
            0 => {
                self.detail = format!("step {line}");
                self.project.write(&self.detail)?;
                Ok(2)
            }
            5 => self.rewrite().map(|()| 2),
            _ => Ok(1),
        }
    }

    /// Writes the phase file once more with the same bytes.
    fn rewrite(&self) -> Result<()> {
        self.project.write(&self.detail)
    }

    fn is_shown(&self, address: SocketAddr) -> Result<bool> {
        let (_, body) = get(address, &format!("/api/v1/sessions/{}", self.project.name()))?;
        let view: Value = serde_json::from_str(&body).context("a session's view")?;
        Ok(view["phase"]["detail"] == self.detail.as_str())
    }
}

/// A viewer in a thread of its own, which connects anew when it is told to.
struct Tab {
    counts: Arc<TabCounts>,
}

#[derive(Default)]
struct TabCounts {
    messages: AtomicU64,
    data: AtomicU64,
    connections: AtomicU64,
    must_reconnect: AtomicBool,
    over: AtomicBool,
}

impl Tab {
    fn open(address: SocketAddr, build: &Build) -> Self {
        let counts = Arc::new(TabCounts::default());
        let name = build.project.name();
        let (topics, log) = (
            ["sessions".to_owned(), format!("session/{name}")],
            format!("log/{name}"),
        );
        let tab = Self {
            counts: Arc::clone(&counts),
        };
        std::thread::spawn(move || {
            while !counts.over.load(Ordering::Relaxed) {
                counts.must_reconnect.store(false, Ordering::Relaxed);
                // A server that ends while a viewer connects is no failure; one that refuses viewers shows as silence.
                if let Ok(mut viewer) = Viewer::follow(address, &topics)
                    && viewer.subscribe(&log).is_ok()
                {
                    counts.connections.fetch_add(1, Ordering::Relaxed);
                    counts.add(topics.len() as u64);
                    counts.read(viewer);
                }
            }
        });
        tab
    }

    fn reconnect(&self) {
        self.counts.must_reconnect.store(true, Ordering::Relaxed);
    }
}

impl TabCounts {
    /// Counts messages with data.
    fn add(&self, messages: u64) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
        self.data.fetch_add(messages, Ordering::Relaxed);
    }

    fn read(&self, mut viewer: Viewer) {
        while let Ok(frame) = viewer.next() {
            if is_data(&frame) {
                self.add(1);
            } else {
                self.messages.fetch_add(1, Ordering::Relaxed);
            }
            if self.must_reconnect.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}
