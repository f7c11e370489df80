//! Events as the store keeps them: a stored event must be readable by every later version.

use forgecast_protocol::event::{
    ArtifactChanged, ArtifactKind, CompletionBasis, CompletionReported, Custom, Fact, PhaseReported, TestBasis,
    TestsReported, TokenDelta, UsageRecorded,
};
use forgecast_protocol::{Event, Origin, SourceKind, Subject, Timestamp};
use serde_json::json;

fn stored(fact: Fact) -> String {
    let event = Event {
        id: Some("e-1".parse().unwrap()),
        subject: Subject {
            session: None,
            name: Some("weather-app".into()),
            directory: Some("/srv/weather-app".into()),
            transcript: None,
            command: None,
        },
        at: Timestamp::from_millis(1_769_847_300_250),
        origin: Origin {
            kind: SourceKind::PhaseFile,
            path: Some(".context-foundry/current-phase.json".into()),
            first_sight: false,
            modified_at: None,
        },
        fact,
    };
    let text = serde_json::to_string(&event).unwrap();
    assert_eq!(
        serde_json::from_str::<Event>(&text).unwrap(),
        event,
        "what is stored must be read back"
    );
    serde_json::to_string(&event.fact).unwrap()
}

#[test]
fn what_was_not_said_is_absent() {
    insta::assert_snapshot!(stored(Fact::PhaseReported(PhaseReported {
        phase: Some("Test".into()),
        phase_number: Some("4/7".into()),
        test_iteration: Some(2),
        phases_completed: Some(vec![]),
        ..PhaseReported::default()
    })), @r#"{"type":"phase_reported","phase":"Test","phase_number":"4/7","test_iteration":2,"phases_completed":[]}"#);
    insta::assert_snapshot!(stored(Fact::TestsReported(TestsReported {
        iteration: None,
        total: Some(60),
        passed: Some(55),
        failed: Some(5),
        verdict: None,
        basis: TestBasis::Summary,
    })), @r#"{"type":"tests_reported","total":60,"passed":55,"failed":5,"basis":"summary"}"#);
}

#[test]
fn ends_artifacts_usage_and_foreign_kinds_keep_their_shape() {
    insta::assert_snapshot!(stored(Fact::CompletionReported(CompletionReported {
        success: Some(true),
        status: Some("completed".into()),
        ..CompletionReported::of(CompletionBasis::Marker)
    })), @r#"{"type":"completion_reported","success":true,"status":"completed","basis":"marker"}"#);
    insta::assert_snapshot!(stored(Fact::ArtifactChanged(ArtifactChanged {
        name: ".context-foundry/architecture.md".into(),
        kind: ArtifactKind::Document,
        size: 2048,
        modified_at: Timestamp::from_millis(0),
        dated: None,
        removed: false,
    })), @r#"{"type":"artifact_changed","name":".context-foundry/architecture.md","kind":"document","size":2048,"modified_at":"1970-01-01T00:00:00.000Z"}"#);
    insta::assert_snapshot!(stored(Fact::UsageRecorded(UsageRecorded {
        tokens: TokenDelta { input: 1, output: 2, cache_read: 3, cache_write: 4 },
        ..UsageRecorded::default()
    })), @r#"{"type":"usage_recorded","input":1,"output":2,"cache_read":3,"cache_write":4,"calls":0,"unpriced":0,"disputed":0}"#);
    insta::assert_snapshot!(stored(Fact::Custom(Custom { kind: "lunch".into(), data: json!({"minutes": 30}) })), @r#"{"type":"custom","kind":"lunch","data":{"minutes":30}}"#);
}
