//! What is known of the session when the command starts: its name, its folder, its branch; and the envelopes of its facts.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Result, bail};
use forgecast_decode::clean::Cleaner;
use forgecast_protocol::{COMMAND_PREFIX, SessionRef, Timestamp};
use serde_json::{Map, Value};

use super::command_line;
use crate::config::Environment;

/// Longest file of a repository that is read, in bytes.
const MAX_FILE: u64 = 4 << 10;
/// Words of the command that its session is named after.
const NAME_WORDS: usize = 3;

/// The session of one command.
#[derive(Debug)]
pub(super) struct CommandSession {
    name: String,
    /// None if its path is no text.
    directory: Option<String>,
    id: String,
    facts: u64,
    /// The command line, with secrets masked.
    task: String,
    branch: Option<String>,
    pub(super) began: Timestamp,
}

impl CommandSession {
    pub(super) fn new(
        environment: &Environment,
        name: Option<&str>,
        command: &[OsString],
        began: Timestamp,
    ) -> Result<Self> {
        let task = Cleaner::default().line(&command_line(command));
        let name = match name {
            Some(name) if name.trim().is_empty() => bail!("--name: the name is empty"),
            Some(name) if matches!(name.parse(), Ok(SessionRef::Run(_))) => {
                bail!("--name: {name} names one run; omit the number, because each command is a new run")
            }
            Some(name) => name.to_owned(),
            None => name_of(&task),
        };
        let folder = environment.current_folder();
        Ok(Self {
            name,
            directory: folder.to_str().map(str::to_owned),
            id: format!("{COMMAND_PREFIX}{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)),
            facts: 0,
            task,
            branch: branch(folder),
            began,
        })
    }

    /// The fact that it began.
    pub(super) fn seen(&mut self) -> Value {
        let fields = [("task", Some(self.task.clone())), ("branch", self.branch.clone())];
        let fields = fields.into_iter().filter_map(|(name, text)| Some((name, text?.into())));
        self.envelope("session_seen", self.began, fields)
    }

    /// A fact of it.
    pub(super) fn envelope<'f>(
        &mut self,
        kind: &str,
        at: Timestamp,
        fields: impl IntoIterator<Item = (&'f str, Value)>,
    ) -> Value {
        let mut envelope = Map::new();
        let mut put = |name: &str, value: Value| _ = envelope.insert(name.to_owned(), value);
        put("type", kind.into());
        put("session", self.name.clone().into());
        put("command_id", self.id.clone().into());
        put("id", format!("{}:{}", self.id, self.facts).into());
        put("at", at.to_string().into());
        if let Some(directory) = &self.directory {
            put("directory", directory.clone().into());
        }
        fields.into_iter().for_each(|(name, value)| put(name, value));
        self.facts += 1;
        Value::Object(envelope)
    }
}

/// The program and its subcommand, such as `cargo-test`, as far as they are plain words.
fn name_of(line: &str) -> String {
    let is_plain = |word: &&str| {
        let mut letters = word.chars();
        letters.next().is_some_and(|letter| letter.is_ascii_alphanumeric())
            && letters.all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
    };
    let mut words = line.split(' ');
    let program = words.next().and_then(|program| program.rsplit('/').next());
    let words: Vec<&str> = program
        .into_iter()
        .chain(words)
        .take_while(is_plain)
        .take(NAME_WORDS)
        .collect();
    if words.is_empty() {
        return "command".to_owned();
    }
    words.join("-")
}

/// The branch of the repository that a folder is in, or the beginning of the commit if it is on none.
fn branch(folder: &Path) -> Option<String> {
    let entry = folder
        .ancestors()
        .map(|folder| folder.join(".git"))
        .find(|entry| entry.exists())?;
    // Of a further worktree or of a submodule it is a file that says where the folder is.
    let git = match read(&entry) {
        Some(text) => entry.parent()?.join(text.strip_prefix("gitdir:")?.trim()),
        None => entry,
    };
    let head = read(&git.join("HEAD"))?;
    let head = head.trim();
    match head.strip_prefix("ref: ") {
        Some(reference) => Some(reference.strip_prefix("refs/heads/").unwrap_or(reference).to_owned()),
        None => head.get(..12).map(str::to_owned),
    }
}

fn read(file: &Path) -> Option<String> {
    let metadata = std::fs::metadata(file).ok()?;
    if !metadata.is_file() || metadata.len() > MAX_FILE {
        return None;
    }
    std::fs::read_to_string(file).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_named_after_its_program_and_subcommand() {
        for (line, name) in [
            ("cargo test --release", "cargo-test"),
            ("/usr/bin/make -j4", "make"),
            ("npm run build", "npm-run-build"),
            ("sh -c 'exit 3'", "sh"),
            ("deploy [masked] prod", "deploy"),
            ("'a b' c", "command"),
        ] {
            assert_eq!(name_of(line), name, "{line}");
        }
    }

    #[test]
    fn the_branch_is_found_from_below_and_in_another_worktree() {
        let folder = tempfile::tempdir().unwrap();
        let (root, other) = (folder.path().join("app"), folder.path().join("other"));
        std::fs::create_dir_all(root.join("src/deep")).unwrap();
        std::fs::create_dir_all(root.join(".git/worktrees/other")).unwrap();
        std::fs::create_dir_all(&other).unwrap();
        std::fs::write(root.join(".git/HEAD"), "ref: refs/heads/feature/x\n").unwrap();
        assert_eq!(branch(&root.join("src/deep")).as_deref(), Some("feature/x"));
        std::fs::write(other.join(".git"), "gitdir: ../app/.git/worktrees/other\n").unwrap();
        std::fs::write(root.join(".git/worktrees/other/HEAD"), "59807616e1234567890\n").unwrap();
        assert_eq!(branch(&other).as_deref(), Some("59807616e123"));
        assert_eq!(branch(Path::new("/")), None);
    }
}
