//! What agents at work write is told as they write it.

use forgecast_protocol::{Fact, SourceKind};

use super::{append, call, calls, claude, messages, session};
use crate::support::{start, start_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_told_when_they_are_whole() {
    let home = tempfile::tempdir().unwrap();
    let path = session(home.path(), "-srv-app", "5f1c");
    let second = call("m2");
    let (head, tail) = second.split_at(40);
    append(&path, call("m1") + head);
    let running = start(claude(home.path())).await;
    assert_eq!(messages(&running), ["m1"], "what was there is told before it is ready");
    append(&path, tail);
    running
        .until("the second", |running| messages(running) == ["m1", "m2"])
        .await;
    append(&path, "\n\n".to_owned() + &call("m3"));
    running
        .until("the third", |running| messages(running) == ["m1", "m2", "m3"])
        .await;
    let events = running.events();
    let told = events.iter().find(|event| matches!(event.fact, Fact::CallReported(_)));
    let told = told.unwrap();
    assert_eq!(told.origin.kind, SourceKind::Transcript);
    assert_eq!(told.origin.path.as_deref(), path.to_str());
    assert_eq!(
        told.subject.transcript.as_ref().map(ToString::to_string).as_deref(),
        Some("5f1c")
    );
    assert_eq!(running.health.borrow().transcripts, 1);
    assert!(running.problems().is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_proportional_to_what_was_appended() {
    let home = tempfile::tempdir().unwrap();
    let path = session(home.path(), "-srv-app", "5f1c");
    append(&path, (0..2_000).map(|n| call(&format!("old{n}"))).collect::<String>());
    let running = start(claude(home.path())).await;
    assert_eq!(calls(&running), 2_000);
    let before = running.health.borrow().bytes_read;
    for n in 0..20 {
        append(&path, call(&format!("new{n}")));
        running.until("told", |running| calls(running) == 2_001 + n).await;
    }
    running
        .until("counted", |running| {
            let read = running.health.borrow().bytes_read - before;
            read >= 20 * call("new1").len() as u64
        })
        .await;
    let read = running.health.borrow().bytes_read - before;
    assert!(read <= 20 * (call("new10").len() as u64 + 512), "{read}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_cut_replaced_or_written_anew_is_read_from_its_beginning() {
    let home = tempfile::tempdir().unwrap();
    let path = session(home.path(), "-srv-app", "5f1c");
    append(&path, call("m1") + &call("m2"));
    let running = start(claude(home.path())).await;
    std::fs::write(&path, call("cut")).unwrap();
    running
        .until("cut", |running| messages(running).last().unwrap() == "cut")
        .await;
    std::fs::write(&path, call("other1") + &call("other2") + &call("other3")).unwrap();
    running
        .until("longer", |running| messages(running).last().unwrap() == "other3")
        .await;
    let beside = path.with_extension("tmp");
    std::fs::write(&beside, call("replaced")).unwrap();
    std::fs::rename(&beside, &path).unwrap();
    running
        .until("replaced", |running| messages(running).last().unwrap() == "replaced")
        .await;
    // Rotated with lines that were written just before.
    append(&path, call("late"));
    std::fs::rename(&path, path.with_extension("jsonl.1")).unwrap();
    append(&path, call("fresh"));
    running
        .until("fresh", |running| messages(running).last().unwrap() == "fresh")
        .await;
    assert!(messages(&running).contains(&"late".to_owned()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_transcript_is_not_told_again_and_goes_on_under_its_new_name() {
    let home = tempfile::tempdir().unwrap();
    let [old, new, last] = ["old", "new", "last"].map(|name| session(home.path(), "-srv-app", name));
    append(&old, call("m1"));
    let running = start(claude(home.path())).await;
    std::fs::rename(&old, &new).unwrap();
    append(&new, call("m2"));
    // Another one takes the old name at once.
    append(&old, call("other"));
    running.until("both", |running| calls(running) == 3).await;
    let mut told = messages(&running);
    told.sort();
    assert_eq!(told, ["m1", "m2", "other"]);
    let known = running.checkpoints();
    running.stop().await;

    // And while nobody watches.
    std::fs::rename(&new, &last).unwrap();
    append(&last, call("m3"));
    let second = start_with(claude(home.path()), known).await;
    second.until("the third", |running| calls(running) == 1).await;
    assert_eq!(messages(&second), ["m3"]);
    second
        .until("the old name forgotten", |running| {
            let key = forgecast_protocol::SourceKey(new.to_str().unwrap().to_owned());
            running.checkpoints().get(&key) == Some(&Default::default())
        })
        .await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_cannot_be_read_are_one_problem_of_their_file_and_cost_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let path = session(home.path(), "-srv-app", "5f1c");
    append(
        &path,
        "no json\n".to_owned() + &call("m1") + "{\"type\": \"from-the-future\"}\n[1]\n",
    );
    append(&path, call("m2"));
    let running = start(claude(home.path())).await;
    assert_eq!(messages(&running), ["m1", "m2"]);
    let problems = running.problems();
    let key = format!("{}#lines", path.display());
    assert_eq!(problems.keys().collect::<Vec<_>>(), [&key], "{problems:#?}");
    assert!(
        problems[&key].ends_with(", 2 lines of a kind that is not known")
            && problems[&key].starts_with("Unparsable: 5f1c.jsonl: 1 line could not be read"),
        "{problems:#?}"
    );
    running
        .until("counted", |running| {
            let health = running.health.borrow();
            (health.bad_lines, health.unknown_records) == (1, 2)
        })
        .await;
    std::fs::write(&path, call("whole")).unwrap();
    running.until("mended", |running| running.problems().is_empty()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transcript_that_is_removed_ends_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = session(home.path(), "-srv-app", "5f1c");
    append(&path, call("m1"));
    let running = start(claude(home.path())).await;
    std::fs::remove_file(&path).unwrap();
    running
        .until("forgotten", |running| running.health.borrow().transcripts == 0)
        .await;
    std::fs::remove_dir_all(home.path().join("projects")).unwrap();
    append(&path, call("m2"));
    running
        .until("again", |running| messages(running) == ["m1", "m2"])
        .await;
    assert!(!running.has(|fact| matches!(fact, Fact::SourceGone(_))));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_and_pipes_in_the_place_of_transcripts_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let (real, link) = (
        home.path().join("secret.jsonl"),
        session(home.path(), "-srv-app", "link"),
    );
    append(&real, call("secret"));
    append(&session(home.path(), "-srv-app", "good"), call("good"));
    std::os::unix::fs::symlink(&real, &link).unwrap();
    std::os::unix::fs::symlink(home.path(), home.path().join("projects/linked")).unwrap();
    let running = start(claude(home.path())).await;
    assert_eq!(messages(&running), ["good"]);
    let problems = running.problems();
    assert_eq!(problems.len(), 2, "{problems:#?}");
    let around = home.path().join("projects/linked");
    for link in [link, around] {
        assert!(problems[link.to_str().unwrap()].starts_with("Refused"));
        std::fs::remove_file(&link).unwrap();
    }
    running.until("over", |running| running.problems().is_empty()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_record_without_a_line_end_is_told_once_after_a_while() {
    let home = tempfile::tempdir().unwrap();
    let path = session(home.path(), "-srv-app", "5f1c");
    let last = call("m2");
    append(&path, call("m1") + last.trim_end());
    let running = start(claude(home.path())).await;
    running
        .until("the last", |running| messages(running) == ["m1", "m2"])
        .await;
    let checkpoints = running.checkpoints();
    running.stop().await;
    // Its end comes in another life.
    append(&path, "\n".to_owned() + &call("m3"));
    let running = start_with(claude(home.path()), checkpoints).await;
    running.until("the next", |running| messages(running) == ["m3"]).await;
    assert!(running.problems().is_empty());
    running.stop().await;
}
