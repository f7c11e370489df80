//! Which of Claude Code's files are transcripts, and whose.

use crate::transcript::{TranscriptPath, session_name, stem};

/// `projects/<project>/<session>.jsonl`, `projects/<project>/agent-<id>.jsonl`,
/// `projects/<project>/<session>/…/<name>.jsonl`.
pub(super) fn of(parts: &[&str]) -> Option<TranscriptPath> {
    let (file, folders) = parts.strip_prefix(&["projects"])?.split_last()?;
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

/// Whether it is a subagent's file of the older layout, whose session only its lines name.
pub(super) fn is_older_agent(path: &TranscriptPath) -> bool {
    let by_path = path.session.as_str().strip_prefix("agent-");
    path.agent.is_some() && by_path == path.agent.as_deref()
}

/// Folders of what tools printed hold many files and no transcripts.
pub(super) fn enters(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name != "tool-results" && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_claude_transcript_is_a_session_or_belongs_to_one() {
        let parsed = |path| {
            let path = super::super::AGENT.path_of(path)?;
            Some((path.session.to_string(), path.agent, path.project))
        };
        let is = |session: &str, agent: Option<&str>| {
            Some((
                session.to_owned(),
                agent.map(str::to_owned),
                Some("-home-dev-app".to_owned()),
            ))
        };
        assert_eq!(parsed("projects/-home-dev-app/5f1c.jsonl"), is("5f1c", None));
        assert_eq!(
            parsed("projects/-home-dev-app/5f1c/subagents/agent-a1.jsonl"),
            is("5f1c", Some("a1"))
        );
        assert_eq!(
            parsed("projects/-home-dev-app/5f1c/subagents/deep/er/agent-a1.jsonl"),
            is("5f1c", Some("a1"))
        );
        assert_eq!(parsed("projects/-home-dev-app/5f1c/chat.jsonl"), is("5f1c", None));
        assert_eq!(
            parsed("projects/-home-dev-app/agent-a1.jsonl"),
            is("agent-a1", Some("a1"))
        );
        for path in [
            "",
            "projects",
            "projects/a.jsonl",
            "history.jsonl",
            "projects/p/notes.md",
            "projects/p/.jsonl",
        ] {
            assert_eq!(parsed(path), None, "{path}");
        }
    }
}
