//! The user's own prices: the file they are in, reading it, and adding to it. The file is TOML with
//! one table per model ([`PriceOverride`]); what it says goes before the built-in table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use forgecast_protocol::Timestamp;
use forgecast_session::price::{ModelPrice, PriceOverride, Prices, is_same_model};
use serde::Serialize;
use toml_edit::{DocumentMut, Item, Table};

use crate::config::{Config, Provenance, key};
use crate::connect::write;

/// Prices by model, as the user sets them.
type OwnPrices = BTreeMap<String, PriceOverride>;

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
    pub(crate) fn of(name: &str, found: Option<(&ModelPrice, [f64; 5])>) -> Self {
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

/// What an import did.
#[derive(Debug)]
pub(crate) struct Imported {
    /// The user's file.
    pub(crate) path: PathBuf,
    /// The models whose price is new or changed, as the file calls them.
    pub(crate) changed: Vec<String>,
    /// The file as it was before, if it changed.
    pub(crate) backup: Option<PathBuf>,
}

/// The prices that hold: the built-in ones, and before them the user's.
///
/// # Errors
/// The user's file cannot be read, or has an invalid price in it.
pub(crate) fn load(config: &Config) -> Result<Prices> {
    let described = || {
        let path = config.usage.prices.as_deref().unwrap_or(Path::new(""));
        format!(
            "{}: usage.prices: {}",
            config.provenance(key!(usage.prices)),
            path.display()
        )
    };
    let own = own(config).with_context(described)?;
    Prices::embedded().with_overrides(&own).with_context(described)
}

/// The user's prices. The file at the default place need not exist.
///
/// # Errors
/// The file cannot be read, or is not such a file.
fn own(config: &Config) -> Result<OwnPrices> {
    let Some(path) = &config.usage.prices else {
        return Ok(OwnPrices::new());
    };
    match write::read(path)? {
        Some(text) => parse(&text),
        None if matches!(config.provenance(key!(usage.prices)), Provenance::Default) => Ok(OwnPrices::new()),
        None => bail!("the file does not exist"),
    }
}

fn parse(text: &str) -> Result<OwnPrices> {
    Ok(toml::from_str(text)?)
}

/// Adds the prices of a file to those in another text, `before`, and returns the text and the models
/// in it that are new or changed. A price without a date keeps the known date if it is the known
/// price, else it gets the date `today`. The names of known models, the comments above them, the
/// order and the prices of other models stay.
///
/// # Errors
/// Either is not such a file, or an added price is invalid.
fn merge(before: &str, added: &str, today: &str) -> Result<(String, Vec<String>)> {
    let known = parse(before).context("the present prices")?;
    let added = parse(added)?;
    if added.is_empty() {
        bail!("it sets no price; a price is a table such as [\"my-model\"] with input and output");
    }
    Prices::embedded().with_overrides(&added)?;
    let mut document: DocumentMut = before.parse().context("the present prices")?;
    let mut changed = Vec::new();
    for (model, mut price) in added {
        let own = known.iter().find(|(own, _)| is_same_model(own, &model));
        if price.date.is_none() {
            let undated = |own: &PriceOverride| PriceOverride {
                date: None,
                ..own.clone()
            };
            price.date = match own {
                Some((_, own)) if undated(own) == price => own.date.clone(),
                _ => Some(today.to_owned()),
            };
        }
        if own.is_none_or(|(_, own)| *own != price) {
            let model = own.map_or(model, |(own, _)| own.clone());
            let table: DocumentMut = toml::to_string(&price)?.parse()?;
            set(&mut document, &model, table.as_table().clone());
            changed.push(model);
        }
    }
    Ok((document.to_string(), changed))
}

/// Puts a table in the place of the one of this name, with the comments above it, else at the end.
fn set(document: &mut DocumentMut, name: &str, mut table: Table) {
    if let Some(before) = document.get_mut(name).and_then(Item::as_table_mut) {
        *table.decor_mut() = before.decor().clone();
        table.set_position(before.position());
        *before = table;
    } else {
        document.insert(name, Item::Table(table));
    }
}

/// Imports the prices of `file` into the user's file.
///
/// # Errors
/// Either file cannot be read or is not such a file, a price is invalid, or there is no place for
/// the user's file.
pub(crate) fn import(config: &Config, file: &Path, now: Timestamp, today: &str) -> Result<Imported> {
    let Some(path) = &config.usage.prices else {
        bail!("HOME is not set: name a file for your prices with usage.prices in the configuration");
    };
    let Some(added) = write::read(file)? else {
        bail!("{} does not exist", file.display());
    };
    let before = write::read(path)?;
    let (text, changed) =
        merge(before.as_deref().unwrap_or_default(), &added, today).with_context(|| file.display().to_string())?;
    let backup = match changed.is_empty() {
        true => None,
        false => write::replace(path, before.as_deref(), Some(&text), now)?,
    };
    Ok(Imported {
        path: path.clone(),
        changed,
        backup,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: &str = "2026-12-01";

    #[test]
    fn imported_prices_are_added_and_leave_the_others_and_their_comments() {
        let before = "# ours\n[\"gpt-5.1\"]\ninput = 1\noutput = 2 # negotiated\n";
        let added = "[\"my.model\"]\ninput = 3\noutput = 4.5\ncontext_window = 64000\n";
        let (text, changed) = merge(before, added, TODAY).unwrap();
        assert_eq!(changed, ["my.model"]);
        assert!(text.starts_with(before), "{text}");
        let own = parse(&text).unwrap();
        assert_eq!(own["my.model"].output.to_string(), "4.5");
        assert_eq!(own["my.model"].date.as_deref(), Some(TODAY));
        for day in [TODAY, "2027-01-31"] {
            let (again, changed) = merge(&text, added, day).unwrap();
            assert_eq!(
                (again, changed),
                (text.clone(), Vec::new()),
                "importing it twice changes nothing"
            );
        }
    }

    #[test]
    fn another_price_of_a_model_takes_the_place_of_the_one_before_whatever_its_spelling() {
        let before =
            "# ours\n[\"claude-opus-4.8\"]\ninput = 1\noutput = 2\n\n# theirs\n['gpt-5']\ninput = 3\noutput = 4\n";
        let added = "[\"Claude-Opus-4-8\"]\ninput = 5\noutput = 6\ndate = \"2026-11-30\"\n";
        let (text, changed) = merge(before, added, TODAY).unwrap();
        assert_eq!(changed, ["claude-opus-4.8"]);
        assert!(text.starts_with("# ours\n[\"claude-opus-4.8\"]\ninput = 5"), "{text}");
        assert!(
            text.ends_with("\n\n# theirs\n['gpt-5']\ninput = 3\noutput = 4\n"),
            "{text}"
        );
        assert_eq!(parse(&text).unwrap().len(), 2);
        let (text, changed) = merge(before, "[GPT-5]\ninput = 7\noutput = 8\n", TODAY).unwrap();
        assert_eq!(changed, ["gpt-5"]);
        assert!(text.starts_with("# ours\n"), "{text}");
        assert!(text.contains("\n\n# theirs\n['gpt-5']\ninput = 7"), "{text}");
    }

    #[test]
    fn a_file_that_sets_no_price_or_an_invalid_one_changes_nothing() {
        for (added, reason) in [
            ("", "sets no price"),
            ("[m]\ninput = 1\n", "output"),
            ("[m]\ninput = 1\noutput = -2\n", "output = -2 is not between"),
            ("[m]\ninput = 1\noutput = 2\nprice = 3\n", "price"),
            (
                "[\"A-1.5\"]\ninput = 1\noutput = 2\n[a-1-5]\ninput = 1\noutput = 2\n",
                "[\"a-1-5\"]: it means the same model as [\"A-1.5\"]",
            ),
            ("{}", "TOML"),
        ] {
            let error = format!("{:#}", merge("", added, TODAY).unwrap_err());
            assert!(error.contains(reason), "{added}: {error}");
        }
    }
}
