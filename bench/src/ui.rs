//! From the rename of a phase file to the changed pixel in Chromium, beside the arrival of the frame at the same page's
//! socket: what the dashboard adds to what the server does.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::Bench;
use crate::process::Server;
use crate::project::Project;
use crate::report::{Report, quantile};

const PROJECTS: usize = 100;
const SCRIPT: &str = "e2e/bench/ui.mjs";

/// Milliseconds from the rename, one entry a round.
#[derive(Default)]
struct Times {
    /// To the frame's arrival at the page's socket.
    frame: Vec<f64>,
    /// To the change of the document.
    dom: Vec<f64>,
    /// To the end of the picture that shows it.
    pixel: Vec<f64>,
}

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    if !Path::new("e2e/node_modules/@playwright/test").exists() {
        report.skipped("Chromium", "npm ci --prefix e2e, and Debian's package chromium");
        return Ok(());
    }
    let (root, data) = (TempDir::new()?, TempDir::new()?);
    let projects = Project::create_many(root.path(), PROJECTS)?;
    let server = Server::forgecast(&bench.binary, root.path(), data.path())?;
    server.wait_for_sessions(PROJECTS)?;
    let name = projects[PROJECTS / 2].name();
    let mut times = measure(&server, &root.path().join(name), name, bench.rounds(500, 50))?;
    for (label, share) in [("p50", 0.5), ("p99", 0.99)] {
        let frame = quantile(&mut times.frame, share);
        for (what, samples) in [("document", &mut times.dom), ("pixel", &mut times.pixel)] {
            let what = format!("rename to the changed {what}, {label}, {PROJECTS} projects");
            report.beside(&what, quantile(samples, share), "ms", "frame at the page", frame);
        }
    }
    server.stop()
}

fn measure(server: &Server, folder: &Path, name: &str, rounds: usize) -> Result<Times> {
    let mut child = Command::new("node")
        .arg(SCRIPT)
        .arg(format!("http://{}", server.address))
        .arg(folder)
        .arg(name)
        .arg(rounds.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting node")?;
    let mut times = Times::default();
    for line in BufReader::new(child.stdout.take().context("its output")?).lines() {
        let round: Value = serde_json::from_str(&line?).with_context(|| format!("reading what {SCRIPT} says"))?;
        let of = |name: &str| round[name].as_f64().with_context(|| format!("no {name} in {round}"));
        times.frame.push(of("frame")?);
        times.dom.push(of("dom")?);
        times.pixel.push(of("pixel")?);
    }
    ensure!(child.wait()?.success(), "{SCRIPT} failed");
    ensure!(times.pixel.len() == rounds, "{} of {rounds} rounds", times.pixel.len());
    Ok(times)
}
