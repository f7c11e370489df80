//! What models cost and how much fits into their context windows, by their vendors' price lists.
//! Entered here and nowhere else, each list with where it was read and when; a model that is not
//! listed has no price. `cargo xtask prices` shows what differs from other people's tables.

/// The day of the oldest list below: no price is of before.
pub const PRICES_OF: &str = "2026-11-30";

/// The prices that were read at one place on one day.
#[derive(Clone, Copy, Debug)]
pub(super) struct PriceList {
    /// Where they were read.
    pub(super) source: &'static str,
    /// The day they were read, `2026-11-30`.
    pub(super) date: &'static str,
    /// What everything is multiplied by in a cloud of the US government; `None` where the list does
    /// not say.
    pub(super) government: Option<f64>,
    pub(super) models: &'static [Listed],
}

/// The prices of one model in US dollars per million tokens. Writing to the cache for an hour costs
/// twice the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub(super) model: &'static str,
    /// Tokens that fit into its context window.
    pub(super) window: u64,
    pub(super) input: f64,
    pub(super) output: f64,
    pub(super) cache_read: f64,
    /// For five minutes; 1.25 times the input unless the list says otherwise.
    pub(super) cache_write: f64,
    /// What everything is multiplied by in fast mode.
    pub(super) fast: Option<f64>,
    /// Tokens of one type beyond the first 200,000 of a call.
    pub(super) above_200k: Option<Rates>,
    /// Prices of the whole call, if more tokens are sent with it than the number before them;
    /// ascending.
    pub(super) long_prompts: [Option<(u64, Rates)>; MOST_TIERS],
    /// What everything is multiplied by where a call stays within one geography.
    pub(super) geography: f64,
}

/// Input, output, cache read, cache write.
pub(super) type Rates = [f64; 4];

pub(super) const MOST_TIERS: usize = 3;

const fn listed(model: &'static str, window: u64, input: f64, output: f64, cache_read: f64) -> Listed {
    Listed {
        model,
        window,
        input,
        output,
        cache_read,
        cache_write: 1.25 * input,
        fast: None,
        above_200k: None,
        long_prompts: [None; MOST_TIERS],
        geography: 1.0,
    }
}

impl Listed {
    const fn cache_write(mut self, price: f64) -> Self {
        self.cache_write = price;
        self
    }

    const fn fast(mut self, multiplier: f64) -> Self {
        self.fast = Some(multiplier);
        self
    }

    const fn above_200k(mut self, rates: Rates) -> Self {
        self.above_200k = Some(rates);
        self
    }

    /// The whole call costs this when more tokens than `beyond` are sent with it.
    const fn long(mut self, beyond: u64, input: f64, output: f64, cache_read: f64) -> Self {
        let mut tier = 0;
        while self.long_prompts[tier].is_some() {
            tier += 1;
        }
        self.long_prompts[tier] = Some((beyond, [input, output, cache_read, 1.25 * input]));
        self
    }

    /// OpenAI's rule for long prompts: double what is sent, one and a half times what comes back.
    const fn long_272k(self) -> Self {
        let (input, output, cache_read) = (2.0 * self.input, 1.5 * self.output, 2.0 * self.cache_read);
        self.long(272_000, input, output, cache_read)
    }

    /// xAI's rule for long prompts.
    const fn double_beyond_200k(self) -> Self {
        let (input, output, cache_read) = (2.0 * self.input, 2.0 * self.output, 2.0 * self.cache_read);
        self.long(200_000, input, output, cache_read)
    }

    const fn geography(mut self, multiplier: f64) -> Self {
        self.geography = multiplier;
        self
    }
}

const K200: u64 = 200_000;
const K256: u64 = 262_144;
const K272: u64 = 272_000;
const M1: u64 = 1_000_000;
const MI1: u64 = 1_048_576;

const SONNET_ABOVE_200K: Rates = [6.0, 22.5, 0.6, 7.5];

/// Where a vendor's own page could not be read, its prices as LiteLLM gives them.
const LITELLM: &str = "litellm 1.110.2";
/// The same, of models that LiteLLM does not list.
const CCUSAGE: &str = "ccusage 20.0.24";

/// Every list. Of a model on several lists the first counts.
pub(super) const LISTS: &[PriceList] = &[
    PriceList {
        source: "https://platform.claude.com/docs/en/about-claude/pricing",
        date: "2026-11-30",
        government: Some(1.2),
        models: CLAUDE,
    },
    PriceList {
        source: LITELLM,
        date: "2026-11-30",
        government: Some(1.2),
        models: CLAUDE_BY_LITELLM,
    },
    PriceList {
        source: LITELLM,
        date: "2026-11-30",
        government: None,
        models: BY_LITELLM,
    },
    PriceList {
        source: CCUSAGE,
        date: "2026-11-30",
        government: None,
        models: BY_CCUSAGE,
    },
];

const CLAUDE: &[Listed] = &[
    listed("claude-fable-5-1", M1, 10.0, 50.0, 0.25).geography(1.1),
    listed("claude-fable-5", M1, 10.0, 50.0, 1.0).geography(1.1),
    listed("claude-mythos-5-1", M1, 10.0, 50.0, 0.25).geography(1.1),
    listed("claude-mythos-5", M1, 10.0, 50.0, 1.0).geography(1.1),
    listed("claude-opus-5", M1, 5.0, 25.0, 0.5).fast(2.0).geography(1.1),
    listed("claude-opus-4-8", M1, 5.0, 25.0, 0.5).fast(2.0).geography(1.1),
    listed("claude-opus-4-7", M1, 5.0, 25.0, 0.5).fast(6.0).geography(1.1),
    listed("claude-opus-4-6", M1, 5.0, 25.0, 0.5).fast(6.0).geography(1.1),
    listed("claude-opus-4-5", K200, 5.0, 25.0, 0.5).geography(1.1),
    listed("claude-opus-4-1", K200, 15.0, 75.0, 1.5),
    listed("claude-opus-4", K200, 15.0, 75.0, 1.5),
    listed("claude-3-opus", K200, 15.0, 75.0, 1.5),
    listed("claude-sonnet-4-6", M1, 3.0, 15.0, 0.3).geography(1.1),
    listed("claude-sonnet-4-5", K200, 3.0, 15.0, 0.3)
        .above_200k(SONNET_ABOVE_200K)
        .geography(1.1),
    listed("claude-sonnet-4", K200, 3.0, 15.0, 0.3).above_200k(SONNET_ABOVE_200K),
    listed("claude-3-7-sonnet", K200, 3.0, 15.0, 0.3),
    listed("claude-haiku-4-5", K200, 1.0, 5.0, 0.1).geography(1.1),
    listed("claude-3-5-haiku", K200, 0.8, 4.0, 0.08),
    listed("claude-3-haiku", K200, 0.25, 1.25, 0.03).cache_write(0.3),
];

const CLAUDE_BY_LITELLM: &[Listed] = &[
    listed("claude-opus-5-5", M1, 4.0, 20.0, 0.2).fast(2.0).geography(1.1),
    listed("claude-sonnet-5-5", M1, 2.0, 10.0, 0.1).geography(1.1),
    listed("claude-sonnet-5", M1, 2.0, 10.0, 0.2).geography(1.1),
    listed("claude-haiku-5-5", M1, 0.1, 0.5, 0.01).geography(1.1),
    listed("claude-mythos-preview", M1, 10.0, 50.0, 1.0),
    // Bedrock has a price of its own, the same in every geography.
    listed("anthropic.claude-mythos-preview", M1, 27.5, 137.5, 2.75),
    listed("claude-3-5-sonnet", K200, 3.0, 15.0, 0.3),
    listed("claude-3-sonnet", K200, 3.0, 15.0, 0.3),
];

const BY_LITELLM: &[Listed] = &[
    // OpenAI
    listed("gpt-6.1-sol", 922_000, 2.0, 10.0, 0.1)
        .long_272k()
        .geography(1.2),
    listed("gpt-6.1-terra", 922_000, 1.0, 5.0, 0.05)
        .long_272k()
        .geography(1.2),
    listed("gpt-6-astra", 922_000, 10.0, 50.0, 1.0)
        .fast(2.0)
        .long_272k()
        .geography(1.2),
    listed("gpt-6-sol", 922_000, 2.0, 10.0, 0.2).long_272k().geography(1.2),
    listed("gpt-6-luna", 922_000, 0.1, 0.5, 0.01).long_272k().geography(1.2),
    listed("gpt-5.6", 922_000, 4.0, 20.0, 0.4).long_272k().geography(1.1),
    listed("gpt-5.6-sol", 922_000, 4.0, 20.0, 0.4)
        .fast(2.0)
        .long_272k()
        .geography(1.1),
    listed("gpt-5.6-terra", 922_000, 2.0, 12.0, 0.2)
        .fast(2.0)
        .long_272k()
        .geography(1.1),
    listed("gpt-5.6-luna", 922_000, 0.2, 1.2, 0.02)
        .fast(2.0)
        .long_272k()
        .geography(1.1),
    listed("gpt-5.5", 1_050_000, 5.0, 30.0, 0.5)
        .fast(2.5)
        .long_272k()
        .geography(1.1),
    listed("gpt-5.5-pro", 1_050_000, 30.0, 180.0, 3.0)
        .long_272k()
        .geography(1.1),
    listed("gpt-5.4", 1_050_000, 2.5, 15.0, 0.25)
        .fast(2.0)
        .long_272k()
        .geography(1.1),
    listed("gpt-5.4-pro", 1_050_000, 30.0, 180.0, 3.0)
        .long_272k()
        .geography(1.1),
    listed("gpt-5.4-mini", K272, 0.75, 4.5, 0.075).geography(1.1),
    listed("gpt-5.4-nano", K272, 0.2, 1.25, 0.02).geography(1.1),
    listed("gpt-5.3-codex", K272, 1.75, 14.0, 0.175)
        .fast(2.0)
        .geography(1.1),
    listed("gpt-5.2", K272, 1.75, 14.0, 0.175).geography(1.1),
    listed("gpt-5.2-codex", K272, 1.75, 14.0, 0.175).geography(1.1),
    listed("gpt-5.2-pro", K272, 21.0, 168.0, 2.1).geography(1.1),
    listed("gpt-5.1", K272, 1.25, 10.0, 0.125).geography(1.1),
    listed("gpt-5.1-codex", K272, 1.25, 10.0, 0.125).geography(1.1),
    listed("gpt-5.1-codex-max", K272, 1.25, 10.0, 0.125).geography(1.1),
    listed("gpt-5.1-codex-mini", K272, 0.25, 2.0, 0.025).geography(1.1),
    listed("gpt-5", K272, 1.25, 10.0, 0.125).geography(1.1),
    listed("gpt-5-codex", K272, 1.25, 10.0, 0.125).geography(1.1),
    listed("gpt-5-chat", 128_000, 1.25, 10.0, 0.125).geography(1.1),
    listed("gpt-5-mini", K272, 0.25, 2.0, 0.025).geography(1.1),
    listed("gpt-5-nano", K272, 0.05, 0.4, 0.005).geography(1.1),
    listed("gpt-5-pro", 400_000, 15.0, 120.0, 1.5).geography(1.1),
    listed("gpt-4.1", 1_047_576, 2.0, 8.0, 0.5).geography(1.1),
    listed("gpt-4.1-mini", 1_047_576, 0.4, 1.6, 0.1).geography(1.1),
    listed("gpt-4.1-nano", 1_047_576, 0.1, 0.4, 0.025).geography(1.1),
    listed("gpt-4o", 128_000, 2.5, 10.0, 1.25).geography(1.1),
    listed("gpt-4o-2024-05-13", 128_000, 5.0, 15.0, 2.5).geography(1.1),
    listed("gpt-4o-mini", 128_000, 0.15, 0.6, 0.075).geography(1.1),
    listed("o1", K200, 15.0, 60.0, 7.5).geography(1.1),
    listed("o3", K200, 2.0, 8.0, 0.5).geography(1.1),
    listed("o3-mini", K200, 1.1, 4.4, 0.55).geography(1.1),
    listed("o4-mini", K200, 1.1, 4.4, 0.275).geography(1.1),
    // Google
    listed("gemini-4-argon", MI1, 2.0, 10.0, 0.1),
    listed("gemini-4-hydrogen", MI1, 1.5, 7.5, 0.075),
    listed("gemini-3.8-flash", MI1, 0.75, 3.75, 0.075),
    listed("gemini-3.7-flash", MI1, 0.75, 3.75, 0.075),
    listed("gemini-3.6-flash", MI1, 0.75, 3.75, 0.075),
    listed("gemini-3.5-flash", MI1, 1.5, 9.0, 0.15),
    listed("gemini-3.5-flash-lite", MI1, 0.3, 2.5, 0.03),
    listed("gemini-3.1-pro-preview", MI1, 2.0, 12.0, 0.2).long(K200, 4.0, 18.0, 0.4),
    listed("gemini-3.1-pro-preview-customtools", MI1, 2.0, 12.0, 0.2).long(K200, 4.0, 18.0, 0.4),
    listed("gemini-3.1-flash-lite", MI1, 0.25, 1.5, 0.025),
    listed("gemini-3.1-flash-lite-preview", MI1, 0.25, 1.5, 0.025),
    listed("gemini-3-flash-preview", MI1, 0.5, 3.0, 0.05),
    listed("gemini-2.5-pro", MI1, 1.25, 10.0, 0.125).long(K200, 2.5, 15.0, 0.25),
    listed("gemini-2.5-flash", MI1, 0.3, 2.5, 0.03),
    listed("gemini-2.5-flash-lite", MI1, 0.1, 0.4, 0.01),
    listed("gemini-pro-latest", MI1, 2.0, 12.0, 0.2).long(K200, 4.0, 18.0, 0.4),
    listed("gemini-flash-latest", MI1, 0.75, 3.75, 0.075),
    listed("gemini-flash-lite-latest", MI1, 0.3, 2.5, 0.03),
    // xAI
    listed("grok-4.7", 500_000, 2.0, 6.0, 0.5).double_beyond_200k(),
    listed("grok-4.6", 500_000, 2.0, 6.0, 0.5).double_beyond_200k(),
    listed("grok-4.5", 500_000, 2.0, 6.0, 0.3).double_beyond_200k(),
    listed("grok-4.3", M1, 1.25, 2.5, 0.2).double_beyond_200k(),
    listed("grok-4.20", M1, 1.25, 2.5, 0.2).double_beyond_200k(),
    listed("grok-build-latest", 500_000, 2.0, 6.0, 0.3).double_beyond_200k(),
    listed("grok-build-0.1", 256_000, 1.0, 2.0, 0.2).double_beyond_200k(),
    listed("grok-code-fast", 256_000, 1.0, 2.0, 0.2).double_beyond_200k(),
    listed("grok-code-fast-1", 256_000, 1.0, 2.0, 0.2).double_beyond_200k(),
    // DeepSeek
    listed("deepseek-v4-pro", M1, 1.32, 3.96, 0.044).cache_write(0.0),
    listed("deepseek-v4-flash", M1, 0.3, 1.2, 0.006).cache_write(0.0),
    listed("deepseek-flash", M1, 0.3, 1.2, 0.006).cache_write(0.0),
    listed("deepseek-chat", 131_072, 0.28, 0.42, 0.028).cache_write(0.0),
    listed("deepseek-reasoner", 131_072, 0.28, 0.42, 0.028).cache_write(0.0),
    // Moonshot
    listed("kimi-k3.1-pro", MI1, 2.0, 10.0, 0.2).cache_write(2.0),
    listed("kimi-k3.1-pro-highspeed", MI1, 4.0, 20.0, 0.2).cache_write(4.0),
    listed("kimi-k3", MI1, 3.0, 15.0, 0.3).cache_write(3.0),
    listed("kimi-k2.7-code", K256, 0.95, 4.0, 0.19),
    listed("kimi-k2.6", K256, 0.95, 4.0, 0.16),
    listed("kimi-k2.5", K256, 0.6, 3.0, 0.1),
    // Z.ai
    listed("glm-5.3", M1, 1.4, 4.4, 0.26).cache_write(0.0),
    listed("glm-5.3-flash", MI1, 0.15, 0.5, 0.03).cache_write(0.0),
    listed("glm-5.2", M1, 1.4, 4.4, 0.26).cache_write(0.0),
    listed("glm-5.1", K200, 1.4, 4.4, 0.26).cache_write(0.0),
    listed("glm-5", K200, 1.0, 3.2, 0.2).cache_write(0.0),
    listed("glm-5-code", K200, 1.2, 5.0, 0.3).cache_write(0.0),
    listed("glm-5v-turbo", K200, 1.2, 4.0, 0.24).cache_write(0.0),
    listed("glm-4.7", K200, 0.6, 2.2, 0.11).cache_write(0.0),
    listed("glm-4.6", K200, 0.6, 2.2, 0.11).cache_write(0.0),
    // MiniMax
    listed("minimax-m3", M1, 0.3, 1.2, 0.06),
    listed("minimax-m2.5", M1, 0.3, 1.2, 0.03),
    listed("minimax-m2.5-lightning", M1, 0.3, 2.4, 0.03),
    listed("minimax-m2.1", M1, 0.3, 1.2, 0.03),
    listed("minimax-m2.1-lightning", M1, 0.3, 2.4, 0.03),
    listed("minimax-m2", K200, 0.3, 1.2, 0.03),
    // Mistral
    listed("mistral-large-4", MI1, 0.7, 2.1, 0.07),
    listed("mistral-large-latest", K256, 0.5, 1.5, 0.05),
    listed("mistral-medium-latest", K256, 1.5, 7.5, 0.15),
    listed("mistral-medium-3.5", K256, 1.5, 7.5, 0.15),
    listed("mistral-small-latest", K256, 0.15, 0.6, 0.015),
    listed("mistral-vibe-cli-latest", K256, 1.5, 7.5, 0.15),
    listed("mistral-vibe-cli-with-tools", K256, 1.5, 7.5, 0.15),
    listed("mistral-vibe-cli-fast", K256, 0.15, 0.6, 0.015),
    listed("mistral-code-agent-latest", 256_000, 0.4, 2.0, 0.04),
    listed("codestral-latest", 128_000, 0.3, 0.9, 0.03),
    listed("devstral-latest", 256_000, 0.4, 2.0, 0.04),
    listed("devstral-medium-latest", 256_000, 0.4, 2.0, 0.04),
    listed("devstral-small-latest", 256_000, 0.1, 0.3, 0.01),
    // Alibaba
    listed("qwen3.8-max", 991_808, 2.0, 6.0, 0.25),
    listed("qwen3.8-flash", 991_808, 0.15, 0.47, 0.016).cache_write(0.2),
    listed("qwen3.7-max", 991_808, 2.5, 7.5, 0.5),
    listed("qwen3.7-plus", 991_808, 0.4, 1.6, 0.08).long(256_000, 1.2, 4.8, 0.24),
    listed("qwen3-coder-plus", 997_952, 1.0, 5.0, 0.1)
        .long(32_000, 1.8, 9.0, 0.18)
        .long(128_000, 3.0, 15.0, 0.3)
        .long(256_000, 6.0, 60.0, 0.6),
    listed("qwen3-coder-flash", 997_952, 0.3, 1.5, 0.08)
        .long(32_000, 0.5, 2.5, 0.12)
        .long(128_000, 0.8, 4.0, 0.2)
        .long(256_000, 1.6, 9.6, 0.4),
];

const BY_CCUSAGE: &[Listed] = &[
    listed("gpt-5.3-codex-spark", 128_000, 1.75, 14.0, 0.175),
    listed("glm-4.5", 131_072, 0.6, 2.2, 0.11).cache_write(0.0),
    listed("glm-4.5-air", 131_072, 0.2, 1.1, 0.03).cache_write(0.0),
    listed("minimax-m2.7", 204_800, 0.3, 1.2, 0.06),
    listed("kimi-k2-thinking", K256, 0.6, 2.5, 0.3),
    listed("mimo-v2.5", MI1, 0.14, 0.28, 0.0028),
    listed("grok-4", 256_000, 3.0, 15.0, 0.75),
];
