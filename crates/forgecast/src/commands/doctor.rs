//! `doctor`: what is connected and what is not, each with the way out.

use anyhow::{Result, bail};

use super::Context;
use crate::cli::DoctorArgs;
use crate::doctor::{self, State};
use crate::terminal::{self, Style};

/// Prints the findings.
///
/// # Errors
/// Something fails.
pub(crate) fn run(context: &Context, args: &DoctorArgs) -> Result<()> {
    let config = context.configure(args.sources.flags())?;
    let findings = doctor::look(&context.environment, &config);
    if args.json {
        terminal::print(&format!("{}\n", serde_json::to_string_pretty(&findings)?));
    } else {
        terminal::print(&doctor::text(&findings, Style::of_stdout(&context.environment)));
    }
    match findings.iter().filter(|finding| finding.state == State::Fail).count() {
        0 => Ok(()),
        1 => bail!("one thing fails"),
        failed => bail!("{failed} things fail"),
    }
}
