//! Running other programs from the workspace's root, with a clear word when one is missing.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").components().collect()
}

/// A program to be run in `folder`, relative to the root.
#[derive(Debug)]
pub(crate) struct Tool {
    command: Command,
    words: String,
}

impl Tool {
    /// Prepares `program arguments…`.
    pub(crate) fn new(folder: &str, program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(root().join(folder))
            .stdin(Stdio::null());
        Self {
            command,
            words: format!("{program} {}", arguments.join(" ")).trim_end().to_owned(),
        }
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it with its output on ours.
    pub(crate) fn run(mut self) -> Result {
        let status = self.command.status().map_err(|error| self.not_started(&error))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("`{}` failed ({status})", self.words))
        }
    }

    /// Runs it and returns what it wrote to standard output.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self
            .command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| self.not_started(&error))?;
        if output.status.success() {
            String::from_utf8(output.stdout).map_err(|_| format!("`{}` did not print UTF-8", self.words))
        } else {
            Err(format!("`{}` failed ({})", self.words, output.status))
        }
    }

    /// Runs it and returns what it wrote to standard output, whether or not it succeeds.
    pub(crate) fn printed(self) -> Result<String> {
        Ok(self.judged()?.0)
    }

    /// Runs it and returns what it wrote to standard output, and whether it succeeded.
    pub(crate) fn judged(mut self) -> Result<(String, bool)> {
        let output = self.command.stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| self.not_started(&error))?;
        Ok((
            String::from_utf8_lossy(&output.stdout).into_owned(),
            output.status.success(),
        ))
    }

    /// Runs it and returns what it wrote to standard error, whether or not it succeeds.
    pub(crate) fn errors(mut self) -> Result<String> {
        let output = self.command.stdout(Stdio::inherit()).output();
        let output = output.map_err(|error| self.not_started(&error))?;
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn not_started(&self, error: &std::io::Error) -> String {
        let program = self.words.split(' ').next().unwrap_or_default();
        if error.kind() == ErrorKind::NotFound {
            format!(
                "`{program}` is not installed, and `{}` needs it{}",
                self.words,
                where_from(program)
            )
        } else {
            format!("cannot run `{}`: {error}", self.words)
        }
    }
}

fn where_from(program: &str) -> &'static str {
    match program {
        "npm" | "npx" | "node" => ": install Node 20.19 or later with npm",
        "chromium" => ": install Chromium (Debian: apt-get install chromium)",
        "apt-get" => ": this is no Debian; install the missing program by hand",
        _ => "",
    }
}

/// Cargo, the one that runs us.
pub(crate) fn cargo(arguments: &[&str]) -> Tool {
    #[expect(clippy::disallowed_methods, reason = "Cargo says by this variable which Cargo it is")]
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    Tool::new(".", &cargo, arguments)
}

/// The folders in which the system looks for programs.
pub(crate) fn search_path() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "the programs that we start need those that we were started with"
    )]
    std::env::var("PATH").unwrap_or_default()
}

/// Whether a program can be started: `program --version`, or whatever makes it say so and end.
pub(crate) fn exists(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
