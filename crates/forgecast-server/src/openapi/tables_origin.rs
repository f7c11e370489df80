//! The origin's API, route by route.

use serde_json::{Value, json};

use super::history::{
    Agent, AgentAnalytics, AgentState, AgentUpdated, Agents, Broadcasted, DecisionAnalytics, Health, Historical,
    Instances, PhaseFile, PhaseReceived, TaskOrNone, Tasks,
};
use super::operation::{Operation, Schemas, Tag};
use super::origin::{Logs, Numbers, OriginError, OriginFrame, OriginSessions, Phases, StateOrError, TokenStatus};
use super::shapes::Object;

const SESSION: &str = "Any text names a session, though perhaps none that is there: its name, or the id of a run.";

fn any_name() -> Value {
    json!({ "type": "string", "minLength": 1, "examples": ["weather-app"] })
}

fn count(default: i64) -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX, "default": default })
}

fn get(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("GET", path, Tag::Origin, id, summary)
}

fn of_session(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    let name = if path.ends_with("{session}") { "session" } else { "id" };
    get(path, id, summary).part(name, SESSION, any_name())
}

fn or_refused(operation: Operation, schemas: &mut Schemas, statuses: &[u16]) -> Operation {
    let refused = schemas.of::<OriginError>();
    let problem = json!({ "$ref": "#/components/schemas/ErrorBody" });
    statuses.iter().fold(operation, |operation, status| {
        let words = match status {
            404 => "There is none of this name.",
            422 => "Nothing of it could be taken.",
            _ => "It does not have the form it must have.",
        };
        let kinds = [
            ("application/json", refused.clone()),
            ("application/problem+json", problem.clone()),
        ];
        operation.answer(*status, words, &kinds)
    })
}

/// Sessions, their phases and logs, and the socket.
pub(super) fn views(schemas: &mut Schemas) -> Vec<Operation> {
    let sessions = schemas.of::<OriginSessions>();
    let lists = [
        (
            "/api/sessions",
            "originSessions",
            "All sessions, the last that worked first",
        ),
        ("/api/sessions/active", "originActive", "Those at work"),
        ("/api/sessions/completed", "originCompleted", "Those that ended well"),
        (
            "/api/sessions/failed",
            "originFailed",
            "Those that failed or were abandoned",
        ),
    ];
    let mut all: Vec<Operation> = lists
        .into_iter()
        .map(|(path, id, summary)| get(path, id, summary).json(200, "Sessions.", sessions.clone()))
        .collect();
    let phases = of_session(
        "/api/phases/{id}",
        "originPhases",
        "The pipeline of a session, phase by phase",
    )
    .json(200, "The phases in their order.", schemas.of::<Phases>());
    all.extend([
        of_session("/api/status/{id}", "originStatus", "One session")
            .json(200, "The session, or that there is none.", schemas.of::<StateOrError>()),
        or_refused(phases, schemas, &[404]),
        of_session("/api/logs/{id}", "originLogs", "The last lines of a session's log")
            .query("lines", "How many; brought into 1 to 1,000.", count(50))
            .json(200, "Lines, oldest first; none for a session that is not there.", schemas.of::<Logs>()),
        of_session("/ws/{session}", "originSocket", "Follows a session over a WebSocket")
            .about(
                "Answers 101 to a WebSocket handshake and 400 to anything else. The status comes at once and again when it really \
                 changed; what a client says is ignored.",
            )
            .answer(101, "The socket is open.", &[])
            .extra("x-websocket", json!({ "receives": null, "sends": schemas.of::<OriginFrame>() })),
        get("/api/health", "originHealth", "How the server is").json(200, "It answers.", schemas.of::<Health>()),
    ]);
    all
}

/// Numbers, agents, tasks.
pub(super) fn numbers(schemas: &mut Schemas) -> Vec<Operation> {
    let numbers = of_session(
        "/api/metrics/{id}",
        "originMetrics",
        "Tokens, decisions, agents, tests and patterns of a session",
    )
    .json(200, "The numbers.", schemas.of::<Numbers>());
    let agent = get(
        "/api/agent/{agent}",
        "originAgent",
        "One agent, of the session that worked last",
    )
    .part(
        "agent",
        "The agent's id.",
        json!({ "type": "string", "minLength": 1, "examples": ["builder-1"] }),
    )
    .json(200, "The agent.", schemas.of::<Agent>());
    vec![
        get(
            "/api/metrics/historical",
            "originHistory",
            "Tasks, and sums over all of them",
        )
        .query("limit", "Tasks at most; brought into 0 to 1,000.", count(100))
        .json(200, "The last tasks.", schemas.of::<Historical>()),
        or_refused(numbers, schemas, &[404]),
        get("/api/analytics/decisions", "originDecisions", "Sums of decisions")
            .query(
                "task_id",
                "Of one session; absent: of the 100 that worked last.",
                json!({ "type": "string" }),
            )
            .json(200, "The sums.", schemas.of::<DecisionAnalytics>()),
        get(
            "/api/analytics/agents",
            "originAgentKinds",
            "Sums of agents by their kind",
        )
        .query("agent_type", "Only this kind.", json!({ "type": "string" }))
        .json(200, "The sums.", schemas.of::<AgentAnalytics>()),
        of_session(
            "/api/token/status/{id}",
            "originTokens",
            "How full a session's context window is",
        )
        .json(200, "The window.", schemas.of::<TokenStatus>()),
        of_session("/api/agents/{session}", "originAgents", "The agents of a session").json(
            200,
            "The agents, the first that began first.",
            schemas.of::<Agents>(),
        ),
        or_refused(agent, schemas, &[404]),
        get(
            "/api/instances",
            "originInstances",
            "The sessions at work with what their agents come to",
        )
        .json(200, "The last 100.", schemas.of::<Instances>()),
        get(
            "/api/mcp/tasks",
            "originTasks",
            "The sessions at work under the name of tasks",
        )
        .json(200, "The last 100.", schemas.of::<Tasks>()),
        of_session(
            "/api/mcp/task/{id}",
            "originTask",
            "One session under the name of a task",
        )
        .json(200, "The task, or that there is none.", schemas.of::<TaskOrNone>()),
    ]
}

/// What producers send.
pub(super) fn producers(schemas: &mut Schemas) -> Vec<Operation> {
    let post = |path, id, summary| Operation::new("POST", path, Tag::Origin, id, summary).problems(&[507]);
    let phase = post("/api/phase-update", "originPhaseUpdate", "Takes a phase file")
        .json_body(
            "The file.",
            schemas.of::<PhaseFile>(),
            json!({ "session_id": "weather-app", "current_phase": "Builder", "phase_number": "3/7", "status": "building",
                "progress_detail": "Writing the parser", "phases_completed": ["Scout", "Architect"] }),
        )
        .json(200, "It is on disk.", schemas.of::<PhaseReceived>());
    let agent = post("/api/agent-update", "originAgentUpdate", "Takes the state of one agent")
        .json_body(
            "The agent.",
            schemas.of::<AgentState>(),
            json!({ "session_id": "weather-app", "agent_id": "builder-1", "agent_type": "Builder", "status": "active",
                "progress_percent": 40 }),
        )
        .json(200, "It is on disk.", schemas.of::<AgentUpdated>());
    let broadcast = post(
        "/api/broadcast/{id}",
        "originBroadcast",
        "Passes an event on to a session's viewers",
    )
    .about("Folded as well where its type is known.")
    .part("id", SESSION, any_name())
    .json_body(
        "Any object.",
        schemas.of::<Object>(),
        json!({ "type": "log_line", "data": { "line": "compiling" } }),
    )
    .json(200, "How many it was sent to.", schemas.of::<Broadcasted>());
    [phase, agent, broadcast]
        .into_iter()
        .map(|operation| or_refused(operation, schemas, &[400, 422]))
        .collect()
}
