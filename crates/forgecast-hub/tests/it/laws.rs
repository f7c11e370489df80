//! The laws that hold for every viewer of a running hub, whatever happens in whatever order.

use forgecast_hub::{Options, Start};
use forgecast_protocol::{Batch, Fact, Subject};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::bench::{Bench, Viewer, agent, eventually, named_in, options, phase};

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

fn fact() -> impl Strategy<Value = (usize, Fact)> {
    let phases = ["Scout", "Architect", "Builder", "Test"];
    let reported = (0usize..4, 0u8..5).prop_map(move |(at, detail)| phase(phases[at], &format!("step {detail}")));
    let agents = (0u8..4, 0u8..10).prop_map(|(id, tenths)| agent(&format!("a{id}"), f64::from(tenths) / 7.0));
    (0usize..3, prop_oneof![reported, agents])
}

fn subject(number: usize) -> Subject {
    named_in(&format!("s{number}"), &format!("/p/s{number}"))
}

#[derive(Clone, Debug)]
enum Step {
    Feed(Vec<(usize, Fact)>),
    Resume(usize),
    Fresh(usize),
    Read(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => proptest::collection::vec(fact(), 1..4).prop_map(Step::Feed),
        2 => (0usize..3).prop_map(Step::Resume),
        1 => (0usize..3).prop_map(Step::Fresh),
        2 => (0usize..3).prop_map(Step::Read),
    ]
}

proptest! {
    #![proptest_config(Config { cases: 24, ..Config::default() })]

    #[test]
    fn any_interleaving_of_facts_and_viewers_converges_also_across_restarts(
        steps in proptest::collection::vec(step(), 1..40),
        restarts in proptest::collection::vec((0usize..40, any::<bool>()), 0..3),
        ring in 1usize..20,
    ) {
        runtime().block_on(async {
            let bench = Bench::with(Options { ring_patches: ring, idle_finished: 0, ..options() }).await;
            run(bench, steps, &restarts).await;
        });
    }
}

async fn run(mut bench: Bench, steps: Vec<Step>, restarts: &[(usize, bool)]) {
    for number in 0..3 {
        bench.fact(subject(number), phase("Scout", "begins")).await;
        bench.wait_for(&format!("s{number}"), "begins").await;
    }
    let mut viewers = Vec::new();
    for number in 0..3 {
        viewers.push(bench.viewer(&format!("session/s{number}")).await);
    }
    let mut index = bench.viewer("sessions").await;
    for (at, step) in steps.into_iter().enumerate() {
        if let Some((_, clean)) = restarts.iter().find(|(when, _)| *when == at) {
            let epoch = bench.hub.epoch();
            bench.hub.flush().await.unwrap();
            bench = if *clean {
                bench.restart().await
            } else {
                bench.crash().await
            };
            assert_eq!(
                bench.hub.epoch() == epoch,
                *clean,
                "the epoch survives a clean restart only"
            );
            for viewer in &mut viewers {
                viewer.resume(&bench).await;
            }
            index.resume(&bench).await;
        }
        match step {
            Step::Feed(facts) => {
                let events = facts
                    .into_iter()
                    .map(|(number, fact)| bench.event(subject(number), fact));
                let batch = Batch {
                    events: events.collect(),
                    ..Batch::default()
                };
                bench.feed(batch).await;
            }
            Step::Resume(number) => viewers[number].resume(&bench).await,
            Step::Fresh(number) => viewers[number] = bench.viewer(&format!("session/s{number}")).await,
            Step::Read(number) => viewers[number].catch_up(),
        }
    }
    // A push goes through the same task, so what was fed before it is folded when it is answered.
    eventually(async || bench.hub.intake().capacity() == bench.hub.intake().max_capacity()).await;
    bench.hub.push(Batch::default()).await.unwrap();
    for viewer in &mut viewers {
        let topic = viewer.subscription.topic().to_string();
        let session = topic.trim_start_matches("session/").parse().unwrap();
        eventually(async || {
            viewer.catch_up();
            let state = bench.hub.view(&session).await.unwrap().unwrap();
            viewer.revision == state.revision && viewer.digest() == state.digest
        })
        .await;
        viewer.assert_true();
    }
    eventually(async || {
        index.catch_up();
        let now = bench.hub.index().await;
        index.revision == now.revision && index.digest() == now.digest
    })
    .await;
    bench.stop().await;
}

#[test]
fn a_thousand_random_disconnects_end_in_a_thousand_true_views() {
    runtime().block_on(async {
        let bench = Bench::with(Options {
            ring_patches: 16,
            ..options()
        })
        .await;
        bench.fact(subject(0), phase("Scout", "begins")).await;
        bench.wait_for("s0", "begins").await;
        let mut viewers: Vec<Viewer> = Vec::new();
        for _ in 0..10 {
            viewers.push(bench.viewer("session/s0").await);
        }
        let feeding = async {
            for number in 0..3000u32 {
                let detail = format!("{}", number % 17);
                let fact = if number % 3 == 0 {
                    phase("Builder", &detail)
                } else {
                    agent(&detail, f64::from(number) / 3.0)
                };
                bench.fact(subject(0), fact).await;
                if number % 8 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        };
        let viewing = async {
            let mut seed = 0x2545_f491_4f6c_dd1du64;
            let (mut checked, mut resets) = (0, 0);
            while checked < 1000 {
                // xorshift: the same order of events on every run.
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let one = usize::try_from(seed % 10).unwrap();
                let viewer = &mut viewers[one];
                if seed.is_multiple_of(3) {
                    viewer.resume(&bench).await;
                    let before = viewer.snapshots;
                    viewer.catch_up();
                    resets += u32::from(viewer.snapshots > before);
                    viewer.assert_true();
                    checked += 1;
                } else {
                    viewer.catch_up();
                    viewer.assert_true();
                }
                tokio::task::yield_now().await;
            }
            (checked, resets)
        };
        let ((), (checked, _)) = tokio::join!(feeding, viewing);
        assert_eq!(checked, 1000);
        bench.hub.push(Batch::default()).await.unwrap();
        for viewer in &mut viewers {
            viewer.resume(&bench).await;
            eventually(async || {
                viewer.catch_up();
                let state = bench.hub.view(&"s0".parse().unwrap()).await.unwrap().unwrap();
                viewer.revision == state.revision && viewer.digest() == state.digest
            })
            .await;
        }
        bench.stop().await;
    });
}

#[tokio::test]
async fn a_cancelled_wait_loses_and_repeats_nothing() {
    let bench = Bench::new().await;
    bench.fact(subject(0), phase("Scout", "begins")).await;
    bench.wait_for("s0", "begins").await;
    let mut viewer = bench.viewer("session/s0").await;
    let mut other = bench.viewer_from("log/s0", Start::Fresh).await;
    for number in 0..200 {
        bench.fact(subject(0), phase("Scout", &format!("{number}"))).await;
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            _ = viewer.next() => {}
            _ = other.next() => {}
        }
    }
    viewer.until(|viewer| viewer.state["phase"]["detail"] == "199").await;
    viewer.assert_true();
    bench.stop().await;
}
