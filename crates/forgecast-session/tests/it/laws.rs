//! The laws of the fold, for arbitrary events in arbitrary order.

use forgecast_protocol::{Fact, SessionStatus};
use forgecast_session::patch::{diff, merge};
use forgecast_session::{Limits, Session};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use crate::arbitrary::*;
use crate::support::*;

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
    fn the_fold_of_an_agent_session_is_total_too(events in vec(agent_event(), 0..30)) {
        let mut session = agent_session();
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
    fn a_run_that_is_complete_stays_complete_unless_its_producer_says_that_it_failed(events in vec(any_event(), 0..30)) {
        let refutes = |fact: &Fact| matches!(fact, Fact::CompletionReported(end) if end.success == Some(false));
        // By a push: only what was read from a file at first sight may prove to be another run's.
        let mut session = after(&[report("Feedback", "completed", &["Deploy"])]);
        let ended = session.view().ended_at;
        for event in events.iter().filter(|event| !refutes(&event.fact)) {
            session.apply(event);
            prop_assert_eq!(session.view().status, SessionStatus::Completed);
            prop_assert_eq!(session.view().ended_at, ended);
        }
    }

    #[test]
    fn a_section_says_that_it_changed_whenever_it_did_and_only_then(events in vec(any_event(), 1..25)) {
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
                    let changed_at = session.view().changed_at.get(section).copied();
                    prop_assert!(changed_at >= Some(session.time_of(event)), "{} by {:?}", section, event);
                }
            }
        }
    }
}
