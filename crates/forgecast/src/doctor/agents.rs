//! Coding agents: their transcripts, and whether their settings point to the server.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use forgecast_protocol::Timestamp;

use super::{Finding, ok, warn};
use crate::cli::Agent;
use crate::commands::init::{
    self,
    token::{is_good, wants_one},
};
use crate::config::{AgentKind, Config, Environment};
use crate::connect::claude::{ENDPOINT, EVENTS};
use crate::connect::{self, HOOKS, write};
use crate::pipeline;
use crate::terminal;

/// Folders below each other that are searched.
const DEEPEST: usize = 6;

/// How an agent is called, and where it keeps transcripts below its folder.
fn name_and_subfolders(agent: AgentKind) -> (&'static str, &'static [&'static str]) {
    match agent {
        AgentKind::Claude => ("Claude Code", &["projects"]),
        AgentKind::Codex => ("Codex", &["sessions", "archived_sessions"]),
        AgentKind::Foundry => ("Foundry", &["observatory"]),
    }
}

/// All about agents. `url` is where the server answers, when one runs.
pub(super) fn findings(environment: &Environment, config: &Config, url: Option<&str>) -> Vec<Finding> {
    if !config.transcripts.enabled {
        let fix = "take transcripts.enabled = false out of the configuration";
        return vec![warn("agents", "their transcripts are not watched", fix)];
    }
    let mut findings = Vec::new();
    for agent in AgentKind::ALL {
        let folders = pipeline::transcripts_of(config, agent);
        let there: Vec<&PathBuf> = folders.iter().filter(|folder| folder.is_dir()).collect();
        for folder in &there {
            findings.push(transcripts(agent, folder));
        }
        if there.is_empty() && agent == AgentKind::Claude {
            let looked = folders.iter().map(|folder| folder.display().to_string());
            let looked: Vec<String> = looked.collect();
            findings.push(warn(
                agent.key(),
                format!("Claude Code has no folder at {}", looked.join(" or ")),
                "if it keeps its files elsewhere, say where with CLAUDE_CONFIG_DIR or transcripts.claude",
            ));
        }
        if !there.is_empty() {
            findings.extend(settings(environment, config, agent, url));
        }
    }
    findings
}

fn transcripts(agent: AgentKind, folder: &Path) -> Finding {
    let (name, subfolders) = name_and_subfolders(agent);
    let (mut files, mut newest) = (0, None);
    for below in subfolders {
        count(&folder.join(below), DEEPEST, &mut files, &mut newest);
    }
    let shown = folder.display();
    if files == 0 {
        return warn(
            agent.key(),
            format!("no transcript of {name} in {shown}"),
            format!("use {name} once"),
        );
    }
    let now = forgecast_ingest::system_clock().now();
    let newest = newest.and_then(|at: SystemTime| {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_millis()).ok().map(Timestamp::from_millis)
    });
    let plural = if files == 1 { "" } else { "s" };
    ok(
        agent.key(),
        format!(
            "{files} transcript{plural} of {name} in {shown}, the newest of {}",
            terminal::age(newest, now)
        ),
    )
}

fn count(folder: &Path, depth: usize, files: &mut u64, newest: &mut Option<SystemTime>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        // Of a link this is the kind of the link: none is followed.
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_dir() && depth > 0 {
            count(&path, depth - 1, files, newest);
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "jsonl") {
            *files += 1;
            let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
            *newest = (*newest).max(modified);
        }
    }
}

fn settings(environment: &Environment, config: &Config, agent: AgentKind, url: Option<&str>) -> Vec<Finding> {
    let agent = match agent {
        AgentKind::Claude => Agent::Claude,
        AgentKind::Codex => Agent::Codex,
        AgentKind::Foundry => return Vec::new(),
    };
    let files = init::files(agent, config);
    let each = files.into_iter().flat_map(|file| {
        let text = write::read(&file);
        match (agent, text) {
            (_, Err(error)) => vec![warn("settings", format!("{error:#}"), "make it readable for you")],
            (Agent::Claude, Ok(text)) => claude(environment, config, &file, text.as_deref().unwrap_or("{}"), url),
            (Agent::Codex, Ok(text)) => vec![codex(&file, text.as_deref().unwrap_or_default(), url)],
        }
    });
    each.collect()
}

fn claude(environment: &Environment, config: &Config, file: &Path, text: &str, url: Option<&str>) -> Vec<Finding> {
    const FIX: &str = "forgecast init claude --yes";
    let shown = file.display();
    let hooks = match connect::claude::hooks(text) {
        Ok(hooks) => hooks,
        Err(why) => return vec![warn("hooks", format!("{shown}: {why}"), "mend the file")],
    };
    let elsewhere = |said: &str| url.is_some_and(|url| said.trim_end_matches(HOOKS).trim_end_matches('/') != url);
    let stray = hooks.iter().find(|(_, said)| elsewhere(said));
    let missing = EVENTS
        .iter()
        .filter(|event| hooks.iter().all(|(name, _)| name != *event))
        .count();
    let wanted = url.is_some_and(|url| wants_one(url, config));
    let carried = connect::claude::token::of(text);
    let is_shut_out = wanted && !carried.is_some_and(|token| url.is_some_and(|url| is_good(url, &token)));
    let told = match (stray, missing) {
        (None, missing) if is_shut_out && missing < EVENTS.len() => warn(
            "hooks",
            format!("{shown}: the server wants a token, and the hooks carry none that it knows: it refuses them"),
            FIX,
        ),
        (Some((_, said)), _) => warn(
            "hooks",
            format!("{shown}: hooks point to {said}, where no server of yours is"),
            FIX,
        ),
        (None, 0) => ok("hooks", format!("{shown}: {} hooks are installed", hooks.len())),
        (None, missing) if missing == EVENTS.len() => warn(
            "hooks",
            format!("{shown}: no hooks; what an agent waits for is seen late or not at all"),
            FIX,
        ),
        (None, missing) => warn(
            "hooks",
            format!("{shown}: {missing} of {} hooks are missing", EVENTS.len()),
            FIX,
        ),
    };
    let endpoint = connect::claude::variable(text, ENDPOINT);
    let switched = connect::claude::variable(text, "CLAUDE_CODE_ENABLE_TELEMETRY").is_some_and(|value| value == "1");
    let outside = environment.variable(ENDPOINT);
    let telemetry = match endpoint.as_deref().or(outside) {
        Some(said) if elsewhere(said) => warn(
            "telemetry",
            format!("it goes to {said}: usage comes from the transcripts alone"),
            "let that collector pass logs and metrics on to the server, or leave it so: transcripts are enough",
        ),
        Some(_) if switched => ok("telemetry", format!("{shown}: telemetry is switched on")),
        _ => warn(
            "telemetry",
            format!("{shown}: telemetry is not switched on; usage comes from the transcripts alone"),
            FIX,
        ),
    };
    vec![told, telemetry]
}

fn codex(file: &Path, text: &str, url: Option<&str>) -> Finding {
    let shown = file.display();
    match connect::codex::telemetry(text) {
        Some(said) if url.is_some_and(|url| !said.starts_with(url)) => warn(
            "telemetry",
            format!("{shown}: it goes to {said}: usage comes from the transcripts alone"),
            "let that collector pass it on to the server, or leave it so: transcripts are enough",
        ),
        Some(_) => ok("telemetry", format!("{shown}: telemetry is switched on")),
        None => warn(
            "telemetry",
            format!("{shown}: telemetry is not switched on; usage comes from the transcripts alone"),
            "forgecast init codex --yes",
        ),
    }
}
