//! Calls to models found by what names them, and transcripts by the session they belong to.

use forgecast_store::{Error, Store, StoredCall, StoredTranscript, Write};

use crate::helpers::*;

async fn write(store: &Store, writes: impl IntoIterator<Item = Write>) {
    store.commit(commit(writes)).await.unwrap();
}

fn bound(id: &str, session: &str, directory: Option<&str>) -> Write {
    Write::Transcript {
        id: id.into(),
        session: self::id(session),
        directory: directory.map(Into::into),
    }
}

/// The bodies of the calls that have any of the keys.
async fn bodies(store: &Store, keys: &[u64]) -> Vec<String> {
    let calls = store.calls(keys.to_vec()).await.unwrap();
    calls
        .into_iter()
        .map(|call| String::from_utf8(call.body).unwrap())
        .collect()
}

#[tokio::test]
async fn a_call_is_found_by_its_number_and_by_each_of_its_keys() {
    let place = Place::new();
    let store = place.store().await;
    let far = u64::MAX - 3;
    write(&store, [call(1, &[1, 100], "one"), call(far, &[far, 200, 0], "far")]).await;
    for keys in [&[far][..], &[200], &[0], &[200, far, 0, 200]] {
        assert_eq!(bodies(&store, keys).await, ["far"], "{keys:?}");
    }
    assert_eq!(
        bodies(&store, &[200, 1, 100]).await,
        ["one", "far"],
        "each once, by number"
    );
    assert!(bodies(&store, &[7, 300]).await.is_empty());
    assert!(bodies(&store, &[]).await.is_empty());
    store.close().await.unwrap();
    let store = place.store().await;
    let expected = StoredCall {
        number: far,
        body: b"far".to_vec(),
    };
    assert_eq!(store.calls(vec![0]).await.unwrap(), [expected]);
}

#[tokio::test]
async fn a_call_that_is_written_again_keeps_its_keys_and_gets_new_ones() {
    let place = Place::new();
    let store = place.store().await;
    write(&store, [call(1, &[100], "first")]).await;
    write(&store, [call(1, &[101], "second")]).await;
    assert_eq!(bodies(&store, &[1, 100, 101]).await, ["second"]);
    assert_eq!(bodies(&store, &[100]).await, ["second"]);
}

#[tokio::test]
async fn a_key_may_lead_to_several_calls() {
    let place = Place::new();
    let store = place.store().await;
    write(&store, [call(2, &[2, 100], "answer"), call(1, &[1, 100], "advice")]).await;
    assert_eq!(bodies(&store, &[100]).await, ["advice", "answer"]);
    // What is another one's number is found beside it.
    write(&store, [call(3, &[3, 1], "third")]).await;
    assert_eq!(bodies(&store, &[1]).await, ["advice", "third"]);
}

#[tokio::test]
async fn a_forgotten_call_takes_its_keys_with_it_and_only_those() {
    let place = Place::new();
    let store = place.store().await;
    write(&store, [call(1, &[100, 101], "one"), call(2, &[100], "two")]).await;
    write(&store, [Write::ForgetCall(1), Write::ForgetCall(9)]).await;
    assert_eq!(bodies(&store, &[1, 100, 101]).await, ["two"]);
    // Absorbed by another one, under the same keys, in one commit.
    write(&store, [Write::ForgetCall(2), call(5, &[100, 101], "both")]).await;
    assert_eq!(bodies(&store, &[100, 101]).await, ["both"]);
}

#[tokio::test]
async fn a_transcript_belongs_to_the_session_it_was_bound_to_last() {
    let place = Place::new();
    let store = place.store().await;
    write(&store, [session("own~1"), bound("258c", "own~1", Some("/home/x"))]).await;
    write(&store, [session("build~1"), bound("258c", "build~1", Some("/home/x"))]).await;
    write(&store, [bound("0000", "own~1", None)]).await;
    let expected = |id: &str, session: &str, directory: Option<&str>| StoredTranscript {
        id: id.into(),
        session: self::id(session),
        directory: directory.map(Into::into),
    };
    let both = [
        expected("0000", "own~1", None),
        expected("258c", "build~1", Some("/home/x")),
    ];
    assert_eq!(store.transcripts().await.unwrap(), both);
    store.close().await.unwrap();
    let store = place.store().await;
    assert_eq!(store.transcripts().await.unwrap(), both);
    let stranger = store.commit(commit([call(1, &[], "lost"), bound("1", "nobody~1", None)]));
    assert!(matches!(stranger.await, Err(Error::UnknownSession { .. })));
    assert!(bodies(&store, &[1]).await.is_empty(), "nothing of that commit");
    // Bindings go with the session.
    store.forget(&id("own~1")).await.unwrap();
    assert_eq!(store.transcripts().await.unwrap(), both[1..]);
}

#[tokio::test]
async fn what_a_decoder_remembers_is_read_back_with_the_place_in_its_file() {
    let place = Place::new();
    let store = place.store().await;
    write(&store, [checkpoint("/a.jsonl", 7), checkpoint("/b.jsonl", 9)]).await;
    write(&store, [checkpoint("/a.jsonl", 8)]).await;
    store.close().await.unwrap();
    let sources = place.store().await.sources().await.unwrap();
    let states: Vec<(u64, &str)> = sources
        .values()
        .map(|source| (source.offset, source.state.as_str()))
        .collect();
    assert_eq!(states, [(8, "after 8"), (9, "after 9")]);
}
