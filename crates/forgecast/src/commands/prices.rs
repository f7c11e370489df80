//! `prices`: shows the prices that hold, and adds prices of the user's own.

use anyhow::Result;
use forgecast_protocol::calendar::date;
use forgecast_session::price::{ModelPrice, Prices};
use serde::Serialize;

use super::{Context, Flags};
use crate::cli::{PricesArgs, PricesCommand};
use crate::pipeline;
use crate::prices;
use crate::terminal::{self, counted};

/// The price of one model, in US dollars per million tokens.
#[derive(Debug, Serialize)]
pub(crate) struct PriceRow {
    /// The name that was asked for, else the model's.
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) price: Option<Price>,
}

/// What holds for a name.
#[derive(Debug, Serialize)]
pub(crate) struct Price {
    /// The model that the name stands for.
    pub(crate) model: String,
    pub(crate) input: f64,
    pub(crate) output: f64,
    pub(crate) cache_read: f64,
    pub(crate) cache_write_5m: f64,
    pub(crate) cache_write_1h: f64,
    /// Tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) context_window: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) date: Option<String>,
    /// Whether the user set it.
    pub(crate) own: bool,
}

impl PriceRow {
    fn of(name: &str, found: Option<(&ModelPrice, [f64; 5])>) -> Self {
        let price = found.map(|(known, rates)| {
            let [input, output, cache_read, cache_write_5m, cache_write_1h] = rates;
            Price {
                model: known.model.clone(),
                input,
                output,
                cache_read,
                cache_write_5m,
                cache_write_1h,
                context_window: known.context_window,
                source: known.source.clone(),
                date: known.date.clone(),
                own: known.is_own,
            }
        });
        Self {
            name: name.to_owned(),
            price,
        }
    }
}

/// Shows prices, or imports them.
///
/// # Errors
/// A file of prices cannot be read or written, or a price in it cannot be meant.
pub(crate) fn run(context: &Context, args: &PricesArgs) -> Result<()> {
    let config = context.configure(Flags::default())?;
    if let Some(PricesCommand::Import { file }) = &args.command {
        let now = forgecast_ingest::system_clock().now();
        let today = date(pipeline::local_calendar().day(now));
        let file = context.environment.absolute(file);
        let (path, changed) = prices::import(&config, &file, now, &today)?;
        let text = match changed.len() {
            0 => format!("{path} has these prices already\n"),
            count => format!(
                "{} written to {path}: {}\nA running server uses them after a restart.\n",
                counted(count as u64, "price"),
                changed.join(", ")
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
