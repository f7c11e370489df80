//! Facts from scripts (F44): a server that is hung, stopped or absent costs the caller next to nothing, and loses nothing:
//! what was kept is delivered later, once.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::faults::support::assert_conserved;
use crate::world::{Server, World, eventually};

fn spool(world: &World) -> PathBuf {
    world.path("home/.local/share/forgecast/spool")
}

fn waiting(world: &World) -> usize {
    let files = std::fs::read_dir(spool(world)).into_iter().flatten().flatten();
    files
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "json"))
        .count()
}

/// Emits facts and says how long each took: printed, never asserted, since this machine has other things to do.
#[expect(clippy::print_stdout, reason = "figures of a test")]
fn emit(world: &World, what: &str, ids: std::ops::Range<u32>) {
    let mut times = Vec::new();
    for id in ids {
        let began = Instant::now();
        let (code, stdout, stderr) = world.run(&[
            "emit",
            "error-reported",
            "--session",
            "deploy",
            "--id",
            &format!("fact-{id}"),
            &format!("message=step {id}"),
        ]);
        times.push(began.elapsed());
        assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", ""), "{what}");
    }
    times.sort_unstable();
    println!(
        "{what}: median {:?}, slowest {:?}",
        times[times.len() / 2],
        times[times.len() - 1]
    );
}

/// The ids of the facts of the session, in order.
fn facts(server: &Server) -> Vec<String> {
    let (status, body) = server.get("/api/v1/sessions/deploy/events?limit=1000");
    if status != 200 {
        return Vec::new();
    }
    let page: Value = serde_json::from_str(&body).unwrap();
    let events = page["events"].as_array().unwrap();
    let ids = events.iter().filter_map(|fact| fact["event"]["id"].as_str());
    ids.map(str::to_owned).collect()
}

fn ids(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|id| format!("fact-{id}")).collect()
}

#[test]
fn what_is_said_while_no_server_answers_is_delivered_later_once_and_in_order() {
    let world = World::new();
    emit(&world, "absent", 0..10);
    assert_eq!(waiting(&world), 10);

    // A server that hangs: it accepts and never answers. It says that it runs, and its process does.
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    std::fs::create_dir_all(world.path("run/forgecast")).unwrap();
    let announced = world.path(&format!("run/forgecast/{}.json", std::process::id()));
    let running = json!({"url": format!("http://{}", hung.local_addr().unwrap()), "pid": std::process::id(),
        "db": world.db(), "transcripts": [], "spool": spool(&world)});
    std::fs::write(&announced, running.to_string()).unwrap();
    // Nothing else waits, so that each of these tries to be heard.
    let aside = world.path("aside");
    std::fs::rename(spool(&world), &aside).unwrap();
    for id in 10..15 {
        emit(&world, "hung", id..id + 1);
        for file in std::fs::read_dir(spool(&world)).unwrap().flatten() {
            std::fs::rename(file.path(), aside.join(file.file_name())).unwrap();
        }
    }
    let (code, _, stderr) = world.run(&[
        "emit",
        "waiting-ended",
        "--session",
        "deploy",
        "--strict",
        "--id",
        "fact-15",
    ]);
    assert_eq!(code, 1, "with --strict it is said: {stderr}");
    assert!(stderr.contains("kept"), "{stderr}");
    for file in std::fs::read_dir(&aside).unwrap().flatten() {
        std::fs::rename(file.path(), spool(&world).join(file.file_name())).unwrap();
    }
    std::fs::remove_file(announced).unwrap();
    drop(hung);

    let server = world.serve();
    eventually("everything is delivered", || (waiting(&world) == 0).then_some(()));
    assert_eq!(facts(&server), ids(0..16));

    emit(&world, "answering", 16..26);
    eventually("nothing waits", || (waiting(&world) == 0).then_some(()));
    assert_eq!(facts(&server), ids(0..26));
    // The same id is the same fact.
    emit(&world, "again", 16..18);
    eventually("nothing waits", || (waiting(&world) == 0).then_some(()));
    assert_eq!(facts(&server), ids(0..26));

    // A stopped process accepts, by its kernel, and never answers.
    server.signal(Signal::STOP);
    emit(&world, "stopped", 26..30);
    assert_eq!(waiting(&world), 4);
    server.signal(Signal::CONT);
    eventually("everything is delivered", || (waiting(&world) == 0).then_some(()));
    assert_eq!(facts(&server), ids(0..30));
}

#[test]
fn what_is_said_by_many_at_once_arrives_once_each() {
    let world = World::new();
    let server = world.serve();
    let said = |id: u32| {
        let (id, message) = (format!("fact-{id}"), format!("message={id}"));
        let mut command = world.command(&["emit", "error-reported", "--session", "deploy", "--id", &id, &message]);
        command.spawn().unwrap()
    };
    let children: Vec<_> = (0..30).map(said).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    eventually("nothing waits", || (waiting(&world) == 0).then_some(()));
    let mut arrived = facts(&server);
    arrived.sort_unstable();
    let mut all = ids(0..30);
    all.sort_unstable();
    assert_eq!(arrived, all);
    assert_conserved(&server);
}

#[test]
fn a_fact_that_no_server_will_ever_take_is_said_and_set_aside() {
    let world = World::new();
    let (code, _, _) = world.run(&["emit", "waiting-ended", "--session", "nobody~7"]);
    assert_eq!((code, waiting(&world)), (0, 1));
    std::fs::write(spool(&world).join("000000000000001-0.json"), "nonsense").unwrap();
    let server = world.serve();
    eventually("both are set aside", || (waiting(&world) == 0).then_some(()));
    assert_eq!(std::fs::read_dir(spool(&world).join("refused")).unwrap().count(), 2);
    let (code, _, stderr) = world.run(&["emit", "waiting-ended", "--session", "nobody~7"]);
    assert_eq!(code, 0, "the caller goes on");
    // A server that has other things to do says it too late for the caller; then it is set aside a moment later.
    assert!(stderr.is_empty() || stderr.contains("there is no such run"), "{stderr}");
    eventually("it is set aside", || {
        (std::fs::read_dir(spool(&world).join("refused")).unwrap().count() == 3).then_some(())
    });
    let (_, said, _) = world.run(&["doctor"]);
    assert!(said.contains("the server rejected"), "{said}");
    drop(server);
}

#[test]
fn what_is_said_wrongly_ends_with_two_and_says_what_is_allowed() {
    let world = World::new();
    for (arguments, word) in [
        (vec!["emit", "phase-reportd"], "did you mean phase_reported?"),
        (
            vec!["emit", "tests-reported", "pased=3"],
            "iteration, total, passed, failed, verdict",
        ),
        (vec!["emit", "tests-reported", "passed=three"], "a whole number"),
        (vec!["emit", "tests-reported", "--json", "[1]"], "not an object"),
        (vec!["emit", "tool-used"], "tool"),
        (vec!["emit"], "<KIND>"),
    ] {
        let (code, _, stderr) = world.run(&arguments);
        assert_eq!(code, 2, "{arguments:?}: {stderr}");
        assert!(stderr.contains(word), "{arguments:?}: {stderr}");
    }
    assert_eq!(waiting(&world), 0);
}

#[test]
fn lines_for_the_log_arrive_once_also_when_no_server_ran() {
    let world = World::new();
    let project = world.project("weather-app");
    project.phase(&json!({"session_id": "weather-app", "current_phase": "Test", "status": "testing"}));
    let log = |id: &str, text: &str| {
        let text = format!("text={text}");
        let mut command = world.command(&["emit", "log", &text, "level=warn", "from=deploy.sh", "--id", id]);
        assert!(command.current_dir(&project.folder).status().unwrap().success());
    };
    log("one", "before\nit ran");
    assert_eq!(waiting(&world), 1);
    let server = world.serve();
    let lines = || -> Vec<(String, String, String)> {
        let (_, page) = server.get("/api/v1/sessions/weather-app/log");
        let page: Value = serde_json::from_str(&page).unwrap();
        let word = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let lines = page["lines"].as_array().into_iter().flatten();
        lines
            .map(|line| (word(line, "text"), word(line, "level"), word(line, "from")))
            .collect()
    };
    eventually("it is delivered", || {
        (waiting(&world) == 0 && lines().len() == 2).then_some(())
    });
    log("two", "while it runs");
    log("two", "while it runs");
    let line = |text: &str| (text.to_owned(), "warn".to_owned(), "deploy.sh".to_owned());
    let expected = [line("before"), line("it ran"), line("while it runs")];
    eventually("all lines, once", || {
        (waiting(&world) == 0 && lines() == expected).then_some(())
    });
}

#[test]
fn a_fact_without_a_session_is_of_the_folder_it_was_said_in() {
    let world = World::new();
    let project = world.project("weather-app");
    project.phase(&json!({"session_id": "weather-app", "current_phase": "Test", "status": "testing"}));
    let server = world.serve();
    server.view_when("weather-app", |view| view["phase"]["name"] == "Test");
    let mut command = world.command(&["emit", "tests-reported", "iteration=1", "passed=7", "failed=1"]);
    assert!(command.current_dir(&project.folder).status().unwrap().success());
    server.view_when("weather-app", |view| view["tests"]["iterations"]["1"]["passed"] == 7);
    let mut command = world.command(&["emit", "custom", "kind=deployed", "--dir", "weather-app", "--json", "-"]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"{\"data\": {\"to\": \"prod\"}}").unwrap();
    assert!(child.wait().unwrap().success());
    eventually("it is stored", || {
        let (_, facts) = server.get("/api/v1/sessions/weather-app/events?limit=1000");
        facts.contains("\"deployed\"").then_some(())
    });
}
