//! Compressed nights: builds that ask, fail, stall and go on by themselves, under a server that is stopped and killed in
//! between, with a receiver of webhooks in the place of a sleeping person. Every moment that needs somebody has to be
//! called for once, within five seconds, and nothing else may be.

mod night;
mod receiver;

use std::time::Duration;

use serde_json::json;

use crate::world::{Server, World, eventually, request, write_private};
use night::Night;
use receiver::{Call, Receiver};

/// How long a night takes unless `FORGECAST_NIGHT_SECONDS` says otherwise.
const NIGHT_SECONDS: u64 = 60;

/// A server in this world that calls the receiver; builds are stalled after this many seconds.
fn serve(world: &World, receiver: &Receiver, stalled_after_s: u64) -> Server {
    let secret = world.path("webhook-secret");
    write_private(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let config = format!(
        "[sessions]\nstalled_after_s = {stalled_after_s}\n\
         [notify]\nallowed_addresses = [\"127.0.0.1\"]\n\
         [[notify.targets]]\nname = \"person\"\nkind = \"webhook\"\nurl = \"http://{}/hook\"\nsecret_file = {:?}\n\
         resolved = true\n",
        receiver.address(),
        secret.display().to_string()
    );
    let file = world.path("forgecast.toml");
    std::fs::write(&file, config).unwrap();
    world.serve_with(&["--config", file.to_str().unwrap()])
}

fn post(server: &Server, event: &serde_json::Value) {
    let (status, answer) = request(server.address(), "POST", "/api/v1/events", &event.to_string());
    assert_eq!(status, 200, "{answer}");
}

fn asks(session: &str, question: &str) -> serde_json::Value {
    json!({"session": session, "type": "waiting_began", "reason": question, "waiting_for": "permission"})
}

fn is_answered(session: &str) -> serde_json::Value {
    json!({"session": session, "type": "waiting_ended"})
}

fn builds(session: &str, detail: &str) -> serde_json::Value {
    json!({"session": session, "type": "phase_reported", "phase": "Builder", "status": "building", "detail": detail})
}

fn fails(session: &str) -> serde_json::Value {
    json!({"session": session, "type": "phase_reported", "phase": "Builder", "status": "failed"})
}

/// The calls about a session so far, each once.
fn calls_about(receiver: &Receiver, session: &str) -> Vec<Call> {
    let calls = receiver.calls();
    calls.into_iter().filter(|call| call.session == session).collect()
}

/// The small night of every submission: it waits on conditions, so how slow the machine is does not matter.
#[test]
fn each_need_is_called_for_once_and_a_restart_changes_nothing() {
    let (world, receiver) = (World::new(), Receiver::start());
    let mut server = serve(&world, &receiver, 3_600);
    let called = |session: &str, times: usize| {
        eventually("the call", || {
            let calls = calls_about(&receiver, session);
            assert!(calls.len() <= times, "{calls:?}");
            (calls.len() == times).then_some(calls)
        })
    };
    for session in ["quiet", "asking", "failing"] {
        post(&server, &builds(session, "compiles"));
    }
    for round in 1..=3_usize {
        post(&server, &asks("asking", &format!("Wants to run: step {round}")));
        let calls = called("asking", round);
        assert_eq!(
            (calls[round - 1].kind.as_str(), calls[round - 1].seq),
            ("waiting", round as u64)
        );
        assert_eq!(calls[round - 1].text, format!("Wants to run: step {round}"));
        // Still waiting, the server goes and comes back: once in order, once by force.
        match round {
            1 => assert!(server.stop().success()),
            _ => drop(server.kill()),
        }
        server = serve(&world, &receiver, 3_600);
        post(&server, &is_answered("asking"));
        eventually("that it is over", || {
            (receiver.resolved("asking") == round).then_some(())
        });
    }
    post(&server, &fails("failing"));
    assert_eq!(called("failing", 1)[0].kind, "failed");
    // What comes last is called for last: nothing that was called for before is called for again behind it.
    post(&server, &asks("quiet", "one last question"));
    called("quiet", 1);
    assert_eq!((calls_about(&receiver, "asking").len(), receiver.calls().len()), (3, 5));
    let (code, out, _) = world.run(&["notify", "list", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, shown["targets"][0]["name"].as_str()), (0, Some("person")));
    let delivered = shown["notifications"].as_array().unwrap().iter();
    assert_eq!(delivered.filter(|message| message["state"] == "delivered").count(), 8);
    let (code, _, err) = world.run(&["notify", "test", "nobody"]);
    assert_eq!(
        (code, err.as_str()),
        (1, "forgecast: no target is called \"nobody\"; there are person\n")
    );
    assert!(!out.contains("/hook") && !out.contains("whsec_"), "{out}");
}

/// `cargo xtask nightly nights` runs this for as long as it is told.
#[test]
#[ignore = "takes minutes"]
fn long_nights_have_a_precision_and_a_recall_of_one() {
    let seconds = std::env::var("FORGECAST_NIGHT_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let seed = fastrand::u64(..);
    println!("night: seed {seed}");
    let mut night = Night::new(seed);
    night.play(Duration::from_secs(seconds.unwrap_or(NIGHT_SECONDS)));
    let report = night.judge();
    println!("{report}");
    assert!(report.is_perfect(), "{report}");
}
