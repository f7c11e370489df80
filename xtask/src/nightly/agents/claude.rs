//! Claude Code. Its own list of sessions (`claude agents --json`) is compared at every step of the
//! scenes in a terminal.

use std::fs;

use serde_json::{Value, json};

use super::model::Reply;
use super::stage::Stage;
use super::terminal::Terminal;
use super::{Agent, Scene};
use crate::Result;
use crate::nightly::server::until;

pub(super) const AGENT: Agent = Agent {
    key: "claude",
    package: "@anthropic-ai/claude-code",
    program: "claude",
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
    ("crashed", crashed),
    ("api-error", api_error),
];

/// Ids of sessions, which Claude Code takes from its command line.
const FIRST: &str = "0c0ffee0-1111-4222-8333-444455556666";
const SECOND: &str = "0c0ffee0-aaaa-4bbb-8ccc-ddddeeeeffff";
const PROMPT: &str = "say hello in a made up project";
const KEY: &str = "made-up-key";
/// Without the questions that only a person can answer.
const UNASKED: &str = "--dangerously-skip-permissions";
const ENTER: &str = "\r";
const ESCAPE: &str = "\u{1b}";
const CLEAR_LINE: &str = "\u{15}";

/// A home in which everything that is asked at the first start was answered.
fn prepare(stage: &Stage) -> Result {
    let folder = stage.home.join(".claude");
    let project = stage.project.display().to_string();
    let settings = json!({"promptSuggestionEnabled": false, "autoUpdates": false});
    let state = json!({
        "hasCompletedOnboarding": true, "theme": "dark",
        "customApiKeyResponses": {"approved": [KEY], "rejected": []},
        "projects": {project: {"hasTrustDialogAccepted": true, "hasCompletedProjectOnboarding": true}},
    });
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("settings.json"), settings.to_string()))
        .and_then(|()| fs::write(stage.home.join(".claude.json"), state.to_string()))
        .map_err(|error| format!("{}: {error}", folder.display()))
}

fn environment(stage: &Stage) -> Vec<(&'static str, &str)> {
    vec![
        ("ANTHROPIC_BASE_URL", &stage.model.url),
        ("ANTHROPIC_API_KEY", KEY),
        // It refuses to work without questions for root anywhere else.
        ("IS_SANDBOX", "1"),
        ("DISABLE_AUTOUPDATER", "1"),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ("CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION", "false"),
    ]
}

/// Runs to the end without a terminal; `answers` are given one after the other. Each call stands
/// until the agent's process is shown: one that came and went unseen leaves a turn that is over.
fn run(stage: &Stage, session: &str, arguments: &[&str], answers: Vec<Reply>) -> Result {
    let arguments = [&["-p", UNASKED][..], arguments].concat();
    let mut agent = stage.start(&environment(stage), &arguments)?;
    for answer in answers {
        let call = stage.model.next("a call of a run")?;
        agree(stage, session, "busy", "running", "")?;
        call.answer(answer);
    }
    until("the agent ends", || agent.has_ended())
}

fn bash(command: &str) -> Reply {
    Reply::Tool("Bash", json!({"command": command, "description": "made up"}))
}

fn text(words: &str) -> Reply {
    Reply::Text(words.to_owned())
}

/// What the agent itself says of a session: `status` and `waitingFor`, empty when it lists no such
/// session.
fn own_word(stage: &Stage, session: &str) -> Result<String> {
    let listed = stage.output(&environment(stage), &["agents", "--json"])?;
    let listed: Value =
        serde_json::from_str(&listed).map_err(|error| format!("claude agents --json: {error}: {listed}"))?;
    let own = listed
        .as_array()
        .and_then(|all| all.iter().find(|one| one["sessionId"] == session));
    let word = |name: &str| own.and_then(|one| one[name].as_str()).unwrap_or_default();
    Ok(format!("{} {}", word("status"), word("waitingFor"))
        .trim_end()
        .to_owned())
}

/// Waits until its own word is this and what is shown says the same.
fn agree(stage: &Stage, session: &str, word: &str, status: &str, waiting_for: &str) -> Result {
    stage.until_status(session, status, waiting_for)?;
    let mut own = Ok(String::new());
    let agreed = until("agreement", || {
        own = own_word(stage, session);
        own.as_deref() == Ok(word)
    });
    agreed.map_err(|_| format!("claude agents --json says {own:?}, expected is {word:?}"))?;
    stage.until_status(session, status, waiting_for)?;
    let source = stage.view(session)["status_source"].clone();
    if !word.is_empty() && source != "process" {
        return Err(format!("the status comes from {source}, not from the process"));
    }
    Ok(())
}

/// The things that are true of every session at the end.
fn check(stage: &Stage, sessions: &[&str]) -> Result {
    stage.until_counted(sessions)?;
    let view = stage.view(sessions[0]);
    if view["name"] != PROMPT && view["name"] != "Made up title" {
        return Err(format!("the title is {}", view["name"]));
    }
    stage.has_no_problems()
}

fn plain(stage: &Stage) -> Result {
    let arguments = ["-p", UNASKED, "--session-id", FIRST, PROMPT];
    let mut agent = stage.start(&environment(stage), &arguments)?;
    let call = stage.model.next("the first call")?;
    agree(stage, FIRST, "busy", "running", "")?;
    call.answer(bash("echo made-up-output"));
    let call = stage.model.next("the call behind the tool")?;
    stage.until_logged(FIRST, "echo made-up-output")?;
    agree(stage, FIRST, "busy", "running", "")?;
    call.answer(text("An answer that was made up."));
    until("the agent ends", || agent.has_ended())?;
    stage.until_logged(FIRST, "An answer that was made up.")?;
    agree(stage, FIRST, "", "completed", "")?;
    check(stage, &[FIRST])
}

fn resume(stage: &Stage) -> Result {
    run(stage, FIRST, &["--session-id", FIRST, PROMPT], vec![text("One.")])?;
    stage.until_status(FIRST, "completed", "")?;
    let arguments = ["-p", UNASKED, "--resume", FIRST, "and once more"];
    let mut agent = stage.start(&environment(stage), &arguments)?;
    let call = stage.model.next("the call of the resumed session")?;
    agree(stage, FIRST, "busy", "running", "")?;
    call.answer(text("Two."));
    until("the agent ends", || agent.has_ended())?;
    stage.until_logged(FIRST, "Two.")?;
    stage.until_status(FIRST, "completed", "")?;
    stage.went_through(FIRST, &["running", "completed", "running", "completed"])?;
    check(stage, &[FIRST])
}

fn fork(stage: &Stage) -> Result {
    run(
        stage,
        FIRST,
        &["--session-id", FIRST, PROMPT],
        vec![bash("echo one"), text("One.")],
    )?;
    let arguments = [
        "--resume",
        FIRST,
        "--fork-session",
        "--session-id",
        SECOND,
        "another way",
    ];
    run(stage, SECOND, &arguments, vec![text("Two.")])?;
    stage.until_logged(SECOND, "Two.")?;
    stage.until_status(SECOND, "completed", "")?;
    stage.until_status(FIRST, "completed", "")?;
    check(stage, &[FIRST, SECOND])
}

fn sub_agent(stage: &Stage) -> Result {
    let arguments = ["-p", UNASKED, "--session-id", FIRST, PROMPT];
    let mut agent = stage.start(&environment(stage), &arguments)?;
    let call = stage.model.next("the first call")?;
    let offered = call.body["tools"].to_string();
    let tool = if offered.contains("\"name\":\"Agent\"") {
        "Agent"
    } else {
        "Task"
    };
    let input = json!({
        "description": "look around", "prompt": "look around in the made up project",
        "subagent_type": "general-purpose", "run_in_background": false,
    });
    call.answer(Reply::Tool(tool, input));
    let call = stage.model.next("the sub-agent's call")?;
    until("the sub-agent is shown at work", || agents(stage, "active") == 1)?;
    agree(stage, FIRST, "busy", "running", "")?;
    call.answer(text("Nothing is here."));
    let call = stage.model.next("the call behind the sub-agent")?;
    until("the sub-agent is shown as done", || agents(stage, "completed") == 1)?;
    call.answer(text("All is done."));
    until("the agent ends", || agent.has_ended())?;
    stage.until_status(FIRST, "completed", "")?;
    check(stage, &[FIRST])
}

/// How many agents of the session have this status.
fn agents(stage: &Stage, status: &str) -> usize {
    let view = stage.view(FIRST);
    let agents = view["agents"]
        .as_object()
        .into_iter()
        .flat_map(|agents| agents.values());
    agents.filter(|agent| agent["status"] == status).count()
}

/// A session in a terminal that waits for its first prompt, and calls nobody.
fn open(stage: &Stage) -> Result<Terminal> {
    let terminal = stage.open(
        &environment(stage),
        &["--permission-mode", "default", "--session-id", FIRST],
    )?;
    agree(stage, FIRST, "idle", "waiting", "prompt")?;
    Ok(terminal)
}

/// Types a prompt and sends it; the call that it leads to.
fn prompt(stage: &Stage, terminal: &Terminal, words: &str) -> Result<super::model::Request> {
    terminal.press(words)?;
    until("the prompt is on the screen", || terminal.shows(words))?;
    terminal.press(ENTER)?;
    stage.model.next("the call of a prompt")
}

/// Leaves the session in order.
fn leave(stage: &Stage, terminal: &mut Terminal) -> Result {
    terminal.clear();
    // What was interrupted stands in the line again.
    terminal.press(CLEAR_LINE)?;
    terminal.press("/exit")?;
    until("the command is on the screen", || terminal.shows("/exit"))?;
    terminal.press(ENTER)?;
    until("the agent ends", || terminal.has_ended())?;
    agree(stage, FIRST, "", "completed", "")
}

fn permission(stage: &Stage) -> Result {
    let mut terminal = open(stage)?;
    let call = prompt(stage, &terminal, PROMPT)?;
    agree(stage, FIRST, "busy", "running", "")?;
    terminal.clear();
    call.answer(bash("touch made-up-file"));
    agree(stage, FIRST, "waiting permission prompt", "waiting", "permission")?;
    until("the question is on the screen", || {
        terminal.shows("Do you want to proceed")
    })?;
    let call = stage.press_until_asked(&terminal, ENTER)?;
    agree(stage, FIRST, "busy", "running", "")?;
    call.answer(text("It is made."));
    agree(stage, FIRST, "idle", "waiting", "prompt")?;
    leave(stage, &mut terminal)?;
    let states = [
        "waiting prompt",
        "running",
        "waiting permission",
        "running",
        "waiting prompt",
        "completed",
    ];
    stage.went_through(FIRST, &states)?;
    check(stage, &[FIRST])
}

fn interrupted(stage: &Stage) -> Result {
    let mut terminal = open(stage)?;
    let call = prompt(stage, &terminal, PROMPT)?;
    agree(stage, FIRST, "busy", "running", "")?;
    terminal.press(ESCAPE)?;
    agree(stage, FIRST, "idle", "waiting", "prompt")?;
    drop(call);
    leave(stage, &mut terminal)?;
    stage.went_through(FIRST, &["waiting prompt", "running", "waiting prompt", "completed"])?;
    stage.has_no_problems()
}

/// Killed in the middle of its work, and taken up again.
fn crashed(stage: &Stage) -> Result {
    let terminal = open(stage)?;
    let call = prompt(stage, &terminal, PROMPT)?;
    agree(stage, FIRST, "busy", "running", "")?;
    kill(stage)?;
    stage.until_status(FIRST, "abandoned", "")?;
    let view = stage.view(FIRST);
    if view["status_source"] != "process" || !view["status_reason"].as_str().unwrap_or_default().contains("is gone") {
        return Err(format!(
            "the reason is {} by {}",
            view["status_reason"], view["status_source"]
        ));
    }
    drop((call, terminal));
    let arguments = ["-p", UNASKED, "--resume", FIRST, "go on"];
    let mut agent = stage.start(&environment(stage), &arguments)?;
    let call = stage.model.next("the call of the session that was taken up again")?;
    agree(stage, FIRST, "busy", "running", "")?;
    call.answer(text("It goes on."));
    until("the agent ends", || agent.has_ended())?;
    stage.until_status(FIRST, "completed", "")?;
    // That it is idle for some milliseconds before and after its work is not shown.
    stage.went_through(
        FIRST,
        &["waiting prompt", "running", "abandoned", "running", "completed"],
    )?;
    check(stage, &[FIRST])
}

/// Kills the one process of the agent, by the name of its own file.
fn kill(stage: &Stage) -> Result {
    let folder = stage.home.join(".claude/sessions");
    let names = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = names.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let pids: Vec<String> = names
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    let [pid] = pids.as_slice() else {
        return Err(format!("one process was expected, there are {pids:?}"));
    };
    crate::tool::Tool::new(".", "kill", &["-KILL", pid]).run()
}

fn api_error(stage: &Stage) -> Result {
    let mut terminal = open(stage)?;
    let call = prompt(stage, &terminal, PROMPT)?;
    agree(stage, FIRST, "busy", "running", "")?;
    call.answer(refusal());
    until("the session waits with the error as its reason", || {
        // It may try again in another way.
        if let Some(call) = stage.model.soon() {
            call.answer(refusal());
        }
        let view = stage.view(FIRST);
        let reason = view["status_reason"].as_str().unwrap_or_default();
        view["status"] == "waiting" && reason.contains("does not like this")
    })?;
    leave(stage, &mut terminal)?;
    stage.has_no_problems()
}

fn refusal() -> Reply {
    Reply::Error(400, "the made up model does not like this")
}
