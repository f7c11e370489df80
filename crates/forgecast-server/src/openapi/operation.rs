//! One route as the description tells it. What holds for all of a kind (who may, what the guard refuses) is not said here
//! but worked out from the route itself.

use std::collections::BTreeMap;

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The media type of errors.
const PROBLEM: &str = "application/problem+json";

/// What an operation is about; the description is ordered by these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tag {
    Sessions,
    Live,
    Reports,
    Facts,
    Access,
    Server,
    Origin,
}

impl Tag {
    /// All of them with what they are about, in the order in which they are shown.
    pub(super) const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::Sessions, "Sessions", "What builds do and did."),
        (
            Self::Live,
            "Live",
            "Changes as they happen, over WebSocket and as server-sent events.",
        ),
        (Self::Reports, "Reports", "Tokens and money over all sessions."),
        (
            Self::Facts,
            "Facts",
            "What producers send. Answered when it is on disk; the same id twice counts once.",
        ),
        (Self::Access, "Access", "Signing in and out in a browser."),
        (Self::Server, "Server", "How the server itself is."),
        (
            Self::Origin,
            "Origin",
            "The API of the server that Forgecast takes over from, on its paths and with its fields. Here, and only here, \
             what is unknown is null or 0.",
        ),
    ];

    /// The word for it.
    pub(super) fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(tag, ..)| *tag == self)
            .map_or("", |(_, name, _)| name)
    }
}

/// See the module.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) tag: Tag,
    id: &'static str,
    summary: &'static str,
    about: Option<&'static str>,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Value>,
    pub(super) problems: Vec<u16>,
    extra: Map<String, Value>,
}

impl Operation {
    pub(super) fn new(
        method: &'static str,
        path: &'static str,
        tag: Tag,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            method,
            path,
            tag,
            id,
            summary,
            about: None,
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            problems: Vec::new(),
            extra: Map::new(),
        }
    }

    pub(super) fn about(mut self, text: &'static str) -> Self {
        self.about = Some(text);
        self
    }

    /// A part of the path.
    pub(super) fn part(self, name: &str, words: &str, schema: Value) -> Self {
        self.required(parameter("path", name, words, schema))
    }

    /// A field of the query.
    pub(super) fn query(mut self, name: &str, words: &str, schema: Value) -> Self {
        self.parameters.push(parameter("query", name, words, schema));
        self
    }

    /// A field of the query that cannot be left out.
    pub(super) fn required_query(self, name: &str, words: &str, schema: Value) -> Self {
        self.required(parameter("query", name, words, schema))
    }

    fn required(mut self, mut parameter: Value) -> Self {
        parameter["required"] = true.into();
        self.parameters.push(parameter);
        self
    }

    /// A field of the query that is a list, its items separated by commas.
    pub(super) fn list_query(mut self, name: &str, words: &str, items: Value) -> Self {
        let mut parameter = parameter("query", name, words, json!({ "type": "array", "items": items }));
        parameter["style"] = "form".into();
        parameter["explode"] = false.into();
        self.parameters.push(parameter);
        self
    }

    /// A header.
    pub(super) fn header(mut self, name: &str, words: &str, schema: Value) -> Self {
        self.parameters.push(parameter("header", name, words, schema));
        self
    }

    /// A body in each of these media types.
    pub(super) fn body(mut self, words: &str, kinds: &[(&str, Value)]) -> Self {
        self.body = Some(json!({ "description": words, "required": true, "content": content(kinds) }));
        self
    }

    /// A JSON body.
    pub(super) fn json_body(self, words: &str, schema: Value, example: Value) -> Self {
        let mut operation = self.body(words, &[("application/json", schema)]);
        if let Some(body) = &mut operation.body {
            body["content"]["application/json"]["example"] = example;
        }
        operation
    }

    /// An answer in each of these media types; without one it has no body.
    pub(super) fn answer(mut self, status: u16, words: &str, kinds: &[(&str, Value)]) -> Self {
        let mut answer = json!({ "description": words });
        if !kinds.is_empty() {
            answer["content"] = content(kinds);
        }
        self.answers.insert(status, answer);
        self
    }

    /// A JSON answer.
    pub(super) fn json(self, status: u16, words: &str, schema: Value) -> Self {
        self.answer(status, words, &[("application/json", schema)])
    }

    /// A JSON answer with a tag, and 304 for who has it already.
    pub(super) fn with_etag(self, words: &str, schema: Value) -> Self {
        let mut operation = self
            .header(
                "If-None-Match",
                "The `ETag` of what is here already.",
                json!({ "type": "string" }),
            )
            .json(200, words, schema)
            .answer(304, "Nothing changed.", &[]);
        let tag = json!({ "ETag": { "description": "Names this very content.", "schema": { "type": "string" } } });
        for status in [200, 304] {
            if let Some(answer) = operation.answers.get_mut(&status) {
                answer["headers"] = tag.clone();
            }
        }
        operation
    }

    /// Further errors, as problem+json.
    pub(super) fn problems(mut self, statuses: &[u16]) -> Self {
        self.problems.extend(statuses);
        self
    }

    /// A field of this description that OpenAPI does not know, `x-…`.
    pub(super) fn extra(mut self, name: &str, value: Value) -> Self {
        self.extra.insert(name.to_owned(), value);
        self
    }

    /// Whether this status is answered in another form than a problem.
    pub(super) fn says(&self, status: u16) -> bool {
        self.answers.contains_key(&status)
    }

    /// As OpenAPI writes it; `security` and the words about it come from the route.
    pub(super) fn written(self, security: Value, access: &str) -> Value {
        let mut written = json!({
            "operationId": self.id,
            "summary": self.summary,
            "tags": [self.tag.name()],
            "security": security,
            "x-access": access,
        });
        if let Some(about) = self.about {
            written["description"] = about.into();
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
        for status in self.problems {
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

fn parameter(place: &str, name: &str, words: &str, schema: Value) -> Value {
    json!({ "name": name, "in": place, "description": words, "schema": schema })
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

/// The errors that several operations share: their statuses and what they mean.
pub(super) fn shared_problems(problem: &Value) -> Value {
    let all: [(u16, &str, bool); 14] = [
        (
            400,
            "The path, the query or the body does not have the form it must have.",
            false,
        ),
        (
            401,
            "Not signed in: there is no token, or one that is not known.",
            false,
        ),
        (
            403,
            "Signed in, but not allowed; or the request comes from a page of another origin.",
            false,
        ),
        (404, "There is no such session, revision, file or page.", false),
        (408, "The body came too slowly.", false),
        (413, "The body is longer than is read.", false),
        (
            415,
            "The body is of another media type, or packed in a way that is not unpacked here.",
            false,
        ),
        (421, "The `Host` names another server.", false),
        (422, "The body could be read, and nothing of it could be taken.", false),
        (429, "Too many viewers, or too many tokens that are not known.", true),
        (
            500,
            "It could not be answered; the cause is in the server's log under the request id.",
            false,
        ),
        (
            503,
            "The store is behind, locked or read-only, or too many requests are being read.",
            true,
        ),
        (507, "The disk or the database is full.", true),
        (431, "The headers are longer than are read; without a body.", false),
    ];
    let told = all.iter().map(|(status, words, later)| {
        let mut answer = json!({ "description": words, "content": { PROBLEM: { "schema": problem } } });
        if *status == 431 {
            answer = json!({ "description": words });
        }
        if *later {
            answer["headers"] = json!({ "Retry-After": {
                "description": "Seconds after which it is worth to try again.",
                "schema": { "type": "integer", "minimum": 1 },
            } });
        }
        if *status == 401 {
            answer["headers"] = json!({ "WWW-Authenticate": {
                "description": "`Bearer`.", "schema": { "type": "string" },
            } });
        }
        (status.to_string(), answer)
    });
    Value::Object(told.collect())
}

/// The schemas of types, each under its own name.
pub(super) struct Schemas {
    generator: SchemaGenerator,
    added: Map<String, Value>,
}

impl Schemas {
    pub(super) fn new(generator: SchemaGenerator) -> Self {
        let added = Map::new();
        Self { generator, added }
    }

    /// A schema that was made elsewhere, under a name; gives the reference to it.
    pub(super) fn add(&mut self, name: &str, schema: Value) -> Value {
        self.added.insert(name.to_owned(), schema);
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// The schema of a type, by reference.
    pub(super) fn of<T: JsonSchema>(&mut self) -> Value {
        self.generator.subschema_for::<T>().to_value()
    }

    /// All that were asked for, and what they need.
    pub(super) fn all(mut self) -> Map<String, Value> {
        let mut all = self.generator.take_definitions(true);
        all.extend(self.added);
        all
    }
}
