//! How long until it is there (P8), and how large it is (P12).

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use tempfile::TempDir;

use crate::Bench;
use crate::process::Server;
use crate::project::Project;
use crate::report::Report;

#[expect(clippy::cast_precision_loss, reason = "counts and sizes")]
pub(crate) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    report.figure(
        "binary, dashboard included",
        bench.binary.metadata()?.len() as f64 / 1e6,
        "MB",
    );

    let (root, data) = (TempDir::new()?, TempDir::new()?);
    let count = bench.rounds(10_000, 1_000);
    Project::create_many(root.path(), count)?;
    let begin = Instant::now();
    let floor = Server::floor("floor-watch", &[&root.path().to_string_lossy()])?;
    let floor_time = begin.elapsed().as_secs_f64();
    drop(floor);
    let (first, memory) = start(bench, root.path(), data.path())?;
    report.beside(
        &format!("ready with {count} new projects"),
        first,
        "s",
        "watch, read, parse",
        floor_time,
    );
    report.figure("resident memory then", memory, "MB");
    let (again, memory) = start(bench, root.path(), data.path())?;
    report.beside(
        &format!("ready again with {count} known projects"),
        again,
        "s",
        "watch, read, parse",
        floor_time,
    );
    report.figure("resident memory then", memory, "MB");

    let (root, data) = (TempDir::new()?, TempDir::new()?);
    for number in 0..50 {
        many_files(&root.path().join(format!("repository-{number}")), 4_000)?;
        Project::create(root.path(), number)?;
    }
    let (first, _) = start(bench, root.path(), data.path())?;
    report.figure("ready with 50 projects among 200,000 files", first, "s");
    Ok(())
}

/// Seconds until ready, and resident megabytes at that moment.
fn start(bench: &Bench, root: &Path, data: &Path) -> Result<(f64, f64)> {
    let begin = Instant::now();
    let server = Server::forgecast(&bench.binary, root, data)?;
    let seconds = begin.elapsed().as_secs_f64();
    let memory = server.resident_bytes()? / 1e6;
    server.stop()?;
    Ok((seconds, memory))
}

fn many_files(folder: &Path, count: usize) -> Result<()> {
    for number in 0..count {
        let inside = folder.join(format!("src/module-{:02}", number / 100));
        if number % 100 == 0 {
            std::fs::create_dir_all(&inside)?;
        }
        std::fs::write(inside.join(format!("file-{number}.rs")), "")?;
    }
    Ok(())
}
