//! Sums of usage: what reports say of differences that came in any order, by any grouping, and what they never say.

use forgecast_protocol::event::TokenDelta;
use forgecast_protocol::report::{GroupBy, UsageAmount};
use forgecast_protocol::session::TokenCounts;
use forgecast_store::{Store, UsageDelta, UsageGroup, UsageQuery, Write};

use crate::helpers::*;

/// 2026-11-22.
const TODAY: i32 = 20_779;

/// A call of 10 + 1 tokens for a dollar, at a moment of its day.
fn used(day: i32, owner: &str, model: &str) -> UsageDelta {
    UsageDelta {
        day,
        owner: owner.into(),
        session: "a~1".into(),
        project: "home".into(),
        model: model.into(),
        phase: "Builder".into(),
        tokens: TokenDelta {
            input: 10,
            output: 1,
            ..TokenDelta::default()
        },
        cost_nanos: 1_000_000_000,
        calls: 1,
        unpriced: 0,
        last_used_at: time(i64::from(day) * DAY_MS + 1000),
    }
}

/// The same, taken back.
fn back(delta: &UsageDelta) -> UsageDelta {
    UsageDelta {
        tokens: TokenDelta {
            input: -delta.tokens.input,
            output: -delta.tokens.output,
            cache_read: -delta.tokens.cache_read,
            cache_write: -delta.tokens.cache_write,
        },
        cost_nanos: -delta.cost_nanos,
        calls: -delta.calls,
        unpriced: -delta.unpriced,
        ..delta.clone()
    }
}

async fn add(store: &Store, deltas: impl IntoIterator<Item = UsageDelta>) {
    store
        .commit(commit(deltas.into_iter().map(Write::Usage)))
        .await
        .unwrap();
}

async fn by(store: &Store, group_by: GroupBy) -> Vec<UsageGroup> {
    let query = UsageQuery {
        group_by,
        ..UsageQuery::default()
    };
    store.usage(query).await.unwrap()
}

/// Key, model, calls.
fn short(groups: &[UsageGroup]) -> Vec<(&str, &str, u64)> {
    groups
        .iter()
        .map(|group| (group.key.as_str(), group.model.as_str(), group.calls))
        .collect()
}

/// Rows in a table, seen past the store.
fn count(place: &Place, table: &str) -> i64 {
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    raw.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
        .unwrap()
}

/// Three days, two transcripts and a session, two models, two projects.
async fn with_usage(place: &Place) -> Store {
    let store = place.store().await;
    let other = UsageDelta {
        session: "b~1".into(),
        project: String::new(),
        phase: String::new(),
        unpriced: 1,
        cost_nanos: 0,
        ..used(TODAY - 1, "b~1", "")
    };
    let deltas = [
        used(TODAY - 2, "transcript-1", "opus"),
        used(TODAY, "transcript-1", "opus"),
        used(TODAY, "transcript-1", "opus"),
        used(TODAY, "transcript-2", "haiku"),
        other,
    ];
    add(&store, deltas).await;
    store
}

#[tokio::test]
async fn usage_is_grouped_by_day_project_model_phase_and_transcript() {
    let place = Place::new();
    let store = with_usage(&place).await;
    for (group_by, expected) in [
        (
            GroupBy::Day,
            vec![
                ("2026-11-20", "opus", 1),
                ("2026-11-21", "", 1),
                ("2026-11-22", "haiku", 1),
                ("2026-11-22", "opus", 2),
            ],
        ),
        (
            GroupBy::Project,
            vec![("", "", 1), ("home", "haiku", 1), ("home", "opus", 3)],
        ),
        (
            GroupBy::Model,
            vec![("", "", 1), ("haiku", "haiku", 1), ("opus", "opus", 3)],
        ),
        (
            GroupBy::Phase,
            vec![("", "", 1), ("Builder", "haiku", 1), ("Builder", "opus", 3)],
        ),
        (
            GroupBy::Session,
            vec![
                ("b~1", "", 1),
                ("transcript-1", "opus", 3),
                ("transcript-2", "haiku", 1),
            ],
        ),
    ] {
        assert_eq!(short(&by(&store, group_by).await), expected, "{group_by}");
    }
}

#[tokio::test]
async fn a_group_says_what_was_used_what_it_cost_and_when_it_was_used_last() {
    let place = Place::new();
    let store = with_usage(&place).await;
    let groups = by(&store, GroupBy::Phase).await;
    let opus = UsageGroup {
        key: "Builder".into(),
        model: "opus".into(),
        tokens: TokenCounts {
            input: 30,
            output: 3,
            ..TokenCounts::default()
        },
        cost_nanos: 3_000_000_000,
        calls: 3,
        unpriced: 0,
        last_used_at: time(i64::from(TODAY) * DAY_MS + 1000),
    };
    assert_eq!(groups[2], opus);
    let amount = UsageAmount {
        tokens: opus.tokens,
        cost_usd: 3.0,
        calls: 3,
        unpriced_calls: 0,
    };
    assert_eq!(opus.amount(), amount);
    assert_eq!((groups[0].unpriced, groups[0].amount().unpriced_calls), (1, 1));
}

#[tokio::test]
async fn a_report_is_narrowed_to_days_a_session_or_a_project() {
    let place = Place::new();
    let store = with_usage(&place).await;
    let days = |since_day, until_day| UsageQuery {
        group_by: GroupBy::Session,
        since_day,
        until_day,
        ..UsageQuery::default()
    };
    let session = |session: &str| UsageQuery {
        session: Some(session.into()),
        ..days(None, None)
    };
    let project = |project: &str| UsageQuery {
        project: Some(project.into()),
        ..days(None, None)
    };
    let (first, second, other) = ("transcript-1", "transcript-2", "b~1");
    for (query, expected) in [
        (days(Some(TODAY), None), vec![(first, "opus", 2), (second, "haiku", 1)]),
        (days(None, Some(TODAY - 1)), vec![(other, "", 1), (first, "opus", 1)]),
        (days(Some(TODAY - 1), Some(TODAY - 1)), vec![(other, "", 1)]),
        (days(Some(TODAY), Some(TODAY - 1)), vec![]),
        (session("a~1"), vec![(first, "opus", 3), (second, "haiku", 1)]),
        (session(second), vec![(second, "haiku", 1)]),
        (session("b~1"), vec![(other, "", 1)]),
        (session("' OR 1 --"), vec![]),
        (project("home"), vec![(first, "opus", 3), (second, "haiku", 1)]),
        (project(""), vec![(other, "", 1)]),
        (
            UsageQuery {
                since_day: Some(TODAY),
                project: Some("home".into()),
                ..session("a~1")
            },
            vec![(first, "opus", 2), (second, "haiku", 1)],
        ),
    ] {
        let groups = store.usage(query.clone()).await.unwrap();
        assert_eq!(short(&groups), expected, "{query:?}");
    }
}

#[tokio::test]
async fn what_was_spent_is_summed_over_days() {
    let place = Place::new();
    let store = with_usage(&place).await;
    let tokens = |calls: u64| TokenCounts {
        input: 10 * calls,
        output: calls,
        ..TokenCounts::default()
    };
    for (since, until, expected) in [
        (None, None, (4_000_000_000, tokens(5))),
        (Some(TODAY), Some(TODAY), (3_000_000_000, tokens(3))),
        (Some(TODAY - 30), Some(TODAY - 1), (1_000_000_000, tokens(2))),
        (Some(TODAY + 1), None, (0, tokens(0))),
    ] {
        assert_eq!(
            store.spent(since, until).await.unwrap(),
            expected,
            "{since:?} {until:?}"
        );
    }
}

#[tokio::test]
async fn what_is_taken_back_whole_leaves_no_row_in_whichever_order_it_came() {
    let place = Place::new();
    let store = place.store().await;
    let call = used(TODAY, "transcript", "opus");
    let moved = UsageDelta {
        session: "b~1".into(),
        ..call.clone()
    };
    add(&store, [call.clone()]).await;
    // The call proves to belong to another session.
    add(&store, [back(&call), moved.clone()]).await;
    assert_eq!(short(&by(&store, GroupBy::Session).await), [("transcript", "opus", 1)]);
    let tables = || ["usage", "usage_owners", "usage_days", "usage_totals"].map(|table| count(&place, table));
    assert_eq!(tables(), [1, 1, 1, 1]);
    add(&store, [back(&moved)]).await;
    add(&store, [back(&call), call.clone(), UsageDelta::default()]).await;
    assert!(by(&store, GroupBy::Day).await.is_empty());
    assert_eq!(tables(), [0, 0, 0, 0]);
    // The owner is known again when he comes again.
    add(&store, [call]).await;
    assert_eq!(short(&by(&store, GroupBy::Project).await), [("home", "opus", 1)]);
}

#[tokio::test]
async fn what_an_owner_said_of_a_session_can_be_void() {
    let place = Place::new();
    let store = place.store().await;
    add(&store, [used(TODAY, "a~1", "opus"), used(TODAY, "transcript", "opus")]).await;
    let void = Write::ForgetUsage {
        owner: "a~1".into(),
        session: "a~1".into(),
    };
    // In one commit with what comes after it, and twice.
    let writes = [void.clone(), void, Write::Usage(used(TODAY, "a~1", "haiku"))];
    store.commit(commit(writes)).await.unwrap();
    let sessions = by(&store, GroupBy::Session).await;
    assert_eq!(short(&sessions), [("a~1", "haiku", 1), ("transcript", "opus", 1)]);
    assert_eq!(store.spent(None, None).await.unwrap().0, 2_000_000_000);
}

#[tokio::test]
async fn a_sum_below_zero_counts_as_nothing_and_takes_nothing_from_others() {
    let place = Place::new();
    let store = place.store().await;
    let gone = UsageDelta {
        session: "gone~1".into(),
        ..used(TODAY, "gone", "opus")
    };
    add(&store, [used(TODAY, "transcript", "opus"), back(&gone)]).await;
    for group_by in GroupBy::ALL {
        let groups = by(&store, group_by).await;
        assert_eq!(groups.len(), 1, "{group_by}: {groups:?}");
        assert_eq!((groups[0].calls, groups[0].tokens.total()), (1, 11), "{group_by}");
    }
    assert_eq!(store.spent(None, None).await.unwrap().0, 1_000_000_000);
}

#[tokio::test]
async fn no_number_is_too_large_or_too_small_to_be_stored() {
    let place = Place::new();
    let store = place.store().await;
    let huge = |number: i64, day: i32| UsageDelta {
        tokens: TokenDelta {
            input: number,
            output: number,
            cache_read: number,
            cache_write: number,
        },
        cost_nanos: number,
        calls: number,
        unpriced: number,
        last_used_at: time(number),
        ..used(day, "transcript", "opus")
    };
    for day in [i32::MIN, 0, i32::MAX] {
        add(&store, (0..5).map(|_| huge(i64::MAX, day))).await;
        add(&store, (0..5).map(|_| huge(i64::MIN, day + i32::from(day < 0)))).await;
    }
    add(&store, (0..5).map(|_| huge(i64::MAX, TODAY))).await;
    add(&store, (0..5).map(|_| huge(i64::MAX, TODAY + 1))).await;
    for group_by in GroupBy::ALL {
        by(&store, group_by).await;
    }
    let (nanos, tokens) = store.spent(Some(TODAY), Some(TODAY + 1)).await.unwrap();
    assert_eq!((nanos, tokens.total()), (i64::MAX, u64::MAX));
}
