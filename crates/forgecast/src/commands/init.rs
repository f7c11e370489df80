//! `init`: connects a coding agent to this server through the agent's settings. Shows the exact change, with tokens masked,
//! and writes it only with `--yes`.

mod token;

use std::path::Path;

use anyhow::{Result, anyhow, bail};

use super::{Context, session_client};
use crate::cli::{Agent, InitArgs};
use crate::config::Config;
use crate::connect::write::{self, Record, Records};
use crate::connect::{self, Edited, Target, settings};
use crate::server_urls::{self, ServerUrls};
use crate::terminal;
use token::Tokens;

/// Shows or writes the change.
///
/// # Errors
/// The settings cannot be parsed or written, or `--url` is not an address.
pub(crate) fn run(context: &Context, args: &InitArgs) -> Result<()> {
    if args.statusline && args.agent != Agent::Claude {
        bail!("only Claude Code has a status line; omit --statusline");
    }
    if args.answers && args.agent != Agent::Claude {
        bail!("only Claude Code waits for answers; omit --answers");
    }
    let config = context.configure(args.sources.flags())?;
    let url = match &args.url {
        Some(url) => server_urls::parse(url)?,
        None => address(context, &config)?,
    };
    let files = settings::files(args.agent, &config);
    let tokens = Tokens {
        context,
        config: &config,
        args,
        url: &url,
    };
    let there = files.iter().find_map(|file| settings::token(args.agent, file));
    let token = if args.undo {
        None
    } else {
        tokens.required(there.clone())?
    };
    let target = Target {
        url: &url,
        token: token.as_deref(),
    };
    if files.is_empty() {
        bail!("HOME is not set; set CLAUDE_CONFIG_DIR or CODEX_HOME to the folder of the settings");
    }
    let mut pending = false;
    for file in &files {
        pending |= change_file(context, args, target, file)?;
    }
    if args.undo && args.yes && there.is_some() {
        tokens.revoke()?;
    }
    if pending && !args.yes {
        terminal::print("\nNothing was written; run the command again with --yes to write it.\n");
    }
    Ok(())
}

/// Shows or writes the change to one file. Returns whether there is a change.
fn change_file(context: &Context, args: &InitArgs, target: Target<'_>, file: &Path) -> Result<bool> {
    let data = context.environment.data_folder();
    let mut records = Records::load(&data);
    let record = records.of(file).cloned();
    let before = write::read(file)?;
    let added = record.as_ref().map(|record| &record.added);
    let variable = |name: &str| context.environment.variable(name).map(str::to_owned);
    let edited = match args.agent {
        agent if args.undo => undo(agent, before.as_deref(), record.as_ref()),
        Agent::Claude => connect::claude::add(before.as_deref(), target, variable, added),
        Agent::Codex => connect::codex::add(before.as_deref(), target, added),
    };
    let edited = edited.and_then(|edited| match args.agent {
        Agent::Claude if args.statusline && !args.undo => connect::claude::status_line::add(edited, &program()),
        Agent::Codex if !args.undo => connect::codex::hooks::add(edited, &program(), target.url),
        _ => Ok(edited),
    });
    let edited = edited.and_then(|edited| match args.answers && !args.undo {
        true => connect::claude::answers::add(edited),
        false => Ok(edited),
    });
    let edited = edited.map_err(|why| anyhow!("{}: {why}; fix it and run the command again", file.display()))?;
    for note in &edited.notes {
        terminal::print(&format!("{}: {note}\n", file.display()));
    }
    let style = context.style();
    if edited.text == before {
        terminal::print(&format!("{}: no change needed\n", file.display()));
        return Ok(false);
    }
    terminal::print(&summary(args, target, file, before.as_deref(), &edited));
    let masked = |text: Option<&str>| token::masked(text.unwrap_or_default());
    let shown = connect::diff(
        &file.display().to_string(),
        &masked(before.as_deref()),
        &masked(edited.text.as_deref()),
    );
    terminal::print(&terminal::diff(&shown, style));
    if args.yes {
        let now = forgecast_ingest::system_clock().now();
        let backup = write::replace(file, before.as_deref(), edited.text.as_deref(), now)?;
        let kept = (!args.undo).then(|| updated_record(record, before, &edited));
        records.keep(&data, file, kept)?;
        let verb = if edited.text.is_some() { "wrote" } else { "removed" };
        let backup = terminal::backup(backup.as_deref());
        terminal::print(&format!("{verb} {}{backup}\n", file.display()));
    }
    Ok(true)
}

/// What changes, in one line.
fn summary(args: &InitArgs, target: Target<'_>, file: &Path, before: Option<&str>, edited: &Edited) -> String {
    let what = connect::difference(args.agent, before, edited.text.as_deref());
    let file = file.display();
    if args.undo {
        return format!("Removes {what} from {file}.\n");
    }
    let (agent, url) = (args.agent.label(), target.url);
    if connect::is_connected(args.agent, before) {
        return format!("Changes {what} in {file}, so that {agent} reports to {url}.\n");
    }
    format!("Adds {what} to {file}, so that {agent} reports to {url}.\n")
}

/// The record of this change and earlier ones.
fn updated_record(record: Option<Record>, before: Option<String>, edited: &Edited) -> Record {
    let added = edited.added.clone();
    let before = match record {
        None => before,
        // The file was not changed by anything else since.
        Some(record) if record.after.is_some() && record.after == before => record.before,
        // The original is not known any more, so undo removes only what init added.
        Some(_) => {
            return Record {
                added,
                ..Record::default()
            };
        }
    };
    Record {
        added,
        before,
        after: edited.text.clone(),
    }
}

fn undo(agent: Agent, text: Option<&str>, record: Option<&Record>) -> Result<Edited, String> {
    let unchanged = |text| Edited {
        text,
        ..Edited::default()
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

/// The path of this program, as far as the system says it.
fn program() -> String {
    let path = std::env::current_exe().ok();
    let path = path.and_then(|path| path.into_os_string().into_string().ok());
    path.unwrap_or_else(|| "forgecast".to_owned())
}

/// The address of the running server that watches the same transcripts, else the address by the configuration.
fn address(context: &Context, config: &Config) -> Result<String> {
    if let Some(running) = session_client::watching(context, config) {
        return Ok(running.url);
    }
    if config.port == 0 {
        bail!(
            "port is 0, so the server's address is not known before it starts; start it, or pass its address with --url"
        );
    }
    Ok(ServerUrls::of((config.host, config.port).into(), config).for_commands())
}
