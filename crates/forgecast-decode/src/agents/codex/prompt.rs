//! What a person asked, told from what the agent puts before it or in its place.

/// What an editor writes before a request: the request stands below this heading.
const REQUEST_HEADING: &str = "## My request for Codex:";
/// Texts that are no request although they stand in its place: instructions, surroundings, what an
/// editor shows.
const NO_REQUEST: &[&str] = &[
    "# AGENTS.md instructions",
    "# Context from my IDE setup",
    "# Files mentioned by the user",
    "<INSTRUCTIONS>",
    "<environment_context>",
    "<environments>",
    "<permissions instructions>",
    "<skill>",
    "<skills_instructions>",
    "<subagent_notification>",
    "<system-reminder>",
    "<turn_aborted>",
    "<user_instructions>",
];

/// The request in a prompt. `None` when a person asked nothing in it.
pub(super) fn request(prompt: &str) -> Option<&str> {
    let prompt = prompt.trim();
    // Only what begins with a heading of an editor has the other one: a person may write that, too.
    let request = match prompt.split_once(REQUEST_HEADING) {
        Some((before, request)) if prompt.starts_with('#') && (before.is_empty() || before.ends_with('\n')) => {
            request.trim()
        }
        _ if NO_REQUEST.iter().any(|begin| prompt.starts_with(begin)) => return None,
        _ => prompt,
    };
    (!request.is_empty()).then_some(request)
}

#[cfg(test)]
mod tests {
    use super::request;

    #[test]
    fn a_request_is_what_a_person_asked() {
        for (prompt, asked) in [
            (" Draw a map \n", Some("Draw a map")),
            ("# Draw a map", Some("# Draw a map")),
            (
                "# Context from my IDE setup:\n\n## Active file: a.rs\n\n## My request for Codex:\nDraw it\nnow\n",
                Some("Draw it\nnow"),
            ),
            (
                "# Files mentioned by the user:\n\n## My request for Codex:\nDraw it",
                Some("Draw it"),
            ),
            ("## My request for Codex:\nDraw it", Some("Draw it")),
            ("# Context from my IDE setup:\n\n## Active file: a.rs\n", None),
            ("# Context from my IDE setup:\n\n## My request for Codex:\n", None),
            ("# AGENTS.md instructions for /srv/app\n\n<INSTRUCTIONS>\nuse it", None),
            ("<environment_context>here</environment_context>", None),
            (
                "What is ## My request for Codex: for?",
                Some("What is ## My request for Codex: for?"),
            ),
            ("", None),
        ] {
            assert_eq!(request(prompt), asked, "{prompt:?}");
        }
    }
}
