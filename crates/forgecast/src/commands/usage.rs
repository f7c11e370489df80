//! `usage`: tokens and cost, as counted by the running server, else by reading the transcripts now.

use anyhow::{Context as _, Result, bail};
use forgecast_ingest::scan::ScanProgress;
use forgecast_protocol::calendar::date;
use forgecast_protocol::report::{GroupBy, UsageReport};
use forgecast_protocol::rest::Readiness;

use super::{Context, session_client};
use crate::cli::UsageArgs;
use crate::client::Client;
use crate::config::Config;
use crate::pipeline;
use crate::prices;
use crate::server_urls;
use crate::terminal::{self, Progress, Unit};
use crate::usage::{self, Transcripts};

/// Prints the report.
///
/// # Errors
/// `--since` is after `--until`, prices cannot be read, or the server cannot be reached or answers with an error.
pub(crate) fn run(context: &Context, args: &UsageArgs) -> Result<()> {
    if args.since.zip(args.until).is_some_and(|(since, until)| since > until) {
        bail!("--since is after --until");
    }
    let config = context.configure(args.sources.flags())?;
    let (report, counted_by) = match server(context, &config, args)? {
        Counter::Server(client) => {
            let report = client.get(&path(args))?.context("the server has no statistics")?;
            (report, format!("by the server at {}", client.url()))
        }
        Counter::Transcripts(why) => (count(&config, args)?, format!("{}; {why}", place(context, &config))),
    };
    if args.json {
        terminal::print_json(&report)?;
    } else {
        terminal::print(&terminal::usage(&report, &counted_by, context.style()));
    }
    Ok(())
}

/// Who counts.
enum Counter {
    /// A running server.
    Server(Client),
    /// This command, from the transcripts, for this reason.
    Transcripts(String),
}

/// The server that `--url` names, else the one that watches the same transcripts if it has read all of them.
fn server(context: &Context, config: &Config, args: &UsageArgs) -> Result<Counter> {
    if let Some(url) = &args.url {
        let url = server_urls::parse(url)?;
        if url.starts_with("https:") {
            bail!(
                "usage asks servers without encryption only; on the machine of the server use its address with http://"
            );
        }
        return Ok(Counter::Server(Client::new(&url, context.environment.token())));
    }
    let Some(running) = session_client::watching(context, config) else {
        return Ok(Counter::Transcripts("no running server watches them".to_owned()));
    };
    let client = Client::of(&running);
    let ready: Option<Readiness> = client.state("/readyz").ok();
    Ok(match ready {
        Some(ready) if ready.indexing.is_none() => Counter::Server(client),
        _ => Counter::Transcripts(format!("the server at {} is still reading them", running.url)),
    })
}

/// From where transcripts are counted.
fn place(context: &Context, config: &Config) -> String {
    let homes = pipeline::agents(config);
    if homes.is_empty() {
        return "nowhere: transcripts are switched off".to_owned();
    }
    let shown = |is_there: bool| -> Vec<String> {
        let folders = homes.iter().filter(|(_, folder)| folder.is_dir() == is_there);
        folders
            .map(|(_, folder)| context.environment.shortened(folder))
            .collect()
    };
    match shown(true).as_slice() {
        [] => format!("nowhere: none of these folders is there: {}", shown(false).join(", ")),
        there => format!("from the transcripts in {}", there.join(", ")),
    }
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
    let progress = Progress::of("reading transcripts", Unit::Bytes);
    let at = |at: ScanProgress| progress.at(at.done, at.total);
    let titles = args.by == GroupBy::Session;
    let (transcripts, summary) = Transcripts::scan(&pipeline::agents(config), prices::load(config)?, titles, at);
    drop(progress);
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
