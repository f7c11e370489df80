//! Compares `openapi.json` with the document of the last release: a client that was written for that release must go on
//! working, unless the changelog says under "Breaking" that it will not.

mod schema;
#[cfg(test)]
mod tests;

use std::fs;

use serde_json::Value;

use crate::{Result, generate, tool};
use schema::{Direction, Schemas};

/// The document of the last release; `cargo xtask api renew` replaces it when a release is made.
const BASELINE: &str = "docs/api/openapi-baseline.json";
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// Something that a client of the last release relied on and that is no longer so.
#[derive(Debug, PartialEq, Eq)]
struct Break {
    /// Method and path, `GET /api/v1/sessions`.
    operation: String,
    /// The parameter, status or field; empty when the whole operation is meant.
    name: String,
    /// What changed, for people.
    change: String,
}

/// `api` compares; `api renew` makes the current document the baseline.
pub(crate) fn run(arguments: &[String]) -> Result {
    match arguments {
        [] => compare(),
        [word] if word == "renew" => {
            fs::write(tool::root().join(BASELINE), read(generate::API)?)
                .map_err(|error| format!("cannot write {BASELINE}: {error}"))?;
            println!("api: {BASELINE} is {} now", generate::API);
            Ok(())
        }
        _ => Err("api takes nothing but `renew`".to_owned()),
    }
}

fn compare() -> Result {
    let document =
        |path| serde_json::from_str(&read(path)?).map_err(|error| format!("{path} is not valid JSON: {error}"));
    let breaks = breaks(&document(BASELINE)?, &document(generate::API)?);
    let changelog = read("CHANGELOG.md")?;
    let (announced, silent): (Vec<_>, Vec<_>) = breaks.iter().partition(|found| is_announced(found, &changelog));
    if silent.is_empty() {
        println!("api: {} announced breaking changes, no others", announced.len());
        return Ok(());
    }
    let lines: Vec<_> = silent.iter().map(|found| describe(found)).collect();
    Err(format!(
        "clients of the last release would break:\n  {}\nUndo the change, or list it in CHANGELOG.md under \
         \"Unreleased\" in a section \"### Breaking\", with the operation and the name in backquotes.",
        lines.join("\n  ")
    ))
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(tool::root().join(path)).map_err(|error| format!("cannot read {path}: {error}"))
}

fn describe(found: &Break) -> String {
    let Break {
        operation,
        name,
        change,
    } = found;
    if name.is_empty() {
        format!("`{operation}`: {change}")
    } else {
        format!("`{operation}`: `{name}`: {change}")
    }
}

/// Whether a line of the section "Breaking" of the unreleased changes names the operation and the part of it.
fn is_announced(found: &Break, changelog: &str) -> bool {
    let unreleased = changelog.split("\n## ").find(|part| part.starts_with("Unreleased"));
    let breaking = unreleased.and_then(|part| {
        let mut sections = part.split("\n### ");
        sections.find_map(|section| section.strip_prefix("Breaking\n"))
    });
    let names = |entry: &str, word: &str| entry.contains(&format!("`{word}`"));
    breaking.is_some_and(|section| {
        section.split("\n- ").any(|entry| {
            let entry = entry.trim_start_matches("- ");
            names(entry, &found.operation) && (found.name.is_empty() || names(entry, &found.name))
        })
    })
}

/// Every breaking change between two documents, in the order of the old one.
fn breaks(old: &Value, new: &Value) -> Vec<Break> {
    let mut schemas = Schemas::new(old, new);
    let mut breaks = Vec::new();
    for (path, old_item) in members(&old["paths"]) {
        let new_item = &new["paths"][path.as_str()];
        for method in METHODS {
            let Some(old_operation) = old_item.get(method) else {
                continue;
            };
            let mut found: Vec<(String, String)> = Vec::new();
            match new_item.get(method) {
                Some(new_operation) => {
                    let old = Operation::new(old, old_item, old_operation);
                    let new = Operation::new(new, new_item, new_operation);
                    parameters(&old, &new, &mut schemas, &mut found);
                    request_body(&old, &new, &mut schemas, &mut found);
                    responses(&old, &new, &mut schemas, &mut found);
                }
                None => found.push((String::new(), "removed".to_owned())),
            }
            breaks.extend(found.into_iter().map(|(name, change)| Break {
                operation: format!("{} {path}", method.to_uppercase()),
                name,
                change,
            }));
        }
    }
    breaks
}

/// One operation and what its references point into.
struct Operation<'a> {
    document: &'a Value,
    path: &'a Value,
    operation: &'a Value,
}

impl<'a> Operation<'a> {
    fn new(document: &'a Value, path: &'a Value, operation: &'a Value) -> Self {
        Self {
            document,
            path,
            operation,
        }
    }

    /// Its own parameters and those of its path.
    fn parameters(&self) -> impl Iterator<Item = &'a Value> {
        let lists = [&self.operation["parameters"], &self.path["parameters"]];
        let document = self.document;
        lists
            .into_iter()
            .filter_map(Value::as_array)
            .flatten()
            .map(move |parameter| schema::resolve(document, parameter))
    }

    fn request_body(&self) -> &'a Value {
        schema::resolve(self.document, &self.operation["requestBody"])
    }

    /// The responses that report success, with their status.
    fn successes(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        members(&self.operation["responses"])
            .filter(|(status, _)| status.starts_with(['1', '2']))
            .map(|(status, response)| (status, schema::resolve(self.document, response)))
    }
}

type Found = Vec<(String, String)>;

fn parameters(old: &Operation<'_>, new: &Operation<'_>, schemas: &mut Schemas<'_>, found: &mut Found) {
    let same = |a: &Value, b: &Value| a["name"] == b["name"] && a["in"] == b["in"];
    let required = |parameter: &Value| parameter["required"] == true;
    let name = |parameter: &Value| parameter["name"].as_str().unwrap_or_default().to_owned();
    for parameter in old.parameters() {
        match new.parameters().find(|other| same(parameter, other)) {
            None => found.push((name(parameter), "parameter removed".to_owned())),
            Some(other) => {
                if required(other) && !required(parameter) {
                    found.push((name(parameter), "parameter is required now".to_owned()));
                }
                let at = name(parameter);
                schemas.compare(Direction::Request, &at, &parameter["schema"], &other["schema"], found);
            }
        }
    }
    for parameter in new.parameters().filter(|parameter| required(parameter)) {
        if !old.parameters().any(|other| same(parameter, other)) {
            found.push((name(parameter), "new required parameter".to_owned()));
        }
    }
}

fn request_body(old: &Operation<'_>, new: &Operation<'_>, schemas: &mut Schemas<'_>, found: &mut Found) {
    let (old, new) = (old.request_body(), new.request_body());
    if new["required"] == true && old["required"] != true {
        found.push(("body".to_owned(), "a request body is required now".to_owned()));
    }
    content("body", Direction::Request, old, new, schemas, found);
}

fn responses(old: &Operation<'_>, new: &Operation<'_>, schemas: &mut Schemas<'_>, found: &mut Found) {
    for (status, response) in old.successes() {
        match new.successes().find(|(other, _)| *other == status) {
            None => found.push((status.clone(), "response removed".to_owned())),
            Some((_, other)) => content("", Direction::Response, response, other, schemas, found),
        }
    }
}

/// Compares the bodies of a request or a response, by media type.
fn content(at: &str, direction: Direction, old: &Value, new: &Value, schemas: &mut Schemas<'_>, found: &mut Found) {
    for (kind, media) in members(&old["content"]) {
        match new["content"].get(kind) {
            None => found.push((kind.clone(), "media type removed".to_owned())),
            Some(other) => schemas.compare(direction, at, &media["schema"], &other["schema"], found),
        }
    }
}

/// The members of an object; none for anything else.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
