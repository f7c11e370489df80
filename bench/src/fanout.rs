//! Processor time and memory per viewer when one change goes to many (P4, P5).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::Bench;
use crate::process::{Server, pause};
use crate::project::Project;
use crate::report::Report;
use crate::viewer::Viewer;

const VIEWERS: usize = 200;

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let (root, data) = (TempDir::new()?, TempDir::new()?);
    let project = Project::create(root.path(), 1)?;
    let server = Server::forgecast(&bench.binary, root.path(), data.path())?;
    let before = server.resident_bytes()?;
    let seen = viewers(&server, &format!("session/{}", project.name()))?;
    pause(Duration::from_millis(300));
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let per_viewer = (server.resident_bytes()? - before) / VIEWERS as f64;
    report.figure("memory per idle viewer", per_viewer / 1024.0, "KiB");

    let floor = Server::floor("floor-send", &[])?;
    let mut producer = TcpStream::connect(floor.address)?;
    pause(Duration::from_millis(50));
    let floor_seen = raw_viewers(floor.address)?;

    // In turns, so that both see the same machine.
    let (mut ours, mut theirs) = (0.0, 0.0);
    let (turns, changes) = (bench.rounds(10, 2), 200);
    for turn in 0..turns {
        let begin = server.cpu_seconds()?;
        for change in 0..changes {
            let goal = seen.load(Ordering::Relaxed) + VIEWERS;
            project.write(&format!("turn {turn} change {change} {}", "x".repeat(40)))?;
            wait(&seen, goal)?;
            pause(Duration::from_millis(2));
        }
        ours += server.cpu_seconds()? - begin;
        let begin = floor.cpu_seconds()?;
        for _ in 0..changes {
            let goal = floor_seen.load(Ordering::Relaxed) + VIEWERS * 300;
            producer.write_all(&[b'x'; 300])?;
            wait(&floor_seen, goal)?;
            pause(Duration::from_millis(2));
        }
        theirs += floor.cpu_seconds()? - begin;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few hundred thousand")]
    let deliveries = (turns * changes * VIEWERS) as f64;
    report.beside(
        &format!("CPU per delivery to {VIEWERS} viewers, reading the file included"),
        ours / deliveries * 1e6,
        "µs",
        "send(2)",
        theirs / deliveries * 1e6,
    );
    server.stop()
}

/// Counts the data frames that all viewers of `topic` received together.
fn viewers(server: &Server, topic: &str) -> Result<Arc<AtomicUsize>> {
    let seen = Arc::new(AtomicUsize::new(0));
    for _ in 0..VIEWERS {
        let mut viewer = Viewer::follow(server.address, &[topic.to_owned()])?;
        let seen = Arc::clone(&seen);
        std::thread::spawn(move || {
            while viewer.next_data().is_ok() {
                seen.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    Ok(seen)
}

/// Counts the bytes that all sockets received together.
fn raw_viewers(address: SocketAddr) -> Result<Arc<AtomicUsize>> {
    let seen = Arc::new(AtomicUsize::new(0));
    for _ in 0..VIEWERS {
        let mut socket = TcpStream::connect(address)?;
        let seen = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = socket.read(&mut buffer) {
                seen.fetch_add(count, Ordering::Relaxed);
            }
        });
    }
    pause(Duration::from_millis(300));
    Ok(seen)
}

fn wait(seen: &AtomicUsize, goal: usize) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(10);
    while seen.load(Ordering::Relaxed) < goal {
        if Instant::now() > until {
            bail!(
                "{} of {goal} deliveries after ten seconds",
                seen.load(Ordering::Relaxed)
            );
        }
        std::thread::yield_now();
    }
    Ok(())
}
