//! Transcripts of agents: real files that grow, are cut, moved and left behind, and what is read of them and when.

mod agents;
mod archives;
mod folders;
mod following;
mod restart;
mod size;
mod speed;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use forgecast_ingest::Options;
use forgecast_protocol::event::IndexingProgress;
use forgecast_protocol::{Event, Fact};

use crate::support::{Running, home_of};

/// An agent's configuration folder, and nothing else to watch.
pub(crate) fn claude(folder: &Path) -> Options {
    Options {
        agents: vec![home_of("claude", folder)],
        reconcile_ms: 500,
        discover_ms: 2_000,
        ..Options::default()
    }
}

/// Where the transcript of a session is.
pub(crate) fn session(folder: &Path, project: &str, session: &str) -> PathBuf {
    folder.join("projects").join(project).join(format!("{session}.jsonl"))
}

/// A call as an agent writes it, in one line with its end.
pub(crate) fn call(message: &str) -> String {
    call_with(message, "a few words")
}

pub(crate) fn call_with(message: &str, text: &str) -> String {
    format!(
        concat!(
            r#"{{"type":"assistant","uuid":"u-{message}","sessionId":"s","cwd":"/srv/none","#,
            r#""timestamp":"2026-11-20T08:00:00.000Z","requestId":"req_{message}","isSidechain":false,"#,
            r#""message":{{"id":"{message}","role":"assistant","model":"claude-opus-4-8","#,
            r#""content":[{{"type":"text","text":"{text}"}}],"#,
            r#""usage":{{"input_tokens":3,"output_tokens":5,"cache_creation_input_tokens":0,"cache_read_input_tokens":7}}}}}}"#,
            "\n"
        ),
        message = message,
        text = text,
    )
}

/// A call in a line of about so many bytes, most of which say nothing.
pub(crate) fn padded(message: &str, bytes: usize) -> String {
    let padding = format!(r#"{{"toolUseResult":"{}","#, "x".repeat(bytes));
    call(message).replacen('{', &padding, 1)
}

/// A step of Codex: so many tokens in all so far.
pub(crate) fn step(total: u64) -> String {
    format!(
        concat!(
            r#"{{"timestamp":"2026-11-20T08:00:{:02}.000Z","type":"event_msg","payload":{{"type":"token_count","info":{{"#,
            r#""total_token_usage":{{"input_tokens":{},"cached_input_tokens":0,"output_tokens":1,"reasoning_output_tokens":0,"total_tokens":{}}},"#,
            r#""last_token_usage":{{"input_tokens":10,"cached_input_tokens":0,"output_tokens":1,"reasoning_output_tokens":0,"total_tokens":11}}}}}}}}"#,
            "\n"
        ),
        total % 60,
        total,
        total + 1
    )
}

pub(crate) fn append(path: &Path, text: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    file.write_all(text.as_ref()).unwrap();
}

/// Makes a file or folder look as if it was last changed so many days after the first of January 2026.
pub(crate) fn age(path: &Path, day: u64) {
    let time = UNIX_EPOCH + Duration::from_secs(1_767_225_600 + day * 86_400);
    std::fs::File::open(path).unwrap().set_modified(time).unwrap();
}

/// An archive: written once, long ago.
pub(crate) fn archive(path: &Path, text: impl AsRef<[u8]>, day: u64) {
    append(path, text);
    age(path, day);
}

/// Messages of the calls that were told, in the order in which they were told.
pub(crate) fn messages(running: &Running) -> Vec<String> {
    running.pick(message)
}

pub(crate) fn message(event: &Event) -> Option<String> {
    match &event.fact {
        Fact::CallReported(call) => call.call.message.clone(),
        _ => None,
    }
}

/// How many calls were told.
pub(crate) fn calls(running: &Running) -> usize {
    running
        .pick(|event| matches!(event.fact, Fact::CallReported(_)).then_some(()))
        .len()
}

/// What was told of the reading of archives, in order.
pub(crate) fn progress(running: &Running) -> Vec<IndexingProgress> {
    running.pick(|event| match event.fact {
        Fact::IndexingProgress(progress) => Some(progress),
        _ => None,
    })
}

/// Whether all archives were read.
pub(crate) fn indexed(running: &Running) -> bool {
    progress(running).last().is_some_and(|last| last.done == last.files)
}
