//! What an agent does in each phase: which tool, on what, and what it says to it. Invented, in the shapes of real tools.

use serde_json::{Value, json};

use crate::demo::content::Blueprint;

/// Where a build stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) blueprint: &'a Blueprint,
    pub(crate) phase: &'a str,
    /// What the build says it does.
    pub(crate) detail: &'a str,
    /// The file that is written just now.
    pub(crate) file: Option<&'a str>,
}

/// One use of a tool.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    /// What is said to it.
    pub(crate) said: String,
    pub(crate) tool: &'static str,
    pub(crate) input: Value,
    pub(crate) output: String,
}

impl Use {
    pub(super) fn text(&self) -> Value {
        json!({ "type": "text", "text": self.said })
    }

    pub(super) fn tool(&self, id: &str) -> Value {
        json!({ "type": "tool_use", "id": id, "name": self.tool, "input": self.input })
    }

    fn new(said: impl Into<String>, tool: &'static str, input: Value, output: impl Into<String>) -> Self {
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
}

/// What the main conversation does next.
pub(super) fn next(scene: &Scene<'_>, rng: &mut fastrand::Rng) -> Use {
    let blueprint = scene.blueprint;
    let file = scene.file.unwrap_or_else(|| some_file(blueprint, rng));
    let detail = scene.detail;
    let turn = rng.u8(..3);
    match (scene.phase, turn) {
        ("Codebase Analysis", 0) => Use::search(detail, "^(pub )?(class|def|defmodule|fn) "),
        ("Scout", 0) => {
            let query = format!("{} {}", blueprint.stack.join(" "), word(detail));
            Use::new(detail, "WebSearch", json!({ "query": query }), "8 results")
        }
        ("Scout", 1) => Use::write("Noting that down.", ".context-foundry/scout-report.md"),
        ("Architect", 0) => Use::read("What did the scout find?", ".context-foundry/scout-report.md"),
        ("Architect", 1) => Use::edit(detail, ".context-foundry/architecture.md"),
        ("Architect", _) => Use::edit(detail, ".context-foundry/build-tasks.json"),
        ("Builder", 0) if scene.file.is_some() => Use::write(detail, file),
        ("Builder", 2) => Use::run("Does it still hold together?", blueprint.check, "ok"),
        ("Builder", _) => Use::edit(detail, file),
        ("Screenshot", _) => Use::run(detail, "scripts/screenshot.sh --all shots/", "4 pictures in shots/"),
        ("Documentation", 0) => Use::write(detail, "README.md"),
        ("Documentation", _) => Use::edit(detail, "docs/interfaces.md"),
        ("Deploy", 0) => Use::run(detail, "git push -u origin main", "branch 'main' set up"),
        ("Deploy", _) => Use::run(detail, "git add -A && git commit -m 'First release'", "[main 3f1c2aa]"),
        ("Feedback", _) => Use::read(detail, ".context-foundry/test-results-iteration-1.md"),
        _ => Use::read(detail, file),
    }
}

/// What a subagent does next: it looks, and changes nothing.
pub(super) fn helping(scene: &Scene<'_>, rng: &mut fastrand::Rng) -> Use {
    let file = some_file(scene.blueprint, rng);
    match rng.u8(..3) {
        0 => Use::search("Where is it used?", word(scene.detail)),
        1 => Use::run(
            "What changed there?",
            &format!("git log --oneline -5 -- {file}"),
            "5 commits",
        ),
        _ => Use::read(format!("Reading {file}."), file),
    }
}

/// The tests of the project, all of them.
pub(crate) fn test_run(blueprint: &Blueprint, iteration: u32) -> Use {
    let said = match iteration {
        1 => "Everything is written. Running the tests.".to_owned(),
        _ => format!("Running the tests again, iteration {iteration}."),
    };
    Use::run(said, blueprint.check, "")
}

fn some_file<'b>(blueprint: &'b Blueprint, rng: &mut fastrand::Rng) -> &'b str {
    let task = rng.choice(blueprint.tasks.iter());
    task.and_then(|task| task.files.first()).copied().unwrap_or("README.md")
}

/// A word that tells what a text is about.
fn word(text: &str) -> &str {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.max_by_key(|word| word.len()).unwrap_or(text)
}
