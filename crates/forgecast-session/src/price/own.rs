//! Prices that the user sets, in US dollars per million tokens.

use forgecast_protocol::calendar::parse_date;
use serde::{Deserialize, Serialize};

use super::{ModelPrice, Price, Rates, Regions, millis, per_token};
use crate::price::table::MOST_TIERS;

/// No model costs more per million tokens, in US dollars: a larger number is a mistake of units.
const MAX_RATE: f64 = 100_000.0;

/// A price that the user sets, in US dollars per million tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceOverride {
    /// Sent to the model.
    pub input: f64,
    /// Written by the model.
    pub output: f64,
    /// Written to the cache for five minutes; 1.25 times the input when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_5m: Option<f64>,
    /// Written to the cache for an hour; twice the input when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<f64>,
    /// Read from the cache; a tenth of the input when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<f64>,
    /// What everything is multiplied by in fast mode; 1 when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast_multiplier: Option<f64>,
    /// Tokens that fit into the model's context window; that of the built-in table when it is not
    /// said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// Where the price was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The day it was read, `2026-11-30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

/// An invalid price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPrice {
    /// The model.
    pub model: String,
    /// What is wrong, such as `input is negative`.
    pub reason: String,
}

impl std::fmt::Display for InvalidPrice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "[\"{}\"]: {}", self.model, self.reason)
    }
}

impl std::error::Error for InvalidPrice {}

impl PriceOverride {
    /// Whether the price of `model` is valid.
    ///
    /// # Errors
    /// The first field that is not.
    pub(super) fn check(&self, model: &str) -> Result<(), InvalidPrice> {
        let invalid = |reason: String| InvalidPrice {
            model: model.to_owned(),
            reason,
        };
        if model.trim().is_empty() {
            return Err(invalid("the model has no name".to_owned()));
        }
        let rates = [
            ("input", Some(self.input)),
            ("output", Some(self.output)),
            ("cache_write_5m", self.cache_write_5m),
            ("cache_write_1h", self.cache_write_1h),
            ("cache_read", self.cache_read),
            ("fast_multiplier", self.fast_multiplier),
        ];
        for (field, value) in rates {
            if let Some(value) = value
                && !(0.0..=MAX_RATE).contains(&value)
            {
                return Err(invalid(format!("{field} = {value} is not between 0 and {MAX_RATE}")));
            }
        }
        if self.context_window == Some(0) {
            return Err(invalid("context_window = 0 holds no token".to_owned()));
        }
        match &self.date {
            Some(date) if parse_date(date).is_none() => {
                Err(invalid(format!("date = \"{date}\" is not a day such as 2026-11-30")))
            }
            _ => Ok(()),
        }
    }

    /// What is known of the model now; `listed` is what was known before.
    pub(super) fn resolve(&self, model: &str, listed: Option<&ModelPrice>) -> ModelPrice {
        let input = self.input;
        let nowhere_dearer = Regions {
            geography: 1000,
            government: None,
        };
        ModelPrice {
            model: model.to_owned(),
            context_window: self.context_window.or_else(|| listed?.context_window),
            source: self.source.clone(),
            date: self.date.clone(),
            is_own: true,
            price: Price {
                rates: Rates {
                    input: per_token(input),
                    output: per_token(self.output),
                    cache_write_5m: per_token(self.cache_write_5m.unwrap_or(1.25 * input)),
                    cache_write_1h: per_token(self.cache_write_1h.unwrap_or(2.0 * input)),
                    cache_read: per_token(self.cache_read.unwrap_or(0.1 * input)),
                },
                above_tier: None,
                long_prompts: [None; MOST_TIERS],
                fast_millis: millis(self.fast_multiplier.unwrap_or(1.0)),
                regions: listed.map_or(nowhere_dearer, |listed| listed.price.regions),
            },
        }
    }
}
