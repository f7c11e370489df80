//! Checks of coding agents: their transcripts, and whether their settings point to the server.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::ValueEnum;
use forgecast_decode::agents::{AGENTS, Agent};
use forgecast_protocol::Timestamp;

use super::{Finding, ok, warn};
use crate::cli;
use crate::config::{Config, Environment};
use crate::connect::claude::{ENDPOINT, EVENTS};
use crate::connect::settings::{self, accepts_token, requires_token};
use crate::connect::{self, write};
use crate::terminal;

/// How many levels of folders are searched.
const MAX_DEPTH: usize = 6;

/// Checks every agent. `url` is the running server's address.
pub(super) fn findings(environment: &Environment, config: &Config, url: Option<&str>) -> Vec<Finding> {
    if !config.transcripts.enabled {
        let fix = "remove transcripts.enabled = false from the configuration";
        return vec![warn("agents", "their transcripts are not watched", fix)];
    }
    let mut findings = Vec::new();
    for agent in AGENTS {
        let folders = config.transcripts.agents.of(agent.key);
        let there: Vec<&PathBuf> = folders.iter().filter(|folder| folder.is_dir()).collect();
        for folder in &there {
            let links = forgecast_ingest::links(agent, folder);
            findings.push(transcripts(agent, folder, &links));
            findings.extend(
                links
                    .iter()
                    .filter_map(|(path, why)| Some(refused_link(agent, path, why.as_deref()?))),
            );
        }
        if there.is_empty() && agent.key == "claude" {
            let looked = folders.iter().map(|folder| folder.display().to_string());
            let looked: Vec<String> = looked.collect();
            findings.push(warn(
                agent.key,
                format!("{} has no folder at {}", agent.label, looked.join(" or ")),
                "if it keeps its files elsewhere, set CLAUDE_CONFIG_DIR or transcripts.claude",
            ));
        }
        if !there.is_empty() {
            findings.extend(settings_findings(environment, config, agent.key, url));
        }
    }
    findings
}

/// A link that hides transcripts.
fn refused_link(agent: &Agent, path: &Path, why: &str) -> Finding {
    warn(
        agent.key,
        format!("{} is a link that is not followed: {why}", path.display()),
        format!(
            "put the folder itself there, or name its home in transcripts.{}",
            agent.key
        ),
    )
}

/// `links` are the folders of transcripts that are links, with the reason why one is not read.
fn transcripts(agent: &Agent, folder: &Path, links: &[(PathBuf, Option<String>)]) -> Finding {
    let name = agent.label;
    let mut count = Count {
        agent,
        home: folder,
        files: 0,
        newest: None,
    };
    let below = agent.folders.iter().map(|below| folder.join(below));
    for folder in below.filter(|folder| !folder.is_symlink()) {
        count.folder(&folder, MAX_DEPTH);
    }
    for (linked, _) in links.iter().filter(|(_, why)| why.is_none()) {
        count.folder(linked, MAX_DEPTH);
    }
    let Count { files, newest, .. } = count;
    let shown = folder.display();
    if files == 0 {
        return warn(
            agent.key,
            format!("no {name} transcripts in {shown}"),
            format!("start a {name} session, then run doctor again"),
        );
    }
    let now = forgecast_ingest::system_clock().now();
    let newest = newest.and_then(|at| {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_millis()).ok().map(Timestamp::from_millis)
    });
    ok(
        agent.key,
        format!(
            "{} in {shown}, the newest from {}",
            terminal::counted(files, &format!("{name} transcript")),
            terminal::age(newest, now)
        ),
    )
}

/// The transcripts that were found below an agent's home.
struct Count<'a> {
    agent: &'a Agent,
    home: &'a Path,
    files: u64,
    newest: Option<SystemTime>,
}

impl Count<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            // For a link this is the type of the link itself, so links are not followed.
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() && depth > 0 {
                self.folder(&path, depth - 1);
            } else if kind.is_file() && self.is_transcript(&path) {
                self.files += 1;
                let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
                self.newest = self.newest.max(modified);
            }
        }
    }

    fn is_transcript(&self, path: &Path) -> bool {
        let relative = path.strip_prefix(self.home);
        relative.is_ok_and(|relative| self.agent.path_of(&relative.to_string_lossy()).is_some())
    }
}

fn settings_findings(environment: &Environment, config: &Config, agent: &str, url: Option<&str>) -> Vec<Finding> {
    let Ok(agent) = cli::Agent::from_str(agent, false) else {
        return Vec::new();
    };
    let files = settings::files(agent, config);
    let each = files.into_iter().flat_map(|file| {
        let text = write::read(&file);
        match (agent, text) {
            (_, Err(error)) => vec![warn("settings", format!("{error:#}"), "make it readable for you")],
            (cli::Agent::Claude, Ok(text)) => claude(environment, config, &file, text.as_deref().unwrap_or("{}"), url),
            (cli::Agent::Codex, Ok(text)) => codex(&file, text.as_deref().unwrap_or_default(), url),
        }
    });
    each.collect()
}

fn claude(environment: &Environment, config: &Config, file: &Path, text: &str, url: Option<&str>) -> Vec<Finding> {
    const FIX: &str = "forgecast init claude --yes";
    let shown = file.display();
    let hooks = match connect::claude::hooks(text) {
        Ok(hooks) => hooks,
        Err(why) => return vec![warn("hooks", format!("{shown}: {why}"), "fix the file")],
    };
    // Of a hook its server, of telemetry its address as it stands.
    let server = |address: &str| {
        let server = connect::claude::answers::server(address).unwrap_or(address);
        server.trim_end_matches('/').to_owned()
    };
    let elsewhere = |address: &str| url.is_some_and(|url| server(address) != url);
    let stray = hooks.iter().find(|(_, address)| elsewhere(address));
    let missing = EVENTS
        .iter()
        .filter(|event| hooks.iter().all(|(name, _)| name != *event))
        .count();
    let wanted = url.is_some_and(|url| requires_token(url, config));
    let carried = connect::claude::token::of(text);
    let is_shut_out = wanted && !carried.is_some_and(|token| url.is_some_and(|url| accepts_token(url, &token)));
    let problem = match (stray, missing) {
        (None, missing) if is_shut_out && missing < EVENTS.len() => {
            Some("the server requires a token, and the hooks have no valid one, so it rejects them".to_owned())
        }
        (Some((_, address)), _) => Some(format!("the hooks point to {address}, which is not the running server")),
        (None, 0) => None,
        (None, missing) if missing == EVENTS.len() => {
            Some("no hooks, so waiting agents are noticed late or not at all".to_owned())
        }
        (None, missing) => Some(format!("{missing} of {} hooks are missing", EVENTS.len())),
    };
    let hooks = match problem {
        Some(problem) => warn("hooks", format!("{shown}: {problem}"), FIX),
        None => ok("hooks", format!("{shown}: {} hooks are installed", hooks.len())),
    };
    let endpoint = connect::claude::variable(text, ENDPOINT);
    let switched = connect::claude::variable(text, "CLAUDE_CODE_ENABLE_TELEMETRY").is_some_and(|value| value == "1");
    let outside = environment.variable(ENDPOINT);
    let telemetry = match endpoint.as_deref().or(outside) {
        Some(address) if elsewhere(address) => warn(
            "telemetry",
            format!("telemetry goes to {address}, so usage comes from transcripts only"),
            "let that collector forward logs and metrics to the server; or leave it, because transcripts are enough",
        ),
        Some(_) if switched => ok("telemetry", format!("{shown}: telemetry is on")),
        _ => warn(
            "telemetry",
            format!("{shown}: telemetry is off, so usage comes from transcripts only"),
            FIX,
        ),
    };
    vec![hooks, telemetry]
}

fn codex(file: &Path, text: &str, url: Option<&str>) -> Vec<Finding> {
    const FIX: &str = "forgecast init codex --yes";
    let shown = file.display();
    let installed = connect::codex::hooks::of(text).len();
    let hooks = match installed {
        0 => "no hooks, so waiting agents are noticed late or not at all".to_owned(),
        _ => format!(
            "{installed} of {} hooks are installed",
            connect::codex::hooks::EVENTS.len()
        ),
    };
    let hooks = if installed == connect::codex::hooks::EVENTS.len() {
        ok(
            "hooks",
            format!("{shown}: {installed} hooks are installed; Codex runs them once you reviewed them (/hooks)"),
        )
    } else {
        warn("hooks", format!("{shown}: {hooks}"), FIX)
    };
    let telemetry = match connect::codex::telemetry(text) {
        Some(address) if url.is_some_and(|url| !address.starts_with(url)) => warn(
            "telemetry",
            format!("{shown}: telemetry goes to {address}, so usage comes from transcripts only"),
            "let that collector forward it to the server; or leave it, because transcripts are enough",
        ),
        Some(_) => ok("telemetry", format!("{shown}: telemetry is on")),
        None => warn(
            "telemetry",
            format!("{shown}: telemetry is off, so usage comes from transcripts only"),
            FIX,
        ),
    };
    vec![hooks, telemetry]
}
