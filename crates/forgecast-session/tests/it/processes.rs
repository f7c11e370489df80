//! What an agent's process says of itself goes before everything else, and only proof makes it
//! crashed.

use forgecast_protocol::event::{CompletionBasis, ProcessReported, ProcessStatus, Quiet, WaitingBegan, WaitingEnded};
use forgecast_protocol::session::{AttentionKind, WaitingFor};
use forgecast_protocol::{Event, Fact, SessionStatus, SourceKind, Timestamp};
use forgecast_session::{Limits, Session};
use proptest::prelude::*;
use proptest::sample::select;

use crate::arbitrary::agent_event;
use crate::support::*;

fn process(name: &str, status: ProcessStatus) -> ProcessReported {
    ProcessReported {
        process: name.to_owned(),
        status,
        waiting_for: (status == ProcessStatus::Waiting).then_some(WaitingFor::Permission),
        ..ProcessReported::default()
    }
}

/// The process of the session is found in this state.
fn says(at: Timestamp, name: &str, status: ProcessStatus) -> Event {
    let fact = Fact::ProcessReported(process(name, status));
    event(SourceKind::Process, "sessions/4242.json", at, fact)
}

fn waits(waiting_for: WaitingFor) -> Fact {
    Fact::WaitingBegan(WaitingBegan {
        reason: "Wants to run: cargo publish".to_owned(),
        waiting_for: Some(waiting_for),
        ..WaitingBegan::default()
    })
}

fn after(events: &[Event]) -> Session {
    let mut session = agent_session();
    events.iter().for_each(|event| session.apply(event));
    session
}

fn status(session: &Session) -> (SessionStatus, Option<WaitingFor>) {
    (session.view().status, session.view().waiting_for)
}

#[test]
fn a_process_says_that_it_is_busy_waits_or_is_idle() {
    let mut session = agent_session();
    for (at, word, wanted) in [
        (
            1,
            ProcessStatus::Idle,
            (SessionStatus::Waiting, Some(WaitingFor::Prompt)),
        ),
        (2, ProcessStatus::Busy, (SessionStatus::Running, None)),
        (
            3,
            ProcessStatus::Waiting,
            (SessionStatus::Waiting, Some(WaitingFor::Permission)),
        ),
        (4, ProcessStatus::Busy, (SessionStatus::Running, None)),
    ] {
        session.apply(&says(minute(at), "4242@7", word));
        assert_eq!(status(&session), wanted, "{word:?}");
        assert_eq!(session.view().status_source, Some(SourceKind::Process));
    }
}

#[test]
fn a_session_just_opened_waits_for_a_prompt_and_calls_nobody() {
    let mut session = agent_session();
    for (at, word) in [(1, ProcessStatus::Alive), (2, ProcessStatus::Idle)] {
        session.apply(&says(minute(at), "4242@7", word));
        assert_eq!(status(&session), (SessionStatus::Waiting, Some(WaitingFor::Prompt)));
        assert_eq!(session.row().attention, None);
    }
    session.apply(&says(minute(3), "4242@7", ProcessStatus::Busy));
    session.apply(&says(minute(4), "4242@7", ProcessStatus::Idle));
    assert_eq!(session.row().attention.unwrap().kind, AttentionKind::Waiting);
}

#[test]
fn that_a_turn_is_over_is_for_a_busy_process_to_say() {
    let session = after(&[
        says(minute(1), "4242@7", ProcessStatus::Busy),
        from_transcript(minute(2), waits(WaitingFor::Prompt)),
    ]);
    assert_eq!(status(&session), (SessionStatus::Running, None));
}

#[test]
fn a_wait_of_the_process_is_shown_with_the_command_that_others_know() {
    let session = after(&[
        from_transcript(minute(1), waits(WaitingFor::Permission)),
        says(minute(2), "4242@7", ProcessStatus::Waiting),
    ]);
    let reason = session.view().status_reason.as_deref();
    assert_eq!(reason, Some("Wants to run: cargo publish"));
}

#[test]
fn a_wait_that_began_after_the_last_word_of_a_busy_process_stands() {
    let session = after(&[
        says(minute(1), "4242@7", ProcessStatus::Busy),
        from_transcript(minute(2), waits(WaitingFor::Permission)),
    ]);
    assert_eq!(status(&session), (SessionStatus::Waiting, Some(WaitingFor::Permission)));
}

#[test]
fn an_idle_process_has_taken_its_question_back() {
    let session = after(&[
        from_transcript(minute(1), waits(WaitingFor::Answer)),
        says(minute(2), "4242@7", ProcessStatus::Idle),
    ]);
    assert_eq!(status(&session), (SessionStatus::Waiting, Some(WaitingFor::Prompt)));
}

#[test]
fn a_crash_is_abandoned_at_once_with_its_reason_and_calls_somebody() {
    let session = after(&[
        says(minute(1), "4242@7", ProcessStatus::Busy),
        says(minute(2), "4242@7", ProcessStatus::Crashed),
    ]);
    assert_eq!(session.view().status, SessionStatus::Abandoned);
    let reason = session.view().status_reason.as_deref();
    assert_eq!(reason, Some("The agent's process is gone without having ended"));
    let attention = session.row().attention.unwrap();
    assert_eq!(attention.kind, AttentionKind::Failed);
    assert_eq!(session.next_deadline(&Limits::default()), None);
}

#[test]
fn another_process_makes_a_crashed_session_running_again() {
    let session = after(&[
        says(minute(1), "4242@7", ProcessStatus::Crashed),
        says(minute(2), "4300@9", ProcessStatus::Busy),
    ]);
    assert_eq!(status(&session), (SessionStatus::Running, None));
}

#[test]
fn work_long_after_a_crash_takes_the_session_up_again() {
    let crashed = [
        says(minute(1), "4242@7", ProcessStatus::Busy),
        says(minute(2), "4242@7", ProcessStatus::Crashed),
    ];
    let work = |at| from_transcript(at, Fact::WaitingEnded(WaitingEnded::default()));
    let mut session = after(&crashed);
    session.apply(&work(minute(2)));
    assert_eq!(
        session.view().status,
        SessionStatus::Abandoned,
        "written before it went"
    );
    session.apply(&from_transcript(minute(5), waits(WaitingFor::Permission)));
    assert_eq!(session.view().status, SessionStatus::Waiting);
}

#[test]
fn a_process_that_ended_in_order_closes_the_session_until_the_next_one() {
    let mut session = after(&[
        says(minute(1), "4242@7", ProcessStatus::Idle),
        says(minute(2), "4242@7", ProcessStatus::Exited),
    ]);
    assert_eq!(session.view().status, SessionStatus::Completed);
    assert_eq!(session.view().ended_at, Some(minute(2)));
    session.apply(&says(minute(2), "4243@8", ProcessStatus::Busy));
    assert_eq!(status(&session), (SessionStatus::Running, None));
}

#[test]
fn a_session_whose_second_process_goes_on_is_not_closed() {
    let session = after(&[
        says(minute(1), "4242@7", ProcessStatus::Idle),
        says(minute(2), "4243@8", ProcessStatus::Busy),
        says(minute(3), "4242@7", ProcessStatus::Exited),
    ]);
    assert_eq!(status(&session), (SessionStatus::Running, None));
}

#[test]
fn what_was_closed_by_its_hook_has_not_crashed() {
    let mut closed = completion(Some(true));
    closed.basis = CompletionBasis::Closed;
    let session = after(&[
        says(minute(1), "4242@7", ProcessStatus::Idle),
        from_transcript(minute(2), Fact::CompletionReported(closed)),
        says(minute(3), "4242@7", ProcessStatus::Crashed),
    ]);
    assert_eq!(session.view().status, SessionStatus::Completed);
}

#[test]
fn a_build_waits_for_its_agents_and_survives_them() {
    let mut session = session();
    session.apply(&phase_file(minute(1), report("Builder", "building", &[])));
    for (at, word, wanted) in [
        (2, ProcessStatus::Idle, SessionStatus::Running),
        (3, ProcessStatus::Waiting, SessionStatus::Waiting),
        (4, ProcessStatus::Crashed, SessionStatus::Running),
    ] {
        session.apply(&says(minute(at), "4242@7", word));
        assert_eq!(session.view().status, wanted, "{word:?}");
    }
}

fn alive() -> impl Strategy<Value = ProcessStatus> {
    select(vec![
        ProcessStatus::Alive,
        ProcessStatus::Busy,
        ProcessStatus::Waiting,
        ProcessStatus::Idle,
    ])
}

proptest! {
    #[test]
    fn a_process_that_is_there_is_never_abandoned(
        before in proptest::collection::vec(agent_event(), 0..12),
        word in alive(),
    ) {
        let mut session = after(&before);
        session.apply(&says(minute(3000), "4242@7", word));
        let since = session.view().last_work_at.unwrap_or(minute(3000));
        for silence in [Quiet::Stalled, Quiet::Abandoned] {
            session.apply(&quiet(minute(4000), silence, since));
        }
        let gone = session.view().status_reason.as_deref().is_some_and(|reason| reason.ends_with("is gone"));
        prop_assert!(gone || session.view().status != SessionStatus::Abandoned);
    }

    #[test]
    fn only_a_crash_makes_a_process_the_source_of_abandoned(
        events in proptest::collection::vec(agent_event(), 0..24),
    ) {
        let crashed = |event: &Event| {
            matches!(&event.fact, Fact::ProcessReported(fact) if fact.status == ProcessStatus::Crashed)
        };
        let events: Vec<Event> = events.into_iter().filter(|event| !crashed(event)).collect();
        let session = after(&events);
        let by_process = session.view().status_source == Some(SourceKind::Process);
        prop_assert!(!(by_process && session.view().status == SessionStatus::Abandoned));
    }

    /// The files of processes and the transcript are read by different hands: which was read first
    /// must not matter.
    #[test]
    fn the_order_of_the_sources_does_not_change_what_a_process_says(
        words in proptest::collection::vec(alive(), 1..5),
        waits_for in proptest::collection::vec(select(vec![WaitingFor::Permission, WaitingFor::Prompt, WaitingFor::Answer]), 0..4),
        ending in select(vec![ProcessStatus::Waiting, ProcessStatus::Idle, ProcessStatus::Crashed]),
        turns in proptest::collection::vec(any::<bool>(), 10),
    ) {
        let mut processes: Vec<Event> = (0..).zip(&words).map(|(at, word)| says(second(at), "4242@7", *word)).collect();
        processes.push(says(second(100), "4242@7", ending));
        let transcript: Vec<Event> = (0..).zip(&waits_for).map(|(at, kind)| from_transcript(second(at), waits(*kind))).collect();
        let one_after_another = after(&[processes.clone(), transcript.clone()].concat());
        let (mut mixed, mut first, mut second) = (Vec::new(), processes.into_iter(), transcript.into_iter());
        for turn in turns {
            mixed.extend(if turn { first.next() } else { second.next() });
        }
        mixed.extend(first.chain(second));
        let mixed = after(&mixed);
        prop_assert_eq!(status(&one_after_another), status(&mixed));
    }
}
