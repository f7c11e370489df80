//! Logs: numbers that only grow, a cap, pages and search.

use forgecast_protocol::batch::LogLevel::{Debug, Error as Bad, Info, Warn};
use forgecast_protocol::rest::{LogMatches, LogPage};
use forgecast_protocol::{LogLine, Span};
use forgecast_store::{From, LogQuery, Options, Store, Write, open};

use crate::helpers::*;

fn from(offset: u64, limit: u32) -> LogQuery {
    LogQuery {
        from: From::Offset(offset),
        limit,
        level: None,
        text: None,
    }
}

fn last(limit: u32) -> LogQuery {
    LogQuery {
        from: From::Last,
        ..from(0, limit)
    }
}

fn offsets(page: &LogPage) -> Vec<u64> {
    page.lines.iter().map(|line| line.offset).collect()
}

async fn page(store: &Store, query: LogQuery) -> LogPage {
    store.log(&id("a~1"), query).await.unwrap()
}

#[tokio::test]
async fn old_lines_are_dropped_beyond_the_cap_and_the_first_offset_says_so() {
    let place = Place::new();
    let options = Options {
        log_lines_per_session: 100,
        ..place.options()
    };
    let store = open(options.clone(), FOLD, time(NOW_MS)).await.unwrap().store;
    store
        .commit(commit([session("a~1"), lines("a~1", 0..90)]))
        .await
        .unwrap();
    assert_eq!(page(&store, from(0, 1)).await.first_offset, 0);
    store.commit(commit([lines("a~1", 90..250)])).await.unwrap();
    store.close().await.unwrap();
    let store = open(options, FOLD, time(NOW_MS)).await.unwrap().store;
    store.commit(commit([lines("a~1", 250..260)])).await.unwrap();
    let all = page(&store, from(0, 1000)).await;
    assert_eq!((all.first_offset, all.next_offset, all.end_offset), (160, 260, 260));
    assert_eq!(offsets(&all), (160..260).collect::<Vec<_>>());
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let place = Place::new();
    let store = place.store().await;
    store
        .commit(commit([session("a~1"), lines("a~1", 5..105)]))
        .await
        .unwrap();
    let mut seen = Vec::new();
    let mut at = 0;
    loop {
        let page = page(&store, from(at, 7)).await;
        assert_eq!(page.first_offset, 5);
        seen.extend(offsets(&page));
        at = page.next_offset;
        if at == page.end_offset {
            break;
        }
    }
    assert_eq!(seen, (5..105).collect::<Vec<_>>());
    let newest = page(&store, last(3)).await;
    assert_eq!(offsets(&newest), [102, 103, 104]);
    assert_eq!(newest.next_offset, 105);
    assert_eq!(store.log(&id("b~1"), last(3)).await.unwrap(), LogPage::default());
}

#[tokio::test]
async fn a_line_that_is_written_twice_is_stored_once() {
    let place = Place::new();
    let store = place.store().await;
    store
        .commit(commit([session("a~1"), lines("a~1", 0..5), lines("a~1", 3..8)]))
        .await
        .unwrap();
    assert_eq!(offsets(&page(&store, from(0, 100)).await), (0..8).collect::<Vec<_>>());
}

#[tokio::test]
async fn lines_are_found_by_level_and_by_text_whatever_the_case() {
    let place = Place::new();
    let store = place.store().await;
    let mut colored = line(3, Some(Bad), "ÜBER the limit: 100% of_it");
    colored.spans = vec![Span {
        start: 0,
        end: 4,
        style: "bold fg-1".into(),
    }];
    let all = vec![
        line(0, None, "plain"),
        line(1, Some(Debug), "über nothing"),
        line(2, Some(Warn), "over the LIMIT"),
        colored.clone(),
    ];
    store
        .commit(commit([
            session("a~1"),
            Write::Log {
                session: id("a~1"),
                key: None,
                lines: all,
            },
        ]))
        .await
        .unwrap();
    let find = |level, text: &str| LogQuery {
        level,
        text: (!text.is_empty()).then(|| text.into()),
        ..from(0, 100)
    };
    for (level, text, expected) in [
        (Some(Warn), "", vec![2, 3]),
        (Some(Debug), "", vec![0, 1, 2, 3]),
        (Some(Info), "", vec![0, 2, 3]),
        (None, "über", vec![1, 3]),
        (None, "limit", vec![2, 3]),
        (Some(Bad), "LIMIT", vec![3]),
        (None, "100% of_it", vec![3]),
        (None, "100%_of", vec![]),
    ] {
        let found = page(&store, find(level, text)).await;
        assert_eq!(offsets(&found), expected, "{level:?} {text:?}");
        assert_eq!(found.next_offset, 4);
    }
    assert_eq!(page(&store, find(Some(Bad), "")).await.lines, [colored]);
    let newest = LogQuery {
        limit: 1,
        ..LogQuery {
            from: From::Last,
            ..find(None, "über")
        }
    };
    assert_eq!(offsets(&page(&store, newest).await), [3]);
}

#[tokio::test]
async fn a_page_begins_at_a_time_also_where_lines_are_missing() {
    let place = Place::new();
    let store = place.store().await;
    let come = |offset: u64, after_ms: i64| LogLine {
        at: time(NOW_MS + after_ms),
        ..line(offset, None, "a line")
    };
    let mut all: Vec<LogLine> = (0..100).map(|offset| come(offset, offset.cast_signed() * 10)).collect();
    all.extend((700..1000).map(|offset| come(offset, offset.cast_signed() * 10)));
    let write = Write::Log {
        session: id("a~1"),
        key: None,
        lines: all,
    };
    store.commit(commit([session("a~1"), write])).await.unwrap();
    for (after_ms, expected) in [
        (-5, Some(0)),
        (0, Some(0)),
        (1, Some(1)),
        (990, Some(99)),
        (991, Some(700)),
        (7_000, Some(700)),
        (7_001, Some(701)),
        (9_990, Some(999)),
        (9_991, None),
    ] {
        let query = LogQuery {
            from: From::Time(time(NOW_MS + after_ms)),
            ..from(0, 1)
        };
        let page = page(&store, query).await;
        assert_eq!(offsets(&page).first().copied(), expected, "{after_ms} ms");
        assert_eq!(page.next_offset, expected.map_or(1000, |offset| offset + 1));
    }
}

#[tokio::test]
async fn a_search_looks_at_a_part_of_the_log_and_says_where_it_goes_on() {
    let place = Place::new();
    let options = Options {
        log_lines_per_session: 1_000_000,
        ..place.options()
    };
    let store = open(options, FOLD, time(NOW_MS)).await.unwrap().store;
    store.commit(commit([session("a~1")])).await.unwrap();
    let text = |offset: u64| {
        if offset.is_multiple_of(40_000) {
            "a Needle"
        } else {
            "hay"
        }
    };
    for start in (0..120_000).step_by(10_000) {
        let lines = (start..start + 10_000).map(|offset| line(offset, None, text(offset)));
        let write = Write::Log {
            session: id("a~1"),
            key: None,
            lines: lines.collect(),
        };
        store.commit(commit([write])).await.unwrap();
    }
    let needle = |offset| LogQuery {
        text: Some("needle".into()),
        ..from(offset, 100)
    };
    let (mut pages, mut found, mut counted, mut at) = (0, Vec::new(), Vec::new(), 0);
    loop {
        let page = page(&store, needle(at)).await;
        let matches = store.log_matches(&id("a~1"), needle(at)).await.unwrap();
        assert_eq!(
            (page.next_offset, page.end_offset),
            (matches.next_offset, matches.end_offset)
        );
        pages += 1;
        found.extend(offsets(&page));
        counted.extend(matches.offsets);
        at = page.next_offset;
        if at == page.end_offset {
            break;
        }
    }
    assert_eq!((pages, &found), (3, &vec![0, 40_000, 80_000]));
    assert_eq!(counted, found);
    let unknown = store.log_matches(&id("b~1"), needle(0)).await.unwrap();
    assert_eq!(unknown, LogMatches::default());
}
