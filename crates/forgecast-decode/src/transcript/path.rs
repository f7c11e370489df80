//! What the path of a transcript says: whose session, which subagent, which project. The path is text here; it is opened
//! by nobody on the word of this.

use forgecast_protocol::SessionName;
use sha2::{Digest, Sha256};

use super::{TranscriptKind, TranscriptPath};

/// Bytes of a name that are kept when it has to be changed to fit an id.
const KEPT: usize = 96;

/// What the path of a file says, relative to the agent's folder (`projects/…` below `~/.claude`, `sessions/…` below
/// `~/.codex`, `observatory/…` below `~/.foundry`). `None`: no transcript, not to be read.
#[must_use]
pub fn path_of(kind: TranscriptKind, relative_path: &str) -> Option<TranscriptPath> {
    let parts: Vec<&str> = relative_path.split('/').filter(|part| !part.is_empty()).collect();
    match kind {
        TranscriptKind::Claude => claude(parts.strip_prefix(&["projects"])?),
        TranscriptKind::Codex => codex(&parts),
        TranscriptKind::Observatory => observatory(&parts),
    }
}

/// `<project>/<session>.jsonl`, `<project>/agent-<id>.jsonl`, `<project>/<session>/…/<name>.jsonl`.
fn claude(parts: &[&str]) -> Option<TranscriptPath> {
    let (file, folders) = parts.split_last()?;
    let stem = stem(file)?;
    let (project, inner) = folders.split_first()?;
    let session = inner.first().copied().unwrap_or(stem);
    Some(TranscriptPath {
        session: session_name(session),
        agent: stem
            .strip_prefix("agent-")
            .filter(|id| !id.is_empty())
            .map(str::to_owned),
        project: Some((*project).to_owned()),
    })
}

/// `sessions/YYYY/MM/DD/rollout-<time>-<session>.jsonl`, also moved to `archived_sessions/`.
fn codex(parts: &[&str]) -> Option<TranscriptPath> {
    let (file, folders) = parts.split_last()?;
    let stem = stem(file)?;
    let first = folders.first()?;
    if !matches!(*first, "sessions" | "archived_sessions") || !stem.starts_with("rollout-") {
        return None;
    }
    Some(TranscriptPath {
        session: session_name(uuid_at_end(stem).unwrap_or(stem)),
        agent: None,
        project: None,
    })
}

/// `observatory/events-YYYY-MM-DD.jsonl`.
fn observatory(parts: &[&str]) -> Option<TranscriptPath> {
    let ["observatory", file] = parts else {
        return None;
    };
    let stem = stem(file)?;
    stem.starts_with("events-").then(|| TranscriptPath {
        session: session_name(stem),
        agent: None,
        project: None,
    })
}

fn stem(file: &str) -> Option<&str> {
    file.strip_suffix(".jsonl")
        .filter(|stem| !stem.is_empty() && !stem.starts_with('.'))
}

/// The last 36 characters when they have the form of a UUID.
fn uuid_at_end(stem: &str) -> Option<&str> {
    let uuid = stem.get(stem.len().checked_sub(36)?..)?;
    let fits = uuid.bytes().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    fits.then_some(uuid)
}

/// A session by this name; where the name does not fit an id, what is readable of it and the beginning of its hash.
pub(crate) fn session_name(text: &str) -> SessionName {
    if let Ok(name) = text.parse() {
        return name;
    }
    let digest = Sha256::digest(text.as_bytes());
    let hash: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let readable = text.chars().map(|letter| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => letter,
        _ => '-',
    });
    let readable: String = readable
        .skip_while(|letter| !letter.is_ascii_alphanumeric())
        .take(KEPT)
        .collect();
    let name = format!("{readable}-{hash}");
    let name = name.trim_start_matches('-');
    // Permitted characters only, beginning with a letter or digit: a name that does not parse is not possible.
    name.parse().unwrap_or_else(|_| unreachable!("{name:?} fits an id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: TranscriptKind, path: &str) -> Option<(String, Option<String>, Option<String>)> {
        path_of(kind, path).map(|path| (path.session.to_string(), path.agent, path.project))
    }

    #[test]
    fn a_claude_transcript_is_a_session_or_belongs_to_one() {
        let of = |path| said(TranscriptKind::Claude, path);
        let is = |session: &str, agent: Option<&str>| {
            Some((
                session.to_owned(),
                agent.map(str::to_owned),
                Some("-home-dev-app".to_owned()),
            ))
        };
        assert_eq!(of("projects/-home-dev-app/5f1c.jsonl"), is("5f1c", None));
        assert_eq!(
            of("projects/-home-dev-app/5f1c/subagents/agent-a1.jsonl"),
            is("5f1c", Some("a1"))
        );
        assert_eq!(
            of("projects/-home-dev-app/5f1c/subagents/deep/er/agent-a1.jsonl"),
            is("5f1c", Some("a1"))
        );
        assert_eq!(of("projects/-home-dev-app/5f1c/chat.jsonl"), is("5f1c", None));
        assert_eq!(of("projects/-home-dev-app/agent-a1.jsonl"), is("agent-a1", Some("a1")));
        for path in [
            "",
            "projects",
            "projects/a.jsonl",
            "history.jsonl",
            "projects/p/notes.md",
            "projects/p/.jsonl",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
    }

    #[test]
    fn a_rollout_is_named_by_the_id_at_its_end() {
        let of = |path: &str| said(TranscriptKind::Codex, path).map(|(session, ..)| session);
        let id = "0199a1b2-0000-7000-8000-0123456789ab";
        for folder in ["sessions/2026/11/21", "archived_sessions", "sessions"] {
            let path = format!("{folder}/rollout-2026-11-21T08-00-00-{id}.jsonl");
            assert_eq!(of(&path).as_deref(), Some(id), "{path}");
        }
        assert_eq!(of("sessions/rollout-short.jsonl").as_deref(), Some("rollout-short"));
        assert_eq!(of("history.jsonl"), None);
        assert_eq!(of("log/rollout-1.jsonl"), None);
    }

    #[test]
    fn any_name_becomes_one_that_fits_an_id() {
        for name in [
            "",
            "ä",
            "-",
            "a b",
            "..",
            "~",
            &"ü".repeat(500),
            &"x".repeat(500),
            "a/b\0c\n",
        ] {
            let named = session_name(name);
            assert!(named.as_str().parse::<SessionName>().is_ok(), "{name:?} → {named}");
        }
        assert_ne!(session_name("a b"), session_name("a-b"));
    }
}
