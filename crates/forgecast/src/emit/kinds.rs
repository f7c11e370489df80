//! The kinds of facts and their fields, by the protocol's names. A test decodes each of them with the server's decoder, so
//! the table cannot list what the server does not accept.

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
        match self {
            Self::Text => Some(text.into()),
            Self::Count => text.parse::<u64>().ok().map(Value::from),
            Self::Number => text
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite())
                .map(Value::from),
            Self::Flag => match text {
                "true" | "yes" | "1" => Some(true.into()),
                "false" | "no" | "0" => Some(false.into()),
                _ => None,
            },
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
    /// Names and types. A name that ends in `.*` stands for the fields of an object.
    pub(super) fields: &'static [(&'static str, FieldType)],
    /// Accepts any other field as well.
    pub(super) free: bool,
}

impl Kind {
    pub(super) fn type_of(&self, key: &str) -> Option<FieldType> {
        let of = |name: &str| match name.strip_suffix('*') {
            Some(outer) => key.strip_prefix(outer).is_some_and(|inner| !inner.is_empty()),
            None => name == key,
        };
        let known = self.fields.iter().find(|(name, _)| of(name)).map(|(_, form)| *form);
        known.or(self.free.then_some(FieldType::Any))
    }

    /// The names of its fields, for messages.
    pub(super) fn names(&self) -> String {
        let mut names: Vec<&str> = self.fields.iter().map(|(name, _)| *name).collect();
        names.extend(self.free.then_some("and any other"));
        names.join(", ")
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

const fn kind(word: &'static str, fields: &'static [(&'static str, FieldType)]) -> Kind {
    Kind {
        word,
        fields,
        free: false,
    }
}

use FieldType::{Count, Flag, List, Number, Text};

/// The kinds that producers may send, as `POST /api/v1/events` names them.
pub(super) const KINDS: &[Kind] = &[
    kind(
        "session_seen",
        &[
            ("title", Text),
            ("project", Text),
            ("task", Text),
            ("host", Text),
            ("links.*", Text),
        ],
    ),
    kind(
        "phase_reported",
        &[
            ("phase", Text),
            ("phase_number", Text),
            ("status", Text),
            ("detail", Text),
            ("test_iteration", Count),
            ("phases_completed", List),
            ("started_at", Text),
            ("last_updated", Text),
            ("tasks_completed", Count),
            ("tasks_total", Count),
            ("context_percent", Number),
        ],
    ),
    kind(
        "checkpoint_reported",
        &[
            ("project", Text),
            ("task", Text),
            ("phase", Text),
            ("last_phase", Text),
            ("iterations", Count),
            ("started_at", Text),
            ("last_iteration_at", Text),
            ("working_directory", Text),
            ("completed", List),
            ("remaining", List),
            ("notes", List),
            ("complete", Flag),
        ],
    ),
    kind(
        "task_reported",
        &[
            ("task_id", Text),
            ("description", Text),
            ("status", Text),
            ("files", List),
            ("dependencies", List),
            ("estimated_time", Text),
            ("order", Count),
        ],
    ),
    kind(
        "tests_reported",
        &[
            ("iteration", Count),
            ("total", Count),
            ("passed", Count),
            ("failed", Count),
            ("verdict", Flag),
        ],
    ),
    kind(
        "agent_reported",
        &[
            ("agent_id", Text),
            ("agent_type", Text),
            ("name", Text),
            ("parent", Text),
            ("status", Text),
            ("phase", Text),
            ("progress_percent", Number),
            ("tokens", Count),
            ("tokens_limit", Count),
            ("error", Text),
            ("issues_found", Count),
            ("issues_fixed", Count),
        ],
    ),
    kind(
        "decision_recorded",
        &[
            ("key", Text),
            ("title", Text),
            ("category", Text),
            ("severity", Text),
            ("phase", Text),
            ("should_detect_in_phase", Text),
            ("root_cause", Text),
            ("solution", Text),
            ("applies_to_phases", List),
            ("confidence", Text),
            ("quality", Number),
            ("difficulty", Number),
            ("lesson_used", Flag),
        ],
    ),
    kind(
        "pattern_recorded",
        &[
            ("pattern_id", Text),
            ("title", Text),
            ("library", Text),
            ("severity", Text),
            ("frequency", Count),
            ("times_prevented", Count),
        ],
    ),
    kind(
        "artifact_changed",
        &[
            ("name", Text),
            ("kind", Text),
            ("size", Count),
            ("modified_at", Text),
            ("dated", Text),
            ("removed", Flag),
        ],
    ),
    kind(
        "usage_recorded",
        &[
            ("input", Count),
            ("output", Count),
            ("cache_read", Count),
            ("cache_write", Count),
            ("cost_usd", Number),
            ("model", Text),
            ("agent", Text),
            ("context_tokens", Count),
            ("context_percent", Number),
        ],
    ),
    kind(
        "tool_used",
        &[
            ("tool", Text),
            ("summary", Text),
            ("agent", Text),
            ("success", Flag),
            ("use_id", Text),
        ],
    ),
    kind("waiting_began", &[("reason", Text)]),
    kind("waiting_ended", &[]),
    kind("error_reported", &[("message", Text), ("details", Text)]),
    kind(
        "completion_reported",
        &[
            ("success", Flag),
            ("status", Text),
            ("completed_at", Text),
            ("summary", Text),
            ("task", Text),
            ("phases_completed", List),
            ("duration_minutes", Number),
            ("links.*", Text),
        ],
    ),
    kind("problem_found", &[("key", Text), ("problem.*", Text)]),
    kind("problem_cleared", &[("key", Text)]),
    kind("source_gone", &[("path", Text)]),
    kind("source_returned", &[("path", Text)]),
    Kind {
        word: "custom",
        fields: &[("kind", Text)],
        free: true,
    },
];
