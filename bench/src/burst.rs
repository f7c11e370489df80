//! Every project changes at once (P3), and the overview of as many sessions (P11).

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::Bench;
use crate::process::{Server, get, pause};
use crate::project::Project;
use crate::report::{Report, quantile};
use crate::viewer::Viewer;

/// How long all states may take to arrive before the measurement gives up.
const PATIENCE: Duration = Duration::from_secs(120);

#[expect(clippy::cast_precision_loss, reason = "counts")]
pub(crate) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let count = bench.rounds(10_000, 1_000);
    let (ours, theirs, data) = (TempDir::new()?, TempDir::new()?, TempDir::new()?);
    let our_projects = Project::create_many(ours.path(), count)?;
    let their_projects = Project::create_many(theirs.path(), count)?;

    let server = Server::forgecast(&bench.binary, ours.path(), data.path())?;
    let mut viewer = Viewer::follow(server.address, &["sessions".to_owned()])?;
    pause(Duration::from_secs(2));
    let begin = server.cpu_seconds()?;
    write_all(&our_projects)?;
    let written = Instant::now();
    let mut arrived = HashSet::new();
    while arrived.len() < count {
        ensure!(
            written.elapsed() < PATIENCE,
            "{} of {count} states arrived",
            arrived.len()
        );
        collect(&viewer.next_data()?, &mut arrived)?;
    }
    let last = written.elapsed().as_secs_f64() * 1000.0;
    let cpu = (server.cpu_seconds()? - begin) / count as f64 * 1e6;

    let floor = Server::floor("floor-watch", &[&theirs.path().to_string_lossy()])?;
    let mut lines = BufReader::new(TcpStream::connect(floor.address)?).lines();
    pause(Duration::from_millis(300));
    let begin = floor.cpu_seconds()?;
    write_all(&their_projects)?;
    let written = Instant::now();
    for _ in 0..count {
        lines.next().context("the floor ended")??;
    }
    let floor_last = written.elapsed().as_secs_f64() * 1000.0;
    let floor_cpu = (floor.cpu_seconds()? - begin) / count as f64 * 1e6;

    let what = format!("{count} writes over {count} projects at once");
    report.beside(&format!("{what}: CPU per write"), cpu, "µs", "floor", floor_cpu);
    report.beside(
        &format!("{what}: last state after the last write"),
        last,
        "ms",
        "floor",
        floor_last,
    );
    overview(bench, report, &server, count)?;
    server.stop()
}

/// Writes every project once, by rename.
fn write_all(projects: &[Project]) -> Result<()> {
    for project in projects {
        project.prepare_phase(7, "all at once")?;
    }
    projects.iter().try_for_each(Project::publish)
}

/// The sessions of which a patch of the index says the new phase.
fn collect(frame: &str, arrived: &mut HashSet<String>) -> Result<()> {
    let message: Value = serde_json::from_str(frame)?;
    let rows = message["patch"]["sessions"]
        .as_object()
        .or_else(|| message["state"]["sessions"].as_object());
    for (id, row) in rows.into_iter().flatten() {
        if row["phase"]["number"] == "7" {
            arrived.insert(id.clone());
        }
    }
    Ok(())
}

fn overview(bench: &Bench, report: &mut Report, server: &Server, count: usize) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..bench.rounds(50, 10) {
        let begin = Instant::now();
        let (status, _) = get(server.address, "/api/v1/sessions?limit=100")?;
        ensure!(status == 200, "the overview answered {status}");
        times.push(begin.elapsed().as_secs_f64() * 1000.0);
    }
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        report.figure(
            &format!("first page of {count} sessions, {name}"),
            quantile(&mut times, share),
            "ms",
        );
    }
    Ok(())
}
