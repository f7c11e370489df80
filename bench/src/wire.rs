//! What a change costs on the wire (P7).

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tempfile::TempDir;

use crate::Bench;
use crate::process::Server;
use crate::project::Project;
use crate::report::Report;
use crate::viewer::Viewer;

#[expect(clippy::cast_precision_loss, reason = "sizes of frames")]
pub(crate) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let (root, data) = (TempDir::new()?, TempDir::new()?);
    let project = Project::create(root.path(), 1)?;
    // Tasks make the view as large as that of a big build.
    let tasks: Vec<_> = (0..120)
        .map(|number| json!({"id": format!("task-{number}"), "description": "x".repeat(80), "files": ["src/lib.rs"], "dependencies": []}))
        .collect();
    let list = json!({"parallel_mode": true, "total_tasks": tasks.len(), "tasks": tasks});
    std::fs::write(
        project.phase_file().with_file_name("build-tasks.json"),
        list.to_string(),
    )?;
    let server = Server::forgecast(&bench.binary, root.path(), data.path())?;

    let mut viewer = Viewer::connect(server.address, "/api/v1/live")?;
    drop(viewer);
    let view = crate::process::get(server.address, &format!("/api/v1/sessions/{}", project.name()))?.1;
    report.figure("the view", view.len() as f64, "bytes");
    viewer = Viewer::follow(server.address, &[format!("session/{}", project.name())])?;
    viewer.wait_at_most(Duration::from_secs(10))?;

    project.write("one field is different now")?;
    let patch = viewer.next_data()?;
    report.figure("frame of a change of one field", patch.len() as f64, "bytes");
    report.figure(
        "frames of one atomic write",
        1.0 + further_frames(&mut viewer)?,
        "frames",
    );

    let same = std::fs::read(project.phase_file())?;
    std::fs::write(project.phase_file(), same)?;
    report.figure(
        "frames of a rewrite with the same bytes",
        further_frames(&mut viewer)?,
        "frames",
    );
    server.stop()
}

/// Data frames within the next three seconds, which hold a heartbeat and every debounce.
fn further_frames(viewer: &mut Viewer) -> Result<f64> {
    let (mut heartbeats, mut data) = (0, 0.0);
    while heartbeats < 2 {
        let frame = viewer.next().context("not even a heartbeat")?;
        if crate::viewer::is_data(&frame) {
            data += 1.0;
        } else {
            heartbeats += 1;
        }
    }
    Ok(data)
}
