//! The real agents, in their newest versions, at work under a running Forgecast: what it shows of
//! them must be true at every step. This is the alarm for the day on which an agent writes
//! something else than it did. No account is needed: the agents talk to a model of our own. An
//! agent that cannot be installed fails its part only.

mod claude;
mod codex;
mod install;
mod model;
mod stage;
mod terminal;

use super::server::PATIENCE;
use crate::Result;
use crate::tool::cargo;

/// One thing that is tried with an agent.
type Scene = (&'static str, fn(&stage::Stage) -> Result);

/// An agent: its package, its program, and what is tried with it.
struct Agent {
    key: &'static str,
    package: &'static str,
    program: &'static str,
    /// Prepares the home before its first run.
    prepare: fn(&stage::Stage) -> Result,
    scenes: &'static [Scene],
}

const AGENTS: &[Agent] = &[claude::AGENT, codex::AGENT];

/// Tries everything with every agent and says at the end what failed.
pub(super) fn run() -> Result {
    cargo(&["build", "--workspace", "--bin", "forgecast", "--locked"]).run()?;
    let mut failed = Vec::new();
    for agent in AGENTS {
        match install::newest(agent) {
            Ok(installed) => {
                println!("agents: {} {}", agent.key, installed.version);
                failed.extend(scenes(agent, &installed));
            }
            Err(error) => failed.push(format!("{} could not be installed: {error}", agent.key)),
        }
    }
    if failed.is_empty() {
        println!("agents: what is shown of them is true");
        return Ok(());
    }
    Err(format!("agents:\n  {}", failed.join("\n  ")))
}

/// All scenes of one agent, each in a world of its own; what failed.
fn scenes(agent: &Agent, installed: &install::Installed) -> Vec<String> {
    let mut failed = Vec::new();
    for (name, scene) in agent.scenes {
        let result = stage::Stage::new(agent, installed, name).and_then(|stage| {
            (agent.prepare)(&stage)?;
            scene(&stage).map_err(|error| format!("{error}\n    {}", stage.seen().replace('\n', "\n    ")))
        });
        match result {
            Ok(()) => println!("agents: {} {name}: as it should be", agent.key),
            Err(error) => {
                println!("agents: {} {name}: FAILED: {error}", agent.key);
                failed.push(format!(
                    "{} {name}: {}",
                    agent.key,
                    error.lines().next().unwrap_or_default()
                ));
            }
        }
    }
    failed
}
