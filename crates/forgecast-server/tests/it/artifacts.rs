//! Artifacts that are opened for people: listed ones below a root and no others, and no secret in them is answered,
//! wherever it stands.

use std::fmt::Write as _;
use std::path::Path;

use forgecast_protocol::event::{ArtifactChanged, ArtifactKind};
use forgecast_protocol::{Event, Fact, Subject};

use crate::rest::assert_problem;
use forgecast_testkit::{Server, event, now};

/// What the secrets of these tests hold, and nothing else does.
const CANARY: &str = "C4n4ryC4n4ry";

fn listed(project: &Path, name: &str) -> Event {
    Event {
        subject: Subject {
            directory: Some(project.to_str().unwrap().to_owned()),
            ..Subject::default()
        },
        ..event(
            "x",
            Fact::ArtifactChanged(ArtifactChanged {
                name: name.to_owned(),
                kind: ArtifactKind::Document,
                size: 9,
                modified_at: now(),
                dated: None,
                removed: false,
            }),
        )
    }
}

#[tokio::test]
async fn only_listed_artifacts_below_a_root_are_opened_and_cleaned() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let project = root.join("weather-app");
    let elsewhere = tempfile::tempdir().unwrap();
    for place in [&project, elsewhere.path()] {
        std::fs::create_dir_all(place.join(".context-foundry")).unwrap();
        std::fs::write(
            place.join(".context-foundry/plan.md"),
            "# Plan\n\u{1b}[31mred\u{1b}[0m\n",
        )
        .unwrap();
        std::fs::write(place.join("unlisted.txt"), "canary").unwrap();
    }
    std::os::unix::fs::symlink("unlisted.txt", project.join("link.txt")).unwrap();
    let server = Server::with(|setup| setup.roots = vec![root.clone()]).await;
    for name in [".context-foundry/plan.md", "link.txt", "gone.md", "../outside.txt"] {
        server.settled(listed(&project, name)).await;
    }
    server.settled(listed(elsewhere.path(), "unlisted.txt")).await;
    let file = async |name: &str| server.get(&format!("/api/v1/sessions/weather-app/files/{name}")).await;
    let plan = file(".context-foundry/plan.md").await;
    assert_eq!(
        (plan.status, plan.header("content-type")),
        (200, "text/plain; charset=utf-8")
    );
    assert_eq!(plan.text(), "# Plan\nred\n");
    assert_eq!(
        file(".context-foundry%2fplan.md").await.status,
        200,
        "the same name, spelled otherwise"
    );
    for name in [
        "unlisted.txt",
        "link.txt",
        "gone.md",
        "../outside.txt",
        "..%2foutside.txt",
        "%00",
        "/etc/passwd",
    ] {
        let answer = file(name).await;
        assert!((400..500).contains(&answer.status), "{name}: {answer:?}");
        assert!(!answer.text().contains("canary"));
    }
    let page = server.get("/api/v1/sessions?sort=name").await.json();
    let mut stranger = page["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap());
    let stranger = stranger.find(|id| !id.starts_with("weather-app")).unwrap();
    let answer = server
        .get(&format!("/api/v1/sessions/{stranger}/files/unlisted.txt"))
        .await;
    assert_problem(&answer, 404, "not-found");
}

/// Documents with secrets: in the text, divided by colors, over many lines, at the places where readers and cutters stop.
fn documents() -> Vec<(String, Vec<u8>)> {
    let long = CANARY.repeat(4);
    let token = format!("ghp_{}", &long[..36]);
    let key = format!("-----BEGIN PRIVATE KEY-----\n{long}\n{long}\n{long}\n-----END PRIVATE KEY-----");
    let mut documents = vec![
        ("token.md".to_owned(), format!("# Plan\n\nuse {token} here\n")),
        (
            "env.txt".to_owned(),
            format!("A=1\nDB_PASSWORD={CANARY},x&y\nURL=postgres://u:{CANARY}@db/x\n"),
        ),
        (
            "colors.txt".to_owned(),
            format!("gh\u{1b}[31mp_{CANARY}\u{1b}[0m{CANARY}\u{200b}{CANARY}\n"),
        ),
        ("key.pem".to_owned(), format!("{key}\n")),
        ("key-windows.pem".to_owned(), key.replace('\n', "\r\n")),
        ("key-unfinished.txt".to_owned(), format!("log\n{}", &key[..120])),
        (
            "report.json".to_owned(),
            format!(
                "{{\"key\": \"{}\", \"password\": \"{CANARY}\"}}",
                key.replace('\n', "\\n")
            ),
        ),
        (
            "session.html".to_owned(),
            format!("<pre>Authorization: Bearer {long}\nCookie: sid={CANARY}</pre>"),
        ),
    ];
    // Around what is shown of a document, around what is searched of it, and around the pieces that a disk gives.
    for edge in [4_096_usize, 8_192, 16 << 10, 64 << 10, 128 << 10] {
        for before in [0, 3, 20, 39, 41, 100] {
            for (kind, secret) in [("token", &token), ("key", &key)] {
                let mut text = "a line of words\n".repeat(edge / 16);
                text.truncate(edge - before);
                write!(text, " {secret}\nmore words\n").unwrap();
                documents.push((format!("{kind}-{edge}-{before}.txt"), text));
            }
        }
    }
    let mut documents: Vec<_> = documents
        .into_iter()
        .map(|(name, text)| (name, text.into_bytes()))
        .collect();
    let broken = [
        b"\xff\xfe bytes that are no text \xc3 ".as_slice(),
        token.as_bytes(),
        b" \xf0\x28",
    ]
    .concat();
    documents.push(("broken.bin".to_owned(), broken));
    documents
}

#[tokio::test]
async fn no_secret_is_answered_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let project = root.join("weather-app");
    std::fs::create_dir_all(&project).unwrap();
    let server = Server::with(|setup| setup.roots = vec![root.clone()]).await;
    let documents = documents();
    for (name, bytes) in &documents {
        std::fs::write(project.join(name), bytes).unwrap();
        server.feed(listed(&project, name)).await;
    }
    server.settled(listed(&project, "last")).await;
    for (name, bytes) in &documents {
        let answer = server.get(&format!("/api/v1/sessions/weather-app/files/{name}")).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        let text = answer.text();
        assert!(
            !text.contains("C4n4"),
            "{name}: …{}",
            &text[text.len().saturating_sub(300)..]
        );
        // What is beyond what is shown is not there; what is within is marked.
        assert!(bytes.len() > 60_000 || text.contains("[masked]"), "{name}: {text}");
    }
}

#[tokio::test]
async fn a_name_that_holds_a_secret_is_refused_without_repeating_it() {
    let server = Server::start().await;
    server
        .settled(event(
            "app",
            Fact::WaitingEnded(forgecast_protocol::event::WaitingEnded::default()),
        ))
        .await;
    let answer = server
        .get(&format!("/api/v1/sessions/app/files/ghp_{}", &CANARY.repeat(3)))
        .await;
    assert_eq!(answer.status, 404);
    assert!(!answer.text().contains(CANARY), "{answer:?}");
}

#[tokio::test]
async fn artifacts_whose_names_are_not_utf_8_are_shown_unless_two_look_the_same() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let project = root.join(OsStr::from_bytes(b"caf\xe9"));
    std::fs::create_dir(&project).unwrap();
    for (name, text) in [
        (&b"plan-\xff.md"[..], "# Plan"),
        (b"two-\xfe.md", "one"),
        (b"two-\xff.md", "other"),
    ] {
        std::fs::write(project.join(OsStr::from_bytes(name)), text).unwrap();
    }
    let server = Server::with(|setup| setup.roots = vec![root.clone()]).await;
    let shown = root.join("caf\u{fffd}");
    let mut id = String::new();
    for name in ["plan-\u{fffd}.md", "two-\u{fffd}.md"] {
        server.settled(listed(&shown, name)).await;
        let sessions = server.get("/api/v1/sessions").await.json();
        sessions["sessions"][0]["id"].as_str().unwrap().clone_into(&mut id);
    }
    let file = async |name: &str| server.get(&format!("/api/v1/sessions/{id}/files/{name}")).await;
    assert_eq!(file("plan-%EF%BF%BD.md").await.text(), "# Plan");
    assert_eq!(file("two-%EF%BF%BD.md").await.status, 404);
}
