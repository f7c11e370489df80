//! `init`: connects a coding agent to this server by its settings. Shows the exact change, but for a token in it; writes it
//! with `--yes` only.

pub(crate) mod token;

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

use super::Context;
use crate::cli::{Agent, InitArgs};
use crate::config::{AgentKind, Config, Environment};
use crate::connect::write::{self, Record, Records};
use crate::connect::{self, Added, Edited, Target};
use crate::reach::Reach;
use crate::terminal::{self, Style};
use crate::{pipeline, runtime_file};
use token::Tokens;

/// Shows or writes the change.
///
/// # Errors
/// Settings that cannot be understood or written; an address that is none.
pub(crate) fn run(context: &Context, args: &InitArgs) -> Result<()> {
    let config = context.configure(args.sources.flags())?;
    let url = match &args.url {
        Some(url) => checked(url)?,
        None => address(context, &config)?,
    };
    let files = files(args.agent, &config);
    let tokens = Tokens::new(context, &config, args, &url);
    let there = files.iter().find_map(|file| token::in_settings(args.agent, file));
    let token = if args.undo { None } else { tokens.wanted(there.clone())? };
    let target = Target {
        url: &url,
        token: token.as_deref(),
    };
    if files.is_empty() {
        bail!("HOME is not set; say where the settings are with CLAUDE_CONFIG_DIR or CODEX_HOME");
    }
    let mut pending = false;
    for file in &files {
        pending |= one(context, args, target, file)?;
    }
    if args.undo && args.yes && there.is_some() {
        tokens.end()?;
    }
    if pending && !args.yes {
        terminal::print("\nNothing was written; run it again with --yes.\n");
    }
    Ok(())
}

/// Shows or writes the change of one file; whether there is one.
fn one(context: &Context, args: &InitArgs, target: Target<'_>, file: &Path) -> Result<bool> {
    let data = context.environment.data_folder();
    let mut records = Records::load(&data);
    let record = records.of(file).cloned();
    let before = write::read(file)?;
    let edited = if args.undo {
        undo(args.agent, before.as_deref(), record.as_ref())
    } else {
        let added = record.as_ref().map(|record| &record.added);
        add(args.agent, before.as_deref(), target, &context.environment, added)
    };
    let edited = edited.map_err(|why| anyhow!("{}: {why}; mend it and run the command again", file.display()))?;
    for note in &edited.notes {
        terminal::print(&format!("{}: {note}\n", file.display()));
    }
    let style = Style::of_stdout(&context.environment);
    if edited.text == before {
        terminal::print(&format!("{}: nothing to do\n", file.display()));
        return Ok(false);
    }
    let without_tokens = |text: Option<&str>| token::hidden(text.unwrap_or_default());
    let shown = connect::diff(
        &file.display().to_string(),
        &without_tokens(before.as_deref()),
        &without_tokens(edited.text.as_deref()),
    );
    terminal::print(&terminal::diff(&shown, style));
    if args.yes {
        let now = forgecast_ingest::system_clock().now();
        let backup = write::replace(file, before.as_deref(), edited.text.as_deref(), now)?;
        let kept = (!args.undo).then(|| remembered(record, before, &edited));
        records.keep(&data, file, kept)?;
        let verb = if edited.text.is_some() { "wrote" } else { "removed" };
        let backup = backup.map(|backup| format!("; the one before is {}", backup.display()));
        terminal::print(&format!("{verb} {}{}\n", file.display(), backup.unwrap_or_default()));
    }
    Ok(true)
}

/// What was done, on top of what was done before.
fn remembered(record: Option<Record>, before: Option<String>, edited: &Edited) -> Record {
    let added = edited.added.clone();
    match record {
        // Nobody else touched the file since.
        Some(record) if record.after.is_some() && record.after == before => Record {
            added,
            before: record.before,
            after: edited.text.clone(),
        },
        // What it was without us is not known: undo takes out what is ours.
        Some(_) => Record {
            added,
            ..Record::default()
        },
        None => Record {
            added,
            before,
            after: edited.text.clone(),
        },
    }
}

fn add(
    agent: Agent,
    text: Option<&str>,
    target: Target<'_>,
    environment: &Environment,
    earlier: Option<&Added>,
) -> Result<Edited, String> {
    let variable = |name: &str| environment.variable(name).map(str::to_owned);
    match agent {
        Agent::Claude => connect::claude::add(text, target, variable, earlier),
        Agent::Codex => connect::codex::add(text, target, earlier),
    }
}

fn undo(agent: Agent, text: Option<&str>, record: Option<&Record>) -> Result<Edited, String> {
    let unchanged = |text| Edited {
        text,
        added: Added::default(),
        notes: Vec::new(),
    };
    let Some(text) = text else {
        return Ok(unchanged(None));
    };
    if let Some(original) = record.and_then(|record| record.original(text)) {
        return Ok(unchanged(original));
    }
    let added = record.map(|record| &record.added);
    match agent {
        Agent::Claude => connect::claude::remove(text, added),
        Agent::Codex => connect::codex::remove(text, added),
    }
}

/// The user's settings: in every folder that is there, else in the first.
pub(crate) fn files(agent: Agent, config: &Config) -> Vec<PathBuf> {
    let (kind, name) = match agent {
        Agent::Claude => (AgentKind::Claude, "settings.json"),
        Agent::Codex => (AgentKind::Codex, "config.toml"),
    };
    let folders = config.transcripts.agents.of(kind);
    let mut there: Vec<&PathBuf> = folders.iter().filter(|folder| folder.is_dir()).collect();
    if there.is_empty() {
        there.extend(folders.first());
    }
    there.into_iter().map(|folder| folder.join(name)).collect()
}

/// Where the server answers: the one that runs and watches the same transcripts, else where it will by the configuration.
pub(crate) fn address(context: &Context, config: &Config) -> Result<String> {
    let folder = context.environment.runtime_folder();
    let transcripts = pipeline::transcripts(config);
    let running = runtime_file::find(&folder, &config.db, false, |running| {
        running.transcripts == transcripts && crate::client::Client::answers(&running.url)
    });
    if let Some(running) = running {
        return Ok(running.url);
    }
    if config.port == 0 {
        bail!("the configuration leaves the port to the system; start the server, or name its address with --url");
    }
    Ok(Reach::of((config.host, config.port).into(), config).for_commands())
}

/// An address, with the path below which a proxy shows the server when there is one.
fn checked(url: &str) -> Result<String> {
    let plain = url.trim_end_matches('/');
    let rest = plain.strip_prefix("https://").or_else(|| plain.strip_prefix("http://"));
    let odd = |letter: char| letter.is_whitespace() || letter.is_control() || "?#@\"'".contains(letter);
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && !rest.contains(odd) => Ok(plain.to_owned()),
        _ => bail!("{url} is no address of a server; write http://127.0.0.1:8080"),
    }
}
