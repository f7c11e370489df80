//! The user's own prices: the file they are in, reading it, and adding to it. The file is TOML with
//! one table per model ([`PriceOverride`]); what it says goes before the built-in table.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use forgecast_protocol::Timestamp;
use forgecast_protocol::calendar::parse_date;
use forgecast_session::price::{PriceOverride, Prices};
use toml_edit::DocumentMut;

use crate::config::{Config, Provenance, key};
use crate::connect::write;

/// Prices by model, as the user sets them.
pub(crate) type OwnPrices = BTreeMap<String, PriceOverride>;

/// The prices that hold: the built-in ones, and before them the user's.
///
/// # Errors
/// The user's file cannot be read, or a price in it cannot be meant.
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
pub(crate) fn own(config: &Config) -> Result<OwnPrices> {
    let Some(path) = &config.usage.prices else {
        return Ok(OwnPrices::new());
    };
    match write::read(path)? {
        Some(text) => parse(&text),
        None if matches!(config.provenance(key!(usage.prices)), Provenance::Default) => Ok(OwnPrices::new()),
        None => bail!("the file does not exist"),
    }
}

/// The day of the user's newest price, as a day of the calendar.
pub(crate) fn newest(own: &OwnPrices) -> Option<i32> {
    own.values()
        .filter_map(|price| parse_date(price.date.as_deref()?))
        .max()
}

fn parse(text: &str) -> Result<OwnPrices> {
    Ok(toml::from_str(text)?)
}

/// Adds the prices of a file to those in another text, `before`, and returns the text and the models
/// in it that are new or changed. A price without a date gets the date `today`. Comments, order and
/// the prices of other models stay.
///
/// # Errors
/// Either is not such a file, or a price cannot be meant.
pub(crate) fn merge(before: &str, added: &str, today: &str) -> Result<(String, Vec<String>)> {
    let known = parse(before).context("the present prices")?;
    let added = parse(added)?;
    if added.is_empty() {
        bail!("it sets no price; a price is a table such as [\"my-model\"] with input and output");
    }
    let mut document: DocumentMut = before.parse().context("the present prices")?;
    let mut changed = Vec::new();
    for (model, mut price) in added {
        price.check(&model)?;
        price.date.get_or_insert_with(|| today.to_owned());
        if known.get(&model) != Some(&price) {
            let table: DocumentMut = toml::to_string(&price)?.parse()?;
            document.insert(&model, table.as_item().clone());
            changed.push(model);
        }
    }
    Ok((document.to_string(), changed))
}

/// Imports the prices of `file` into the user's file. Returns that file's path and the models whose
/// price is new or changed.
///
/// # Errors
/// Either file cannot be read or is not such a file, a price cannot be meant, or there is no place
/// for the user's file.
pub(crate) fn import(config: &Config, file: &Path, now: Timestamp, today: &str) -> Result<(String, Vec<String>)> {
    let Some(path) = &config.usage.prices else {
        bail!("HOME is not set: name a file for your prices with usage.prices in the configuration");
    };
    let Some(added) = write::read(file)? else {
        bail!("{} does not exist", file.display());
    };
    let before = write::read(path)?;
    let (text, changed) =
        merge(before.as_deref().unwrap_or_default(), &added, today).with_context(|| file.display().to_string())?;
    if !changed.is_empty() {
        write::replace(path, before.as_deref(), Some(&text), now)?;
    }
    Ok((path.display().to_string(), changed))
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
        assert_eq!(newest(&own), parse_date(TODAY));
        let (again, changed) = merge(&text, added, TODAY).unwrap();
        assert_eq!(
            (again, changed),
            (text, Vec::new()),
            "importing it twice changes nothing"
        );
    }

    #[test]
    fn a_file_that_sets_no_price_or_one_that_cannot_be_meant_changes_nothing() {
        for (added, reason) in [
            ("", "sets no price"),
            ("[m]\ninput = 1\n", "output"),
            ("[m]\ninput = 1\noutput = -2\n", "output = -2 is not between"),
            ("[m]\ninput = 1\noutput = 2\nprice = 3\n", "price"),
            ("{}", "TOML"),
        ] {
            let error = format!("{:#}", merge("", added, TODAY).unwrap_err());
            assert!(error.contains(reason), "{added}: {error}");
        }
    }
}
