//! Transcripts of coding agents as tests write them: invented, in the shape of real ones, with an account of their own of
//! what was used.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use serde_json::{Value, json};

/// Tokens by type: input, output, cache read, cache written.
pub(crate) type Tokens = [u64; 4];

pub(crate) const MODEL: &str = "claude-opus-4-8";
/// US dollars per million tokens of [`MODEL`], in the order of [`Tokens`].
const PRICES: [f64; 4] = [5.0, 25.0, 0.5, 6.25];

/// One file that grows.
pub(crate) struct Growing {
    pub(crate) path: PathBuf,
    bytes: Vec<u8>,
    written: usize,
}

impl Growing {
    pub(crate) fn new(path: PathBuf, lines: &[Value]) -> Self {
        let bytes = lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
        Self {
            path,
            bytes,
            written: 0,
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// Appends the next bytes, wherever that ends.
    pub(crate) fn grow(&mut self, by: usize) {
        let end = (self.written + by).min(self.bytes.len());
        fs::create_dir_all(self.path.parent().unwrap()).unwrap();
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)
            .unwrap();
        file.write_all(&self.bytes[self.written..end]).unwrap();
        self.written = end;
    }

    pub(crate) fn finish(&mut self) {
        self.grow(usize::MAX - self.written);
    }
}

/// A moment some seconds ago, as agents write it.
pub(crate) fn ago(seconds: i64) -> String {
    let now = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds);
    format!("{now:.3}")
}

pub(crate) fn usage([input, output, read, written]: Tokens) -> Value {
    json!({"input_tokens": input, "output_tokens": output, "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written, "service_tier": "standard",
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0}})
}

/// A line of an agent's own session.
pub(crate) struct Speaker<'a> {
    pub(crate) session: &'a str,
    pub(crate) folder: &'a Path,
    /// The subagent that speaks.
    pub(crate) agent: Option<&'a str>,
}

impl Speaker<'_> {
    fn line(&self, kind: &str, at: &str, message: &Value) -> Value {
        let mut line = json!({"parentUuid": null, "isSidechain": self.agent.is_some(), "userType": "external",
            "cwd": self.folder, "sessionId": self.session, "version": "2.1.70", "gitBranch": "main", "type": kind,
            "uuid": format!("{:032x}", fastrand::u128(..)), "timestamp": at, "message": message});
        if let Some(agent) = self.agent {
            line["agentId"] = agent.into();
        }
        line
    }

    pub(crate) fn prompt(&self, text: &str, at: &str) -> Value {
        self.line("user", at, &json!({"role": "user", "content": text}))
    }

    pub(crate) fn call(&self, id: &str, tokens: Tokens, at: &str) -> Value {
        let content = json!([{"type": "text", "text": format!("step {id}")},
            {"type": "tool_use", "id": format!("toolu_{id}"), "name": "Read", "input": {"file_path": "src/main.rs"}}]);
        let mut line = self.line(
            "assistant",
            at,
            &json!({"id": format!("msg_{id}"), "type": "message", "role": "assistant", "model": MODEL,
                "content": content, "stop_reason": null, "usage": usage(tokens)}),
        );
        line["requestId"] = format!("req_{id}").into();
        line
    }
}

/// What was used in sessions, as the test's author knows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Expected(pub(crate) BTreeMap<String, (Tokens, u64)>);

impl Expected {
    fn add(&mut self, session: &str, tokens: Tokens) {
        let (sum, calls) = self.0.entry(session.to_owned()).or_default();
        for (sum, tokens) in sum.iter_mut().zip(tokens) {
            *sum += tokens;
        }
        *calls += 1;
    }

    pub(crate) fn total(&self) -> (Tokens, u64) {
        let mut total = (Tokens::default(), 0);
        for (tokens, calls) in self.0.values() {
            total.1 += calls;
            for (sum, tokens) in total.0.iter_mut().zip(tokens) {
                *sum += tokens;
            }
        }
        total
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn dollars(tokens: &Tokens) -> f64 {
    tokens
        .iter()
        .zip(PRICES)
        .map(|(tokens, price)| *tokens as f64 * price / 1e6)
        .sum()
}

/// The tokens and calls of something with an amount in it.
pub(crate) fn amount(value: &Value) -> (Tokens, u64) {
    let number = |name: &str| value[name].as_u64().unwrap_or_else(|| panic!("no {name} in {value}"));
    (
        ["input", "output", "cache_read", "cache_write"].map(number),
        number("calls"),
    )
}

fn tokens(rng: &mut Rng) -> Tokens {
    [rng.u64(1..50), rng.u64(1..3_000), rng.u64(0..90_000), rng.u64(0..9_000)]
}

/// Sessions with subagents that replay what their parents said, each call told on several lines, and what is in them.
/// `folders` are where they run, one session each.
pub(crate) fn sessions(claude: &Path, folders: &[PathBuf], rng: &mut Rng) -> (Vec<Growing>, Expected) {
    let (mut files, mut expected) = (Vec::new(), Expected::default());
    for (number, folder) in folders.iter().enumerate() {
        let session = format!("{:08x}-1c1e-4b1a-9f00-00000000000{number}", rng.u32(..));
        let slug = folder.to_string_lossy().replace(['/', '.'], "-");
        let project = claude.join("projects").join(slug);
        let parent = Speaker {
            session: &session,
            folder,
            agent: None,
        };
        let mut lines = vec![parent.prompt(&format!("Build part {number}"), &ago(60))];
        let mut said = Vec::new();
        for call in 0..rng.u32(5..15) {
            let (id, whole) = (format!("{number}m{call}"), tokens(rng));
            // The same call on several lines; what it used grows, and the last line is not always the largest.
            for part in 0..rng.u64(1..4) {
                let [input, output, read, written] = whole;
                lines.push(parent.call(&id, [input, output.min(1 + part), read, written], &ago(50)));
            }
            lines.push(parent.call(&id, whole, &ago(50)));
            said.push((id, whole));
            expected.add(&session, whole);
        }
        files.push(Growing::new(project.join(format!("{session}.jsonl")), &lines));
        for agent in 0..2 {
            let name = format!("a{number}{agent}f");
            let speaker = Speaker {
                agent: Some(&name),
                ..parent
            };
            let mut lines = vec![speaker.prompt("Look for it", &ago(40))];
            for (id, whole) in said.iter().take(2) {
                lines.push(speaker.call(id, *whole, &ago(50)));
            }
            for call in 0..rng.u32(1..6) {
                let whole = tokens(rng);
                lines.push(speaker.call(&format!("{number}s{agent}c{call}"), whole, &ago(30)));
                expected.add(&session, whole);
            }
            let file = project
                .join(&session)
                .join("subagents")
                .join(format!("agent-{name}.jsonl"));
            files.push(Growing::new(file, &lines));
        }
    }
    (files, expected)
}
