//! Which of Codex' files are rollouts, and whose.

use crate::transcript::{TranscriptPath, session_name, stem};

/// `sessions/YYYY/MM/DD/rollout-<time>-<session>.jsonl`, also moved to `archived_sessions/`, also packed
/// (`.jsonl.zst`).
pub(super) fn of(parts: &[&str]) -> Option<TranscriptPath> {
    let (file, folders) = parts.split_last()?;
    let stem = stem(file.strip_suffix(".zst").unwrap_or(file))?;
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

/// The last 36 characters when they have the form of a UUID.
fn uuid_at_end(stem: &str) -> Option<&str> {
    let uuid = stem.get(stem.len().checked_sub(36)?..)?;
    let fits = uuid.bytes().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    fits.then_some(uuid)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_rollout_is_named_by_the_id_at_its_end() {
        let parsed = |path: &str| super::super::AGENT.path_of(path).map(|path| path.session.to_string());
        let id = "0199a1b2-0000-7000-8000-0123456789ab";
        for folder in ["sessions/2026/11/21", "archived_sessions", "sessions"] {
            let path = format!("{folder}/rollout-2026-11-21T08-00-00-{id}.jsonl");
            assert_eq!(parsed(&path).as_deref(), Some(id), "{path}");
            assert_eq!(parsed(&format!("{path}.zst")).as_deref(), Some(id), "{path}");
        }
        assert_eq!(parsed("sessions/rollout-short.jsonl").as_deref(), Some("rollout-short"));
        assert_eq!(parsed("history.jsonl"), None);
        assert_eq!(parsed("log/rollout-1.jsonl"), None);
    }
}
