//! What a handler's signature says about its route: arguments are parameters and bodies, what it returns is the answer.
//! So nothing can be described that a handler does not take, and nothing be taken that is not described.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::NoContent;
use axum::{Extension, Json};
use forgecast_protocol::update::{HEARTBEAT_S, PROTOCOL_VERSION};
use forgecast_protocol::{ClientMessage, ServerMessage};
use schemars::{JsonSchema, json_schema};
use serde_json::{Value, json};

use super::Described;
use super::operation::{JSON, Operation, PROBLEM, Schemas};
use crate::error::Error;
use crate::etag::{NoStore, WithEtag};
use crate::export::JsonStream;
use crate::extract::{InBody, InPath, InQuery};
use crate::hooks::HookAnswer;
use crate::live::sse::EventStream;
use crate::live::ws::LiveSocket;
use crate::metrics::Exposition;
use crate::otlp::answer::{ExportResponse, RpcStatus};
use crate::otlp::{ExportAnswer, ExportLogs, ExportMetrics};
use crate::viewer::ViewerUpgrade;

const TEXT: &str = "text/plain; charset=utf-8";
const PROTOBUF: &str = "application/x-protobuf";

/// Adds to the description of a route.
pub(crate) type Describe = fn(&mut Operation, &mut Schemas);

/// An argument of a handler.
trait Argument {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}

/// What a handler returns.
pub trait Response {
    /// Adds the answers that it may become.
    fn describe(operation: &mut Operation, schemas: &mut Schemas);
}

macro_rules! described {
    ($($argument:ident),*) => {
        impl<M, F, R, A, $($argument),*> Described<(M, $($argument,)*)> for F
        where
            F: Fn($($argument),*) -> R,
            R: Future<Output = A>,
            A: Response,
            $($argument: Argument,)*
        {
            const DESCRIBE: Describe = |operation, schemas| {
                $($argument::describe(operation, schemas);)*
                A::describe(operation, schemas);
            };
        }
    };
}

described!();
described!(T1);
described!(T1, T2);
described!(T1, T2, T3);
described!(T1, T2, T3, T4);
described!(T1, T2, T3, T4, T5);

impl<T> Argument for State<T> {}
impl<T> Argument for Extension<T> {}
impl Argument for HeaderMap {}
impl Argument for ViewerUpgrade {}

impl<T: JsonSchema> Argument for InPath<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.parameters::<T>("path", schemas);
    }
}

impl<T: JsonSchema> Argument for InQuery<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.parameters::<T>("query", schemas);
    }
}

impl<T: JsonSchema> Argument for InBody<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.body(&schemas.words::<T>(), &[(JSON, schemas.read::<T>())]);
        // Telemetry has addresses of its own, and there it is usually protobuf.
        if operation.path.starts_with("/v1/") {
            operation.body(
                &schemas.words::<T>(),
                &[(JSON, schemas.read::<T>()), (PROTOBUF, Value::Null)],
            );
        }
    }
}

impl<T: Response> Response for Result<T, Error> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        T::describe(operation, schemas);
    }
}

impl<T: Response> Response for NoStore<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        T::describe(operation, schemas);
    }
}

impl<T: Response> Response for (HeaderMap, T) {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        T::describe(operation, schemas);
    }
}

impl<T: Response> Response for ([(HeaderName, HeaderValue); 1], T) {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        T::describe(operation, schemas);
    }
}

impl<T: JsonSchema> Response for JsonStream<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.json::<T>(200, schemas);
    }
}

impl<T: JsonSchema> Response for Json<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.json::<T>(200, schemas);
    }
}

/// Whether it is well is said by the status, and why not by the same body.
impl<T: JsonSchema> Response for (StatusCode, NoStore<Json<T>>) {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.json::<T>(200, schemas);
        operation.json::<T>(503, schemas);
    }
}

impl<T: JsonSchema> Response for WithEtag<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let words = "The `ETag` of what is here already.";
        operation.parameter("header", "If-None-Match", words, json!({ "type": "string" }));
        operation.json::<T>(200, schemas);
        operation.answer(304, "Nothing changed.", &[]);
        for status in [200, 304] {
            operation.header(status, "ETag", "Names this very content.");
        }
    }
}

impl Response for NoContent {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.answer(204, "Done.", &[]);
    }
}

impl Response for &'static str {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.text(200, "A text.", TEXT);
    }
}

impl Response for String {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.text(200, "The text.", TEXT);
    }
}

impl Response for Exposition {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.text(
            200,
            "Prometheus' text format.",
            "text/plain; version=0.0.4; charset=utf-8",
        );
    }
}

impl Response for EventStream {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let resume = "The `id:` of the last event that is here, to go on behind it; anything else starts afresh.";
        operation.parameter("header", "Last-Event-ID", resume, json!({ "type": "string" }));
        let words = "Events: `event:` is the message's type, `data:` the message, `id:` epoch and revision.";
        operation.text(200, words, "text/event-stream");
        operation.extra("x-events", schemas.of::<ServerMessage>());
    }
}

impl Response for LiveSocket {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let (receives, sends) = (schemas.strictly::<ClientMessage>(), schemas.of::<ServerMessage>());
        operation.socket(json!({
            "subprotocol": null, "protocol": PROTOCOL_VERSION, "heartbeat_s": HEARTBEAT_S,
            "receives": receives, "sends": sends,
        }));
    }
}

/// No body even when it is refused before it is a hook.
impl Response for HookAnswer {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        let refusal = [(JSON, json!({ "type": "object" }))];
        operation.answer(
            200,
            "A hard budget is spent: the refusal as the agent reads it.",
            &refusal,
        );
        for (status, words) in [
            (204, "It was taken, or dropped."),
            (400, "It is broken off, or not packed as it says."),
            (408, "It came too slowly."),
            (413, "It is longer than is read."),
        ] {
            operation.answer(status, words, &[]);
        }
    }
}

impl Response for ExportAnswer {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let taken = [(JSON, schemas.of::<ExportResponse<'_>>()), (PROTOBUF, Value::Null)];
        operation.answer(200, "It is on disk; what was not taken is counted.", &taken);
        // What the guard refuses before it is an export is a problem like any other.
        let refused = [
            (JSON, schemas.of::<RpcStatus<'_>>()),
            (PROTOBUF, Value::Null),
            (PROBLEM, schemas.problem()),
        ];
        for (status, words) in [
            (400, "It cannot be read."),
            (408, "It came too slowly."),
            (413, "It is longer than is read."),
            (415, "It is of another media type, or packed otherwise than with gzip."),
            (500, "It could not be taken; the cause is in the server's log."),
            (
                503,
                "The store is behind, full or read-only; send it again after `Retry-After`.",
            ),
        ] {
            operation.answer(status, words, &refused);
        }
    }
}

/// The body of an export as far as it concerns its sender's tools: a list by resource.
macro_rules! export {
    ($type:ty, $name:literal, $field:literal, $words:literal) => {
        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                json_schema!({
                    "type": "object",
                    "description": $words,
                    "properties": { $field: { "type": "array", "items": { "type": "object" } } },
                })
            }
        }
    };
}

export!(
    ExportLogs,
    "ExportLogs",
    "resourceLogs",
    "OTLP: `ExportLogsServiceRequest`."
);
export!(
    ExportMetrics,
    "ExportMetrics",
    "resourceMetrics",
    "OTLP: `ExportMetricsServiceRequest`."
);
