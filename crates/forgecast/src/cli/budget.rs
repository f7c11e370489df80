//! The command line of `budget`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Options of `budget`.
#[derive(Clone, Debug, Args)]
pub(crate) struct BudgetArgs {
    #[command(subcommand)]
    pub(crate) command: BudgetCommand,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The database of the server [default: ~/.local/share/forgecast/forgecast.db]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) db: Option<PathBuf>,
}

/// The commands of `budget`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum BudgetCommand {
    /// List the hard budgets: the day, the month, and the projects and sessions that spent half of theirs
    List,
    /// Allow so much until the budget's period ends
    Raise {
        /// day, month, project/NAME or session/ID, as `list` and the agent's message name it
        budget: String,
        /// US dollars in all
        usd: f64,
    },
    /// Stop nobody for this budget until its period ends
    Clear {
        /// day, month, project/NAME or session/ID
        budget: String,
    },
}
