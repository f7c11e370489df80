//! Tokens, cost and the context window: what differences and reports add up to.

use std::collections::BTreeMap;

use forgecast_protocol::event::{
    AgentReported, BudgetPassed, BudgetScope, SourceAccount, TokenDelta, UsageRecorded, UsageSource, WindowSource,
};
use forgecast_protocol::session::{AgentTotal, Budget, BudgetLevel, ContextWindow, TokenCounts, Usage, UsageShare};
use forgecast_protocol::{Fact, Timestamp};
use forgecast_session::{Limits, Session};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::*;

/// What a producer says that names no call.
fn reported(tokens: i64, cost_usd: Option<f64>) -> UsageRecorded {
    UsageRecorded {
        tokens: input(tokens),
        cost_usd,
        model: Some("model-a".to_owned()),
        ..UsageRecorded::default()
    }
}

/// What the ledger says of a call that a transcript tells.
fn counted(tokens: i64, cost_usd: Option<f64>) -> UsageRecorded {
    let calls = tokens.signum();
    UsageRecorded {
        calls,
        unpriced: if cost_usd.is_none() { calls } else { 0 },
        accounts: vec![by(UsageSource::Transcript, tokens, cost_usd)],
        ..reported(tokens, cost_usd)
    }
}

#[test]
fn an_estimate_is_shown_as_one_and_counts_for_nothing_whatever_else_is_known() {
    let estimated = |tokens| UsageRecorded {
        source: Some(UsageSource::Estimated),
        ..reported(tokens, Some(9.0))
    };
    let alone = usage_of([estimated(500), estimated(200)]);
    assert_eq!(alone.by_source["estimated"].tokens.input, 700);
    assert_eq!(alone.provenance, [UsageSource::Estimated]);
    assert_eq!((alone.tokens.total(), alone.cost_usd, alone.calls), (0, None, 0));
    assert!(alone.by_model.is_empty() && alone.recent.is_empty());
    for known in [reported(30, None), counted(30, None)] {
        let beside = usage_of([estimated(500), known.clone()]);
        let without = usage_of([known]);
        assert_eq!(beside.by_source["estimated"].tokens.input, 500);
        let plain = Usage {
            by_source: BTreeMap::new(),
            provenance: without.provenance.clone(),
            ..beside
        };
        // Minutes are counted from where each was folded.
        let recent = without.recent.clone();
        assert_eq!(Usage { recent, ..plain }, without);
    }
}

fn by(source: UsageSource, tokens: i64, cost_usd: Option<f64>) -> SourceAccount {
    SourceAccount {
        source,
        tokens: input(tokens),
        cost_usd,
        calls: tokens.signum(),
    }
}

fn input(tokens: i64) -> TokenDelta {
    TokenDelta {
        input: tokens,
        ..TokenDelta::default()
    }
}

fn apply(session: &mut Session, at: Timestamp, fact: UsageRecorded) {
    session.apply(&from_transcript(at, Fact::UsageRecorded(fact)));
}

fn usage_of(facts: impl IntoIterator<Item = UsageRecorded>) -> Usage {
    let mut session = session();
    for (fact, at) in facts.into_iter().zip(1..) {
        apply(&mut session, minute(at), fact);
    }
    session.view().usage.clone().unwrap()
}

fn context_of(facts: impl IntoIterator<Item = UsageRecorded>) -> ContextWindow {
    usage_of(facts).context.unwrap()
}

fn inputs(shares: &BTreeMap<String, UsageShare>) -> Vec<(&str, u64)> {
    shares
        .iter()
        .map(|(name, share)| (name.as_str(), share.tokens.input))
        .collect()
}

#[test]
fn usage_adds_up_by_model_and_phase() {
    let mut session = after(&[report("Builder", "building", &[])]);
    for fact in [reported(100, Some(0.25)), reported(50, Some(0.5))] {
        session.apply(&pushed(minute(2), Fact::UsageRecorded(fact)));
    }
    let usage = session.view().usage.clone().unwrap();
    assert_eq!(
        (usage.tokens.input, usage.cost_usd, usage.priced),
        (150, Some(0.75), true)
    );
    assert_eq!(usage.by_model["model-a"].tokens.input, 150);
    assert_eq!(usage.by_phase["Builder"].cost_usd, Some(0.75));
    assert_eq!(usage.provenance, [UsageSource::Reported]);
    assert_eq!(usage.calls, 0, "nobody names calls");
    session.apply(&pushed(minute(3), Fact::UsageRecorded(reported(1, None))));
    assert!(!session.view().usage.clone().unwrap().priced);
}

#[test]
fn a_report_belongs_to_the_phase_of_its_time() {
    let mut session = after(&[
        report("Scout", "scouting", &[]),
        report("Architect", "designing", &["Scout"]),
        report("Builder", "building", &["Scout", "Architect"]),
    ]);
    for (tokens, at) in [
        (1, Some(second(90))),
        (2, Some(second(150))),
        (4, Some(minute(9))),
        (8, None),
    ] {
        let fact = UsageRecorded {
            used_at: at,
            ..reported(tokens, None)
        };
        apply(&mut session, minute(10), fact);
    }
    let by_phase = session.view().usage.clone().unwrap().by_phase;
    assert_eq!(inputs(&by_phase), [("Architect", 2), ("Builder", 12), ("Scout", 1)]);
    assert_eq!(
        session.phase_at(minute(-5)),
        Some("Builder"),
        "before all of them: the present one"
    );
}

#[test]
fn a_phase_that_the_ledger_names_is_taken_as_it_is() {
    let mut session = after(&[report("Builder", "building", &[])]);
    let phase = |tokens, phase: Option<&str>| UsageRecorded {
        phase: phase.map(str::to_owned),
        ..counted(tokens, None)
    };
    for fact in [phase(5, Some("Scout")), phase(7, None), phase(-5, Some("Scout"))] {
        apply(&mut session, minute(3), fact);
    }
    let usage = session.view().usage.clone().unwrap();
    assert_eq!((usage.tokens.input, usage.by_phase), (7, BTreeMap::new()));
}

#[test]
fn what_is_taken_back_leaves_nothing_behind() {
    let agent = |tokens: i64, cost_usd: f64| UsageRecorded {
        agent: Some("a1".to_owned()),
        model: Some("model-b".to_owned()),
        used_at: Some(minute(0)),
        ..counted(tokens, Some(cost_usd))
    };
    let kept = counted(100, Some(0.1));
    let without = usage_of([kept.clone()]);
    let with = usage_of([kept, agent(7, 0.2), agent(-7, -0.2)]);
    assert_eq!(with, without);
}

#[test]
fn calls_are_counted_and_those_without_a_price_or_agreement_too() {
    let mut disputed = counted(10, None);
    disputed.disputed = 1;
    disputed.accounts.push(by(UsageSource::Otel, 12, Some(0.1)));
    let usage = usage_of([disputed, counted(5, Some(1.0))]);
    assert_eq!((usage.calls, usage.unpriced_calls, usage.disputed_calls), (2, 1, 1));
    assert_eq!(
        (usage.tokens.input, usage.cost_usd, usage.priced),
        (15, Some(1.0), false)
    );
    assert_eq!(usage.provenance, [UsageSource::Transcript, UsageSource::Otel]);
    let sources = usage
        .by_source
        .iter()
        .map(|(name, of)| (name.as_str(), of.tokens.input, of.calls));
    assert_eq!(sources.collect::<Vec<_>>(), [("otel", 12, 1), ("transcript", 15, 2)]);
}

#[test]
fn a_hook_confirms_a_call_without_a_number_of_its_own_and_is_no_work() {
    let mut session = session();
    apply(&mut session, minute(1), counted(10, None));
    let confirmed = UsageRecorded {
        accounts: vec![SourceAccount {
            source: UsageSource::Hook,
            tokens: TokenDelta::default(),
            cost_usd: None,
            calls: 1,
        }],
        ..UsageRecorded::default()
    };
    apply(&mut session, minute(2), confirmed);
    let usage = session.view().usage.clone().unwrap();
    assert_eq!((usage.calls, usage.tokens.input), (1, 10));
    assert_eq!(usage.provenance, [UsageSource::Transcript, UsageSource::Hook]);
    assert!(usage.by_source.is_empty(), "one source counts");
    assert_eq!(session.view().last_work_at, Some(minute(1)));
}

#[test]
fn reports_count_only_until_a_better_source_names_calls() {
    let facts = [
        reported(1000, Some(9.0)),
        counted(40, Some(0.5)),
        reported(500, Some(4.0)),
    ];
    let usage = usage_of(facts.clone());
    assert_eq!((usage.tokens.input, usage.cost_usd, usage.calls), (40, Some(0.5), 1));
    assert_eq!(inputs(&usage.by_model), [("model-a", 40)]);
    assert_eq!(usage.by_source["reported"].tokens.input, 1500);
    assert_eq!(usage.by_source["reported"].calls, 2);
    assert_eq!(usage.by_source["transcript"].tokens.input, 40);
    assert_eq!(usage.provenance, [UsageSource::Transcript, UsageSource::Reported]);
    let taken_back = facts.into_iter().chain([counted(-40, Some(-0.5))]);
    let usage = usage_of(taken_back);
    assert_eq!((usage.tokens.input, usage.cost_usd, usage.calls), (1500, Some(13.0), 0));
}

/// What telemetry says that names no request.
fn telemetry(tokens: i64, cost_usd: Option<f64>) -> UsageRecorded {
    UsageRecorded {
        source: Some(UsageSource::Otel),
        calls: 1,
        ..reported(tokens, cost_usd)
    }
}

#[test]
fn telemetry_without_requests_counts_until_a_transcript_names_calls_and_is_shown_then() {
    let facts = [reported(7, Some(0.1)), telemetry(1000, Some(9.0)), reported(5, None)];
    let usage = usage_of(facts.clone());
    assert_eq!((usage.tokens.input, usage.cost_usd, usage.calls), (1000, Some(9.0), 1));
    assert_eq!(usage.provenance, [UsageSource::Otel, UsageSource::Reported]);
    let usage = usage_of(facts.into_iter().chain([counted(40, Some(0.5)), telemetry(30, None)]));
    assert_eq!((usage.tokens.input, usage.cost_usd, usage.calls), (40, Some(0.5), 1));
    assert!(usage.priced, "what does not count needs no price");
    let not_counted = &usage.by_source["otel"];
    assert_eq!((not_counted.tokens.input, not_counted.calls), (1030, 2));
}

#[test]
fn an_agents_own_total_stands_beside_and_the_last_one_of_each_session_counts() {
    let total = |output: u64| UsageRecorded {
        agent_total: Some(AgentTotal {
            tokens: TokenCounts {
                output,
                ..TokenCounts::default()
            },
            cost_usd: Some(0.25),
            priced: true,
            ..AgentTotal::default()
        }),
        ..UsageRecorded::default()
    };
    let mut session = session();
    apply(&mut session, minute(1), counted(10, Some(0.5)));
    let worked_at = session.view().last_work_at;
    for (at, transcript, output) in [(2, "one", 5), (3, "two", 100), (4, "one", 8)] {
        let mut event = from_transcript(minute(at), Fact::UsageRecorded(total(output)));
        event.subject.transcript = Some(transcript.parse().unwrap());
        session.apply(&event);
    }
    let usage = session.view().usage.clone().unwrap();
    assert_eq!((usage.tokens.total(), usage.cost_usd, usage.calls), (10, Some(0.5), 1));
    let total = usage.agent_total.unwrap();
    assert_eq!((total.tokens.output, total.cost_usd), (108, Some(0.5)));
    assert_eq!(session.view().last_work_at, worked_at);
}

proptest! {
    #[test]
    fn whose_reports_count_does_not_depend_on_the_order(
        facts in vec((0..4_u8, 1_i64..50), 1..12).prop_flat_map(|facts| (Just(facts.clone()), Just(facts).prop_shuffle())),
    ) {
        let fact = |(kind, tokens): &(u8, i64)| match kind {
            0 => reported(*tokens, Some(1.0)),
            1 => telemetry(*tokens, None),
            2 => UsageRecorded { accounts: vec![by(UsageSource::Otel, *tokens, None)], ..counted(*tokens, None) },
            _ => counted(*tokens, Some(2.0)),
        };
        let (one, other) = facts;
        // What was taken out again leaves a cost of nothing.
        let shown = |usage: &Usage| (usage.tokens, usage.cost_usd.unwrap_or_default(), usage.calls, usage.priced);
        let usage = usage_of(one.iter().map(fact));
        let same = usage_of(other.iter().map(fact));
        prop_assert_eq!(shown(&usage), shown(&same));
        prop_assert_eq!(&usage.by_source, &same.by_source);
        let sum = |kinds: &[u8]| one.iter().filter(|(kind, _)| kinds.contains(kind)).map(|(_, tokens)| tokens.cast_unsigned()).sum::<u64>();
        let expected = match (sum(&[3]), sum(&[1, 2])) {
            (0, 0) => sum(&[0]),
            (0, telemetry) => telemetry,
            (transcript, _) => transcript + sum(&[2]),
        };
        prop_assert_eq!(usage.tokens.total(), expected);
    }
}

#[test]
fn the_main_agent_is_shown_beside_others_with_the_tokens_of_its_calls() {
    let mut session = session();
    apply(&mut session, minute(1), counted(100, Some(1.0)));
    assert_eq!(session.view().usage.clone().unwrap().by_agent, BTreeMap::new());
    let agent = AgentReported {
        id: "a1".to_owned(),
        tokens: Some(5),
        ..AgentReported::default()
    };
    session.apply(&from_transcript(minute(2), Fact::AgentReported(agent.clone())));
    let of_agent = UsageRecorded {
        agent: Some("a1".to_owned()),
        ..counted(30, Some(0.5))
    };
    apply(&mut session, minute(3), of_agent);
    let usage = session.view().usage.clone().unwrap();
    assert_eq!(inputs(&usage.by_agent), [("a1", 30), ("main", 100)]);
    assert_eq!(usage.by_agent["main"].cost_usd, Some(1.0));
    assert_eq!(session.view().agents["a1"].tokens, Some(30));
    session.apply(&from_transcript(minute(4), Fact::AgentReported(agent)));
    assert_eq!(
        session.view().agents["a1"].tokens,
        Some(30),
        "counted is better than said"
    );
}

#[test]
fn the_newest_minutes_are_kept_by_the_time_of_the_calls() {
    let at = |minutes: i64, tokens: i64| UsageRecorded {
        used_at: Some(minute(minutes).plus_millis(59_999)),
        ..counted(tokens, Some(0.5))
    };
    let usage = usage_of([at(3, 10), at(1, 5), at(3, 1)]);
    let minutes: Vec<(&str, u64, Option<f64>)> = usage
        .recent
        .iter()
        .map(|(minute, used)| (minute.as_str(), used.tokens, used.cost_usd))
        .collect();
    assert_eq!(
        minutes,
        [
            ("2026-01-31T12:01:00Z", 5, Some(0.5)),
            ("2026-01-31T12:03:00Z", 11, Some(1.0)),
        ]
    );
    let usage = usage_of((0..100).map(|minutes| at(minutes, 1)));
    assert_eq!(usage.recent.len(), 60);
    assert_eq!(usage.recent.keys().next().unwrap(), "2026-01-31T12:40:00Z");
}

#[test]
fn the_context_window_has_a_level() {
    for (used, percent, level) in [
        (99_800, 49.9, BudgetLevel::Safe),
        (100_000, 50.0, BudgetLevel::Warning),
        (150_000, 75.0, BudgetLevel::Critical),
    ] {
        let fact = UsageRecorded {
            context_tokens: Some(used),
            ..UsageRecorded::default()
        };
        let context = context_of([fact]);
        assert_eq!((context.percent, context.level), (percent, level));
    }
}

fn context(used: u64, minutes: i64) -> UsageRecorded {
    UsageRecorded {
        context_tokens: Some(used),
        used_at: Some(minute(minutes)),
        ..counted(1, None)
    }
}

#[test]
fn the_context_window_is_that_of_the_last_call_by_its_time() {
    assert_eq!(context_of([context(50_000, 5), context(20_000, 3)]).used, Some(50_000));
    assert_eq!(context_of([context(50_000, 5), context(20_000, 5)]).used, Some(20_000));
}

fn of_model(model: &str, limit: u64, from: WindowSource, used: UsageRecorded) -> UsageRecorded {
    UsageRecorded {
        model: Some(model.to_owned()),
        context_limit: Some(limit),
        context_limit_from: Some(from),
        ..used
    }
}

#[test]
fn the_window_is_that_of_the_last_calls_model_and_says_who_says_so() {
    use WindowSource::{Model, Observed, Record};
    let shown = |facts: &[UsageRecorded]| {
        let context = context_of(facts.iter().cloned());
        (context.percent, context.limit, context.limit_from)
    };
    let opus = |used, minutes| of_model("opus", 1_000_000, Model, context(used, minutes));
    let haiku = |used, minutes| of_model("haiku", 200_000, Model, context(used, minutes));
    assert_eq!(shown(&[opus(150_000, 1)]), (15.0, 1_000_000, Some(Model)));
    assert_eq!(
        shown(&[opus(150_000, 1), haiku(50_000, 2)]),
        (25.0, 200_000, Some(Model))
    );
    assert_eq!(shown(&[context(50_000, 1)]), (25.0, 200_000, None));
    let codex = of_model("codex", 258_400, Record, context(129_200, 1));
    assert_eq!(shown(&[codex]), (50.0, 258_400, Some(Record)));
    let long = of_model("haiku[1m]", 200_000, Model, context(100_000, 1));
    assert_eq!(shown(std::slice::from_ref(&long)), (10.0, 1_000_000, Some(Record)));
    assert_eq!(
        shown(&[long, haiku(50_000, 2)]),
        (5.0, 1_000_000, Some(Record)),
        "the same model"
    );
    assert_eq!(shown(&[context(250_000, 1)]), (100.0, 250_000, Some(Observed)));
    assert_eq!(
        shown(&[context(250_000, 1), context(25_000, 2)]),
        (10.0, 250_000, Some(Observed))
    );
    assert_eq!(
        shown(&[context(25_000, 2), context(250_000, 1)]),
        (10.0, 250_000, Some(Observed))
    );
    assert_eq!(Limits::default().context_limit_tokens, 200_000);
}

proptest! {
    #[test]
    fn a_context_that_grows_never_looks_emptier_than_before(
        window in prop::option::of(prop::sample::select(vec![100_000_u64, 200_000, 258_400, 1_000_000])),
        calls in prop::collection::vec(0_u64..300_000, 1..12),
    ) {
        let mut used = 0;
        let mut last = 0.0;
        let mut session = session();
        for (minutes, more) in (0..).zip(calls) {
            used += more;
            let fact = match window {
                Some(window) => of_model("model", window, WindowSource::Model, context(used, minutes)),
                None => context(used, minutes),
            };
            apply(&mut session, minute(minutes), fact);
            let context = session.view().usage.clone().unwrap().context.unwrap();
            prop_assert!(context.percent >= last, "{} % after {last} %", context.percent);
            prop_assert!(context.limit >= used);
            last = context.percent;
        }
    }
}

#[test]
fn what_a_producer_says_of_the_window_counts_only_until_calls_say_it() {
    let said = UsageRecorded {
        context_percent: Some(90.0),
        ..UsageRecorded::default()
    };
    assert_eq!(context_of([said.clone()]).level, BudgetLevel::Critical);
    assert_eq!(context_of([context(20_000, 1), said]).percent, 10.0);
}

#[test]
fn a_subagents_context_is_not_the_sessions() {
    let fact = UsageRecorded {
        context_tokens: Some(190_000),
        agent: Some("agent-1".to_owned()),
        ..reported(10, None)
    };
    let usage = usage_of([fact]);
    assert_eq!((usage.tokens.input, usage.context), (10, None));
}

#[test]
fn a_mark_of_the_sessions_budget_is_shown_and_is_no_work() {
    let mut session = session();
    let passed = |scope| {
        Fact::BudgetPassed(BudgetPassed {
            scope,
            period: None,
            level: BudgetLevel::Warning,
            limit_usd: 10.0,
            spent_usd: 5.5,
        })
    };
    session.apply(&from_transcript(minute(1), passed(BudgetScope::Day)));
    assert_eq!(session.view().usage, None);
    session.apply(&from_transcript(minute(2), passed(BudgetScope::Session)));
    let budget = session.view().usage.clone().unwrap().budget;
    let level = BudgetLevel::Warning;
    assert_eq!(budget, Some(Budget { limit_usd: 10.0, level }));
    assert_eq!(session.view().last_work_at, None);
    assert_eq!(session.row().usage, None, "nothing was used");
}

proptest! {
    #[test]
    fn money_adds_up_to_the_billionth_in_any_order(
        (nanos, shuffled) in vec(0_u32..2_000_000_000, 1..40)
            .prop_flat_map(|nanos| (Just(nanos.clone()), Just(nanos).prop_shuffle()))
    ) {
        let fact = |nanos: &u32| counted(1, Some(f64::from(*nanos) / 1e9));
        let sum: i64 = nanos.iter().map(|nanos| i64::from(*nanos)).sum();
        let (one, other) = (usage_of(nanos.iter().map(fact)), usage_of(shuffled.iter().map(fact)));
        prop_assert_eq!(one.cost_usd, other.cost_usd);
        prop_assert_eq!(one.cost_usd, Some(forgecast_session::price::dollars(sum)));
    }
}
