//! The hook by which Claude Code asks this server whether it may use a tool, and waits for the answer of a person. While it
//! waits, the agent's terminal asks as well; whoever answers first has answered.

use jsonc_parser::cst::{CstInputValue, CstObject};

use super::{our_hooks, parse, whole};
use crate::connect::{Edited, HOOKS};

/// The event.
const EVENT: &str = "PermissionRequest";
/// What stands behind the path of the hooks for the one that waits.
const WAITS: &str = "/permission";
/// How long it waits, seconds; the server answers a little earlier.
const TIMEOUT: u32 = 600;

/// Lets our hook for permissions wait for an answer.
///
/// # Errors
/// The text is not a JSON object; one line.
pub(crate) fn add(edited: Edited) -> Result<Edited, String> {
    let before = edited.text.as_deref().unwrap_or_default();
    let root = parse(before)?;
    let settings = root.object_value().ok_or("it is not a JSON object")?;
    let groups = settings
        .object_value("hooks")
        .and_then(|hooks| hooks.array_value(EVENT))
        .ok_or_else(|| format!("the hooks for {EVENT} are not a list"))?;
    for (hook, address) in our_hooks(&groups) {
        if !waits(&address) {
            set(&hook, "url", format!("{address}{WAITS}").into());
        }
        set(&hook, "timeout", TIMEOUT.into());
    }
    Ok(Edited {
        text: Some(whole(&root, before)),
        ..edited
    })
}

fn set(hook: &CstObject, name: &str, value: CstInputValue) {
    match hook.get(name) {
        Some(prop) => prop.set_value(value),
        None => _ = hook.append(name, value),
    }
}

/// Whether the hook at this address waits.
fn waits(address: &str) -> bool {
    address.ends_with(WAITS)
}

/// The address of the server of a hook of ours; `None` when it is none of ours.
pub(crate) fn server(address: &str) -> Option<&str> {
    address.strip_suffix(WAITS).unwrap_or(address).strip_suffix(HOOKS)
}

/// The address of a hook at another server, which waits if it did.
pub(super) fn moved(address: &str, to: &str) -> String {
    if waits(address) {
        return format!("{to}{WAITS}");
    }
    to.to_owned()
}
