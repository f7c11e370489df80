//! The world of one scene: a home, a project, a model and a Forgecast of its own, and what to wait
//! for in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::Agent;
use super::install::Installed;
use super::model::{Model, Request, Tokens};
use super::terminal::Terminal;
use crate::Result;
use crate::nightly::server::{Server, until};
use crate::tool;

/// The statuses that each session has had, in order, each with what it waited for.
type States = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// Where a scene is played.
pub(super) struct Stage {
    pub(super) home: PathBuf,
    pub(super) project: PathBuf,
    pub(super) model: Model,
    program: PathBuf,
    node: Option<PathBuf>,
    server: Server,
    states: States,
}

impl Stage {
    pub(super) fn new(agent: &Agent, installed: &Installed, scene: &str) -> Result<Self> {
        let folder = tool::root().join("target/agents/run").join(agent.key).join(scene);
        let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(wrong)?;
        }
        let (home, project) = (folder.join("home"), folder.join("project"));
        for folder in [&home, &project, &folder.join("run")] {
            fs::create_dir_all(folder).map_err(wrong)?;
        }
        // Agents name folders by their real paths.
        let (home, project) = (
            home.canonicalize().map_err(wrong)?,
            project.canonicalize().map_err(wrong)?,
        );
        let mut forgecast = Command::new(tool::root().join("target/debug/forgecast"));
        forgecast
            .args(["serve", "--port", "0", "."])
            .env_clear()
            .env("HOME", &home)
            .env("XDG_RUNTIME_DIR", folder.join("run"))
            .current_dir(&project)
            .stdin(Stdio::null());
        let server = Server::start(forgecast)?;
        let states = States::default();
        follow(&server, &states)?;
        Ok(Self {
            home,
            project,
            model: Model::start()?,
            program: installed.program.clone(),
            node: installed.node.clone(),
            server,
            states,
        })
    }

    /// A program in this world, with nothing of the world around it but the way to other programs.
    fn world(&self, program: &str) -> Command {
        let newer = self
            .node
            .as_ref()
            .map_or_else(String::new, |node| format!("{}:", node.display()));
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{newer}{}", tool::search_path()))
            .env("HOME", &self.home)
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .env("SHELL", "/bin/sh")
            .current_dir(&self.project);
        command
    }

    /// Runs the agent without a terminal.
    pub(super) fn start(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Result<Run> {
        let output = self.project.with_file_name("output.txt");
        let file = |path: &PathBuf| {
            let file = fs::OpenOptions::new().create(true).append(true).open(path);
            file.map_err(|error| format!("{}: {error}", path.display()))
        };
        let mut command = self.world(&self.program.display().to_string());
        let child = command
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(file(&output)?)
            .stderr(file(&output)?)
            .spawn()
            .map_err(|error| format!("cannot run {}: {error}", self.program.display()))?;
        Ok(Run(child))
    }

    /// What the agent wrote where it ran without a terminal.
    pub(super) fn said(&self) -> String {
        fs::read_to_string(self.project.with_file_name("output.txt")).unwrap_or_default()
    }

    /// Runs the agent in a terminal.
    pub(super) fn open(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Result<Terminal> {
        let mut command = self.world("script");
        command.envs(environment.iter().copied());
        let program = self.program.display().to_string();
        Terminal::start(command, &[&[&*program], arguments].concat())
    }

    /// Answers a question on the screen with a key; the call that this leads to. A question that
    /// has just come up takes no keys yet, so that nobody who types answers it by accident.
    pub(super) fn press_until_asked(&self, terminal: &Terminal, key: &str) -> Result<Request> {
        let (mut call, mut pressed) = (None, Ok(()));
        let asked = until("a call behind the answer to a question", || {
            pressed = terminal.press(key);
            call = self.model.soon();
            pressed.is_err() || call.is_some()
        });
        pressed.and(asked)?;
        call.ok_or_else(|| "no call came".to_owned())
    }

    /// What the agent prints.
    pub(super) fn output(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Result<String> {
        let mut command = self.world(&self.program.display().to_string());
        let output = command
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output();
        let output = output.map_err(|error| format!("cannot run {}: {error}", self.program.display()))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The view of a session; null while there is none.
    pub(super) fn view(&self, session: &str) -> Value {
        let view = self.server.get(&format!("/api/v1/sessions/{session}"));
        view.ok()
            .and_then(|view| serde_json::from_str(&view).ok())
            .unwrap_or_default()
    }

    /// Waits until a session has this status and waits for this (empty: for nothing), by its view
    /// and by the list of all sessions, which is told of changes a moment later.
    pub(super) fn until_status(&self, session: &str, status: &str, waiting_for: &str) -> Result {
        let state = state_of(status, waiting_for);
        let is_so = || {
            let view = self.view(session);
            view["status"] == status
                && view["waiting_for"].as_str().unwrap_or_default() == waiting_for
                && self.states_of(session).last() == Some(&state)
        };
        until(&format!("{session} is {state}"), is_so)
    }

    /// The statuses that a session has had.
    fn states_of(&self, session: &str) -> Vec<String> {
        let states = self.states.lock();
        let states = states.unwrap_or_else(std::sync::PoisonError::into_inner);
        let name = |id: &str| id.split('~').next().map(str::to_owned);
        let own = states.iter().find(|(id, _)| name(id) == name(session));
        own.map_or_else(Vec::new, |(_, states)| states.clone())
    }

    /// Waits until the log of a session has these words in a line.
    pub(super) fn until_logged(&self, session: &str, words: &str) -> Result {
        let path = format!("/api/v1/sessions/{session}/log");
        let is_so = || self.server.get(&path).is_ok_and(|log| log.contains(words));
        until(&format!("the log of {session} says {words:?}"), is_so)
    }

    /// Waits until all sessions together used what the model answered, to the token.
    pub(super) fn until_counted(&self, sessions: &[&str]) -> Result {
        let answered = self.model.answered();
        let is_so = || self.used(sessions) == answered;
        let counted = until("tokens", is_so);
        counted.map_err(|_| format!("the model answered {answered:?}, shown is {:?}", self.used(sessions)))
    }

    fn used(&self, sessions: &[&str]) -> Tokens {
        let views = sessions.iter().map(|session| self.view(session));
        views.fold(Tokens::default(), |mut sum, view| {
            let count = |name: &str| view["usage"][name].as_u64().unwrap_or(0);
            sum.add(Tokens {
                calls: count("calls"),
                input: count("input"),
                output: count("output"),
                cache_read: count("cache_read"),
                cache_write: count("cache_write"),
            });
            sum
        })
    }

    /// Nothing may be wrong with any source: a record of a kind that is not known is a problem.
    pub(super) fn has_no_problems(&self) -> Result {
        let mut messages = self.server.follow("/api/v1/sessions/live")?;
        let index = messages.find(|message| message["state"].is_object());
        let state = &index.ok_or("the server sends no index")?["state"];
        let of_sessions = state["sessions"].as_object().into_iter().flat_map(|rows| rows.keys());
        let mut problems = vec![state["problems"].clone()];
        problems.extend(of_sessions.map(|session| self.view(session)["problems"].clone()));
        problems.retain(|problems| problems.as_object().is_some_and(|problems| !problems.is_empty()));
        if problems.is_empty() {
            return Ok(());
        }
        Err(format!("problems are shown: {problems:?}"))
    }

    /// The statuses that a session has had must be these, in this order.
    pub(super) fn went_through(&self, session: &str, expected: &[&str]) -> Result {
        let gone = until("states", || self.states_of(session) == expected);
        gone.map_err(|_| {
            let states = self.states_of(session);
            format!("{session} went through {states:?}, expected is {expected:?}")
        })
    }

    /// All sessions that are shown.
    pub(super) fn sessions(&self) -> Vec<String> {
        let list: Value = self
            .server
            .get("/api/v1/sessions")
            .ok()
            .and_then(|list| serde_json::from_str(&list).ok())
            .unwrap_or_default();
        let rows = list["sessions"].as_array().map_or(&[][..], Vec::as_slice);
        rows.iter()
            .filter_map(|row| row["id"].as_str().map(str::to_owned))
            .collect()
    }

    /// What is shown at the moment, for whoever has to find out why a scene failed.
    pub(super) fn seen(&self) -> String {
        let mut seen = String::new();
        for session in self.sessions() {
            let mut view = self.view(&session);
            for long in ["changed_at", "artifacts", "phases"] {
                view.as_object_mut().and_then(|view| view.remove(long));
            }
            seen.push_str(&format!("{view}\n"));
        }
        let states = self
            .states
            .lock()
            .map_or_else(|_| String::new(), |states| format!("{states:?}"));
        format!("{seen}{states}\nits files are in {}", self.home.display())
    }
}

/// A status and what is waited for, as one text.
fn state_of(status: &str, waiting_for: &str) -> String {
    format!("{status} {waiting_for}").trim_end().to_owned()
}

/// Writes down the statuses of all sessions as they change.
fn follow(server: &Server, states: &States) -> Result {
    let messages = server.follow("/api/v1/sessions/live")?;
    let states = Arc::clone(states);
    std::thread::spawn(move || {
        let mut rows: BTreeMap<String, (String, String)> = BTreeMap::new();
        for message in messages {
            let change = if message["patch"].is_object() {
                &message["patch"]
            } else {
                &message["state"]
            };
            let Some(changed) = change["sessions"].as_object() else {
                continue;
            };
            for (id, change) in changed {
                let row = rows.entry(id.clone()).or_default();
                if let Some(status) = change["status"].as_str() {
                    status.clone_into(&mut row.0);
                }
                match &change["waiting_for"] {
                    Value::String(wait) => wait.clone_into(&mut row.1),
                    Value::Null if change.get("waiting_for").is_some() => row.1.clear(),
                    _ => {}
                }
                let state = state_of(&row.0, &row.1);
                if let Ok(mut states) = states.lock() {
                    let had = states.entry(id.clone()).or_default();
                    if had.last() != Some(&state) {
                        had.push(state);
                    }
                }
            }
        }
    });
    Ok(())
}

/// An agent at work without a terminal; it ends with this value.
pub(super) struct Run(Child);

impl Run {
    /// Whether it ended.
    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
