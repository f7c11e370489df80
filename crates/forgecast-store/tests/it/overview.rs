//! The overview and the series: filters, orders, and pages that visit each row once.

use std::collections::BTreeSet;

use forgecast_protocol::event::{Fact, PhaseReported, TestBasis, TestsReported, TokenDelta, UsageRecorded};
use forgecast_protocol::rest::{Cursor, Metric, SessionsQuery, Sort};
use forgecast_protocol::session::{RowUsage, SessionRow, SessionStatus};
use forgecast_store::{Store, Write};
use proptest::prelude::*;

use crate::helpers::*;

async fn with_rows(place: &Place, rows: &[SessionRow]) -> Store {
    let store = place.store().await;
    let mut writes: Vec<Write> = rows.iter().map(|row| session(&row.id.to_string())).collect();
    writes.extend(rows.iter().cloned().map(row_write));
    store.commit(commit(writes)).await.unwrap();
    store
}

fn ids(rows: &[SessionRow]) -> Vec<String> {
    rows.iter().map(|row| row.id.to_string()).collect()
}

/// All pages of a query, each of them checked for its size.
async fn walk(store: &Store, query: SessionsQuery) -> Vec<SessionRow> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = store
            .rows(SessionsQuery {
                cursor,
                ..query.clone()
            })
            .await
            .unwrap();
        assert!(page.sessions.len() <= usize::try_from(query.limit).unwrap());
        all.extend(page.sessions);
        cursor = page
            .next_cursor
            .map(|cursor| cursor.to_string().parse::<Cursor>().unwrap());
        if cursor.is_none() {
            return all;
        }
    }
}

fn rows_of(values: &[(u8, u8, u8)]) -> Vec<SessionRow> {
    let statuses = [SessionStatus::Running, SessionStatus::Completed, SessionStatus::Failed];
    values
        .iter()
        .enumerate()
        .map(|(at, &(work, cost, kind))| SessionRow {
            name: format!("Name {}", work % 3),
            usage: Some(RowUsage {
                tokens: u64::from(cost),
                cost_usd: Some(f64::from(cost) / 7.0),
                agent_total_usd: None,
                unpriced: false,
            }),
            started_at: Some(time(i64::from(cost))),
            project: Some(format!("p{}", kind % 2)),
            ..row(&format!("s{at}~1"), statuses[usize::from(kind % 3)], i64::from(work))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn pages_visit_each_row_once_and_in_order(
        values in prop::collection::vec((0u8..6, 0u8..6, 0u8..6), 0..40),
        limit in 1u32..9,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let rows = rows_of(&values);
            let store = with_rows(&place, &rows).await;
            let expected: BTreeSet<String> = ids(&rows).into_iter().collect();
            for sort in [Sort::LastWork, Sort::Started, Sort::Name, Sort::Cost, Sort::Tokens, Sort::Duration, Sort::Ended] {
                let walked = walk(&store, SessionsQuery { sort, limit, ..SessionsQuery::default() }).await;
                assert_eq!(walked.len(), rows.len(), "{sort:?}");
                assert_eq!(ids(&walked).into_iter().collect::<BTreeSet<_>>(), expected, "{sort:?}");
                let ordered = walked.is_sorted_by(|a, b| match sort {
                    Sort::LastWork | Sort::Ended => a.last_work_at >= b.last_work_at,
                    Sort::Started => a.started_at >= b.started_at,
                    Sort::Name => a.name <= b.name,
                    Sort::Duration => true, // none of them is over: each is as long as any other
                    Sort::Cost | Sort::Tokens => {
                        a.usage.as_ref().unwrap().tokens >= b.usage.as_ref().unwrap().tokens
                    }
                });
                assert!(ordered, "{sort:?}");
            }
        });
    }
}

#[tokio::test]
async fn rows_are_filtered_by_status_project_and_text() {
    let place = Place::new();
    let rows = [
        SessionRow {
            name: "Wetter-Äpp".into(),
            project: Some("home".into()),
            task: Some("Build a forecast".into()),
            ..row("weather~1", SessionStatus::Running, 3)
        },
        SessionRow {
            project: Some("home".into()),
            ..row("notes~1", SessionStatus::Failed, 2)
        },
        SessionRow {
            name: "100%_off".into(),
            ..row("off~1", SessionStatus::Completed, 1)
        },
    ];
    let store = with_rows(&place, &rows).await;
    let all = SessionsQuery::default();
    use SessionStatus::{Completed, Failed, Running};
    let q = |text: &str| SessionsQuery {
        q: Some(text.into()),
        ..SessionsQuery::default()
    };
    for (query, expected) in [
        (all.clone(), vec![0, 1, 2]),
        (
            SessionsQuery {
                status: vec![Running, Completed],
                ..all.clone()
            },
            vec![0, 2],
        ),
        (
            SessionsQuery {
                project: Some("home".into()),
                ..all.clone()
            },
            vec![0, 1],
        ),
        (
            SessionsQuery {
                project: Some("home".into()),
                status: vec![Failed],
                ..all
            },
            vec![1],
        ),
        (q("äPP"), vec![0]),
        (q("FORECAST"), vec![0]),
        (q("home"), vec![0, 1]),
        (q("notes~1"), vec![1]),
        (q("%_"), vec![2]),
        (q("' OR 1 --"), vec![]),
        (q(""), vec![0, 1, 2]),
    ] {
        let found = store.rows(query.clone()).await.unwrap();
        let expected: Vec<SessionRow> = expected.into_iter().map(|at: usize| rows[at].clone()).collect();
        assert_eq!(found.sessions, expected, "{query:?}");
        assert_eq!(found.next_cursor, None);
    }
}

#[tokio::test]
async fn the_newest_row_counts_whatever_came_after_it() {
    let place = Place::new();
    let store = place.store().await;
    let mut newest = row("a~1", SessionStatus::Completed, 9);
    newest.ended_at = Some(time(9));
    let at = |revision, row: &SessionRow| Write::Row {
        session: id("a~1"),
        revision,
        row: row.clone(),
    };
    let old = row("a~1", SessionStatus::Running, 1);
    store
        .commit(commit([session("a~1"), at(1, &old), at(3, &newest), at(2, &old)]))
        .await
        .unwrap();
    store.commit(commit([at(2, &old)])).await.unwrap();
    assert_eq!(store.rows(SessionsQuery::default()).await.unwrap().sessions, [newest]);
}

#[test]
fn a_cursor_that_was_not_made_here_is_refused() {
    for text in ["", "zz", "7b7d", "ä", "7", &"00".repeat(4000)] {
        assert!(text.parse::<Cursor>().is_err(), "{text:?}");
    }
    let forged: String =
        r#"{"sort":"cost","key":"text","number":1}"#.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(forged.parse::<Cursor>().is_err());
}

#[tokio::test]
async fn series_come_straight_from_the_facts() {
    let place = Place::new();
    let store = place.store().await;
    let usage = |input, cost_usd, at| {
        let tokens = TokenDelta {
            input,
            output: 1,
            cache_read: 2,
            cache_write: 3,
        };
        fact(
            Fact::UsageRecorded(UsageRecorded {
                tokens,
                cost_usd,
                ..UsageRecorded::default()
            }),
            at,
        )
    };
    let tests = |passed, failed, at| {
        let tests = TestsReported {
            iteration: None,
            total: None,
            passed,
            failed,
            verdict: None,
            basis: TestBasis::Reported,
        };
        fact(Fact::TestsReported(tests), at)
    };
    let progress = |phase: PhaseReported, at| fact(Fact::PhaseReported(phase), at);
    let counted = PhaseReported {
        tasks_completed: Some(1),
        tasks_total: Some(8),
        ..PhaseReported::default()
    };
    let phases = PhaseReported {
        phase_number: Some("3/4".into()),
        phases_completed: Some(vec!["Scout".into(), "Architect".into()]),
        ..PhaseReported::default()
    };
    let silent = PhaseReported {
        phase_number: Some("?".into()),
        ..PhaseReported::default()
    };
    let facts = [
        usage(10, Some(0.5), 1_000),
        usage(4, None, 59_999),
        usage(100, Some(0.25), 61_000),
        tests(Some(3), Some(2), 1_000),
        tests(Some(5), None, 2_000),
        tests(None, Some(0), 121_000),
        progress(counted, 1_000),
        progress(phases, 61_000),
        progress(silent, 62_000),
    ];
    let writes = facts.into_iter().map(|fact| event("a~1", 1, fact));
    store.commit(commit([session("a~1"), session("b~1")])).await.unwrap();
    store.commit(commit(writes)).await.unwrap();
    for (metric, expected) in [
        (Metric::Tokens, vec![(0, 26.0), (60_000, 106.0)]),
        (Metric::CostUsd, vec![(0, 0.5), (60_000, 0.25)]),
        (Metric::TestsPassed, vec![(0, 5.0)]),
        (Metric::TestsFailed, vec![(0, 2.0), (120_000, 0.0)]),
        (Metric::Progress, vec![(0, 12.5), (60_000, 50.0)]),
    ] {
        let points = store.series(&id("a~1"), metric, 60).await.unwrap();
        let expected: Vec<_> = expected.into_iter().map(|(at, value)| (time(at), value)).collect();
        assert_eq!(points, expected, "{metric:?}");
        assert!(store.series(&id("b~1"), metric, 0).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_is_taken_back_is_taken_from_the_step_in_which_it_was_used() {
    let place = Place::new();
    let store = place.store().await;
    let used = |input, cost_usd, used_at: Option<i64>, at| {
        let recorded = UsageRecorded {
            tokens: TokenDelta {
                input,
                ..TokenDelta::default()
            },
            cost_usd: Some(cost_usd),
            used_at: used_at.map(time),
            ..UsageRecorded::default()
        };
        event("a~1", 1, fact(Fact::UsageRecorded(recorded), at))
    };
    let writes = [
        session("a~1"),
        used(100, 1.0, Some(1_250), 500_000),
        used(50, 0.5, Some(61_000), 500_000),
        used(30, 0.25, None, 500_000),
        // Learned an hour later: the first call was another one's, and the second one was smaller.
        used(-100, -1.0, Some(1_250), 4_000_000),
        used(-20, -0.125, Some(61_000), 4_000_000),
        // Taken back from nothing.
        used(-7, -0.5, Some(121_000), 4_000_000),
    ];
    store.commit(commit(writes)).await.unwrap();
    for (metric, expected) in [
        (
            Metric::Tokens,
            [(0, 0.0), (60_000, 30.0), (120_000, 0.0), (480_000, 30.0)],
        ),
        (
            Metric::CostUsd,
            [(0, 0.0), (60_000, 0.375), (120_000, 0.0), (480_000, 0.25)],
        ),
    ] {
        let points = store.series(&id("a~1"), metric, 60).await.unwrap();
        assert_eq!(points, expected.map(|(at, value)| (time(at), value)), "{metric:?}");
    }
}

#[tokio::test]
async fn sessions_that_are_over_are_told_in_brief() {
    let place = Place::new();
    let ended = |id: &str, status, started, ended, project: &str| SessionRow {
        started_at: started,
        ended_at: ended,
        project: Some(project.to_owned()),
        ..row(id, status, 5_000)
    };
    use SessionStatus::{Abandoned, Completed, Failed, Running};
    let rows = [
        ended("a~1", Completed, Some(time(1_000)), Some(time(9_000)), "shop"),
        ended("b~1", Failed, None, Some(time(3_000)), "shop"),
        ended("c~1", Abandoned, Some(time(1_000)), None, "cellar"),
        ended("d~1", Running, Some(time(1_000)), None, "shop"),
    ];
    let store = with_rows(&place, &rows).await;
    let all = store.finished(None, None).await.unwrap();
    assert_eq!(all.len(), 3, "what runs is not over");
    let given_up = all.iter().find(|one| one.status == Abandoned).unwrap();
    assert_eq!(
        given_up.ended_at,
        time(5_000),
        "its last work, when nobody stated an end"
    );
    assert!(all.iter().any(|one| one.status == Failed && one.started_at.is_none()));

    let late = store.finished(Some(time(5_001)), Some("shop".into())).await.unwrap();
    assert_eq!(late.len(), 1);
    assert_eq!((late[0].started_at, late[0].ended_at), (Some(time(1_000)), time(9_000)));
}

#[tokio::test]
async fn rows_can_begin_with_the_longest_and_end_with_the_oldest_that_are_wanted() {
    let place = Place::new();
    let lasting = |id: &str, work, started, ended| SessionRow {
        started_at: Some(time(started)),
        ended_at: ended,
        ..row(id, SessionStatus::Completed, work)
    };
    let rows = [
        lasting("short~1", 100, 50, Some(time(60))),
        lasting("long~1", 200, 50, Some(time(90))),
        lasting("open~1", 300, 50, None),
        lasting("old~1", 10, 1, Some(time(9))),
    ];
    let store = with_rows(&place, &rows).await;
    let query = SessionsQuery {
        sort: Sort::Duration,
        since: Some(time(50)),
        limit: 1,
        ..SessionsQuery::default()
    };
    assert_eq!(ids(&walk(&store, query).await), ["long~1", "short~1", "open~1"]);
}
