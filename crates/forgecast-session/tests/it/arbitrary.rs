//! Arbitrary facts and events, for the laws: few words, so that they meet, and hostile ones among them.

use forgecast_protocol::event::{
    ActivityReported, AgentActivity, AgentReported, AgentTimes, ArtifactChanged, ArtifactKind, BudgetDenied,
    BudgetPassed, BudgetRaised, BudgetScope, CheckpointReported, CompletionBasis, Custom, CutShort, DecisionRecorded,
    ErrorReported, LimitPassed, PatternRecorded, PhaseReported, ProblemCleared, ProblemFound, ProcessReported,
    ProcessStatus, Quiet, SessionSeen, SourceAccount, SourceGone, SourceMoved, SourceReturned, TaskReported, TestBasis,
    TestsReported, TokenDelta, ToolUsed, UsageRecorded, UsageSource, WaitingBegan, WaitingEnded, WentQuiet,
    WindowSource,
};
use forgecast_protocol::session::{BudgetLevel, WaitingFor};
use forgecast_protocol::{Event, Fact, Problem, ProblemKind, SourceKind, Timestamp};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::support::*;

/// Few words, so that they meet; hostile ones among them.
pub(crate) fn word() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "", "__proto__", "1", "ü\u{202e}", "task-1"]).prop_map(str::to_owned)
}

pub(crate) fn phase_name() -> impl Strategy<Value = String> {
    let names =
        "Codebase Analysis|Scout|Architect|builder|Testing|Screenshot|docs|Deploy|Feedback|Polish||complete|init";
    select(names.split('|').collect::<Vec<_>>()).prop_map(str::to_owned)
}

pub(crate) fn state() -> impl Strategy<Value = String> {
    let words = "starting|in_progress|completed|failed|timeout|waiting|self-healing|pending|skipped|idle|?";
    select(words.split('|').collect::<Vec<_>>()).prop_map(str::to_owned)
}

pub(crate) fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        20 => (-2000_i64..2000).prop_map(minute),
        1 => any::<i64>().prop_map(Timestamp::from_millis),
    ]
}

pub(crate) fn number() -> impl Strategy<Value = f64> {
    prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(1e308), Just(-3.5), 0.0..120.0]
}

pub(crate) fn phase_fact() -> impl Strategy<Value = Fact> {
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

pub(crate) fn checkpoint_fact() -> impl Strategy<Value = Fact> {
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
                artifacts: completed_artifacts(iterations),
                ..CheckpointReported::default()
            })
        },
    )
}

/// What a checkpoint calls its artifacts: anything, also nothing.
fn completed_artifacts(iterations: Option<u32>) -> Option<serde_json::Map<String, Value>> {
    let value = serde_json::json!({"report": null, "round": iterations, "files": ["a", null, {"b": null}]});
    iterations.and(value.as_object().cloned())
}

pub(crate) fn panel_fact() -> impl Strategy<Value = Fact> {
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
        (
            word(),
            of(state()),
            of(phase_name()),
            of(number()),
            of((of(time()), of(time())))
        )
            .prop_map(|(id, status, phase, progress_percent, times)| {
                Fact::AgentReported(AgentReported {
                    id,
                    status,
                    phase,
                    progress_percent,
                    times: times.map(|(started_at, ended_at)| AgentTimes { started_at, ended_at }),
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

/// An agent, its use of a tool, and the tool, of so few that they often meet.
fn tool_use() -> impl Strategy<Value = (Option<String>, Option<String>, Option<String>)> {
    let one_of = |words: &'static [&'static str]| of(select(words).prop_map(str::to_owned));
    (one_of(&["a1", "a2"]), one_of(&["u1", "u2"]), one_of(&["Bash", "Edit"]))
}

/// What the agents of a session do and wait for.
fn conversation_fact() -> impl Strategy<Value = Fact> {
    let waits = of(select(vec![
        WaitingFor::Permission,
        WaitingFor::Prompt,
        WaitingFor::Answer,
    ]));
    prop_oneof![
        (
            word(),
            waits,
            tool_use(),
            of(select(vec![CutShort::Error, CutShort::User]))
        )
            .prop_map(|(reason, waiting_for, (agent, use_id, tool), cut_short)| {
                Fact::WaitingBegan(WaitingBegan {
                    reason,
                    waiting_for,
                    summary: tool.clone().filter(|_| use_id.is_none()),
                    agent,
                    use_id,
                    tool,
                    cut_short,
                })
            }),
        tool_use().prop_map(|(agent, use_id, tool)| Fact::WaitingEnded(WaitingEnded { agent, use_id, tool })),
        (tool_use(), any::<bool>(), of(word())).prop_map(|((agent, ..), works, words)| {
            let activity = if works {
                AgentActivity::Working
            } else {
                AgentActivity::Alive
            };
            Fact::ActivityReported(ActivityReported { agent, activity, words })
        }),
        (tool_use(), of(any::<bool>())).prop_map(|((agent, use_id, tool), success)| {
            let tool = tool.unwrap_or_default();
            Fact::ToolUsed(ToolUsed {
                summary: Some(tool.clone()),
                tool,
                agent,
                use_id,
                success,
            })
        }),
        Just(Fact::WaitingEnded(WaitingEnded::default())),
    ]
}

/// What a hard budget does, each time anew.
fn budget_fact() -> impl Strategy<Value = Fact> {
    let scope = select(vec![BudgetScope::Session, BudgetScope::Day, BudgetScope::Project]);
    (scope, number(), of(any::<bool>())).prop_map(|(scope, limit_usd, cleared)| match cleared {
        None => Fact::BudgetDenied(BudgetDenied {
            scope,
            budget: "project/app".to_owned(),
            period: None,
            limit_usd,
            spent_usd: limit_usd,
            hook: "PreToolUse".to_owned(),
        }),
        Some(cleared) => Fact::BudgetRaised(BudgetRaised {
            scope,
            budget: "day".to_owned(),
            period: Some("2026-12-01".to_owned()),
            limit_usd: Some(limit_usd).filter(|_| !cleared),
            spent_usd: 0.0,
        }),
    })
}

pub(crate) fn life_fact() -> impl Strategy<Value = Fact> {
    let quiet = select(vec![Quiet::Stalled, Quiet::Abandoned, Quiet::Settled, Quiet::Aged]);
    let path = || select(vec![PROJECT, "/home", ""]).prop_map(str::to_owned);
    prop_oneof![
        1 => (of(word()), of(word())).prop_map(|(task, host)| {
            Fact::SessionSeen(SessionSeen {
                title: host.clone(),
                task,
                host,
                ..SessionSeen::default()
            })
        }),
        5 => conversation_fact(),
        1 => (number(), any::<bool>()).prop_map(|(limit_usd, session)| {
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
        1 => any::<bool>().prop_map(|is_reset| {
            Fact::LimitPassed(LimitPassed {
                agent: "claude".to_owned(),
                account: None,
                scope: None,
                window_minutes: 300,
                level: if is_reset { BudgetLevel::Safe } else { BudgetLevel::Exceeded },
                used_percent: None,
                resets_at: None,
                text: "Claude Code, five hours".to_owned(),
            })
        }),
        1 => (quiet, time(), proptest::option::of(time()))
            .prop_map(|(quiet, since, followed_at)| Fact::WentQuiet(WentQuiet { quiet, since, followed_at })),
        1 => (of(any::<bool>()), of(time()), any::<bool>()).prop_map(|(success, completed_at, closed)| {
            let mut fact = completion(success);
            if closed {
                fact.basis = CompletionBasis::Closed;
            }
            fact.completed_at = completed_at;
            Fact::CompletionReported(fact)
        }),
        1 => word().prop_map(|key| {
            let message = "broken".to_owned();
            let problem = Problem {
                kind: ProblemKind::Unparsable,
                message,
                subject: None,
            };
            Fact::ProblemFound(ProblemFound { key, problem })
        }),
        1 => (word(), any::<bool>()).prop_map(|(key, with_parts)| Fact::ProblemCleared(ProblemCleared { key, with_parts })),
        1 => process_fact().prop_map(Fact::ProcessReported),
        1 => path().prop_map(|path| Fact::SourceGone(SourceGone { path })),
        1 => path().prop_map(|path| Fact::SourceReturned(SourceReturned { path })),
        1 => (path(), path()).prop_map(|(from, to)| Fact::SourceMoved(SourceMoved { from, to })),
    ]
}

pub(crate) fn process_fact() -> impl Strategy<Value = ProcessReported> {
    let status = select(vec![
        ProcessStatus::Alive,
        ProcessStatus::Busy,
        ProcessStatus::Waiting,
        ProcessStatus::Idle,
        ProcessStatus::Exited,
        ProcessStatus::Failed,
        ProcessStatus::Crashed,
    ]);
    let waits = of(select(vec![WaitingFor::Permission, WaitingFor::Answer]));
    (word(), status, waits, of(word()), of(time())).prop_map(|(process, status, waiting_for, reason, since)| {
        ProcessReported {
            process,
            status,
            waiting_for: waiting_for.filter(|_| status == ProcessStatus::Waiting),
            reason,
            since,
            attended: None,
        }
    })
}

/// A difference as no ledger would tell it: also taking away what was never added.
pub(crate) fn difference() -> impl Strategy<Value = UsageRecorded> {
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
                context_window: limit.map(|limit| limit / 2),
                context_limit_from: limit.map(|_| WindowSource::Model),
                context_percent: None,
                accounts: vec![account],
                ..UsageRecorded::default()
            }
        },
    )
}

/// Facts that add rather than state: twice is not once.
pub(crate) fn adding_fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        (
            any::<i64>(),
            of(number()),
            of(number()),
            of(select(vec![UsageSource::Otel, UsageSource::Hook]))
        )
            .prop_map(|(input, cost_usd, context_percent, source)| {
                let tokens = TokenDelta {
                    input,
                    ..TokenDelta::default()
                };
                Fact::UsageRecorded(UsageRecorded {
                    tokens,
                    cost_usd,
                    context_percent,
                    source,
                    ..UsageRecorded::default()
                })
            }),
        difference().prop_map(Fact::UsageRecorded),
        budget_fact(),
        word().prop_map(|message| Fact::ErrorReported(ErrorReported { message, details: None })),
        word().prop_map(|kind| Fact::Custom(Custom {
            kind,
            data: Value::Null
        })),
    ]
}

pub(crate) fn state_fact() -> impl Strategy<Value = Fact> {
    // Boxed, or what is drawn does not fit on the stack of a test.
    prop_oneof![4 => phase_fact().boxed(), 1 => checkpoint_fact().boxed(), 3 => panel_fact().boxed(), 3 => life_fact().boxed()]
}

pub(crate) fn event_of(fact: impl Strategy<Value = Fact>) -> impl Strategy<Value = Event> {
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

pub(crate) fn any_event() -> impl Strategy<Value = Event> {
    event_of(prop_oneof![9 => state_fact(), 1 => adding_fact()])
}

/// What the sources of an agent session say.
pub(crate) fn agent_event() -> impl Strategy<Value = Event> {
    let fact = prop_oneof![3 => life_fact().boxed(), 1 => adding_fact()];
    let kind = select(vec![
        SourceKind::Transcript,
        SourceKind::Hook,
        SourceKind::Otlp,
        SourceKind::Internal,
    ]);
    (fact, kind, time()).prop_map(|(fact, kind, at)| event(kind, "t.jsonl", at, fact))
}
