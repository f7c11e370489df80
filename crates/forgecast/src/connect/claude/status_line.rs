//! The status line in Claude Code's settings. One of the user's own is not replaced: ours runs it and prints what it prints.
//! All that is needed to take ours away again stands in its command, so no record is.

use jsonc_parser::cst::{CstInputValue, CstObject};

use super::{parse, string, whole};
use crate::connect::Edited;

const NAME: &str = "statusLine";
/// The program and the command of it, and the option for a status line of the user's own.
const PROGRAM: &str = "forgecast";
const COMMAND: &str = "statusline";
const OWN: &str = "--command";

/// Makes ours the status line; `program` is the path of this program.
///
/// # Errors
/// The text is not a JSON object, or its status line is no command; one line.
pub(crate) fn add(edited: Edited, program: &str) -> Result<Edited, String> {
    let before = edited.text.as_deref().unwrap_or_default();
    let root = parse(before)?;
    let settings = root.object_value_or_create().ok_or("it is not a JSON object")?;
    let ours = format!("{} {COMMAND}", quoted(program));
    match command(&settings) {
        Some(current) if words(&current).is_some_and(|words| is_ours(&words)) => return Ok(edited),
        Some(current) => set(&settings, &format!("{ours} {OWN} {}", quoted(&current))),
        None if settings.get(NAME).is_some() => return Err(format!("its {NAME:?} is no command")),
        None => {
            let fields = [("type", "command"), ("command", &ours)];
            let fields = fields.map(|(name, value)| (name.to_owned(), value.into()));
            settings.append(NAME, CstInputValue::Object(fields.into()));
        }
    }
    Ok(Edited {
        text: Some(whole(&root, before)),
        ..edited
    })
}

/// Takes ours away, and puts the user's own back in its place.
pub(super) fn remove(settings: &CstObject) {
    let words = command(settings).and_then(|command| words(&command));
    let Some(words) = words.filter(|words| is_ours(words)) else {
        return;
    };
    let own = words.iter().skip_while(|word| *word != OWN).nth(1);
    match (own, settings.get(NAME)) {
        (Some(own), _) => set(settings, own),
        (None, Some(line)) => line.remove(),
        (None, None) => {}
    }
}

/// The command of the status line, if it is ours.
pub(super) fn ours(settings: &CstObject) -> Option<String> {
    command(settings).filter(|command| words(command).is_some_and(|words| is_ours(&words)))
}

fn command(settings: &CstObject) -> Option<String> {
    string(&settings.object_value(NAME)?.get("command")?.value())
}

fn set(settings: &CstObject, command: &str) {
    let line = settings.object_value(NAME);
    if let Some(prop) = line.and_then(|line| line.get("command")) {
        prop.set_value(command.into());
    }
}

fn is_ours(words: &[String]) -> bool {
    let program = words.first().and_then(|program| program.rsplit('/').next());
    program == Some(PROGRAM) && words.get(1).is_some_and(|word| word == COMMAND)
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The words of a command that is made of what [`quoted`] makes; none of any other one.
fn words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = command.trim();
    while !rest.is_empty() {
        let mut word = String::new();
        while !rest.is_empty() && !rest.starts_with(' ') {
            if let Some(quoted) = rest.strip_prefix('\'') {
                let (inside, after) = quoted.split_once('\'')?;
                word.push_str(inside);
                rest = after;
            } else if let Some(after) = rest.strip_prefix(r"\'") {
                word.push('\'');
                rest = after;
            } else {
                let end = rest.find([' ', '\'', '\\']).unwrap_or(rest.len());
                if end == 0 {
                    return None;
                }
                word.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
        words.push(word);
        rest = rest.trim_start();
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str) -> Edited {
        Edited {
            text: Some(text.to_owned()),
            ..Edited::default()
        }
    }

    fn added(text: &str) -> String {
        add(edited(text), "/opt/my tools/forgecast").unwrap().text.unwrap()
    }

    fn removed(text: &str) -> String {
        super::super::remove(text, None).unwrap().text.unwrap()
    }

    #[test]
    fn a_status_line_is_added_once_and_taken_away() {
        let text = "{\n  \"model\": \"opus\"\n}\n";
        let with = added(text);
        let json: serde_json::Value = serde_json::from_str(&with).unwrap();
        let line = serde_json::json!({"type": "command", "command": "'/opt/my tools/forgecast' statusline"});
        assert_eq!(json["statusLine"], line);
        assert_eq!(added(&with), with);
        assert_eq!(removed(&with), text);
    }

    #[test]
    fn the_users_own_runs_within_ours_and_is_put_back() {
        for own in [
            "~/.claude/line.sh",
            "echo 'it''s' \\\"me\\\" | tr a-z A-Z",
            "jq -r '.model.display_name'",
        ] {
            let text = format!(
                "{{\n  // mine\n  \"statusLine\": {{\"type\": \"command\", \"command\": \"{own}\", \"padding\": 0}}\n}}\n"
            );
            let with = added(&text);
            assert!(
                with.contains("statusline --command ") && with.contains("\"padding\": 0"),
                "{with}"
            );
            assert_eq!(added(&with), with);
            assert_eq!(removed(&with), text);
        }
    }

    #[test]
    fn what_is_not_ours_stays() {
        for command in [
            "forgecast-line statusline",
            "echo forgecast statusline",
            "my forgecast",
            "'broken",
        ] {
            let text = format!("{{\"statusLine\": {{\"type\": \"command\", \"command\": \"{command}\"}}}}");
            assert_eq!(removed(&text), text);
        }
        assert!(add(edited("{\"statusLine\": true}"), "forgecast").is_err());
    }

    #[test]
    fn words_that_were_quoted_are_read_back() {
        for word in ["a", "a b", "it's", "''", "a\\b", "$(x) `y` \"z\"", "ä\n"] {
            let command = format!("forgecast statusline --command {}", quoted(word));
            let read = words(&command).unwrap();
            assert_eq!(read, ["forgecast", "statusline", "--command", word]);
        }
        assert_eq!(words("a 'b"), None);
    }
}
