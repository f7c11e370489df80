//! Compares two JSON schemas for what a client notices: fields, types, required fields and enum values. Descriptions,
//! formats and limits do not count, nor how a schema is written (a reference, a union, an enum of constants).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::members;

/// Who writes the value. Narrower types hurt whoever writes it, wider types whoever reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Direction {
    /// Clients write it.
    Request,
    /// Clients read it.
    Response,
}

/// Follows a `$ref` within its document; other values are returned as they are.
pub(super) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => document
            .pointer(pointer)
            .map_or(&Value::Null, |target| resolve(document, target)),
        None => value,
    }
}

/// The values that one JSON type may have.
#[derive(Clone, Debug, Default)]
struct Shape {
    /// Of a scalar: the only values, when they are listed.
    values: Option<BTreeSet<String>>,
    /// Of an object: each field with the schemas that it may meet.
    fields: BTreeMap<String, Vec<Value>>,
    /// Of an object: fields that are always there.
    required: BTreeSet<String>,
    /// Of an array: the schemas that an item may meet; of an object: those of fields without a name.
    items: Vec<Value>,
}

impl Shape {
    /// One of the two.
    fn or(mut self, other: Self) -> Self {
        self.values = match (self.values, other.values) {
            (Some(mut values), Some(others)) => {
                values.extend(others);
                Some(values)
            }
            _ => None,
        };
        self.required.retain(|name| other.required.contains(name));
        for (name, schemas) in other.fields {
            self.fields.entry(name).or_default().extend(schemas);
        }
        self.items.extend(other.items);
        self
    }

    /// Both at once, as `allOf` asks.
    fn and(mut self, other: Self) -> Self {
        self.values = match (self.values, other.values) {
            (Some(values), Some(others)) => Some(&values & &others),
            (values, others) => values.or(others),
        };
        self.required.extend(other.required);
        for (name, schemas) in other.fields {
            self.fields.insert(name, schemas);
        }
        self.items.extend(other.items);
        self
    }

    /// The constants among its fields, which tell one object of a union from the others: `type=phase_reported`.
    fn tag(&self) -> Option<String> {
        let constants: Vec<_> = self
            .fields
            .iter()
            .filter(|(name, _)| self.required.contains(*name))
            .filter_map(|(name, schemas)| match schemas.as_slice() {
                [schema] => {
                    let value = schema
                        .get("const")
                        .or_else(|| match schema["enum"].as_array()?.as_slice() {
                            [value] => Some(value),
                            _ => None,
                        });
                    Some(format!("{name}={}", value?.as_str()?))
                }
                _ => None,
            })
            .collect();
        (!constants.is_empty()).then(|| constants.join(", "))
    }
}

/// Any value at all.
const ANY: &str = "any";
const OBJECT: &str = "object";
const TYPES: [&str; 6] = [OBJECT, "array", "string", "number", "boolean", "null"];

/// The alternatives of a schema: a JSON type and its shape.
type Alternatives = Vec<(String, Shape)>;

/// Two documents, and which pairs of their schemas were compared.
pub(super) struct Schemas<'a> {
    old: &'a Value,
    new: &'a Value,
    seen: HashSet<(Direction, String, String)>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(old: &'a Value, new: &'a Value) -> Self {
        Self {
            old,
            new,
            seen: HashSet::new(),
        }
    }

    /// Adds what broke between two schemas to `found`, with the path of the field. Each pair of schemas is reported where
    /// it is met first, which also ends recursion.
    pub(super) fn compare(
        &mut self,
        direction: Direction,
        at: &str,
        old: &Value,
        new: &Value,
        found: &mut Vec<(String, String)>,
    ) {
        if !self.seen.insert((direction, old.to_string(), new.to_string())) {
            return;
        }
        let (old, new) = (by_kind(expand(self.old, old, 0)), by_kind(expand(self.new, new, 0)));
        if old.contains_key(ANY) || new.contains_key(ANY) {
            // Where one document says nothing there is nothing to compare, but what was described must stay described.
            if direction == Direction::Response && !old.contains_key(ANY) {
                found.push((at.to_owned(), "its type is no longer described".to_owned()));
            }
            return;
        }
        let (old, new) = if old.contains_key(OBJECT) || new.contains_key(OBJECT) {
            (without_tags(old), without_tags(new))
        } else {
            (old, new)
        };
        for kind in lost_kinds(direction, &old, &new) {
            found.push((at.to_owned(), kind));
        }
        for (kind, old) in &old {
            let wider = if kind == "integer" { "number" } else { kind };
            if let Some(new) = new.get(kind).or_else(|| new.get(wider)) {
                self.compare_shapes(direction, at, old, new, found);
            }
        }
    }

    fn compare_shapes(
        &mut self,
        direction: Direction,
        at: &str,
        old: &Shape,
        new: &Shape,
        found: &mut Vec<(String, String)>,
    ) {
        match (&old.values, &new.values) {
            (Some(old), Some(new)) => {
                let lost: Vec<_> = old.difference(new).cloned().collect();
                if !lost.is_empty() {
                    found.push((at.to_owned(), format!("no longer one of {}", lost.join(", "))));
                }
            }
            (None, Some(_)) if direction == Direction::Request => {
                found.push((at.to_owned(), "only listed values are accepted now".to_owned()));
            }
            _ => {}
        }
        for (name, schemas) in &old.fields {
            let path = join(at, name);
            match new.fields.get(name) {
                None => found.push((path, "field removed".to_owned())),
                Some(others) => {
                    if direction == Direction::Response && old.required.contains(name) && !new.required.contains(name) {
                        found.push((path.clone(), "field may be absent now".to_owned()));
                    }
                    self.compare(direction, &path, &any_of(schemas), &any_of(others), found);
                }
            }
        }
        if direction == Direction::Request {
            for name in new.required.difference(&old.required) {
                found.push((join(at, name), "field is required now".to_owned()));
            }
        }
        if !old.items.is_empty() && !new.items.is_empty() {
            self.compare(
                direction,
                &format!("{at}[]"),
                &any_of(&old.items),
                &any_of(&new.items),
                found,
            );
        }
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

fn any_of(schemas: &[Value]) -> Value {
    match schemas {
        [schema] => schema.clone(),
        several => serde_json::json!({ "anyOf": several }),
    }
}

/// Types that a client still writes and that are refused now, or that it reads and does not know.
fn lost_kinds(direction: Direction, old: &BTreeMap<String, Shape>, new: &BTreeMap<String, Shape>) -> Vec<String> {
    let has = |kinds: &BTreeMap<String, Shape>, kind: &str| {
        kinds.contains_key(kind) || kind == "integer" && kinds.contains_key("number")
    };
    let lost = old.keys().filter(|kind| !has(new, kind));
    let fresh = new.keys().filter(|kind| !has(old, kind));
    match direction {
        Direction::Request => lost.map(|kind| format!("no longer accepts {kind}")).collect(),
        // A new kind of tagged object is an addition that clients pass over; a new type is not.
        Direction::Response => fresh
            .filter(|kind| !kind.contains('='))
            .map(|kind| format!("may be {kind} now"))
            .chain(
                lost.filter(|kind| kind.contains('='))
                    .map(|kind| format!("no longer has {kind}")),
            )
            .collect(),
    }
}

/// Alternatives of one type are one, but for objects with different tags.
fn by_kind(alternatives: Alternatives) -> BTreeMap<String, Shape> {
    merged(alternatives.into_iter().map(|(kind, shape)| match shape.tag() {
        Some(tag) if kind == OBJECT => (format!("object with {tag}"), shape),
        _ => (kind, shape),
    }))
}

/// All objects as one: where one document has tags and the other has not.
fn without_tags(kinds: BTreeMap<String, Shape>) -> BTreeMap<String, Shape> {
    merged(kinds.into_iter().map(|(kind, shape)| match kind.split_once(' ') {
        Some((kind, _)) => (kind.to_owned(), shape),
        None => (kind, shape),
    }))
}

fn merged(alternatives: impl Iterator<Item = (String, Shape)>) -> BTreeMap<String, Shape> {
    let mut kinds: BTreeMap<String, Shape> = BTreeMap::new();
    for (kind, shape) in alternatives {
        let shape = match kinds.remove(&kind) {
            Some(other) => other.or(shape),
            None => shape,
        };
        kinds.insert(kind, shape);
    }
    kinds
}

/// All alternatives of a schema, references and unions written out, fields as they are. `depth` guards against a schema
/// that refers to itself without a field between.
fn expand(document: &Value, schema: &Value, depth: u8) -> Alternatives {
    if depth > 20 {
        return vec![(ANY.to_owned(), Shape::default())];
    }
    let mut alternatives = own(schema);
    let reference = schema.get("$ref").map(|_| resolve(document, schema));
    let all_of = schema["allOf"].as_array().into_iter().flatten();
    for part in reference.into_iter().chain(all_of) {
        alternatives = both(alternatives, expand(document, part, depth + 1));
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(parts) = schema[keyword].as_array() {
            let union = parts
                .iter()
                .flat_map(|part| expand(document, part, depth + 1))
                .collect();
            alternatives = both(alternatives, union);
        }
    }
    alternatives
}

/// What meets both; types that meet only one are none.
fn both(left: Alternatives, right: Alternatives) -> Alternatives {
    let mut met = Vec::new();
    for (kind, shape) in &left {
        for (other_kind, other) in &right {
            let kind = match (kind.as_str(), other_kind.as_str()) {
                (ANY, kind) | (kind, ANY) => kind,
                ("integer", "number") | ("number", "integer") => "integer",
                (kind, other) if kind == other => kind,
                _ => continue,
            };
            met.push((kind.to_owned(), shape.clone().and(other.clone())));
        }
    }
    met
}

/// What the schema says itself, without its references and unions.
fn own(schema: &Value) -> Alternatives {
    let mut shape = Shape::default();
    let strings = |value: &Value| -> Vec<String> {
        let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    };
    shape
        .fields
        .extend(members(&schema["properties"]).map(|(name, field)| (name.clone(), vec![field.clone()])));
    shape.required.extend(strings(&schema["required"]));
    let unnamed = if schema["items"].is_null() {
        "additionalProperties"
    } else {
        "items"
    };
    shape
        .items
        .extend(schema.get(unnamed).filter(|items| items.is_object()).cloned());
    let listed = schema["enum"].as_array().cloned();
    let values = listed.or_else(|| schema.get("const").map(|value| vec![value.clone()]));
    let kinds = match &schema["type"] {
        Value::String(kind) => vec![kind.clone()],
        list @ Value::Array(_) => strings(list),
        _ if values.is_some() => TYPES.map(str::to_owned).to_vec(),
        _ if !shape.fields.is_empty() => vec![OBJECT.to_owned()],
        _ => vec![ANY.to_owned()],
    };
    let Some(values) = values else {
        return kinds.into_iter().map(|kind| (kind, shape.clone())).collect();
    };
    let mut alternatives = Vec::new();
    for kind in kinds {
        let fitting: BTreeSet<_> = values
            .iter()
            .filter(|value| is_of(value, &kind))
            .map(Value::to_string)
            .collect();
        if !fitting.is_empty() {
            alternatives.push((
                kind,
                Shape {
                    values: Some(fitting),
                    ..shape.clone()
                },
            ));
        }
    }
    alternatives
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        OBJECT => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => value.is_null(),
    }
}
