//! Nothing changes (P6): no data frame, next to no processor time, no byte read from a watched file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::Bench;
use crate::process::{Server, pause};
use crate::project::Project;
use crate::report::Report;
use crate::viewer::Viewer;

const SESSIONS: usize = 1_000;
const VIEWERS: usize = 200;

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let (root, data) = (TempDir::new()?, TempDir::new()?);
    let projects = Project::create_many(root.path(), SESSIONS)?;
    let server = Server::forgecast(&bench.binary, root.path(), data.path())?;
    let frames = Arc::new(AtomicUsize::new(0));
    for number in 0..VIEWERS {
        let topics = [
            "sessions".to_owned(),
            format!("session/{}", projects[number * 5].name()),
        ];
        let mut viewer = Viewer::follow(server.address, &topics)?;
        let frames = Arc::clone(&frames);
        std::thread::spawn(move || {
            while viewer.next_data().is_ok() {
                frames.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    pause(Duration::from_secs(5));
    let seconds = bench.rounds(60, 10);
    let (cpu, read) = (
        server.cpu_seconds()?,
        server.metric("forgecast_source_read_bytes_total")?,
    );
    frames.store(0, Ordering::Relaxed);
    pause(Duration::from_secs(seconds as u64));
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let (sent, seconds) = (frames.load(Ordering::Relaxed) as f64, seconds as f64);
    report.figure(
        &format!("data frames to {VIEWERS} viewers of {SESSIONS} sessions in {seconds} s"),
        sent,
        "frames",
    );
    report.figure(
        "processor time",
        (server.cpu_seconds()? - cpu) / seconds * 100.0,
        "% of a core",
    );
    report.figure(
        "read from watched files",
        server.metric("forgecast_source_read_bytes_total")? - read,
        "bytes",
    );
    report.figure("resident memory", server.resident_bytes()? / 1e6, "MB");
    server.stop()
}
