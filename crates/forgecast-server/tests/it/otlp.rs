//! `POST /v1/logs` and `POST /v1/metrics`: both encodings, packed or not, and the answers that exporters expect.

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::bodies::packed;
use forgecast_testkit::{Answer, Server};

pub(crate) const LOGS: &str = "/v1/logs";
pub(crate) const METRICS: &str = "/v1/metrics";
pub(crate) const JSON: &str = "application/json";
pub(crate) const PROTOBUF: &str = "application/x-protobuf";

pub(crate) const SESSION: &str = "5b1f0c3e-77aa-4f0e-9a55-0d5b7f7b2c11";

/// An attribute, as OTLP writes it in JSON.
fn attribute(key: &str, value: &Value) -> Value {
    let value = match value {
        Value::String(text) => json!({ "stringValue": text }),
        Value::Bool(truth) => json!({ "boolValue": truth }),
        Value::Number(number) if number.is_f64() => json!({ "doubleValue": number }),
        // 64-bit numbers are strings in protobuf's JSON.
        number => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": key, "value": value })
}

/// What an agent says of one call to its model.
pub(crate) fn api_request(request: &str, output: u64) -> Vec<(&'static str, Value)> {
    vec![
        ("session.id", SESSION.into()),
        ("event.name", "api_request".into()),
        ("event.timestamp", "2026-01-31T08:15:00.000Z".into()),
        ("event.sequence", 7.into()),
        ("model", "claude-sonnet-4-6".into()),
        ("request_id", request.into()),
        ("input_tokens", 100.into()),
        ("output_tokens", output.into()),
        ("cache_read_tokens", 3_000.into()),
        ("cache_creation_tokens", 200.into()),
        ("cost_usd", 0.0027.into()),
        ("duration_ms", 900.into()),
    ]
}

/// An export of log records as JSON.
pub(crate) fn logs_json(records: &[Vec<(&'static str, Value)>]) -> Vec<u8> {
    let records: Vec<_> = records
        .iter()
        .map(|record| {
            let attributes: Vec<_> = record.iter().map(|(key, value)| attribute(key, value)).collect();
            json!({
                "timeUnixNano": "1769847300000000000",
                "body": {"stringValue": "claude_code.api_request"},
                "attributes": attributes,
            })
        })
        .collect();
    let resource = json!({"attributes": [attribute("service.name", &"claude-code".into())]});
    let scope = json!({"scope": {"name": "com.anthropic.claude_code.events"}, "logRecords": records});
    let export = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [scope]}]});
    export.to_string().into_bytes()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
    out
}

/// A field that is bytes, text or a message.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2][..], &varint(content.len() as u64), content].concat()
}

fn attribute_bytes(key: &str, value: &Value) -> Vec<u8> {
    let value = match value {
        Value::String(text) => field(1, text.as_bytes()),
        Value::Bool(truth) => vec![2 << 3, u8::from(*truth)],
        Value::Number(number) if number.is_f64() => {
            [&[4 << 3 | 1][..], &number.as_f64().unwrap().to_le_bytes()].concat()
        }
        number => [&[3 << 3][..], &varint(number.as_u64().unwrap())].concat(),
    };
    [field(1, key.as_bytes()), field(2, &value)].concat()
}

/// The same as protobuf.
pub(crate) fn logs_protobuf(records: &[Vec<(&'static str, Value)>]) -> Vec<u8> {
    let mut scope = field(1, &field(1, b"com.anthropic.claude_code.events"));
    for record in records {
        let mut bytes = [&[1 << 3 | 1][..], &1_769_847_300_000_000_000_u64.to_le_bytes()].concat();
        bytes.extend(field(5, &field(1, b"claude_code.api_request")));
        for (key, value) in record {
            bytes.extend(field(6, &attribute_bytes(key, value)));
        }
        scope.extend(field(2, &bytes));
    }
    let resource = field(1, &field(1, &attribute_bytes("service.name", &"claude-code".into())));
    field(1, &[resource, field(2, &scope)].concat())
}

/// An export of metrics as JSON.
pub(crate) fn metrics_json() -> Vec<u8> {
    let point = json!({
        "attributes": [attribute("session.id", &SESSION.into()), attribute("type", &"output".into())],
        "startTimeUnixNano": "1769847240000000000",
        "timeUnixNano": "1769847300000000000",
        "asDouble": 250.0,
    });
    let sum = json!({"dataPoints": [point], "aggregationTemporality": 1, "isMonotonic": true});
    let metric = json!({"name": "claude_code.token.usage", "unit": "tokens", "sum": sum});
    let export = json!({"resourceMetrics": [{"resource": {}, "scopeMetrics": [{"metrics": [metric]}]}]});
    export.to_string().into_bytes()
}

/// One of each.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let calls = [api_request("req_1", 50), api_request("req_2", 60)];
    vec![logs_json(&calls), logs_protobuf(&calls), metrics_json()]
}

async fn send(server: &Server, path: &str, kind: &str, body: &[u8]) -> Answer {
    server.request("POST", path, &[("content-type", kind)], body).await
}

/// What an answer is, for a snapshot.
fn shape(answer: &Answer) -> Value {
    let body = match answer.header("content-type") {
        JSON => answer.json(),
        _ => answer
            .body
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .into(),
    };
    json!({
        "status": answer.status,
        "content-type": answer.header("content-type"),
        "retry-after": answer.headers.get("retry-after"),
        "body": body,
    })
}

#[tokio::test]
async fn an_export_that_is_taken_is_answered_in_its_own_encoding() {
    let server = Server::start().await;
    let calls = [api_request("req_1", 50)];
    let taken = [
        send(&server, LOGS, JSON, &logs_json(&calls)).await,
        send(&server, LOGS, PROTOBUF, &logs_protobuf(&calls)).await,
        send(&server, METRICS, JSON, &metrics_json()).await,
        send(&server, METRICS, PROTOBUF, b"").await,
    ];
    let shapes: Vec<_> = taken.iter().map(shape).collect();
    assert_json_snapshot!(shapes);
}

#[tokio::test]
async fn an_export_that_cannot_be_taken_is_answered_with_a_status() {
    let server = Server::with(|setup| setup.server.body_bytes = 10_000).await;
    let long = vec![b' '; 20_000];
    let unknown = [("content-type", JSON), ("content-encoding", "zstd")];
    let refused = [
        send(&server, LOGS, JSON, b"nonsense").await,
        send(&server, LOGS, PROTOBUF, b"\xff\xff\xff").await,
        send(&server, METRICS, JSON, &long).await,
        send(&server, METRICS, PROTOBUF, &long).await,
        server.request("POST", LOGS, &unknown, b"{}").await,
    ];
    let shapes: Vec<_> = refused.iter().map(shape).collect();
    assert_json_snapshot!(shapes);
    // What is neither is refused by the guard, before anything knows that it is telemetry.
    let form = send(&server, LOGS, "text/plain", b"{}").await;
    assert_eq!(
        (form.status, form.header("content-type")),
        (415, "application/problem+json")
    );
    assert_eq!(server.get(LOGS).await.status, 405);
    assert_eq!(server.hub.counters().received, 0);
}

#[tokio::test]
async fn a_packed_export_is_the_same_export() {
    let server = Server::start().await;
    let calls = [api_request("req_1", 50)];
    for (kind, body) in [(JSON, logs_json(&calls)), (PROTOBUF, logs_protobuf(&calls))] {
        let headers = [("content-type", kind), ("content-encoding", "gzip")];
        let answer = server.request("POST", LOGS, &headers, &packed([body])).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}
