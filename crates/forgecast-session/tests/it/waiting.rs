//! What ends a wait, and what does not.

use forgecast_protocol::event::{SourceAccount, TokenDelta, ToolUsed, UsageRecorded, UsageSource, WaitingBegan};
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{Fact, SessionStatus, Timestamp};
use forgecast_session::Session;

use crate::support::*;

fn used(use_id: &str, success: Option<bool>) -> Fact {
    Fact::ToolUsed(ToolUsed {
        tool: "Bash".to_owned(),
        use_id: Some(use_id.to_owned()),
        success,
        ..ToolUsed::default()
    })
}

fn waits(waiting_for: Option<WaitingFor>) -> Fact {
    Fact::WaitingBegan(WaitingBegan {
        reason: "permission to use Bash".to_owned(),
        waiting_for,
        ..WaitingBegan::default()
    })
}

fn call(used_at: Timestamp, calls: i64) -> Fact {
    let tokens = TokenDelta {
        output: 5,
        ..TokenDelta::default()
    };
    Fact::UsageRecorded(UsageRecorded {
        tokens,
        calls,
        used_at: Some(used_at),
        accounts: vec![SourceAccount {
            source: UsageSource::Transcript,
            tokens,
            cost_usd: None,
            calls,
        }],
        ..UsageRecorded::default()
    })
}

/// Waiting since minute 5, with one tool asked for and not used yet.
fn waiting() -> Session {
    let mut session = agent_session();
    session.apply(&from_transcript(minute(4), used("t1", None)));
    session.apply(&from_transcript(minute(5), waits(Some(WaitingFor::Permission))));
    assert_eq!(session.view().status, SessionStatus::Waiting);
    session
}

fn waits_after(at: Timestamp, fact: Fact) -> bool {
    let mut session = waiting();
    session.apply(&from_transcript(at, fact));
    let waits = session.view().status == SessionStatus::Waiting;
    assert_eq!(session.view().waiting_for.is_some(), waits);
    waits
}

#[test]
fn a_use_that_is_known_does_not_end_a_wait_that_began_since() {
    assert!(waits_after(minute(6), used("t1", None)), "told by another source");
    assert!(!waits_after(minute(6), used("t1", Some(true))), "it was let");
    assert!(!waits_after(minute(6), used("t1", Some(false))));
    assert!(!waits_after(minute(6), used("t2", None)));
}

#[test]
fn a_use_counts_once_as_work() {
    let mut session = waiting();
    session.apply(&from_transcript(minute(6), used("t1", Some(true))));
    session.apply(&from_transcript(minute(7), used("t1", Some(true))));
    session.apply(&from_transcript(minute(8), used("t1", None)));
    assert_eq!(session.view().last_work_at, Some(minute(6)));
}

#[test]
fn a_call_that_was_made_later_ends_a_wait_and_an_earlier_one_does_not() {
    assert!(waits_after(minute(6), call(minute(5), 1)), "the last words before it");
    assert!(waits_after(minute(7), call(minute(6), 0)), "a known call grew");
    assert!(!waits_after(minute(7), call(minute(6), 1)));
}

#[test]
fn a_source_that_does_not_say_for_what_takes_nothing_away() {
    let mut session = waiting();
    session.apply(&from_transcript(minute(6), waits(None)));
    assert_eq!(session.view().waiting_for, Some(WaitingFor::Permission));
    assert_eq!(session.row().waiting_for, Some(WaitingFor::Permission));
    session.apply(&from_transcript(minute(7), waits(Some(WaitingFor::Answer))));
    assert_eq!(session.view().waiting_for, Some(WaitingFor::Answer));
}

#[test]
fn only_the_newest_uses_are_remembered() {
    let mut session = waiting();
    for number in 0..1000 {
        session.apply(&from_transcript(minute(6), used(&format!("u{number}"), None)));
    }
    let stored = serde_json::to_string(&session).unwrap();
    assert!(stored.len() < 20_000, "{}", stored.len());
}
