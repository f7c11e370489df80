//! Programs that are Python packages, each installed at one version into an environment of its own below `target`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::tool::{self, Tool};

/// The path of `program` at `version`; installs what `requirements` lists (arguments of `pip install`, run in the
/// workspace's root) when another version or none is there.
pub(crate) fn installed(program: &str, version: &str, requirements: &[&str]) -> Result<PathBuf> {
    let folder = tool::root().join("target/python").join(program);
    let path = folder.join("bin").join(program);
    if has_version(&path, version) {
        return Ok(path);
    }
    if !tool::exists("python3", &["-m", "venv", "--help"]) {
        return Err(format!(
            "{program} needs Python 3.10 or later with venv (Debian: apt-get install python3-venv)"
        ));
    }
    let folder = folder.display().to_string();
    Tool::new(".", "python3", &["-m", "venv", "--clear", &folder]).run()?;
    let mut arguments = vec!["install", "--quiet", "--disable-pip-version-check"];
    arguments.extend(requirements);
    Tool::new(".", &format!("{folder}/bin/pip"), &arguments)
        .run()
        .map_err(|error| format!("{program} {version} could not be installed: {error}"))?;
    if has_version(&path, version) {
        Ok(path)
    } else {
        Err(format!("{} does not run, or is not version {version}", path.display()))
    }
}

/// Whether `program --version` names `version`.
pub(crate) fn has_version(program: &Path, version: &str) -> bool {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout)
            .split_whitespace()
            .any(|word| word == version)
    })
}
