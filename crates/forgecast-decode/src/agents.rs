//! The coding agents whose records are read, one folder each: where their files are, how their lines are read, which kinds
//! of lines say nothing. Whoever has to do something for every agent loops over [`AGENTS`].
//!
//! A new agent is a folder here and a line in the table; `CONTRIBUTING.md` has the recipe.

pub(crate) mod claude;
mod codex;
pub(crate) mod foundry;
mod output;
mod processes;

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;

use forgecast_protocol::{Batch, SourceKind, Timestamp};
use memchr::memmem::Finder;

use crate::Unparsable;
use crate::clean::Cleaner;
use crate::transcript::{LineReader, Reader, TranscriptPath};

pub use self::claude::answers::{PermissionRequest, Refusable, RefusableHook, WaitOver};
pub use self::claude::hooks::decode_hook as claude_hook;
pub use self::claude::status_line::{StatusLine, decode_status_line as claude_status_line};
pub use self::output::{OutputReader, envelopes as output_envelopes};
pub use self::processes::{JobFile, ProcessFile, ProcessFiles};

/// All agents.
pub static AGENTS: &[&Agent] = &[&claude::AGENT, &codex::AGENT, &foundry::AGENT];

/// A coding agent whose records are read. Compared by its key.
pub struct Agent {
    /// Its name in settings (`transcripts.<key>`), reports and commands.
    pub key: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// Where its home is.
    pub home: Home,
    /// The folders below its home that hold transcripts.
    pub folders: &'static [&'static str],
    /// How many levels below its home the folders are whose files are read together: 2 for `projects/<project>`, 0 for the
    /// home itself.
    pub group_level: usize,
    /// Whether a folder below one of its [`folders`](Self::folders) may hold transcripts, by its path within the folder
    /// whose files are read together.
    pub enters: fn(&str) -> bool,
    /// A folder with a folder per day in it: the newest day is watched although nothing happens in it yet.
    pub daily: Option<&'static str>,
    /// Whether each line says all that is needed to count it, so that a large file may be read in parts.
    pub independent_lines: bool,
    /// Whether its files continue each other: each is read to its end before the next one by name, whatever their age, and
    /// what was remembered of one goes on in the next.
    pub continues: bool,
    /// Whether it drives other agents: its files are the record of builds and no transcripts.
    pub drives: bool,
    /// Where it says what its processes are doing.
    pub processes: Option<ProcessFiles>,
    /// How it calls programs and servers while it works.
    pub hooks: Option<Hooks>,
    /// What its facts name as their source.
    pub source: SourceKind,
    /// Reads a path below its home, split at the slashes. `None`: no transcript.
    pub(crate) path: fn(&[&str]) -> Option<TranscriptPath>,
    /// Makes a reader for a file, with what was remembered of the lines before.
    pub(crate) reader: fn(TranscriptPath, &str) -> Box<dyn LineReader>,
    /// Finds the next line that may tell of usage in a piece of whole lines.
    pub(crate) next_usage: fn(&[u8]) -> Option<Range<usize>>,
}

/// The hooks of an agent.
#[derive(Clone, Copy, Debug)]
pub struct Hooks {
    /// The path on the server that their bodies are sent to.
    pub path: &'static str,
    /// Reads a body, that of one event. Fails when it is no JSON object, or names no session.
    pub decode: fn(&[u8], &Cleaner, Timestamp) -> Result<Batch, Unparsable>,
}

/// Where an agent keeps its files, by its own rules.
pub struct Home {
    /// The environment variable that names the folder.
    pub variable: Option<&'static str>,
    /// What stands between several folders in the variable; `None`: it names one.
    pub separator: Option<char>,
    /// Without the variable: the folder in the user's home.
    pub folder: &'static str,
    /// Without the variable: also this folder in the user's folder of configurations (`~/.config`).
    pub config_folder: Option<&'static str>,
}

impl Agent {
    /// The agent with this key.
    #[must_use]
    pub fn by_key(key: &str) -> Option<&'static Self> {
        AGENTS.iter().copied().find(|agent| agent.key == key)
    }

    /// What the path of a file says, relative to the agent's home (`projects/…` below `~/.claude`). The path is text; it is
    /// opened by nobody on the word of this. `None`: no transcript, not to be read.
    #[must_use]
    pub fn path_of(&self, relative_path: &str) -> Option<TranscriptPath> {
        let parts: Vec<&str> = relative_path.split('/').filter(|part| !part.is_empty()).collect();
        (self.path)(&parts)
    }

    /// A reader for the file at this path. `state` is what [`Reader::state`] gave when the line before the next one had been
    /// read; empty at the beginning of the file. A state that is not understood is as good as none.
    #[must_use]
    pub fn reader(&self, path: TranscriptPath, state: &str) -> Reader {
        Reader::new((self.reader)(path, state))
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key)
    }
}

impl PartialEq for Agent {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Agent {}

impl PartialOrd for Agent {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Agent {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(other.key)
    }
}

/// The line of a piece in which something was found.
fn line_around(at: usize, piece: &[u8]) -> Range<usize> {
    let start = memchr::memrchr(b'\n', &piece[..at]).map_or(0, |end| end + 1);
    let end = memchr::memchr(b'\n', &piece[at..]).map_or(piece.len(), |end| at + end);
    start..end
}

/// The next line in a piece that holds what is searched for; the lines before it are not even told
/// apart.
fn line_with(found: &Finder<'_>, piece: &[u8]) -> Option<Range<usize>> {
    Some(line_around(found.find(piece)?, piece))
}

/// The next line in a piece for which `wanted` holds.
fn line_that(wanted: fn(&[u8]) -> bool, piece: &[u8]) -> Option<Range<usize>> {
    let mut start = 0;
    while start < piece.len() {
        let end = memchr::memchr(b'\n', &piece[start..]).map_or(piece.len(), |end| start + end);
        if wanted(&piece[start..end]) {
            return Some(start..end);
        }
        start = end + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_agent_has_a_key_of_its_own_and_folders() {
        for (at, agent) in AGENTS.iter().enumerate() {
            assert_eq!(Agent::by_key(agent.key), AGENTS.get(at).copied(), "{agent:?}");
            assert!(!agent.folders.is_empty(), "{agent:?}");
            // Those that are read together are all in one folder, or below the home itself.
            assert!(agent.group_level == 0 || agent.folders.len() == 1, "{agent:?}");
        }
    }
}
