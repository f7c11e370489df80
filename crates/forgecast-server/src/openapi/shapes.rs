//! What REST v1 is asked and answers, as far as no type of the protocol says it. Read by the description of the API only,
//! which is compared with real answers by the tests.

#![expect(dead_code, reason = "only the schemas are used")]

use std::collections::BTreeMap;

use forgecast_protocol::event::IndexingProgress;
use forgecast_protocol::{Event, LogLine, SessionId, SessionRef, SessionRow, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// A page of the overview.
#[derive(JsonSchema, Serialize)]
pub(super) struct SessionList {
    /// Rows, in the order that was asked for.
    sessions: Vec<SessionRow>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]+$"), length(max = 4096))]
    next_cursor: Option<String>,
}

/// Lines of a log.
#[derive(JsonSchema, Serialize)]
pub(super) struct LogPage {
    /// The number of the oldest line that is kept.
    first_offset: u64,
    /// Where the next page begins.
    next_offset: u64,
    /// The number that the next new line will have.
    end_offset: u64,
    /// The lines, in order.
    lines: Vec<LogLine>,
}

/// Where lines match, as far as one look goes.
#[derive(JsonSchema, Serialize)]
pub(super) struct LogMatches {
    /// The number of the oldest line that is kept.
    first_offset: u64,
    /// Where the next look begins.
    next_offset: u64,
    /// The number that the next new line will have.
    end_offset: u64,
    /// The numbers of the lines that match, in order.
    offsets: Vec<u64>,
}

/// A fact with its place.
#[derive(JsonSchema, Serialize)]
pub(super) struct StoredEvent {
    /// Grows with every fact of every session; never reused.
    sequence: u64,
    /// The session's revision after it.
    revision: u64,
    /// The fact.
    event: Event,
}

/// Facts, in order.
#[derive(JsonSchema, Serialize)]
pub(super) struct EventPage {
    /// The facts; the last one's `sequence` is the `after` of the next page.
    events: Vec<StoredEvent>,
}

/// What can be drawn over time.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Metric {
    /// Tokens of all types used within each step.
    Tokens,
    /// US dollars spent within each step, as far as prices are known.
    CostUsd,
    /// Tests passed, by the last result within each step.
    TestsPassed,
    /// Tests failed, by the last result within each step.
    TestsFailed,
    /// Progress, 0 to 100, the last within each step.
    Progress,
}

/// One number over time.
#[derive(JsonSchema, Serialize)]
pub(super) struct Series {
    /// Which.
    metric: Metric,
    /// Seconds that a point stands for.
    #[schemars(range(min = 1))]
    resolution_s: u32,
    /// The beginning of a step and its value; steps in which nothing happened are left out.
    points: Vec<(Timestamp, f64)>,
}

/// A session as one document: `forgecast import` and `POST /api/v1/import` read it back.
#[derive(JsonSchema, Serialize)]
pub(super) struct Exported {
    /// What makes it the one it is.
    session: StoredSession,
    /// Its newest revision.
    revision: u64,
    /// Its row in the overview.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<SessionRow>,
    /// All facts that are kept.
    events: Vec<StoredEvent>,
    /// All log lines that are kept.
    log: Vec<LogLine>,
}

/// What makes a session the one it is.
#[derive(JsonSchema, Serialize)]
pub(super) struct StoredSession {
    /// Its id.
    id: SessionId,
    /// Its name as a producer or a folder gave it.
    name: String,
    /// The absolute path of the project's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<String>,
    /// Whether a producer named it (else the name is the folder's).
    named: bool,
    /// When it was first seen.
    created_at: Timestamp,
}

/// How the server is: `ready`, or what is not well.
#[derive(JsonSchema, Serialize)]
pub(super) struct Readiness {
    /// `starting` until the sources were read once, `degraded` while a part is down.
    status: Ready,
    /// The configured folders.
    sources: Vec<Root>,
    /// The database.
    store: StoreState,
    /// How far the reading of archives is, while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    indexing: Option<IndexingProgress>,
}

/// See [`Readiness`].
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ready {
    #[serde(rename = "ready")]
    Well,
    Starting,
    Degraded,
}

/// One configured folder.
#[derive(JsonSchema, Serialize)]
pub(super) struct Root {
    /// Where it is.
    path: String,
    /// What it is for.
    kind: RootKind,
    /// How it is observed.
    state: RootState,
    /// Projects (sessions, transcripts) found in it.
    projects: u64,
    /// What is wrong and the way out, when something is.
    message: Option<String>,
}

/// What a configured folder is for.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RootKind {
    Projects,
    Checkpoints,
    Logs,
    Claude,
    Codex,
    Foundry,
}

/// How a configured folder is observed.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RootState {
    Watching,
    Polling,
    Missing,
    Unreadable,
}

/// How the database is.
#[derive(JsonSchema, Serialize)]
pub(super) struct StoreState {
    /// Whether it takes facts.
    writable: bool,
    /// Whether the disk is full.
    full: bool,
    /// Bytes that wait to be written.
    backlog_bytes: u64,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

/// What became of a push.
#[derive(JsonSchema, Serialize)]
pub(super) struct PushReceipt {
    /// Facts and log lines that are stored now.
    accepted: u64,
    /// Facts that were known already.
    duplicates: u64,
    /// Envelopes that were not taken. The others were.
    rejected: Vec<Rejection>,
}

/// An envelope that was not taken.
#[derive(JsonSchema, Serialize)]
pub(super) struct Rejection {
    /// Its place in the body, from 0.
    index: u64,
    /// What is wrong and the way out.
    problem: String,
}

/// What became of an exported session.
#[derive(JsonSchema, Serialize)]
pub(super) struct ImportReceipt {
    /// The id that it has here.
    session: SessionId,
    /// Whether it is new here; a session that was here already is left as it is.
    new: bool,
    /// Facts that were stored.
    events: u64,
    /// Log lines that were stored.
    log_lines: u64,
}

/// One fact as it is pushed. The fields of its kind stand beside these, or together in `data`; names, times and numbers
/// are read leniently: what cannot be read is a problem of the session, and the rest is taken.
#[derive(JsonSchema, Serialize)]
#[schemars(extend("anyOf" = [{"required": ["session"]}, {"required": ["session_id"]}, {"required": ["directory"]}]))]
pub(super) struct Envelope {
    /// The same id twice is the same fact. A number is taken for its digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[ -~]{1,200}$"), length(min = 1, max = 200))]
    id: Option<String>,
    /// The name of the build, or the id of a run. Any text: one that cannot be an id has one made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    /// The same in the envelope of a broadcaster.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    /// The absolute path of the folder that the session works in, without `.` or `..`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    directory: Option<String>,
    /// The producer's time, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// Whether the fact was learned then, not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<bool>,
    /// `session_seen`, `phase_reported`, `checkpoint_reported`, `task_reported`, `tests_reported`, `agent_reported`,
    /// `decision_recorded`, `pattern_recorded`, `artifact_changed`, `usage_recorded`, `tool_used`, `waiting_began`,
    /// `waiting_ended`, `error_reported`, `completion_reported`, `problem_found`, `problem_cleared`, `source_gone`,
    /// `source_returned`, each with the fields of the fact of this name; any other word is passed on as it is.
    #[serde(rename = "type")]
    kind: String,
    /// The fields of the fact, when they do not stand in the envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

/// One envelope or several.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
pub(super) enum Envelopes {
    /// One.
    One(Envelope),
    /// Several: each is taken or rejected by itself.
    Several(Vec<Envelope>),
}

/// A hook of Claude Code as it comes; what is not named here is kept out of sight or passed over.
#[derive(JsonSchema, Serialize)]
pub(super) struct Hook {
    /// Which hook it is, `PostToolUse`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    hook_event_name: Option<String>,
    /// The agent's own session.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    /// The folder it works in.
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<String>,
    /// The transcript's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript_path: Option<String>,
    /// The tool, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<String>,
}

/// OTLP: `ExportLogsServiceRequest`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportLogs {
    /// Logs by the resource that wrote them.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_logs: Option<Vec<Map<String, Value>>>,
}

/// OTLP: `ExportMetricsServiceRequest`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportMetrics {
    /// Metrics by the resource that measured them.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_metrics: Option<Vec<Map<String, Value>>>,
}

/// OTLP: `ExportLogsServiceResponse`, `ExportMetricsServiceResponse`; empty when everything was taken.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Exporting {
    /// What was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial_success: Option<Partial>,
}

/// What of an export was not taken.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Partial {
    /// Log records, as digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9]+$"))]
    rejected_log_records: Option<String>,
    /// Data points, as digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9]+$"))]
    rejected_data_points: Option<String>,
    /// Why.
    error_message: String,
}

/// `google.rpc.Status`: why an export was not taken.
#[derive(JsonSchema, Serialize)]
pub(super) struct RpcStatus {
    /// gRPC's number for the kind of trouble.
    #[schemars(range(min = 0, max = 16))]
    code: u8,
    /// In words.
    message: String,
}

/// A token that is to be exchanged for a cookie.
#[derive(JsonSchema, Serialize)]
pub(super) struct Login {
    /// As `forgecast token` showed it, or the one of a share link.
    #[schemars(length(min = 1, max = 200), example = "fc_v_…")]
    token: String,
}

/// Who is signed in.
#[derive(JsonSchema, Serialize)]
pub(super) struct Me {
    /// What this one may do; null for a stranger.
    role: Option<Role>,
    /// The one session that a guest may watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
}

/// What a token, or the place that a request comes from, allows.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    /// To watch.
    View,
    /// To send facts.
    Ingest,
    /// Everything.
    Admin,
    /// A process of this machine: to watch and to send.
    Local,
    /// The holder of a share link: to watch one session.
    Guest,
}

/// The path or the id of a session in a path.
pub(super) type Session = SessionRef;

/// Any object.
pub(super) type Object = BTreeMap<String, Value>;
