//! F14: whatever the bytes are, a decoder answers.

use forgecast_decode::clean::Cleaner;
use forgecast_decode::{CheckpointPart, Format, decode, json, push};
use forgecast_protocol::Timestamp;
use forgecast_protocol::event::ArtifactKind;
use proptest::prelude::*;

fn formats() -> Vec<Format> {
    vec![
        Format::Phase,
        Format::Summary,
        Format::TestReport { iteration: Some(2) },
        Format::TestCount,
        Format::Feedback,
        Format::Patterns,
        Format::BuildTasks,
        Format::Checkpoint(CheckpointPart::State),
        Format::Checkpoint(CheckpointPart::Progress),
        Format::Checkpoint(CheckpointPart::Complete),
        Format::Other(ArtifactKind::Document),
        Format::Log,
        Format::EventsJsonl,
    ]
}

fn everything(bytes: &[u8]) {
    let cleaner = Cleaner::default();
    let now = Timestamp::from_millis(1_769_847_300_250);
    for format in formats() {
        if let Ok(decoded) = decode(&format, "x.json", bytes, &cleaner) {
            let again = decode(&format, "x.json", bytes, &cleaner).unwrap();
            assert_eq!(decoded, again);
        }
    }
    let _ = push::envelopes(bytes, &cleaner, now);
    let _ = push::broadcast("app", bytes, &cleaner, now);
    let _ = push::phase_update(bytes, &cleaner, now);
    let _ = push::agent_update(bytes, &cleaner, now);
}

/// Values with the names of fields that decoders look for.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let key = prop_oneof![
        "[a-z_]{1,8}",
        prop::sample::select(vec![
            "session",
            "session_id",
            "type",
            "id",
            "data",
            "tasks",
            "patterns",
            "issues_found",
            "successful_patterns",
            "status",
            "phases_completed",
            "tests_passed",
            "links",
            "url",
            "line",
            "level",
            "percent",
            "solution",
            "completed",
            "at",
            "current_phase",
            "started_at",
            "directory",
            "agent_id",
            "message",
            "key",
            "name",
            "problem",
        ])
        .prop_map(str::to_owned),
    ];
    let word = prop::sample::select(vec![
        "log_line",
        "log",
        "completion",
        "task_complete",
        "error",
        "phase_reported",
        "task_reported",
        "custom",
        "problem_found",
        "artifact_changed",
        "4/7",
        "true",
        "2025-01-13T00:30:00Z",
        "/home/x",
        "../x",
        "https://example.com",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        word.prop_map(Into::into),
        ".{0,30}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::Array),
            prop::collection::btree_map(key.clone(), inner, 0..8)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        everything(&bytes);
    }

    #[test]
    fn any_text_is_answered(text in "[\\[\\]{}\",:0-9a-z\\\\ \n✅❌|*/-]{0,300}") {
        everything(text.as_bytes());
    }

    #[test]
    fn any_document_is_answered(value in value()) {
        everything(value.to_string().as_bytes());
    }

    #[test]
    fn a_clean_value_stays_as_it_is(value in value()) {
        let cleaner = Cleaner::default();
        let clean = cleaner.value(value);
        prop_assert_eq!(cleaner.value(clean.clone()), clean);
    }

    #[test]
    fn what_is_written_is_read_back(value in value()) {
        let read = json::value(value.to_string().as_bytes()).unwrap();
        prop_assert_eq!(read, value);
    }

    #[test]
    fn a_number_is_the_number_of_the_reference(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?(e-?[0-9]{1,2})?") {
        prop_assert_eq!(json::value(text.as_bytes()), Ok(serde_json::from_str(&text).unwrap()));
    }

    #[test]
    fn what_is_accepted_is_what_the_reference_accepts(text in "[\\[\\]{}\",:0-9.eE+truefalsn\\\\ -]{0,40}") {
        let ours = json::value(text.as_bytes());
        match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(value) => prop_assert_eq!(ours, Ok(value)),
            // Ours keeps a number that is out of range as text; everything else must be refused by both.
            Err(error) => prop_assert!(ours.is_err() || error.to_string().contains("out of range"), "{text:?}: {error}"),
        }
    }
}
