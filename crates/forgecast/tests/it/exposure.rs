//! Who is let in when others can reach the address: nobody without a token, whoever has one by what it is for, and the
//! commands of the same user always. Tokens are shown once and are nowhere else.

mod here;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::world::{PATIENCE, Server, World};

fn world() -> World {
    let world = World::new();
    for name in ["weather-app", "secret-app"] {
        let phase =
            json!({"session_id": name, "current_phase": "Test", "status": "testing", "progress_detail": "here"});
        world.project(name).phase(&phase);
    }
    world
}

/// One request to an address, with a token: status, and head and body.
fn ask(address: &str, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n{body}",
        authorization.unwrap_or_default(),
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    (status, answer)
}

fn status(address: &str, path: &str, token: Option<&str>) -> u16 {
    ask(address, "GET", path, token, "").0
}

/// What a server that others can reach says at its first start.
struct Exposed {
    server: Server,
    /// An address of this machine that is not loopback, as a stranger would use it.
    elsewhere: String,
    view: String,
    admin: String,
}

fn exposed(world: &World, arguments: &[&str]) -> Exposed {
    let mut all = vec!["--host", "0.0.0.0"];
    all.extend(arguments);
    let mut server = world.serve_with(&all);
    let line = server.line_with("elsewhere");
    let (url, view) = line.split_once("/#token=").unwrap();
    let elsewhere = url.rsplit('/').next().unwrap().to_owned();
    assert!(!elsewhere.starts_with("127."), "{line}");
    let token = |line: String| {
        line.split_whitespace()
            .find(|word| word.starts_with("fc_"))
            .unwrap()
            .to_owned()
    };
    assert_eq!(token(server.line_with("to view")), view);
    let admin = token(server.line_with("for full access"));
    server.line_with("found");
    Exposed {
        server,
        elsewhere,
        view: view.to_owned(),
        admin,
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path()),
            false => vec![entry.path()],
        })
        .collect()
}

const FACT: &str = r#"[{"type": "phase_reported", "session": "pushed", "directory": "/x/pushed", "phase": "Scout"}]"#;

/// F38 from the outside: a start on every address, a stranger, a token, a kill.
#[test]
fn on_every_address_a_token_is_needed_is_shown_once_and_survives_a_kill() {
    let world = world();
    let Exposed {
        server,
        elsewhere,
        view,
        admin,
    } = exposed(&world, &["--log-level", "debug"]);
    let list = "/api/v1/sessions";
    assert_eq!(status(&elsewhere, list, None), 401);
    assert_eq!(
        status(&elsewhere, "/api/sessions", None),
        401,
        "Context Foundry's API as well"
    );
    assert_eq!(ask(&elsewhere, "POST", "/api/v1/events", None, FACT).0, 401);
    assert_eq!(ask(&elsewhere, "POST", "/api/phase-update", None, "{}").0, 401);
    assert_eq!(status(&elsewhere, "/api/v1/live", None), 401);
    assert_eq!(status(&elsewhere, list, Some(&format!("{view}x"))), 401);
    assert_eq!(
        status(&elsewhere, &format!("{list}?token={view}"), None),
        401,
        "never in an address"
    );
    assert_eq!(status(&elsewhere, "/healthz", None), 200);
    assert_eq!(status(&elsewhere, "/", None), 200, "the page that asks for the token");
    assert_eq!(status(server.address(), list, None), 200, "this machine needs none");

    assert_eq!(status(&elsewhere, list, Some(&view)), 200);
    assert_eq!(ask(&elsewhere, "POST", "/api/v1/events", Some(&view), FACT).0, 403);
    assert_eq!(
        ask(&elsewhere, "DELETE", "/api/v1/sessions/secret-app", Some(&view), "").0,
        403
    );
    assert_eq!(ask(&elsewhere, "POST", "/api/v1/events", Some(&admin), FACT).0, 200);
    assert_eq!(
        ask(server.address(), "DELETE", "/api/v1/sessions/pushed", None, "").0,
        403,
        "who may send may not remove"
    );
    assert_eq!(world.run(&["forget", "--yes", "pushed"]).0, 0, "the same user may");

    let line = fs::read(format!("/proc/{}/cmdline", server.pid())).unwrap();
    let environ = fs::read(format!("/proc/{}/environ", server.pid())).unwrap();
    let logs = server.kill();
    for token in [&view, &admin] {
        for said in [
            &String::from_utf8_lossy(&line),
            &String::from_utf8_lossy(&environ),
            &logs.as_str().into(),
        ] {
            assert!(!said.contains(token.as_str()), "a token in {said}");
        }
        for file in files(&world.path("home")).into_iter().chain(files(&world.path("run"))) {
            let bytes = fs::read(&file).unwrap();
            assert!(
                !bytes.windows(token.len()).any(|part| part == token.as_bytes()),
                "{}",
                file.display()
            );
        }
    }
    assert!(logs.contains("connections are not encrypted"), "{logs}");
    let data = world.path("home/.local/share/forgecast");
    assert_eq!((mode(&data), mode(&data.join("access.json"))), (0o700, 0o600));
    assert_eq!(mode(&world.path("run/forgecast")), 0o700);
    for file in files(&data).into_iter().chain(files(&world.path("run/forgecast"))) {
        assert_eq!(mode(&file) & 0o077, 0, "{}", file.display());
    }

    let mut again = world.serve_with(&["--host", "0.0.0.0"]);
    let line = again.line_with("elsewhere");
    assert!(!line.contains("token"), "shown once: {line}");
    let said = again.line_with("tokens");
    assert!(
        said.contains("view, admin") && said.contains("rotate") && !said.contains("fc_"),
        "{said}"
    );
    let elsewhere = line.trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
    assert_eq!(status(&elsewhere, list, Some(&view)), 200, "kept over a kill");
    assert_eq!(status(&elsewhere, list, None), 401);
}

#[test]
fn tokens_are_made_listed_revoked_and_rotated_while_a_server_runs() {
    let world = world();
    let Exposed {
        server: _server,
        elsewhere,
        view,
        admin,
    } = exposed(&world, &[]);
    let list = "/api/v1/sessions";
    let (code, made, _) = world.run(&["token", "new", "--role", "ingest", "--name", "build box", "--json"]);
    assert_eq!(code, 0);
    let made: Value = serde_json::from_str(&made).unwrap();
    let ingest = made["token"].as_str().unwrap();
    assert_eq!(
        ask(&elsewhere, "POST", "/api/v1/events", Some(ingest), FACT).0,
        200,
        "at once"
    );
    assert_eq!(status(&elsewhere, list, Some(ingest)), 403);
    let (_, table, _) = world.run(&["token", "list"]);
    assert!(table.contains("build box  ingest") && !table.contains("fc_"), "{table}");
    let (code, _, said) = world.run(&["token", "new", "--role", "ingest", "--name", "build box"]);
    assert_eq!(code, 1);
    assert!(said.contains("--name"), "{said}");

    assert_eq!(world.run(&["token", "revoke", "build box"]).0, 0);
    assert_eq!(
        ask(&elsewhere, "POST", "/api/v1/events", Some(ingest), FACT).0,
        401,
        "at once"
    );
    let (code, _, said) = world.run(&["token", "revoke", "build box"]);
    assert_eq!((code, said.lines().count()), (1, 1));

    let (_, made, _) = world.run(&["token", "rotate", "--role", "view"]);
    let new = made.lines().next().unwrap();
    assert!(new.starts_with("fc_v_"), "{made}");
    assert_eq!(status(&elsewhere, list, Some(&view)), 401);
    assert_eq!(status(&elsewhere, list, Some(new)), 200);
    assert_eq!(
        status(&elsewhere, list, Some(&admin)),
        200,
        "another role is left alone"
    );
}

#[test]
fn a_share_link_shows_one_session_until_it_is_revoked() {
    let world = world();
    let Exposed { server, elsewhere, .. } = exposed(&world, &[]);
    for name in ["weather-app", "secret-app"] {
        server.view_when(name, |view| view["phase"]["name"] == "Test");
    }
    let (code, said, warned) = world.run(&["share", "weather-app", "--for", "2d"]);
    assert_eq!((code, warned.as_str()), (0, ""));
    let (url, token) = said.lines().next().unwrap().split_once("#token=").unwrap();
    assert_eq!(url, format!("http://{elsewhere}/session/weather-app~1"));
    assert!(token.starts_with("fc_s_"), "{said}");
    let one = "/api/v1/sessions/weather-app~1";
    assert_eq!(status(&elsewhere, one, Some(token)), 200);
    for path in [
        "/api/v1/sessions/secret-app~1",
        "/api/v1/sessions",
        "/api/v1/stats",
        "/metrics",
        "/api/sessions",
    ] {
        assert_eq!(status(&elsewhere, path, Some(token)), 403, "{path}");
    }
    assert_eq!(ask(&elsewhere, "DELETE", one, Some(token), "").0, 403);
    let (_, shares, _) = world.run(&["share", "--list", "--json"]);
    let shares: Value = serde_json::from_str(&shares).unwrap();
    assert_eq!(shares[0]["session"], "weather-app~1");
    let id = shares[0]["id"].as_str().unwrap();
    assert_eq!(world.run(&["share", "--revoke", id]).0, 0);
    assert_eq!(status(&elsewhere, one, Some(token)), 401, "at once");
    assert_eq!(world.run(&["share", "--list"]).1, "There are no links.\n");

    let (_, said, _) = world.run(&["share", "weather-app", "--url", "https://builds.example/x/", "--json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    let url = said["url"].as_str().unwrap();
    assert!(
        url.starts_with("https://builds.example/x/session/weather-app~1#token=fc_s_"),
        "{url}"
    );
    assert_eq!(world.run(&["share", "nobody"]).0, 1);
    assert_eq!(world.run(&["share", "weather-app", "--for", "soon"]).0, 2);
}

#[test]
fn without_a_server_links_and_tokens_are_made_for_the_next_one() {
    let world = world();
    assert!(world.run(&["token", "list"]).1.contains("There are no tokens"));
    let (_, made, _) = world.run(&["token", "new"]);
    let token = made.lines().next().unwrap().to_owned();
    let (code, said, warned) = world.run(&["share", "weather-app"]);
    assert_eq!(code, 0, "{warned}");
    assert!(
        said.starts_with("http://127.0.0.1:8080/session/weather-app~1#token=fc_s_"),
        "{said}"
    );
    assert!(warned.contains("--url"), "only this machine reaches it: {warned}");
    let mut server = world.serve_with(&["--host", "0.0.0.0"]);
    let line = server.line_with("elsewhere");
    assert!(!line.contains("fc_"), "there was one: none is made, none is shown");
    let elsewhere = line.trim_end_matches('/').rsplit('/').next().unwrap();
    assert_eq!(status(elsewhere, "/api/v1/sessions", Some(&token)), 200);
}
