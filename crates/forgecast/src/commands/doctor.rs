//! `doctor`: checks what is connected and what is not, and how to fix it.

use anyhow::{Result, bail};

use super::Context;
use crate::cli::DoctorArgs;
use crate::doctor;
use crate::terminal::{self, Health, counted};

/// Prints the findings.
///
/// # Errors
/// A check failed.
pub(crate) fn run(context: &Context, args: &DoctorArgs) -> Result<()> {
    let config = context.configure(args.sources.flags())?;
    let findings = doctor::run_checks(&context.environment, &config);
    if args.json {
        terminal::print_json(&findings)?;
    } else {
        terminal::print(&doctor::text(&findings, context.style()));
    }
    match findings.iter().filter(|finding| finding.state == Health::Fail).count() {
        0 => Ok(()),
        failed => bail!("{} failed", counted(failed as u64, "check")),
    }
}
