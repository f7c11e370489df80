//! Marks of budgets are said once, to whom they concern, also across restarts and the turn of the day.

use forgecast_hub::{Budgets, Options};
use forgecast_protocol::rest::{Day, StatsQuery};
use forgecast_protocol::session::BudgetLevel;
use forgecast_protocol::{Calendar, Fact, Timestamp};
use jiff::tz::{TimeZone, offset};
use serde_json::{Value, json};

use crate::accounts::*;
use crate::bench::{Bench, Viewer, options};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Options in which a day begins at 2 o'clock UTC.
fn with(session: Option<f64>, day: Option<f64>, month: Option<f64>) -> Options {
    Options {
        budgets: Budgets {
            session_usd: session,
            day_usd: day,
            month_usd: month,
        },
        calendar: Calendar::new(TimeZone::fixed(offset(-2))),
        ..options()
    }
}

/// So many dollars, used now by a session.
async fn spend(bench: &Bench, session: &str, dollars: f64) {
    let before = bench.hub.counters().received;
    let now = bench.clock.now();
    let mut spent = call(&format!("{session} {now}"), "", 1);
    spent.cost_usd = Some(dollars);
    spent.used_at = Some(now);
    bench
        .feed(line(bench, &transcript(session, ""), Fact::CallReported(spent)))
        .await;
    received(bench, before + 1).await;
}

/// Scope, level and period of what was said of budgets.
fn said(viewer: &mut Viewer) -> Vec<(String, String, Value)> {
    viewer.catch_up();
    let events = std::mem::take(&mut viewer.events).into_iter();
    let of_budgets = events.filter(|event| event["type"] == "budget_passed");
    let words = of_budgets.map(|event| {
        let word = |field: &str| event["data"][field].as_str().unwrap().to_owned();
        (word("scope"), word("level"), event["data"]["period"].clone())
    });
    words.collect()
}

fn mark(scope: &str, level: &str, period: Value) -> (String, String, Value) {
    (scope.into(), level.into(), period)
}

#[tokio::test]
async fn a_sessions_budget_is_part_of_its_view_and_each_mark_is_said_once() {
    let mut bench = Bench::with(with(Some(10.0), None, None)).await;
    spend(&bench, "t1", 1.0).await;
    let mut index = bench.viewer("sessions").await;
    let mut viewer = bench.viewer("session/t1").await;
    viewer.next().await;
    let steps = [
        (3.0, None),
        (1.0, Some("warning")),
        (1.0, None),
        (5.0, Some("exceeded")),
        (1.0, None),
    ];
    for (number, (dollars, level)) in steps.into_iter().enumerate() {
        if number == 2 {
            bench = bench.restart().await;
            viewer.resume(&bench).await;
            index.resume(&bench).await;
        }
        viewer.catch_up();
        index.catch_up();
        spend(&bench, "t1", dollars).await;
        let expected: Vec<_> = level
            .map(|level| mark("session", level, Value::Null))
            .into_iter()
            .collect();
        assert_eq!(said(&mut viewer), expected, "{number}");
        assert_eq!(said(&mut index), expected, "{number}");
    }
    let budget = &viewer.state["usage"]["budget"];
    assert_eq!(*budget, json!({ "limit_usd": 10.0, "level": "exceeded" }));
    assert!(usage(&bench, "t1").await["cost_usd"].as_f64().unwrap() > 11.9);
    bench.stop().await;
}

#[tokio::test]
async fn a_day_and_a_month_are_said_to_the_session_that_passed_the_mark() {
    let mut bench = Bench::with(with(None, Some(10.0), Some(20.0))).await;
    // 2027-01-15 08:00 UTC by the clock of the tests.
    spend(&bench, "t1", 4.0).await;
    spend(&bench, "t2", 0.5).await;
    let mut first = bench.viewer("session/t1").await;
    let mut second = bench.viewer("session/t2").await;
    first.next().await;
    second.next().await;
    spend(&bench, "t2", 1.0).await;
    assert_eq!(said(&mut second), [mark("day", "warning", json!("2027-01-15"))]);
    assert_eq!(said(&mut first), []);
    // A mark that is passed is not said again after a start, whoever spends next.
    bench = bench.restart().await;
    first.resume(&bench).await;
    first.catch_up();
    spend(&bench, "t1", 1.0).await;
    assert_eq!(said(&mut first), []);
    spend(&bench, "t1", 5.0).await;
    let both = [
        mark("day", "exceeded", json!("2027-01-15")),
        mark("month", "warning", json!("2027-01")),
    ];
    assert_eq!(said(&mut first), both);
    let report = bench.hub.usage_report(StatsQuery::default()).await.unwrap();
    let levels: Vec<_> = report
        .budgets
        .iter()
        .map(|budget| (budget.period.as_str(), budget.level))
        .collect();
    assert_eq!(
        levels,
        [("2027-01-15", BudgetLevel::Exceeded), ("2027-01", BudgetLevel::Warning)]
    );
    assert!((report.budgets[0].spent_usd - 11.5).abs() < 1e-9);
    let burn = report.burn.unwrap();
    assert!(
        (burn.usd_per_hour - 6.0 * 6.0).abs() < 1e-9,
        "six dollars since the restart"
    );
    assert!(
        report.budgets[0].projected_usd.is_none() && report.today_projected_usd.is_none(),
        "too early to tell"
    );
    assert!((report.today.unwrap().cost_usd - 11.5).abs() < 1e-9);

    bench.clock.jump(HOUR_MS / 2);
    spend(&bench, "t1", 0.0).await;
    let report = bench.hub.usage_report(StatsQuery::default()).await.unwrap();
    let (day, today) = (
        report.budgets[0].projected_usd.unwrap(),
        report.today_projected_usd.unwrap(),
    );
    assert_eq!(day, today);
    assert!(11.5 <= day.low && day.low < day.high, "{day:?}");

    // The day turns at two, not at midnight; the month goes on.
    bench.clock.jump(17 * HOUR_MS - HOUR_MS / 2);
    spend(&bench, "t1", 0.1).await;
    assert_eq!(said(&mut first), []);
    bench.clock.jump(HOUR_MS + HOUR_MS / 2);
    spend(&bench, "t1", 5.1).await;
    let both = [
        mark("day", "warning", json!("2027-01-16")),
        mark("month", "critical", json!("2027-01")),
    ];
    assert_eq!(said(&mut first), both);
    let report = bench.hub.usage_report(StatsQuery::default()).await.unwrap();
    let days: Vec<_> = report
        .rows
        .iter()
        .map(forgecast_protocol::report::UsageRow::key)
        .collect();
    assert_eq!(days, ["2027-01-16", "2027-01-15"]);
    bench.stop().await;
}

#[tokio::test]
async fn what_is_read_of_earlier_days_passes_no_mark_of_today() {
    let bench = Bench::with(with(None, Some(1.0), Some(1_000.0))).await;
    spend(&bench, "t1", 0.1).await;
    let mut viewer = bench.viewer("session/t1").await;
    viewer.next().await;
    let mut old = call("old", "", 1);
    old.cost_usd = Some(600.0);
    old.used_at = Some(Timestamp::from_millis(bench.clock.now().as_millis() - 2 * DAY_MS));
    bench
        .feed(line(&bench, &transcript("t1", ""), Fact::CallReported(old)))
        .await;
    received(&bench, 2).await;
    assert_eq!(said(&mut viewer), [mark("month", "warning", json!("2027-01"))]);
    bench.stop().await;
}

#[tokio::test]
async fn what_an_archive_says_of_a_session_is_shown_and_no_news() {
    let bench = Bench::with(with(Some(1.0), None, None)).await;
    let mut index = bench.viewer("sessions").await;
    index.next().await;
    let mut old = call("old", "", 1);
    old.cost_usd = Some(5.0);
    old.used_at = Some(Timestamp::from_millis(bench.clock.now().as_millis() - 20 * DAY_MS));
    bench
        .feed(line(&bench, &transcript("t1", ""), Fact::CallReported(old)))
        .await;
    received(&bench, 1).await;
    assert_eq!(usage(&bench, "t1").await["budget"]["level"], "exceeded");
    assert_eq!(said(&mut index), []);
    bench.stop().await;
}

#[tokio::test]
async fn a_report_is_about_what_is_asked_for() {
    let bench = Bench::with(with(None, None, None)).await;
    spend(&bench, "t1", 1.0).await;
    bench.clock.jump(DAY_MS);
    spend(&bench, "t2", 2.0).await;
    let ask = async |query: StatsQuery| bench.hub.usage_report(query).await.unwrap();
    let all = ask(StatsQuery::default()).await;
    assert_eq!(all.rows.len(), 2);
    let today = all.rows[0].key().to_owned();
    assert_eq!(today, "2027-01-16");
    let day = 20_834;
    let until = ask(StatsQuery {
        until: Some(Day::Date(day - 2)),
        ..StatsQuery::default()
    })
    .await;
    assert!(until.rows.is_empty() && until.today.is_none() && until.today_projected_usd.is_none());
    let since = ask(StatsQuery {
        since: Some(Day::Date(day)),
        ..StatsQuery::default()
    })
    .await;
    assert!((since.totals.cost_usd - 2.0).abs() < 1e-9, "{since:#?}");
    let session = ask(StatsQuery {
        session: Some("t1".parse().unwrap()),
        ..StatsQuery::default()
    })
    .await;
    assert_eq!((session.rows.len(), session.totals.calls), (1, 1));
    assert!((session.totals.cost_usd - 1.0).abs() < 1e-9);
    assert!((session.today.unwrap().cost_usd).abs() < 1e-9);
    bench.stop().await;
}
