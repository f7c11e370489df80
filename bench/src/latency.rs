//! From the rename of a phase file to the frame at a viewer, in turns with the floor (P1) and to the last of many viewers (P2).

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
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

fn measure(bench: &Bench, report: &mut Report, projects: usize, viewers: usize) -> Result<()> {
    let (ours, theirs, data) = (TempDir::new()?, TempDir::new()?, TempDir::new()?);
    let our_projects = Project::create_many(ours.path(), projects)?;
    let their_projects = Project::create_many(theirs.path(), projects)?;
    let server = Server::forgecast(&bench.binary, ours.path(), data.path())?;
    let floor = Server::floor("floor-watch", &[theirs.path().to_str().context("a path in UTF-8")?])?;

    let stride = projects / WRITTEN;
    let topics: Vec<String> = (0..WRITTEN)
        .map(|turn| format!("session/{}", our_projects[turn * stride].name()))
        .collect();
    let our_frames = frames(viewers, || {
        let mut viewer = Viewer::follow(server.address, &topics)?;
        Ok(move || viewer.next_data())
    })?;
    let their_frames = frames(viewers, || {
        let mut lines = BufReader::new(TcpStream::connect(floor.address)?).lines();
        Ok(move || {
            lines
                .next()
                .context("the floor ended")?
                .context("reading from the floor")
        })
    })?;
    pause(Duration::from_millis(500));

    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for round in 0..bench.rounds(1_000, 100) {
        let number = (round % WRITTEN) * stride;
        our_times.push(one_write(
            &our_projects[number],
            &format!("f{round}."),
            viewers,
            &our_frames,
        )?);
        pause(Duration::from_millis(3));
        their_times.push(one_write(
            &their_projects[number],
            &format!("p{round}."),
            viewers,
            &their_frames,
        )?);
        pause(Duration::from_millis(3));
    }
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let what = format!("{name}, {projects} projects, last of {viewers} viewer(s)");
        report.beside(
            &what,
            quantile(&mut our_times, share),
            "ms",
            "floor",
            quantile(&mut their_times, share),
        );
    }
    server.stop()
}

type Frames = mpsc::Receiver<(Instant, String)>;

/// `count` viewers on threads of their own; what each receives, with the time, comes out of one channel.
fn frames<Next>(count: usize, connect: impl Fn() -> Result<Next>) -> Result<Frames>
where
    Next: FnMut() -> Result<String> + Send + 'static,
{
    let (sender, receiver) = mpsc::sync_channel(100_000);
    for _ in 0..count {
        let mut next = connect()?;
        let sender = sender.clone();
        std::thread::spawn(move || {
            while let Ok(frame) = next() {
                if sender.send((Instant::now(), frame)).is_err() {
                    break;
                }
            }
        });
    }
    Ok(receiver)
}

/// Milliseconds from just before the rename to the frame at the last viewer.
fn one_write(project: &Project, mark: &str, viewers: usize, frames: &Frames) -> Result<f64> {
    project.prepare(mark)?;
    let begin = Instant::now();
    project.publish()?;
    let mut last = begin;
    for _ in 0..viewers {
        loop {
            let (at, frame) = frames
                .recv_timeout(Duration::from_secs(10))
                .context("no frame within ten seconds")?;
            if frame.contains(mark) {
                last = last.max(at);
                break;
            }
        }
    }
    Ok((last - begin).as_secs_f64() * 1000.0)
}
