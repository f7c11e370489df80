//! The description as a judge of answers. Stricter than for clients: a field that it does not name is a complaint, too.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use forgecast_testkit::Answer;

pub(super) struct Contract {
    document: Value,
    /// The same, in which objects hold nothing but what is named.
    closed: Value,
}

impl Contract {
    pub(super) fn read() -> Self {
        let document: Value = serde_json::from_str(include_str!("../../../openapi.json")).unwrap();
        let mut closed = document["components"]["schemas"].clone();
        let joined = joined(&closed);
        for (name, schema) in closed.as_object_mut().unwrap() {
            close(schema, joined.contains(name.as_str()));
        }
        Self { document, closed }
    }

    /// Method and path of all that is described.
    pub(super) fn operations(&self) -> BTreeSet<(String, String)> {
        let paths = self.document["paths"].as_object().unwrap();
        let of_path = |(path, item): (&String, &Value)| {
            let methods = item.as_object().unwrap().keys();
            let pairs: Vec<_> = methods.map(|method| (method.to_uppercase(), path.clone())).collect();
            pairs
        };
        paths.iter().flat_map(of_path).collect()
    }

    pub(super) fn operation(&self, method: &str, path: &str) -> &Value {
        &self.document["paths"][path][method.to_lowercase()]
    }

    /// The parameters of the query by name, each with its schema.
    pub(super) fn query(&self, method: &str, path: &str) -> BTreeMap<String, Value> {
        let parameters = self.operation(method, path)["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let of_query = parameters.into_iter().filter(|one| one["in"] == "query");
        of_query
            .map(|one| (one["name"].as_str().unwrap().to_owned(), one["schema"].clone()))
            .collect()
    }

    /// A request for an operation: examples for what it needs, and these fields of the query instead of its own.
    pub(super) fn example(&self, method: &str, path: &str, query: &[(&str, &str)]) -> String {
        let mut asked = path.to_owned();
        let mut fields: Vec<String> = query.iter().map(|(name, word)| format!("{name}={word}")).collect();
        let parameters = self.operation(method, path)["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for one in parameters.iter().filter(|one| one["required"] == true) {
            let name = one["name"].as_str().unwrap();
            let schema = self.resolved(&one["schema"]);
            let word = match schema["examples"][0].as_str() {
                Some(example) => example.to_owned(),
                None => self
                    .words(schema)
                    .0
                    .into_iter()
                    .next()
                    .unwrap_or_else(|| "1".to_owned()),
            };
            if one["in"] == "path" {
                asked = asked.replace(&format!("{{{name}}}"), &word);
            } else if !query.iter().any(|(other, _)| *other == name) {
                fields.push(format!("{name}={word}"));
            }
        }
        if fields.is_empty() {
            asked
        } else {
            format!("{asked}?{}", fields.join("&"))
        }
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(name) => self.document.pointer(name.trim_start_matches('#')).unwrap(),
            None => schema,
        }
    }

    /// The words that a schema lists, and whether it takes others besides.
    pub(super) fn words(&self, schema: &Value) -> (BTreeSet<String>, bool) {
        let schema = self.resolved(schema);
        if let Some(word) = schema["const"].as_str() {
            return ([word.to_owned()].into(), false);
        }
        if let Some(words) = schema["enum"].as_array() {
            return (
                words.iter().map(|word| word.as_str().unwrap().to_owned()).collect(),
                false,
            );
        }
        if schema["type"] == "array" {
            return self.words(&schema["items"]);
        }
        let choices = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
        let Some(choices) = choices else {
            return (BTreeSet::new(), true);
        };
        let each = choices.iter().map(|choice| self.words(choice));
        each.fold((BTreeSet::new(), false), |(mut all, open), (words, more)| {
            all.extend(words);
            (all, open || more)
        })
    }

    /// Checks an answer; gives the path under which it is described.
    pub(super) fn check(&self, method: &str, asked: &str, answer: &Answer) -> String {
        if let Some(complaint) = self.complaint(method, asked, answer) {
            panic!(
                "{method} {asked}: {complaint}\n{}",
                String::from_utf8_lossy(&answer.body)
            );
        }
        self.described(method, asked).unwrap()
    }

    /// What is wrong with an answer, if something is.
    pub(super) fn complaint(&self, method: &str, asked: &str, answer: &Answer) -> Option<String> {
        let Some(path) = self.described(method, asked) else {
            return Some("is not described".to_owned());
        };
        let status = answer.status.to_string();
        let mut described = &self.operation(method, &path)["responses"][&status];
        if let Some(shared) = described["$ref"].as_str() {
            described = self.document.pointer(shared.trim_start_matches('#')).unwrap();
        }
        if described.is_null() {
            return Some(format!("the status {status} is not described"));
        }
        let content = described["content"].as_object();
        if answer.body.is_empty() {
            let needs = content.is_some_and(|content| !content.contains_key("application/x-protobuf"));
            return needs.then(|| format!("{status} has no body"));
        }
        let kind = answer.header("content-type");
        let Some(media) = content.and_then(|content| content.get(kind)) else {
            return Some(format!("the type {kind:?} of {status} is not described"));
        };
        if !kind.ends_with("json") {
            return None;
        }
        let schema = json!({
            "$ref": media["schema"]["$ref"],
            "components": { "schemas": self.closed },
        });
        let schema = if media["schema"]["$ref"].is_string() {
            schema
        } else {
            media["schema"].clone()
        };
        let judge = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        let complaints: Vec<String> = judge
            .iter_errors(&answer.json())
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        (!complaints.is_empty()).then(|| complaints.join("\n"))
    }

    /// The path of the description that the path of a request fits; one without parameters first.
    fn described(&self, method: &str, asked: &str) -> Option<String> {
        let asked = asked.split('?').next().unwrap();
        let mut fitting: Vec<String> = self
            .operations()
            .into_iter()
            .filter(|(of, path)| of == method && fits(path, asked))
            .map(|(_, path)| path)
            .collect();
        fitting.sort_by_key(|path| path.matches('{').count());
        fitting.into_iter().next()
    }
}

fn fits(path: &str, asked: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let given: Vec<&str> = asked.split('/').collect();
    let same = parts
        .iter()
        .zip(&given)
        .all(|(part, given)| part == given || part.starts_with('{'));
    same && (parts.len() == given.len() || (path.ends_with("/{name}") && given.len() > parts.len()))
}

/// Schemas that are a part of others, beside further fields: closed alone, they would refuse those.
fn joined(schemas: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    look(schemas, &mut found);
    found
}

fn look(schema: &Value, found: &mut BTreeSet<String>) {
    if let (Some(name), true) = (schema["$ref"].as_str(), schema.get("properties").is_some()) {
        found.insert(name.rsplit('/').next().unwrap().to_owned());
    }
    match schema {
        Value::Object(map) => map.values().for_each(|value| look(value, found)),
        Value::Array(list) => list.iter().for_each(|value| look(value, found)),
        _ => {}
    }
}

fn close(schema: &mut Value, open: bool) {
    let Value::Object(map) = schema else {
        return;
    };
    for (key, value) in map.iter_mut() {
        match (key.as_str(), value) {
            ("properties" | "patternProperties", Value::Object(fields)) => {
                fields.values_mut().for_each(|field| close(field, false));
            }
            ("oneOf" | "anyOf" | "allOf" | "prefixItems", Value::Array(list)) => {
                list.iter_mut().for_each(|one| close(one, open));
            }
            ("items" | "additionalProperties", inner) => close(inner, false),
            _ => {}
        }
    }
    if map.contains_key("properties") && !map.contains_key("additionalProperties") && !open {
        map.insert("unevaluatedProperties".to_owned(), false.into());
    }
}
