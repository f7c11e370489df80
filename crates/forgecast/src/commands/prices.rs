//! `prices`: shows the prices that hold, and adds prices of the user's own.

use anyhow::Result;
use forgecast_protocol::calendar::date;
use forgecast_session::price::Prices;

use super::{Context, Flags};
use crate::cli::{PricesArgs, PricesCommand};
use crate::pipeline;
use crate::prices::{self, Imported, PriceRow};
use crate::terminal::{self, counted};

/// Shows prices, or imports them.
///
/// # Errors
/// A file of prices cannot be read or written, or has an invalid price in it.
pub(crate) fn run(context: &Context, args: &PricesArgs) -> Result<()> {
    let config = context.configure(Flags::default())?;
    if let Some(PricesCommand::Import { file }) = &args.command {
        let now = forgecast_ingest::system_clock().now();
        let today = date(pipeline::local_calendar().day(now));
        let file = context.environment.absolute(file);
        let Imported { path, changed, backup } = prices::import(&config, &file, now, &today)?;
        let path = path.display();
        let text = match changed.len() {
            0 => format!("{path} has these prices already\n"),
            count => format!(
                "{} written to {path}: {}{}\nA running server uses them after a restart.\n",
                counted(count as u64, "price"),
                changed.join(", "),
                terminal::backup(backup.as_deref())
            ),
        };
        terminal::print(&text);
        return Ok(());
    }
    let rows = rows(&prices::load(&config)?, &args.models);
    if args.json {
        terminal::print_json(&rows)?;
    } else {
        terminal::print(&terminal::prices(&rows, context.style()));
    }
    Ok(())
}

fn rows(prices: &Prices, names: &[String]) -> Vec<PriceRow> {
    if names.is_empty() {
        let models = prices.models().into_iter();
        return models
            .map(|known| PriceRow::of(&known.model, Some((known, known.rates()))))
            .collect();
    }
    names.iter().map(|name| PriceRow::of(name, prices.find(name))).collect()
}
