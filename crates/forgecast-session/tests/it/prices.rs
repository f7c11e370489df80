//! What calls cost, to the cent, and which names have a price.

use std::collections::BTreeMap;

use forgecast_protocol::event::CallTokens;
use forgecast_session::price::{PRICES_OF, PriceOverride, Prices, dollars, model_name, nanos_of};
use proptest::prelude::*;

fn tokens(input: u64, output: u64) -> CallTokens {
    CallTokens {
        input,
        output,
        ..CallTokens::default()
    }
}

fn read(input: u64, cache_read: u64) -> CallTokens {
    CallTokens {
        input,
        cache_read,
        ..CallTokens::default()
    }
}

/// In billionths of a dollar.
fn cost(model: &str, tokens: CallTokens) -> Option<u64> {
    Prices::embedded().nanos(model, false, &tokens)
}

#[test]
fn a_real_session_costs_what_it_cost() {
    let opus = CallTokens {
        input: 183,
        output: 38_905,
        cache_read: 14_938_375,
        cache_write_5m: 0,
        cache_write_1h: 351_961,
    };
    assert_eq!(cost("claude-opus-4-6", opus), Some(11_962_337_500));
    let sonnet = CallTokens {
        input: 15,
        output: 3,
        cache_read: 34_159,
        cache_write_5m: 0,
        cache_write_1h: 42_176,
    };
    assert_eq!(cost("claude-sonnet-4-5-20250929", sonnet), Some(263_393_700));
}

#[test]
fn what_is_written_to_the_cache_for_five_minutes_costs_less_than_for_an_hour() {
    let five = CallTokens {
        cache_write_5m: 1_000_000,
        ..CallTokens::default()
    };
    let hour = CallTokens {
        cache_write_1h: 1_000_000,
        ..CallTokens::default()
    };
    assert_eq!(cost("claude-opus-4-6", five), Some(6_250_000_000));
    assert_eq!(cost("claude-opus-4-6", hour), Some(10_000_000_000));
}

#[test]
fn only_the_tokens_of_a_type_beyond_200_000_are_dearer() {
    assert_eq!(cost("claude-sonnet-4-5", tokens(300_000, 100_000)), Some(2_700_000_000));
    assert_eq!(cost("claude-sonnet-4-5", tokens(200_000, 0)), Some(600_000_000));
    assert_eq!(
        cost("claude-sonnet-4-6", tokens(300_000, 0)),
        Some(900_000_000),
        "no tier"
    );
}

#[test]
fn a_long_context_makes_the_whole_call_dearer() {
    assert_eq!(cost("gpt-5.5", tokens(300_000, 100_000)), Some(7_500_000_000));
    assert_eq!(cost("gpt-5.4", tokens(300_000, 100_000)), Some(3_750_000_000));
    assert_eq!(cost("gpt-5.4", read(1_000, 300_000)), Some(155_000_000));
    assert_eq!(cost("gpt-5.4", read(1_000, 270_000)), Some(70_000_000));
    assert_eq!(
        cost("gpt-5.4", read(2_000, 270_000)),
        Some(72_500_000),
        "at the threshold"
    );
}

#[test]
fn fast_mode_has_its_own_price_and_name() {
    let prices = Prices::embedded();
    let million = tokens(1_000_000, 1_000_000);
    assert_eq!(prices.nanos("claude-opus-4-6", true, &million), Some(180_000_000_000));
    assert_eq!(model_name("claude-opus-4-6", true), "claude-opus-4-6-fast");
    assert_eq!(prices.price("gpt-5.5", true, &tokens(100_000, 0)), Some(1.25));
    let no_other = prices.nanos("claude-opus-4-5", true, &million);
    assert_eq!(no_other, prices.nanos("claude-opus-4-5", false, &million));
}

#[test]
fn a_model_is_known_under_the_names_that_its_servers_give_it() {
    let prices = Prices::embedded();
    let price = |name: &str| prices.nanos(name, false, &tokens(1_000_000, 0));
    for name in [
        "claude-sonnet-4-6",
        "claude-sonnet-4-6-20260114",
        "claude-sonnet-4-6@20260114",
        "anthropic/claude-sonnet-4-6",
        "openrouter/anthropic/claude-sonnet-4-6",
        "claude-sonnet-4-6[1m]",
        "anthropic/claude-sonnet-4-6-20260114[1m]",
        "anthropic.claude-sonnet-4-6",
        "global.anthropic.claude-sonnet-4-6-20260114-v1:0",
        "bedrock/anthropic.claude-sonnet-4-6-v1",
        "vertex_ai/claude-sonnet-4-6@default",
    ] {
        assert_eq!(price(name), Some(3_000_000_000), "{name}");
    }
    for name in [
        "",
        "/",
        "-20250929",
        "Claude-Sonnet-4-6",
        "claude-sonnet-4-0",
        "claude-opus-4-0",
        "claude-opus-4-9",
        "claude-opus-4-61",
        "claude-sonnet-4-6-2026011",
        "claude-sonnet-4-6-latest",
        "<synthetic>",
        "someones-own-model",
        "us.anthropic.claude-sonnet-4-6-20260114-v1:0",
        "gpt-5-2025-8-007",
        "2025-08-07",
        "ünïcödé-20250929",
    ] {
        assert_eq!(price(name), None, "{name}");
    }
    assert_eq!(price("gpt-5-2025-08-07"), Some(1_250_000_000));
    assert_eq!(price("claude-opus-4"), Some(15_000_000_000));
    assert_eq!(price("claude-opus-4-20250514"), Some(15_000_000_000));
    assert_eq!(price("claude-3-5-sonnet-20241022"), Some(3_000_000_000));
}

#[test]
fn the_table_has_a_date() {
    assert_eq!(PRICES_OF.len(), "2026-11-21".len());
}

#[test]
fn a_price_of_ones_own_replaces_the_listed_one_and_fills_what_it_does_not_say() {
    let text = r#"{
        "claude-opus-4-6": {"input": 1, "output": 2},
        "my-model": {"input": 4, "output": 8, "cache_read": 3, "cache_write_5m": 7, "cache_write_1h": 9, "fast_multiplier": 1.5}
    }"#;
    let own: BTreeMap<String, PriceOverride> = serde_json::from_str(text).unwrap();
    let prices = Prices::embedded().with_overrides(&own);
    let all = CallTokens {
        input: 1_000_000,
        output: 1_000_000,
        cache_read: 1_000_000,
        cache_write_5m: 1_000_000,
        cache_write_1h: 1_000_000,
    };
    assert_eq!(
        prices.price("claude-opus-4-6", false, &all),
        Some(1.0 + 2.0 + 0.1 + 1.25 + 2.0)
    );
    assert_eq!(prices.price("my-model", false, &all), Some(31.0));
    assert_eq!(prices.price("provider/my-model", true, &all), Some(46.5));
    assert_eq!(prices.price("claude-opus-4-7", false, &tokens(1_000_000, 0)), Some(5.0));
    assert!(serde_json::from_str::<PriceOverride>(r#"{"input": 1, "output": 2, "inptu": 3}"#).is_err());
    assert!(serde_json::from_str::<PriceOverride>(r#"{"input": 1}"#).is_err());
}

#[test]
fn amounts_of_money_that_are_none_have_no_billionths() {
    assert_eq!(nanos_of(1.5), Some(1_500_000_000));
    assert_eq!(nanos_of(0.000_000_000_6), Some(1));
    for usd in [f64::NAN, f64::INFINITY, -0.01] {
        assert_eq!(nanos_of(usd), None, "{usd}");
    }
    assert!((dollars(-2_500_000_000_i64) + 2.5).abs() < f64::EPSILON);
}

proptest! {
    #[test]
    fn no_number_of_tokens_is_too_large(input: u64, output: u64, cache_read: u64, cache_write_5m: u64, cache_write_1h: u64) {
        let tokens = CallTokens { input, output, cache_read, cache_write_5m, cache_write_1h };
        for model in ["claude-sonnet-4-5", "gpt-5.5", "claude-opus-4-6"] {
            let prices = Prices::embedded();
            prop_assert!(prices.nanos(model, true, &tokens) >= prices.nanos(model, false, &tokens));
        }
    }
}
