//! Figures for a long history: run by hand, with `--ignored --nocapture`.

use std::time::Instant;

use forgecast_protocol::event::TokenDelta;
use forgecast_protocol::report::GroupBy;
use forgecast_store::{Store, UsageDelta, UsageQuery, Write};

use crate::helpers::*;

const CALLS: u32 = 1_000_000;
const SESSIONS: u32 = 2_000;
const DAYS: u32 = 30;
const MODELS: u32 = 3;
/// Writes of one commit.
const AT_ONCE: u32 = 2_000;

/// Every session works on every day with every model.
fn delta(number: u32) -> UsageDelta {
    let session = number % SESSIONS;
    let rest = number / SESSIONS;
    let day = i32::try_from(20_750 + rest % DAYS).unwrap();
    UsageDelta {
        day,
        owner: format!("258c7280-ae70-4b21-93d1-{session:012}"),
        session: format!("258c7280-ae70-4b21-93d1-{session:012}~1"),
        project: format!("project-{}", session % 40),
        model: format!("claude-model-{}-5", rest / DAYS % MODELS),
        phase: String::new(),
        tokens: TokenDelta {
            input: 12,
            output: 345,
            cache_read: 67_890,
            cache_write: 1_234,
        },
        cost_nanos: 98_765_432,
        calls: 1,
        unpriced: 0,
        last_used_at: time(i64::from(day) * DAY_MS),
    }
}

fn key(number: u32) -> u64 {
    u64::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

async fn fill(store: &Store) {
    let mut pending = Vec::new();
    for first in (0..CALLS).step_by(usize::try_from(AT_ONCE).unwrap()) {
        let writes = (first..first + AT_ONCE).flat_map(|number| {
            let request = key(number) ^ 0xaaaa;
            let body = "x".repeat(300);
            [
                call(key(number), &[key(number), request], &body),
                Write::Usage(delta(number)),
            ]
        });
        pending.push(store.commit(commit(writes)));
        if pending.len() == 16 {
            for done in pending.drain(..) {
                done.await.unwrap();
            }
        }
    }
    for done in pending {
        done.await.unwrap();
    }
}

#[tokio::test]
#[ignore = "prints figures; takes a minute"]
async fn reports_over_a_million_calls() {
    let place = Place::new();
    let store = place.store().await;
    let start = Instant::now();
    fill(&store).await;
    println!("{CALLS} calls written: {:?}", start.elapsed());
    store.close().await.unwrap();
    println!(
        "file: {} MB",
        std::fs::metadata(place.path()).unwrap().len() / 1_000_000
    );
    let start = Instant::now();
    let store = place.store().await;
    println!("opened: {:?}", start.elapsed());
    let mut queries: Vec<UsageQuery> = GroupBy::ALL
        .into_iter()
        .map(|group_by| UsageQuery {
            group_by,
            ..UsageQuery::default()
        })
        .collect();
    queries.push(UsageQuery {
        since_day: Some(20_773),
        ..UsageQuery::default()
    });
    queries.push(UsageQuery {
        session: Some(delta(7).session),
        ..UsageQuery::default()
    });
    queries.push(UsageQuery {
        project: Some(delta(7).project),
        ..UsageQuery::default()
    });
    for query in queries {
        let mut times = Vec::new();
        let mut groups = 0;
        for _ in 0..5 {
            let start = Instant::now();
            groups = store.usage(query.clone()).await.unwrap().len();
            times.push(start.elapsed());
        }
        times.sort();
        println!("{query:?}: {groups} groups, median {:?}", times[2]);
    }
    for (what, since) in [("all", None), ("a day", Some(20_779)), ("a month", Some(20_750))] {
        let start = Instant::now();
        store.spent(since, None).await.unwrap();
        println!("spent, {what}: {:?}", start.elapsed());
    }
    let keys: Vec<u64> = (0..1000).map(|number| key(number * 997) ^ 0xaaaa).collect();
    let start = Instant::now();
    assert_eq!(store.calls(keys).await.unwrap().len(), 1000);
    println!("1000 calls by key: {:?}", start.elapsed());
    let keys: Vec<u64> = (0..1000).map(|number| key(CALLS + number)).collect();
    let start = Instant::now();
    assert!(store.calls(keys).await.unwrap().is_empty());
    println!("1000 keys that lead nowhere: {:?}", start.elapsed());
}
