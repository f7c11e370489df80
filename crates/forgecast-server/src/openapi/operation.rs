//! One operation as OpenAPI writes it, and the schemas that all of them share.

use std::collections::BTreeMap;

use forgecast_protocol::ErrorBody;
use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::schema::{absent_is_not_null, for_readers};
use crate::Route;

/// The media type of answers.
pub(super) const JSON: &str = "application/json";
/// The media type of errors.
pub(super) const PROBLEM: &str = "application/problem+json";

/// What is known of one operation: its route, and what the handler's signature adds.
#[derive(Debug)]
pub struct Operation {
    pub(super) path: &'static str,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Value>,
    extra: Map<String, Value>,
}

impl Operation {
    pub(super) fn new(path: &'static str) -> Self {
        Self {
            path,
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            extra: Map::new(),
        }
    }

    /// Each field of `T` is a parameter.
    pub(super) fn parameters<T: JsonSchema>(&mut self, place: &str, schemas: &mut Schemas) {
        let mut fields = schemas.taken::<T>();
        let required: Vec<Value> = fields["required"].as_array().cloned().unwrap_or_default();
        let Value::Object(fields) = fields["properties"].take() else {
            return;
        };
        for (name, mut schema) in fields {
            let mut words = Value::Null;
            if let Value::Object(schema) = &mut schema {
                words = schema.remove("description").unwrap_or_default();
                // Left out, it is left out: that is no value.
                schema.retain(|key, value| key != "default" || !(value.is_null() || *value == json!([])));
                let most = schema.get("format").and_then(|format| most(format.as_str()?));
                schema.extend(most.map(|most| ("maximum".to_owned(), most)));
            }
            let is_list = schema["type"] == "array";
            let parameter = self.parameter(place, &name, words.as_str().unwrap_or_default(), schema);
            if required.iter().any(|one| *one == name) {
                parameter["required"] = true.into();
            }
            if is_list {
                parameter["style"] = "form".into();
                parameter["explode"] = false.into();
            }
        }
    }

    /// One parameter.
    pub(super) fn parameter(&mut self, place: &str, name: &str, words: &str, schema: Value) -> &mut Value {
        let parameter = json!({ "name": name, "in": place, "description": words, "schema": schema });
        self.parameters.push(parameter);
        let last = self.parameters.len() - 1;
        &mut self.parameters[last]
    }

    /// A body in each of these media types.
    pub(super) fn body(&mut self, words: &str, kinds: &[(&str, Value)]) {
        self.body = Some(json!({ "description": words, "required": true, "content": content(kinds) }));
    }

    /// An answer in each of these media types; without one it has no body.
    pub(super) fn answer(&mut self, status: u16, words: &str, kinds: &[(&str, Value)]) {
        let mut answer = json!({ "description": words });
        if !kinds.is_empty() {
            answer["content"] = content(kinds);
        }
        self.answers.insert(status, answer);
    }

    /// An answer that is a `T`.
    pub fn json<T: JsonSchema>(&mut self, status: u16, schemas: &mut Schemas) {
        self.answer(status, &schemas.words::<T>(), &[(JSON, schemas.of::<T>())]);
    }

    /// An answer that is a `T`, or a problem when the server refuses the request before its handler.
    pub fn refused<T: JsonSchema>(&mut self, status: u16, words: &str, schemas: &mut Schemas) {
        self.answer(
            status,
            words,
            &[(JSON, schemas.of::<T>()), (PROBLEM, schemas.problem())],
        );
    }

    /// A WebSocket on which messages of these schemas are sent.
    pub fn socket(&mut self, messages: Value) {
        self.answer(101, "The socket is open.", &[]);
        self.extra("x-websocket", messages);
    }

    /// An answer that is text.
    pub(super) fn text(&mut self, status: u16, words: &str, kind: &str) {
        self.answer(status, words, &[(kind, json!({ "type": "string" }))]);
    }

    /// A header of an answer.
    pub(super) fn header(&mut self, status: u16, name: &str, words: &str) {
        if let Some(answer) = self.answers.get_mut(&status) {
            answer["headers"][name] = json!({ "description": words, "schema": { "type": "string" } });
        }
    }

    /// A field of this description that OpenAPI does not know, `x-…`.
    pub(super) fn extra(&mut self, name: &str, value: Value) {
        self.extra.insert(name.to_owned(), value);
    }

    /// As OpenAPI writes it, with what can go wrong unless the operation itself says how that is answered.
    pub(super) fn written(self, route: &Route, problems: &[u16]) -> Value {
        let mut written = json!({
            "operationId": route.id,
            "summary": route.summary,
            "tags": [route.section],
        });
        if !route.about.is_empty() {
            written["description"] = route.about.into();
        }
        if !self.parameters.is_empty() {
            written["parameters"] = self.parameters.into();
        }
        if let Some(body) = self.body {
            written["requestBody"] = body;
        }
        let mut answers: BTreeMap<String, Value> = self
            .answers
            .into_iter()
            .map(|(status, answer)| (status.to_string(), answer))
            .collect();
        for status in problems {
            let shared = json!({ "$ref": format!("#/components/responses/{status}") });
            answers.entry(status.to_string()).or_insert(shared);
        }
        written["responses"] = json!(answers);
        for (name, value) in self.extra {
            written[name] = value;
        }
        written
    }
}

/// The largest number of a format, where tools would try larger ones.
fn most(format: &str) -> Option<Value> {
    match format {
        "uint32" => Some(u32::MAX.into()),
        "uint64" => Some(u64::MAX.into()),
        "int64" => Some(i64::MAX.into()),
        _ => None,
    }
}

fn content(kinds: &[(&str, Value)]) -> Value {
    let kinds = kinds.iter().map(|(kind, schema)| {
        let described = match schema {
            Value::Null => json!({}),
            schema => json!({ "schema": schema }),
        };
        ((*kind).to_owned(), described)
    });
    Value::Object(kinds.collect())
}

/// The schemas of types, each under its own name.
#[derive(Debug)]
pub struct Schemas {
    /// As they are written: what is always there is required.
    written: SchemaGenerator,
    /// As they are read: what has a default may be left out.
    read: SchemaGenerator,
    added: Map<String, Value>,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = |contract: Contract| {
            let mut settings = SchemaSettings::draft2020_12();
            settings.contract = contract;
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            settings
        };
        Self {
            written: settings(Contract::Serialize).into_generator(),
            read: settings(Contract::Deserialize).into_generator(),
            added: Map::new(),
        }
    }

    /// The schema of a type as it is written, by reference.
    pub fn of<T: JsonSchema>(&mut self) -> Value {
        self.written.subschema_for::<T>().to_value()
    }

    /// The schema of a type as it is read, by reference.
    pub(super) fn read<T: JsonSchema>(&mut self) -> Value {
        self.read.subschema_for::<T>().to_value()
    }

    /// The schema of a problem, by reference.
    pub(super) fn problem(&mut self) -> Value {
        self.of::<ErrorBody>()
    }

    /// What a type says of itself.
    pub(super) fn words<T: JsonSchema>(&mut self) -> String {
        let mut schema = T::json_schema(&mut self.written).to_value();
        for_readers(&mut schema);
        schema["description"].as_str().unwrap_or("Any object.").to_owned()
    }

    /// The schema of a type as it is read, itself and not a reference.
    fn taken<T: JsonSchema>(&mut self) -> Value {
        let mut schema = T::json_schema(&mut self.read).to_value();
        absent_is_not_null(&mut schema);
        for_readers(&mut schema);
        schema
    }

    /// The schema of a type that is read strictly: a whole of its own, under its name.
    pub(super) fn strictly<T: JsonSchema>(&mut self) -> Value {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        });
        let schema = settings.into_generator().into_root_schema_for::<T>();
        let name = T::schema_name();
        self.added.insert(name.clone().into_owned(), schema.to_value());
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// All that were asked for, and what they need. A type that is written and read is the same both ways.
    pub(super) fn all(mut self) -> Map<String, Value> {
        let mut all = self.read.take_definitions(true);
        all.extend(self.written.take_definitions(true));
        all.extend(self.added);
        for schema in all.values_mut() {
            absent_is_not_null(schema);
            for_readers(schema);
        }
        all
    }
}
