//! Nothing changes (P6): no data frame, next to no processor time, no byte read from a watched file. The sessions are
//! builds at rest, as in the morning after a night: their files are older than what counts as active. Beside it stands a floor
//! with as many sockets, their heartbeats, and a `stat` of each file a minute.

use std::fs::File;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use tempfile::TempDir;

use crate::Bench;
use crate::process::{Server, pause};
use crate::project::Project;
use crate::report::Report;
use crate::viewer::Viewer;

/// Sessions, and viewers of them.
const SIZES: [(usize, usize); 2] = [(300, 20), (3_000, 200)];
/// When the files were changed, since the epoch: when their content says so.
const CHANGED: Duration = Duration::from_secs(1_769_847_300);
/// Until all that follows from the start and from the one change is over.
const SETTLING: Duration = Duration::from_secs(20);

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    for (sessions, viewers) in SIZES {
        measure(bench, report, sessions, viewers)?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn measure(bench: &Bench, report: &mut Report, sessions: usize, viewers: usize) -> Result<()> {
    let (root, data) = (TempDir::new()?, TempDir::new()?);
    let projects = Project::create_many(root.path(), sessions)?;
    for project in &projects {
        let file = File::options().write(true).open(project.phase_file())?;
        file.set_modified(SystemTime::UNIX_EPOCH + CHANGED)?;
    }
    let server = Server::forgecast(&bench.binary, root.path(), data.path())?;
    server.wait_for_sessions(sessions)?;
    let frames = Arc::new(AtomicUsize::new(0));
    for number in 0..viewers {
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
    // That the system notifies at all is known from the first change.
    projects[0].write("changed")?;
    pause(SETTLING);
    let seconds = bench.rounds(60, 10);
    let floor = Server::floor("floor-rest", &[&root.path().to_string_lossy()])?;
    let sockets: Vec<TcpStream> = (0..viewers)
        .map(|_| TcpStream::connect(floor.address))
        .collect::<Result<_, _>>()?;
    let (cpu, floor_cpu, read) = (
        server.cpu_seconds()?,
        floor.cpu_seconds_of_threads()?,
        server.metric("forgecast_source_read_bytes_total")?,
    );
    frames.store(0, Ordering::Relaxed);
    pause(Duration::from_secs(seconds as u64));
    let (sent, seconds) = (frames.load(Ordering::Relaxed) as f64, seconds as f64);
    report.figure(
        &format!("data frames to {viewers} viewers of {sessions} sessions in {seconds} s"),
        sent,
        "frames",
    );
    let share = |spent: f64| spent / seconds * 100.0;
    report.beside(
        "processor time",
        share(server.cpu_seconds()? - cpu),
        "% of a core",
        "floor",
        share(floor.cpu_seconds_of_threads()? - floor_cpu),
    );
    drop(sockets);
    report.figure(
        "read from watched files",
        server.metric("forgecast_source_read_bytes_total")? - read,
        "bytes",
    );
    report.figure("resident memory", server.resident_bytes()? / 1e6, "MB");
    floor.stop()?;
    server.stop()
}
