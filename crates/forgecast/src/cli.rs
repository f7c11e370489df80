//! The command line. Options that a file or the environment can set as well have no defaults here, because the
//! configuration decides about them.

mod access;
mod agents;
mod budget;
mod database;
mod notify;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use forgecast_protocol::{SessionRef, SessionStatus};
use serde::de::DeserializeOwned;

use crate::config::{LogFormat, LogLevel};
pub(crate) use access::{ListenArgs, ShareArgs, TokenArgs, TokenCommand};
pub(crate) use agents::{
    Agent, DoctorArgs, EmitArgs, HookArgs, IngestArgs, InitArgs, PricesArgs, PricesCommand, RunArgs, StatuslineArgs,
    UsageArgs,
};
pub(crate) use budget::{BudgetArgs, BudgetCommand};
pub(crate) use database::{BackupArgs, DatabaseArgs, RestoreArgs};
pub(crate) use notify::{NotifyArgs, NotifyCommand};

/// The hidden command between `run` and what it runs.
pub(crate) const TERMINAL_COMMAND: &str = "__run-in-terminal";

/// The live view of autonomous coding builds.
///
/// Without a command it serves: `forgecast ~/projects` is `forgecast serve ~/projects`.
#[derive(Debug, Parser)]
#[command(name = "forgecast", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct CommonArgs {
    /// Read this configuration file instead of ./forgecast.toml or ~/.config/forgecast/forgecast.toml
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Write logs as text or as JSON lines
    #[arg(long, value_name = "FORMAT", global = true)]
    pub(crate) log_format: Option<LogFormat>,
    /// The least severe level to log
    #[arg(long, value_name = "LEVEL", global = true)]
    pub(crate) log_level: Option<LogLevel>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch folders and serve the dashboard (the default)
    Serve(ServeArgs),
    /// Run simulated builds: writes real files and serves them
    Demo(DemoArgs),
    /// List sessions
    Sessions(SessionsArgs),
    /// Show one session
    Status(StatusArgs),
    /// Show tokens and cost
    Usage(UsageArgs),
    /// Show what models cost, or import prices of your own
    Prices(PricesArgs),
    /// Report a fact from a script; it is kept in a file while no server answers
    Emit(EmitArgs),
    /// Show a run of an agent by what it prints as JSON: claude -p --output-format stream-json … | forgecast ingest -
    Ingest(IngestArgs),
    /// Pass on one hook of an agent whose hooks run commands, read from standard input; init adds it
    Hook(HookArgs),
    /// Run a command as a session: its output is the log, its exit code the result
    Run(RunArgs),
    /// Becomes the leader of a terminal, then the command that `run` runs in it
    #[command(name = TERMINAL_COMMAND, hide = true)]
    RunInTerminal {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
    /// Print the status line of Claude Code, whose input is read from standard input
    Statusline(StatuslineArgs),
    /// Connect a coding agent: shows the change to its settings, and writes it with --yes
    Init(InitArgs),
    /// Check what is connected and what is not, and how to fix it
    Doctor(DoctorArgs),
    /// Delete a session and its facts permanently
    Forget(ForgetArgs),
    /// Write one session as self-contained JSON
    Export(ExportArgs),
    /// Copy the whole database to a file, also while a server uses it
    Backup(BackupArgs),
    /// Put a copy made by `backup` in the place of the database, which is kept under another name
    Restore(RestoreArgs),
    /// Import a metrics database of Context Foundry as history, or an exported session
    Import(ImportArgs),
    /// Test, list and silence notifications, or send them again
    Notify(NotifyArgs),
    /// List hard budgets, and raise one that stopped agents
    Budget(BudgetArgs),
    /// Create, list and revoke access tokens
    Token(TokenArgs),
    /// Create a temporary link that shows one session and nothing else
    Share(ShareArgs),
    /// Show the configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Options of `serve`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// Folders in which to look for builds [default: the current folder and ~/homelab; they may be created later]
    #[arg(value_name = "PATHS")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// Sources of facts, and where they are stored.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SourceArgs {
    /// The database [default: ~/.local/share/forgecast/forgecast.db]
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Poll files instead of waiting for notifications (network file systems)
    #[arg(long)]
    pub(crate) poll: bool,
    /// Don't read agent transcripts
    #[arg(long)]
    pub(crate) no_transcripts: bool,
}

/// Options of `demo`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoArgs {
    /// Number of builds that run at the same time
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) builds: u32,
    /// Speed factor; at 1 a build takes three to four minutes
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// Random seed; the same seed gives the same builds
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Run every build once, from its beginning
    #[arg(long)]
    pub(crate) once: bool,
    /// Write into this folder and keep it, instead of using a temporary one
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
    /// Only write the files, and start no server
    #[arg(long, requires = "into")]
    pub(crate) no_serve: bool,
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
}

/// Options of `sessions`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SessionsArgs {
    /// Print the rows as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Only sessions with this status
    #[arg(long, value_parser = one_of::<SessionStatus, 6>([
        ("running", "Working"),
        ("waiting", "Waiting for you"),
        ("stalled", "Reported as running, but without work for a long time"),
        ("completed", "Completed successfully"),
        ("failed", "Failed"),
        ("abandoned", "Nobody works on it any more"),
    ]))]
    pub(crate) status: Option<SessionStatus>,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// Options of `status`.
#[derive(Clone, Debug, Args)]
pub(crate) struct StatusArgs {
    /// The session: one run (weather-app~1), or a name for its newest run
    pub(crate) id: SessionRef,
    /// Print the whole view as JSON; with --watch, one view per line
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep printing changes (needs a running server)
    #[arg(long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// Options of `forget`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ForgetArgs {
    /// The session: one run (weather-app~1), or a name for its newest run
    pub(crate) id: SessionRef,
    /// Delete it without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// Options of `export`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ExportArgs {
    /// The session: one run (weather-app~1), or a name for its newest run
    pub(crate) id: SessionRef,
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// Options of `import`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImportArgs {
    /// Metrics databases (SQLite) and files written by `forgecast export`; they are not changed [default: $CF_METRICS_DB]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Print what would be imported, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// The commands of `config`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print each value and where it comes from
    Show,
    /// Print a commented file with the defaults
    Default,
}

/// Accepts these words of a type, each with its help.
fn one_of<T, const WORDS: usize>(words: [(&'static str, &'static str); WORDS]) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    let words = words.map(|(word, help)| PossibleValue::new(word).help(help));
    PossibleValuesParser::new(words).try_map(|word| serde_json::from_value(word.into()))
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.01..=10_000.0).contains(&speed) => Ok(speed),
        _ => Err("expected a number from 0.01 to 10000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_command() {
        let bare = Cli::try_parse_from(["forgecast"]).unwrap();
        assert!(bare.command.is_none());
        let paths = Cli::try_parse_from(["forgecast", "a", "b", "--port", "0"]).unwrap();
        assert_eq!(paths.serve.paths, [PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!(paths.serve.listen.port, Some(0));
        let named = Cli::try_parse_from(["forgecast", "serve", "a"]).unwrap();
        assert!(matches!(named.command, Some(Command::Serve(args)) if args.paths == [PathBuf::from("a")]));
    }

    #[test]
    fn a_session_is_checked_before_anything_is_asked() {
        assert!(Cli::try_parse_from(["forgecast", "status", "../etc"]).is_err());
        assert!(Cli::try_parse_from(["forgecast", "status", "weather-app~2"]).is_ok());
    }
}
