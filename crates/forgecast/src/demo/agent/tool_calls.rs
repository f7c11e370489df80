//! The tool calls of an agent in each phase, in the shape of real tools.

use serde_json::{Value, json};

use crate::demo::content::Blueprint;

/// The current state of a build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BuildState<'a> {
    pub(crate) blueprint: &'a Blueprint,
    pub(crate) phase: &'a str,
    /// The build's progress detail.
    pub(crate) detail: &'a str,
    /// The file that is being written.
    pub(crate) file: Option<&'a str>,
}

/// One tool call.
#[derive(Clone, Debug)]
pub(crate) struct ToolUse {
    /// The agent's text before the call.
    said: String,
    tool: &'static str,
    input: Value,
    pub(super) output: String,
}

impl ToolUse {
    pub(super) fn text(&self) -> Value {
        json!({ "type": "text", "text": self.said })
    }

    pub(super) fn tool(&self, id: &str) -> Value {
        json!({ "type": "tool_use", "id": id, "name": self.tool, "input": self.input })
    }

    pub(super) fn new(said: impl Into<String>, tool: &'static str, input: Value, output: impl Into<String>) -> Self {
        Self {
            said: said.into(),
            tool,
            input,
            output: output.into(),
        }
    }

    pub(crate) fn read(said: impl Into<String>, file: &str) -> Self {
        let output = format!("1\u{2192}// {file}\n2\u{2192}");
        Self::new(said, "Read", json!({ "file_path": file }), output)
    }

    pub(crate) fn search(said: impl Into<String>, pattern: &str) -> Self {
        Self::new(said, "Grep", json!({ "pattern": pattern }), "Found 4 files")
    }

    pub(crate) fn edit(said: impl Into<String>, file: &str) -> Self {
        let input = json!({ "file_path": file, "old_string": "…", "new_string": "…", "replace_all": false });
        let output = format!("The file {file} has been updated.");
        Self::new(said, "Edit", input, output)
    }

    fn write(said: impl Into<String>, file: &str) -> Self {
        let output = format!("File created successfully at: {file}");
        Self::new(said, "Write", json!({ "file_path": file, "content": "…" }), output)
    }

    pub(crate) fn run(said: impl Into<String>, command: &str, output: &str) -> Self {
        Self::new(said, "Bash", json!({ "command": command }), output)
    }

    /// A question to the user, with what can be chosen.
    pub(crate) fn ask(said: &str, question: &str, options: &[&str]) -> Self {
        let options: Vec<Value> = options
            .iter()
            .map(|label| json!({ "label": label, "description": "" }))
            .collect();
        let question = json!({ "question": question, "header": "Choice", "options": options, "multiSelect": false });
        Self::new(said, "AskUserQuestion", json!({ "questions": [question] }), "")
    }
}

/// The next tool call of the main conversation.
pub(super) fn next(state: &BuildState<'_>, rng: &mut fastrand::Rng) -> ToolUse {
    let blueprint = state.blueprint;
    let file = state.file.unwrap_or_else(|| some_file(blueprint, rng));
    let detail = state.detail;
    let turn = rng.u8(..3);
    match (state.phase, turn) {
        ("Codebase Analysis", 0) => ToolUse::search(detail, "^(pub )?(class|def|defmodule|fn) "),
        ("Scout", 0) => {
            let query = format!("{} {}", blueprint.stack.join(" "), word(detail));
            ToolUse::new(detail, "WebSearch", json!({ "query": query }), "8 results")
        }
        ("Scout", 1) => ToolUse::write("Noting that down.", ".context-foundry/scout-report.md"),
        ("Architect", 0) => ToolUse::read("What did the scout find?", ".context-foundry/scout-report.md"),
        ("Architect", 1) => ToolUse::edit(detail, ".context-foundry/architecture.md"),
        ("Architect", _) => ToolUse::edit(detail, ".context-foundry/build-tasks.json"),
        ("Builder", 0) if state.file.is_some() => ToolUse::write(detail, file),
        ("Builder", 2) => ToolUse::run("Does it still hold together?", blueprint.check, "ok"),
        ("Builder", _) => ToolUse::edit(detail, file),
        ("Screenshot", _) => ToolUse::run(detail, "scripts/screenshot.sh --all shots/", "4 pictures in shots/"),
        ("Documentation", 0) => ToolUse::write(detail, "README.md"),
        ("Documentation", _) => ToolUse::edit(detail, "docs/interfaces.md"),
        ("Deploy", 0) => ToolUse::run(detail, "git push -u origin main", "branch 'main' set up"),
        ("Deploy", _) => ToolUse::run(detail, "git add -A && git commit -m 'First release'", "[main 3f1c2aa]"),
        ("Feedback", _) => ToolUse::read(detail, ".context-foundry/test-results-iteration-1.md"),
        _ => ToolUse::read(detail, file),
    }
}

/// The next tool call of a subagent, which only reads.
pub(super) fn next_of_subagent(state: &BuildState<'_>, rng: &mut fastrand::Rng) -> ToolUse {
    let file = some_file(state.blueprint, rng);
    match rng.u8(..3) {
        0 => ToolUse::search("Where is it used?", word(state.detail)),
        1 => ToolUse::run(
            "What changed there?",
            &format!("git log --oneline -5 -- {file}"),
            "5 commits",
        ),
        _ => ToolUse::read(format!("Reading {file}."), file),
    }
}

/// A run of all tests of the project.
pub(crate) fn test_run(blueprint: &Blueprint, iteration: u32) -> ToolUse {
    let said = match iteration {
        1 => "Everything is written. Running the tests.".to_owned(),
        _ => format!("Running the tests again, iteration {iteration}."),
    };
    ToolUse::run(said, blueprint.check, "")
}

fn some_file<'b>(blueprint: &'b Blueprint, rng: &mut fastrand::Rng) -> &'b str {
    let task = rng.choice(blueprint.tasks.iter());
    task.and_then(|task| task.files.first()).copied().unwrap_or("README.md")
}

/// The longest word of a text, which says what it is about.
fn word(text: &str) -> &str {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.max_by_key(|word| word.len()).unwrap_or(text)
}
