use serde_json::{Value, json};

use super::{Break, breaks, describe, is_announced};

/// A small API with everything that is compared.
fn document() -> Value {
    json!({
        "paths": {
            "/sessions": {
                "get": {
                    "parameters": [
                        { "name": "sort", "in": "query", "schema": { "enum": ["name", "cost"] } },
                        { "$ref": "#/components/parameters/limit" },
                    ],
                    "responses": { "200": { "$ref": "#/components/responses/list" }, "400": {} },
                },
                "post": {
                    "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Event" } } } },
                    "responses": { "204": {} },
                },
            },
        },
        "components": {
            "parameters": { "limit": { "name": "limit", "in": "query", "schema": { "type": "integer" } } },
            "responses": { "list": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/List" } } } } },
            "schemas": {
                "List": {
                    "type": "object",
                    "required": ["sessions"],
                    "properties": { "sessions": { "type": "array", "items": { "$ref": "#/components/schemas/Session" } } },
                },
                "Session": {
                    "type": "object",
                    "required": ["id", "status"],
                    "properties": {
                        "id": { "type": "string", "description": "Its id." },
                        "status": { "oneOf": [{ "const": "running" }, { "const": "failed" }] },
                        "cost": { "type": ["number", "null"] },
                        "children": { "type": "array", "items": { "$ref": "#/components/schemas/Session" } },
                    },
                },
                "Event": {
                    "oneOf": [
                        {
                            "type": "object",
                            "required": ["type", "phase"],
                            "properties": { "type": { "const": "phase" }, "phase": { "type": "string" }, "note": { "type": "string" } },
                        },
                        {
                            "type": "object",
                            "required": ["type"],
                            "properties": { "type": { "const": "log" }, "line": { "type": "string" } },
                        },
                    ],
                },
            },
        },
    })
}

/// What breaks when the value at `pointer` becomes `value`, or is removed when that is null.
fn after(pointer: &str, value: Value) -> Vec<String> {
    let old = document();
    let mut new = old.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    let parent = new.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(members), Value::Null) => drop(members.remove(&key).unwrap()),
        (Value::Array(items), Value::Null) => drop(items.remove(key.parse().unwrap())),
        (Value::Object(members), value) => drop(members.insert(key, value)),
        (Value::Array(items), value) => items.insert(key.parse().unwrap(), value),
        (parent, _) => panic!("{parent} has no members"),
    }
    breaks(&old, &new).iter().map(describe).collect()
}

const LIST: &str = "/paths/~1sessions/get";
const SESSION: &str = "/components/schemas/Session/properties";
const EVENT: &str = "/components/schemas/Event/oneOf";

fn assert_found(cases: &[(&str, Value, &str)]) {
    for (pointer, value, expected) in cases {
        let found = after(pointer, value.clone());
        assert!(found.iter().any(|line| line == expected), "{pointer}: {found:#?}");
    }
}

#[test]
fn operations_parameters_and_responses_that_break_clients_are_found() {
    assert_found(&[
        ("/paths/~1sessions", json!(null), "`GET /sessions`: removed"),
        ("/paths/~1sessions/post", json!(null), "`POST /sessions`: removed"),
        (
            &format!("{LIST}/parameters/0"),
            json!(null),
            "`GET /sessions`: `sort`: parameter removed",
        ),
        (
            &format!("{LIST}/parameters/0"),
            json!({ "name": "project", "in": "query", "required": true }),
            "`GET /sessions`: `project`: new required parameter",
        ),
        (
            "/components/parameters/limit/required",
            json!(true),
            "`GET /sessions`: `limit`: parameter is required now",
        ),
        (
            &format!("{LIST}/parameters/0/schema/enum/0"),
            json!(null),
            "`GET /sessions`: `sort`: no longer one of \"name\"",
        ),
        (
            "/components/parameters/limit/schema/type",
            json!("boolean"),
            "`GET /sessions`: `limit`: no longer accepts integer",
        ),
        (
            &format!("{LIST}/responses/200"),
            json!(null),
            "`GET /sessions`: `200`: response removed",
        ),
        (
            "/paths/~1sessions/post/requestBody/required",
            json!(true),
            "`POST /sessions`: `body`: a request body is required now",
        ),
    ]);
}

#[test]
fn fields_types_and_values_that_break_clients_are_found() {
    assert_found(&[
        (
            &format!("{SESSION}/cost"),
            json!(null),
            "`GET /sessions`: `sessions[].cost`: field removed",
        ),
        (
            &format!("{SESSION}/cost/type"),
            json!("string"),
            "`GET /sessions`: `sessions[].cost`: may be string now",
        ),
        (
            &format!("{SESSION}/id"),
            json!({}),
            "`GET /sessions`: `sessions[].id`: its type is no longer described",
        ),
        (
            &format!("{SESSION}/status/oneOf/0"),
            json!(null),
            "`GET /sessions`: `sessions[].status`: no longer one of \"running\"",
        ),
        (
            "/components/schemas/Session/required/0",
            json!(null),
            "`GET /sessions`: `sessions[].id`: field may be absent now",
        ),
        (
            &format!("{EVENT}/0/properties/note"),
            json!(null),
            "`POST /sessions`: `body.note`: field removed",
        ),
        (
            &format!("{EVENT}/1/required/0"),
            json!("line"),
            "`POST /sessions`: `body.line`: field is required now",
        ),
        (
            &format!("{EVENT}/1"),
            json!(null),
            "`POST /sessions`: `body`: no longer accepts object with type=log",
        ),
    ]);
}

#[test]
fn additions_and_other_ways_to_write_the_same_are_no_breaks() {
    let session = document()["components"]["schemas"]["Session"].clone();
    let cases = [
        ("/paths/~1more", json!({ "get": {} })),
        (
            &format!("{LIST}/parameters/0"),
            json!({ "name": "project", "in": "query" }),
        ),
        (&format!("{LIST}/parameters/0/schema/enum/0"), json!("started")),
        (&format!("{LIST}/responses/400"), json!(null)),
        (&format!("{SESSION}/id/description"), json!("Another text.")),
        (&format!("{SESSION}/title"), json!({ "type": "string" })),
        (
            &format!("{SESSION}/status"),
            json!({ "type": "string", "enum": ["failed", "running", "done"] }),
        ),
        (
            &format!("{SESSION}/cost"),
            json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }] }),
        ),
        ("/components/schemas/Session", json!({ "allOf": [session] })),
        ("/components/schemas/Session/required/0", json!("cost")),
        (
            &format!("{EVENT}/0"),
            json!({ "type": "object", "required": ["type"], "properties": { "type": { "const": "end" } } }),
        ),
    ];
    for (pointer, value) in cases {
        assert_eq!(after(pointer, value), [""; 0], "{pointer}");
    }
}

#[test]
fn a_break_is_announced_by_an_entry_of_the_unreleased_changes_that_names_it() {
    let found = Break {
        operation: "GET /sessions".to_owned(),
        name: "sessions[].cost".to_owned(),
        change: "field removed".to_owned(),
    };
    let changelog = |heading: &str, entry: &str, released: &str| {
        format!(
            "# Changelog\n\n## Unreleased\n\n### {heading}\n- Something.\n- {entry}\n\n## 0.1.0\n\n### Breaking\n- {released}\n"
        )
    };
    let entry = "`GET /sessions` has no\n  `sessions[].cost` any more.";
    assert!(is_announced(&found, &changelog("Breaking", entry, "")));
    assert!(!is_announced(&found, &changelog("Changed", entry, "")));
    assert!(!is_announced(
        &found,
        &changelog("Breaking", "`GET /sessions` lost a field.", "")
    ));
    assert!(!is_announced(&found, &changelog("Breaking", "", entry)));
}
