//! What tools of a coding agent are used on, in one line: the command, the file, the pattern, the address. Shared by
//! transcripts, hooks and rollouts.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::clean::Cleaner;
use crate::lenient::{List, Text, Words};

/// The parts of a tool's input that say what it is used on.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Input<'a> {
    pub(crate) command: Words<'a>,
    pub(crate) cmd: Text<'a>,
    pub(crate) file_path: Text<'a>,
    pub(crate) notebook_path: Text<'a>,
    pub(crate) path: Text<'a>,
    pub(crate) pattern: Text<'a>,
    pub(crate) url: Text<'a>,
    pub(crate) query: Text<'a>,
    pub(crate) description: Text<'a>,
    pub(crate) subagent_type: Text<'a>,
    pub(crate) skill: Text<'a>,
    pub(crate) subject: Text<'a>,
    #[serde(alias = "taskId")]
    pub(crate) task_id: Text<'a>,
    pub(crate) prompt: Text<'a>,
    pub(crate) questions: List<'a, Question<'a>>,
}

/// A question to the user.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Question<'a> {
    pub(crate) question: Text<'a>,
}

impl<'a> Input<'a> {
    /// The input of a tool; one that is no object is as good as empty.
    pub(crate) fn read(raw: Option<&'a RawValue>) -> Self {
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default()
    }

    /// What it is used on, clean, one line of at most 200 bytes; paths below `folder` are told relative to it.
    pub(crate) fn summary(&self, tool: &str, folder: Option<&str>, cleaner: &Cleaner) -> Option<String> {
        let found = match tool {
            "Grep" | "Glob" => match (self.pattern.get(), self.path.get()) {
                (Some(pattern), Some(path)) => Some(Cow::Owned(format!("{pattern} in {}", below(folder, path)))),
                (Some(pattern), None) => Some(Cow::Borrowed(pattern)),
                (None, _) => None,
            },
            "AskUserQuestion" => self.question().map(Cow::Borrowed),
            _ => None,
        };
        let found = found
            .or_else(|| self.command.as_command())
            .or_else(|| plain(&self.cmd))
            .or_else(|| inside(folder, &self.file_path))
            .or_else(|| inside(folder, &self.notebook_path))
            .or_else(|| plain(&self.url))
            .or_else(|| plain(&self.query))
            .or_else(|| plain(&self.pattern))
            .or_else(|| inside(folder, &self.path))
            .or_else(|| plain(&self.description))
            .or_else(|| plain(&self.skill))
            .or_else(|| plain(&self.subject))
            .or_else(|| plain(&self.task_id))
            .or_else(|| plain(&self.prompt))?;
        Some(cleaner.word(&found)).filter(|text| !text.is_empty())
    }

    /// The first question, for the tool that asks the user.
    pub(crate) fn question(&self) -> Option<&str> {
        self.questions.items.first()?.question.get()
    }
}

fn plain<'t>(text: &'t Text<'_>) -> Option<Cow<'t, str>> {
    text.get().map(Cow::Borrowed)
}

fn inside<'t>(folder: Option<&str>, text: &'t Text<'_>) -> Option<Cow<'t, str>> {
    text.get().map(|path| Cow::Borrowed(below(folder, path)))
}

/// A path as it is seen from a folder it lies in.
fn below<'p>(folder: Option<&str>, path: &'p str) -> &'p str {
    let inside = folder
        .filter(|folder| folder.len() > 1)
        .and_then(|folder| path.strip_prefix(folder.trim_end_matches('/'))?.strip_prefix('/'));
    inside.filter(|rest| !rest.is_empty()).unwrap_or(path)
}
