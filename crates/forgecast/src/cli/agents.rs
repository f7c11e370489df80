//! Command line options about coding agents: their usage, facts from scripts, connecting them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use forgecast_protocol::calendar::parse_date;
use forgecast_protocol::report::GroupBy;

use super::SourceArgs;

/// Options of `usage`.
#[derive(Clone, Debug, Args)]
pub(crate) struct UsageArgs {
    /// Group by day, project, model, session or phase
    #[arg(long, value_name = "GROUP", default_value = "day", value_parser = group)]
    pub(crate) by: GroupBy,
    /// Only usage on this day or later, by this machine's calendar
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) since: Option<i32>,
    /// Only usage on this day or earlier
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) until: Option<i32>,
    /// Print the report as JSON, as GET /api/v1/stats does
    #[arg(long)]
    pub(crate) json: bool,
    /// Ask the server at this address, with the token in FORGECAST_TOKEN if it needs one [default: the running server that
    /// watches the same transcripts, else count what the transcripts say]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// Options of `prices`.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct PricesArgs {
    #[command(subcommand)]
    pub(crate) command: Option<PricesCommand>,
    /// Names of models as agents and clouds write them [default: every model with a price]
    #[arg(value_name = "MODELS")]
    pub(crate) models: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The commands of `prices`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum PricesCommand {
    /// Add the prices of a TOML file to your own, which go before the built-in ones
    Import {
        /// One table per model, such as ["my-model"], with input and output in US dollars per million tokens
        file: PathBuf,
    },
}

/// Options of `emit`.
#[derive(Clone, Debug, Args)]
pub(crate) struct EmitArgs {
    /// The kind of fact, as in POST /api/v1/events; - and _ are interchangeable (phase-reported)
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// Fields of the fact; list items are separated by commas
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) fields: Vec<String>,
    /// The session: a name, or one run (weather-app~1) [default: the session of the folder]
    #[arg(long, value_name = "NAME")]
    pub(crate) session: Option<String>,
    /// The project's folder [default: the current folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// More fields as a JSON object; - reads it from standard input
    #[arg(long, value_name = "OBJECT")]
    pub(crate) json: Option<String>,
    /// The fact's id; facts with the same id count once [default: a random one]
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Exit with status 1 if no server accepted the fact immediately, although it is kept and delivered later
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Options of `ingest`.
#[derive(Clone, Debug, Args)]
pub(crate) struct IngestArgs {
    /// The file with the output of claude -p --output-format stream-json or codex exec --json; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The folder that the agent works in, if it does not say so itself [default: the current folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Options of `hook`.
#[derive(Clone, Debug, Args)]
pub(crate) struct HookArgs {
    /// The agent, such as codex
    #[arg(value_name = "AGENT")]
    pub(crate) agent: String,
}

/// Options of `run`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    /// The session's name [default: the program and its subcommand, such as cargo-test]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The command and its arguments
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true
    )]
    pub(crate) command: Vec<OsString>,
}

/// Options of `statusline`.
#[derive(Clone, Debug, Args)]
pub(crate) struct StatuslineArgs {
    /// What the line says: parts separated by |, with {model}, {context}, {session}, {day}, {burn}, {limits} and {command};
    /// a part with something unknown in it is left out [default: all of them in this order; {command} with --command]
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) template: Option<String>,
    /// A status line of your own: a shell command that gets the same input, and whose output {command} stands for
    #[arg(long, value_name = "COMMAND")]
    pub(crate) command: Option<String>,
    /// The name of the account, if this machine's agents use several
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
}

/// Options of `init`.
#[derive(Clone, Debug, Args)]
pub(crate) struct InitArgs {
    /// The coding agent
    #[arg(value_enum)]
    pub(crate) agent: Agent,
    /// Write the change, and leave a backup beside the file
    #[arg(long)]
    pub(crate) yes: bool,
    /// Remove what init added, and nothing else
    #[arg(long)]
    pub(crate) undo: bool,
    /// Also make `forgecast statusline` the status line of Claude Code; one of your own runs within it
    #[arg(long)]
    pub(crate) statusline: bool,
    /// Also let Claude Code's requests for permission wait for an answer on the dashboard; see docs/usage.md
    #[arg(long)]
    pub(crate) answers: bool,
    /// The server's address [default: the running server, else host and port of the configuration]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// The coding agents that can be connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Agent {
    /// Claude Code: hooks and telemetry
    Claude,
    /// Codex CLI: hooks and telemetry
    Codex,
}

impl Agent {
    /// Its key in the table of agents, which is also the name of its token.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
        }
    }

    /// Its name for people.
    pub(crate) fn label(self) -> &'static str {
        forgecast_decode::agents::Agent::by_key(self.key()).map_or(self.key(), |agent| agent.label)
    }
}

/// Options of `doctor`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

fn group(text: &str) -> Result<GroupBy, String> {
    text.parse().map_err(|_| {
        let words = GroupBy::ALL.map(|by| by.to_string());
        format!("expected one of {}", words.join(", "))
    })
}

fn day(text: &str) -> Result<i32, String> {
    parse_date(text).ok_or_else(|| "expected a day such as 2026-11-22".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::parse_date;
    use crate::cli::{Cli, Command};

    #[test]
    fn usage_takes_groups_and_days() {
        let parse = |arguments: &[&str]| {
            let all = ["forgecast", "usage"].iter().chain(arguments);
            Cli::try_parse_from(all).map(|cli| match cli.command {
                Some(Command::Usage(usage)) => usage,
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(parse(&[]).unwrap().by.as_ref(), "day");
        assert_eq!(parse(&["--by", "session"]).unwrap().by.as_ref(), "session");
        assert!(parse(&["--by", "week"]).is_err());
        assert_eq!(
            parse(&["--since", "2026-11-02"]).unwrap().since,
            parse_date("2026-11-02")
        );
        assert!(parse(&["--until", "2026-02-30"]).is_err());
    }
}
