//! One fact from two sources, twice from one, or in the wrong order: it is one fact, and one build.

use fastrand::Rng;
use serde_json::{Value, json};

use super::support::{Pulse, assert_conserved, assert_no_panic, building, metrics, write_in_place};
use crate::viewer::{Viewer, Wire, detail_of};
use crate::world::{Server, World, request};

fn push(server: &Server, envelopes: &[Value]) -> Value {
    let body = Value::from(envelopes.to_vec()).to_string();
    let (status, answer) = request(server.address(), "POST", "/api/v1/events", &body);
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

/// All stored facts of a session, oldest first.
fn stored(server: &Server, session: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = server.json(&format!("/api/v1/sessions/{session}/events?limit=1000&after={after}"));
        let page = page["events"].as_array().unwrap();
        let Some(last) = page.last() else { return all };
        after = last["sequence"].as_u64().unwrap();
        all.extend(page.iter().map(|row| row["event"].clone()));
    }
}

fn of_kind<'f>(facts: &'f [Value], kind: &str) -> Vec<&'f Value> {
    facts.iter().filter(|event| event["fact"]["type"] == kind).collect()
}

/// How many reports of phases were read from the file.
fn from_file(server: &Server) -> usize {
    let facts = stored(server, "app");
    let phases = of_kind(&facts, "phase_reported");
    let read = phases.iter().filter(|event| event["origin"]["kind"] == "phase_file");
    read.count()
}

/// What of a phase does not depend on when it came.
fn meaning(view: &Value) -> Value {
    json!([
        view["phase"]["name"],
        view["phase"]["detail"],
        view["status"],
        view["progress"],
        view["decisions"]["total"]
    ])
}

/// F18: the same phases by file and by HTTP, the same decisions by file and by HTTP, each push several times and mixed.
#[test]
fn a_fact_that_arrives_by_file_and_by_http_and_twice_counts_once() {
    const STEPS: usize = 40;
    const SENDINGS: usize = 5;
    let world = World::new();
    let project = world.project("app");
    project.phase(&building("app", "step 0"));
    let server = world.serve();
    server.view_when("app", |view| detail_of(view) == "step 0");
    let viewer = Viewer::of(&server, "app", Wire::WebSocket, None);
    let pulse = Pulse::of(&server);
    let seed = 18;
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let mut sent = 0;
    for step in 1..=STEPS {
        let phase = building("app", &format!("step {step}"));
        let mut envelope = phase.clone();
        envelope["id"] = json!(format!("step-{step}"));
        envelope["type"] = json!("phase_reported");
        envelope["session"] = json!("app");
        let by_http = |server: &Server| push(server, &vec![envelope.clone(); SENDINGS]);
        // Either of them may be first.
        if rng.bool() {
            by_http(&server);
            project.phase(&phase);
        } else {
            project.phase(&phase);
            by_http(&server);
        }
        sent += SENDINGS;
        viewer.until_detail(&format!("step {step}"));
        // Before it is written again, so that no content goes unread.
        crate::world::eventually("the file is read", || (from_file(&server) == step + 1).then_some(()));
    }
    let issue =
        |number: usize| json!({"id": format!("i{number}"), "issue": format!("issue {number}"), "severity": "LOW"});
    let issues: Vec<Value> = (0..10).map(issue).collect();
    let feedback = json!({"issues_found": issues, "success": true}).to_string();
    write_in_place(&project, "feedback/build-feedback-1.json", &feedback);
    server.view_when("app", |view| view["decisions"]["total"] == 10);
    let mut decisions: Vec<Value> = (0..10)
        .map(|number| {
            json!({"id": format!("decision-{number}"), "session": "app", "type": "decision_recorded",
                "data": {"key": format!(".context-foundry/feedback/build-feedback-1.json#i{number}"), "issue": format!("issue {number}"), "severity": "LOW"}})
        })
        .collect();
    let before = server.json("/api/v1/sessions/app");
    for _ in 0..SENDINGS {
        rng.shuffle(&mut decisions);
        push(&server, &decisions);
        sent += decisions.len();
        // The same document again, by both ways of writing.
        write_in_place(&project, "feedback/build-feedback-1.json", &feedback);
        project.replace("feedback/build-feedback-1.json", &feedback);
    }
    let view = server.json("/api/v1/sessions/app");
    assert_eq!(meaning(&view), meaning(&before), "the same facts again change nothing");
    check(&server, STEPS, sent);
    pulse.assert_steady();
    assert_conserved(&server);
    assert!(server.stop().success());
    // Known across a restart, too.
    let server = world.serve();
    let receipt = push(&server, &decisions);
    assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(0), &json!(10)));
    check(&server, STEPS, 0);
    assert_no_panic(server);
}

/// Rows = distinct facts of each source; one build, one session.
fn check(server: &Server, steps: usize, sent: usize) {
    let facts = stored(server, "app");
    let mut ids: Vec<&str> = facts.iter().filter_map(|event| event["id"].as_str()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(count, ids.len(), "an id is stored twice");
    assert_eq!(count, steps + 10);
    assert_eq!(from_file(server), steps + 1, "one per content of the file");
    let decisions = of_kind(&facts, "decision_recorded");
    let written = decisions
        .iter()
        .filter(|event| event["origin"]["kind"] == "artifact")
        .count();
    assert_eq!(written, 10, "a file that is written again says nothing new");
    let rows = server.json("/api/v1/sessions");
    let rows = rows["sessions"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "one build is one session: {rows:?}");
    assert_eq!(rows[0]["id"], "app~1");
    if sent > 0 {
        let duplicates = metrics(server)["forgecast_facts_duplicate_total"];
        assert_eq!(duplicates, (sent - steps - 10) as u64);
    }
}

/// F18: what a file says is compared with what it said last, so that going back is a change of its own.
#[test]
fn a_file_that_goes_to_b_and_back_to_a_is_two_changes() {
    let world = World::new();
    let project = world.project("app");
    project.phase(&building("app", "a"));
    let server = world.serve();
    server.view_when("app", |view| detail_of(view) == "a");
    let viewer = Viewer::of(&server, "app", Wire::WebSocket, None);
    viewer.until_detail("a");
    for detail in ["b", "a", "b", "a"] {
        project.phase(&building("app", detail));
        viewer.until_detail(detail);
    }
    let facts = stored(&server, "app");
    let details: Vec<&Value> = of_kind(&facts, "phase_reported")
        .iter()
        .map(|event| &event["fact"]["detail"])
        .collect();
    assert_eq!(details, ["a", "b", "a", "b", "a"]);
    viewer.until("every change", |seen| {
        let mut shown: Vec<&str> = seen.states.iter().map(detail_of).collect();
        shown.dedup();
        assert_eq!(shown, ["a", "b", "a", "b", "a"]);
        Some(())
    });
    assert_conserved(&server);
    assert_no_panic(server);
}
