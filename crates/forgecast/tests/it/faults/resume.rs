//! Viewers that leave at any moment and come back with whatever they hold: what follows is contiguous, or an explicit
//! snapshot; in the end everybody holds the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use forgecast_protocol::Revision;
use serde_json::{Value, json};

use super::follower::{Follower, Step, digest};
use super::support::{assert_conserved, assert_no_panic, assert_silent, building};
use crate::viewer::Held;
use crate::world::{PATIENCE, World, pause, request};

const SESSIONS: usize = 4;
const VIEWERS: u64 = 8;
const DISCONNECTS: usize = 125;
/// States that a viewer remembers, to come back with any of them; more than the server keeps patches for.
const REMEMBERED: usize = 400;

fn name(index: usize) -> String {
    format!("app-{index}")
}

/// The digest of each state that anybody ever held: two viewers at one revision must hold the same.
type Known = BTreeMap<(usize, String, Revision), String>;

struct Bench {
    address: Mutex<String>,
    over: AtomicBool,
    disconnects: AtomicU64,
    compared: AtomicU64,
    by_patches: AtomicU64,
    by_snapshot: AtomicU64,
    known: Mutex<Known>,
}

impl Bench {
    fn address(&self) -> String {
        self.address.lock().unwrap().clone()
    }

    /// What is held at one revision is what everybody else held there.
    fn compare(&self, session: usize, held: &Held) {
        let (epoch, revision) = held.position;
        let mine = digest(&held.state);
        let mut known = self.known.lock().unwrap();
        let theirs = known
            .entry((session, epoch.to_string(), revision))
            .or_insert_with(|| mine.clone());
        assert_eq!(*theirs, mine, "{} at {revision}: {}", name(session), held.state);
        self.compared.fetch_add(1, Ordering::Relaxed);
    }

    /// Follows, leaves, comes back: `DISCONNECTS` times.
    fn come_and_go(&self, seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let session = rng.usize(..SESSIONS);
        let topic = format!("session/{}", name(session));
        let mut memory: Vec<Held> = Vec::new();
        for _ in 0..DISCONNECTS {
            let held = match rng.u8(..10) {
                0 => None,
                1..=6 => memory.last(),
                _ if memory.is_empty() => None,
                _ => memory.get(rng.usize(..memory.len())),
            }
            .cloned();
            let Some(mut follower) =
                crate::world::try_eventually(|| Follower::follow(&self.address(), &topic, held.as_ref()).ok())
            else {
                panic!("no server to come back to");
            };
            let mut wish = rng.usize(..25);
            while wish > 0 {
                match follower.step() {
                    Ok(Step::Snapshot | Step::Patch) => {
                        wish -= 1;
                        let now = follower.held().unwrap();
                        self.compare(session, &now);
                        memory.push(now);
                    }
                    Ok(Step::Heartbeat) => wish -= 1,
                    Ok(Step::Other) => {}
                    // The server stopped, or was stopped while it greeted.
                    Err(_) => break,
                }
            }
            if held.is_some() && follower.snapshots + follower.patches > 0 {
                let counter = if follower.snapshots > 0 {
                    &self.by_snapshot
                } else {
                    &self.by_patches
                };
                counter.fetch_add(1, Ordering::Relaxed);
            }
            let excess = memory.len().saturating_sub(REMEMBERED);
            memory.drain(..excess);
            self.disconnects.fetch_add(1, Ordering::Relaxed);
            // Dropped without a word.
        }
    }

    /// Changes every session, by file and by push, until it is over; returns the last number.
    fn change(&self, world: &World) -> u64 {
        let projects: Vec<_> = (0..SESSIONS).map(|index| world.project(&name(index))).collect();
        for number in 1.. {
            let session = usize::try_from(number).unwrap() % SESSIONS;
            projects[session].phase(&building(&name(session), &format!("change {number}")));
            let envelopes: Vec<Value> = (0..SESSIONS)
                .map(|index| {
                    json!({"id": format!("{number}-{index}"), "session": name(index), "type": "agent_reported",
                        "agent_id": format!("agent-{}", number % 5), "status": "active", "tokens_used": number})
                })
                .collect();
            let body = Value::from(envelopes).to_string();
            // Sent again until it is taken: the server is away for a moment in the middle.
            let taken = crate::world::try_eventually(|| {
                let status = request(&self.address(), "POST", "/api/v1/events", &body).0;
                (status == 200).then_some(())
            });
            assert!(taken.is_some(), "a push is not taken for {PATIENCE:?}");
            if self.over.load(Ordering::Relaxed) {
                return number;
            }
        }
        0
    }
}

/// F24: 1,000 disconnects, coming back with any state of before, a clean restart in the middle.
#[test]
fn whoever_leaves_and_comes_back_holds_what_everybody_holds() {
    let world = World::new();
    for index in 0..SESSIONS {
        world.project(&name(index)).phase(&building(&name(index), "change 0"));
    }
    let server = world.serve();
    for index in 0..SESSIONS {
        server.view_when(&name(index), |view| view["phase"]["detail"] == "change 0");
    }
    let bench = Bench {
        address: Mutex::new(server.address().to_owned()),
        over: AtomicBool::new(false),
        disconnects: AtomicU64::new(0),
        compared: AtomicU64::new(0),
        by_patches: AtomicU64::new(0),
        by_snapshot: AtomicU64::new(0),
        known: Mutex::default(),
    };
    let seed = 24;
    println!("seed {seed}");
    let all = VIEWERS * DISCONNECTS as u64;
    let (server, last) = thread::scope(|scope| {
        let changes = scope.spawn(|| bench.change(&world));
        let viewers: Vec<_> = (0..VIEWERS)
            .map(|viewer| {
                let bench = &bench;
                scope.spawn(move || bench.come_and_go(seed + viewer))
            })
            .collect();
        let half = all / 2;
        while bench.disconnects.load(Ordering::Relaxed) < half
            && !viewers.iter().any(thread::ScopedJoinHandle::is_finished)
        {
            pause(Duration::from_millis(10));
        }
        assert!(server.stop().success());
        let server = world.serve();
        bench.address.lock().unwrap().clone_from(&server.address().to_owned());
        for viewer in viewers {
            viewer.join().unwrap();
        }
        bench.over.store(true, Ordering::Relaxed);
        (server, changes.join().unwrap())
    });
    assert_eq!(bench.disconnects.load(Ordering::Relaxed), all);
    let (by_patches, by_snapshot) = (bench.by_patches.into_inner(), bench.by_snapshot.into_inner());
    println!(
        "{last} changes, {} states compared; came back by patches {by_patches}, by snapshot {by_snapshot}",
        bench.compared.into_inner()
    );
    assert!(by_patches > all / 10, "most come back by patches");
    assert!(by_snapshot > 0, "whoever was away for too long gets a snapshot");
    let known = bench.known.into_inner().unwrap();
    let epochs: BTreeSet<&str> = known.keys().map(|key| key.1.as_str()).collect();
    assert_eq!(epochs.len(), 1, "a clean restart keeps the epoch");
    let mut last_follower = None;
    for index in 0..SESSIONS {
        let mut follower = Follower::follow(server.address(), &format!("session/{}", name(index)), None).unwrap();
        let tokens = last;
        follower.until("the last push", |state| {
            state["agents"][format!("agent-{}", last % 5)]["tokens"] == tokens
        });
        follower.until_digest();
        let (_, revision) = follower.position.unwrap();
        let at = server.json(&format!("/api/v1/sessions/{}/at/{revision}", name(index)));
        assert_eq!(at, follower.state, "history gives what was folded");
        last_follower = Some(follower);
    }
    assert_silent(&mut last_follower.unwrap());
    sample_history(&known, &server);
    assert_conserved(&server);
    assert_no_panic(server);
}

/// Replayed history is what viewers were shown at the time.
fn sample_history(known: &Known, server: &crate::world::Server) {
    let step = known.len() / 50 + 1;
    for ((session, _, revision), shown) in known.iter().step_by(step) {
        let at = server.json(&format!("/api/v1/sessions/{}/at/{revision}", name(*session)));
        assert_eq!(digest(&at), *shown, "{} at {revision}: {at}", name(*session));
    }
}
