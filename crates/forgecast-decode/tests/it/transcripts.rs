//! Transcripts for tests: invented lines, read by a reader, shown as what a person looks for.

use forgecast_decode::agents::Agent;
use forgecast_decode::clean::Cleaner;
use forgecast_decode::transcript::{DecodedLines, Depth, Reader};
use forgecast_protocol::event::{CallReported, Fact};
use forgecast_protocol::{Origin, SourceKind, Timestamp};
use serde_json::{Value, json};

pub(super) fn now() -> Timestamp {
    "2026-11-21T08:05:00Z".parse().unwrap()
}

pub(super) fn origin() -> Origin {
    Origin {
        kind: SourceKind::Transcript,
        path: Some("projects/-srv-weather/5f1c.jsonl".to_owned()),
        first_sight: false,
        modified_at: None,
    }
}

/// The lines as the bytes of a file.
pub(super) fn bytes(lines: &[Value]) -> Vec<u8> {
    lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

/// The agent with this key.
pub(super) fn agent(key: &str) -> &'static Agent {
    Agent::by_key(key).unwrap()
}

pub(super) fn reader(kind: &'static Agent, path: &str, state: &str) -> Reader {
    kind.reader(kind.path_of(path).unwrap(), state)
}

/// Reads a whole file, line by line.
pub(super) fn read_bytes(reader: &mut Reader, bytes: &[u8], offset: u64, depth: Depth, out: &mut DecodedLines) {
    let (cleaner, origin) = (Cleaner::default(), origin());
    let mut offset = offset;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        reader.line(text, offset, &origin, &cleaner, now(), depth, out);
        offset += line.len() as u64;
    }
}

pub(super) fn read(kind: &'static Agent, path: &str, lines: &[Value], depth: Depth) -> DecodedLines {
    let mut taken = DecodedLines::default();
    read_bytes(&mut reader(kind, path, ""), &bytes(lines), 0, depth, &mut taken);
    taken
}

/// What was taken: facts with their times, then the log.
pub(super) fn shown(taken: &DecodedLines) -> Value {
    let facts = taken.events.iter().map(|event| {
        let mut fact = serde_json::to_value(&event.fact).unwrap();
        if let Some(at) = event.origin.modified_at {
            fact["(at)"] = json!(at);
        }
        fact
    });
    let lines = taken.logs.iter().flat_map(|chunk| &chunk.lines).map(|line| {
        let level = line.level.map(|level| format!("{level:?} ")).unwrap_or_default();
        let from = line
            .from
            .as_deref()
            .map(|from| format!("[{from}] "))
            .unwrap_or_default();
        format!("{} {level}{from}{}", &line.at.to_string()[11..19], line.text)
    });
    json!({
        "facts": facts.collect::<Vec<_>>(),
        "log": lines.collect::<Vec<_>>(),
        "unknown": taken.unknown,
        "bad": taken.bad,
        "last_bad": taken.last_bad,
    })
}

pub(super) fn calls(taken: &DecodedLines) -> Vec<CallReported> {
    let calls = taken.events.iter().filter_map(|event| match &event.fact {
        Fact::CallReported(call) => Some(call.clone()),
        _ => None,
    });
    calls.collect()
}
