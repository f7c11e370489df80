//! Any sequence of commits, closed and opened in between, is what a plain model says.

use std::collections::{BTreeMap, BTreeSet};

use forgecast_protocol::event::TokenDelta;
use forgecast_protocol::report::GroupBy;
use forgecast_store::{From, LogQuery, Store, UsageDelta, UsageQuery, Write};
use proptest::prelude::*;

use crate::helpers::*;

const SESSIONS: [&str; 3] = ["a~1", "a~2", "b~1"];

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Part>),
    Reopen { cleanly: bool },
    Forget(usize),
}

#[derive(Clone, Debug)]
enum Part {
    Session(usize),
    Event(usize, Option<u8>),
    Lines(usize, u8),
    Checkpoint(u8, u32),
    ForgetSource(u8),
    /// Number and key, of few, so that calls share keys and keys are other calls' numbers.
    Call(u8, u8),
    ForgetCall(u8),
    Transcript(u8, usize),
    /// Day, owner, session, model and what is added.
    Usage([u8; 4], i64),
    /// Owner and session.
    ForgetUsage(u8, u8),
}

fn part() -> impl Strategy<Value = Part> {
    let which = 0..SESSIONS.len();
    let another = which.clone();
    prop_oneof![
        2 => which.clone().prop_map(Part::Session),
        5 => (which.clone(), prop::option::of(0u8..12)).prop_map(|(session, id)| Part::Event(session, id)),
        2 => (which, 1u8..9).prop_map(|(session, count)| Part::Lines(session, count)),
        2 => (0u8..4, any::<u32>()).prop_map(|(source, offset)| Part::Checkpoint(source, offset)),
        1 => (0u8..4).prop_map(Part::ForgetSource),
        3 => (0u8..6, 0u8..6).prop_map(|(number, key)| Part::Call(number, key)),
        1 => (0u8..6).prop_map(Part::ForgetCall),
        2 => (0u8..3, another).prop_map(|(transcript, session)| Part::Transcript(transcript, session)),
        4 => ([0u8..3, 0u8..2, 0u8..3, 0u8..2], -3i64..6).prop_map(|(row, change)| Part::Usage(row, change)),
        1 => (0u8..2, 0u8..3).prop_map(|(owner, session)| Part::ForgetUsage(owner, session)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(part(), 1..8).prop_map(Step::Commit),
        2 => any::<bool>().prop_map(|cleanly| Step::Reopen { cleanly }),
        1 => (0..SESSIONS.len()).prop_map(Step::Forget),
    ]
}

/// Whether the id is free; the first fact that has it keeps it.
fn claim(ids: &mut BTreeMap<u8, usize>, id: u8, session: usize) -> bool {
    let free = !ids.contains_key(&id);
    ids.entry(id).or_insert(session);
    free
}

/// What should be stored.
#[derive(Clone, Default, Debug, PartialEq)]
struct Model {
    /// Facts by session, in order.
    events: BTreeMap<usize, Vec<u64>>,
    lines: BTreeMap<usize, u64>,
    ids: BTreeMap<u8, usize>,
    sources: BTreeMap<String, u64>,
    /// The newest body of each call and all keys that it ever had.
    calls: BTreeMap<u8, (u64, BTreeSet<u8>)>,
    transcripts: BTreeMap<u8, usize>,
    usage: BTreeMap<[u8; 4], i64>,
    next: u64,
}

impl Model {
    /// The writes of a commit; the model changes only when it names no unknown session.
    fn commit(&mut self, parts: &[Part]) -> (Vec<Write>, bool) {
        let mut after = self.clone();
        let mut known: BTreeSet<usize> = after.events.keys().copied().collect();
        let mut refused = false;
        let mut writes = Vec::new();
        for part in parts {
            match part {
                Part::Session(at) => {
                    known.insert(*at);
                    after.events.entry(*at).or_default();
                    writes.push(session(SESSIONS[*at]));
                }
                Part::Event(at, id) => {
                    refused |= !known.contains(at);
                    after.next += 1;
                    let mut fact = numbered(after.next);
                    if let Some(id) = id {
                        fact = with_id(fact, &format!("id {id}"));
                    }
                    if id.is_none_or(|id| claim(&mut after.ids, id, *at)) {
                        after.events.entry(*at).or_default().push(after.next);
                    }
                    writes.push(event(SESSIONS[*at], after.next, fact));
                }
                Part::Lines(at, count) => {
                    refused |= !known.contains(at);
                    let next = after.lines.entry(*at).or_default();
                    let range = *next..*next + u64::from(*count);
                    *next = range.end;
                    writes.push(lines(SESSIONS[*at], range));
                }
                Part::Checkpoint(source, offset) => {
                    let path = format!("/source {source}");
                    writes.push(checkpoint(&path, u64::from(*offset)));
                    after.sources.insert(path, u64::from(*offset));
                }
                Part::ForgetSource(source) => {
                    let path = format!("/source {source}");
                    after.sources.remove(&path);
                    writes.push(Write::ForgetSource(forgecast_protocol::SourceKey(path)));
                }
                Part::Call(number, key) => {
                    after.next += 1;
                    let known = after.calls.entry(*number).or_default();
                    known.0 = after.next;
                    known.1.insert(*key);
                    writes.push(call(spread(*number), &[spread(*key)], &after.next.to_string()));
                }
                Part::ForgetCall(number) => {
                    after.calls.remove(number);
                    writes.push(Write::ForgetCall(spread(*number)));
                }
                Part::Transcript(transcript, at) => {
                    refused |= !known.contains(at);
                    after.transcripts.insert(*transcript, *at);
                    writes.push(Write::Transcript {
                        id: transcript.to_string(),
                        session: id(SESSIONS[*at]),
                        directory: None,
                    });
                }
                Part::ForgetUsage(owner, session) => {
                    after.usage.retain(|row, _| (row[1], row[2]) != (*owner, *session));
                    let void = delta([0, *owner, *session, 0], 0);
                    writes.push(Write::ForgetUsage {
                        owner: void.owner,
                        session: void.session,
                    });
                }
                Part::Usage(row, change) => {
                    *after.usage.entry(*row).or_default() += change;
                    writes.push(Write::Usage(delta(*row, *change)));
                }
            }
        }
        // Numbers are never used twice, even when the commit is refused.
        self.next = after.next;
        if !refused {
            *self = after;
        }
        (writes, refused)
    }

    fn forget(&mut self, at: usize) -> bool {
        self.lines.remove(&at);
        // The id is remembered by the first fact that had it.
        self.ids.retain(|_, session| *session != at);
        self.transcripts.retain(|_, session| *session != at);
        let used = self
            .usage
            .iter()
            .any(|(row, sum)| usize::from(row[2]) == at && *sum != 0);
        self.usage.retain(|row, _| usize::from(row[2]) != at);
        self.events.remove(&at).is_some() || used
    }
}

/// Numbers and keys on both sides of zero as the database sees them.
fn spread(number: u8) -> u64 {
    u64::from(number).wrapping_mul(0x5555_5555_5555_5555)
}

fn delta([day, owner, session, model]: [u8; 4], change: i64) -> UsageDelta {
    UsageDelta {
        day: i32::from(day),
        owner: format!("owner {owner}"),
        session: SESSIONS[usize::from(session)].into(),
        model: format!("model {model}"),
        tokens: TokenDelta {
            input: 2 * change,
            cache_write: -change,
            ..TokenDelta::default()
        },
        cost_nanos: change,
        calls: change,
        ..UsageDelta::default()
    }
}

/// Reports by every grouping, for all days and from the second one on.
async fn check_usage(store: &Store, model: &Model) {
    for (group_by, since_day) in GroupBy::ALL.into_iter().flat_map(|by| [(by, None), (by, Some(1))]) {
        let mut expected: BTreeMap<(String, String), [u64; 3]> = BTreeMap::new();
        for ([day, owner, session, of], sum) in &model.usage {
            if since_day.is_some_and(|since| i32::from(*day) < since) || *sum == 0 {
                continue;
            }
            let delta = delta([*day, *owner, *session, *of], *sum);
            let key = match group_by {
                GroupBy::Day => format!("1970-01-0{}", day + 1),
                GroupBy::Model => delta.model.clone(),
                GroupBy::Session => delta.owner,
                GroupBy::Project | GroupBy::Phase => String::new(),
            };
            let group = expected.entry((key, delta.model)).or_default();
            let parts = [delta.tokens.input, delta.tokens.cache_write, delta.calls];
            for (sum, part) in group.iter_mut().zip(parts) {
                *sum += u64::try_from(part).unwrap_or(0);
            }
        }
        let query = UsageQuery {
            group_by,
            since_day,
            ..UsageQuery::default()
        };
        let groups = store.usage(query).await.unwrap().into_iter().map(|group| {
            assert_eq!(group.cost_nanos, group.calls);
            let tokens = group.tokens;
            (
                (group.key, group.model),
                [tokens.input, tokens.cache_write, group.calls],
            )
        });
        assert_eq!(
            groups.collect::<BTreeMap<_, _>>(),
            expected,
            "{group_by} since {since_day:?}"
        );
    }
}

async fn check_calls(store: &Store, model: &Model) {
    for key in 0..6 {
        let stored = store.calls(vec![spread(key)]).await.unwrap();
        let stored: BTreeMap<u64, Vec<u8>> = stored.into_iter().map(|call| (call.number, call.body)).collect();
        let expected = model
            .calls
            .iter()
            .filter(|(number, (_, keys))| **number == key || keys.contains(&key));
        let expected: BTreeMap<u64, Vec<u8>> = expected
            .map(|(number, (body, _))| (spread(*number), body.to_string().into_bytes()))
            .collect();
        assert_eq!(stored, expected, "key {key}");
    }
    let bound = store.transcripts().await.unwrap().into_iter();
    let bound: BTreeMap<String, String> = bound.map(|bound| (bound.id, bound.session.to_string())).collect();
    let expected = model.transcripts.iter();
    let expected = expected.map(|(transcript, at)| (transcript.to_string(), SESSIONS[*at].to_owned()));
    assert_eq!(bound, expected.collect());
}

async fn check(store: &Store, model: &Model) {
    let known = store.sessions().await.unwrap();
    let ids: BTreeSet<String> = known.iter().map(|known| known.session.id.to_string()).collect();
    let expected: BTreeSet<String> = model.events.keys().map(|at| SESSIONS[*at].to_owned()).collect();
    assert_eq!(ids, expected);
    for (at, numbers) in &model.events {
        let session = id(SESSIONS[*at]);
        let stored = store.events_after(&session, 0, u32::MAX).await.unwrap();
        let stored: Vec<u64> = stored.iter().map(|stored| number_of(&stored.event)).collect();
        assert_eq!(&stored, numbers);
        let state = store.load(&session, None).await.unwrap().unwrap();
        assert_eq!(state.events.len(), numbers.len());
        let query = LogQuery {
            from: From::Offset(0),
            limit: 10_000,
            level: None,
            text: None,
        };
        let log = store.log(&session, query).await.unwrap();
        let count = model.lines.get(at).copied().unwrap_or(0);
        let offsets: Vec<u64> = log.lines.iter().map(|line| line.offset).collect();
        assert_eq!(offsets, (0..count).collect::<Vec<_>>());
    }
    let sources = store.sources().await.unwrap();
    let sources: BTreeMap<String, u64> = sources
        .into_iter()
        .map(|(key, source)| (key.0, source.offset))
        .collect();
    assert_eq!(sources, model.sources);
    check_calls(store, model).await;
    check_usage(store, model).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_sequence_of_commits_is_read_back(steps in prop::collection::vec(step(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let mut store = place.store().await;
            let mut model = Model::default();
            for step in steps {
                match step {
                    Step::Commit(parts) => {
                        let (writes, refused) = model.commit(&parts);
                        let result = store.commit(commit(writes)).await;
                        assert_eq!(result.is_err(), refused, "{result:?}");
                    }
                    Step::Reopen { cleanly: true } => {
                        store.close().await.unwrap();
                        store = place.store().await;
                    }
                    Step::Reopen { cleanly: false } => {
                        store.abandon().await;
                        store = place.store().await;
                    }
                    Step::Forget(at) => {
                        let forgotten = store.forget(&id(SESSIONS[at])).await.unwrap();
                        assert_eq!(forgotten, model.forget(at));
                    }
                }
            }
            check(&store, &model).await;
            store.close().await.unwrap();
            check(&place.store().await, &model).await;
        });
    }
}
