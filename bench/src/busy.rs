//! Whether the machine is quiet enough for figures to be quoted.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::process::pause;

/// What others may use of the processors while something is measured.
pub(crate) const MOST: f64 = 0.1;
/// For so long is looked.
const WINDOW: Duration = Duration::from_secs(2);

/// The share of all processors that is in use at the moment, 0 to 1.
pub(crate) fn share() -> Result<f64> {
    let begin = ticks()?;
    pause(WINDOW);
    let end = ticks()?;
    Ok((end.0 - begin.0) / (end.1 - begin.1).max(1.0))
}

/// Ticks in use and all ticks since the machine started: of its virtual machine, what the host took counts as in use.
fn ticks() -> Result<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    let fields: Vec<f64> = line
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    let all: f64 = fields.iter().take(8).sum();
    // The fourth and fifth are idle and waiting for the disk.
    let idle: f64 = fields.iter().skip(3).take(2).sum();
    Ok((all - idle, all))
}
