//! The figures: a table while they come in, JSON at the end.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// All figures of one run.
#[derive(Default)]
pub(crate) struct Report {
    section: String,
    figures: Vec<Value>,
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
impl Report {
    /// Begins a measurement.
    pub(crate) fn begin(&mut self, name: &str, about: &str) {
        name.clone_into(&mut self.section);
        println!("\n{name}: {about}");
    }

    /// One figure that stands for itself.
    pub(crate) fn figure(&mut self, what: &str, value: f64, unit: &str) {
        println!("  {what:<64} {:>12} {unit}", short(value));
        self.figures
            .push(json!({"measurement": self.section, "what": what, "value": value, "unit": unit}));
    }

    /// One figure beside its floor or peer, measured in the same run.
    pub(crate) fn beside(&mut self, what: &str, value: f64, unit: &str, peer: &str, peer_value: f64) {
        let ratio = value / peer_value;
        println!(
            "  {what:<64} {:>12} {unit}  {peer} {} {unit}  ratio {}",
            short(value),
            short(peer_value),
            short(ratio)
        );
        self.figures.push(
            json!({"measurement": self.section, "what": what, "value": value, "unit": unit,
            "peer": peer, "peer_value": peer_value, "ratio": ratio}),
        );
    }

    /// A peer that is not installed, and how to install it: said, never passed over.
    pub(crate) fn skipped(&mut self, peer: &str, install: &str) {
        println!("  {peer} is not installed and was not measured: {install}");
        self.figures
            .push(json!({"measurement": self.section, "not_measured": peer, "install": install}));
    }

    /// A peer that did not get through the measurement.
    pub(crate) fn gave_up(&mut self, peer: &str, why: &str) {
        println!("  {peer} is out: {why}");
        self.figures
            .push(json!({"measurement": self.section, "peer": peer, "gave_up": why}));
    }

    /// Writes all figures to `path`.
    pub(crate) fn write_json(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_string_pretty(&json!({"figures": self.figures}))?;
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
        println!("\nwritten to {}", path.display());
        Ok(())
    }
}

fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// The value below which `share` (0 to 1) of the samples lie; sorts them.
pub(crate) fn quantile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into a short list"
    )]
    let index = ((samples.len() as f64 * share) as usize).min(samples.len().saturating_sub(1));
    samples.get(index).copied().unwrap_or(f64::NAN)
}
