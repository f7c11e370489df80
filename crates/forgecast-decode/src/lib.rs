//! Turns the bytes that builds and agents write or send into facts: one decoder per format, and what all of them share,
//! [`clean`] (no control characters, bounded sizes) and [`mask`] (no secrets).
//!
//! Everything here is pure: no file is opened, no clock is read, nothing is sent. The sources (`forgecast-ingest`) call it
//! with what they read, the server with what was pushed, so both give the same facts for the same bytes. A bad field costs
//! that field and is reported; only a document that cannot be read at all is refused. What facts mean together is decided
//! by the fold (`forgecast-session`).

pub mod agents;
mod broadcast;
pub mod checkpoint;
pub mod clean;
mod envelope;
pub mod exported;
mod feedback;
mod fields;
pub mod json;
pub mod lenient;
pub mod mask;
pub mod otlp;
pub mod overnight;
mod patterns;
mod phase;
pub mod push;
pub mod scan;
mod summary;
mod tasks;
mod test_report;
pub mod time;
mod tool_input;
pub mod transcript;

pub use self::test_report::output::TestOutput;

use forgecast_protocol::event::{ArtifactKind, Fact};
use forgecast_protocol::{EventId, Origin, ProblemKind, SourceKind, Timestamp};

use crate::clean::Cleaner;

/// The folder beside a project's files that builds write into.
const FOLDER: &str = ".context-foundry/";

/// What a file is, told by its path alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// `current-phase.json`, `phase-status.json`.
    Phase,
    /// `session-summary.json`.
    Summary,
    /// `test-results-iteration-N.md`, `test-final-report.md`: Markdown that a model wrote.
    TestReport {
        /// The round, by the file's name; absent for a report on the whole build.
        iteration: Option<u32>,
    },
    /// `test-iteration-count.txt`.
    TestCount,
    /// `feedback/build-feedback-*.json`.
    Feedback,
    /// `patterns/*.json`.
    Patterns,
    /// `build-tasks.json`.
    BuildTasks,
    /// `builder-logs/task-N.done` or `.error`: how a task of the builder ended.
    TaskMark {
        /// The task, as the file names it: `task-3`.
        task: String,
        /// Whether it is done, rather than failed.
        done: bool,
    },
    /// A file of a checkpoint folder.
    Checkpoint(CheckpointPart),
    /// `.buildloop/run-manifest.json`: a run of Foundry.
    RunManifest,
    /// `TASKS.md`: Foundry's task list.
    TasksMd,
    /// A file that is listed and can be opened, and says nothing more.
    Other(ArtifactKind),
    /// Lines that are appended.
    Log,
    /// `events.jsonl`: the broadcaster's envelopes, one per line.
    EventsJsonl,
}

/// The files of one checkpoint folder, `checkpoints/ralph/<session>/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckpointPart {
    /// `state.json`.
    State,
    /// `progress.json`.
    Progress,
    /// The empty file `COMPLETE`.
    Complete,
}

impl Format {
    /// What the file at this path is: relative to the project (`.context-foundry/current-phase.json`), to the
    /// checkpoints' folder (`<session>/state.json`) or to a folder of logs. `None`: not ours to read.
    #[must_use]
    pub fn of(relative_path: &str) -> Option<Self> {
        let (inside, path) = match relative_path.find(FOLDER) {
            Some(at) if at == 0 || relative_path.as_bytes()[at - 1] == b'/' => {
                (true, &relative_path[at + FOLDER.len()..])
            }
            _ => (false, relative_path),
        };
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() || is_temporary(name) {
            return None;
        }
        if inside {
            return Some(Self::inside(folder, name));
        }
        match (folder, name) {
            (".buildloop", "run-manifest.json") => return Some(Self::RunManifest),
            ("", "TASKS.md" | "IMPL_PLAN.md") => return Some(Self::TasksMd),
            (".buildloop", _) if has_extension(name, &["md"]) => return Some(Self::Other(ArtifactKind::Document)),
            (".buildloop", _) if has_extension(name, &["json"]) => return Some(Self::Other(ArtifactKind::Other)),
            _ => {}
        }
        match name {
            "state.json" => Some(Self::Checkpoint(CheckpointPart::State)),
            "progress.json" => Some(Self::Checkpoint(CheckpointPart::Progress)),
            "COMPLETE" => Some(Self::Checkpoint(CheckpointPart::Complete)),
            "events.jsonl" => Some(Self::EventsJsonl),
            _ if has_extension(name, &["jsonl", "log"]) || is_build_output(name) => Some(Self::Log),
            _ => None,
        }
    }

    fn inside(folder: &str, name: &str) -> Self {
        let task_mark = tasks::mark(name).filter(|_| folder == "builder-logs");
        if let Some((task, done)) = task_mark {
            return Self::TaskMark { task, done };
        }
        match (folder, name) {
            ("", "current-phase.json" | "phase-status.json") => Self::Phase,
            ("", "session-summary.json") => Self::Summary,
            ("", "build-tasks.json") => Self::BuildTasks,
            ("", "test-iteration-count.txt") => Self::TestCount,
            ("feedback", _) if has_extension(name, &["json"]) => Self::Feedback,
            ("patterns", _) if has_extension(name, &["json"]) => Self::Patterns,
            _ if name == "events.jsonl" => Self::EventsJsonl,
            _ if is_build_output(name) || has_extension(name, &["log", "jsonl"]) => Self::Log,
            ("", _) if is_test_report(name) => Self::TestReport {
                iteration: iteration_in(name),
            },
            _ if has_extension(name, &["md"]) => Self::Other(ArtifactKind::Document),
            _ => Self::Other(ArtifactKind::Other),
        }
    }

    /// What the file is in a list of artifacts; `None` for the state itself (phase file, checkpoints, events).
    #[must_use]
    pub fn artifact_kind(&self) -> Option<ArtifactKind> {
        match self {
            Self::Phase | Self::Checkpoint(_) | Self::EventsJsonl => None,
            Self::Summary => Some(ArtifactKind::Summary),
            Self::TestReport { .. } | Self::TestCount => Some(ArtifactKind::TestReport),
            Self::Feedback => Some(ArtifactKind::Feedback),
            Self::Patterns => Some(ArtifactKind::Patterns),
            Self::BuildTasks | Self::TasksMd | Self::TaskMark { .. } => Some(ArtifactKind::Tasks),
            Self::RunManifest => Some(ArtifactKind::Other),
            Self::Other(kind) => Some(*kind),
            Self::Log => Some(ArtifactKind::Log),
        }
    }

    /// Whether lines are appended to it: then it is tailed by offset, and [`decode`] has nothing to say.
    #[must_use]
    pub fn is_appended(&self) -> bool {
        matches!(self, Self::Log | Self::EventsJsonl)
    }

    /// Whether its content is decoded by [`decode`].
    #[must_use]
    pub fn is_document(&self) -> bool {
        !self.is_appended() && !matches!(self, Self::Other(_))
    }

    /// Whether a half-written file reads like a whole one (Markdown, text), so that it must settle before it is read.
    #[must_use]
    pub fn must_settle(&self) -> bool {
        matches!(self, Self::TestReport { .. } | Self::TestCount | Self::TasksMd)
    }

    /// The largest file of this kind that is read, in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        match self {
            Self::Phase | Self::Checkpoint(_) | Self::TestCount => json::MAX_STATE_BYTES,
            _ => json::MAX_DOCUMENT_BYTES,
        }
    }
}

fn has_extension(name: &str, extensions: &[&str]) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, end)| extensions.iter().any(|wanted| end.eq_ignore_ascii_case(wanted)))
}

/// Editors and atomic writers leave these beside the real file for a moment.
fn is_temporary(name: &str) -> bool {
    name.starts_with('.')
        || name.starts_with('#')
        || name.ends_with('~')
        || has_extension(name, &["tmp", "temp", "swp", "swx", "part", "lock", "bak"])
        || name.contains(".tmp.")
}

fn is_build_output(name: &str) -> bool {
    name.starts_with("build-output-") && has_extension(name, &["txt"])
}

fn is_test_report(name: &str) -> bool {
    has_extension(name, &["md"])
        && (name.starts_with("test-results")
            || name.starts_with("test-final-report")
            || name.starts_with("test-report"))
}

/// `3` in `test-results-iteration-3.md`.
fn iteration_in(name: &str) -> Option<u32> {
    let (_, rest) = name.split_once("iteration-")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest[..digits].parse().ok().filter(|round| *round > 0)
}

/// What a document said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// Facts, in the document's order.
    pub facts: Vec<Fact>,
    /// The session that the document names (phase files and checkpoints only), cleaned.
    pub name: Option<String>,
    /// The folder that the document says the build works in: text, not to be opened unless it lies under a root.
    pub working_directory: Option<String>,
    /// Fields that held what they cannot hold, with the reason; everything else was kept.
    pub bad_fields: Vec<(String, String)>,
    /// The document's own time (`completed_at`, `timestamp`), which says whose run it is.
    pub dated: Option<Timestamp>,
}

/// The document cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unparsable {
    /// It ends before it is complete: probably being written; worth another reading.
    #[error("it ends in the middle (still being written?)")]
    Truncated,
    /// It is not JSON.
    #[error("not valid JSON at line {line}, column {column}: {why}")]
    Invalid {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
        /// What was found or expected there.
        why: &'static str,
    },
    /// It holds something else than the object (or array) that was expected.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// Larger than is read.
    #[error("{bytes} bytes, more than the {limit} that are read")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Nested deeper than is read.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// More keys in one object, or more values in all, than are read.
    #[error("more than {limit} {what}")]
    TooMany {
        /// The limit.
        limit: usize,
        /// Keys or values.
        what: &'static str,
    },
}

impl Unparsable {
    /// Whether reading again in a moment may help.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        matches!(self, Self::Truncated)
    }

    /// How viewers are told.
    #[must_use]
    pub fn problem_kind(&self) -> ProblemKind {
        match self {
            Self::Truncated | Self::Invalid { .. } | Self::Unexpected { .. } => ProblemKind::Unparsable,
            Self::TooLarge { .. } | Self::TooDeep { .. } | Self::TooMany { .. } => ProblemKind::Oversize,
        }
    }
}

/// Reads one document. `relative_path` is its name in the facts that need one (decisions, pattern libraries).
///
/// # Errors
/// [`Unparsable`] when nothing of it can be used; a field that is wrong is in [`Decoded::bad_fields`] instead.
pub fn decode(format: &Format, relative_path: &str, bytes: &[u8], cleaner: &Cleaner) -> Result<Decoded, Unparsable> {
    json::check_size(bytes, format.max_bytes())?;
    match format {
        Format::Phase => phase::decode(bytes, cleaner),
        Format::Summary => summary::decode(bytes, cleaner),
        Format::TestReport { iteration } => Ok(test_report::decode_report(bytes, *iteration)),
        Format::TestCount => Ok(test_report::decode_count(bytes)),
        Format::Feedback => feedback::decode(relative_path, bytes, cleaner),
        Format::Patterns => patterns::decode(relative_path, bytes, cleaner),
        Format::BuildTasks => tasks::decode(bytes, cleaner),
        Format::TaskMark { task, done } => Ok(tasks::of_mark(task, *done, cleaner)),
        Format::Checkpoint(part) => checkpoint::decode(*part, bytes, cleaner),
        Format::RunManifest => agents::foundry::manifest(bytes, cleaner),
        Format::TasksMd => Ok(agents::foundry::task_list(bytes, cleaner)),
        Format::Other(_) | Format::Log | Format::EventsJsonl => Ok(Decoded::default()),
    }
}

/// The id of one of the facts of a record that may be sent again.
fn numbered_id(record: &str, index: usize) -> Option<EventId> {
    match index {
        0 => record.parse().ok(),
        more => format!("{record}.{more}").parse().ok(),
    }
}

/// Where facts come from that are sent to an endpoint of the API.
fn sent_to(endpoint: &str, kind: SourceKind) -> Origin {
    Origin {
        kind,
        path: Some(endpoint.to_owned()),
        first_sight: false,
        modified_at: None,
    }
}
