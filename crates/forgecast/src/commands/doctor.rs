//! `doctor`: checks what is connected and what is not, and how to fix it.

use anyhow::{Result, bail};

use super::Context;
use crate::cli::DoctorArgs;
use crate::doctor;
use crate::terminal::{self, Health, Style};

/// Prints the findings.
///
/// # Errors
/// A check failed.
pub(crate) fn run(context: &Context, args: &DoctorArgs) -> Result<()> {
    let config = context.configure(args.sources.flags())?;
    let findings = doctor::run_checks(&context.environment, &config);
    if args.json {
        terminal::print(&format!("{}\n", serde_json::to_string_pretty(&findings)?));
    } else {
        terminal::print(&doctor::text(&findings, Style::of_stdout(&context.environment)));
    }
    match findings.iter().filter(|finding| finding.state == Health::Fail).count() {
        0 => Ok(()),
        1 => bail!("1 check failed"),
        failed => bail!("{failed} checks failed"),
    }
}
