//! Looking back: what is shown of the past is what was shown when it was the present, and the scale of time tells nothing
//! that the views do not.

use std::collections::{BTreeMap, BTreeSet};

use forgecast_hub::{MOST_MARKS, Options};
use forgecast_protocol::event::{
    ErrorReported, PhaseReported, SessionSeen, TestBasis, TestsReported, WaitingBegan, WaitingEnded,
};
use forgecast_protocol::session::{PhaseStatus, SessionStatus, SessionView};
use forgecast_protocol::{Batch, Fact, MarkKind, Revision, SourceKind, Subject, Timeline};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::accounts::{call, told, transcript};
use crate::bench::{Bench, agent, eventually, named, named_in, options, phase};
use crate::memory::completed;

const MINUTE_MS: i64 = 60_000;

fn tests(iteration: u32, passed: u32, failed: u32) -> Fact {
    Fact::TestsReported(TestsReported {
        iteration: Some(iteration),
        total: Some(passed + failed),
        passed: Some(passed),
        failed: Some(failed),
        verdict: None,
        basis: TestBasis::Reported,
    })
}

fn error(message: &str) -> Fact {
    Fact::ErrorReported(ErrorReported {
        message: message.into(),
        details: None,
    })
}

fn fact() -> impl Strategy<Value = Fact> {
    let phases = ["Scout", "Architect", "Builder", "Test", "Deploy"];
    let words = ["in_progress", "completed", "failed", "waiting"];
    let reported = (0usize..5, 0usize..4, 0u8..3).prop_map(move |(at, word, detail)| {
        Fact::PhaseReported(PhaseReported {
            phase: Some(phases[at].into()),
            status: Some(words[word].into()),
            detail: Some(format!("step {detail}")),
            ..PhaseReported::default()
        })
    });
    prop_oneof![
        4 => reported,
        2 => (0u8..4, 0u8..10).prop_map(|(id, tenths)| agent(&format!("a{id}"), f64::from(tenths) / 7.0)),
        2 => (1u32..4, 0u32..3, 0u32..3).prop_map(|(round, passed, failed)| tests(round, passed, failed)),
        1 => (0u8..3).prop_map(|number| error(&format!("error {number}"))),
        1 => Just(Fact::WaitingBegan(WaitingBegan { reason: "leave to write".into(), ..WaitingBegan::default() })),
        1 => Just(Fact::WaitingEnded(WaitingEnded::default())),
    ]
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// The view at each revision, as viewers had it then.
type Recorded = BTreeMap<Revision, serde_json::Value>;

async fn record(bench: &Bench, batches: Vec<Vec<Fact>>) -> Recorded {
    let mut recorded = Recorded::new();
    for facts in batches {
        let events = facts.into_iter().map(|fact| bench.event(named("app"), fact));
        let batch = Batch {
            events: events.collect(),
            ..Batch::default()
        };
        bench.hub.push(batch).await.unwrap();
        // When the build begins anew, the facts go to another run; this is about the first one.
        let (revision, view) = bench.view("app~1").await.unwrap();
        recorded.insert(revision, view);
    }
    recorded
}

async fn timeline(bench: &Bench, after: Revision) -> Timeline {
    let session = "app~1".parse().unwrap();
    bench.hub.timeline(&session, after, MOST_MARKS).await.unwrap().unwrap()
}

/// What a timeline may say of the views that were recorded.
fn check(timeline: &Timeline, views: &BTreeMap<Revision, SessionView>) {
    let newest = *views.last_key_value().unwrap().0;
    assert_eq!(
        (timeline.revision, timeline.first_revision, timeline.left_out),
        (newest, 1, 0)
    );
    let revisions: Vec<Revision> = timeline.times.iter().map(|(revision, _)| *revision).collect();
    assert_eq!(revisions, views.keys().copied().collect::<Vec<_>>());
    assert!(timeline.times.is_sorted_by_key(|(_, at)| *at));
    for mark in &timeline.marks {
        let view = &views[&mark.revision];
        match mark.kind {
            MarkKind::Agent => assert!(view.agents.contains_key(&mark.label)),
            MarkKind::Error => assert!(view.errors.values().any(|error| error.message == mark.label)),
            MarkKind::TestsPassed | MarkKind::TestsFailed => assert!(view.tests.is_some()),
            _ => {}
        }
    }
    for (name, attempts) in views
        .values()
        .flat_map(|view| &view.phases)
        .map(|(name, it)| (name, it.attempts))
    {
        let spans = timeline.spans.iter().filter(|span| span.phase == *name);
        assert!(spans.map(|span| span.attempt).max().unwrap_or(0) >= attempts, "{name}");
    }
    for span in &timeline.spans {
        let begins = &views[&span.revision].phases[&span.phase];
        assert!(begins.attempts >= span.attempt);
        match span.ended_revision {
            Some(ended) => assert!(ended >= span.revision && span.ended_at >= Some(span.at)),
            None => {
                let now = &views[&newest].phases[&span.phase];
                assert_eq!((now.status, now.attempts), (PhaseStatus::Active, span.attempt));
            }
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 16, ..Config::default() })]

    #[test]
    fn the_past_is_what_the_present_was_at_every_revision_and_the_timeline_tells_of_it(
        batches in proptest::collection::vec(proptest::collection::vec(fact(), 1..3), 1..40),
        restart in any::<bool>(),
        snapshots in 1u64..40,
        part in 0usize..40,
    ) {
        runtime().block_on(async {
            let mut bench = Bench::with(Options { snapshot_events: snapshots, ..options() }).await;
            let recorded = record(&bench, batches).await;
            if restart {
                bench = bench.restart().await;
            }
            let session = "app~1".parse().unwrap();
            for (revision, view) in &recorded {
                let again = bench.hub.view_at(&session, *revision).await.unwrap().unwrap();
                let again: serde_json::Value = serde_json::from_slice(&again.json).unwrap();
                assert_eq!(&again, view, "at revision {revision}");
            }
            let views: BTreeMap<_, SessionView> = recorded
                .into_iter()
                .map(|(revision, view)| (revision, serde_json::from_value(view).unwrap()))
                .collect();
            let all = timeline(&bench, 0).await;
            check(&all, &views);
            // What comes behind a revision is the rest of the whole.
            let after = *views.keys().nth(part % views.len()).unwrap();
            let rest = timeline(&bench, after).await;
            let later = all.marks.iter().filter(|mark| mark.revision > after);
            assert!(rest.marks.iter().eq(later));
            assert!(rest.times.iter().eq(all.times.iter().filter(|(revision, _)| *revision > after)));
            bench.stop().await;
        });
    }
}

#[tokio::test]
async fn a_build_that_went_back_has_a_span_for_each_attempt_and_its_marks() {
    let bench = Bench::new().await;
    let facts = [
        phase("Scout", "looks"),
        phase("Builder", "builds"),
        phase("Test", "first round"),
        tests(1, 16, 2),
        phase("Builder", "mends"),
        agent("fixer", 1.0),
        phase("Test", "second round"),
        tests(2, 18, 0),
        error("the linter is missing"),
        Fact::WaitingBegan(WaitingBegan {
            reason: "leave to deploy".into(),
            ..WaitingBegan::default()
        }),
        Fact::WaitingEnded(WaitingEnded::default()),
        completed(),
    ];
    let recorded = record(&bench, facts.into_iter().map(|fact| vec![fact]).collect()).await;
    let all = timeline(&bench, 0).await;
    let spans: Vec<_> = all
        .spans
        .iter()
        .map(|span| (span.phase.as_str(), span.attempt, span.ended_revision))
        .collect();
    let (_, last) = recorded.last_key_value().unwrap();
    assert_eq!(last["status"], "completed");
    assert_eq!(
        spans,
        [
            ("Scout", 1, Some(2)),
            ("Builder", 1, Some(3)),
            ("Test", 1, Some(5)),
            ("Builder", 2, Some(7)),
            ("Test", 2, Some(12)),
        ]
    );
    let marks: Vec<_> = all
        .marks
        .iter()
        .map(|mark| (mark.revision, mark.kind, mark.label.as_str()))
        .collect();
    let reason = last["status_reason"].as_str().unwrap();
    assert_eq!(
        marks,
        [
            (4, MarkKind::TestsFailed, "run 1: 16 passed, 2 failed"),
            (6, MarkKind::Agent, "fixer"),
            (8, MarkKind::TestsPassed, "run 2: 18 passed, 0 failed"),
            (9, MarkKind::Error, "the linter is missing"),
            (10, MarkKind::Waiting, "leave to deploy"),
            (11, MarkKind::Resumed, "goes on"),
            (12, MarkKind::Completed, reason),
        ]
    );
    bench.stop().await;
}

#[tokio::test]
async fn a_long_past_is_told_in_brief_and_folded_once() {
    let bench = Bench::new().await;
    let session = "app~1".parse().unwrap();
    let facts = |from: u32, to: u32| {
        let events = (from..to).map(|number| match number % 4 {
            0 => error(&format!("error {number}")),
            1 => phase(["Builder", "Test"][(number / 4 % 2) as usize], &format!("{number}")),
            2 => tests(number / 4 + 1, number, number % 3),
            _ => agent(&format!("a{number}"), 1.0),
        });
        events.map(|fact| vec![fact]).collect::<Vec<_>>()
    };
    record(&bench, facts(0, 600)).await;
    let brief = bench.hub.timeline(&session, 0, 100).await.unwrap().unwrap();
    assert!(brief.marks.len() == 100 && brief.spans.len() == 100 && brief.times.len() <= 104);
    assert_eq!((brief.times[0].0, brief.times.last().unwrap().0), (1, 600));
    assert!(brief.left_out > 200);
    record(&bench, facts(600, 610)).await;
    let rest = timeline(&bench, 600).await;
    assert_eq!((rest.revision, rest.times.len()), (610, 10));
    assert!(rest.marks.iter().all(|mark| mark.revision > 600));
    // A session that is gone has no past.
    assert!(bench.hub.forget(&session).await.unwrap());
    eventually(async || bench.hub.timeline(&session, 0, 100).await.unwrap().is_none()).await;
    bench.stop().await;
}

#[tokio::test]
async fn a_silence_is_told_as_what_became_of_it() {
    let bench = Bench::new().await;
    record(&bench, vec![vec![phase("Scout", "looks")]]).await;
    bench.clock.jump(16 * 60 * 1000);
    eventually(async || {
        let (_, view) = bench.view("app").await.unwrap();
        serde_json::from_value::<SessionView>(view).unwrap().status == SessionStatus::Stalled
    })
    .await;
    let all = timeline(&bench, 0).await;
    assert_eq!(all.marks.last().unwrap().kind, MarkKind::Stalled);
    let (first, last) = (all.times[0].1, all.times.last().unwrap().1);
    assert!(last.millis_since(first) >= 15 * 60 * 1000);
    bench.stop().await;
}

proptest! {
    #![proptest_config(Config { cases: 16, ..Config::default() })]

    /// A transcript that was written before anybody followed it can be looked back at like one that was followed: for each
    /// minute with a call there is a revision, with the time of that minute and what had been used by then.
    #[test]
    fn a_past_that_is_read_in_one_go_has_a_revision_for_each_minute(
        gaps in prop::collection::vec(0_i64..40, 1..30),
        batches in 1_usize..4,
    ) {
        runtime().block_on(async {
            let bench = Bench::new().await;
            let now = bench.clock.now();
            let began = now.plus_millis(-20 * 24 * 60 * MINUTE_MS);
            let mut at = 0;
            let minutes: Vec<i64> = gaps.iter().map(|gap| { at += gap; at }).collect();
            let subject = transcript("258c7280-ae70", "/home/dev/notes");
            for part in minutes.iter().enumerate().collect::<Vec<_>>().chunks(minutes.len().div_ceil(batches)) {
                let events = part.iter().map(|(number, minute)| {
                    let mut told_call = call(&format!("m{number}"), &format!("r{number}"), 10);
                    let then = began.plus_millis(**minute * MINUTE_MS);
                    told_call.used_at = Some(then);
                    let mut read = told(SourceKind::Transcript, subject.clone(), now, Fact::CallReported(told_call));
                    read.origin.first_sight = true;
                    read.origin.modified_at = Some(then);
                    read
                });
                bench.hub.push(Batch { events: events.collect(), ..Batch::default() }).await.unwrap();
            }
            let session = "258c7280-ae70~1".parse().unwrap();
            let _ = bench.hub.wait_idle().await;
            let timeline = bench.hub.timeline(&session, 0, MOST_MARKS).await.unwrap().unwrap();
            // A minute that two batches share has two revisions; the last one holds all of it.
            let last_of: BTreeMap<_, _> = timeline.times.iter().map(|(revision, at)| (*at, *revision)).collect();
            for (at, revision) in last_of.iter().filter(|(at, _)| **at < now.plus_millis(-MINUTE_MS)) {
                let view = bench.hub.view_at(&session, *revision).await.unwrap().unwrap();
                let view: serde_json::Value = serde_json::from_slice(&view.json).unwrap();
                let by_then = minutes.iter().filter(|minute| began.plus_millis(**minute * MINUTE_MS) <= *at).count();
                assert_eq!(view["usage"]["calls"], by_then, "at revision {revision}");
            }
            let distinct: BTreeSet<i64> = minutes.iter().copied().collect();
            let shown: BTreeSet<i64> = timeline.times.iter().map(|(_, at)| (at.as_millis() - began.as_millis()) / MINUTE_MS).collect();
            assert!(distinct.is_subset(&shown), "{distinct:?} {shown:?}");
            bench.stop().await;
        });
    }
}

/// The phases of a build that an agent tells of ten minutes apart each, the last of them a moment
/// ago, as they are read at first sight.
fn phases_of_the_past(bench: &Bench, subject: &Subject) -> Batch {
    let now = bench.clock.now();
    let phases = ["Scout", "Architect", "Builder", "Test"];
    let events = phases.iter().zip(1_i64..).map(|(name, number)| {
        let mut read = told(SourceKind::Foundry, subject.clone(), now, phase(name, "long ago"));
        read.origin.first_sight = true;
        read.origin.modified_at = Some(now.plus_millis((number - 4) * 10 * MINUTE_MS));
        read
    });
    Batch {
        events: events.collect(),
        ..Batch::default()
    }
}

#[tokio::test]
async fn the_estimate_that_follows_from_a_past_belongs_to_its_last_revision() {
    let mut bench = Bench::new().await;
    for run in 0..3 {
        let build = format!("earlier{run}");
        for name in ["Scout", "Architect", "Builder", "Test"] {
            bench.fact(named(&build), phase(name, &format!("{name} begins"))).await;
            bench.wait_for(&build, &format!("{name} begins")).await;
            bench.clock.jump(10 * MINUTE_MS);
        }
        bench.fact(named(&build), completed()).await;
        bench.wait_for(&build, "\"completed\"").await;
    }
    bench.hub.push(phases_of_the_past(&bench, &named("app"))).await.unwrap();
    let shown = bench.view("app").await.unwrap();
    assert!(shown.0 > 1 && shown.1["estimate"].is_object(), "{shown:#?}");
    bench = bench.restart().await;
    assert_eq!(bench.view("app").await.unwrap(), shown);
    let times = timeline(&bench, 0).await.times;
    assert!(times.is_sorted_by_key(|(revision, _)| *revision), "{times:?}");
    assert_eq!(times.last().map(|(revision, _)| *revision), Some(shown.0));
    bench.stop().await;
}

#[tokio::test]
async fn a_past_that_begins_with_a_fact_of_the_present_is_cut_into_revisions_as_well() {
    let bench = Bench::new().await;
    let seen = Fact::SessionSeen(SessionSeen {
        host: Some("forge".into()),
        ..SessionSeen::default()
    });
    bench.fact(named_in("before", "/p/app"), seen).await;
    bench.fact(named_in("before", "/p/app"), phase("Scout", "here")).await;
    bench.wait_for("before", "here").await;
    let past = phases_of_the_past(&bench, &named_in("app", "/p/app"));
    bench.hub.push(past).await.unwrap();
    let (revision, view) = bench.view("app").await.unwrap();
    // The host is carried over by a fact of the hub, at the time of reading.
    assert_eq!(view["host"], "forge");
    assert_eq!(revision, 4, "one for each phase");
    bench.stop().await;
}
