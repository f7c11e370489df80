//! How much of a plan is used up and by whom: official where a source says so, also after a restart, estimated where none
//! does, and unknown once what was read is over.

use forgecast_protocol::event::{LimitReported, LimitSource};
use forgecast_protocol::rest::{LimitBasis, LimitWindow, SessionsQuery};
use forgecast_protocol::{Batch, Fact, SessionRef, Subject, Timestamp};

use serde_json::{Value, json};

use crate::accounts::*;
use crate::bench::{Bench, Viewer};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

fn limit(percent: f64, at: Timestamp, resets_at: Timestamp) -> LimitReported {
    LimitReported {
        agent: "claude".into(),
        account: None,
        scope: None,
        window_minutes: 300,
        used_percent: percent,
        resets_at: Some(resets_at),
        plan: Some("max".into()),
        observed_at: at,
        source: LimitSource::StatusLine,
    }
}

async fn read(bench: &Bench, limit: LimitReported) {
    let before = bench.hub.counters().received;
    bench.fact(Subject::default(), Fact::LimitReported(limit)).await;
    received(bench, before + 1).await;
}

/// A session uses so many dollars now.
async fn spend(bench: &Bench, session: &str, folder: &str, dollars: f64) {
    let before = bench.hub.counters().received;
    let now = bench.clock.now();
    let mut spent = call(&format!("{session} {now}"), "", 1_000);
    spent.cost_usd = Some(dollars);
    spent.used_at = Some(now);
    bench
        .feed(line(bench, &transcript(session, folder), Fact::CallReported(spent)))
        .await;
    received(bench, before + 1).await;
}

fn only(bench: &Bench) -> LimitWindow {
    let report = bench.hub.limits();
    assert_eq!(report.windows.len(), 1, "{report:?}");
    report.windows.into_iter().next().unwrap()
}

fn shares(window: &LimitWindow) -> Vec<(&str, f64, Option<f64>)> {
    let shares = window.sessions.iter();
    let shares = shares.map(|share| (share.key.as_str(), share.share_percent, share.window_percent));
    shares.collect()
}

#[tokio::test]
async fn a_window_is_shown_with_who_used_it_and_survives_a_restart() {
    let mut bench = Bench::new().await;
    let end = bench.clock.now().plus_millis(4 * HOUR_MS);
    spend(&bench, "t1", "/srv/weather", 3.0).await;
    spend(&bench, "t2", "/srv/tide", 1.0).await;
    read(&bench, limit(40.0, bench.clock.now(), end)).await;
    for _ in 0..2 {
        let window = only(&bench);
        assert_eq!((window.basis, window.used_percent), (LimitBasis::Official, Some(40.0)));
        assert_eq!((window.resets_at, window.plan.as_deref()), (Some(end), Some("max")));
        assert_eq!(
            shares(&window),
            [("t1~1", 75.0, Some(30.0)), ("t2~1", 25.0, Some(10.0))]
        );
        let projects: Vec<_> = window.projects.iter().map(|share| share.key.as_str()).collect();
        assert_eq!(projects, ["weather", "tide"]);
        assert!(
            (window.cost_usd - 4.0).abs() < 1e-9 && window.tokens == 4_000,
            "{window:?}"
        );
        bench = bench.restart().await;
    }
    bench = bench.crash().await;
    assert_eq!(only(&bench).used_percent, Some(40.0));

    bench.clock.jump(5 * HOUR_MS);
    let ended = only(&bench);
    assert_eq!((ended.used_percent, ended.unknown_since), (None, Some(end)));
    assert!(ended.sessions.is_empty() && ended.resets_at.is_none(), "{ended:?}");
    bench.stop().await;
}

#[tokio::test]
async fn what_repeats_is_a_duplicate_and_what_comes_late_changes_nothing() {
    let bench = Bench::new().await;
    let (begin, end) = (bench.clock.now(), bench.clock.now().plus_millis(4 * HOUR_MS));
    bench.clock.jump(HOUR_MS);
    let newer = limit(50.0, begin.plus_millis(20 * MINUTE_MS), end);
    read(&bench, newer.clone()).await;
    read(&bench, limit(30.0, begin.plus_millis(10 * MINUTE_MS), end)).await;
    read(&bench, newer).await;
    assert_eq!(only(&bench).used_percent, Some(50.0));
    assert_eq!(bench.hub.counters().duplicate, 1);
    // No machine reads what has not happened yet.
    read(&bench, limit(60.0, begin.plus_millis(9 * HOUR_MS), end)).await;
    let observed = only(&bench).observed_at.unwrap();
    assert!(observed <= bench.clock.now(), "{observed}");
}

#[tokio::test]
async fn without_a_source_the_five_hours_are_estimated_from_what_was_used() {
    let bench = Bench::new().await;
    assert_eq!(bench.hub.limits().windows, []);
    let begin = bench.clock.now();
    spend(&bench, "t1", "/srv/weather", 3.0).await;
    let window = only(&bench);
    assert_eq!((window.basis, window.used_percent), (LimitBasis::Estimated, None));
    // The clock of the tests begins with a full hour.
    let end = begin.as_millis() / HOUR_MS * HOUR_MS + 5 * HOUR_MS;
    assert_eq!(window.resets_at, Some(Timestamp::from_millis(end)));
    assert_eq!(shares(&window), [("t1~1", 100.0, None)]);
    read(&bench, limit(1.0, bench.clock.now(), Timestamp::from_millis(end))).await;
    assert_eq!(only(&bench).basis, LimitBasis::Official);
}

#[tokio::test]
async fn when_the_rest_will_be_used_up_is_a_range_before_the_reset() {
    let bench = Bench::new().await;
    let end = bench.clock.now().plus_millis(290 * MINUTE_MS);
    let mut percent = 10.0;
    for _ in 0..40 {
        bench.clock.jump(MINUTE_MS);
        percent += 1.0;
        read(&bench, limit(percent, bench.clock.now(), end)).await;
    }
    let range = only(&bench).used_up.unwrap();
    let minutes = |at: Timestamp| at.millis_since(bench.clock.now()) / 60_000;
    let (from, to) = (minutes(range.from), minutes(range.to));
    assert!(
        (35..=50).contains(&from) && from < to && to < 70,
        "50 % are left: {from} to {to}"
    );
}

#[tokio::test]
async fn a_session_that_is_forgotten_has_no_share() {
    let mut bench = Bench::new().await;
    let end = bench.clock.now().plus_millis(4 * HOUR_MS);
    spend(&bench, "t1", "/srv/weather", 3.0).await;
    spend(&bench, "t2", "/srv/weather", 1.0).await;
    read(&bench, limit(40.0, bench.clock.now(), end)).await;
    let t1: SessionRef = "t1".parse().unwrap();
    assert!(bench.hub.forget(&t1).await.unwrap());
    for _ in 0..2 {
        assert_eq!(shares(&only(&bench)), [("t2~1", 100.0, Some(40.0))]);
        bench = bench.restart().await;
    }
}

#[tokio::test]
async fn a_push_of_a_reading_is_durable_when_it_is_answered() {
    let mut bench = Bench::new().await;
    let end = bench.clock.now().plus_millis(4 * HOUR_MS);
    let fact = Fact::LimitReported(limit(40.0, bench.clock.now(), end));
    let batch = Batch::of(bench.event(Subject::default(), fact));
    assert_eq!(bench.hub.push(batch).await.unwrap().accepted, 1);
    bench = bench.crash().await;
    assert_eq!(only(&bench).used_percent, Some(40.0));
}

/// The levels of the marks that a viewer of the index was told, with the sessions that they went to.
fn marks(viewer: &mut Viewer) -> Vec<(String, Value)> {
    viewer.catch_up();
    let events = std::mem::take(&mut viewer.events).into_iter();
    let marks = events.filter(|event| event["type"] == "limit_passed");
    let marks = marks.map(|event| {
        (
            event["data"]["level"].as_str().unwrap().to_owned(),
            event["session"].clone(),
        )
    });
    marks.collect()
}

async fn attention(bench: &Bench, session: &str) -> Value {
    let row = bench.hub.rows(SessionsQuery::default()).await.unwrap().sessions;
    let row = row.into_iter().find(|row| row.id.to_string() == session).unwrap();
    serde_json::to_value(row.attention).unwrap()
}

#[tokio::test]
async fn each_mark_goes_to_the_session_that_used_the_plan_last_and_once_across_restarts() {
    let mut bench = Bench::new().await;
    let end = bench.clock.now().plus_millis(4 * HOUR_MS);
    let mut viewer = bench.viewer("sessions").await;
    viewer.next().await;
    spend(&bench, "t1", "/srv/weather", 3.0).await;
    bench.clock.jump(10 * MINUTE_MS);
    spend(&bench, "t2", "/srv/tide", 1.0).await;
    let mark = |level: &str| (level.to_owned(), json!("t2~1"));
    read(&bench, limit(74.0, bench.clock.now(), end)).await;
    assert_eq!(marks(&mut viewer), []);
    read(&bench, limit(92.0, bench.clock.now(), end)).await;
    assert_eq!(marks(&mut viewer), [mark("critical")], "the highest of two");
    let raised = attention(&bench, "t2~1").await;
    assert_eq!(
        (&raised["kind"], &raised["level"]),
        (&json!("limit"), &json!("critical"))
    );
    let text = raised["text"].as_str().unwrap();
    assert!(
        text.starts_with("Claude Code, five hours: 92 % used, 23 % by this session, reset "),
        "{text}"
    );
    assert!(attention(&bench, "t1~1").await.is_null());

    bench = bench.restart().await;
    viewer.resume(&bench).await;
    read(&bench, limit(93.0, bench.clock.now(), end)).await;
    assert_eq!(marks(&mut viewer), []);
    read(&bench, limit(100.0, bench.clock.now(), end)).await;
    assert_eq!(marks(&mut viewer), [mark("exceeded")]);

    // The window ends, and nobody reads anything.
    bench.clock.jump(4 * HOUR_MS);
    let reset = async || attention(&bench, "t2~1").await["level"] == "safe";
    crate::bench::eventually(reset).await;
    assert_eq!(marks(&mut viewer), [mark("safe")]);
    let text = attention(&bench, "t2~1").await["text"].clone();
    assert_eq!(text, "Claude Code, five hours: reset, agents may go on");
    bench = bench.restart().await;
    viewer.resume(&bench).await;
    let end = bench.clock.now().plus_millis(4 * HOUR_MS);
    read(&bench, limit(1.0, bench.clock.now(), end)).await;
    assert_eq!(marks(&mut viewer), []);
}

#[tokio::test]
async fn a_reset_before_its_time_is_announced_once_it_is_believed() {
    let bench = Bench::new().await;
    let end = bench.clock.now().plus_millis(4 * HOUR_MS);
    let mut viewer = bench.viewer("sessions").await;
    viewer.next().await;
    read(&bench, limit(100.0, bench.clock.now(), end)).await;
    assert_eq!(
        marks(&mut viewer),
        [("exceeded".to_owned(), Value::Null)],
        "no session is known"
    );
    let later = end.plus_millis(HOUR_MS);
    read(&bench, limit(2.0, bench.clock.now(), later)).await;
    assert_eq!(marks(&mut viewer), []);
    read(&bench, limit(2.0, bench.clock.now(), later)).await;
    assert_eq!(marks(&mut viewer), [("safe".to_owned(), Value::Null)]);
}

#[tokio::test]
async fn what_was_read_long_ago_is_no_news() {
    let bench = Bench::new().await;
    let mut viewer = bench.viewer("sessions").await;
    viewer.next().await;
    let long_ago = bench.clock.now().plus_millis(-2 * HOUR_MS);
    read(&bench, limit(95.0, long_ago, bench.clock.now().plus_millis(HOUR_MS))).await;
    read(
        &bench,
        limit(99.0, long_ago.plus_millis(1), bench.clock.now().plus_millis(HOUR_MS)),
    )
    .await;
    assert_eq!(marks(&mut viewer), []);
    assert_eq!(only(&bench).used_percent, Some(99.0));
}

#[tokio::test]
async fn without_a_stated_end_a_mark_is_said_once_as_long_as_the_window_goes_on() {
    let bench = Bench::new().await;
    let mut viewer = bench.viewer("sessions").await;
    viewer.next().await;
    for _ in 0..4 {
        let mut unending = limit(92.0, bench.clock.now(), bench.clock.now());
        unending.resets_at = None;
        read(&bench, unending).await;
        bench.clock.jump(HOUR_MS);
    }
    assert_eq!(marks(&mut viewer), [("critical".to_owned(), Value::Null)]);
}
