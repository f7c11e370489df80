//! Context Foundry's API. Its handlers write their answers field by field, so what these hold is said here, by the types
//! beside this file, and compared with real answers by the tests.

use serde_json::{Map, Value, json};

use super::history::{
    Agent, AgentAnalytics, AgentState, AgentUpdated, Agents, Broadcasted, DecisionAnalytics, Health, Historical,
    Instances, PhaseFile, PhaseReceived, TaskOrNone, Tasks,
};
use super::operation::{JSON, Operation, PROBLEM, Schemas};
use super::origin::{Logs, Numbers, OriginError, OriginFrame, OriginSessions, Phases, StateOrError, TokenStatus};

/// Describes one of its operations.
pub(crate) fn legacy(operation: &mut Operation, schemas: &mut Schemas) {
    parameters(operation);
    match operation.path {
        "/ws/{session}" => {
            operation.answer(101, "The socket is open.", &[]);
            let frames = schemas.of::<OriginFrame>();
            operation.extra("x-websocket", json!({ "receives": null, "sends": frames }));
        }
        "/api/status/{id}" => operation.json::<StateOrError>(200, schemas),
        "/api/phases/{id}" => operation.json::<Phases>(200, schemas),
        "/api/logs/{id}" => operation.json::<Logs>(200, schemas),
        "/api/metrics/historical" => operation.json::<Historical>(200, schemas),
        "/api/metrics/{id}" => operation.json::<Numbers>(200, schemas),
        "/api/analytics/decisions" => operation.json::<DecisionAnalytics>(200, schemas),
        "/api/analytics/agents" => operation.json::<AgentAnalytics>(200, schemas),
        "/api/token/status/{id}" => operation.json::<TokenStatus>(200, schemas),
        "/api/agents/{session}" => operation.json::<Agents>(200, schemas),
        "/api/agent/{agent}" => operation.json::<Agent>(200, schemas),
        "/api/instances" => operation.json::<Instances>(200, schemas),
        "/api/mcp/tasks" => operation.json::<Tasks>(200, schemas),
        "/api/mcp/task/{id}" => operation.json::<TaskOrNone>(200, schemas),
        "/api/health" => operation.json::<Health>(200, schemas),
        "/api/phase-update" => {
            let example = json!({ "session_id": "weather-app", "current_phase": "Builder", "phase_number": "3/7",
                "status": "building", "progress_detail": "Writing the parser", "phases_completed": ["Scout", "Architect"] });
            posted::<PhaseFile, PhaseReceived>(operation, schemas, &example);
        }
        "/api/agent-update" => {
            let example = json!({ "session_id": "weather-app", "agent_id": "builder-1", "agent_type": "Builder",
                "status": "active", "progress_percent": 40 });
            posted::<AgentState, AgentUpdated>(operation, schemas, &example);
        }
        "/api/broadcast/{id}" => {
            let example = json!({ "type": "log_line", "data": { "line": "compiling" } });
            posted::<Map<String, Value>, Broadcasted>(operation, schemas, &example);
        }
        _ => operation.json::<OriginSessions>(200, schemas),
    }
    if matches!(
        operation.path,
        "/api/phases/{id}" | "/api/metrics/{id}" | "/api/agent/{agent}"
    ) {
        refused(operation, schemas, 404, "There is none of this name.");
    }
}

fn parameters(operation: &mut Operation) {
    let text = json!({ "type": "string" });
    for (name, words, example) in [
        (
            "session",
            "Any text names a session, though perhaps none that is there: its name, or the id of a run.",
            "weather-app",
        ),
        (
            "id",
            "Any text names a session, though perhaps none that is there: its name, or the id of a run.",
            "weather-app",
        ),
        ("agent", "The agent's id.", "builder-1"),
    ] {
        if operation.path.contains(&format!("{{{name}}}")) {
            let schema = json!({ "type": "string", "minLength": 1, "examples": [example] });
            operation.parameter("path", name, words, schema)["required"] = true.into();
        }
    }
    let (name, words, schema) = match operation.path {
        "/api/logs/{id}" => ("lines", "How many; brought into 1 to 1,000.", count(50)),
        "/api/metrics/historical" => ("limit", "Tasks at most; brought into 0 to 1,000.", count(100)),
        "/api/analytics/decisions" => ("task_id", "Of one session; absent: of the 100 that worked last.", text),
        "/api/analytics/agents" => ("agent_type", "Only this kind.", text),
        _ => return,
    };
    operation.parameter("query", name, words, schema);
}

fn count(default: i64) -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX, "default": default })
}

fn posted<B: schemars::JsonSchema, A: schemars::JsonSchema>(
    operation: &mut Operation,
    schemas: &mut Schemas,
    example: &Value,
) {
    operation.body(&schemas.words::<B>(), &[(JSON, schemas.of::<B>())]);
    operation.example(example);
    operation.json::<A>(200, schemas);
    refused(operation, schemas, 400, "It does not have the form it must have.");
    refused(operation, schemas, 422, "Nothing of it could be taken.");
}

fn refused(operation: &mut Operation, schemas: &mut Schemas, status: u16, words: &str) {
    let kinds = [(JSON, schemas.of::<OriginError>()), (PROBLEM, schemas.problem())];
    operation.answer(status, words, &kinds);
}
