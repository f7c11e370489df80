//! Whose is an agent's transcript: a build's that was at work in its folder, or nobody's but its own.

use forgecast_protocol::event::{AgentReported, IndexingProgress};
use forgecast_protocol::report::GroupBy;
use forgecast_protocol::{Batch, Fact, SourceKind, Subject, Timestamp};
use serde_json::json;

use crate::accounts::*;
use crate::bench::{Bench, eventually, folder, log, named, phase};
use crate::memory::completed;

const HOUR_MS: i64 = 3_600_000;

fn called(message: &str, tokens: u64) -> Fact {
    Fact::CallReported(call(message, &format!("of {message}"), tokens))
}

/// A call that is read now for the first time, from a transcript that was written back `then`.
fn archived(bench: &Bench, subject: Subject, message: &str, then: Timestamp) -> Batch {
    let mut old = call(message, "", 10);
    old.used_at = Some(then);
    let fact = Fact::CallReported(old);
    let mut read = told(SourceKind::Transcript, subject, bench.clock.now(), fact);
    read.origin.first_sight = true;
    read.origin.modified_at = Some(then);
    Batch::of(read)
}

#[tokio::test]
async fn an_agent_without_a_build_is_a_session_of_its_own_titled_by_its_first_prompt() {
    let mut bench = Bench::new().await;
    let subject = transcript("258c7280-ae70", "/home/dev/notes");
    bench.feed(line(&bench, &subject, titled("Sort the notes"))).await;
    bench.feed(line(&bench, &subject, called("m1", 10))).await;
    received(&bench, 2).await;
    for round in 0..2 {
        let (_, view) = bench.view("258c7280-ae70").await.unwrap();
        assert_eq!(view["id"], "258c7280-ae70~1", "{round}");
        assert_eq!(view["name"], "Sort the notes");
        assert_eq!(view["source"], "transcript");
        assert_eq!(view["usage"]["calls"], 1);
        bench = bench.restart().await;
    }
    bench.stop().await;
}

#[tokio::test]
async fn an_agent_in_the_folder_of_a_build_at_work_or_below_it_belongs_to_the_build() {
    let mut bench = Bench::new().await;
    bench.fact(folder("/p/app"), phase("Builder", "works")).await;
    bench.wait_for("app", "works").await;
    for (name, directory) in [
        ("t1", "/p/app"),
        ("t2", "/p/app/crates/core"),
        ("t3", "/p/application"),
        ("t4", "/p"),
    ] {
        bench
            .feed(line(&bench, &transcript(name, directory), called(name, 10)))
            .await;
    }
    received(&bench, 5).await;
    assert_eq!(usage(&bench, "app").await["calls"], 2);
    for own in ["t3", "t4"] {
        assert_eq!(usage(&bench, own).await["calls"], 1, "{own}");
    }
    for joined in ["t1", "t2"] {
        assert!(bench.view(joined).await.is_none(), "{joined}");
    }
    // What was bound stays bound: after a restart, after the build's end, and when a source names no folder.
    bench = bench.restart().await;
    bench.fact(folder("/p/app"), completed()).await;
    bench.wait_for("app", "completed").await;
    bench
        .feed(line(&bench, &transcript("t2", ""), called("later", 10)))
        .await;
    received(&bench, 2).await;
    assert_eq!(usage(&bench, "app").await["calls"], 3);
    // In history an agent's transcript goes by its own id.
    let sessions = report(&bench, GroupBy::Session).await.rows;
    let mut keys: Vec<_> = sessions.iter().map(|row| row.key().to_owned()).collect();
    keys.sort();
    assert_eq!(keys, ["t1", "t2", "t3", "t4"]);
    bench.stop().await;
}

#[tokio::test]
async fn an_agent_that_ran_at_another_time_does_not_belong_to_the_build_of_its_folder() {
    let bench = Bench::new().await;
    bench.fact(folder("/p/app"), phase("Builder", "works")).await;
    bench.fact(folder("/p/app"), completed()).await;
    bench.wait_for("app", "completed").await;
    bench.clock.jump(HOUR_MS);
    bench
        .feed(line(&bench, &transcript("after", "/p/app"), called("m1", 10)))
        .await;
    // An archive: read today, of last month.
    let then = Timestamp::from_millis(bench.clock.now().as_millis() - 30 * 24 * HOUR_MS);
    bench
        .feed(archived(&bench, transcript("before", "/p/app"), "m2", then))
        .await;
    received(&bench, 4).await;
    assert_eq!(usage(&bench, "after").await["calls"], 1);
    assert_eq!(usage(&bench, "before").await["calls"], 1);
    assert!(usage(&bench, "app").await.is_null());
    bench.stop().await;
}

#[tokio::test]
async fn an_archived_transcript_joins_the_run_that_went_on_then() {
    let bench = Bench::new().await;
    bench.fact(folder("/p/app"), phase("Builder", "first")).await;
    bench.wait_for("app", "first").await;
    let then = bench.clock.now();
    bench.fact(folder("/p/app"), completed()).await;
    bench.clock.jump(10 * HOUR_MS);
    bench.fact(folder("/p/app"), phase("Scout", "second")).await;
    bench.wait_for("app~2", "second").await;
    bench
        .feed(archived(&bench, transcript("t1", "/p/app"), "m1", then))
        .await;
    received(&bench, 4).await;
    assert_eq!(usage(&bench, "app~1").await["calls"], 1);
    assert!(usage(&bench, "app~2").await.is_null());
    bench.stop().await;
}

#[tokio::test]
async fn an_agent_that_goes_on_with_the_next_run_counts_for_that_one_from_then_on() {
    let mut bench = Bench::new().await;
    let subject = transcript("t1", "/p/app");
    bench.fact(folder("/p/app"), phase("Builder", "first")).await;
    bench.wait_for("app", "first").await;
    bench.feed(line(&bench, &subject, called("m1", 10))).await;
    bench.fact(folder("/p/app"), completed()).await;
    bench.feed(line(&bench, &subject, called("m2", 10))).await;
    received(&bench, 4).await;
    assert_eq!(usage(&bench, "app~1").await["calls"], 2);
    bench.clock.jump(60_000);
    bench.fact(folder("/p/app"), phase("Scout", "second")).await;
    bench.wait_for("app~2", "second").await;
    bench = bench.restart().await;
    for round in 1..3 {
        bench.feed(line(&bench, &subject, called("m3", 10 + round))).await;
        received(&bench, round).await;
        assert_eq!(usage(&bench, "app~1").await["calls"], 2);
        assert_eq!(amount(&usage(&bench, "app~2").await), (10 + round, 10 + round, 1));
    }
    assert_views_add_up(&bench, &["app~1", "app~2"]).await;
    bench.stop().await;
}

/// An agent at work in a folder in which there is no build yet, with some history.
async fn agent_at_work(bench: &Bench) -> Subject {
    let subject = transcript("t1", "/p/app/src");
    bench.feed(line(bench, &subject, titled("Build it"))).await;
    for number in 0..20 {
        bench
            .feed(line(bench, &subject, called(&format!("m{number}"), 10)))
            .await;
    }
    let agent = Fact::AgentReported(AgentReported {
        id: "a1".into(),
        status: Some("active".into()),
        ..AgentReported::default()
    });
    bench.feed(line(bench, &subject, agent)).await;
    let mut of_agent = call("sub", "", 7);
    of_agent.agent = Some("a1".into());
    bench.feed(line(bench, &subject, Fact::CallReported(of_agent))).await;
    let batch = Batch {
        logs: vec![log(subject.clone(), bench.clock.now(), &["edited a file"])],
        ..Batch::default()
    };
    bench.feed(batch).await;
    received(bench, 23).await;
    subject
}

async fn assert_adopted(bench: &Bench, calls: u64, tokens: u64) {
    eventually(async || bench.view("t1").await.is_none()).await;
    eventually(async || usage(bench, "app").await["calls"] == calls).await;
    settled(bench).await;
    let (_, view) = bench.view("app").await.unwrap();
    assert_eq!(amount(&view["usage"]), (tokens, tokens, calls));
    assert_eq!(view["agents"]["a1"]["tokens"], 14, "{:#}", view["agents"]);
    assert_eq!(view["source"], "live");
    assert_views_add_up(bench, &["app"]).await;
    let phases = view["usage"]["by_phase"].clone();
    let history = report(bench, GroupBy::Phase).await.rows;
    for row in history.iter().filter(|row| !row.key().is_empty()) {
        assert_eq!(phases[row.key()]["input"], row.amount.tokens.input);
    }
    assert_eq!(
        bench.hub.project_directory(&"app~1".parse().unwrap()),
        Some("/p/app".into())
    );
}

#[tokio::test]
async fn a_build_that_appears_in_the_folder_of_an_agent_at_work_takes_it_over() {
    let mut bench = Bench::new().await;
    let subject = agent_at_work(&bench).await;
    let mut viewer = bench.viewer("session/t1").await;
    viewer.next().await;
    bench.fact(folder("/p/app"), phase("Scout", "begins")).await;
    // Told while it moves, and of a call that was told before.
    bench.feed(line(&bench, &subject, called("m3", 15))).await;
    bench.feed(line(&bench, &subject, called("new", 5))).await;
    viewer.until(|viewer| viewer.removed).await;
    assert_adopted(&bench, 22, 20 * 10 + 5 + 5 + 7).await;
    assert_eq!(bench.hub.counters().merged_sessions, 1);
    assert_conserved(&bench);
    for round in 0..2 {
        bench = if round == 0 {
            bench.crash().await
        } else {
            bench.restart().await
        };
        assert_adopted(&bench, 22 + round, 20 * 10 + 5 + 5 + 7 + round).await;
        // What is told again is known, and what is new goes to the build.
        bench.feed(line(&bench, &subject, called("m3", 15))).await;
        bench
            .feed(line(&bench, &subject, called(&format!("again {round}"), 1)))
            .await;
        received(&bench, 2).await;
        assert_adopted(&bench, 23 + round, 20 * 10 + 5 + 5 + 7 + round + 1).await;
    }
    let index = bench.hub.index().await;
    let index: serde_json::Value = serde_json::from_slice(&index.json).unwrap();
    assert_eq!(index["total"], 1);
    bench.stop().await;
}

#[tokio::test]
async fn an_adoption_that_was_cut_off_comes_to_its_end_after_the_next_start() {
    for settle in [false, true] {
        let mut bench = Bench::new().await;
        agent_at_work(&bench).await;
        bench.fact(folder("/p/app"), phase("Scout", "begins")).await;
        if settle {
            bench.wait_for("app", "begins").await;
        }
        // Wherever it is by now.
        bench = bench.crash().await;
        bench.fact(folder("/p/app"), phase("Scout", "goes on")).await;
        bench.wait_for("app", "goes on").await;
        assert_adopted(&bench, 21, 20 * 10 + 7).await;
        bench.stop().await;
    }
}

#[tokio::test]
async fn an_agent_that_is_silent_for_long_or_elsewhere_is_left_alone() {
    let bench = Bench::new().await;
    bench
        .feed(line(&bench, &transcript("silent", "/p/app"), called("m1", 10)))
        .await;
    received(&bench, 1).await;
    bench.clock.jump(5 * HOUR_MS);
    bench
        .feed(line(&bench, &transcript("elsewhere", "/p/other"), called("m2", 10)))
        .await;
    bench.fact(folder("/p/app"), phase("Scout", "begins")).await;
    received(&bench, 3).await;
    for own in ["silent", "elsewhere"] {
        assert_eq!(usage(&bench, own).await["calls"], 1, "{own}");
    }
    assert!(usage(&bench, "app").await.is_null());
    bench.stop().await;
}

#[tokio::test]
async fn an_agent_whose_folder_is_told_late_joins_its_build_then() {
    let bench = Bench::new().await;
    bench.fact(folder("/p/app"), phase("Builder", "works")).await;
    // Telemetry names the transcript and no folder.
    let mut of_telemetry = call("", "of m1", 10);
    of_telemetry.source = forgecast_protocol::event::UsageSource::Otel;
    let event = told(
        SourceKind::Otlp,
        transcript("t1", ""),
        bench.clock.now(),
        Fact::CallReported(of_telemetry),
    );
    bench.feed(Batch::of(event)).await;
    received(&bench, 2).await;
    assert_eq!(usage(&bench, "t1").await["calls"], 1);
    bench
        .feed(line(&bench, &transcript("t1", "/p/app"), called("m1", 10)))
        .await;
    eventually(async || bench.view("t1").await.is_none()).await;
    eventually(async || usage(&bench, "app").await["calls"] == 1).await;
    assert_eq!(usage(&bench, "app").await["provenance"], json!(["transcript", "otel"]));
    settled(&bench).await;
    assert_views_add_up(&bench, &["app"]).await;
    bench.stop().await;
}

#[tokio::test]
async fn a_phase_file_in_an_agent_sessions_folder_makes_a_build() {
    let bench = Bench::new().await;
    bench
        .feed(line(&bench, &transcript("t1", "/p/app"), called("m1", 10)))
        .await;
    received(&bench, 1).await;
    bench.fact(folder("/p/app"), phase("Scout", "begins")).await;
    bench.wait_for("app", "begins").await;
    assert_eq!(bench.view("app").await.unwrap().1["id"], "app~1");
    bench.stop().await;
}

#[tokio::test]
async fn a_forgotten_transcript_that_goes_on_is_a_new_run() {
    let bench = Bench::new().await;
    let subject = transcript("t1", "/p/app");
    bench.feed(line(&bench, &subject, called("m1", 10))).await;
    received(&bench, 1).await;
    assert!(bench.hub.forget(&"t1".parse().unwrap()).await.unwrap());
    bench.feed(line(&bench, &subject, called("m2", 3))).await;
    received(&bench, 2).await;
    assert_eq!(bench.view("t1").await.unwrap().1["id"], "t1~2");
    assert_eq!(amount(&usage(&bench, "t1").await), (3, 3, 1));
    let bench = bench.restart().await;
    assert_views_add_up(&bench, &["t1"]).await;
    bench.stop().await;
}

#[tokio::test]
async fn how_far_the_first_reading_is_stands_in_the_index_until_it_is_over() {
    let bench = Bench::new().await;
    let mut viewer = bench.viewer("sessions").await;
    viewer.next().await;
    bench.fact(named("app"), phase("Scout", "begins")).await;
    for done in [0, 3, 10] {
        let progress = IndexingProgress {
            done,
            files: 10,
            bytes_done: done * 100,
            bytes: 1_000,
        };
        bench.fact(Subject::default(), Fact::IndexingProgress(progress)).await;
        let shown = (done < 10).then_some(done);
        viewer
            .until(|viewer| {
                viewer.state["sessions"]["app~1"].is_object() && viewer.state["indexing"]["done"].as_u64() == shown
            })
            .await;
        viewer.assert_true();
    }
    assert!(viewer.state.get("indexing").is_none());
    assert_conserved(&bench);
    bench.stop().await;
}
