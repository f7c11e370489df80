//! One build as a list of timed writes. Pure: the same blueprint, run, seed and beginning give the same list.

mod acts;

use std::path::Path;
use std::time::Duration;

use forgecast_protocol::Timestamp;

use super::agent::{self, Agent, Desk, Helper, Scene};
use super::content::Blueprint;
use super::documents::{self, PhaseFile};
use super::writer::{Action, Style};

const FOLDER: &str = ".context-foundry";

/// One write, so long after the build's beginning at speed 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) at_ms: u64,
    pub(crate) action: Action,
}

/// What a build is made from.
#[derive(Clone, Debug)]
pub(crate) struct Cast<'a> {
    pub(crate) blueprint: &'a Blueprint,
    /// The session's name: the project folder's.
    pub(crate) session: &'a str,
    /// Which build in this folder it is, counted from 1.
    pub(crate) run: u32,
    pub(crate) seed: u64,
    /// The configuration folder of the agent that builds.
    pub(crate) claude: &'a Path,
    /// The project's folder.
    pub(crate) folder: &'a Path,
}

/// How long the build takes at speed 1, in milliseconds.
pub(crate) fn length_ms(cast: &Cast<'_>) -> u64 {
    write(cast, Timestamp::default(), 1.0)
        .last()
        .map_or(0, |step| step.at_ms)
}

/// The whole build. The times inside its documents run from `begins_at` at `speed`.
pub(crate) fn write(cast: &Cast<'_>, begins_at: Timestamp, speed: f64) -> Vec<Step> {
    let desk = Desk {
        claude: cast.claude.to_owned(),
        folder: cast.folder.to_owned(),
        session: agent::session_id(cast.seed, begins_at),
        begins_at,
        speed,
    };
    let mut script = Script {
        cast,
        agent: Agent::new(desk, cast.blueprint.model, cast.seed),
        detail: String::new(),
        file: None,
        begins_at,
        speed,
        rng: fastrand::Rng::with_seed(cast.seed),
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
    let mut steps = script.steps;
    steps.extend(script.agent.into_steps());
    steps.sort_by_key(|step| step.at_ms);
    steps
}

struct Script<'a> {
    cast: &'a Cast<'a>,
    agent: Agent,
    /// What was said last to be done, and the file it is done to.
    detail: String,
    file: Option<&'static str>,
    begins_at: Timestamp,
    speed: f64,
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

/// The agent's part in it.
impl Script<'_> {
    fn instruct(&mut self) {
        let task = self.cast.blueprint.task;
        let prompt =
            format!("{task}. Go phase by phase, from the scout to the feedback, and keep the phase file true.");
        self.agent.prompt(100, &prompt);
    }

    /// A subagent takes over until its end is told.
    fn help(&mut self, kind: &'static str, name: &str, about: &str) {
        let helper = Helper {
            kind,
            model: if kind == "Plan" {
                "claude-haiku-4-5"
            } else {
                "claude-sonnet-4-6"
            },
            name,
            prompt: &format!("{name}. What is known: {about}"),
        };
        self.agent.begin_helper(self.now_ms, &helper);
    }

    /// Just before the last documents.
    fn last_words(&mut self, text: &str) {
        self.agent.answer(self.now_ms.saturating_sub(250), text);
    }
}

/// What the acts are made of.
impl Script<'_> {
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

    fn work_quietly(&mut self, units: f64) {
        self.wait(units);
    }

    fn complete(&mut self, detail: &str) {
        self.completed.push(self.phase);
        self.report("completed", detail);
        self.wait(0.6);
    }

    /// Writes the phase file: mostly in place, sometimes renamed.
    fn report(&mut self, status: &'static str, detail: &str) {
        detail.clone_into(&mut self.detail);
        let file = PhaseFile {
            session_id: self.cast.session.to_owned(),
            current_phase: self.phase,
            phase_number: self.number.to_owned(),
            status,
            progress_detail: detail.to_owned(),
            test_iteration: self.iteration,
            phases_completed: self.completed.clone(),
            tasks_completed: self.tasks_done,
            tasks_total: self.tasks_done.map(|_| self.cast.blueprint.tasks.len()),
            started_at: self.phase_began,
            last_updated: self.time(),
        };
        self.artifact("current-phase.json", documents::json(&file));
    }

    fn artifact(&mut self, name: &str, text: String) {
        let style = if self.rng.u8(..5) == 0 {
            Style::Renamed
        } else {
            Style::InPlace {
                pause_ms: self.rng.u64(4..28),
            }
        };
        let path = format!("{FOLDER}/{name}");
        self.push(Action::Write { path, text, style });
    }

    fn append(&mut self, name: &str, text: String) {
        self.push(Action::Append {
            path: format!("{FOLDER}/{name}"),
            text,
        });
    }

    fn log(&mut self, line: &str) {
        let name = format!("build-output-{}.txt", self.cast.run);
        self.append(&name, format!("{line}\n"));
    }

    fn push(&mut self, action: Action) {
        self.steps.push(Step {
            at_ms: self.now_ms,
            action,
        });
    }

    /// Lets so many units of work pass, each a little shorter or longer than the project's pace; the agent uses them.
    fn wait(&mut self, units: f64) {
        let pace = Duration::from_millis(self.cast.blueprint.pace_ms);
        let taken = pace.mul_f64(units * (0.75 + 0.5 * self.rng.f64()));
        let from_ms = self.now_ms;
        self.now_ms += u64::try_from(taken.as_millis()).unwrap_or(0);
        let scene = Scene {
            blueprint: self.cast.blueprint,
            phase: self.phase,
            detail: &self.detail,
            file: self.file,
        };
        self.agent.work(from_ms, self.now_ms, &scene);
    }

    fn time(&self) -> Timestamp {
        let passed = Duration::from_millis(self.now_ms).div_f64(self.speed);
        self.begins_at
            .plus_millis(i64::try_from(passed.as_millis()).unwrap_or(0))
    }
}
