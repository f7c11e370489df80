//! The hooks in the `config.toml` of Codex, which runs a command for each: one group per event, known again by its command.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use super::super::Edited;
use super::parse;

/// The events with a hook. A version that does not know one passes over it.
pub(crate) const EVENTS: [&str; 10] = [
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PermissionRequest",
    "PostToolUse",
    "SubagentStart",
    "SubagentStop",
    "Interrupt",
    "Stop",
    "SessionEnd",
];
/// How the command of a hook of ours ends.
const COMMAND: &str = " hook codex";
/// The hooks' timeout in seconds; they take milliseconds.
const TIMEOUT: i64 = 5;

/// Adds hooks that run this program, unless the server is on another machine: the command finds one on its own.
///
/// # Errors
/// The text is not TOML, or `hooks` is not a table; one line.
pub(crate) fn add(mut edited: Edited, program: &str, url: &str) -> Result<Edited, String> {
    let here = ["//127.", "//localhost", "//[::1]"];
    if !here.iter().any(|host| url.contains(host)) {
        let note = format!("hooks are not added, because they report to a server on this machine, and {url} is none");
        edited.notes.push(note);
        return Ok(edited);
    }
    let mut document = parse(edited.text.as_deref().unwrap_or_default())?;
    let before = document.to_string();
    if !document.contains_key("hooks") {
        let mut hooks = Table::new();
        hooks.set_implicit(true);
        document.insert("hooks", Item::Table(hooks));
    }
    let hooks = document.get_mut("hooks").and_then(Item::as_table_mut);
    let hooks = hooks.ok_or("`hooks` is not a table of its own; write it as [hooks]")?;
    let command = format!("{}{COMMAND}", quoted(program));
    for event in EVENTS {
        let groups = hooks
            .entry(event)
            .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        let Some(groups) = groups.as_array_of_tables_mut() else {
            edited.notes.push(format!(
                "hooks.{event} is not written as [[hooks.{event}]], so it is not changed"
            ));
            continue;
        };
        if groups.iter().all(|group| !is_ours(group)) {
            groups.push(group_of(&command));
            continue;
        }
        let is_other = |group: &Table| is_ours(group) && command_of(group).as_deref() != Some(command.as_str());
        groups
            .iter_mut()
            .filter(|group| is_other(group))
            .for_each(|group| *group = group_of(&command));
    }
    let text = document.to_string();
    if text != before {
        let note = "Codex runs new hooks only when you have reviewed them: enter /hooks in Codex";
        edited.notes.push(note.to_owned());
    }
    edited.text = Some(text);
    Ok(edited)
}

/// Removes the hooks that are ours. Returns whether there were any.
pub(super) fn remove(document: &mut DocumentMut) -> bool {
    let Some(hooks) = document.get_mut("hooks").and_then(Item::as_table_mut) else {
        return false;
    };
    let mut has_any = false;
    let mut emptied = Vec::new();
    for (event, groups) in hooks.iter_mut() {
        let Some(groups) = groups.as_array_of_tables_mut() else {
            continue;
        };
        let before = groups.len();
        groups.retain(|group| !is_ours(group));
        has_any |= groups.len() < before;
        if groups.is_empty() && before > 0 {
            emptied.push(event.to_string());
        }
    }
    for event in emptied {
        hooks.remove(&event);
    }
    if has_any && hooks.is_empty() && hooks.is_implicit() {
        document.remove("hooks");
    }
    has_any
}

/// The hooks that are ours, each with its event.
pub(crate) fn of(text: &str) -> Vec<String> {
    let document = parse(text).unwrap_or_default();
    let hooks = document.get("hooks").and_then(Item::as_table);
    let groups = hooks
        .into_iter()
        .flatten()
        .filter_map(|(event, groups)| Some((event, groups.as_array_of_tables()?)));
    let each = groups.flat_map(|(event, groups)| {
        let ours = groups.iter().filter(|group| is_ours(group));
        ours.filter_map(move |group| Some(format!("{event} {}", command_of(group)?)))
    });
    each.collect()
}

fn group_of(command: &str) -> Table {
    let mut hook = InlineTable::new();
    hook.insert("type", "command".into());
    hook.insert("command", command.into());
    hook.insert("timeout", TIMEOUT.into());
    let mut group = Table::new();
    group.insert("hooks", Item::Value(Value::Array(Array::from_iter([hook]))));
    group
}

/// Whether a group holds a hook of ours and nothing else.
fn is_ours(group: &Table) -> bool {
    command_of(group).is_some_and(|command| command.contains("forgecast") && command.ends_with(COMMAND))
}

/// The command of a group with one hook.
fn command_of(group: &Table) -> Option<String> {
    let hooks = group.get("hooks")?.as_array().filter(|hooks| hooks.len() == 1)?;
    let command = hooks.get(0)?.as_inline_table()?.get("command")?;
    command.as_str().map(str::to_owned)
}

/// A path as a shell reads it.
fn quoted(path: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+".contains(letter);
    if path.chars().all(is_plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://127.0.0.1:8080";

    fn with(text: &str, program: &str) -> Edited {
        let edited = Edited {
            text: Some(text.to_owned()),
            ..Edited::default()
        };
        add(edited, program, URL).unwrap()
    }

    fn without(text: &str) -> String {
        let mut document = parse(text).unwrap();
        remove(&mut document);
        document.to_string()
    }

    #[test]
    fn hooks_are_added_once_beside_those_of_the_user_and_taken_out_again() {
        for text in [
            "",
            "model = \"gpt-5.5\" # mine\n",
            "[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = \"command\"\ncommand = \"say done\"\n\n[otel]\nenvironment = \"dev\"\n",
            "[hooks.state.\"a:b\"]\ntrusted_hash = \"sha256:0\"\n",
        ] {
            let first = with(text, "/opt/my tools/forgecast");
            let written = first.text.clone().unwrap();
            assert_eq!(of(&written).len(), EVENTS.len(), "{written}");
            assert!(written.contains("'/opt/my tools/forgecast' hook codex"), "{written}");
            assert_eq!(first.notes.len(), 1, "it is said that Codex asks");
            let again = with(&written, "/opt/my tools/forgecast");
            assert_eq!((again.text.as_deref(), again.notes.len()), (Some(written.as_str()), 0));
            let moved = with(&written, "/usr/bin/forgecast").text.unwrap();
            assert_eq!(of(&moved).len(), EVENTS.len());
            assert!(!moved.contains("my tools"));
            assert_eq!(without(&moved), text);
        }
    }

    #[test]
    fn a_server_elsewhere_and_odd_settings_are_left_alone() {
        let edited = add(Edited::default(), "forgecast", "https://builds.example").unwrap();
        assert_eq!((edited.text, edited.notes.len()), (None, 1));
        let odd = "hooks = 3\n";
        let edited = Edited {
            text: Some(odd.to_owned()),
            ..Edited::default()
        };
        assert!(add(edited, "forgecast", URL).is_err());
        let inline = with("[hooks]\nStop = []\n", "forgecast");
        assert_eq!(of(&inline.text.unwrap()).len(), EVENTS.len() - 1);
    }
}
