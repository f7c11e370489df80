//! Codex. It has no file that says what its process is doing, so that a question in its terminal
//! cannot be told from a command that takes long; everything else is checked as with the others.

use std::fs;

use serde_json::{Value, json};

use super::model::{Reply, Request};
use super::stage::{Run, Stage};
use super::terminal::Terminal;
use super::{Agent, Scene};
use crate::Result;
use crate::nightly::server::until;

pub(super) const AGENT: Agent = Agent {
    key: "codex",
    package: "@openai/codex",
    program: "codex",
    prepare,
    scenes: SCENES,
};

const SCENES: &[Scene] = &[
    ("plain", plain),
    ("resume", resume),
    ("fork", fork),
    ("sub-agent", sub_agent),
    ("permission", permission),
    ("interrupted", interrupted),
    ("api-error", api_error),
];

const PROMPT: &str = "say hello in a made up project";
const UNASKED: &str = "--dangerously-bypass-approvals-and-sandbox";
const ENTER: &str = "\r";
const ESCAPE: &str = "\u{1b}";

/// A provider of models that is ours, and a project that is trusted. No daemon: it and its updater
/// would outlive the scene, and be in the way of the next one at the same place.
fn prepare(stage: &Stage) -> Result {
    let folder = stage.home.join(".codex");
    let config = format!(
        "model = \"made-up\"\nmodel_provider = \"ours\"\ncheck_for_update_on_startup = false\n\
         [model_providers.ours]\nname = \"ours\"\nbase_url = \"{}/v1\"\nwire_api = \"responses\"\nenv_key = \"OUR_KEY\"\n\
         request_max_retries = 0\nstream_max_retries = 0\n\
         [features]\ndaemon_auto_start = false\n\
         [projects.\"{}\"]\ntrust_level = \"trusted\"\n",
        stage.model.url,
        stage.project.display()
    );
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("config.toml"), config))
        .map_err(|error| format!("{}: {error}", folder.display()))
}

const ENVIRONMENT: &[(&str, &str)] = &[("OUR_KEY", "made-up-key")];

/// Begins a run without a terminal: the run, its session, which is shown at work, and its first
/// call.
fn begin(stage: &Stage, arguments: &[&str]) -> Result<(Run, String, Request)> {
    let common = ["exec", "--json", "--skip-git-repo-check", UNASKED];
    let run = stage.start(ENVIRONMENT, &[&common[..], arguments].concat())?;
    let call = stage.model.next("the first call of a run")?;
    let session = thread(stage)?;
    stage.until_status(&session, "running", "")?;
    Ok((run, session, call))
}

/// The thread that a run said last that it is in: the name of its session.
fn thread(stage: &Stage) -> Result<String> {
    let said = stage.said();
    let lines = said
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let started = lines.filter(|line| line["type"] == "thread.started");
    let thread = started
        .filter_map(|line| line["thread_id"].as_str().map(str::to_owned))
        .next();
    thread.ok_or_else(|| format!("codex named no thread: {said}"))
}

fn end(mut run: Run, call: Request, words: &str) -> Result {
    call.answer(Reply::Text(words.to_owned()));
    until("the agent ends", || run.has_ended())
}

fn shell(command: &str) -> Reply {
    Reply::Tool("exec_command", json!({"cmd": command}))
}

fn check(stage: &Stage, sessions: &[&str]) -> Result {
    stage.until_counted(sessions)?;
    let name = stage.view(sessions[0])["name"].clone();
    if name != PROMPT {
        return Err(format!("the title is {name}"));
    }
    stage.has_no_problems()
}

fn plain(stage: &Stage) -> Result {
    let (run, session, call) = begin(stage, &[PROMPT])?;
    call.answer(shell("echo made-up-output"));
    let call = stage.model.next("the call behind the tool")?;
    stage.until_logged(&session, "echo made-up-output")?;
    stage.until_status(&session, "running", "")?;
    end(run, call, "An answer that was made up.")?;
    stage.until_logged(&session, "An answer that was made up.")?;
    stage.until_status(&session, "waiting", "prompt")?;
    stage.went_through(&session, &["running", "waiting prompt"])?;
    check(stage, &[&session])
}

fn resume(stage: &Stage) -> Result {
    let (run, session, call) = begin(stage, &[PROMPT])?;
    end(run, call, "One.")?;
    stage.until_status(&session, "waiting", "prompt")?;
    let (run, resumed, call) = begin(stage, &["resume", &session, "and once more"])?;
    if resumed != session {
        return Err(format!("the thread that was resumed goes on as {resumed}"));
    }
    end(run, call, "Two.")?;
    stage.until_logged(&session, "Two.")?;
    stage.until_status(&session, "waiting", "prompt")?;
    stage.went_through(&session, &["running", "waiting prompt", "running", "waiting prompt"])?;
    check(stage, &[&session])
}

fn fork(stage: &Stage) -> Result {
    let (run, first, call) = begin(stage, &[PROMPT])?;
    call.answer(shell("echo one"));
    let call = stage.model.next("the call behind the tool")?;
    end(run, call, "One.")?;
    let (run, second, call) = begin(stage, &["fork", &first, "another way"])?;
    if first == second {
        return Err("the fork is in the thread that it was forked from".to_owned());
    }
    end(run, call, "Two.")?;
    stage.until_logged(&second, "Two.")?;
    stage.until_status(&second, "waiting", "prompt")?;
    stage.until_status(&first, "waiting", "prompt")?;
    check(stage, &[&first, &second])
}

fn sub_agent(stage: &Stage) -> Result {
    let (mut run, session, call) = begin(stage, &[PROMPT])?;
    call.answer(Reply::Tool(
        "multi_agent_v1.spawn_agent",
        json!({"message": "look around in the made up project"}),
    ));
    // The two go on at the same time: the one whose request tells of the agent that was made is the
    // first one.
    let (mut main, mut sub) = (None, None);
    while main.is_none() || sub.is_none() {
        let call = stage.model.next("a call beside the sub-agent")?;
        let is_main = call.body["input"].to_string().contains("spawn_agent");
        *(if is_main { &mut main } else { &mut sub }) = Some(call);
    }
    let (Some(main), Some(sub)) = (main, sub) else {
        return Ok(());
    };
    stage.until_status(&session, "running", "")?;
    sub.answer(Reply::Text("Nothing is here.".to_owned()));
    let is_other = |id: &String| id.split('~').next() != Some(&*session);
    until("the sub-agent is shown as done", || {
        let mut others = stage.sessions().into_iter().filter(is_other);
        others.any(|id| stage.view(&id)["status"] == "waiting")
    })?;
    stage.until_status(&session, "running", "")?;
    // What the sub-agent said comes to the first one meanwhile, which may ask once more about it.
    let mut asked = Some(main);
    until("the agent ends", || {
        if let Some(call) = asked.take() {
            call.answer(Reply::Text("All is done.".to_owned()));
        }
        asked = stage.model.soon();
        run.has_ended()
    })?;
    stage.until_status(&session, "waiting", "prompt")?;
    let shown = stage.sessions();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    stage.until_counted(&shown)?;
    stage.has_no_problems()
}

/// A session in a terminal, with its first prompt sent: the terminal, the session, and the call
/// that the prompt leads to.
fn open(stage: &Stage) -> Result<(Terminal, String, Request)> {
    let arguments = [
        "--ask-for-approval",
        "on-request",
        "--sandbox",
        "read-only",
        "--no-alt-screen",
    ];
    let terminal = stage.open(ENVIRONMENT, &arguments)?;
    until("the terminal is ready", || terminal.shows("made-up"))?;
    terminal.press(PROMPT)?;
    until("the prompt is on the screen", || terminal.shows(PROMPT))?;
    terminal.press(ENTER)?;
    let call = stage.model.next("the call of a prompt")?;
    until("the session is shown", || stage.sessions().len() == 1)?;
    let session = stage.sessions().remove(0);
    stage.until_status(&session, "running", "")?;
    Ok((terminal, session, call))
}

fn permission(stage: &Stage) -> Result {
    let (terminal, session, call) = open(stage)?;
    terminal.clear();
    call.answer(Reply::Tool(
        "exec_command",
        json!({"cmd": "touch made-up-file", "sandbox_permissions": "require_escalated", "justification": "May I?"}),
    ));
    until("the question is on the screen", || terminal.shows("May I?"))?;
    let call = stage.press_until_asked(&terminal, "y")?;
    stage.until_logged(&session, "touch made-up-file")?;
    stage.until_status(&session, "running", "")?;
    call.answer(Reply::Text("It is made.".to_owned()));
    stage.until_status(&session, "waiting", "prompt")?;
    check(stage, &[&session])
}

fn interrupted(stage: &Stage) -> Result {
    let (terminal, session, call) = open(stage)?;
    terminal.press(ESCAPE)?;
    stage.until_status(&session, "waiting", "prompt")?;
    drop(call);
    stage.went_through(&session, &["running", "waiting prompt"])?;
    stage.has_no_problems()
}

fn api_error(stage: &Stage) -> Result {
    let (mut run, session, call) = begin(stage, &[PROMPT])?;
    call.answer(Reply::Error(400, "the made up model does not like this"));
    until("the agent ends", || run.has_ended())?;
    until("the session waits with the error as its reason", || {
        let view = stage.view(&session);
        let reason = view["status_reason"].as_str().unwrap_or_default();
        view["status"] == "waiting" && reason.contains("does not like this")
    })?;
    stage.has_no_problems()
}
