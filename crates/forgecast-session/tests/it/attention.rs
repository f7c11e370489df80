//! What is worth a person's notice.

use forgecast_protocol::event::{
    BudgetPassed, BudgetScope, CutShort, LimitPassed, ProcessReported, ProcessStatus, Quiet, WaitingBegan, WaitingEnded,
};
use forgecast_protocol::session::{Attention, AttentionKind, BudgetLevel, WaitingFor};
use forgecast_protocol::{Event, Fact, SessionStatus, SourceKind, Timestamp};
use forgecast_session::Session;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arbitrary::*;
use crate::support::*;

fn waits(at: Timestamp, reason: &str, waiting_for: Option<WaitingFor>) -> Event {
    let reason = reason.to_owned();
    pushed(
        at,
        Fact::WaitingBegan(WaitingBegan {
            reason,
            waiting_for,
            ..WaitingBegan::default()
        }),
    )
}

fn goes_on(at: Timestamp) -> Event {
    pushed(at, Fact::WaitingEnded(WaitingEnded::default()))
}

fn passes_budget(at: Timestamp, level: BudgetLevel) -> Event {
    let fact = Fact::BudgetPassed(BudgetPassed {
        scope: BudgetScope::Session,
        period: None,
        level,
        limit_usd: 10.0,
        spent_usd: 8.0,
    });
    pushed(at, fact)
}

/// Number, kind and text of what needs notice.
fn noticed(session: &Session) -> Option<(u64, AttentionKind, String)> {
    let Attention { kind, seq, text, .. } = session.row().attention?;
    Some((seq, kind, text))
}

fn some(seq: u64, kind: AttentionKind, text: &str) -> Option<(u64, AttentionKind, String)> {
    Some((seq, kind, text.to_owned()))
}

#[test]
fn a_wait_is_noticed_until_the_session_goes_on_and_the_next_has_the_next_number() {
    let mut session = after(&[report("Builder", "building", &[])]);
    assert_eq!(noticed(&session), None);
    session.apply(&waits(minute(2), "run the tests?", Some(WaitingFor::Permission)));
    assert_eq!(noticed(&session), some(1, AttentionKind::Waiting, "run the tests?"));
    assert_eq!(session.row().attention.unwrap().since, minute(2));
    session.apply(&goes_on(minute(3)));
    assert_eq!(noticed(&session), None);
    session.apply(&waits(minute(4), "which one?", Some(WaitingFor::Answer)));
    assert_eq!(noticed(&session), some(2, AttentionKind::Waiting, "which one?"));
}

#[test]
fn waiting_for_something_else_is_news_and_another_reason_only_another_text() {
    let mut session = after(&[report("Builder", "building", &[])]);
    session.apply(&waits(minute(2), "run ls?", Some(WaitingFor::Permission)));
    session.apply(&waits(minute(3), "run rm?", Some(WaitingFor::Permission)));
    assert_eq!(noticed(&session), some(1, AttentionKind::Waiting, "run rm?"));
    session.apply(&waits(minute(4), "which one?", Some(WaitingFor::Answer)));
    assert_eq!(noticed(&session), some(2, AttentionKind::Waiting, "which one?"));
}

#[test]
fn a_producer_that_says_again_that_it_waits_is_noticed_once() {
    let mut session = after(&[report("Builder", "building", &[])]);
    for at in [2, 5, 9] {
        session.apply(&phase_file(minute(at), report("Builder", "waiting for approval", &[])));
        assert_eq!(
            noticed(&session),
            some(1, AttentionKind::Waiting, "waiting for approval")
        );
    }
}

#[test]
fn an_end_is_noticed_with_its_task_or_its_reason() {
    let mut session = after(&[report("Test", "failed", &[])]);
    assert_eq!(noticed(&session), some(1, AttentionKind::Failed, "Test: failed"));
    session.apply(&phase_file(minute(2), report("Test", "testing", &[])));
    session.apply(&phase_file(minute(2), report("Feedback", "completed", &["Deploy"])));
    let text = "Feedback is completed";
    assert_eq!(noticed(&session), some(2, AttentionKind::Completed, text));
    let mut end = completion(Some(true));
    end.task = Some("show the weather".to_owned());
    session.apply(&summary(minute(3), end));
    assert_eq!(noticed(&session), some(2, AttentionKind::Completed, "show the weather"));
}

#[test]
fn what_stalled_or_waited_is_still_to_be_noticed_when_it_is_abandoned() {
    let mut session = after(&[report("Builder", "building", &[])]);
    session.apply(&quiet(minute(16), Quiet::Stalled, minute(1)));
    let stalled = noticed(&session);
    assert!(matches!(stalled, Some((1, AttentionKind::Stalled, _))), "{stalled:?}");
    session.apply(&quiet(minute(361), Quiet::Abandoned, minute(1)));
    assert_eq!(session.view().status, SessionStatus::Abandoned);
    assert_eq!(noticed(&session), stalled);
}

#[test]
fn an_old_build_that_is_found_is_no_news_to_anybody() {
    let ended = [old(
        phase_file(minute(0), report("Feedback", "completed", &[])),
        minute(-90),
    )];
    let failed = [old(phase_file(minute(0), report("Test", "failed", &[])), minute(-90))];
    let silent = [
        old(phase_file(minute(0), report("Builder", "building", &[])), minute(-90)),
        quiet(second(1), Quiet::Stalled, minute(-90)),
        quiet(second(2), Quiet::Abandoned, minute(-90)),
    ];
    for events in [&ended[..], &failed[..], &silent[..]] {
        let session = fold(events);
        assert_ne!(session.view().status, SessionStatus::Running);
        assert_eq!(noticed(&session), None, "{:?}", session.view().status);
    }
    // It was found just before it fell silent.
    let session = fold(&[
        old(phase_file(minute(0), report("Builder", "building", &[])), minute(-1)),
        quiet(minute(14), Quiet::Stalled, minute(-1)),
    ]);
    assert!(matches!(noticed(&session), Some((1, AttentionKind::Stalled, _))));
}

#[test]
fn what_an_error_stopped_is_known_whether_it_was_followed_or_found() {
    let turn = |cut_short| {
        let ended = Fact::WaitingBegan(WaitingBegan {
            reason: "API error: overloaded".to_owned(),
            waiting_for: Some(WaitingFor::Prompt),
            cut_short,
            ..WaitingBegan::default()
        });
        from_transcript(minute(2), ended)
    };
    let crash = event(
        SourceKind::Process,
        "sessions/4242.json",
        minute(2),
        Fact::ProcessReported(ProcessReported {
            process: "4242@7".to_owned(),
            status: ProcessStatus::Crashed,
            ..ProcessReported::default()
        }),
    );
    for (end, is_stopped) in [
        (turn(Some(CutShort::Error)), true),
        (turn(Some(CutShort::User)), false),
        (turn(None), false),
        (crash, true),
    ] {
        let mut followed = agent_session();
        followed.apply(&end);
        assert_eq!(followed.row().stopped_by_error, is_stopped, "{end:?}");
        assert_eq!(followed.row().attention.is_some_and(|it| !it.your_turn), is_stopped);
        // What was there before anybody looked is no news, and stands like this all the same.
        let mut found = agent_session();
        found.apply(&old(end.clone(), minute(-10)));
        assert_eq!(found.row().attention, None, "{end:?}");
        assert_eq!(found.row().stopped_by_error, is_stopped, "{end:?}");
        assert_eq!(found.view().status, followed.view().status);
        let prompt = Fact::WaitingEnded(WaitingEnded::default());
        found.apply(&from_transcript(minute(30), prompt));
        assert!(!found.row().stopped_by_error, "it went on: {end:?}");
    }
}

#[test]
fn a_budget_is_noticed_at_each_mark_and_hides_nobody_who_waits() {
    let mut session = after(&[report("Builder", "building", &[])]);
    session.apply(&passes_budget(minute(2), BudgetLevel::Warning));
    let half = "half of the budget of $10.00 used";
    assert_eq!(noticed(&session), some(1, AttentionKind::Budget, half));
    session.apply(&passes_budget(minute(3), BudgetLevel::Warning));
    session.apply(&waits(minute(4), "run ls?", None));
    assert_eq!(noticed(&session), some(2, AttentionKind::Waiting, "run ls?"));
    session.apply(&passes_budget(minute(5), BudgetLevel::Exceeded));
    assert_eq!(noticed(&session), some(2, AttentionKind::Waiting, "run ls?"));
    session.apply(&goes_on(minute(6)));
    let over = some(3, AttentionKind::Budget, "budget of $10.00 used up");
    assert_eq!(noticed(&session), over);
    session.apply(&phase_file(minute(7), report("Builder", "testing", &[])));
    assert_eq!(noticed(&session), over);
}

#[test]
fn a_budget_hides_no_failure_and_is_noticed_when_the_build_goes_on() {
    let mut session = after(&[report("Test", "failed", &[])]);
    // The last calls of a session are often counted after its end.
    session.apply(&passes_budget(minute(2), BudgetLevel::Exceeded));
    assert_eq!(noticed(&session), some(1, AttentionKind::Failed, "Test: failed"));
    session.apply(&phase_file(minute(3), report("Test", "testing", &[])));
    let over = some(2, AttentionKind::Budget, "budget of $10.00 used up");
    assert_eq!(noticed(&session), over);
}

#[test]
fn a_failure_is_told_with_what_its_producer_says_about_it() {
    let mut failed = report("Test", "failed", &[]);
    failed.detail = Some("3 of 57 tests still fail after 3 runs".to_owned());
    let text = "Test: 3 of 57 tests still fail after 3 runs";
    assert_eq!(noticed(&after(&[failed])), some(1, AttentionKind::Failed, text));
    let worded = after(&[report("Test", "tests_failed_max_iterations", &[])]);
    let text = "Test: tests_failed_max_iterations";
    assert_eq!(noticed(&worded), some(1, AttentionKind::Failed, text));
}

#[test]
fn numbers_go_on_behind_those_of_the_state_that_is_replaced() {
    let mut session = after(&[report("Builder", "building", &[])]);
    let stored = session.clone();
    for at in 2..5 {
        session.apply(&waits(minute(at), "run ls?", None));
        session.apply(&goes_on(minute(at)));
    }
    session.replace(stored);
    session.apply(&waits(minute(6), "run ls?", None));
    assert_eq!(noticed(&session), some(4, AttentionKind::Waiting, "run ls?"));
}

proptest! {
    #[test]
    fn numbers_only_grow_and_a_session_at_work_needs_nobody(events in vec(any_event(), 0..30)) {
        let mut session = session();
        let mut last = 0;
        for event in &events {
            session.apply(event);
            let row = session.row();
            if let Some(attention) = row.attention {
                prop_assert!(attention.seq >= last && attention.seq <= last + 2);
                last = attention.seq;
                let is_spent = matches!(attention.kind, AttentionKind::Budget | AttentionKind::Limit);
                prop_assert!(is_spent || row.status != SessionStatus::Running);
            }
        }
    }
}

fn passes_limit(at: Timestamp, level: BudgetLevel, text: &str) -> Event {
    let fact = Fact::LimitPassed(LimitPassed {
        agent: "claude".to_owned(),
        account: None,
        scope: None,
        window_minutes: 300,
        level,
        used_percent: None,
        resets_at: None,
        text: text.to_owned(),
    });
    event(SourceKind::Internal, "hub", at, fact)
}

#[test]
fn the_limit_of_a_plan_is_noticed_and_hides_no_wait() {
    let mut session = after(&[report("Builder", "building", &[])]);
    session.apply(&passes_limit(minute(2), BudgetLevel::Critical, "92 % used"));
    assert_eq!(noticed(&session), some(1, AttentionKind::Limit, "92 % used"));
    assert_eq!(session.row().attention.unwrap().level, Some(BudgetLevel::Critical));
    session.apply(&waits(minute(3), "run the tests?", Some(WaitingFor::Permission)));
    session.apply(&passes_limit(minute(4), BudgetLevel::Exceeded, "100 % used"));
    assert_eq!(noticed(&session), some(2, AttentionKind::Waiting, "run the tests?"));
    session.apply(&passes_limit(minute(5), BudgetLevel::Safe, "reset"));
    assert_eq!(noticed(&session), some(2, AttentionKind::Waiting, "run the tests?"));
}

#[test]
fn a_reset_calls_for_what_an_error_stopped() {
    let mut session = after(&[report("Builder", "building", &[])]);
    let stopped = WaitingBegan {
        reason: "usage limit reached".to_owned(),
        waiting_for: Some(WaitingFor::Prompt),
        cut_short: Some(CutShort::Error),
        ..WaitingBegan::default()
    };
    session.apply(&pushed(minute(2), Fact::WaitingBegan(stopped)));
    session.apply(&passes_limit(minute(3), BudgetLevel::Exceeded, "100 % used"));
    assert_eq!(
        noticed(&session),
        some(1, AttentionKind::Waiting, "usage limit reached")
    );
    session.apply(&passes_limit(minute(4), BudgetLevel::Safe, "reset, agents may go on"));
    assert_eq!(
        noticed(&session),
        some(2, AttentionKind::Limit, "reset, agents may go on")
    );
    session.apply(&goes_on(minute(5)));
    assert_eq!(noticed(&session), None, "it goes on");
}
