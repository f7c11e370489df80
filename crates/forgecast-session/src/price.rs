//! What a call costs and how much fits into a model's context window: the built-in table with its
//! sources and dates, and the prices that the user sets. An unknown model has no price, and none is
//! ever guessed. All sums are in whole numbers, so that they come out the same in every order.

mod name;
mod own;
mod table;

use std::collections::{BTreeMap, HashMap};

use forgecast_protocol::event::CallTokens;

use self::name::Region;
pub use self::own::{InvalidPrice, PriceOverride};
pub use self::table::PRICES_OF;
use self::table::{LISTS, Listed, MOST_TIERS, PriceList};

/// Beyond so many tokens of one type some models cost more, for the tokens beyond it.
const TIER: u64 = 200_000;

/// The name under which searches of the web are counted, beside the models.
pub const WEB_SEARCH: &str = "web-search";
/// What one search costs, in billionths of a US dollar: ten dollars a thousand.
const WEB_SEARCH_NANOS: u64 = 10_000_000;
/// What a call says of where it ran when it had to stay there: the vendor charges for the geography.
const GEOGRAPHY: &str = "us";

/// What models cost, by their names. Cheap to look up, not cheap to copy.
#[derive(Clone, Debug)]
pub struct Prices {
    models: HashMap<String, ModelPrice>,
}

/// What is known of one model: rates in US dollars per million tokens, and where they are from.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelPrice {
    /// The model as the table calls it.
    pub model: String,
    /// Tokens that fit into its context window, if known.
    pub context_window: Option<u64>,
    /// Where the rates were read; absent for the user's own unless the user says.
    pub source: Option<String>,
    /// The day they were read, `2026-11-30`; absent for the user's own unless the user says.
    pub date: Option<String>,
    /// Whether the user set it.
    pub is_own: bool,
    price: Price,
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
struct Price {
    rates: Rates,
    above_tier: Option<Rates>,
    /// Rates of the whole call if more tokens than this are sent with it; ascending.
    long_prompts: [Option<(u64, Rates)>; MOST_TIERS],
    fast_millis: u64,
    regions: Regions,
}

/// What a model costs more in a region, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Regions {
    geography: u64,
    /// `None` where nobody says: then such a call has no price.
    government: Option<u64>,
}

impl Default for Prices {
    fn default() -> Self {
        Self::embedded()
    }
}

impl Prices {
    /// The prices that Forgecast came with, none of them of a day before [`PRICES_OF`].
    #[must_use]
    pub fn embedded() -> Self {
        let mut models = HashMap::new();
        for list in LISTS {
            for listed in list.models {
                models
                    .entry(name::key(listed.model))
                    .or_insert_with(|| ModelPrice::listed(list, listed));
            }
        }
        Self { models }
    }

    /// Adds the user's prices. They replace the built-in prices of the same model; of what they do
    /// not set, the context window and what a region costs more stay as they were.
    ///
    /// # Errors
    /// The first invalid price, with its model, or the second of two that mean the same model.
    pub fn with_overrides(mut self, overrides: &BTreeMap<String, PriceOverride>) -> Result<Self, InvalidPrice> {
        let mut names: HashMap<String, &str> = HashMap::new();
        for (model, own) in overrides {
            own.check(model)?;
            let key = name::key(model);
            if let Some(first) = names.insert(key.clone(), model) {
                return Err(InvalidPrice {
                    model: model.clone(),
                    reason: format!("it means the same model as [\"{first}\"]"),
                });
            }
            let listed = self.lookup(model).map(|(listed, _)| listed);
            let known = own.resolve(model, listed);
            self.models.insert(key, known);
        }
        Ok(self)
    }

    /// What a call costs in US dollars; nothing for a model without a price.
    #[must_use]
    pub fn price(&self, model: &str, fast: bool, tokens: &CallTokens) -> Option<f64> {
        self.nanos(model, fast, tokens).map(dollars)
    }

    /// What a call costs in billionths of a US dollar, rounded to a whole one; nothing for a model without a price.
    #[must_use]
    pub fn nanos(&self, model: &str, fast: bool, tokens: &CallTokens) -> Option<u64> {
        self.nanos_in(None, model, fast, tokens)
    }

    /// As [`nanos`](Self::nanos), of a call that says where it ran.
    pub(crate) fn nanos_in(&self, geo: Option<&str>, model: &str, fast: bool, tokens: &CallTokens) -> Option<u64> {
        let (known, of_name) = self.lookup(model)?;
        let of_call = geo
            .filter(|geo| *geo == GEOGRAPHY)
            .map(|_| known.price.regions.geography);
        let region_millis = of_call.unwrap_or_default().max(of_name);
        Some(known.price.nanos(fast, region_millis, tokens))
    }

    /// Tokens that fit into the context window of a model, by its name as it is reported or shown
    /// (with `-fast` behind it in fast mode); nothing for a model that the table does not know.
    #[must_use]
    pub fn context_window(&self, model: &str) -> Option<u64> {
        let plain = || self.lookup(model.strip_suffix(FAST)?);
        self.lookup(model).or_else(plain)?.0.context_window
    }

    /// What is known of a model by a name of it, which may say more than the model: who serves it,
    /// where, and when it was made. With it, in thousandths, what the region makes of its price.
    fn lookup(&self, model: &str) -> Option<(&ModelPrice, u64)> {
        // Names that need no rewriting come first, because a price is looked up for every call.
        let usual = self
            .models
            .get(model)
            .or_else(|| self.models.get(name::without_date(model)?));
        if let Some(known) = usual {
            return Some((known, 1000));
        }
        let mut candidates = name::candidates(model).into_iter();
        let (known, region) = candidates.find_map(|(key, region)| Some((self.models.get(&key)?, region)))?;
        Some((known, known.price.regions.millis(region)?))
    }

    /// What is known of a model by any name of it, and its [rates](ModelPrice::rates) with what the
    /// region in the name makes of them; nothing for a name without a price.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(&ModelPrice, [f64; 5])> {
        let (known, region_millis) = self.lookup(name)?;
        Some((known, known.rates().map(|rate| rate * region_millis as f64 / 1e3)))
    }

    /// Every model with a price, by name.
    #[must_use]
    pub fn models(&self) -> Vec<&ModelPrice> {
        let mut models: Vec<&ModelPrice> = self.models.values().collect();
        models.sort_unstable_by(|one, other| one.model.cmp(&other.model));
        models
    }
}

/// Whether two names are the same but for letter case and the way in which the version is written,
/// so that a price can only be set for one of them.
#[must_use]
pub fn is_same_model(one: &str, other: &str) -> bool {
    name::key(one) == name::key(other)
}

/// What searches of the web cost in billionths of a US dollar.
#[must_use]
pub fn web_search_nanos(searches: u64) -> u64 {
    searches.saturating_mul(WEB_SEARCH_NANOS)
}

impl ModelPrice {
    fn listed(list: &PriceList, listed: &Listed) -> Self {
        Self {
            model: listed.model.to_owned(),
            context_window: Some(listed.window),
            source: Some(list.source.to_owned()),
            date: Some(list.date.to_owned()),
            is_own: false,
            price: Price::of(list, listed),
        }
    }

    /// US dollars per million tokens: input, output, cache read, cache write for five minutes and
    /// for an hour.
    #[must_use]
    pub fn rates(&self) -> [f64; 5] {
        let rates = &self.price.rates;
        [
            rates.input,
            rates.output,
            rates.cache_read,
            rates.cache_write_5m,
            rates.cache_write_1h,
        ]
        .map(|rate| rate as f64 / 1e6)
    }
}

/// What the name of a model has behind it when the call ran in fast mode.
const FAST: &str = "-fast";

/// The name under which a call is shown.
#[must_use]
pub fn model_name(model: &str, fast: bool) -> String {
    let suffix = if fast { FAST } else { "" };
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

impl Price {
    fn of(list: &PriceList, listed: &Listed) -> Self {
        let rates = |[input, output, cache_read, cache_write]: [f64; 4]| Rates {
            input: per_token(input),
            output: per_token(output),
            cache_write_5m: per_token(cache_write),
            cache_write_1h: per_token(2.0 * input),
            cache_read: per_token(cache_read),
        };
        Self {
            rates: rates([listed.input, listed.output, listed.cache_read, listed.cache_write]),
            above_tier: listed.above_200k.map(rates),
            long_prompts: listed
                .long_prompts
                .map(|tier| tier.map(|(beyond, prices)| (beyond, rates(prices)))),
            fast_millis: millis(listed.fast.unwrap_or(1.0)),
            regions: Regions {
                geography: millis(listed.geography),
                government: list.government.map(millis),
            },
        }
    }

    /// Billionths of a dollar.
    fn nanos(&self, fast: bool, region_millis: u64, tokens: &CallTokens) -> u64 {
        let is_long = |tier: &&(u64, Rates)| tokens.context() > tier.0;
        let long = self.long_prompts.iter().flatten().rfind(is_long);
        let rates = long.map_or(self.rates, |(_, rates)| *rates);
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
        let fast = if fast { self.fast_millis } else { 1000 };
        let factor = u128::from(fast).saturating_mul(u128::from(region_millis));
        // From trillionths of a dollar, times a thousandth twice, to billionths.
        let nanos = sum.saturating_mul(factor).saturating_add(500_000_000) / 1_000_000_000;
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

impl Regions {
    fn millis(self, region: Region) -> Option<u64> {
        match region {
            Region::Global => Some(1000),
            Region::Geography => Some(self.geography),
            Region::Government => self.government,
        }
    }
}

fn millis(factor: f64) -> u64 {
    whole(factor * 1e3)
}

fn per_token(usd_per_million: f64) -> u64 {
    if usd_per_million.is_finite() {
        whole(usd_per_million * 1e6)
    } else {
        0
    }
}
