//! Tokens, cost and the context window: what differences and reports add up to.

use std::collections::BTreeMap;

use forgecast_protocol::event::{
    AgentReported, BudgetPassed, BudgetScope, SourceAccount, TokenDelta, UsageRecorded, UsageSource,
};
use forgecast_protocol::session::{Budget, BudgetLevel, ContextWindow, Usage, UsageShare};
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
    assert_eq!(inputs(&usage.by_source), [("otel", 12), ("transcript", 15)]);
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
    assert_eq!(usage.by_source, BTreeMap::new(), "one source counts");
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
    assert_eq!(inputs(&usage.by_source), [("reported", 1500), ("transcript", 40)]);
    assert_eq!(usage.provenance, [UsageSource::Transcript, UsageSource::Reported]);
    let taken_back = facts.into_iter().chain([counted(-40, Some(-0.5))]);
    let usage = usage_of(taken_back);
    assert_eq!((usage.tokens.input, usage.cost_usd, usage.calls), (1500, Some(13.0), 0));
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

#[test]
fn a_window_that_once_held_more_than_its_limit_is_one_of_the_next_size() {
    assert_eq!(context_of([context(200_000, 1)]).limit, 200_000);
    assert_eq!(context_of([context(250_000, 1)]).percent, 25.0);
    assert_eq!(context_of([context(250_000, 1), context(30_000, 2)]).percent, 3.0);
    let mut long = context(100_000, 1);
    long.model = Some("claude-opus-4-6[1m]".to_owned());
    assert_eq!(context_of([long]).percent, 10.0);
    let mut configured = context(250_000, 1);
    configured.context_limit = Some(400_000);
    assert_eq!(context_of([configured]).percent, 62.5);
    assert_eq!(Limits::default().context_limit_tokens, 200_000);
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
