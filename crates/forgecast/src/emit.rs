//! Builds the envelope that `emit` sends from the command line. It knows the kinds of facts and their fields, so that the
//! caller learns of a misspelled one. Reads no clock and no file.

mod kinds;
mod send;

use std::path::Path;

use forgecast_decode::clean::Cleaner;
use forgecast_decode::mask;
use forgecast_decode::push;
use forgecast_protocol::Timestamp;
use serde_json::{Map, Value};

use kinds::{FieldType, Kind};
pub(crate) use send::{Answer, Exchange, post, random_id};

/// Fields of the envelope itself, which have flags.
const FLAGS: [(&str, &str); 3] = [("session", "--session"), ("directory", "--dir"), ("id", "--id")];

/// The arguments of `emit`.
#[derive(Debug)]
pub(crate) struct FactArguments<'a> {
    pub(crate) kind: &'a str,
    /// `KEY=VALUE` pairs.
    pub(crate) fields: &'a [String],
    /// A JSON object with more fields.
    pub(crate) object: Option<&'a str>,
    pub(crate) session: Option<&'a str>,
    /// The folder given by `--dir`, absolute.
    pub(crate) folder: Option<&'a Path>,
    /// The current folder, for a fact without another.
    pub(crate) current_folder: &'a Path,
    pub(crate) id: &'a str,
}

/// The envelope as JSON.
///
/// # Errors
/// What is wrong and what is allowed, in one or a few lines.
pub(crate) fn envelope(arguments: &FactArguments<'_>, now: Timestamp) -> Result<String, String> {
    let kind = kinds::find(arguments.kind)?;
    let mut map = match arguments.object {
        Some(text) => object(text, kind)?,
        None => Map::new(),
    };
    for field in arguments.fields {
        let (key, value) = field
            .split_once('=')
            .ok_or_else(|| format!("{field:?} is not KEY=VALUE; {}", allowed(kind)))?;
        put(&mut map, kind, key, value)?;
    }
    map.insert("type".to_owned(), kind.word.into());
    map.entry("id").or_insert_with(|| arguments.id.into());
    map.entry("at").or_insert_with(|| now.to_string().into());
    if let Some(session) = arguments.session {
        map.insert("session".to_owned(), session.into());
    }
    if let Some(folder) = arguments.folder {
        map.insert("directory".to_owned(), text_of(folder)?.into());
    } else if !is_run(&map) && !map.contains_key("directory") {
        map.insert("directory".to_owned(), text_of(arguments.current_folder)?.into());
    }
    let text = Value::Object(map).to_string();
    check(&text, now)?;
    Ok(text)
}

/// Whether the session is given as one run, which needs no folder to be found.
fn is_run(map: &Map<String, Value>) -> bool {
    let session = map.get("session").and_then(Value::as_str);
    session.is_some_and(|session| session.contains('~'))
}

fn text_of(folder: &Path) -> Result<&str, String> {
    folder.to_str().ok_or_else(|| {
        format!(
            "the name of the folder {} is not UTF-8; name another with --dir",
            folder.display()
        )
    })
}

fn object(text: &str, kind: &Kind) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => match map.get("type") {
            Some(other) if other.as_str() != Some(kind.word) => {
                Err(format!("--json: its type is {other}, not {:?}", kind.word))
            }
            _ => Ok(map),
        },
        Ok(_) => Err("--json: not an object".to_owned()),
        Err(error) => Err(format!("--json: not JSON: {error}")),
    }
}

fn put(map: &mut Map<String, Value>, kind: &Kind, key: &str, text: &str) -> Result<(), String> {
    if let Some((_, flag)) = FLAGS.iter().find(|(name, _)| *name == key) {
        return Err(format!("{key} is not a field of the fact; use {flag}"));
    }
    if key == "at" {
        map.insert(key.to_owned(), text.into());
        return Ok(());
    }
    let form = kind
        .type_of(key)
        .ok_or_else(|| format!("{} has no field {key:?}; {}", kind.word, allowed(kind)))?;
    let value = form
        .value(text)
        .ok_or_else(|| format!("{key}={text}: expected {}", form.description()))?;
    match (key.split_once('.'), form) {
        // `links.demo=https://…` and `problem.message=…` are fields of an object.
        (Some((outer, inner)), _) if form != FieldType::Any => {
            let entry = map.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(object) = entry {
                object.insert(inner.to_owned(), value);
            }
        }
        _ => {
            map.insert(key.to_owned(), value);
        }
    }
    Ok(())
}

fn allowed(kind: &Kind) -> String {
    format!("its fields: {}", kind.names())
}

/// Decodes the envelope as the server will, so that the caller learns what the server would reject or drop.
fn check(text: &str, now: Timestamp) -> Result<(), String> {
    // Compiling the rules for secrets would take longer than everything else, and the server applies them.
    let cleaner = Cleaner::new(mask::Rules::none());
    let pushed = push::envelopes(text.as_bytes(), &cleaner, now).map_err(|error| error.to_string())?;
    if let Some(refused) = pushed.rejected.first() {
        return Err(refused.why.clone());
    }
    if let Some(bad) = pushed.bad_fields.first() {
        return Err(format!("{}: {}", bad.field, bad.why));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
