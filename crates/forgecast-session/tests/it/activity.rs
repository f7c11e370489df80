//! What a session is doing now: the line of its row.

use forgecast_protocol::event::{ActivityReported, AgentReported, ToolUsed, WaitingBegan, WaitingEnded};
use forgecast_protocol::session::{ActivityKind, RowActivity, WaitingFor};
use forgecast_protocol::{Event, Fact, Timestamp};
use forgecast_session::Session;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arbitrary::*;
use crate::support::*;

fn uses(at: Timestamp, tool: &str, summary: &str, id: &str, agent: Option<&str>) -> Event {
    let fact = ToolUsed {
        tool: tool.to_owned(),
        summary: Some(summary.to_owned()),
        agent: agent.map(str::to_owned),
        use_id: Some(id.to_owned()),
        success: None,
    };
    from_transcript(at, Fact::ToolUsed(fact))
}

fn answers(at: Timestamp, tool: &str, id: &str, agent: Option<&str>) -> Event {
    let fact = ToolUsed {
        tool: tool.to_owned(),
        agent: agent.map(str::to_owned),
        use_id: Some(id.to_owned()),
        success: Some(true),
        summary: None,
    };
    from_transcript(at, Fact::ToolUsed(fact))
}

fn says(at: Timestamp, words: &str) -> Event {
    let fact = ActivityReported {
        words: Some(words.to_owned()),
        ..ActivityReported::default()
    };
    from_transcript(at, Fact::ActivityReported(fact))
}

fn prompted(at: Timestamp) -> Event {
    from_transcript(at, Fact::WaitingEnded(WaitingEnded::default()))
}

fn agent(events: &[Event]) -> Session {
    let mut session = agent_session();
    events.iter().for_each(|event| session.apply(event));
    session
}

/// Kind, text and second since the noon.
fn doing(session: &Session) -> Option<(ActivityKind, String, i64)> {
    let RowActivity { kind, text, since, .. } = *session.row().activity?;
    Some((kind, text, (since.as_millis() - second(0).as_millis()) / 1000))
}

fn some(kind: ActivityKind, text: &str, since: i64) -> Option<(ActivityKind, String, i64)> {
    Some((kind, text.to_owned(), since))
}

#[test]
fn a_running_tool_is_shown_with_what_it_is_used_on_and_since_when() {
    let mut session = agent(&[prompted(second(1))]);
    assert_eq!(doing(&session), some(ActivityKind::Thinking, "Thinking", 1));
    session.apply(&says(second(2), "First the queue."));
    assert_eq!(doing(&session), some(ActivityKind::Words, "First the queue.", 2));
    session.apply(&uses(second(3), "Edit", "src/sync/queue.rs", "t1", None));
    let edits = some(ActivityKind::Tool, "Edit src/sync/queue.rs", 3);
    assert_eq!(doing(&session), edits);
    // Telemetry tells of the same use later.
    session.apply(&uses(second(4), "Edit", "src/sync/queue.rs", "t1", None));
    assert_eq!(doing(&session), edits);
    session.apply(&answers(second(5), "Edit", "t1", None));
    let after = some(ActivityKind::Thinking, "Thinking, after Edit src/sync/queue.rs", 5);
    assert_eq!(doing(&session), after);
}

#[test]
fn of_several_tools_the_newest_is_shown_and_then_the_one_that_still_runs() {
    let mut session = agent(&[
        prompted(second(1)),
        uses(second(2), "Bash", "cargo test", "t1", None),
        uses(second(3), "Read", "README.md", "t2", None),
    ]);
    assert_eq!(doing(&session), some(ActivityKind::Tool, "Read README.md", 3));
    session.apply(&answers(second(4), "Read", "t2", None));
    assert_eq!(doing(&session), some(ActivityKind::Tool, "Bash cargo test", 2));
}

#[test]
fn a_session_that_waits_or_is_over_does_nothing() {
    let turn_is_over = |at| {
        let fact = WaitingBegan {
            reason: "Finished its turn".to_owned(),
            waiting_for: Some(WaitingFor::Prompt),
            ..WaitingBegan::default()
        };
        from_transcript(at, Fact::WaitingBegan(fact))
    };
    let mut session = agent(&[prompted(second(1)), uses(second(2), "Bash", "sleep 9", "t1", None)]);
    session.apply(&turn_is_over(second(3)));
    assert_eq!(doing(&session), None);
    // What was running then is not what runs after the next prompt.
    session.apply(&prompted(second(9)));
    assert_eq!(doing(&session), some(ActivityKind::Thinking, "Thinking", 9));
}

#[test]
fn an_agent_that_ended_runs_no_tool_and_those_at_work_are_counted() {
    let reported = |at, status: &str| {
        let fact = AgentReported {
            id: "sub".to_owned(),
            status: Some(status.to_owned()),
            ..AgentReported::default()
        };
        from_transcript(at, Fact::AgentReported(fact))
    };
    let mut session = agent(&[prompted(second(1)), reported(second(2), "active")]);
    session.apply(&uses(second(3), "Grep", "round", "t1", Some("sub")));
    assert_eq!(doing(&session), some(ActivityKind::Tool, "Grep round", 3));
    assert_eq!(session.row().activity.unwrap().subagents, Some(1));
    session.apply(&reported(second(4), "cancelled"));
    assert_eq!(doing(&session), some(ActivityKind::Thinking, "Thinking", 1));
    assert_eq!(session.row().activity.unwrap().subagents, None);
}

#[test]
fn a_build_shows_the_detail_of_its_phase_and_which_attempt_it_is() {
    let detailed = |phase: &str, detail: &str| forgecast_protocol::event::PhaseReported {
        detail: Some(detail.to_owned()),
        ..report(phase, "in_progress", &[])
    };
    let mut session = after(&[detailed("Builder", "Adds the cache")]);
    assert_eq!(doing(&session), some(ActivityKind::Phase, "Adds the cache", 60));
    session.apply(&phase_file(minute(2), detailed("Test", "Runs the tests")));
    session.apply(&phase_file(minute(3), detailed("Builder", "Fixes the cache")));
    assert_eq!(doing(&session), some(ActivityKind::Phase, "Fixes the cache", 180));
    assert_eq!(session.row().activity.unwrap().attempt, Some(2));
}

#[test]
fn a_test_run_shows_its_counts() {
    let testing = forgecast_protocol::event::PhaseReported {
        test_iteration: Some(2),
        ..report("Test", "in_progress", &[])
    };
    let mut session = after(&[testing]);
    session.apply(&pushed(
        minute(2),
        tests(Some(2), [43, 41, 2], forgecast_protocol::event::TestBasis::Reported),
    ));
    let counts = some(ActivityKind::Tests, "Test run 2: 41 passed, 2 failed", 120);
    assert_eq!(doing(&session), counts);
}

proptest! {
    #[test]
    fn a_line_of_activity_is_bounded_and_holds_no_control_character(
        events in vec(agent_event(), 0..30), text in "[\\PC\\n\\t\\x1b]{0,400}",
    ) {
        let mut session = agent(&events);
        let end = events.iter().map(|event| event.at).max().unwrap_or(minute(0)).max(minute(3000));
        for event in [prompted(end), says(end.plus_millis(1), &text), uses(end.plus_millis(2), &text, &text, "t", None)] {
            session.apply(&event);
            if let Some(activity) = session.row().activity {
                prop_assert!(activity.text.chars().count() <= 160);
                prop_assert!(!activity.text.is_empty());
                prop_assert!(!activity.text.contains(char::is_control), "{:?}", activity.text);
            }
        }
    }

    #[test]
    fn a_fact_told_again_leaves_the_activity_as_it_is(events in vec(agent_event(), 1..30)) {
        let mut session = agent(&events);
        let before = session.row().activity;
        let last = events.last().unwrap();
        // Unless it has no id by which it is known: then it is another one.
        if let Fact::ToolUsed(ToolUsed { use_id: Some(_), .. }) = &last.fact {
            session.apply(last);
            prop_assert_eq!(session.row().activity, before);
        }
    }
}
