//! The command line of `notify`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::access::lifetime;

/// Options of `notify`.
#[derive(Clone, Debug, Args)]
pub(crate) struct NotifyArgs {
    #[command(subcommand)]
    pub(crate) command: NotifyCommand,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The database of the server [default: ~/.local/share/forgecast/forgecast.db]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) db: Option<PathBuf>,
}

/// The commands of `notify`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Send a test message to a target, and say what became of it
    Test {
        /// The target's name in the configuration
        target: String,
    },
    /// List the targets, and what was sent to them
    List,
    /// Enable targets again, and send what was not delivered and is still needed
    Retry {
        /// Only this target
        target: Option<String>,
    },
    /// Send nothing for a while; what is still needed then is sent at the end
    Silence {
        /// How long, such as 30m, 8h or 2d; at most 7d
        #[arg(long = "for", value_name = "TIME", value_parser = lifetime, required_unless_present = "end")]
        length: Option<Duration>,
        /// End the silence now
        #[arg(long, conflicts_with = "length")]
        end: bool,
    },
}
