//! Tokens and cost through the running binary: what a server counts while files grow, what its views show and what a scan
//! without a server says are the same, and equal to what was used.

use std::path::PathBuf;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::faults::support::assert_conserved;
use crate::transcripts::{Growing, Speaker, Tokens, ago, amount, dollars, sessions};
use crate::world::{Server, World, eventually, request, try_eventually};

const NOBODY: &[&str] = &["usage", "--by", "session", "--json"];

fn claude(world: &World) -> PathBuf {
    world.path("home/.claude")
}

fn report(world: &World, arguments: &[&str]) -> Value {
    let (code, stdout, stderr) = world.run(arguments);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    serde_json::from_str(&stdout).unwrap()
}

/// The rows in the order of their sessions: two of the same cost may stand either way.
fn rows(report: &Value) -> Vec<Value> {
    let mut rows = report["rows"].as_array().unwrap().clone();
    rows.sort_by_key(|row| row["session"].as_str().unwrap().to_owned());
    rows
}

/// The rows as [`rows`], without titles: a server calls a transcript of a build by the build's id.
fn without_titles(report: &Value) -> Vec<Value> {
    let mut rows = rows(report);
    for row in &mut rows {
        row.as_object_mut().unwrap().remove("title");
    }
    rows
}

fn stats_when(server: &Server, wished: (Tokens, u64)) -> Value {
    let mut last = Value::Null;
    let found = try_eventually(|| {
        last = server.json("/api/v1/stats?group_by=session");
        (amount(&last["totals"]) == wished).then(|| last.clone())
    });
    found.unwrap_or_else(|| panic!("never {wished:?}; last: {last}"))
}

/// Lets files grow in pieces of any length, in any order, under a server that is killed as often as wished.
#[expect(clippy::print_stdout, reason = "the seed of a test")]
fn grow(seed: u64, kills: u32) {
    println!("seed {seed}, {kills} kills");
    let mut rng = Rng::with_seed(seed);
    let world = World::new();
    let build = world.project("weather-app");
    build.phase(
        &json!({"session_id": "weather-app", "current_phase": "Builder", "status": "building",
        "started_at": ago(300), "phases_completed": ["Scout", "Architect"]}),
    );
    let folders = vec![
        build.folder.clone(),
        world.path("elsewhere/shop"),
        world.path("elsewhere/blog"),
    ];
    let (mut files, expected) = sessions(&claude(&world), &folders, &mut rng);
    let mut server = world.serve();
    server.view_when("weather-app", |view| view["phase"]["name"] == "Builder");
    let mut killed = 0;
    while files.iter().any(|file| !file.is_whole()) {
        let file = rng.usize(..files.len());
        files[file].grow(rng.usize(1..3_000));
        if killed < kills && rng.u8(..) < 24 {
            killed += 1;
            let errors = server.kill();
            assert!(!errors.contains("panicked"), "{errors}");
            server = world.serve();
        }
    }
    let counted = stats_when(&server, expected.total());
    check_rows(&rows(&counted), &expected.0);
    check_views(&server, &expected.0);
    assert_conserved(&server);
    // The command asks the server; without one it reads for itself. Both say what was used.
    assert_eq!(rows(&report(&world, NOBODY)), rows(&counted));
    assert!(server.stop().success());
    let scanned = report(&world, NOBODY);
    check_rows(&rows(&scanned), &expected.0);
    assert_eq!(
        without_titles(&scanned),
        without_titles(&counted),
        "a scan and a server differ"
    );
    assert_eq!(amount(&scanned["totals"]), expected.total());
    for by in ["day", "model", "project"] {
        let other = report(&world, &["usage", "--by", by, "--json"]);
        assert_eq!(amount(&other["totals"]), expected.total(), "{by}");
    }
    // And a restart counts nothing twice.
    let server = world.serve();
    server.view_when("weather-app", |view| view["phase"]["name"] == "Builder");
    assert_eq!(rows(&stats_when(&server, expected.total())), rows(&counted));
}

fn check_rows(rows: &[Value], expected: &std::collections::BTreeMap<String, (Tokens, u64)>) {
    let sessions: Vec<&str> = rows.iter().map(|row| row["session"].as_str().unwrap()).collect();
    assert_eq!(sessions, expected.keys().map(String::as_str).collect::<Vec<_>>());
    for row in rows {
        let wanted = &expected[row["session"].as_str().unwrap()];
        assert_eq!(amount(row), *wanted, "{row}");
        let cost = row["cost_usd"].as_f64().unwrap();
        assert!((cost - dollars(&wanted.0)).abs() < 0.005, "{row}");
    }
}

/// The view of each session says what its row says; the one that ran in the build's folder is the build's.
fn check_views(server: &Server, expected: &std::collections::BTreeMap<String, (Tokens, u64)>) {
    for (session, wanted) in expected {
        let name = if session.ends_with('0') { "weather-app" } else { session };
        let view = server.view_when(name, |view| {
            view["usage"]["calls"] == wanted.1 && amount(&view["usage"]) == *wanted
        });
        let usage = &view["usage"];
        assert_eq!(usage["provenance"], json!(["transcript"]), "{usage}");
        let cost = usage["cost_usd"].as_f64().unwrap();
        assert!((cost - dollars(&wanted.0)).abs() < 0.005, "{usage}");
        let agents = usage["by_agent"].as_object().unwrap();
        assert_eq!(agents.len(), 3, "itself and two others: {agents:?}");
        if name == "weather-app" {
            assert_eq!(view["id"], "weather-app~1");
            assert!(usage["by_phase"]["Builder"]["input"].as_u64().unwrap() > 0, "{usage}");
            let own = server.get(&format!("/api/v1/sessions/{session}")).0;
            assert_eq!(
                own, 404,
                "a transcript that belongs to a build is no session of its own"
            );
        }
    }
}

#[test]
fn what_a_server_counts_while_files_grow_is_what_was_used() {
    for seed in [3, 4] {
        grow(seed, 0);
    }
}

#[test]
fn a_server_that_is_killed_while_files_grow_counts_the_same_in_its_next_life() {
    grow(5, 4);
}

/// One call, told by three sources.
fn tell(address: &str, session: &str, folder: &str) -> [Box<dyn Fn() + 'static>; 2] {
    let hook = json!({"session_id": session, "transcript_path": format!("/x/{session}.jsonl"), "cwd": folder,
        "permission_mode": "default", "hook_event_name": "PostToolUse", "tool_name": "Read", "tool_use_id": "toolu_one",
        "tool_input": {"file_path": "a.rs"}, "tool_response": {}, "duration_ms": 4});
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let attributes = json!([
        text("session.id", session),
        text("event.name", "api_request"),
        text("event.timestamp", &ago(5)),
        text("model", crate::transcripts::MODEL),
        text("request_id", "req_one"),
        text("input_tokens", "100"),
        text("output_tokens", "50"),
        text("cache_read_tokens", "3000"),
        text("cache_creation_tokens", "200"),
        text("cost_usd", &dollars(&[100, 50, 3_000, 200]).to_string())
    ]);
    let export = json!({"resourceLogs": [{"resource": {"attributes": []}, "scopeLogs": [{"scope": {"name": "events"},
        "logRecords": [{"body": {"stringValue": "claude_code.api_request"}, "attributes": attributes}]}]}]});
    let post = |path: &'static str, body: Value, good: u16| -> Box<dyn Fn()> {
        let address = address.to_owned();
        Box::new(move || {
            let (status, answer) = request(&address, "POST", path, &body.to_string());
            assert_eq!(status, good, "{path}: {answer}");
        })
    };
    [post("/api/v1/hooks/claude", hook, 204), post("/v1/logs", export, 200)]
}

#[test]
fn a_call_that_transcript_telemetry_and_hook_tell_counts_once_and_shows_all_three() {
    for order in ["transcript first", "transcript last"] {
        let world = World::new();
        let (session, folder) = ("7d1f0c3e-77aa-4f0e-9a55-0d5b7f7b2c11", world.path("elsewhere/shop"));
        let speaker = Speaker {
            session,
            folder: &folder,
            agent: None,
        };
        let lines = [
            speaker.prompt("Mend it", &ago(9)),
            speaker.call("one", [100, 50, 3_000, 200], &ago(8)),
        ];
        let file = claude(&world).join(format!("projects/-elsewhere-shop/{session}.jsonl"));
        let mut transcript = Growing::new(file, &lines);
        let server = world.serve();
        let others = tell(server.address(), session, folder.to_str().unwrap());
        if order == "transcript first" {
            transcript.finish();
            server.view_when(session, |view| view["usage"]["calls"] == 1);
        }
        // Everybody says it twice.
        for other in others.iter().chain(&others) {
            other();
        }
        transcript.finish();
        let view = server.view_when(session, |view| {
            view["usage"]["provenance"] == json!(["transcript", "otel", "hook"])
        });
        assert_eq!(amount(&view["usage"]), ([100, 50, 3_000, 200], 1), "{order}");
        assert_eq!(view["usage"]["disputed_calls"], 0, "{order}");
        let report = stats_when(&server, ([100, 50, 3_000, 200], 1));
        assert_eq!(report["rows"].as_array().unwrap().len(), 1, "{order}");
        assert_eq!(report["rows"][0]["session"], session, "{order}");
    }
}

/// A session with one call, in a folder of its own.
fn one_call(world: &World, session: &str, tokens: Tokens) {
    let folder = world.path("elsewhere/shop");
    let speaker = Speaker {
        session,
        folder: &folder,
        agent: None,
    };
    let file = claude(world).join(format!("projects/-elsewhere-shop/{session}.jsonl"));
    let lines = [
        speaker.prompt("Mend the shop", &ago(9)),
        speaker.call("one", tokens, &ago(8)),
    ];
    Growing::new(file, &lines).finish();
}

const SHOP: &str = "7d1f0c3e-77aa-4f0e-9a55-0d5b7f7b2c11";

#[test]
fn what_a_driver_reports_of_an_agent_counts_only_where_there_is_no_transcript_of_it() {
    let world = World::new();
    one_call(&world, SHOP, [100, 20, 0, 0]);
    let done = |folder: &str, second: i64| {
        let payload = json!({"role": "IMPLEMENT", "success": true, "tokens_in": 1_111, "tokens_out": 154,
            "cache_creation_tokens": 200, "cache_read_tokens": 2_000});
        let began = json!({"role": "IMPLEMENT", "provider": "claude", "model": "claude-opus-4-8"});
        let line = |kind: &str, payload: Value| {
            let folder = world.path(folder);
            let line = json!({"timestamp": ago(second), "session_id": "run-1", "project_dir": folder,
                "event_type": kind, "payload": payload});
            format!("{line}\n")
        };
        line("agent_started", began) + &line("agent_done", payload)
    };
    let observatory = world.path("home/.foundry/observatory");
    std::fs::create_dir_all(&observatory).unwrap();
    let events = done("elsewhere/shop", 7) + &done("elsewhere/blog", 7) + &done("elsewhere/shop", 7_000);
    std::fs::write(observatory.join("events-2026-11-21.jsonl"), events).unwrap();
    let totals = &report(&world, NOBODY)["totals"];
    // That of another folder, and that of long before; the tokens of the last turn are among those of the caches.
    assert_eq!(amount(totals), ([100, 20 + 2 * 154, 2 * 2_000, 2 * 200], 3));
}

#[test]
fn sessions_are_reported_by_title_and_who_counted_is_said() {
    let world = World::new();
    let (code, said, _) = world.run(&["usage"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(said, @r"
    No usage found.
    counted    nowhere: none of these folders is there: ~/.claude, ~/.config/claude, ~/.codex, ~/.foundry; no running server watches them
    ");
    one_call(&world, SHOP, [1_000, 20, 0, 0]);
    let table = |arguments: &[&str]| {
        let (code, said, stderr) = world.run(arguments);
        assert_eq!((code, stderr.as_str()), (0, ""), "{said}");
        said
    };
    let by_session = ["usage", "--by", "session"];
    let scanned = table(&by_session);
    assert!(scanned.contains("Mend the shop  7d1f0c3e  1,000"), "{scanned}");
    assert!(
        scanned.contains("counted    from the transcripts in ~/.claude; no running server watches them\n"),
        "{scanned}"
    );
    let server = world.serve();
    stats_when(&server, ([1_000, 20, 0, 0], 1));
    let asked = table(&by_session);
    assert!(asked.contains("Mend the shop  7d1f0c3e  1,000"), "{asked}");
    assert!(
        asked.contains(&format!("counted    by the server at {}\n", server.url)),
        "{asked}"
    );
    assert_eq!(rows(&report(&world, NOBODY))[0]["title"], "Mend the shop");

    // A server that watches something else is asked only when it is named.
    let other = World::new();
    let (_, said, _) = other.run(&by_session);
    assert!(said.starts_with("No usage found."), "{said}");
    let (code, said, _) = other.run(&["usage", "--by", "session", "--url", &server.url]);
    assert!(code == 0 && said.contains("Mend the shop"), "{said}");
    let url = server.url.clone();
    assert!(server.stop().success());
    let (code, _, said) = other.run(&["usage", "--url", &url]);
    assert_eq!(code, 1);
    let port = url.rsplit(':').next().unwrap();
    insta::assert_snapshot!(said.replace(port, "<port>"), @"forgecast: no server listens at http://127.0.0.1:<port>; start it, or check the address");
    insta::assert_snapshot!(other.run(&["usage", "--url", "https://builds.example"]).2, @"forgecast: usage asks servers without encryption only; on the machine of the server use its address with http://");
}

#[test]
fn prices_of_ones_own_and_budgets_hold() {
    let world = World::new();
    one_call(&world, SHOP, [1_000_000, 0, 0, 0]);
    std::fs::write(
        world.path("projects/forgecast.toml"),
        "[usage]\nprices = \"prices.toml\"\n[budgets]\nsession_usd = 4\nday_usd = 100\n",
    )
    .unwrap();
    let prices = world.path("projects/prices.toml");
    std::fs::write(&prices, "[\"claude-opus-4-8\"]\ninput = 3.5\noutput = 1\n").unwrap();
    assert_eq!(report(&world, NOBODY)["totals"]["cost_usd"], 3.5);
    let server = world.serve();
    let view = server.view_when(SHOP, |view| view["usage"]["budget"]["level"] == "critical");
    assert_eq!(view["usage"]["cost_usd"], 3.5);
    assert_eq!(server.json("/api/v1/stats")["budgets"][0]["limit_usd"], 100.0);
    let (_, table, _) = world.run(&["sessions"]);
    assert!(table.contains("Mend the shop"), "{table}");
    let (_, shown, _) = world.run(&["status", SHOP]);
    assert!(shown.contains("usage      1,000,000 tokens, $3.50"), "{shown}");
    assert!(server.stop().success());

    std::fs::write(&prices, "[\"claude-opus-4-8\"]\ninptu = 3.5\n").unwrap();
    let (code, _, stderr) = world.run(&["serve", "--port", "0"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("usage.prices") && stderr.contains("inptu"), "{stderr}");
}

#[test]
fn imported_prices_hold_and_are_listed_and_a_wrong_file_changes_nothing() {
    let world = World::new();
    one_call(&world, SHOP, [1_000_000, 0, 0, 0]);
    let file = world.path("projects/new-prices.toml");
    let import = || world.run(&["prices", "import", "new-prices.toml"]);
    std::fs::write(&file, "[\"claude-opus-4-8\"]\ninput = -1\noutput = 1\n").unwrap();
    let (code, _, stderr) = import();
    assert_eq!(code, 1);
    assert!(
        stderr.contains("claude-opus-4-8") && stderr.contains("input = -1"),
        "{stderr}"
    );
    let own = world.path("home/.config/forgecast/prices.toml");
    assert!(!own.exists());

    std::fs::write(&file, "[\"claude-opus-4-8\"]\ninput = 4.5\noutput = 1\n").unwrap();
    let (code, said, _) = import();
    assert_eq!(code, 0);
    assert!(
        said.contains("1 price written to") && said.contains("claude-opus-4-8"),
        "{said}"
    );
    assert!(import().1.contains("has these prices already"));
    assert_eq!(report(&world, NOBODY)["totals"]["cost_usd"], 4.5);
    let names = ["eu.anthropic.claude-opus-4-8", "someones-own-model"];
    let (_, said, _) = world.run(&["prices", "--json", names[0], names[1]]);
    let rows: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(rows[0]["model"], "claude-opus-4-8");
    assert_eq!(rows[0]["input"], 4.95);
    assert_eq!(rows[0]["own"], true);
    assert_eq!(rows[0]["context_window"], 1_000_000);
    assert_eq!(rows[1], json!({"name": "someones-own-model"}));
    let (_, table, _) = world.run(&["prices"]);
    assert!(table.contains("your own") && table.contains("gpt-5.1-codex"), "{table}");

    std::fs::write(&file, "[\"Claude-Opus-4.8\"]\ninput = 5.5\noutput = 1\n").unwrap();
    let said = import().1;
    let backup = "claude-opus-4-8; backup: <world>/home/.config/forgecast/prices.toml.forgecast-backup-";
    assert!(said.contains(backup), "{said}");
    assert_eq!(report(&world, NOBODY)["totals"]["cost_usd"], 5.5);
}

#[test]
fn a_linked_folder_of_all_transcripts_is_not_counted_and_that_is_said() {
    let world = World::new();
    one_call(&world, SHOP, [1_000_000, 0, 0, 0]);
    let (folder, real) = (claude(&world).join("projects"), world.path("dotfiles"));
    std::fs::rename(&folder, &real).unwrap();
    std::os::unix::fs::symlink(&real, &folder).unwrap();
    let (code, said, warned) = world.run(NOBODY);
    assert_eq!(code, 0);
    let refused = "<world>/home/.claude/projects: the folder of all transcripts must not be a link";
    assert!(warned.contains(refused), "{warned}");
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["rows"], json!([]));
    let (_, said, _) = world.run(&["doctor"]);
    assert!(said.contains("must not be a link"), "{said}");
    assert!(said.contains("no Claude Code transcripts"), "{said}");
}

#[test]
fn transcripts_are_left_alone_when_they_are_switched_off_and_by_the_demo() {
    let world = World::new();
    one_call(&world, SHOP, [10, 1, 0, 0]);
    let (_, said, _) = world.run(&["usage", "--no-transcripts"]);
    assert!(said.starts_with("No usage found.\n"), "{said}");
    let kinds = |server: &Server| {
        let ready = eventually("ready", || {
            let (_, body) = server.get("/readyz");
            let ready: Value = serde_json::from_str(&body).ok()?;
            (ready["status"] == "ready").then_some(ready)
        });
        let sources = ready["sources"].as_array().unwrap().clone();
        sources
            .iter()
            .map(|source| source["kind"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(kinds(&world.serve()).contains(&"claude".to_owned()));
    assert!(!kinds(&world.serve_with(&["--no-transcripts"])).contains(&"claude".to_owned()));
    let mut command = world.command(&["demo", "--port", "0", "--builds", "1"]);
    command.env("TMPDIR", world.path("run"));
    let demo = Server::start(command);
    // A demo has an agent of its own, and sees nobody else's.
    assert_eq!(kinds(&demo).iter().filter(|kind| *kind == "claude").count(), 1);
    let counted = eventually("the demo's agent at work", || {
        let report = demo.json("/api/v1/stats?group_by=session");
        Some(rows(&report)).filter(|rows| !rows.is_empty())
    });
    assert!(counted.iter().all(|row| row["session"] != SHOP), "{counted:?}");
    // Nothing of a demo lasts, so it is given no facts.
    assert_eq!(world.run(&["emit", "waiting-ended", "--session", "x", "--strict"]).0, 1);
}

#[test]
fn a_real_transcript_is_counted_as_its_oracle_counts_it() {
    #[expect(clippy::disallowed_methods, reason = "where samples are is said from outside")]
    let Some(folder) = std::env::var_os("FORGECAST_SAMPLES").map(PathBuf::from) else {
        println!("FORGECAST_SAMPLES names no folder: nothing to compare with");
        return;
    };
    let expected = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let world = World::new();
    let folder = folder.to_str().unwrap();
    let command = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("CLAUDE_CONFIG_DIR", folder);
        command
    };
    let check = |report: &Value| {
        for wanted in expected["session"].as_array().unwrap() {
            let rows = rows(report);
            let row = rows.iter().find(|row| row["session"] == wanted["period"]).unwrap();
            for (ours, theirs) in [
                ("input", "inputTokens"),
                ("output", "outputTokens"),
                ("cache_read", "cacheReadTokens"),
                ("cache_write", "cacheCreationTokens"),
            ] {
                assert_eq!(row[ours], wanted[theirs], "{ours}");
            }
            let difference = row["cost_usd"].as_f64().unwrap() - wanted["totalCost"].as_f64().unwrap();
            assert!(difference.abs() < 0.005, "{row}");
        }
    };
    let scan = command(NOBODY).output().unwrap();
    let scan: Value = serde_json::from_slice(&scan.stdout).unwrap();
    check(&scan);
    let server = Server::start(command(&["serve", "--port", "0"]));
    eventually("the archive is read", || {
        let report = server.json("/api/v1/stats?group_by=session");
        (report["totals"] == scan["totals"]).then(|| check(&report))
    });
}

/// A line of the model, by an agent that names no ids or by one that does.
fn reply(id: &str, output: u64, named: bool) -> String {
    let mut line = json!({"type": "assistant", "uuid": format!("u-{id}"), "sessionId": "5f1c", "cwd": "/srv/shop",
        "timestamp": ago(60), "message": {"role": "assistant", "model": "claude-sonnet-4-5", "content": [],
            "usage": {"input_tokens": 1, "output_tokens": output, "server_tool_use": {"web_search_requests": 1}}}});
    if named {
        line["requestId"] = json!(format!("req_{id}"));
        line["message"]["id"] = json!(format!("msg_{id}"));
    }
    line.to_string()
}

#[test]
fn a_transcript_that_is_replaced_counts_like_one_that_is_read_afresh() {
    let world = World::new();
    let real = world.path("dotfiles/-srv-shop");
    std::fs::create_dir_all(&real).unwrap();
    std::fs::create_dir_all(claude(&world).join("projects")).unwrap();
    std::os::unix::fs::symlink(&real, claude(&world).join("projects/-srv-shop")).unwrap();
    let lines = [
        reply("a", 3, false),
        reply("b", 5, true),
        reply("c", 7, false),
        reply("d", 9, true),
    ];
    let total =
        json!({"type": "cost-state", "sessionId": "5f1c", "totalCostUSD": 0.5, "startTime": 1_795_248_000_000_u64});
    let put = |count: usize, more: &str| {
        let copy = real.join(".copy");
        std::fs::write(&copy, format!("{total}\n{}{more}", lines[..count].join("\n"))).unwrap();
        std::fs::rename(copy, real.join("5f1c.jsonl")).unwrap();
    };
    put(1, "\n");
    let server = world.serve();
    let outputs = [3_u64, 8, 15, 24];
    for (count, output) in (1..).zip(outputs) {
        // The last copy ends without the end of its last line.
        put(count, if count == 4 { "" } else { "\n" });
        eventually("the copy to be counted", || {
            let stats = server.json("/api/v1/stats?group_by=session");
            (stats["totals"]["output"] == output && stats["totals"]["calls"] == count).then_some(())
        });
    }
    let counted = server.json("/api/v1/stats?group_by=session");
    let searches = &counted["rows"][0]["models"]["web-search"];
    assert_eq!((&searches["cost_usd"], &searches["calls"]), (&json!(0.04), &json!(0)));
    assert!(server.stop().success());
    let scanned = report(&world, NOBODY);
    assert_eq!(scanned["rows"], counted["rows"]);
    assert_eq!(scanned["agent_totals"], counted["agent_totals"]);
    assert_eq!(scanned["agent_totals"]["cost_usd"], 0.5);
}
