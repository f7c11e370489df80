//! `usage`: tokens and cost, as counted by the running server, else by reading the transcripts now.

use anyhow::{Context as _, Result, bail};
use forgecast_protocol::calendar::date;
use forgecast_protocol::report::UsageReport;
use forgecast_protocol::rest::Readiness;

use super::{Context, session_client};
use crate::cli::UsageArgs;
use crate::client::Client;
use crate::config::Config;
use crate::pipeline;
use crate::prices;
use crate::terminal;
use crate::usage::{self, Transcripts};

/// Prints the report.
///
/// # Errors
/// `--since` is after `--until`, prices cannot be read, or the server answers with an error.
pub(crate) fn run(context: &Context, args: &UsageArgs) -> Result<()> {
    if args.since.zip(args.until).is_some_and(|(since, until)| since > until) {
        bail!("--since is after --until");
    }
    let config = context.configure(args.sources.flags())?;
    let report = match server(context, &config) {
        Some(client) => client.get(&path(args))?.context("the server has no statistics")?,
        None => count(&config, args)?,
    };
    if args.json {
        terminal::print_json(&report)?;
    } else {
        terminal::print(&terminal::usage(&report, context.style()));
    }
    Ok(())
}

/// The server that watches the same transcripts and has read all of them.
fn server(context: &Context, config: &Config) -> Option<Client> {
    let client = Client::of(&session_client::watching(context, config)?);
    let ready: Readiness = client.state("/readyz").ok()?;
    ready.indexing.is_none().then_some(client)
}

fn path(args: &UsageArgs) -> String {
    let mut path = format!("/api/v1/stats?group_by={}", args.by);
    for (name, day) in [("since", args.since), ("until", args.until)] {
        if let Some(day) = day {
            path.push_str(&format!("&{name}={}", date(day)));
        }
    }
    path
}

fn count(config: &Config, args: &UsageArgs) -> Result<UsageReport> {
    let (transcripts, summary) = Transcripts::scan(&pipeline::agents(config), prices::load(config)?);
    for (path, why) in &summary.problems {
        terminal::warn(&format!("{}: {why}", path.display()));
    }
    if summary.bad > 0 {
        terminal::warn(&format!(
            "{} lines of transcripts could not be read and are not counted",
            summary.bad
        ));
    }
    let calendar = pipeline::local_calendar();
    let today = calendar.day(forgecast_ingest::system_clock().now());
    Ok(usage::report(&transcripts, args, today, &calendar))
}
