//! What a call costs: the price table with its date, prices that the user sets, and how a model's name is looked up.
//! An unknown model has no price, and none is ever guessed. All sums are in whole numbers, so that they come out the
//! same in every order.

mod table;

use std::collections::{BTreeMap, HashMap};

use forgecast_protocol::event::CallTokens;
use serde::{Deserialize, Serialize};

pub use self::table::PRICES_OF;
use self::table::{Listed, TABLE};

/// Beyond so many tokens of one type some models cost more, for the tokens beyond it.
const TIER: u64 = 200_000;

/// The name under which searches of the web are counted, beside the models.
pub const WEB_SEARCH: &str = "web-search";
/// What one search costs, in billionths of a US dollar: ten dollars a thousand.
const WEB_SEARCH_NANOS: u64 = 10_000_000;
/// Where models run that cost more because they run only there, and what all their tokens cost there, in thousandths.
const GEO_MILLIS: [(&str, u64); 1] = [("us", 1_100)];

/// Prices by model. Cheap to look up, not cheap to copy.
#[derive(Clone, Debug)]
pub struct Prices {
    models: HashMap<String, Price>,
}

/// A price that the user sets, in US dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
}

/// Millionths of a millionth of a dollar per token, which is the same number as millionths of a dollar per million
/// tokens: every listed price is a whole number of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rates {
    input: u64,
    output: u64,
    cache_write_5m: u64,
    cache_write_1h: u64,
    cache_read: u64,
}

/// All that the cost of a call of one model depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Price {
    rates: Rates,
    above_tier: Option<Rates>,
    long_context: Option<u64>,
    fast_millis: u64,
}

impl Default for Prices {
    fn default() -> Self {
        Self::embedded()
    }
}

impl Prices {
    /// The prices that Forgecast came with, of the day [`PRICES_OF`].
    #[must_use]
    pub fn embedded() -> Self {
        let models = TABLE.iter().map(|listed| (listed.model.to_owned(), Price::of(listed)));
        Self {
            models: models.collect(),
        }
    }

    /// Adds the user's prices. They replace the built-in prices of the same model.
    #[must_use]
    pub fn with_overrides(mut self, overrides: &BTreeMap<String, PriceOverride>) -> Self {
        for (model, price) in overrides {
            self.models.insert(model.clone(), Price::set(price));
        }
        self
    }

    /// What a call costs in US dollars; nothing for a model without a price.
    #[must_use]
    pub fn price(&self, model: &str, fast: bool, tokens: &CallTokens) -> Option<f64> {
        self.nanos(model, fast, tokens).map(dollars)
    }

    /// What a call costs in billionths of a US dollar, rounded to a whole one; nothing for a model without a price.
    #[must_use]
    pub fn nanos(&self, model: &str, fast: bool, tokens: &CallTokens) -> Option<u64> {
        Some(self.find(model)?.nanos(fast, tokens))
    }

    /// By the name as it is, else without what says only who serves the model, when it was made and how much fits:
    /// `anthropic/claude-sonnet-4-5-20250929[1m]` is `claude-sonnet-4-5`, and so is
    /// `global.anthropic.claude-sonnet-4-5-20250929-v1:0`. What is served in one region only (`us.…`) may cost more, so it
    /// has no price.
    pub(crate) fn find(&self, model: &str) -> Option<Price> {
        let exact = |name: &str| self.models.get(name).copied();
        exact(model).or_else(|| {
            let name = model.rsplit_once('/').map_or(model, |(_, name)| name);
            let name = without(name, &["global.", "anthropic."], &["[1m]", "-v1:0", "-v1", "@default"]);
            exact(name).or_else(|| exact(without_date(name)))
        })
    }
}

/// What searches of the web cost in billionths of a US dollar.
#[must_use]
pub fn web_search_nanos(searches: u64) -> u64 {
    searches.saturating_mul(WEB_SEARCH_NANOS)
}

/// What tokens cost that had to be worked on in one place, in billionths of a US dollar; `nanos` is what they cost
/// anywhere.
#[must_use]
pub(crate) fn in_geo(nanos: u64, geo: Option<&str>) -> u64 {
    let factor = GEO_MILLIS.iter().find(|(name, _)| Some(*name) == geo);
    let Some((_, millis)) = factor else {
        return nanos;
    };
    let product = u128::from(nanos) * u128::from(*millis);
    u64::try_from((product + 500) / 1_000).unwrap_or(u64::MAX)
}

/// The name under which a call is shown.
#[must_use]
pub fn model_name(model: &str, fast: bool) -> String {
    let suffix = if fast { "-fast" } else { "" };
    format!("{model}{suffix}")
}

/// Billionths of a US dollar as US dollars.
#[must_use]
pub fn dollars<N: Into<i128>>(nanos: N) -> f64 {
    // Amounts that a computer is ever asked about are far below the 53 bits at which this would begin to round.
    let nanos: i128 = nanos.into();
    nanos as f64 / 1e9
}

/// US dollars as billionths, rounded to a whole one; nothing for what is no amount of money.
#[must_use]
pub fn nanos_of(usd: f64) -> Option<u64> {
    (usd.is_finite() && usd >= 0.0).then(|| whole(usd * 1e9))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float that is too large or negative becomes the nearest whole number, which is what is wanted"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

fn without<'a>(name: &'a str, prefixes: &[&str], suffixes: &[&str]) -> &'a str {
    let strip_prefix = |name: &'a str, part: &&str| name.strip_prefix(part).unwrap_or(name);
    let strip_suffix = |name: &'a str, part: &&str| name.strip_suffix(part).unwrap_or(name);
    let name = prefixes.iter().fold(name, strip_prefix);
    suffixes.iter().fold(name, strip_suffix)
}

fn without_date(name: &str) -> &str {
    // `-20250929`, `@20250929` or `-2025-08-07`.
    let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    let is_date = |date: &[u8]| match date {
        [b'-' | b'@', date @ ..] if date.len() == 8 => digits(date),
        [b'-', year @ .., b'-', m1, m2, b'-', d1, d2] if year.len() == 4 => {
            digits(year) && digits(&[*m1, *m2, *d1, *d2])
        }
        _ => false,
    };
    let ends = [9, 11].into_iter().filter_map(|length| name.len().checked_sub(length));
    let mut dated = ends.filter(|at| is_date(&name.as_bytes()[*at..]));
    dated.next().map_or(name, |at| &name[..at])
}

impl Price {
    fn of(listed: &Listed) -> Self {
        let rates = |[input, output, cache_write, cache_read]: [f64; 4]| Rates {
            input: per_token(input),
            output: per_token(output),
            cache_write_5m: per_token(cache_write),
            cache_write_1h: per_token(2.0 * input),
            cache_read: per_token(cache_read),
        };
        Self {
            rates: rates([listed.input, listed.output, listed.cache_write, listed.cache_read]),
            above_tier: listed.above_200k.map(rates),
            long_context: listed.long_context,
            fast_millis: whole(listed.fast.unwrap_or(1.0) * 1e3),
        }
    }

    fn set(price: &PriceOverride) -> Self {
        let input = price.input;
        Self {
            rates: Rates {
                input: per_token(input),
                output: per_token(price.output),
                cache_write_5m: per_token(price.cache_write_5m.unwrap_or(1.25 * input)),
                cache_write_1h: per_token(price.cache_write_1h.unwrap_or(2.0 * input)),
                cache_read: per_token(price.cache_read.unwrap_or(0.1 * input)),
            },
            above_tier: None,
            long_context: None,
            fast_millis: whole(price.fast_multiplier.unwrap_or(1.0) * 1e3),
        }
    }

    /// Billionths of a dollar.
    pub(crate) fn nanos(&self, fast: bool, tokens: &CallTokens) -> u64 {
        let long = self.long_context.is_some_and(|limit| tokens.context() > limit);
        let rates = if long { self.rates.of_long_context() } else { self.rates };
        let above = self.above_tier.unwrap_or(rates);
        let parts = [
            (tokens.input, rates.input, above.input),
            (tokens.output, rates.output, above.output),
            (tokens.cache_write_5m, rates.cache_write_5m, above.cache_write_5m),
            (tokens.cache_write_1h, rates.cache_write_1h, above.cache_write_1h),
            (tokens.cache_read, rates.cache_read, above.cache_read),
        ];
        let cost = |(count, rate, above): (u64, u64, u64)| {
            let beyond = count.saturating_sub(TIER);
            let within = u128::from(count - beyond).saturating_mul(u128::from(rate));
            within.saturating_add(u128::from(beyond).saturating_mul(u128::from(above)))
        };
        let sum = parts.into_iter().map(cost).fold(0, u128::saturating_add);
        let factor = if fast { self.fast_millis } else { 1000 };
        // From trillionths of a dollar, times a thousandth, to billionths.
        let nanos = sum.saturating_mul(u128::from(factor)).saturating_add(500_000) / 1_000_000;
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

impl Rates {
    fn of_long_context(self) -> Self {
        let double = |rate: u64| rate.saturating_mul(2);
        Self {
            input: double(self.input),
            output: self.output.saturating_add(self.output / 2),
            cache_write_5m: double(self.cache_write_5m),
            cache_write_1h: double(self.cache_write_1h),
            cache_read: double(self.cache_read),
        }
    }
}

fn per_token(usd_per_million: f64) -> u64 {
    if usd_per_million.is_finite() {
        whole(usd_per_million * 1e6)
    } else {
        0
    }
}
