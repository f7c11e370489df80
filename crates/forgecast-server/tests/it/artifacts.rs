//! Artifacts that are opened for people: no secret in them is answered, wherever it stands.

use std::fmt::Write as _;
use std::path::Path;

use forgecast_protocol::event::{ArtifactChanged, ArtifactKind};
use forgecast_protocol::{Event, Fact, Subject};

use crate::support::{Server, event, now};

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

/// Documents with secrets: in the text, divided by colours, over many lines, at the places where readers and cutters stop.
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
            "colours.txt".to_owned(),
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
            Fact::WaitingEnded(forgecast_protocol::event::WaitingEnded {}),
        ))
        .await;
    let answer = server
        .get(&format!("/api/v1/sessions/app/files/ghp_{}", &CANARY.repeat(3)))
        .await;
    assert_eq!(answer.status, 404);
    assert!(!answer.text().contains(CANARY), "{answer:?}");
}
