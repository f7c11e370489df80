//! The laws of the fold, for arbitrary events in arbitrary order.

use forgecast_protocol::event::{
    AgentReported, ArtifactChanged, ArtifactKind, BudgetPassed, BudgetScope, CheckpointReported, CompletionBasis,
    Custom, DecisionRecorded, ErrorReported, PatternRecorded, PhaseReported, ProblemCleared, ProblemFound, Quiet,
    SessionSeen, SourceAccount, SourceGone, SourceReturned, TaskReported, TestBasis, TestsReported, TokenDelta,
    ToolUsed, UsageRecorded, UsageSource, WaitingBegan, WaitingEnded, WentQuiet,
};
use forgecast_protocol::session::{BudgetLevel, WaitingFor};
use forgecast_protocol::{Event, Fact, Problem, ProblemKind, SessionStatus, SourceKind, Timestamp};
use forgecast_session::patch::{diff, merge};
use forgecast_session::{Limits, Session};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::support::*;

/// Few words, so that they meet; hostile ones among them.
fn word() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "", "__proto__", "1", "ü\u{202e}", "task-1"]).prop_map(str::to_owned)
}

fn phase_name() -> impl Strategy<Value = String> {
    let names = "Codebase Analysis|Scout|Architect|builder|Testing|Screenshot|docs|Deploy|Feedback|Polish||complete";
    select(names.split('|').collect::<Vec<_>>()).prop_map(str::to_owned)
}

fn state() -> impl Strategy<Value = String> {
    let words = "starting|in_progress|completed|failed|timeout|waiting|self-healing|pending|skipped|idle|?";
    select(words.split('|').collect::<Vec<_>>()).prop_map(str::to_owned)
}

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        20 => (-2000_i64..2000).prop_map(minute),
        1 => any::<i64>().prop_map(Timestamp::from_millis),
    ]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(1e308), Just(-3.5), 0.0..120.0]
}

fn phase_fact() -> impl Strategy<Value = Fact> {
    let first = (
        of(phase_name()),
        of(select(vec!["4/7", "?/8", "x", "4.5"])),
        of(state()),
        of(word()),
    );
    let second = (
        of(0_u32..4),
        of(vec(phase_name(), 0..6)),
        of(time()),
        of(time()),
        of(0_u32..9),
        of(number()),
    );
    (first, second).prop_map(
        |((phase, number, status, detail), (round, done, began, updated, tasks, context))| {
            Fact::PhaseReported(PhaseReported {
                phase,
                phase_number: number.map(str::to_owned),
                status,
                detail,
                test_iteration: round,
                phases_completed: done,
                started_at: began,
                last_updated: updated,
                tasks_completed: tasks,
                tasks_total: tasks,
                context_percent: context,
                ..PhaseReported::default()
            })
        },
    )
}

fn checkpoint_fact() -> impl Strategy<Value = Fact> {
    let lists = (of(vec(word(), 0..4)), of(vec(word(), 0..4)));
    (of(phase_name()), of(0_u32..5), of(time()), lists, any::<bool>()).prop_map(
        |(phase, iterations, last_iteration_at, (completed, remaining), complete)| {
            Fact::CheckpointReported(CheckpointReported {
                phase,
                iterations,
                last_iteration_at,
                notes: completed.clone(),
                completed,
                remaining,
                complete: complete && iterations == Some(0),
                ..CheckpointReported::default()
            })
        },
    )
}

fn panel_fact() -> impl Strategy<Value = Fact> {
    let basis = select(vec![TestBasis::Report, TestBasis::Reported, TestBasis::Summary]);
    let kind = select(vec![ArtifactKind::Patterns, ArtifactKind::Log, ArtifactKind::Summary]);
    prop_oneof![
        (word(), of(state()), of(word())).prop_map(|(id, status, description)| {
            Fact::TaskReported(TaskReported {
                id,
                status,
                description,
                ..TaskReported::default()
            })
        }),
        (of(0_u32..9), of(0_u32..9), of(0_u32..9), basis).prop_map(|(iteration, total, failed, basis)| {
            let passed = total;
            Fact::TestsReported(TestsReported {
                iteration,
                total,
                passed,
                failed,
                verdict: None,
                basis,
            })
        }),
        (word(), of(state()), of(phase_name()), of(number())).prop_map(|(id, status, phase, progress_percent)| {
            Fact::AgentReported(AgentReported {
                id,
                status,
                phase,
                progress_percent,
                ..AgentReported::default()
            })
        }),
        (word(), of(number()), of(any::<bool>())).prop_map(|(key, quality, lesson_used)| {
            Fact::DecisionRecorded(DecisionRecorded {
                key,
                quality,
                lesson_used,
                ..DecisionRecorded::default()
            })
        }),
        (word(), of(word())).prop_map(|(id, title)| {
            Fact::PatternRecorded(PatternRecorded {
                id,
                title,
                ..PatternRecorded::default()
            })
        }),
        (word(), kind, time(), of(time()), any::<bool>()).prop_map(|(name, kind, modified_at, dated, removed)| {
            Fact::ArtifactChanged(ArtifactChanged {
                name,
                kind,
                size: 1,
                modified_at,
                dated,
                removed,
            })
        }),
    ]
}

fn life_fact() -> impl Strategy<Value = Fact> {
    let quiet = select(vec![Quiet::Stalled, Quiet::Abandoned, Quiet::Settled]);
    let waits = of(select(vec![
        WaitingFor::Permission,
        WaitingFor::Prompt,
        WaitingFor::Answer,
    ]));
    let path = || select(vec![PROJECT, "/home", ""]).prop_map(str::to_owned);
    prop_oneof![
        (of(word()), of(word())).prop_map(|(task, host)| {
            Fact::SessionSeen(SessionSeen {
                title: host.clone(),
                task,
                host,
                ..SessionSeen::default()
            })
        }),
        (word(), waits).prop_map(|(reason, waiting_for)| { Fact::WaitingBegan(WaitingBegan { reason, waiting_for }) }),
        (of(word()), of(any::<bool>())).prop_map(|(use_id, success)| {
            Fact::ToolUsed(ToolUsed {
                use_id,
                success,
                ..ToolUsed::default()
            })
        }),
        (number(), any::<bool>()).prop_map(|(limit_usd, session)| {
            Fact::BudgetPassed(BudgetPassed {
                scope: if session {
                    BudgetScope::Session
                } else {
                    BudgetScope::Day
                },
                period: None,
                level: BudgetLevel::Exceeded,
                limit_usd,
                spent_usd: limit_usd,
            })
        }),
        Just(Fact::WaitingEnded(WaitingEnded {})),
        (quiet, time()).prop_map(|(quiet, since)| Fact::WentQuiet(WentQuiet { quiet, since })),
        (of(any::<bool>()), of(time()), any::<bool>()).prop_map(|(success, completed_at, closed)| {
            let mut fact = completion(success);
            if closed {
                fact.basis = CompletionBasis::Closed;
            }
            fact.completed_at = completed_at;
            Fact::CompletionReported(fact)
        }),
        word().prop_map(|key| {
            let message = "broken".to_owned();
            let problem = Problem {
                kind: ProblemKind::Unparsable,
                message,
                subject: None,
            };
            Fact::ProblemFound(ProblemFound { key, problem })
        }),
        (word(), any::<bool>()).prop_map(|(key, with_parts)| Fact::ProblemCleared(ProblemCleared { key, with_parts })),
        path().prop_map(|path| Fact::SourceGone(SourceGone { path })),
        path().prop_map(|path| Fact::SourceReturned(SourceReturned { path })),
    ]
}

/// A difference as no ledger would tell it: also taking away what was never added.
fn difference() -> impl Strategy<Value = UsageRecorded> {
    let source = select(vec![
        UsageSource::Transcript,
        UsageSource::Otel,
        UsageSource::Hook,
        UsageSource::Reported,
    ]);
    let names = (of(word()), of(word()), of(phase_name()));
    let counts = (-3_i64..3, -1_i64..2, of(any::<u64>()), of(any::<u64>()));
    let amount = (prop_oneof![any::<i64>(), -500_i64..500], of(number()));
    (source, names, counts, amount, of(time())).prop_map(
        |(source, (model, agent, phase), (calls, unpriced, used, limit), (output, cost_usd), used_at)| {
            let tokens = TokenDelta {
                output,
                ..TokenDelta::default()
            };
            let account = SourceAccount {
                source,
                tokens,
                cost_usd,
                calls,
            };
            UsageRecorded {
                tokens,
                cost_usd,
                calls,
                unpriced,
                disputed: unpriced,
                model,
                agent,
                phase,
                used_at,
                context_tokens: used,
                context_limit: limit,
                context_percent: None,
                accounts: vec![account],
            }
        },
    )
}

/// Facts that add rather than state: twice is not once.
fn adding_fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        (any::<i64>(), of(number()), of(number())).prop_map(|(input, cost_usd, context_percent)| {
            let tokens = TokenDelta {
                input,
                ..TokenDelta::default()
            };
            Fact::UsageRecorded(UsageRecorded {
                tokens,
                cost_usd,
                context_percent,
                ..UsageRecorded::default()
            })
        }),
        difference().prop_map(Fact::UsageRecorded),
        word().prop_map(|message| Fact::ErrorReported(ErrorReported { message, details: None })),
        word().prop_map(|kind| Fact::Custom(Custom {
            kind,
            data: Value::Null
        })),
    ]
}

fn state_fact() -> impl Strategy<Value = Fact> {
    prop_oneof![4 => phase_fact(), 1 => checkpoint_fact(), 3 => panel_fact(), 3 => life_fact()]
}

fn event_of(fact: impl Strategy<Value = Fact>) -> impl Strategy<Value = Event> {
    let kind = select(vec![
        SourceKind::PhaseFile,
        SourceKind::Artifact,
        SourceKind::Push,
        SourceKind::Transcript,
    ]);
    (fact, kind, word(), time(), any::<bool>(), of(time())).prop_map(|(fact, kind, path, at, first_sight, modified)| {
        let mut event = event(kind, &path, at, fact);
        event.origin.first_sight = first_sight;
        event.origin.modified_at = modified;
        event
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    event_of(prop_oneof![9 => state_fact(), 1 => adding_fact()])
}

/// What the sources of an agent's own session say.
fn own_event() -> impl Strategy<Value = Event> {
    let fact = prop_oneof![3 => life_fact(), 1 => adding_fact()];
    let kind = select(vec![
        SourceKind::Transcript,
        SourceKind::Hook,
        SourceKind::Otlp,
        SourceKind::Internal,
    ]);
    (fact, kind, time()).prop_map(|(fact, kind, at)| event(kind, "t.jsonl", at, fact))
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

/// JSON without nulls, as views are.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map(word(), inner, 0..4).prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn a_patch_leads_from_one_state_to_the_other(before in json(), after in json()) {
        let mut state = before.clone();
        match diff(&before, &after) {
            Some(patch) => merge(&mut state, &patch),
            None => prop_assert_eq!(&before, &after),
        }
        prop_assert_eq!(state, after);
    }

    #[test]
    fn the_fold_is_total_and_no_view_holds_a_null(events in vec(any_event(), 0..30)) {
        let mut session = session();
        for event in &events {
            let _ = session.begins_new_run(event);
            session.apply(event);
            let view = serde_json::to_value(session.view()).unwrap();
            prop_assert!(!has_null(&view), "{view}");
            prop_assert!(!has_null(&serde_json::to_value(session.row()).unwrap()));
            let _ = (session.next_deadline(&Limits::default()), session.record());
            for phase in session.view().phases.values() {
                if let (Some(began), Some(ended)) = (phase.started_at, phase.ended_at) {
                    prop_assert!(began <= ended, "{phase:?}");
                }
            }
        }
    }

    #[test]
    fn the_fold_of_an_agents_own_session_is_total_too(events in vec(own_event(), 0..30)) {
        let mut session = own_session();
        for event in &events {
            session.apply(event);
            let view = serde_json::to_value(session.view()).unwrap();
            prop_assert!(!has_null(&view), "{view}");
            prop_assert!(!has_null(&serde_json::to_value(session.row()).unwrap()));
            let _ = (session.next_deadline(&Limits::default()), session.phase_at(event.at));
            prop_assert_eq!(session.record(), None);
            let stored = serde_json::to_vec(&session).unwrap();
            prop_assert_eq!(&serde_json::from_slice::<Session>(&stored).unwrap(), &session);
        }
    }

    #[test]
    fn a_view_survives_the_wire(events in vec(any_event(), 0..25)) {
        let view = fold(&events).view().clone();
        let text = serde_json::to_string(&view).unwrap();
        prop_assert_eq!(serde_json::from_str::<forgecast_protocol::SessionView>(&text).unwrap(), view);
    }

    #[test]
    fn the_same_fact_again_changes_nothing(
        events in vec(any_event(), 0..30), event in event_of(state_fact()), later in time(),
    ) {
        let mut session = fold(&events);
        session.apply(&event);
        let once = session.view().clone();
        session.apply(&event);
        prop_assert_eq!(session.view(), &once);
        let mut again = event;
        again.at = later.max(again.at);
        again.origin.first_sight = false;
        session.apply(&again);
        // The file is known by now: what had been too old to count may count.
        session.apply(&again);
        let twice = session.view().clone();
        session.apply(&again);
        prop_assert_eq!(session.view(), &twice);
    }

    #[test]
    fn a_snapshot_and_its_patches_are_the_next_snapshot(events in vec(any_event(), 1..25), split in 0_usize..25) {
        let split = split.min(events.len());
        let mut session = fold(&events[..split]);
        let mut viewer = serde_json::to_value(session.view()).unwrap();
        let mut before = viewer.clone();
        for event in &events[split..] {
            session.apply(event);
            let after = serde_json::to_value(session.view()).unwrap();
            if let Some(patch) = diff(&before, &after) {
                merge(&mut viewer, &patch);
            }
            before = after;
        }
        prop_assert_eq!(viewer, before);
    }

    #[test]
    fn a_stored_session_goes_on_as_if_it_had_not_been(events in vec(any_event(), 0..25), split in 0_usize..25) {
        let split = split.min(events.len());
        let mut session = fold(&events[..split]);
        let stored = serde_json::to_vec(&session).unwrap();
        let mut read: Session = serde_json::from_slice(&stored).unwrap();
        prop_assert_eq!(&read, &session);
        for event in &events[split..] {
            session.apply(event);
            read.apply(event);
        }
        prop_assert_eq!(&read, &session);
    }

    #[test]
    fn the_same_events_give_the_same_view(events in vec(any_event(), 0..25)) {
        prop_assert_eq!(fold(&events), fold(&events));
    }

    #[test]
    fn a_session_is_untouched_by_the_facts_of_another(
        ours in vec(any_event(), 1..20), theirs in vec(any_event(), 1..20),
    ) {
        let alone = fold(&ours);
        let (mut here, mut there) = (session(), session());
        for index in 0..ours.len().max(theirs.len()) {
            ours.get(index).into_iter().for_each(|event| here.apply(event));
            theirs.get(index).into_iter().for_each(|event| there.apply(event));
        }
        prop_assert_eq!(here, alone);
    }

    #[test]
    fn a_run_that_is_complete_stays_complete(events in vec(any_event(), 0..30)) {
        // By a push: only what was read from a file at first sight may prove to be another run's.
        let mut session = after(&[report("Feedback", "completed", &["Deploy"])]);
        let ended = session.view().ended_at;
        for event in &events {
            session.apply(event);
            prop_assert_eq!(session.view().status, SessionStatus::Completed);
            prop_assert_eq!(session.view().ended_at, ended);
        }
    }

    #[test]
    fn a_section_says_that_it_changed_only_when_it_did(events in vec(any_event(), 1..25)) {
        let mut session = session();
        for event in &events {
            let before = serde_json::to_value(session.view()).unwrap();
            session.apply(event);
            let after = serde_json::to_value(session.view()).unwrap();
            for section in ["phase", "phases", "progress", "tests", "agents", "usage", "decisions", "patterns", "artifacts"] {
                if before["changed_at"][section] != after["changed_at"][section] {
                    prop_assert_ne!(&before[section], &after[section], "{} by {:?}", section, event);
                }
                if before[section] != after[section] {
                    prop_assert!(after["changed_at"].get(section).is_some(), "{} by {:?}", section, event);
                }
            }
        }
    }
}
