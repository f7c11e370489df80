//! From the rename of a phase file to the frame at a viewer (P1), and at the last of many viewers (P2): Forgecast, the floor and the
//! peers take turns, write by write.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::Bench;
use crate::process::{Server, pause};
use crate::project::Project;
use crate::report::{Report, quantile};
use crate::viewer::Viewer;

/// Writes go to this many projects in turn, so that each is quiet when its turn comes.
const WRITTEN: usize = 50;

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    for (projects, viewers) in [(100, 1), (100, 100), (bench.rounds(10_000, 1_000), 1)] {
        measure(bench, report, projects, viewers)?;
    }
    Ok(())
}

/// Name, program, script, what must be installed for it, and how that is done.
const PEERS: [(&str, &str, &str, &str, &str); 2] = [
    (
        "chokidar + ws",
        "node",
        "bench/peers/chokidar-ws.mjs",
        "bench/peers/node_modules",
        "npm ci --prefix bench/peers",
    ),
    (
        "watchdog + FastAPI",
        "target/bench-peers/bin/python",
        "bench/peers/watchdog_fastapi.py",
        "target/bench-peers/bin/python",
        "python3 -m venv target/bench-peers && target/bench-peers/bin/pip install -r bench/peers/requirements.txt",
    ),
];

/// A program that watches a tree of its own, and its viewers.
struct Contestant {
    name: &'static str,
    projects: Vec<Project>,
    frames: mpsc::Receiver<(Instant, String)>,
    times: Vec<f64>,
    _server: Server,
    _folders: [TempDir; 2],
}

impl Contestant {
    fn enter<Next>(
        name: &'static str,
        count: usize,
        viewers: usize,
        start: impl Fn(&Path, &Path) -> Result<Server>,
        connect: impl Fn(&Server, &[Project]) -> Result<Next>,
    ) -> Result<Self>
    where
        Next: FnMut() -> Result<String> + Send + 'static,
    {
        let folders = [TempDir::new()?, TempDir::new()?];
        let projects = Project::create_many(folders[0].path(), count)?;
        let server = start(folders[0].path(), folders[1].path()).with_context(|| format!("starting {name}"))?;
        let (sender, frames) = mpsc::sync_channel(100_000);
        for _ in 0..viewers {
            let mut next = connect(&server, &projects)?;
            let sender = sender.clone();
            std::thread::spawn(move || {
                while let Ok(frame) = next() {
                    if sender.send((Instant::now(), frame)).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self {
            name,
            projects,
            frames,
            times: Vec::new(),
            _server: server,
            _folders: folders,
        })
    }

    /// Writes to one project; notes the milliseconds from just before the rename to the frame at the last viewer.
    fn write(&mut self, round: usize, viewers: usize) -> Result<()> {
        let mark = format!("round {round}.");
        let project = &self.projects[(round % WRITTEN) * (self.projects.len() / WRITTEN)];
        project.prepare(&mark)?;
        let begin = Instant::now();
        project.publish()?;
        let mut last = begin;
        let mut missing = viewers;
        while missing > 0 {
            let (at, frame) = self
                .frames
                .recv_timeout(Duration::from_secs(10))
                .with_context(|| format!("{}: no frame within ten seconds", self.name))?;
            if frame.contains(&mark) {
                last = last.max(at);
                missing -= 1;
            }
        }
        self.times.push((last - begin).as_secs_f64() * 1000.0);
        Ok(())
    }
}

fn measure(bench: &Bench, report: &mut Report, count: usize, viewers: usize) -> Result<()> {
    let mut contestants = vec![
        Contestant::enter(
            "forgecast",
            count,
            viewers,
            |root, data| Server::forgecast(&bench.binary, root, data),
            |server, projects| {
                server.wait_for_sessions(count)?;
                let topics: Vec<String> = (0..WRITTEN)
                    .map(|turn| format!("session/{}", projects[turn * (count / WRITTEN)].name()))
                    .collect();
                let mut viewer = Viewer::follow(server.address, &topics)?;
                Ok(move || viewer.next_data())
            },
        )?,
        Contestant::enter(
            "floor",
            count,
            viewers,
            |root, _| Server::floor("floor-watch", &[&root.to_string_lossy()]),
            |server, _| {
                let mut lines = BufReader::new(TcpStream::connect(server.address)?).lines();
                Ok(move || {
                    lines
                        .next()
                        .context("the floor ended")?
                        .context("reading from the floor")
                })
            },
        )?,
    ];
    for (name, program, script, needs, install) in PEERS {
        if !Path::new(needs).exists() {
            report.skipped(name, install);
            continue;
        }
        contestants.push(Contestant::enter(
            name,
            count,
            viewers,
            |root, _| {
                let mut command = Command::new(program);
                command.arg(script).arg(root);
                Server::start(command)
            },
            |server, _| {
                let mut viewer = Viewer::connect(server.address, "/")?;
                Ok(move || viewer.next())
            },
        )?);
    }
    pause(Duration::from_secs(1));
    for round in 0..bench.rounds(1_000, 100) {
        let mut failed = None;
        for (place, contestant) in contestants.iter_mut().enumerate() {
            match contestant.write(round, viewers) {
                Ok(()) => {}
                // A peer that loses a change cannot be compared any further; Forgecast and the floor must not.
                Err(error) if place > 1 => failed = Some((place, format!("{error:#}"))),
                Err(error) => return Err(error),
            }
            pause(Duration::from_millis(3));
        }
        if let Some((place, error)) = failed {
            report.gave_up(contestants.remove(place).name, &format!("{count} projects: {error}"));
        }
    }
    for (label, share) in [("p50", 0.5), ("p99", 0.99)] {
        let values: Vec<(&str, f64)> = contestants
            .iter_mut()
            .map(|entry| (entry.name, quantile(&mut entry.times, share)))
            .collect();
        for (peer, value) in &values[1..] {
            let what = format!("{label}, {count} projects, last of {viewers} viewer(s)");
            report.beside(&what, values[0].1, "ms", peer, *value);
        }
    }
    Ok(())
}
