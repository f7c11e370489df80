//! What a million tokens cost by the vendors' price lists, on one date. Prices are entered here and nowhere else; a
//! model that is not listed has no price.

/// The day on which the prices below were taken.
pub const PRICES_OF: &str = "2026-11-21";

/// Calls of these models cost more as a whole when more tokens than this are sent to them.
const LONG: u64 = 272_000;

/// The prices of one model in US dollars per million tokens. Writing to the cache for an hour costs twice the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub(super) model: &'static str,
    pub(super) input: f64,
    pub(super) output: f64,
    pub(super) cache_write: f64,
    pub(super) cache_read: f64,
    /// What everything is multiplied by in fast mode.
    pub(super) fast: Option<f64>,
    /// Tokens of one type beyond the first 200,000 of a call: input, output, cache write, cache read.
    pub(super) above_200k: Option<[f64; 4]>,
    /// Input tokens beyond which a call has the prices of long prompts.
    pub(super) long_context: Option<u64>,
}

impl Listed {
    const fn fast(mut self, multiplier: f64) -> Self {
        self.fast = Some(multiplier);
        self
    }

    const fn above_200k(mut self, prices: [f64; 4]) -> Self {
        self.above_200k = Some(prices);
        self
    }

    const fn long(mut self) -> Self {
        self.long_context = Some(LONG);
        self
    }
}

const fn listed(model: &'static str, input: f64, output: f64, cache_write: f64, cache_read: f64) -> Listed {
    Listed {
        model,
        input,
        output,
        cache_write,
        cache_read,
        fast: None,
        above_200k: None,
        long_context: None,
    }
}

const SONNET_ABOVE_200K: [f64; 4] = [6.0, 22.5, 7.5, 0.6];

pub(super) const TABLE: &[Listed] = &[
    listed("claude-opus-5", 5.0, 25.0, 6.25, 0.5).fast(2.0),
    listed("claude-opus-4-8", 5.0, 25.0, 6.25, 0.5).fast(2.0),
    listed("claude-opus-4-7", 5.0, 25.0, 6.25, 0.5).fast(6.0),
    listed("claude-opus-4-6", 5.0, 25.0, 6.25, 0.5).fast(6.0),
    listed("claude-opus-4-5", 5.0, 25.0, 6.25, 0.5),
    listed("claude-opus-4-1", 15.0, 75.0, 18.75, 1.5),
    listed("claude-opus-4", 15.0, 75.0, 18.75, 1.5),
    listed("claude-3-opus", 15.0, 75.0, 18.75, 1.5),
    listed("claude-sonnet-5", 2.0, 10.0, 2.5, 0.2),
    listed("claude-sonnet-4-6", 3.0, 15.0, 3.75, 0.3),
    listed("claude-sonnet-4-5", 3.0, 15.0, 3.75, 0.3).above_200k(SONNET_ABOVE_200K),
    listed("claude-sonnet-4", 3.0, 15.0, 3.75, 0.3).above_200k(SONNET_ABOVE_200K),
    listed("claude-3-7-sonnet", 3.0, 15.0, 3.75, 0.3),
    listed("claude-3-5-sonnet", 3.0, 15.0, 3.75, 0.3),
    listed("claude-3-sonnet", 3.0, 15.0, 3.75, 0.3),
    listed("claude-fable-5-1", 10.0, 50.0, 12.5, 0.25),
    listed("claude-fable-5", 10.0, 50.0, 12.5, 1.0),
    listed("claude-mythos-preview", 10.0, 50.0, 12.5, 1.0),
    listed("claude-haiku-4-5", 1.0, 5.0, 1.25, 0.1),
    listed("claude-3-5-haiku", 0.8, 4.0, 1.0, 0.08),
    listed("claude-3-haiku", 0.25, 1.25, 0.3, 0.03),
    listed("gpt-6-astra", 10.0, 50.0, 12.5, 1.0).fast(2.0).long(),
    listed("gpt-5.6-sol", 4.0, 20.0, 5.0, 0.4).fast(2.0).long(),
    listed("gpt-5.6-terra", 2.0, 12.0, 2.5, 0.2).fast(2.0).long(),
    listed("gpt-5.6-luna", 0.2, 1.2, 0.25, 0.02).fast(2.0).long(),
    listed("gpt-5.5", 5.0, 30.0, 6.25, 0.5).fast(2.5).long(),
    listed("gpt-5.4", 2.5, 15.0, 3.125, 0.25).fast(2.0).long(),
    listed("gpt-5.4-mini", 0.75, 4.5, 0.9375, 0.075),
    listed("gpt-5.4-nano", 0.2, 1.25, 0.25, 0.02),
    listed("gpt-5.3-codex", 1.75, 14.0, 2.1875, 0.175).fast(2.0),
    listed("gpt-5.2", 1.75, 14.0, 1.75, 0.175),
    listed("gpt-5.2-codex", 1.75, 14.0, 1.75, 0.175),
    listed("gpt-5.1", 1.25, 10.0, 1.5625, 0.125),
    listed("gpt-5.1-codex", 1.25, 10.0, 1.25, 0.125),
    listed("gpt-5.1-codex-max", 1.25, 10.0, 1.5625, 0.125),
    listed("gpt-5.1-codex-mini", 0.25, 2.0, 0.3125, 0.025),
    listed("gpt-5", 1.25, 10.0, 1.5625, 0.125),
    listed("gpt-5-codex", 1.25, 10.0, 1.5625, 0.125),
    listed("gpt-5-mini", 0.25, 2.0, 0.3125, 0.025),
    listed("gpt-5-nano", 0.05, 0.4, 0.0625, 0.005),
    listed("gpt-4.1", 2.0, 8.0, 2.5, 0.5),
    listed("gpt-4.1-mini", 0.4, 1.6, 0.5, 0.1),
    listed("gpt-4o", 2.5, 10.0, 3.125, 1.25),
    listed("o3", 0.55, 2.2, 0.6875, 0.275),
    listed("o4-mini", 0.55, 2.2, 0.6875, 0.1375),
];
