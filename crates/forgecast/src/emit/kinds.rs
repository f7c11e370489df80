//! The kinds of facts and their fields, by the protocol's names. A test decodes each of them with the server's decoder, so
//! the table cannot list what the server does not accept.

use forgecast_decode::lenient::Scalar;
use serde_json::Value;

use crate::nearest::nearest;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldType {
    Text,
    /// A whole number that is not negative.
    Count,
    Number,
    Flag,
    /// Texts, separated by commas.
    List,
    /// JSON if it can be parsed as such, else text; for facts of a producer's own kind.
    Any,
}

impl FieldType {
    /// The value of a text on the command line; none if the text is of another type.
    pub(super) fn value(self, text: &str) -> Option<Value> {
        let scalar = Scalar::Text(text.into());
        match self {
            Self::Text => Some(text.into()),
            Self::Count => scalar.count().map(Value::from),
            Self::Number => scalar.number().map(Value::from),
            Self::Flag => scalar.flag().map(Value::from),
            Self::List => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Some(items.map(Value::from).collect())
            }
            Self::Any => Some(serde_json::from_str(text).unwrap_or_else(|_| text.into())),
        }
    }

    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Text | Self::Any => "a text",
            Self::Count => "a whole number",
            Self::Number => "a number",
            Self::Flag => "true or false",
            Self::List => "a list separated by commas",
        }
    }
}

/// One kind of fact.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) word: &'static str,
    /// Names and types. A name that ends in `.*` stands for the fields of an object, and `*` for any other field.
    pub(super) fields: &'static [(&'static str, FieldType)],
}

impl Kind {
    pub(super) fn type_of(&self, key: &str) -> Option<FieldType> {
        let of = |name: &str| match name.strip_suffix('*') {
            Some(outer) => key.strip_prefix(outer).is_some_and(|inner| !inner.is_empty()),
            None => name == key,
        };
        self.fields.iter().find(|(name, _)| of(name)).map(|(_, form)| *form)
    }

    /// The names of its fields, for messages.
    pub(super) fn names(&self) -> String {
        let names = self.fields.iter().map(|(name, _)| match *name {
            "*" => "and any other",
            name => name,
        });
        names.collect::<Vec<_>>().join(", ")
    }
}

/// The kind with this name, in which `-` and `_` are interchangeable.
///
/// # Errors
/// Suggests a kind, and lists all kinds.
pub(super) fn find(word: &str) -> Result<&'static Kind, String> {
    let plain = word.replace('-', "_");
    KINDS.iter().find(|kind| kind.word == plain).ok_or_else(|| {
        let words: Vec<&str> = KINDS.iter().map(|kind| kind.word).collect();
        let meant = nearest(&plain, words.iter().copied());
        let meant = meant.map(|meant| format!("did you mean {meant}? ")).unwrap_or_default();
        format!(
            "there is no kind {word:?}; {meant}kinds: {}. For a kind of your own, use: forgecast emit custom kind={word}",
            words.join(", ")
        )
    })
}

/// Declares the kinds and their fields. A field is a text unless its type follows it.
macro_rules! kinds {
    ($($word:ident: { $($field:literal $(: $Type:ident)?),* $(,)? })+) => {
        &[$(Kind {
            word: stringify!($word),
            fields: &[$(($field, kinds!(@first $($Type,)? Text))),*],
        }),+]
    };
    (@first $Type:ident $(, $other:ident)?) => {
        FieldType::$Type
    };
}

/// The kinds that producers may send, as `POST /api/v1/events` names them. A kind of their own is `custom`, which has any
/// other field as well.
pub(super) const KINDS: &[Kind] = kinds! {
    session_seen: { "title", "project", "task", "host", "branch", "links.*" }
    phase_reported: {
        "phase", "phase_number", "status", "detail", "test_iteration": Count, "phases_completed": List,
        "started_at", "last_updated", "tasks_completed": Count, "tasks_total": Count,
        "context_percent": Number,
    }
    checkpoint_reported: {
        "project", "task", "phase", "last_phase", "iterations": Count, "started_at", "last_iteration_at",
        "working_directory", "completed": List, "remaining": List, "notes": List, "artifacts.*", "complete": Flag,
    }
    task_reported: {
        "task_id", "description", "status", "files": List, "dependencies": List, "estimated_time",
        "order": Count,
    }
    tests_reported: { "iteration": Count, "total": Count, "passed": Count, "failed": Count, "verdict": Flag }
    agent_reported: {
        "agent_id", "agent_type", "name", "parent", "status", "phase", "progress_percent": Number,
        "tokens": Count, "tokens_limit": Count, "error", "issues_found": Count, "issues_fixed": Count,
        "times.*",
    }
    decision_recorded: {
        "key", "title", "category", "severity", "phase", "should_detect_in_phase", "root_cause", "solution",
        "applies_to_phases": List, "confidence", "quality": Number, "difficulty": Number, "lesson_used": Flag,
    }
    pattern_recorded: {
        "pattern_id", "title", "library", "severity", "frequency": Count, "times_prevented": Count,
    }
    artifact_changed: { "name", "kind", "size": Count, "modified_at", "dated", "removed": Flag }
    usage_recorded: {
        "input": Count, "output": Count, "cache_read": Count, "cache_write": Count, "cost_usd": Number,
        "model", "agent", "context_tokens": Count, "context_percent": Number, "source",
    }
    limit_reported: {
        "agent", "account", "scope", "window_minutes": Count, "used_percent": Number, "resets_at", "plan",
        "observed_at",
    }
    tool_used: { "tool", "summary", "agent", "success": Flag, "use_id" }
    waiting_began: { "reason", "waiting_for", "agent", "use_id", "tool", "summary", "cut_short" }
    waiting_ended: { "agent", "use_id", "tool" }
    activity_reported: { "activity", "agent" }
    error_reported: { "message", "details" }
    completion_reported: {
        "success": Flag, "status", "completed_at", "summary", "task", "phases_completed": List,
        "duration_minutes": Number, "links.*",
    }
    problem_found: { "key", "problem.*" }
    problem_cleared: { "key" }
    source_gone: { "path" }
    source_returned: { "path" }
    log: { "text", "level", "from" }
    custom: { "kind", "*": Any }
};
