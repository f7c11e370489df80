//! Hooks of Codex. Their bodies have the form of Claude Code's, and call the shell by another name than rollouts do.

use super::super::Hooks;
use super::super::claude::hooks::{Dialect, decode};
use super::ASKS_USER;

static CODEX: Dialect = Dialect {
    path: "/api/v1/hooks/codex",
    expected: "no hook of Codex",
    tool: |tool| if tool == "Bash" { "shell" } else { tool },
    asks_user: |tool| tool == ASKS_USER,
};

/// The hooks of Codex.
pub(in crate::agents) const HOOKS: Hooks = Hooks {
    path: CODEX.path,
    decode: |body, cleaner, now| decode(&CODEX, body, cleaner, now),
};
