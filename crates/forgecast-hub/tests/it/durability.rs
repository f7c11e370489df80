//! What is acknowledged is stored and counts once; what cannot be stored in time is still shown, and counted.

use forgecast_hub::{Options, Reason};
use forgecast_protocol::event::{TokenDelta, UsageRecorded};
use forgecast_protocol::{Batch, Event, Fact, Subject};

use crate::bench::{Bench, agent, custom, eventually, folder, log, named, named_in, options, phase, pushed};
use crate::memory::completed;

fn tokens(bench: &Bench, id: &str) -> Event {
    let fact = Fact::UsageRecorded(UsageRecorded {
        tokens: TokenDelta {
            input: 1,
            ..TokenDelta::default()
        },
        ..UsageRecorded::default()
    });
    pushed(id, named("app"), bench.clock.now(), fact)
}

fn assert_conserved(bench: &Bench) {
    let counters = bench.hub.counters();
    let lost: u64 = counters.rejected.values().chain(counters.dropped.values()).sum();
    assert_eq!(counters.received, counters.applied + counters.duplicate + lost);
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash_and_counts_once() {
    let mut bench = Bench::new().await;
    for round in 0..3u64 {
        for number in 0..20 {
            let event = tokens(&bench, &format!("id {number}"));
            let receipt = bench.hub.push(Batch::of(event)).await.unwrap();
            let is_first = u64::from(round == 0);
            assert_eq!((receipt.accepted, receipt.duplicates), (is_first, 1 - is_first));
        }
        assert_conserved(&bench);
        bench = bench.crash().await;
        assert_eq!(bench.view("app").await.unwrap().1["usage"]["input"], 20);
    }
    bench.stop().await;
}

#[tokio::test]
async fn an_id_counts_within_the_session_and_the_folder_that_its_producer_named() {
    let mut bench = Bench::new().await;
    let subjects = || {
        [
            folder("/p/a"),
            folder("/p/b"),
            named("a"),
            named("c"),
            named_in("c", "/p/c"),
        ]
    };
    for round in 0..3u64 {
        for subject in subjects() {
            let event = pushed("step-1", subject.clone(), bench.clock.now(), phase("Scout", "x"));
            let receipt = bench.hub.push(Batch::of(event)).await.unwrap();
            let is_first = u64::from(round == 0);
            assert_eq!(
                (receipt.accepted, receipt.duplicates),
                (is_first, 1 - is_first),
                "{subject:?}"
            );
        }
        assert_conserved(&bench);
        bench = if round == 0 { bench.crash().await } else { bench };
    }
    // Over all runs: what is sent again after a run began does not begin the next one.
    let event = pushed("step-2", named("c"), bench.clock.now(), completed());
    bench.hub.push(Batch::of(event.clone())).await.unwrap();
    bench
        .hub
        .push(Batch::of(pushed(
            "step-3",
            named("c"),
            bench.clock.now(),
            phase("Scout", "y"),
        )))
        .await
        .unwrap();
    assert_eq!(bench.hub.push(Batch::of(event)).await.unwrap().duplicates, 1);
    bench.stop().await;
}

#[tokio::test]
async fn a_message_that_was_pushed_counts_once_when_a_later_life_reads_it_from_a_file() {
    let mut bench = Bench::new().await;
    let messages = |bench: &Bench| {
        let now = bench.clock.now();
        let events = [
            ("a", phase("Scout", "begins")),
            ("b", completed()),
            ("c", custom("round")),
        ];
        let mut told = log(named("app"), now, &["a line", "and another"]);
        told.id = Some("d".parse().unwrap());
        Batch {
            events: events.map(|(id, fact)| pushed(id, named("app"), now, fact)).into(),
            logs: vec![told],
            ..Batch::default()
        }
    };
    let receipt = bench.hub.push(messages(&bench)).await.unwrap();
    assert_eq!((receipt.accepted, receipt.log_lines), (3, 2));
    for crash in [false, true] {
        let before = (
            bench.view("app").await.unwrap(),
            bench.viewer("log/app").await.state.clone(),
        );
        bench = if crash {
            bench.crash().await
        } else {
            bench.restart().await
        };
        bench.feed(messages(&bench)).await;
        eventually(async || bench.hub.counters().duplicate == 3).await;
        let receipt = bench.hub.push(messages(&bench)).await.unwrap();
        assert_eq!((receipt.duplicates, receipt.known_log_lines), (3, 2));
        assert_eq!((receipt.accepted, receipt.log_lines), (0, 0));
        let after = (
            bench.view("app").await.unwrap(),
            bench.viewer("log/app").await.state.clone(),
        );
        assert_eq!(after, before);
        assert_eq!(bench.hub.counters().log_lines, 0);
        assert!(bench.view("app~2").await.is_none());
        assert_conserved(&bench);
    }
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_of_the_same_ids_at_the_same_time_count_once() {
    // So few ids are remembered that some of the pushes have to look them up again.
    let bench = Bench::with(Options {
        recent_ids: 8,
        ..options()
    })
    .await;
    let mut pushes = tokio::task::JoinSet::new();
    for round in 0..8 {
        for number in 0..25 {
            let (hub, event) = (
                bench.hub.clone(),
                tokens(&bench, &format!("id {}", (number + round) % 25)),
            );
            pushes.spawn(async move { hub.push(Batch::of(event)).await });
        }
    }
    let mut accepted = 0;
    let mut refused = 0;
    while let Some(push) = pushes.join_next().await {
        match push.unwrap() {
            Ok(receipt) => accepted += receipt.accepted,
            Err(_) => refused += 1,
        }
    }
    // Who was told to try again tries again.
    for number in 0..25 {
        let mut receipt = bench.hub.push(Batch::of(tokens(&bench, &format!("id {number}")))).await;
        while receipt.is_err() {
            receipt = bench.hub.push(Batch::of(tokens(&bench, &format!("id {number}")))).await;
        }
        accepted += receipt.unwrap().accepted;
    }
    assert_eq!((accepted, refused), (25, refused));
    assert_eq!(bench.view("app").await.unwrap().1["usage"]["input"], 25);
    assert_conserved(&bench);
    bench.stop().await;
}

#[tokio::test]
async fn an_id_twice_in_one_push_counts_once_and_what_is_not_taken_says_why() {
    let bench = Bench::new().await;
    bench.fact(named_in("mine", "/p/mine"), phase("Scout", "x")).await;
    bench.wait_for("mine", "Scout").await;
    let now = bench.clock.now();
    let mut unknown = pushed("u", named("x"), now, custom("x"));
    unknown.subject.session = Some("nobody~7".parse().unwrap());
    let mut claimed = pushed("c", folder("/q/other"), now, custom("x"));
    claimed.subject.session = Some("mine~1".parse().unwrap());
    let nobody = pushed("n", forgecast_protocol::Subject::default(), now, custom("x"));
    let batch = Batch {
        events: vec![
            tokens(&bench, "a"),
            tokens(&bench, "a"),
            unknown.clone(),
            claimed,
            nobody,
        ],
        ..Batch::default()
    };
    let receipt = bench.hub.push(batch).await.unwrap();
    assert_eq!((receipt.accepted, receipt.duplicates), (1, 1));
    let reasons: Vec<_> = receipt
        .rejected
        .iter()
        .map(|rejected| (rejected.index, rejected.reason))
        .collect();
    assert_eq!(
        reasons,
        [(2, Reason::UnknownRun), (3, Reason::Conflict), (4, Reason::NoSession)]
    );
    // A fact that was refused is not a duplicate when it is sent again.
    let receipt = bench.hub.push(Batch::of(unknown)).await.unwrap();
    assert_eq!(receipt.rejected.len(), 1);
    assert_conserved(&bench);
    bench.stop().await;
}

#[tokio::test]
async fn log_lines_of_no_known_run_are_refused_and_counted_like_facts() {
    let bench = Bench::new().await;
    let mut lost = log(named("x"), bench.clock.now(), &["two", "lines"]);
    lost.subject.session = Some("nobody~7".parse().unwrap());
    let taken = log(named("mine"), bench.clock.now(), &["one"]);
    let receipt = bench.hub.push(lines([taken, lost])).await.unwrap();
    assert_eq!(receipt.log_lines, 1);
    let refused: Vec<_> = receipt
        .rejected_logs
        .iter()
        .map(|one| (one.index, one.reason))
        .collect();
    assert_eq!(refused, [(1, Reason::UnknownRun)]);
    let counters = bench.hub.counters();
    assert_eq!(counters.log_lines, 1);
    assert_eq!(counters.log_lines_rejected, [("unknown_run", 2)].into());
    assert_conserved(&bench);
    bench.stop().await;
}

#[tokio::test]
async fn log_lines_that_were_acknowledged_are_there_after_a_crash() {
    let bench = Bench::new().await;
    for text in ["one", "two"] {
        let chunk = log(named("mine"), bench.clock.now(), &[text]);
        assert_eq!(bench.hub.push(lines([chunk])).await.unwrap().log_lines, 1);
    }
    let bench = bench.crash().await;
    let mut viewer = bench.viewer("log/mine").await;
    viewer.until(|viewer| viewer.lines.len() == 2).await;
    bench.stop().await;
}

fn lines<const N: usize>(chunks: [forgecast_protocol::LogChunk; N]) -> Batch {
    Batch {
        logs: chunks.into(),
        ..Batch::default()
    }
}

#[tokio::test]
async fn when_the_disk_is_behind_facts_are_shown_all_the_same_and_their_state_is_stored() {
    // Nothing may be on its way: whatever comes while a commit runs collapses.
    let mut bench = Bench::with(Options {
        max_backlog_bytes: 0,
        ..options()
    })
    .await;
    for round in 0..3 {
        for number in 0..400u32 {
            let fact = match number % 2 {
                0 => agent(&format!("a{}", number % 3), f64::from(number) / 7.0),
                _ => phase("Builder", &format!("round {round}, step {number}")),
            };
            bench.fact(named_in("app", "/p/app"), fact).await;
        }
        bench.wait_for("app", &format!("round {round}, step 399")).await;
        let counters = bench.hub.counters();
        assert_eq!(counters.applied, 400);
        let mut viewer = bench.viewer("session/app").await;
        viewer.next().await;
        let before = bench.view("app").await;
        bench = bench.restart().await;
        assert_eq!(bench.view("app").await, before);
        viewer.resume(&bench).await;
        viewer.catch_up();
        viewer.assert_true();
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_push_is_refused_while_the_disk_is_behind() {
    let bench = Bench::with(Options {
        max_backlog_bytes: 0,
        ..options()
    })
    .await;
    let mut refused = 0;
    for number in 0..200 {
        bench.fact(named("other"), agent("a", f64::from(number))).await;
        match bench.hub.push(Batch::of(tokens(&bench, &format!("id {number}")))).await {
            Ok(receipt) => assert_eq!(receipt.accepted, 1),
            Err(error) => {
                assert!(matches!(error, forgecast_hub::PushError::Busy { .. }), "{error}");
                refused += 1;
            }
        }
    }
    eventually(async || {
        let counters = bench.hub.counters();
        counters.applied == 400 - refused && counters.rejected.get("busy").copied().unwrap_or(0) == refused
    })
    .await;
    assert_conserved(&bench);
    bench.stop().await;
}

#[tokio::test]
async fn who_claims_a_session_of_another_folder_is_shown_and_changes_nothing_else() {
    let bench = Bench::new().await;
    bench.fact(named_in("app", "/p/app"), phase("Scout", "ours")).await;
    bench.wait_for("app", "ours").await;
    for number in 0..3 {
        let claimed = Subject {
            session: Some("app~1".parse().unwrap()),
            directory: Some(format!("/q/{number}")),
            ..Subject::default()
        };
        let event = pushed(
            &format!("claim {number}"),
            claimed,
            bench.clock.now(),
            phase("Scout", "theirs"),
        );
        let receipt = bench.hub.push(Batch::of(event)).await.unwrap();
        assert_eq!(receipt.rejected[0].reason, Reason::Conflict);
    }
    let (revision, view) = bench.view("app").await.unwrap();
    assert_eq!(revision, 2, "it is said once");
    let problems = view["problems"].as_object().unwrap();
    assert_eq!(problems.len(), 1);
    let problem = &problems["conflict"];
    assert_eq!(problem["kind"], "conflict");
    assert!(
        problem["message"]
            .as_str()
            .unwrap()
            .starts_with("/q/0 claims this session, too")
    );
    assert!(!view.to_string().contains("theirs"));
    bench.stop().await;
}
