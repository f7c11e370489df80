//! One value on its way from text to the type that its setting asks for; never wider than the setting allows.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use toml::Value;

use super::settings::{Kind, Setting};

/// Nobody has more.
const MOST_DOLLARS: i64 = 1_000_000_000;

/// What a relative path and `~` mean where a value was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) folder: &'a Path,
    pub(super) home: Option<&'a Path>,
}

/// Checks a value from a file or a flag against its setting; paths become absolute.
///
/// # Errors
/// A phrase that says what the setting holds.
pub(super) fn check(setting: &Setting, value: Value, from: Surroundings<'_>) -> Result<Value, String> {
    match (setting.kind, value) {
        (Kind::Integer { min, max }, Value::Integer(number)) if (min..=max).contains(&number) => {
            Ok(Value::Integer(number))
        }
        (Kind::Dollars, Value::Integer(number)) if (0..=MOST_DOLLARS).contains(&number) => {
            Ok(i32::try_from(number).map_or(Value::Integer(number), |number| Value::Float(number.into())))
        }
        (Kind::Dollars, Value::Float(number)) if (0.0..=1e9).contains(&number) => Ok(Value::Float(number)),
        (Kind::Switch, value @ Value::Boolean(_)) | (Kind::Text, value @ Value::String(_)) => Ok(value),
        (Kind::Word(words), Value::String(word)) if words.contains(&word.as_str()) => Ok(Value::String(word)),
        (Kind::Addresses, Value::Array(items)) if items.iter().all(is_address) => Ok(Value::Array(items)),
        (Kind::Texts, Value::Array(items)) if items.iter().all(Value::is_str) => Ok(Value::Array(items)),
        (Kind::Path, Value::String(path)) => {
            absolute(&path, from).map_err(|path| format!("{}, not {path:?}", form(Kind::Path)))
        }
        (Kind::Paths, Value::Array(items)) if items.iter().all(Value::is_str) => {
            let paths = items.iter().filter_map(Value::as_str).map(|path| absolute(path, from));
            let paths: Result<_, String> = paths.collect();
            paths
                .map(Value::Array)
                .map_err(|path| format!("{}, not {path:?}", form(Kind::Paths)))
        }
        (kind, _) => Err(form(kind)),
    }
}

/// Reads a variable's text as the setting's kind of value.
///
/// # Errors
/// A phrase that says what the setting holds.
pub(super) fn parse(setting: &Setting, text: &str, from: Surroundings<'_>) -> Result<Value, String> {
    let list = |separator| {
        let items = text.split(separator).filter(|item| !item.is_empty());
        Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
    };
    let value = match setting.kind {
        Kind::Integer { .. } => text
            .trim()
            .parse()
            .map(Value::Integer)
            .map_err(|_| form(setting.kind))?,
        Kind::Dollars => text.trim().parse().map(Value::Float).map_err(|_| form(setting.kind))?,
        Kind::Switch => match text {
            "1" | "true" | "yes" | "on" => Value::Boolean(true),
            "0" | "false" | "no" | "off" | "" => Value::Boolean(false),
            _ => return Err(form(setting.kind)),
        },
        Kind::Text | Kind::Word(_) | Kind::Path => Value::String(text.to_owned()),
        Kind::Texts | Kind::Addresses => list(','),
        Kind::Paths => list(':'),
    };
    check(setting, value, from)
}

/// Whether a path was not UTF-8 before it became a text.
pub(super) fn is_lossy(path: &str) -> bool {
    path.contains(char::REPLACEMENT_CHARACTER)
}

fn is_address(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok())
}

/// The path as one of this machine; the path itself as an error when it is not UTF-8.
fn absolute(path: &str, from: Surroundings<'_>) -> Result<Value, String> {
    let path = match (path.strip_prefix("~/"), from.home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ if path == "~" => from.home.map_or_else(|| PathBuf::from(path), Path::to_owned),
        _ => from.folder.join(path),
    };
    // `a/./b` and a trailing slash would make two names of one folder.
    let path: PathBuf = path.components().collect();
    let text = path.to_string_lossy().into_owned();
    // What is not UTF-8 has a replacement character in it, here or before, and would mean another folder.
    if is_lossy(&text) {
        Err(text)
    } else {
        Ok(Value::String(text))
    }
}

fn form(kind: Kind) -> String {
    match kind {
        Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Dollars => "an amount of US dollars".to_owned(),
        Kind::Switch => "true or false".to_owned(),
        Kind::Text => "a text".to_owned(),
        Kind::Word(words) => format!("one of {}", words.join(", ")),
        Kind::Texts => "a list of texts".to_owned(),
        Kind::Addresses => "a list of IP addresses".to_owned(),
        Kind::Path => "a path in UTF-8".to_owned(),
        Kind::Paths => "a list of paths in UTF-8".to_owned(),
    }
}

/// The one of `known` that is probably meant by `word`.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out or replaced (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
