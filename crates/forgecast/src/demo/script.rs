//! One build as a list of timed steps. The same blueprint, run, seed and start give the same list.

mod phases;

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use forgecast_protocol::Timestamp;
use serde_json::{Value, json};

use super::agent::{self, Agent, BuildState, Workspace};
use super::content::Blueprint;
use super::documents;
use super::writer::{Action, Step, Style};

const FOLDER: &str = ".context-foundry";
/// How long a person takes to answer, and how long a build that hangs is silent; milliseconds at speed 1.
const PERSON_MS: Range<u64> = 25_000..45_000;
const SILENCE_MS: Range<u64> = 35_000..50_000;

/// The parameters of a build.
#[derive(Clone, Debug)]
pub(crate) struct BuildSpec<'a> {
    pub(crate) blueprint: &'a Blueprint,
    /// The session's name, which is the name of the project folder.
    pub(crate) session: &'a str,
    /// The number of the build in this folder, from 1.
    pub(crate) run: u32,
    pub(crate) seed: u64,
    /// The configuration folder of the agent that builds.
    pub(crate) claude: &'a Path,
    /// The project's folder.
    pub(crate) folder: &'a Path,
}

/// The whole build. The times inside its documents run from `begins_at` at `speed`.
pub(crate) fn write(spec: &BuildSpec<'_>, begins_at: Timestamp, speed: f64) -> Vec<Step> {
    let workspace = Workspace {
        claude: spec.claude.to_owned(),
        folder: spec.folder.to_owned(),
        session: agent::session_id(spec.seed, begins_at),
        begins_at,
        speed,
    };
    let mut script = Script {
        spec,
        agent: Agent::new(workspace, spec.blueprint.model, spec.seed),
        detail: String::new(),
        file: None,
        rng: fastrand::Rng::with_seed(spec.seed),
        now_ms: 0,
        steps: Vec::new(),
        phase: "Scout",
        number: "1/7",
        phase_began: begins_at,
        completed: Vec::new(),
        iteration: 0,
        tasks_done: None,
    };
    script.prepare();
    script.build();
    if script.test() {
        script.ship();
    } else {
        script.give_up();
    }
    script.agent.into_steps(script.steps)
}

struct Script<'a> {
    spec: &'a BuildSpec<'a>,
    agent: Agent,
    /// The latest progress detail, and the file that is being written.
    detail: String,
    file: Option<&'static str>,
    rng: fastrand::Rng,
    now_ms: u64,
    steps: Vec<Step>,
    phase: &'static str,
    number: &'static str,
    phase_began: Timestamp,
    completed: Vec<&'static str>,
    iteration: u32,
    tasks_done: Option<usize>,
}

/// The building blocks of the phases.
impl Script<'_> {
    /// Starts a subagent, which works until it is ended.
    fn help(&mut self, kind: &str, name: &str, about: &str) {
        let prompt = format!("{name}. What is known: {about}");
        self.agent.begin_subagent(self.now_ms, kind, name, &prompt);
    }

    /// The agent's final answer, just before the last documents.
    fn last_words(&mut self, text: &str) {
        self.agent.answer(self.now_ms.saturating_sub(250), text);
    }

    fn enter(&mut self, phase: &'static str, number: &'static str, status: &'static str, detail: &str) {
        self.phase = phase;
        self.number = number;
        self.phase_began = self.time();
        self.report(status, detail);
        self.log(&format!("\u{1b}[1m== {phase} ({number}) ==\u{1b}[0m"));
        self.wait(1.0);
    }

    fn work(&mut self, status: &'static str, detail: &str, units: f64) {
        self.report(status, detail);
        self.wait(units / 2.0);
        self.log(&format!("\u{1b}[36m[{}]\u{1b}[0m {detail}", self.phase.to_lowercase()));
        self.wait(units / 2.0);
    }

    fn complete(&mut self, detail: &str) {
        self.completed.push(self.phase);
        self.report("completed", detail);
        self.wait(0.6);
    }

    /// Writes the phase file.
    fn report(&mut self, status: &'static str, detail: &str) {
        detail.clone_into(&mut self.detail);
        let mut file = json!({
            "session_id": self.spec.session, "current_phase": self.phase, "phase_number": self.number, "status": status,
            "progress_detail": detail, "test_iteration": self.iteration, "phases_completed": self.completed,
            "started_at": self.phase_began, "last_updated": self.time(),
        });
        if let Some(done) = self.tasks_done {
            file["tasks_completed"] = done.into();
            file["tasks_total"] = self.spec.blueprint.tasks.len().into();
        }
        self.artifact("current-phase.json", documents::laid_out(&file));
    }

    fn artifact(&mut self, name: &str, text: String) {
        let style = if self.rng.u8(..5) == 0 {
            Style::Renamed
        } else {
            Style::InPlace {
                pause_ms: self.rng.u64(4..28),
            }
        };
        let path = Path::new(FOLDER).join(name);
        self.push(Action::Write { path, text, style });
    }

    fn append(&mut self, name: &str, text: String) {
        self.push(Action::Append {
            path: Path::new(FOLDER).join(name),
            text,
        });
    }

    /// Reports an event of its own, as producers do that keep an `events.jsonl`.
    fn event(&mut self, mut event: Value) {
        event["session"] = self.spec.session.into();
        // Without it, an event that is read before the phase file would be another session's.
        event["directory"] = self.spec.folder.to_string_lossy().into();
        event["at"] = self.time().to_string().into();
        self.append("events.jsonl", format!("{event}\n"));
    }

    /// Asks for the approval of a command, and gets it after a while.
    fn ask_for(&mut self, command: &str) {
        self.event(
            json!({ "type": "waiting_began", "waiting_for": "permission", "tool": "Bash", "summary": command,
            "reason": format!("Wants to run: {command}") }),
        );
        self.log(&format!("\u{1b}[35m?\u{1b}[0m waiting for approval: {command}"));
        self.now_ms += self.rng.u64(PERSON_MS);
        self.event(json!({ "type": "waiting_ended", "tool": "Bash" }));
        self.log(&format!("\u{1b}[2m$ {command}\u{1b}[0m"));
    }

    /// Nothing happens, as when a download hangs.
    fn hang(&mut self) {
        self.log("\u{1b}[2m$ go mod download\u{1b}[0m");
        self.now_ms += self.rng.u64(SILENCE_MS);
        self.log("\u{1b}[33mWARN\u{1b}[0m go mod download: timed out, trying the mirror");
    }

    fn log(&mut self, line: &str) {
        let name = format!("build-output-{}.txt", self.spec.run);
        self.append(&name, format!("{line}\n"));
    }

    fn push(&mut self, action: Action) {
        self.steps.push(Step {
            at_ms: self.now_ms,
            action,
        });
    }

    /// Lets `units` of work pass, each slightly shorter or longer than the project's pace, in which the agent works.
    fn wait(&mut self, units: f64) {
        let pace = Duration::from_millis(self.spec.blueprint.pace_ms);
        let taken = pace.mul_f64(units * (0.75 + 0.5 * self.rng.f64()));
        let from_ms = self.now_ms;
        self.now_ms += u64::try_from(taken.as_millis()).unwrap_or(0);
        let state = BuildState {
            blueprint: self.spec.blueprint,
            phase: self.phase,
            detail: &self.detail,
            file: self.file,
        };
        self.agent.work(from_ms, self.now_ms, &state);
    }

    fn time(&self) -> Timestamp {
        self.agent.time(self.now_ms)
    }
}
