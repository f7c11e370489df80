//! The description of the whole API, made of the routes, a word about each, and the types that they take and give. It
//! fails when a route has no word or a word no route: what is described is what is there.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::operation::{Operation, Schemas, Tag, shared_problems};
use super::{inputs, reports, tables, tables_origin};
use crate::{Access, Route, routes};

/// Makes the description.
///
/// # Errors
/// The routes and what is said about them are not the same, said in words.
pub fn document(mounted: &[Route]) -> Result<Value, String> {
    let mut schemas = schemas();
    let problem = schemas.of::<forgecast_protocol::problem::ErrorBody>();
    let operations = [
        tables::sessions(&mut schemas),
        tables::live(&mut schemas),
        reports::reports(&mut schemas),
        reports::server(&mut schemas),
        inputs::facts(&mut schemas),
        inputs::access(&mut schemas),
        tables_origin::views(&mut schemas),
        tables_origin::numbers(&mut schemas),
        tables_origin::producers(&mut schemas),
    ];
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut undescribed: Vec<Route> = routes().table().iter().chain(mounted).cloned().collect();
    for mut operation in operations.into_iter().flatten() {
        let found = undescribed
            .iter()
            .position(|route| route.method == operation.method && route.path == operation.path);
        let Some(found) = found else {
            return Err(format!(
                "{} {} is described and no route",
                operation.method, operation.path
            ));
        };
        let route = undescribed.swap_remove(found);
        usual_problems(&mut operation, route.access);
        let (security, words) = security(route.access);
        let path = route.path.replace("{*", "{");
        let of_path = paths.entry(path).or_default();
        of_path.insert(route.method.to_ascii_lowercase(), operation.written(security, words));
    }
    if let Some(route) = undescribed.first() {
        return Err(format!(
            "{} {} is a route that is not described: say what it does in src/openapi",
            route.method, route.path
        ));
    }
    let tags: Vec<Value> = Tag::ALL
        .iter()
        .map(|(_, name, about)| json!({ "name": name, "description": about }))
        .collect();
    let mut schemas = schemas.all();
    for schema in schemas.values_mut() {
        absent_is_not_null(schema);
        for_readers(schema);
    }
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Forgecast",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Live view and history of builds by coding agents.",
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": ".", "description": "This server." }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": shared_problems(&problem),
            "securitySchemes": security_schemes(),
        },
    }))
}

const ABOUT: &str = "What is unknown is absent, never null; times are RFC 3339 in UTC with milliseconds; money is in US dollars \
    and says so (`_usd`). Errors are `application/problem+json` with a stable `type`. Fields may be added, none is removed or \
    retyped. A process of the same machine may watch and send without a token, unless the server was told to require one.";

fn schemas() -> Schemas {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    Schemas::new(settings.into_generator())
}

/// What can happen to any request of the kind, besides what its own description says.
fn usual_problems(operation: &mut Operation, access: Access) {
    let mut usual = vec![400, 403, 421, 431, 500, 503];
    if access != Access::Open {
        usual.extend([401, 429]);
    }
    if operation.method == "POST" {
        usual.extend([408, 413, 415]);
    }
    usual.retain(|status| !operation.says(*status));
    operation.problems.extend(usual);
}

/// Who may: the ways to say so, each with the roles that are enough; the empty one is a process of this machine.
fn security(access: Access) -> (Value, &'static str) {
    let (roles, local, words): (&[&str], bool, &'static str) = match access {
        Access::Open => return (json!([]), "open"),
        Access::Shared => (&["view", "admin", "guest"], true, "shared"),
        Access::View => (&["view", "admin"], true, "view"),
        Access::Ingest => (&["ingest", "admin"], true, "ingest"),
        Access::Admin => (&["admin"], false, "admin"),
    };
    let mut ways = vec![json!({ "bearer": roles }), json!({ "cookie": roles })];
    if local {
        ways.push(json!({}));
    }
    (ways.into(), words)
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "`Authorization: Bearer <token>`, for programs. A token is for watching (view), for sending facts \
                (ingest) or for everything (admin); `forgecast token` makes them. It is never taken from an address.",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": "forgecast",
            "description": "For browsers: what `POST /api/v1/login` gives for a token or for a share link's. The name ends with \
                the port where it is not the usual one.",
        },
    })
}

/// A field that may be left out is left out when it is unknown: what a derive calls null is not there.
fn absent_is_not_null(schema: &mut Value) {
    let required: Vec<Value> = schema["required"].as_array().cloned().unwrap_or_default();
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        for (name, field) in fields {
            if !required.iter().any(|one| one == name.as_str()) {
                without_null(field);
            }
        }
    }
    match schema {
        Value::Object(map) => map.values_mut().for_each(absent_is_not_null),
        Value::Array(list) => list.iter_mut().for_each(absent_is_not_null),
        _ => {}
    }
}

fn without_null(field: &mut Value) {
    if let Some(Value::Array(types)) = field.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            field["type"] = one.clone();
        }
    }
    let choices = field.get("anyOf").and_then(Value::as_array);
    let left: Option<Vec<Value>> = choices.map(|choices| {
        let real = choices.iter().filter(|one| one["type"] != "null");
        real.cloned().collect()
    });
    // One choice is none: it stands for itself, beside the words about the field.
    if let (Some(left), Some(map)) = (left, field.as_object_mut())
        && let [Value::Object(only)] = left.as_slice()
    {
        map.remove("anyOf");
        map.extend(only.clone());
    }
}

/// What is written for readers of the code is put into words for readers of the API: without links, on one line.
fn for_readers(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            // A field may be called `description`, too: then it is a schema.
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = without_links(text);
            }
            if map.get("description").is_some_and(|text| text == "") {
                map.remove("description");
            }
            if map.get("title").is_some_and(Value::is_string) {
                map.remove("title");
            }
            map.values_mut().for_each(for_readers);
        }
        Value::Array(list) => list.iter_mut().for_each(for_readers),
        _ => {}
    }
}

/// "See [`Fact::X`](super::Fact::X): …" says no more than its end; another link says its own name.
fn without_links(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.strip_prefix("See the module.").unwrap_or(&text).trim_start();
    let text = match text.strip_prefix("See [") {
        Some(link) => capital(behind(link).trim_start_matches([':', ';', '.', ' '])),
        None => text.to_owned(),
    };
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((name, _)) = link.split_once("`]") else {
            break;
        };
        plain.push_str(before);
        plain.push('`');
        plain.push_str(name.rsplit("::").next().unwrap_or(name));
        plain.push('`');
        rest = behind(link);
    }
    plain + rest
}

/// What follows a link, of which the beginning is gone.
fn behind(link: &str) -> &str {
    let rest = link.split_once(']').map_or("", |(_, rest)| rest);
    let target = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    target.map_or(rest, |(_, rest)| rest)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_the_code_become_words() {
        for (code, words) in [
            ("See [`Fact::X`](super::Fact::X).", ""),
            (
                "See [`Fact::X`](super::Fact::X): the files\nof a folder.",
                "The files of a folder.",
            ),
            ("See [`BEAT`].", ""),
            ("See the module. Times never go back.", "Times never go back."),
            ("A view, or an [`Index`].", "A view, or an `Index`."),
            ("Every [`update::BEAT`](x) seconds.", "Every `BEAT` seconds."),
            ("Plain `code` [a] stays.", "Plain `code` [a] stays."),
        ] {
            assert_eq!(without_links(code), words);
        }
    }
}
