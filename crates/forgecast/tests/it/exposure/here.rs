//! This machine beside others: what its own commands, hooks and producers find when a token is wanted, when connections are
//! encrypted, and when the server listens elsewhere than on loopback.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::{Exposed, ask, exposed, mode, status, world};
use crate::world::{Server, World, eventually};

#[test]
fn where_this_machine_needs_a_token_too_commands_and_hooks_have_theirs() {
    let world = world();
    fs::create_dir_all(world.path("home/.claude")).unwrap();
    let mut server = world.serve_with(&["--require-token"]);
    server.line_with("for full access");
    let list = "/api/v1/sessions";
    assert_eq!(status(server.address(), list, None), 401);
    let mut said = String::new();
    eventually("the sessions are there", || {
        said = world.run(&["sessions"]).1;
        said.contains("weather-app~1").then_some(())
    });
    assert_eq!(world.run(&["status", "weather-app"]).0, 0);
    // On a busy machine it is kept and delivered a moment later; with the same id it counts once.
    eventually("a fact is taken", || {
        let fact = [
            "emit",
            "phase-reported",
            "phase=Scout",
            "--session",
            "emitted",
            "--id",
            "e1",
            "--strict",
        ];
        (world.run(&fact).0 == 0).then_some(())
    });
    assert_eq!(world.run(&["forget", "--yes", "emitted"]).0, 0);
    assert_eq!(world.run(&["usage"]).0, 0);

    let file = world.path("home/.claude/settings.json");
    let (_, shown, _) = world.run(&["init", "claude"]);
    assert!(
        shown.contains("fc_i_…") && world.run(&["token", "list"]).1.matches("ingest").count() == 0,
        "{shown}"
    );
    let (code, shown, stderr) = world.run(&["init", "claude", "--yes"]);
    assert_eq!(code, 0, "{stderr}");
    let settings: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let header = settings["hooks"]["Stop"][0]["hooks"][0]["headers"]["Authorization"]
        .as_str()
        .unwrap();
    let token = header.strip_prefix("Bearer ").unwrap();
    assert!(!shown.contains(token), "not printed");
    assert_eq!(mode(&file), 0o600);
    let hook = r#"{"hook_event_name": "Stop", "session_id": "7d1f0c3e-77aa-4f0e-9a55-0d5b7f7b2c11", "cwd": "/x"}"#;
    let path = "/api/v1/hooks/claude";
    assert_eq!(ask(server.address(), "POST", path, None, hook).0, 401);
    let (taken, answer) = ask(server.address(), "POST", path, Some(token), hook);
    assert!((200..300).contains(&taken), "{answer}");
    assert_eq!(status(server.address(), list, Some(token)), 403, "it is for sending");
    assert!(world.run(&["init", "claude", "--yes"]).1.contains("no change needed"));
    let hooks = |world: &World| {
        let (_, said, _) = world.run(&["doctor"]);
        said.lines().find(|line| line.contains(" hooks ")).unwrap().to_owned()
    };
    assert!(hooks(&world).starts_with("ok"), "{}", hooks(&world));
    assert_eq!(world.run(&["token", "revoke", "claude"]).0, 0);
    assert!(hooks(&world).starts_with("warn"), "{}", hooks(&world));
    assert_eq!(world.run(&["init", "claude", "--yes"]).0, 0);
    assert!(hooks(&world).starts_with("ok"), "a new one: {}", hooks(&world));
    let (_, said, _) = world.run(&["init", "claude", "--undo", "--yes"]);
    assert!(said.contains("revoked the token claude") && !file.exists(), "{said}");
}

#[test]
fn with_its_own_certificate_others_use_https_and_local_commands_work() {
    let world = world();
    let mut server = world.serve_with(&["--host", "0.0.0.0", "--tls-self-signed", "--base-path", "/builds"]);
    let line = server.line_with("elsewhere");
    assert!(
        line.contains("https://") && line.contains("/builds/#token=fc_v_"),
        "{line}"
    );
    let (_, rest) = line.split_once("https://").unwrap();
    let elsewhere = rest.split('/').next().unwrap();
    let fingerprint = server.line_with("SHA-256");
    assert_eq!(fingerprint.matches(':').count(), 31, "{fingerprint}");
    assert_eq!(status(elsewhere, "/api/v1/sessions", None), 401, "a token all the same");
    eventually("the session is there", || {
        let (code, said, _) = world.run(&["sessions"]);
        (code == 0 && said.contains("weather-app~1")).then_some(())
    });
    let (_, said, _) = world.run(&["share", "weather-app"]);
    assert!(
        said.starts_with(&format!("https://{elsewhere}/builds/session/weather-app~1#token=")),
        "{said}"
    );
    let tls = world.path("home/.local/share/forgecast/tls");
    assert_eq!((mode(&tls), mode(&tls.join("key.pem"))), (0o700, 0o600));
    let (code, said, _) = world.run(&["doctor"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("encrypted") && said.contains("view (view), admin (admin)"),
        "{said}"
    );
    let errors = server.kill();
    assert!(!errors.contains("not encrypted"), "{errors}");
    let mut again = world.serve_with(&["--host", "0.0.0.0", "--tls-self-signed"]);
    assert_eq!(again.line_with("SHA-256"), fingerprint, "kept");
}

#[test]
fn on_one_address_of_the_network_commands_of_this_machine_find_it() {
    let world = world();
    let Exposed { server, elsewhere, .. } = exposed(&world, &[]);
    drop(server);
    let address = elsewhere.split(':').next().unwrap();
    for more in [&[][..], &["--tls-self-signed"]] {
        let mut all = vec!["--host", address];
        all.extend(more);
        let server = world.serve_with(&all);
        eventually("the session is there", || {
            let (code, said, _) = world.run(&["status", "weather-app", "--json"]);
            (code == 0 && said.contains("weather-app~1")).then_some(())
        });
        let (_, said, _) = world.run(&["doctor"]);
        assert!(said.contains(&format!("runs at http://{address}")), "{said}");
        assert!(server.stop().success());
    }
}

#[test]
fn what_users_of_the_origin_set_is_safe_now() {
    let world = world();
    let mut command = world.command(&["serve"]);
    command.env("LIVESTREAM_HOST", "0.0.0.0").env("LIVESTREAM_PORT", "0");
    let mut server = Server::start(command);
    let line = server.line_with("elsewhere");
    let address = line.split("://").nth(1).unwrap().split('/').next().unwrap();
    assert_eq!(status(address, "/api/sessions", None), 401);
    assert_eq!(status(server.address(), "/api/sessions", None), 200);
}

#[test]
fn a_file_of_tokens_that_makes_no_sense_lets_nobody_start() {
    let world = world();
    let data = world.path("home/.local/share/forgecast");
    fs::create_dir_all(&data).unwrap();
    let file = data.join("access.json");
    fs::write(&file, "{ nonsense").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let (code, _, said) = world.run(&["serve", "--port", "0"]);
    assert_eq!((code, said.lines().count()), (1, 1), "{said}");
    assert!(said.contains("access.json") && said.contains("move it away"), "{said}");
}
