//! Telemetry over HTTP: both spellings say the same.

use forgecast_decode::clean::Cleaner;
use forgecast_decode::otlp::{self, Encoding, Otlp, Sequences};
use forgecast_protocol::event::Fact;
use serde_json::{Value, json};

use super::transcripts::now;

/// Nanoseconds of 2026-11-21T08:00:00Z.
const EIGHT: u64 = 1_795_248_000_000_000_000;

/// Writes the few messages of the protobuf spelling.
#[derive(Default)]
struct Wire(Vec<u8>);

impl Wire {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
            number >>= 7;
        }
        self.0.push(u8::try_from(number).unwrap());
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    fn fixed(mut self, field: u64, number: u64) -> Self {
        self.varint(field << 3 | 1);
        self.0.extend(number.to_le_bytes());
        self
    }

    fn number(mut self, field: u64, number: u64) -> Self {
        self.varint(field << 3);
        self.varint(number);
        self
    }
}

/// An attribute's value in JSON as the protobuf message.
fn any(value: &Value) -> Vec<u8> {
    let wire = Wire::default();
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let number = || value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap();
    match kind.as_str() {
        "stringValue" => wire.bytes(1, value.as_str().unwrap().as_bytes()).0,
        "boolValue" => wire.number(2, u64::from(value.as_bool().unwrap())).0,
        "intValue" => wire.number(3, number().cast_unsigned()).0,
        "doubleValue" => wire.fixed(4, value.as_f64().unwrap().to_bits()).0,
        _ => wire.bytes(5, &[]).0,
    }
}

fn pairs(mut wire: Wire, field: u64, attributes: &Value) -> Wire {
    for pair in attributes.as_array().unwrap() {
        let key = pair["key"].as_str().unwrap().as_bytes();
        wire = wire.bytes(field, &Wire::default().bytes(1, key).bytes(2, &any(&pair["value"])).0);
    }
    wire
}

/// A request in JSON as protobuf.
pub(super) fn protobuf(request: &Value) -> Vec<u8> {
    let nanos = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
    let mut whole = Wire::default();
    for (of_resource, scopes, logs) in [
        ("resourceLogs", "scopeLogs", true),
        ("resourceMetrics", "scopeMetrics", false),
    ] {
        for group in request[of_resource].as_array().into_iter().flatten() {
            let resource = pairs(Wire::default(), 1, &group["resource"]["attributes"]).0;
            let mut of_group = Wire::default().bytes(1, &resource);
            for scope in group[scopes].as_array().unwrap() {
                let mut of_scope = Wire::default().bytes(1, b"\x0a\x01x");
                for record in scope["logRecords"].as_array().into_iter().flatten().filter(|_| logs) {
                    let wire = Wire::default().fixed(1, nanos(&record["timeUnixNano"])).number(2, 9);
                    let wire = pairs(wire.bytes(5, &any(&record["body"])), 6, &record["attributes"]);
                    of_scope = of_scope.bytes(2, &wire.0);
                }
                for metric in scope["metrics"].as_array().into_iter().flatten() {
                    let mut sum = Wire::default().number(2, metric["sum"]["aggregationTemporality"].as_u64().unwrap());
                    for point in metric["sum"]["dataPoints"].as_array().unwrap() {
                        let wire = Wire::default().fixed(3, nanos(&point["timeUnixNano"]));
                        let wire = wire.fixed(4, point["asDouble"].as_f64().unwrap().to_bits());
                        sum = sum.bytes(1, &pairs(wire, 7, &point["attributes"]).0);
                    }
                    let name = metric["name"].as_str().unwrap().as_bytes();
                    of_scope = of_scope.bytes(2, &Wire::default().bytes(1, name).bytes(7, &sum.0).0);
                }
                of_group = of_group.bytes(2, &of_scope.0);
            }
            whole = whole.bytes(1, &of_group.0);
        }
    }
    whole.0
}

fn attributes(said: &Value) -> Value {
    let pairs = said.as_object().unwrap().iter().map(|(key, value)| {
        let value = match value {
            Value::String(text) => json!({"stringValue": text}),
            Value::Bool(flag) => json!({"boolValue": flag}),
            Value::Number(number) if number.is_i64() => json!({"intValue": number.to_string()}),
            Value::Number(number) => json!({"doubleValue": number}),
            other => json!({"arrayValue": other}),
        };
        json!({"key": key, "value": value})
    });
    pairs.collect()
}

fn record(sequence: u64, name: &str, mut said: Value) -> Value {
    said["session.id"] = json!("5f1c");
    said["event.sequence"] = json!(sequence);
    said["event.name"] = json!(name);
    json!({"timeUnixNano": (EIGHT + sequence * 1_000_000_000).to_string(), "observedTimeUnixNano": "0",
        "body": {"stringValue": format!("claude_code.{name}")}, "attributes": attributes(&said)})
}

fn request(records: &[Value]) -> Value {
    json!({"resourceLogs": [{"resource": {"attributes": attributes(&json!({"service.name": "claude-code"}))},
        "scopeLogs": [{"scope": {"name": "com.anthropic.claude_code.events"}, "logRecords": records}]}]})
}

pub(super) fn logs() -> Value {
    let call = json!({"model": "claude-opus-4-8", "cost_usd": "0.125", "duration_ms": 900, "input_tokens": "3", "output_tokens": 90,
        "cache_read_tokens": 17_000, "cache_creation_tokens": "300", "request_id": "req_a", "speed": "normal", "query_source": "main"});
    let mut nameless = call.clone();
    nameless.as_object_mut().unwrap().remove("request_id");
    let mut records = vec![
        record(1, "user_prompt", json!({"prompt_length": "12"})),
        record(2, "api_request", call),
        record(
            3,
            "tool_decision",
            json!({"tool_name": "Bash", "decision": "accept", "source": "config"}),
        ),
        record(
            4,
            "tool_decision",
            json!({"tool_name": "Bash", "decision": "reject", "source": "user_reject", "tool_use_id": "toolu_0"}),
        ),
        record(
            5,
            "tool_result",
            json!({"tool_name": "Bash", "tool_use_id": "toolu_1", "success": "true", "duration_ms": "12",
            "tool_parameters": "{\"command\":\"npm test\"}"}),
        ),
        record(
            6,
            "tool_result",
            json!({"tool_name": "Edit", "tool_use_id": "toolu_2", "success": false}),
        ),
        record(
            7,
            "api_error",
            json!({"error": "Overloaded", "status_code": "529", "attempt": 1}),
        ),
        record(8, "api_request", nameless),
        record(9, "something_new", json!({"a": 1, "b": [1]})),
        record(10, "something_large", json!({"text": "x".repeat(5_000)})),
        record(14, "user_prompt", json!({})),
        record(1, "user_prompt", json!({"note": "a new process begins at one"})),
    ];
    let stranger = json!({"timeUnixNano": "1", "body": {"stringValue": "hello"}, "attributes": []});
    records.push(stranger);
    request(&records)
}

pub(super) fn metrics() -> Value {
    let point = |value: f64, mut said: Value| {
        said["session.id"] = json!("5f1c");
        json!({"timeUnixNano": EIGHT.to_string(), "asDouble": value, "attributes": attributes(&said)})
    };
    let metric = |name: &str, points: Vec<Value>| {
        json!({"name": name, "unit": "tokens",
        "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": points}})
    };
    json!({"resourceMetrics": [{"resource": {"attributes": []}, "scopeMetrics": [{"scope": {}, "metrics": [
        metric("claude_code.token.usage", vec![
            point(3.0, json!({"type": "input", "model": "claude-opus-4-8"})),
            point(90.0, json!({"type": "output", "model": "claude-opus-4-8"})),
            point(0.0, json!({"type": "cacheRead", "model": "claude-opus-4-8"})),
        ]),
        metric("claude_code.cost.usage", vec![point(0.125, json!({"model": "claude-opus-4-8"}))]),
        metric("claude_code.session.count", vec![point(1.0, json!({}))]),
    ]}]}]})
}

fn taken_logs(body: &[u8], encoding: Encoding) -> Otlp {
    otlp::logs(body, encoding, &Cleaner::default(), now(), &Sequences::default()).unwrap()
}

fn shown(otlp: &Otlp) -> Value {
    let facts: Vec<&Fact> = otlp.batch.events.iter().map(|event| &event.fact).collect();
    json!({"facts": facts, "rejected": otlp.rejected, "message": otlp.message, "ignored": otlp.ignored})
}

#[test]
fn log_records_become_calls_tools_errors_and_a_gap_is_seen() {
    let taken = taken_logs(logs().to_string().as_bytes(), Encoding::Json);
    insta::assert_json_snapshot!(shown(&taken));
    for event in &taken.batch.events {
        assert_eq!(event.subject.transcript.as_ref().unwrap().as_str(), "5f1c");
    }
}

#[test]
fn both_spellings_say_the_same() {
    let (logs, metrics) = (logs(), metrics());
    let json = taken_logs(logs.to_string().as_bytes(), Encoding::Json);
    assert_eq!(json, taken_logs(&protobuf(&logs), Encoding::Protobuf));

    let cleaner = Cleaner::default();
    let json = otlp::metrics(metrics.to_string().as_bytes(), Encoding::Json, &cleaner, now()).unwrap();
    let wire = otlp::metrics(&protobuf(&metrics), Encoding::Protobuf, &cleaner, now()).unwrap();
    assert_eq!(json, wire);
    insta::assert_json_snapshot!(shown(&json));
}

#[test]
fn what_is_sent_again_has_the_same_ids_and_no_two_facts_share_one() {
    let ids = |later: i64| -> Vec<String> {
        let body = logs().to_string();
        let taken = otlp::logs(
            body.as_bytes(),
            Encoding::Json,
            &Cleaner::default(),
            now().plus_millis(later),
            &Sequences::default(),
        )
        .unwrap();
        taken
            .batch
            .events
            .iter()
            .map(|event| event.id.as_ref().unwrap().to_string())
            .collect()
    };
    assert_eq!(ids(0), ids(86_400_000));
    let distinct: std::collections::BTreeSet<String> = ids(0).into_iter().collect();
    assert_eq!(distinct.len(), ids(0).len());
}

#[test]
fn a_gap_between_two_bodies_is_seen_and_what_is_sent_again_is_none() {
    let sequences = Sequences::default();
    let gaps = |numbers: &[u64]| {
        let records: Vec<Value> = numbers
            .iter()
            .map(|number| record(*number, "user_prompt", json!({})))
            .collect();
        let body = request(&records).to_string();
        let taken = otlp::logs(body.as_bytes(), Encoding::Json, &Cleaner::default(), now(), &sequences).unwrap();
        let events = taken.batch.events.iter();
        events
            .filter(|event| matches!(event.fact, Fact::ProblemFound(_)))
            .count()
    };
    assert_eq!(gaps(&[7, 8]), 0, "what came before the first is not known");
    assert_eq!(gaps(&[9, 10]), 0);
    assert_eq!(gaps(&[9, 10]), 0, "sent again");
    assert_eq!(gaps(&[14, 15]), 1);
    assert_eq!(gaps(&[0, 1, 2]), 0, "a process that began anew");
}

#[test]
fn what_is_no_request_is_refused() {
    let refused =
        |body: &[u8], encoding| otlp::logs(body, encoding, &Cleaner::default(), now(), &Sequences::default()).is_err();
    for body in ["", "[]", "7", "{", "{\"resourceLogs\": [}"] {
        assert!(refused(body.as_bytes(), Encoding::Json), "{body}");
    }
    for body in [
        &b"\x0a"[..],
        b"\x0a\x05abc",
        b"\x0b",
        b"\x00\x00",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        &[0xff; 11],
    ] {
        assert!(refused(body, Encoding::Protobuf), "{body:?}");
    }
    assert!(!refused(b"", Encoding::Protobuf), "an empty message is a message");
    assert!(!refused(b"{}", Encoding::Json));
}

#[test]
fn a_body_of_nothing_but_small_records_is_bounded() {
    let mut scope = Wire::default();
    for _ in 0..60_000 {
        scope = scope.bytes(2, &[]);
    }
    let body = Wire::default().bytes(1, &Wire::default().bytes(2, &scope.0).0).0;
    assert!(
        otlp::logs(
            &body,
            Encoding::Protobuf,
            &Cleaner::default(),
            now(),
            &Sequences::default()
        )
        .is_err()
    );
}

#[test]
fn a_split_of_the_cache_and_a_cost_in_millionths_are_taken() {
    let said = json!({"model": "claude-opus-4-8", "input_tokens": 3, "cache_creation_tokens": 300,
        "cache_creation_5m_tokens": 100, "cache_creation_1h_tokens": 150, "cost_usd_micros": 125_500});
    let body = request(&[record(1, "api_request", said)]).to_string();
    let taken = taken_logs(body.as_bytes(), Encoding::Json);
    let [Fact::CallReported(call)] = taken.batch.events.iter().map(|event| &event.fact).collect::<Vec<_>>()[..] else {
        panic!("{taken:?}");
    };
    assert_eq!((call.tokens.cache_write_5m, call.tokens.cache_write_1h), (150, 150));
    assert_eq!((call.cost_usd, &call.call.request), (Some(0.1255), &None));
    assert_eq!((taken.rejected, taken.ignored), (0, 0));
}
