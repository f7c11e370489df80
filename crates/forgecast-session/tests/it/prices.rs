//! What calls cost, to the cent, and which names have a price.

use std::collections::BTreeMap;

use forgecast_protocol::calendar::parse_date;
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
        "Claude-Sonnet-4-6",
        "claude-sonnet-4-6-20260114",
        "claude-sonnet-4-6@20260114",
        "claude-sonnet-4-6-latest",
        "claude-4-6-sonnet",
        "anthropic/claude-sonnet-4-6",
        "anthropic/claude-sonnet-4.6:thinking",
        "openrouter/anthropic/claude-sonnet-4.6",
        "claude-sonnet-4-6[1m]",
        "anthropic/claude-sonnet-4-6-20260114[1m]",
        "anthropic.claude-sonnet-4-6",
        "global.anthropic.claude-sonnet-4-6-20260114-v1:0",
        "bedrock/anthropic.claude-sonnet-4-6-v1",
        "vertex_ai/claude-sonnet-4-6@default",
        "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/global.anthropic.claude-sonnet-4-6",
    ] {
        assert_eq!(price(name), Some(3_000_000_000), "{name}");
    }
    for name in [
        "",
        "/",
        "-20250929",
        "claude-opus-4-9",
        "claude-opus-4-9-v1:0",
        "claude-opus-4-61",
        "claude-sonnet-4-6-2026011",
        "claude-sonnet-4-6:free",
        "<synthetic>",
        "someones-own-model",
        "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6",
        "us.moonshotai.kimi-k3",
        "gpt-5-2025-8-007",
        "2025-08-07",
        "ünïcödé-20250929",
    ] {
        assert_eq!(price(name), None, "{name}");
    }
    assert_eq!(price("gpt-5-2025-08-07"), Some(1_250_000_000));
    assert_eq!(price("claude-opus-4"), Some(15_000_000_000));
    assert_eq!(price("claude-opus-4-0"), Some(15_000_000_000));
    assert_eq!(price("claude-opus-4-20250514"), Some(15_000_000_000));
    assert_eq!(price("claude-3-5-sonnet-20241022"), Some(3_000_000_000));
    assert_eq!(price("claude-3-5-sonnet-v2@20241022"), Some(3_000_000_000));
    assert_eq!(price("anthropic/claude-3.5-sonnet"), Some(3_000_000_000));
    assert_eq!(price("claude-3-7-sonnet-latest"), Some(3_000_000_000));
}

#[test]
fn a_call_that_stays_in_a_region_costs_what_the_vendor_charges_there() {
    let prices = Prices::embedded();
    let price = |name: &str| prices.nanos(name, false, &tokens(1_000_000, 0));
    for geography in ["us", "eu", "apac", "jp", "au"] {
        let name = |model: &str| format!("{geography}.anthropic.{model}");
        assert_eq!(price(&name("claude-opus-4-6-v1")), Some(5_500_000_000));
        assert_eq!(price(&name("claude-haiku-4-5-20251001-v1:0")), Some(1_100_000_000));
        assert_eq!(
            price(&name("claude-3-7-sonnet-20250219-v1:0")),
            Some(3_000_000_000),
            "charged from 4.5 on"
        );
    }
    assert_eq!(price("claude-opus-4-5@eu"), Some(5_500_000_000));
    assert_eq!(price("azure/eu/gpt-5.1"), Some(1_375_000_000));
    assert_eq!(price("us-gov.anthropic.claude-opus-5"), Some(6_000_000_000));
    assert_eq!(
        price("bedrock/us-gov-west-1/anthropic.claude-opus-5"),
        Some(6_000_000_000)
    );
    assert_eq!(price("azure/eu/gpt-6-sol"), Some(4_800_000_000), "a long prompt, too");
    assert_eq!(price("azure/us-gov/gpt-5.1"), None, "nobody says");
}

#[test]
fn a_model_has_a_context_window_also_in_fast_mode_and_in_a_region() {
    let prices = Prices::embedded();
    assert_eq!(prices.context_window("claude-opus-4-8"), Some(1_000_000));
    assert_eq!(prices.context_window("claude-opus-4-8-fast"), Some(1_000_000));
    assert_eq!(
        prices.context_window("us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        Some(200_000)
    );
    assert_eq!(prices.context_window("someones-own-model"), None);
}

#[test]
fn every_price_has_a_source_and_none_is_older_than_the_table() {
    let prices = Prices::embedded();
    let models = prices.models();
    let dates = models.iter().map(|known| known.date.as_deref().unwrap());
    assert_eq!(dates.min(), Some(PRICES_OF));
    for known in models {
        assert!(parse_date(known.date.as_deref().unwrap()).is_some(), "{known:?}");
        assert!(
            known.source.as_deref().is_some_and(|source| !source.is_empty()),
            "{known:?}"
        );
        assert!(known.context_window.is_some_and(|window| window > 0), "{known:?}");
        let [input, output, ..] = known.rates();
        assert!(0.0 < input && input <= output, "{known:?}");
    }
}

fn own(text: &str) -> BTreeMap<String, PriceOverride> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_price_of_ones_own_replaces_the_listed_one_and_fills_what_it_does_not_say() {
    let own = own(r#"{
        "claude-opus-4-6": {"input": 1, "output": 2},
        "my-model": {"input": 4, "output": 8, "cache_read": 3, "cache_write_5m": 7, "cache_write_1h": 9,
                     "fast_multiplier": 1.5, "context_window": 64000, "date": "2027-01-31"}
    }"#);
    let prices = Prices::embedded().with_overrides(&own).unwrap();
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
    assert_eq!(prices.context_window("claude-opus-4-6"), Some(1_000_000), "as listed");
    assert_eq!(
        prices.price("eu.anthropic.claude-opus-4-6-v1", false, &tokens(1_000_000, 0)),
        Some(1.1),
        "a region costs more there, too"
    );
    assert_eq!(prices.price("my-model", false, &all), Some(31.0));
    assert_eq!(prices.price("provider/my-model", true, &all), Some(46.5));
    assert_eq!(prices.context_window("my-model"), Some(64_000));
    assert_eq!(prices.price("claude-opus-4-7", false, &tokens(1_000_000, 0)), Some(5.0));
    assert!(serde_json::from_str::<PriceOverride>(r#"{"input": 1, "output": 2, "inptu": 3}"#).is_err());
    assert!(serde_json::from_str::<PriceOverride>(r#"{"input": 1}"#).is_err());
}

#[test]
fn a_price_of_ones_own_that_cannot_be_meant_is_refused_with_its_reason() {
    for (text, reason) in [
        (
            r#"{"m": {"input": -1, "output": 2}}"#,
            "input = -1 is not between 0 and 100000",
        ),
        (
            r#"{"m": {"input": 1, "output": 2, "cache_read": 1e9}}"#,
            "cache_read = 1000000000 is not between",
        ),
        (
            r#"{"m": {"input": 1, "output": 2, "context_window": 0}}"#,
            "context_window = 0",
        ),
        (
            r#"{"m": {"input": 1, "output": 2, "date": "soon"}}"#,
            "date = \"soon\" is not a day",
        ),
        (r#"{" ": {"input": 1, "output": 2}}"#, "the model has no name"),
    ] {
        let error = Prices::embedded().with_overrides(&own(text)).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
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

/// Names under which clouds, gateways and agents serve the models that are listed, with what the
/// region makes of the price, in thousandths.
fn decorated() -> impl Strategy<Value = (String, String, Option<u64>)> {
    let models: Vec<String> = Prices::embedded()
        .models()
        .iter()
        .map(|known| known.model.clone())
        .filter(|model| model.starts_with("claude-") || model.starts_with("gpt-"))
        // One has a price of its own on Bedrock.
        .filter(|model| Prices::embedded().find(&format!("anthropic.{model}")) == Prices::embedded().find(model))
        .collect();
    let path = prop::sample::select(vec!["", "openrouter/vendor/", "vertex_ai/", "bedrock/", "a/b/c/"]);
    let profile = prop::sample::select(vec![
        "",
        "anthropic.",
        "global.anthropic.",
        "us.anthropic.",
        "jp.openai.",
        "openai.",
    ]);
    let mark = prop::sample::select(vec![
        "",
        "-20260131",
        "@20260131",
        "@default",
        "-2026-01-31",
        "-latest",
        "@eu",
    ]);
    let version = prop::sample::select(vec!["", "-v1:0", "-v12:3", "-v2:0:48k"]);
    let end = prop::sample::select(vec!["", "[1m]", ":thinking", ":beta"]);
    (
        prop::sample::select(models),
        path,
        profile,
        (mark, version, end),
        any::<(bool, bool)>(),
    )
        .prop_map(|(model, path, profile, (mark, version, end), (dotted, upper))| {
            let base = if dotted { with_dots(&model) } else { model.clone() };
            let name = format!("{path}{profile}{base}{mark}{version}{end}");
            let name = if upper { name.to_uppercase() } else { name };
            let in_geography = profile.starts_with("us.") || profile.starts_with("jp.") || mark == "@eu";
            (model, name, in_geography.then_some(1_100))
        })
}

/// `claude-opus-4-6` as gateways write it: `claude-opus-4.6`.
fn with_dots(model: &str) -> String {
    let (name, minor) = model.rsplit_once('-').unwrap();
    let is_version = |text: &str| text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit());
    let major = name.rsplit_once('-').map_or("", |(_, major)| major);
    match is_version(minor) && is_version(major) {
        true => format!("{name}.{minor}"),
        false => model.to_owned(),
    }
}

proptest! {
    #[test]
    fn any_decoration_of_a_listed_model_gives_its_price((model, name, region) in decorated()) {
        let prices = Prices::embedded();
        let nanos = |name: &str| prices.nanos(name, false, &tokens(1_000_000, 10_000));
        let base = nanos(&model).unwrap();
        let charges = nanos(&format!("us.{model}")).unwrap();
        let expected = if region.is_some() { charges } else { base };
        prop_assert_eq!(nanos(&name), Some(expected), "{}", name);
        prop_assert!([10, 11, 12].contains(&(charges * 10 / base)), "{} {}", charges, base);
        prop_assert_eq!(prices.context_window(&name), prices.context_window(&model));
    }

    #[test]
    fn no_decoration_gives_an_unknown_model_a_price(
        (model, name, _) in decorated(),
        other in "[a-z]{2,6}",
        number in 10_u32..1000,
        at_end: bool,
    ) {
        let unknown = if at_end { format!("{model}{number}") } else { format!("{other}-{model}") };
        let name = name.to_lowercase().replace(&with_dots(&model), &unknown).replace(&model, &unknown);
        prop_assume!(name.contains(&unknown));
        prop_assert_eq!(Prices::embedded().nanos(&name, false, &tokens(1, 1)), None, "{}", name);
    }

    #[test]
    fn no_name_is_too_odd(name in ".{0,60}", parts in prop::collection::vec("[-a-z0-9.:@/v\\[\\]]{0,6}", 0..8)) {
        let prices = Prices::embedded();
        for name in [name, parts.concat()] {
            let _ = prices.nanos(&name, true, &tokens(1, 1));
        }
    }

    #[test]
    fn no_number_of_tokens_is_too_large(input: u64, output: u64, cache_read: u64, cache_write_5m: u64, cache_write_1h: u64) {
        let tokens = CallTokens { input, output, cache_read, cache_write_5m, cache_write_1h };
        for model in ["claude-sonnet-4-5", "gpt-5.5", "claude-opus-4-6"] {
            let prices = Prices::embedded();
            prop_assert!(prices.nanos(model, true, &tokens) >= prices.nanos(model, false, &tokens));
        }
    }
}
