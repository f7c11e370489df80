//! A session that is nothing but an agent's own: its name, its end, and how it becomes a build.

use forgecast_protocol::event::{
    CompletionBasis, CompletionReported, Quiet, SessionSeen, SourceAccount, TokenDelta, ToolUsed, UsageRecorded,
    UsageSource, WaitingBegan, WaitingEnded,
};
use forgecast_protocol::session::{SourceOfState, WaitingFor};
use forgecast_protocol::{Fact, SessionStatus, Timestamp};
use forgecast_session::{Limits, Session};

use crate::support::*;

fn tool(use_id: &str) -> Fact {
    Fact::ToolUsed(ToolUsed {
        tool: "Bash".to_owned(),
        use_id: Some(use_id.to_owned()),
        ..ToolUsed::default()
    })
}

fn closed() -> Fact {
    Fact::CompletionReported(CompletionReported {
        basis: CompletionBasis::Closed,
        ..completion(Some(true))
    })
}

fn waits(waiting_for: WaitingFor) -> Fact {
    Fact::WaitingBegan(WaitingBegan {
        reason: "the turn is over".to_owned(),
        waiting_for: Some(waiting_for),
        ..WaitingBegan::default()
    })
}

fn called(used_at: Timestamp) -> Fact {
    let tokens = TokenDelta {
        output: 5,
        ..TokenDelta::default()
    };
    Fact::UsageRecorded(UsageRecorded {
        tokens,
        calls: 1,
        used_at: Some(used_at),
        accounts: vec![SourceAccount {
            source: UsageSource::Transcript,
            tokens,
            cost_usd: None,
            calls: 1,
        }],
        ..UsageRecorded::default()
    })
}

fn titled(title: &str) -> Fact {
    Fact::SessionSeen(SessionSeen {
        title: Some(title.to_owned()),
        ..SessionSeen::default()
    })
}

fn own(facts: impl IntoIterator<Item = Fact>) -> Session {
    let mut session = agent_session();
    for (fact, at) in facts.into_iter().zip(1..) {
        session.apply(&from_transcript(minute(at), fact));
    }
    session
}

fn status(session: &Session) -> (SessionStatus, Option<&str>) {
    let view = session.view();
    (view.status, view.status_reason.as_deref())
}

#[test]
fn it_is_named_by_its_title_and_a_build_is_not() {
    let session = own([titled("mend the login"), tool("t1")]);
    assert_eq!(session.view().name, "mend the login");
    assert_eq!(session.view().source, SourceOfState::Transcript);
    assert_eq!(session.row().source, SourceOfState::Transcript);
    let mut build = after(&[report("Scout", "scouting", &[])]);
    build.apply(&from_transcript(minute(2), titled("mend the login")));
    assert_eq!(build.view().name, "weather-app");
}

#[test]
fn it_began_with_the_first_thing_that_is_known_of_it_and_a_build_when_it_says_so() {
    let mut session = agent_session();
    session.apply(&from_transcript(minute(5), tool("t1")));
    session.apply(&from_transcript(minute(3), titled("mend the login")));
    session.apply(&from_transcript(minute(7), tool("t2")));
    assert_eq!(session.view().started_at, Some(minute(3)));
    assert_eq!(session.row().started_at, Some(minute(3)));
    session.apply(&pushed(minute(8), tool("t3")));
    assert_eq!(session.view().started_at, None);
}

#[test]
fn it_becomes_a_build_when_a_builds_source_speaks() {
    let mut session = own([titled("mend the login"), closed()]);
    session.apply(&phase_file(minute(3), report("Scout", "scouting", &[])));
    assert_eq!(session.view().source, SourceOfState::Live);
    assert_eq!(status(&session), (SessionStatus::Running, None));
    let mut session = own([]);
    session.apply(&checkpoint_file(minute(3), checkpoint("scout")));
    assert_eq!(session.view().source, SourceOfState::Checkpoint);
    let mut session = own([]);
    session.apply(&pushed(minute(3), tool("t1")));
    assert_eq!(session.view().source, SourceOfState::Live);
}

#[test]
fn it_is_completed_when_it_is_closed_until_it_is_taken_up_again() {
    let mut session = own([tool("t1"), closed()]);
    let reason = Some("The agent's session was closed");
    assert_eq!(status(&session), (SessionStatus::Completed, reason));
    assert_eq!(session.view().ended_at, Some(minute(2)));
    assert_eq!(session.next_deadline(&Limits::default()), None);
    assert_eq!(session.record(), None, "no build's history");
    session.apply(&from_transcript(minute(9), tool("t2")));
    assert_eq!(status(&session), (SessionStatus::Running, None));
    assert_eq!(session.view().ended_at, None);
    session.apply(&from_transcript(minute(10), closed()));
    assert_eq!(session.view().ended_at, Some(minute(10)));
    session.apply(&from_transcript(
        minute(11),
        Fact::WaitingEnded(WaitingEnded::default()),
    ));
    assert_eq!(status(&session), (SessionStatus::Running, None), "a prompt");
}

#[test]
fn what_trails_behind_the_end_does_not_open_it_again() {
    let mut session = own([tool("t1"), closed()]);
    session.apply(&from_transcript(second(124), tool("t2")));
    session.apply(&from_transcript(minute(5), called(second(119))));
    assert_eq!(session.view().status, SessionStatus::Completed);
    session.apply(&from_transcript(minute(5), called(second(121))));
    assert_eq!(session.view().status, SessionStatus::Running);
}

#[test]
fn closing_an_agents_session_never_ends_a_build() {
    let mut build = after(&[report("Scout", "scouting", &[])]);
    build.apply(&from_transcript(minute(2), closed()));
    assert_eq!(build.view().status, SessionStatus::Running);
    assert_eq!(build.view().last_work_at, Some(minute(1)));
}

#[test]
fn while_it_waits_for_a_prompt_it_never_stalls_and_in_the_end_it_is_completed() {
    let mut session = own([tool("t1"), waits(WaitingFor::Prompt)]);
    assert_eq!(session.view().waiting_for, Some(WaitingFor::Prompt));
    let deadline = session.next_deadline(&Limits::default()).unwrap();
    assert_eq!(deadline.quiet, Quiet::Abandoned);
    session.apply(&quiet(minute(30), Quiet::Stalled, deadline.since));
    assert_eq!(session.view().status, SessionStatus::Waiting);
    session.apply(&quiet(minute(400), Quiet::Abandoned, deadline.since));
    let reason = Some("Ended after its last reply");
    assert_eq!(status(&session), (SessionStatus::Completed, reason));
    assert_eq!(session.view().ended_at, Some(minute(2)), "when the turn ended");
    assert_eq!(session.view().waiting_for, None);
    session.apply(&from_transcript(
        minute(500),
        Fact::WaitingEnded(WaitingEnded::default()),
    ));
    assert_eq!(status(&session), (SessionStatus::Running, None));
    assert_eq!(session.view().ended_at, None);
}

#[test]
fn one_that_fell_silent_at_work_is_stalled_and_then_abandoned() {
    let mut session = own([tool("t1")]);
    session.apply(&quiet(minute(20), Quiet::Stalled, minute(1)));
    assert_eq!(session.view().status, SessionStatus::Stalled);
    session.apply(&quiet(minute(400), Quiet::Abandoned, minute(1)));
    assert_eq!(session.view().status, SessionStatus::Abandoned);
    let mut asking = own([tool("t1"), waits(WaitingFor::Permission)]);
    asking.apply(&quiet(minute(400), Quiet::Abandoned, minute(2)));
    assert_eq!(asking.view().status, SessionStatus::Abandoned);
}
