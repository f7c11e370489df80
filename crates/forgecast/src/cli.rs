//! What can be said on the command line. Values that may also come from a file or the environment are options here
//! without defaults: `config.rs` decides.

mod access;
mod agents;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use forgecast_protocol::SessionRef;

use crate::config::{LogFormat, LogLevel};
pub(crate) use access::{KeysArgs, ListenArgs, ShareArgs, TokenCommand};
pub(crate) use agents::{Agent, DoctorArgs, EmitArgs, InitArgs, UsageArgs};

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

/// Understood by every command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CommonArgs {
    /// Read this configuration file instead of ./forgecast.toml or ~/.config/forgecast/forgecast.toml
    #[arg(long, value_name = "FILE", global = true, help_heading = "Common options")]
    pub(crate) config: Option<PathBuf>,
    /// Write logs as text or as JSON lines
    #[arg(
        long,
        value_name = "FORMAT",
        global = true,
        help_heading = "Common options",
        value_enum
    )]
    pub(crate) log_format: Option<LogFormat>,
    /// Log from this level on
    #[arg(
        long,
        value_name = "LEVEL",
        global = true,
        help_heading = "Common options",
        value_enum
    )]
    pub(crate) log_level: Option<LogLevel>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch folders and serve the dashboard (the default)
    Serve(ServeArgs),
    /// Watch invented builds: writes real files and serves them
    Demo(DemoArgs),
    /// List the sessions
    Sessions(SessionsArgs),
    /// Show one session
    Status(StatusArgs),
    /// Show tokens and cost
    Usage(UsageArgs),
    /// Report a fact from a script; kept in a file while no server answers
    Emit(EmitArgs),
    /// Connect a coding agent: shows what would change in its settings, writes it with --yes
    Init(InitArgs),
    /// Say what is connected and what is not, with the fix
    Doctor(DoctorArgs),
    /// Remove a session and its facts for good
    Forget(ForgetArgs),
    /// Write one session as self-contained JSON
    Export(ExportArgs),
    /// Import a metrics database of the livestream server as history, or an exported session
    Import(ImportArgs),
    /// Make, list and revoke the tokens that let others in
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Make a link that shows one session and nothing else, for a while
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

/// What and how to serve.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// Folders to look for builds in [default: the current folder, ~/homelab and checkpoints/ralph where they exist]
    #[arg(value_name = "PATHS")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// Where facts come from and are kept.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SourceArgs {
    /// The database [default: ~/.local/share/forgecast/forgecast.db]
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Poll files instead of waiting for notifications (network file systems)
    #[arg(long)]
    pub(crate) poll: bool,
    /// Leave the transcripts of coding agents alone
    #[arg(long)]
    pub(crate) no_transcripts: bool,
}

/// What to play.
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many builds run side by side
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) builds: u32,
    /// How much faster than life; at 1 a build takes three to four minutes
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// The same seed plays the same builds
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Play every build once, from its beginning
    #[arg(long)]
    pub(crate) once: bool,
    /// Write into this folder and keep it, instead of a temporary one
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
    /// Only write the files
    #[arg(long, requires = "into")]
    pub(crate) no_serve: bool,
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
}

/// Which sessions to list.
#[derive(Clone, Debug, Args)]
pub(crate) struct SessionsArgs {
    /// Print the rows as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Only sessions with this status
    #[arg(long, value_enum)]
    pub(crate) status: Option<StatusWord>,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// A session's status as a word on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusWord {
    /// At work
    Running,
    /// Needs a person
    Waiting,
    /// At work by its own account, without work for long
    Stalled,
    /// Ended well
    Completed,
    /// Ended badly
    Failed,
    /// Nobody is there any more
    Abandoned,
}

/// Which session to show, and how.
#[derive(Clone, Debug, Args)]
pub(crate) struct StatusArgs {
    /// The session: one run (weather-app~1) or a name, which means its newest run
    pub(crate) id: SessionRef,
    /// Print the whole view as JSON; with --watch one view a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Go on printing whenever something changes (needs a running server)
    #[arg(long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// What to remove.
#[derive(Clone, Debug, Args)]
pub(crate) struct ForgetArgs {
    /// The session: one run (weather-app~1) or a name, which means its newest run
    pub(crate) id: SessionRef,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// What to write where.
#[derive(Clone, Debug, Args)]
pub(crate) struct ExportArgs {
    /// The session: one run (weather-app~1) or a name, which means its newest run
    pub(crate) id: SessionRef,
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// What to import.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImportArgs {
    /// Metrics databases (SQLite) and files that `forgecast export` wrote; they are only read [default: $CF_METRICS_DB]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Only say what would be imported
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// What to show of the configuration.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print each value with where it comes from
    Show,
    /// Print a commented file with the defaults
    Default,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.01..=10_000.0).contains(&speed) => Ok(speed),
        _ => Err("a number from 0.01 to 10000".to_owned()),
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
