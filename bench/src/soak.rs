//! A day of a busy build in minutes: 86,400 changes, one per second of the day, and the slope of the memory under them.

use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::Bench;
use crate::process::{Server, pause};
use crate::project::Project;
use crate::report::Report;
use crate::viewer::Viewer;

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let (root, data) = (TempDir::new()?, TempDir::new()?);
    let projects = Project::create_many(root.path(), 20)?;
    let server = Server::forgecast(&bench.binary, root.path(), data.path())?;
    for project in &projects {
        let mut viewer = Viewer::follow(server.address, &[format!("session/{}", project.name())])?;
        std::thread::spawn(move || while viewer.next().is_ok() {});
    }
    let (changes, samples) = (bench.rounds(86_400, 4_000), 24);
    let mut memory = Vec::new();
    for hour in 0..samples {
        for change in 0..changes / samples {
            projects[change % projects.len()].write(&format!("hour {hour} change {change}"))?;
            pause(Duration::from_micros(700));
        }
        memory.push(server.resident_bytes()? / 1e6);
    }
    // The first quarter fills rings and caches; what grows after that grows for ever.
    let settled = &memory[samples / 4..];
    report.figure("resident memory after the first quarter", settled[0], "MB");
    report.figure("resident memory at the end", *settled.last().unwrap_or(&f64::NAN), "MB");
    report.figure(
        "slope after the first quarter",
        slope(settled),
        "MB per hour of the build",
    );
    server.stop()
}

/// Least squares over equal steps.
#[expect(clippy::cast_precision_loss, reason = "two dozen samples")]
fn slope(samples: &[f64]) -> f64 {
    let count = samples.len() as f64;
    let (mean_x, mean_y) = ((count - 1.0) / 2.0, samples.iter().sum::<f64>() / count);
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in samples.iter().enumerate() {
        let x = x as f64 - mean_x;
        above += x * (y - mean_y);
        below += x * x;
    }
    above / below
}
