//! What was said and done, as newer versions of Codex write it: an item when it is complete.

use std::borrow::Cow;

use forgecast_protocol::Fact;

use super::record::Item;
use super::{ANSWER_LINES, Line, Reader, tell_failure, tell_use};
use crate::transcript::Visitor;

/// Items that say nothing of interest here, or what other lines say.
const SILENT_ITEMS: &[&str] = &[
    "CollabAgentToolCall",
    "ContextCompaction",
    "DynamicToolCall",
    "EnteredReviewMode",
    "ExitedReviewMode",
    "HookPrompt",
    "ImageGeneration",
    "ImageView",
    "Plan",
    "Reasoning",
    "SubAgentActivity",
    "TodoList",
];
/// Uses of tools whose other line is waited for: of more, the oldest are forgotten.
const MAX_TOOLS: usize = 32;

impl Reader {
    /// A use of a tool was told: its other line, the model's request or the item, says only how it
    /// went.
    pub(super) fn remember_told(&mut self, use_id: Option<&str>) {
        let Some(use_id) = use_id.filter(|id| id.len() <= 100) else {
            return;
        };
        if self.state.tools.len() == MAX_TOOLS {
            self.state.tools.remove(0);
        }
        self.state.tools.push(use_id.to_owned());
    }

    /// Whether the other line of a use of a tool told it; forgotten, since there are only two.
    pub(super) fn was_told(&mut self, use_id: Option<&str>) -> bool {
        let told = self.state.tools.iter().position(|told| Some(told.as_str()) == use_id);
        told.map(|at| self.state.tools.remove(at)).is_some()
    }

    /// Something was said or done.
    pub(super) fn completed(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let Some(item) = &line.payload.item.0 else {
            return out.unknown();
        };
        match item.kind.get() {
            Some("UserMessage") => self.prompt(line, &text_of(item), out),
            Some("AgentMessage") => out.log(&line.context, None, "", text_of(item).trim(), ANSWER_LINES),
            Some("CommandExecution") => self.executed(line, item, out),
            Some("FileChange") => self.did(line, item, "apply_patch", changed(item), out),
            Some("McpToolCall") => {
                let names = [item.server.get(), item.tool.get()];
                let tool = names.into_iter().flatten().collect::<Vec<_>>().join(".");
                self.did(line, item, if tool.is_empty() { "mcp" } else { &tool }, None, out);
            }
            Some("WebSearch") => self.did(line, item, "web_search", item.query.owned(), out),
            Some(silent) if SILENT_ITEMS.contains(&silent) => {}
            _ => out.unknown(),
        }
    }

    fn executed(&mut self, line: &Line<'_>, item: &Item<'_>, out: &mut dyn Visitor) {
        let command = item.command.as_command().map(Cow::into_owned);
        self.did(line, item, "shell", command, out);
        // The answer to a use that is pending comes later and says how it failed.
        let mut pending = self.state.pending.iter();
        let is_pending = pending.any(|pending| Some(pending.id.as_str()) == item.id.get());
        if let Some(code) = item.exit_code.0.filter(|code| *code != 0 && !is_pending) {
            tell_failure(line, code, item.aggregated_output.get().unwrap_or_default(), out);
        }
    }

    /// A tool was used; told once, when the model asks for it or else when it is done. Only of a
    /// search of the web can the model's request come after the item.
    fn did(&mut self, line: &Line<'_>, item: &Item<'_>, tool: &str, summary: Option<String>, out: &mut dyn Visitor) {
        if !line.context.everything() {
            return;
        }
        self.goes_on(line, out);
        let id = item.id.get();
        if self.was_told(id) {
            return;
        }
        if item.kind.is("WebSearch") {
            self.remember_told(id);
        }
        let summary = summary.map(|summary| line.context.cleaner().word(&summary));
        let used = tell_use(line, tool, summary.filter(|summary| !summary.is_empty()), id, out);
        out.fact(&line.context, Fact::ToolUsed(used));
    }
}

fn text_of(item: &Item<'_>) -> String {
    let parts = item.content.items.iter().filter_map(|part| part.text.get());
    parts.collect::<Vec<_>>().join("\n")
}

/// The files that a patch changed.
fn changed(item: &Item<'_>) -> Option<String> {
    let changes = item.changes.0.as_ref()?;
    let files: Vec<&str> = changes.keys().take(20).map(AsRef::as_ref).collect();
    Some(files.join(", "))
}
