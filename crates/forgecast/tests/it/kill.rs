//! F29: SIGKILL at random moments under load. Afterwards the view is what the files say, every fact is stored once, and
//! no push that was acknowledged is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::viewer::{Viewer, Wire, detail_of};
use crate::world::{Project, Server, World, pause, request};

const KILLS: u64 = 20;
const PROJECTS: usize = 5;
/// One change every so often, all projects together: 500 a second.
const BETWEEN_CHANGES: Duration = Duration::from_millis(2);

fn name(index: usize) -> String {
    format!("app-{index}")
}

fn building(index: usize, number: u64) -> Value {
    json!({"session_id": name(index), "current_phase": "Builder", "status": "building", "progress_detail": format!("change {number}")})
}

/// All facts of a session, oldest first.
fn facts(server: &Server, session: &str) -> Vec<Value> {
    let mut facts: Vec<Value> = Vec::new();
    loop {
        let after = facts.last().map_or(0, |fact| fact["sequence"].as_u64().unwrap());
        let page = server.json(&format!("/api/v1/sessions/{session}/events?after={after}&limit=1000"));
        let page = page["events"].as_array().unwrap();
        if page.is_empty() {
            return facts;
        }
        facts.extend(page.iter().cloned());
    }
}

#[test]
fn twenty_kills_under_load_lose_nothing_that_was_promised() {
    let world = World::new();
    let projects: Vec<Project> = (0..PROJECTS).map(|index| world.project(&name(index))).collect();
    let address = Mutex::new(String::new());
    let acknowledged = Mutex::new(BTreeSet::new());
    let over = AtomicBool::new(false);
    let changes = AtomicU64::new(0);
    let seed = 29;
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut last = [0; PROJECTS];
            for number in 1.. {
                let index = usize::try_from(number).unwrap() % PROJECTS;
                projects[index].phase(&building(index, number));
                last[index] = number;
                changes.store(number, Ordering::Relaxed);
                if over.load(Ordering::Relaxed) {
                    break;
                }
                pause(BETWEEN_CHANGES);
            }
            last
        });
        scope.spawn(|| {
            for number in 0u64.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let address = address.lock().unwrap().clone();
                let id = format!("push-{number}");
                let envelope = json!({"id": id, "session": "pushed", "type": "error_reported", "message": id});
                if request(&address, "POST", "/api/v1/events", &envelope.to_string()).0 == 200 {
                    acknowledged.lock().unwrap().insert(id);
                } else {
                    pause(BETWEEN_CHANGES);
                }
            }
        });
        for _ in 0..KILLS {
            let server = world.serve();
            address.lock().unwrap().clone_from(&server.address().to_owned());
            // A moment with work in it, wherever that falls: while starting, scanning, committing.
            let until = changes.load(Ordering::Relaxed) + rng.u64(1..80);
            crate::world::eventually("changes", || (changes.load(Ordering::Relaxed) >= until).then_some(()));
            let errors = server.kill();
            assert!(!errors.contains("panicked"), "{errors}");
        }
        over.store(true, Ordering::Relaxed);
        let last = writer.join().unwrap();
        check(&world.serve(), &last, &acknowledged.lock().unwrap());
    });
}

fn check(server: &Server, last: &[u64], acknowledged: &BTreeSet<String>) {
    for (index, number) in last.iter().enumerate() {
        let wished = format!("change {number}");
        server.view_when(&name(index), |view| detail_of(view) == wished);
        Viewer::of(server, &name(index), Wire::WebSocket, None).until_detail(&wished);
        let mut count: BTreeMap<String, u32> = BTreeMap::new();
        for fact in facts(server, &name(index)) {
            if let Some(detail) = fact["event"]["fact"]["detail"].as_str() {
                *count.entry(detail.to_owned()).or_default() += 1;
            }
        }
        assert!(!count.is_empty());
        let twice: Vec<_> = count.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "stored twice: {twice:?}");
    }
    let stored = facts(server, "pushed");
    let ids: Vec<&str> = stored.iter().filter_map(|fact| fact["event"]["id"].as_str()).collect();
    let distinct: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), distinct.len(), "a push was stored twice");
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|id| !distinct.contains(id.as_str()))
        .collect();
    assert!(
        !acknowledged.is_empty() && lost.is_empty(),
        "{} acknowledged, lost: {lost:?}",
        acknowledged.len()
    );
}
