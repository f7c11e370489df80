//! What every fault test asks at its end: do the numbers add up, is it quiet when nothing changes, did `/healthz` answer
//! all the while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use super::follower::{Follower, Step};
use crate::world::{Project, Server, pause, request};

/// A phase file of the usual shape.
pub(crate) fn building(name: &str, detail: &str) -> Value {
    json!({
        "session_id": name,
        "current_phase": "Builder",
        "phase_number": "3/7",
        "status": "building",
        "progress_detail": detail,
        "phases_completed": ["Scout", "Architect"],
    })
}

/// Writes a file as agents do, in place: emptied first, then filled.
pub(crate) fn write_in_place(project: &Project, name: &str, text: impl AsRef<[u8]>) {
    let path = project.file(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// The numbers of `/metrics`, labels as part of the name.
pub(crate) fn metrics(server: &Server) -> BTreeMap<String, u64> {
    let (status, page) = server.get("/metrics");
    assert_eq!(status, 200);
    page.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        })
        .collect()
}

/// Conservation: received = applied + duplicate + rejected + dropped. Returns the numbers.
pub(crate) fn assert_conserved(server: &Server) -> BTreeMap<String, u64> {
    let numbers = metrics(server);
    let sum = |word: &str| -> u64 {
        let prefix = format!("forgecast_facts_{word}_total");
        numbers
            .iter()
            .filter(|(name, _)| name.starts_with(&prefix))
            .map(|(_, value)| value)
            .sum()
    };
    let received = sum("received");
    assert!(received > 0, "nothing came in at all");
    let accounted = sum("applied") + sum("duplicate") + sum("rejected") + sum("dropped");
    assert_eq!(received, accounted, "facts are unaccounted for: {numbers:?}");
    numbers
}

/// Silence: once nothing changes, a heartbeat follows a heartbeat and the next one too, with no data between them.
/// What was under way when the load ended may still arrive before that.
pub(crate) fn assert_silent(follower: &mut Follower) {
    let (mut quiet, mut beats) = (0, 0);
    while quiet < 3 {
        match follower.step().unwrap() {
            Step::Heartbeat => {
                quiet += 1;
                beats += 1;
            }
            Step::Snapshot | Step::Patch => quiet = 0,
            Step::Other => {}
        }
        assert!(beats < 12, "data frames keep coming although nothing changes");
    }
}

/// Asks `/healthz` again and again until it is told to stop; any answer but 200 is a failure.
pub(crate) struct Pulse {
    over: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    asking: JoinHandle<Vec<u16>>,
}

impl Pulse {
    pub(crate) fn of(server: &Server) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let answers = Arc::new(AtomicU64::new(0));
        let (address, stop, count) = (server.address().to_owned(), Arc::clone(&over), Arc::clone(&answers));
        let asking = std::thread::spawn(move || {
            let mut bad = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                match request(&address, "GET", "/healthz", "").0 {
                    200 => {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    status => bad.push(status),
                }
                pause(Duration::from_millis(20));
            }
            bad
        });
        Self { over, answers, asking }
    }

    /// It answered from the beginning to the end, at least once.
    pub(crate) fn assert_steady(self) {
        let before = self.answers.load(Ordering::Relaxed);
        crate::world::eventually("one more answer of /healthz", || {
            (self.answers.load(Ordering::Relaxed) > before).then_some(())
        });
        self.over.store(true, Ordering::Relaxed);
        let bad = self.asking.join().unwrap();
        assert!(bad.is_empty(), "/healthz answered {bad:?}");
    }
}

/// Ends a server that must not have panicked on the way.
pub(crate) fn assert_no_panic(server: Server) {
    let errors = server.kill();
    assert!(!errors.contains("panicked"), "{errors}");
}
