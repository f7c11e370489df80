//! `token`: creates, lists, revokes and rotates access tokens. They are stored as hashes beside the database, so no server is
//! needed, and a running one sees changes immediately. A token's text is printed once, when it is created.

use anyhow::{Context as _, Result, bail};
use forgecast_decode::clean::is_hidden;
use forgecast_protocol::Timestamp;
use forgecast_server::{Keys, Role, TokenInfo, TokenScope};
use serde_json::json;

use super::{Context, Flags};
use crate::access;
use crate::cli::{TokenArgs, TokenCommand};
use crate::config::key;
use crate::terminal;

/// Runs one of the `token` commands.
///
/// # Errors
/// There is no such token, the name is in use, or the file cannot be read or written.
pub(crate) fn run(context: &Context, args: &TokenArgs) -> Result<()> {
    let mut flags = Flags::default();
    flags.set_path(key!(db), args.db.as_deref());
    let db = context.configure(flags)?.db.clone();
    let keys = access::open(&db)?;
    let written = || format!("cannot change {}", access::path(&db).display());
    match &args.command {
        TokenCommand::New {
            role,
            name,
            project,
            numbers_only,
        } => {
            let name = name.as_deref().unwrap_or(role.as_ref());
            let scope = TokenScope {
                project: project.clone(),
                numbers_only: *numbers_only,
            };
            if scope.is_restricted() && *role != Role::View {
                bail!("--project and --numbers-only restrict what a token shows; leave --role {role} out");
            }
            if name.contains(is_hidden) {
                bail!("a name must consist of visible characters: {name:?}");
            }
            let made = keys
                .add_scoped_token(*role, scope, name)
                .map_err(|error| match error.kind() {
                    std::io::ErrorKind::AlreadyExists => anyhow::anyhow!("{error}; choose another with --name"),
                    _ => anyhow::Error::new(error).context(written()),
                })?;
            print_created(context, args.json, &[made])
        }
        TokenCommand::List => list(context, args.json, &keys.tokens()),
        TokenCommand::Revoke { token } => {
            match keys.revoke_token(token).with_context(written)? {
                Some(info) if args.json => terminal::print_json(&json!(info))?,
                Some(info) => terminal::print(&format!("revoked {} ({}, {})\n", info.name, info.role, info.id)),
                None => bail!("there is no token {token}; `forgecast token list` lists them"),
            }
            Ok(())
        }
        TokenCommand::Rotate { role } => {
            let roles = role.map_or_else(|| roles_in_use(&keys), |role| vec![role]);
            if roles.is_empty() {
                bail!("there is no token to rotate; `forgecast token new` creates one");
            }
            let made: Result<Vec<_>, _> = roles.into_iter().map(|role| keys.rotate(role)).collect();
            print_created(context, args.json, &made.with_context(written)?)
        }
    }
}

fn roles_in_use(keys: &Keys) -> Vec<Role> {
    let tokens = keys.tokens();
    let roles = [Role::View, Role::Ingest, Role::Approve, Role::Admin].into_iter();
    roles
        .filter(|role| tokens.iter().any(|token| token.role == *role))
        .collect()
}

fn list(context: &Context, as_json: bool, tokens: &[TokenInfo]) -> Result<()> {
    if as_json {
        terminal::print_json(&json!(tokens))?;
    } else if tokens.is_empty() {
        terminal::print("There are no tokens, so only this machine has access. `forgecast token new` creates one.\n");
    } else {
        let now = forgecast_ingest::system_clock().now();
        let style = context.style();
        terminal::print(&terminal::tokens(tokens, now, style));
    }
    Ok(())
}

fn print_created(context: &Context, as_json: bool, made: &[(TokenInfo, String)]) -> Result<()> {
    if as_json {
        let shown = made.iter().map(|(info, text)| {
            let mut shown = json!(info);
            shown["token"] = text.as_str().into();
            shown
        });
        match shown.collect::<Vec<_>>().as_slice() {
            [one] => terminal::print_json(one)?,
            several => terminal::print_json(&several)?,
        }
        return Ok(());
    }
    let style = context.style();
    for (info, text) in made {
        terminal::print(&format!("{}\n", style.bold(text)));
        let what = format!("  {}, {}: {}", info.name, info.role, description(info));
        terminal::print(&format!("{}\n", style.dim(&terminal::one_line(&what))));
    }
    let note = "  This token is shown only once; store it like a password.";
    terminal::print(&format!("{}\n", style.dim(note)));
    Ok(())
}

fn description(info: &TokenInfo) -> String {
    let what = match (&info.scope.numbers_only, info.role) {
        (true, _) => "numbers, no words",
        (false, Role::View) => "everything",
        (false, Role::Ingest) => return "can send facts and see nothing".to_owned(),
        (false, Role::Approve) => return "can see everything, and answer what agents ask to be allowed".to_owned(),
        (false, Role::Admin) => return "can do everything but answer for a person".to_owned(),
    };
    let of = info.scope.project.as_ref();
    let of = of.map_or_else(String::new, |project| format!(" of the project {project}"));
    format!("can see {what}{of} and change nothing")
}

/// A time as `2026-11-22 08:15 UTC`.
pub(super) fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    let minutes = text.get(..16).unwrap_or(&text);
    format!("{} UTC", minutes.replace('T', " "))
}
