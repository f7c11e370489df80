//! What producers send, and signing in, route by route.

use serde_json::{Value, json};

use super::operation::{Operation, Schemas, Tag};
use super::shapes::{
    Envelopes, ExportLogs, ExportMetrics, Exported, Exporting, Hook, ImportReceipt, Login, Me, Object, PushReceipt,
    RpcStatus,
};

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

/// Facts, hooks, telemetry.
pub(super) fn facts(schemas: &mut Schemas) -> Vec<Operation> {
    vec![
        Operation::new("POST", "/api/v1/events", Tag::Facts, "pushEvents", "Sends facts: one envelope or an array of them")
            .about(
                "Answered when they are on disk. With an `id` a fact counts once however often it is sent, so send again what was \
                 answered with 503 or 507. Up to 20 MiB, as it is or with gzip.",
            )
            .json_body(
                "One envelope or several.",
                schemas.of::<Envelopes>(),
                json!({ "id": "run-7/step-3", "session": "weather-app", "type": "phase_reported", "phase": "Builder",
                    "status": "building", "detail": "writing the parser" }),
            )
            .json(200, "What became of them.", schemas.of::<PushReceipt>())
            .problems(&[422, 507]),
        Operation::new("POST", "/api/v1/import", Tag::Facts, "importSession", "Takes back a session that was exported")
            .body("The document of an export.", &[(JSON, schemas.of::<Exported>())])
            .json(200, "Under which id it is here.", schemas.of::<ImportReceipt>())
            .problems(&[422, 507]),
        hook(schemas),
        export(schemas, "/v1/logs", "exportLogs", "Takes logs of agents: OTLP over HTTP"),
        export(schemas, "/v1/metrics", "exportMetrics", "Takes metrics of agents: OTLP over HTTP"),
    ]
}

fn hook(schemas: &mut Schemas) -> Operation {
    let mut hook = Operation::new("POST", "/api/v1/hooks/claude", Tag::Facts, "claudeHook", "Takes a hook of Claude Code")
        .about(
            "Answered before it is decoded, stored or shown, and never with a body: a hook costs its agent nothing, and what \
             becomes of it does not show.",
        )
        .json_body(
            "The hook as it comes.",
            schemas.of::<Hook>(),
            json!({ "hook_event_name": "Notification", "session_id": "258c7280-ae70-4f2e-9d0c-5a2f6a1c0b11",
                "cwd": "/home/ann/weather-app", "message": "Claude needs your permission to use Bash" }),
        )
        .answer(204, "It was taken, or dropped.", &[]);
    // No body even when it is refused before it is a hook.
    for (status, words) in [
        (400, "It is broken off, or not packed as it says."),
        (408, "It came too slowly."),
        (413, "It is longer than is read."),
    ] {
        hook = hook.answer(status, words, &[]);
    }
    hook
}

fn export(schemas: &mut Schemas, path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    let body: Value = if path == "/v1/logs" {
        schemas.of::<ExportLogs>()
    } else {
        schemas.of::<ExportMetrics>()
    };
    let (taken, refused) = (schemas.of::<Exporting>(), schemas.of::<RpcStatus>());
    let mut export = Operation::new("POST", path, Tag::Facts, id, summary)
        .about("The answer is written as the request is. 503 and only 503 is worth sending again, after `Retry-After`.")
        .body("An export request.", &[(JSON, body), (PROTOBUF, Value::Null)])
        .answer(
            200,
            "It is on disk; what was not taken is counted.",
            &[(JSON, taken), (PROTOBUF, Value::Null)],
        );
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
        // What the guard refuses before it is an export is a problem like any other.
        let kinds = [
            (JSON, refused.clone()),
            (PROTOBUF, Value::Null),
            (
                "application/problem+json",
                json!({ "$ref": "#/components/schemas/ErrorBody" }),
            ),
        ];
        export = export.answer(status, words, &kinds);
    }
    export
}

/// Signing in and out.
pub(super) fn access(schemas: &mut Schemas) -> Vec<Operation> {
    vec![
        Operation::new(
            "POST",
            "/api/v1/login",
            Tag::Access,
            "login",
            "Exchanges a token for a cookie",
        )
        .about("The cookie is HttpOnly and SameSite=Strict, and dies with its token.")
        .json_body("The token.", schemas.of::<Login>(), json!({ "token": "fc_v_…" }))
        .answer(204, "Signed in; `Set-Cookie` says so to the browser.", &[])
        .problems(&[401, 429]),
        Operation::new("POST", "/api/v1/logout", Tag::Access, "logout", "Takes the cookie away")
            .json_body("Nothing: an empty object.", schemas.of::<Object>(), json!({}))
            .answer(204, "Signed out.", &[]),
        Operation::new("GET", "/api/v1/me", Tag::Access, "me", "Who is signed in")
            .json(200, "What this one may do.", schemas.of::<Me>())
            .problems(&[429]),
    ]
}
