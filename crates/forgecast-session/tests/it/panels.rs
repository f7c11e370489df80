//! Tests, tasks, agents, decisions, patterns, artifacts, usage: each panel's own rules and caps.

use forgecast_protocol::event::{
    AgentReported, AgentTimes, ArtifactChanged, ArtifactKind, DecisionRecorded, PatternRecorded, PhaseReported,
    SessionSeen, TaskReported, TestBasis, TestsReported,
};
use forgecast_protocol::{Fact, SourceKind};
use forgecast_session::Session;

use crate::support::*;

fn pushes(facts: impl IntoIterator<Item = Fact>) -> Session {
    let mut session = session();
    for (fact, at) in facts.into_iter().zip(1..) {
        session.apply(&pushed(minute(at), fact));
    }
    session
}

fn task(number: usize, status: Option<&str>) -> Fact {
    Fact::TaskReported(TaskReported {
        id: format!("task-{number}"),
        description: Some("do it".to_owned()),
        status: status.map(str::to_owned),
        ..TaskReported::default()
    })
}

/// The numbers stay as they are: the producer counts the task, and the share does not fall.
#[test]
fn a_task_that_is_done_because_its_builder_is_changes_the_progress() {
    let with = |done: &str| PhaseReported {
        phases_completed: Some(vec![done.to_owned()]),
        ..PhaseReported::default()
    };
    let counted = PhaseReported {
        tasks_completed: Some(1),
        tasks_total: Some(1),
        ..with("docs")
    };
    let mut session = after(&[counted]);
    session.apply(&pushed(minute(2), task(1, None)));
    session.apply(&phase_file(minute(3), with("builder")));
    assert_eq!(session.view().progress.tasks["task-1"].status, "completed");
    assert_eq!(session.view().changed_at["progress"], minute(3));
}

#[test]
fn a_task_at_work_stays_so_whatever_a_list_says_until_its_producer_says_how_it_ended() {
    let told = |status: &str| {
        Fact::TaskReported(TaskReported {
            id: "T1".to_owned(),
            status: Some(status.to_owned()),
            ..TaskReported::default()
        })
    };
    let listed = |at: i64, status: &str| artifact_fact("TASKS.md", minute(at), told(status));
    let said = |at: i64, status: &str| event(SourceKind::Foundry, "events.jsonl", minute(at), told(status));
    let mut session = session();
    for (next, expected) in [
        (listed(1, "pending"), "pending"),
        (listed(2, "in_progress"), "in_progress"),
        (listed(3, "pending"), "pending"),
        (said(4, "in_progress"), "in_progress"),
        (listed(5, "pending"), "in_progress"),
        (listed(6, "failed"), "in_progress"),
        (said(7, "failed"), "failed"),
        (listed(8, "pending"), "pending"),
        (said(9, "in_progress"), "in_progress"),
        (listed(10, "completed"), "completed"),
    ] {
        session.apply(&next);
        assert_eq!(session.view().progress.tasks["T1"].status, expected, "{next:?}");
    }
}

#[test]
fn a_task_at_work_stays_so_after_thousands_that_were_dropped_at_work() {
    let mut session = session();
    for number in 0..2_002 {
        session.apply(&pushed(minute(1), task(number, Some("in_progress"))));
    }
    session.apply(&artifact_fact("TASKS.md", minute(2), task(2_001, Some("pending"))));
    assert_eq!(session.view().progress.tasks["task-2001"].status, "in_progress");
}

#[test]
fn a_stronger_source_of_a_test_result_is_never_replaced_by_a_weaker_one() {
    let weak = tests(None, [10, 10, 0], TestBasis::Report);
    let strong = tests(None, [60, 55, 5], TestBasis::Summary);
    for facts in [[weak.clone(), strong.clone()], [strong, weak]] {
        let session = pushes(facts);
        let result = session.view().tests.clone().unwrap().summary.unwrap();
        assert_eq!((result.passed, result.source), (Some(55), TestBasis::Summary));
    }
}

#[test]
fn a_later_source_of_the_same_weight_replaces_the_numbers() {
    let first = tests(None, [60, 50, 10], TestBasis::Summary);
    let second = tests(None, [60, 60, 0], TestBasis::Summary);
    let result = pushes([first, second]).view().tests.clone().unwrap().summary.unwrap();
    assert_eq!(result.passed, Some(60));
}

#[test]
fn each_round_keeps_its_own_numbers_and_what_is_not_stated_stays_absent() {
    let unstated = Fact::TestsReported(TestsReported {
        iteration: Some(2),
        total: None,
        passed: None,
        failed: None,
        verdict: None,
        basis: TestBasis::Report,
    });
    let session = pushes([tests(Some(1), [9, 7, 2], TestBasis::Report), unstated]);
    let tests = session.view().tests.clone().unwrap();
    assert_eq!(tests.iteration, Some(2));
    assert_eq!(
        (tests.iterations[&1].failed, tests.iterations[&2].failed),
        (Some(2), None)
    );
    assert_eq!(tests.summary, None);
    assert_eq!(
        session.row().tests.unwrap().passed,
        Some(7),
        "the last round that states any"
    );
}

#[test]
fn the_last_round_without_a_file_has_the_numbers_of_the_summary() {
    let counted = |run| {
        Fact::TestsReported(TestsReported {
            iteration: Some(run),
            total: None,
            passed: None,
            failed: None,
            verdict: None,
            basis: TestBasis::Report,
        })
    };
    let whole = tests(None, [60, 60, 0], TestBasis::Summary);
    let first = tests(Some(1), [60, 55, 5], TestBasis::Report);
    let numbers = |session: &Session| -> Vec<_> {
        let tests = session.view().tests.clone().unwrap();
        tests
            .iterations
            .into_iter()
            .map(|(run, result)| (run, result.passed))
            .collect()
    };
    let filled = [(1, Some(55)), (2, Some(60))];
    assert_eq!(numbers(&pushes([first.clone(), counted(2), whole.clone()])), filled);
    assert_eq!(numbers(&pushes([whole.clone(), counted(2), first.clone()])), filled);
    // A file of its own counts, whenever it is read, and the first run is no stand-in for the last.
    let second = tests(Some(2), [60, 58, 2], TestBasis::Report);
    for facts in [
        [first.clone(), whole.clone(), second.clone()],
        [second, first.clone(), whole.clone()],
    ] {
        assert_eq!(numbers(&pushes(facts)), [(1, Some(55)), (2, Some(58))]);
    }
    assert_eq!(numbers(&pushes([whole, counted(1), first])), [(1, Some(55))]);
}

#[test]
fn tasks_are_done_with_the_builder_where_nobody_says_how_far_they_are() {
    let mut session = pushes([task(1, None), task(2, None)]);
    let counts = |session: &Session| {
        let progress = &session.view().progress;
        (progress.tasks_completed, progress.tasks_total)
    };
    session.apply(&phase_file(minute(5), report("Builder", "building", &["Scout"])));
    assert_eq!(counts(&session), (None, Some(2)));
    session.apply(&phase_file(minute(6), report("Test", "testing", &["Scout", "Builder"])));
    assert_eq!(counts(&session), (Some(2), Some(2)));
    assert_eq!(session.view().progress.tasks["task-1"].status, "completed");
    // Where somebody says it, that stands.
    let mut session = pushes([task(1, Some("completed")), task(2, None)]);
    session.apply(&phase_file(minute(6), report("Test", "testing", &["Scout", "Builder"])));
    assert_eq!(counts(&session), (Some(1), Some(2)));
}

#[test]
fn a_task_is_one_whether_its_id_is_a_number_or_has_a_word_before_it() {
    let with_id = |id: &str, status: &str| {
        Fact::TaskReported(TaskReported {
            id: id.to_owned(),
            status: Some(status.to_owned()),
            ..TaskReported::default()
        })
    };
    for (listed, marked) in [("3", "task-3"), ("task_3", "task-3"), ("task-3", "3"), ("T3", "T3")] {
        let session = pushes([with_id(listed, "pending"), with_id(marked, "failed")]);
        let tasks = &session.view().progress.tasks;
        assert_eq!(tasks.keys().collect::<Vec<_>>(), [listed]);
        assert_eq!(tasks[listed].status, "failed");
    }
    let session = pushes([with_id("2.1", "pending"), with_id("task-2", "completed")]);
    assert_eq!(session.view().progress.tasks.len(), 2);
}

#[test]
fn what_is_counted_and_what_is_listed_agree_by_the_one_that_is_ahead() {
    let mut session = pushes([
        task(1, Some("completed")),
        task(2, Some("completed")),
        task(3, Some("pending")),
    ]);
    for (stated, expected) in [
        ((Some(0), Some(3)), (Some(2), Some(3))),
        ((Some(3), Some(3)), (Some(3), Some(3))),
        ((Some(5), Some(4)), (Some(5), Some(5))),
        ((None, None), (Some(2), Some(3))),
    ] {
        let fact = forgecast_protocol::event::PhaseReported {
            tasks_completed: stated.0,
            tasks_total: stated.1,
            ..report("Builder", "building", &["Scout"])
        };
        session.apply(&phase_file(minute(5), fact));
        let progress = &session.view().progress;
        assert_eq!((progress.tasks_completed, progress.tasks_total), expected, "{stated:?}");
    }
}

#[test]
fn the_same_result_again_changes_nothing() {
    let fact = tests(Some(1), [9, 7, 2], TestBasis::Report);
    let mut session = pushes([fact.clone()]);
    let before = session.view().clone();
    session.apply(&pushed(minute(9), fact));
    assert_eq!(session.view(), &before);
}

#[test]
fn rounds_beyond_two_hundred_push_out_the_first() {
    let rounds = (1..=250).map(|round| tests(Some(round), [1, 1, 0], TestBasis::Report));
    let kept = pushes(rounds).view().tests.clone().unwrap().iterations;
    assert_eq!((kept.len(), kept.keys().next()), (200, Some(&51)));
}

#[test]
fn tasks_are_counted_once_somebody_says_how_far_they_are() {
    let listed = pushes([task(1, None), task(2, None)]);
    let progress = &listed.view().progress;
    assert_eq!((progress.tasks_completed, progress.tasks_total), (None, Some(2)));
    let begun = pushes([task(1, None), task(2, None), task(1, Some("completed"))]);
    assert_eq!(begun.view().progress.tasks_completed, Some(1));
    assert_eq!(begun.view().progress.percent, Some(50.0));
}

#[test]
fn tasks_beyond_two_thousand_stay_in_the_totals() {
    let session = pushes((0..2100).map(|number| task(number, Some("completed"))));
    let progress = &session.view().progress;
    assert_eq!(progress.tasks.len(), 2000);
    assert_eq!(
        (progress.tasks_completed, progress.tasks_total),
        (Some(2100), Some(2100))
    );
}

fn agent(id: &str, status: &str) -> AgentReported {
    AgentReported {
        id: id.to_owned(),
        status: Some(status.to_owned()),
        ..AgentReported::default()
    }
}

#[test]
fn an_agent_keeps_what_a_later_report_does_not_say() {
    let first = AgentReported {
        kind: Some("builder".to_owned()),
        tokens: Some(10),
        phase: Some("implementation".to_owned()),
        progress_percent: Some(f64::NAN),
        ..agent("a", "active")
    };
    let session = pushes([Fact::AgentReported(first), Fact::AgentReported(agent("a", "completed"))]);
    let agent = &session.view().agents["a"];
    assert_eq!((agent.kind.as_deref(), agent.tokens), (Some("builder"), Some(10)));
    assert_eq!(agent.phase.as_deref(), Some("Builder"));
    assert_eq!(agent.progress_percent, None, "not a number is not said");
    assert_eq!((agent.started_at, agent.ended_at), (Some(minute(1)), Some(minute(2))));
}

#[test]
fn a_source_that_kept_the_times_of_an_agent_says_what_it_does_not_know_of_them() {
    let times = |started_at, ended_at| Some(AgentTimes { started_at, ended_at });
    for (status, times, expected) in [
        (
            "completed",
            times(Some(minute(-9)), Some(minute(-4))),
            (Some(minute(-9)), Some(minute(-4))),
        ),
        ("completed", times(Some(minute(-9)), None), (Some(minute(-9)), None)),
        ("unknown", times(None, None), (None, None)),
        ("ended", times(None, Some(minute(-4))), (None, Some(minute(-4)))),
        ("completed", None, (Some(minute(1)), Some(minute(1)))),
    ] {
        let session = pushes([Fact::AgentReported(AgentReported {
            times,
            ..agent("a", status)
        })]);
        let agent = &session.view().agents["a"];
        assert_eq!((agent.started_at, agent.ended_at), expected, "{status} {times:?}");
    }
}

#[test]
fn only_agents_at_work_count_as_active() {
    let words = ["active", "spawning", "idle", "completed", "failed", "ended", "unknown"];
    let session = pushes(words.map(|word| Fact::AgentReported(agent(word, word))));
    assert_eq!(session.row().agents_active, 2);
}

#[test]
fn finished_agents_are_the_first_to_go() {
    let mut facts = vec![agent("first", "active"), agent("second", "completed")];
    facts.extend((0..499).map(|number| agent(&format!("agent-{number}"), "active")));
    let session = pushes(facts.into_iter().map(Fact::AgentReported));
    assert_eq!(session.view().agents.len(), 500);
    assert!(session.view().agents.contains_key("first"));
    assert!(!session.view().agents.contains_key("second"));
}

#[test]
fn decisions_are_counted_once_and_ratings_nobody_gave_are_absent() {
    let rated = |key: &str, quality| {
        Fact::DecisionRecorded(DecisionRecorded {
            key: key.to_owned(),
            quality,
            lesson_used: Some(true),
            ..DecisionRecorded::default()
        })
    };
    let session = pushes([
        rated("a", None),
        rated("b", Some(4.0)),
        rated("c", Some(5.0)),
        rated("b", Some(4.0)),
    ]);
    let decisions = session.view().decisions.clone().unwrap();
    assert_eq!((decisions.total, decisions.lessons_used), (3, 3));
    assert_eq!(decisions.avg_quality, Some(4.5));
    assert_eq!(decisions.recent["a"].quality, None);
    let unrated = pushes([rated("a", Some(f64::INFINITY))]);
    assert_eq!(unrated.view().decisions.clone().unwrap().avg_quality, None);
}

#[test]
fn the_newest_fifty_decisions_are_shown_and_all_are_counted() {
    let session = pushes((0..60).map(|number| decision(&format!("d{number:02}"))));
    let decisions = session.view().decisions.clone().unwrap();
    assert_eq!((decisions.total, decisions.recent.len()), (60, 50));
    assert!(!decisions.recent.contains_key("d09") && decisions.recent.contains_key("d10"));
}

#[test]
fn patterns_are_kept_by_id_and_the_rarest_go_first() {
    let pattern = |number: u32| {
        Fact::PatternRecorded(PatternRecorded {
            id: format!("p{number}"),
            frequency: Some(number),
            ..PatternRecorded::default()
        })
    };
    let session = pushes((0..1010).map(pattern));
    assert_eq!(session.view().patterns.len(), 1000);
    assert!(!session.view().patterns.contains_key("p9"));
    assert_eq!(session.view().patterns["p10"].title, "p10");
}

#[test]
fn a_removed_artifact_is_no_longer_listed_and_its_removal_is_no_work() {
    let mut session = pushes([artifact("a.md", ArtifactKind::Document, 5, minute(1))]);
    session.apply(&pushed(
        minute(7),
        Fact::ArtifactChanged(ArtifactChanged {
            name: "a.md".to_owned(),
            kind: ArtifactKind::Document,
            size: 0,
            modified_at: minute(7),
            dated: None,
            removed: true,
        }),
    ));
    assert!(session.view().artifacts.is_empty());
    assert_eq!(session.view().last_work_at, Some(minute(1)));
}

#[test]
fn what_is_seen_of_a_session_is_no_work() {
    let seen = SessionSeen {
        host: Some("buildbox".to_owned()),
        ..SessionSeen::default()
    };
    let session = pushes([Fact::SessionSeen(seen)]);
    assert_eq!(session.view().host.as_deref(), Some("buildbox"));
    assert_eq!(session.view().last_work_at, None);
}
