//! `budget`: lists the hard budgets, and lets agents go on that one of them stopped. The running server does all of it, and
//! knows that it may by the token in the file that only its user can read.

use anyhow::{Context as _, Result};
use forgecast_protocol::rest::{BudgetClear, BudgetRaise, HardBudget, HardBudgets};
use serde::Serialize;

use super::session_client;
use super::{Context, Flags};
use crate::cli::{BudgetArgs, BudgetCommand};
use crate::client::Client;
use crate::config::key;
use crate::terminal;

/// Runs one of the `budget` commands.
///
/// # Errors
/// No server runs, or it rejects the request.
pub(crate) fn run(context: &Context, args: &BudgetArgs) -> Result<()> {
    let mut flags = Flags::default();
    flags.set_path(key!(db), args.db.as_deref());
    let config = context.configure(flags)?;
    let server = session_client::server(context, &config).context("no server runs here; start it with `forgecast`")?;
    let changed = match &args.command {
        BudgetCommand::List => return list(context, &server, args.json),
        BudgetCommand::Raise { budget, usd } => {
            let raise = BudgetRaise {
                budget: budget.clone(),
                usd: *usd,
            };
            post(&server, "raise", &raise)?
        }
        BudgetCommand::Clear { budget } => post(&server, "clear", &BudgetClear { budget: budget.clone() })?,
    };
    if args.json {
        terminal::print_json(&changed)?;
    } else {
        terminal::print(&format!("{}\n", terminal::budget_line(&changed)));
    }
    Ok(())
}

fn list(context: &Context, server: &Client, as_json: bool) -> Result<()> {
    let shown: Option<HardBudgets> = server.get("/api/v1/budgets")?;
    let shown = shown.context("the server is of an older version and stops nobody")?;
    if as_json {
        return Ok(terminal::print_json(&shown)?);
    }
    if shown.budgets.is_empty() {
        terminal::print("No budget is hard; `budgets.hard` in the configuration names those that are.\n");
    } else {
        terminal::print(&terminal::budgets(&shown.budgets, context.style()));
    }
    Ok(())
}

fn post(server: &Client, what: &str, body: &impl Serialize) -> Result<HardBudget> {
    let body = serde_json::to_vec(body).context("cannot write the request")?;
    let answer = server.post(&format!("/api/v1/budgets/{what}"), &body)?;
    answer.map_err(anyhow::Error::msg)
}
