//! Tokens and cost: a cold reading of all transcripts beside ccusage on the same files, the restart after a little was
//! appended to a lot, one huge transcript streaming by, and what a hook costs its agent (P10).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::Bench;
use crate::http::Connection;
use crate::process::{Server, get, pause};
use crate::report::{Report, quantile};
use crate::transcripts::{Transcript, archive};

const GIGABYTE: u64 = 1_000_000_000;

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    cold(bench, report)?;
    warm(bench, report)?;
    huge(bench, report)?;
    hooks(bench, report)
}

/// A program that reads all transcripts of `CLAUDE_CONFIG_DIR` and prints totals.
struct Reader {
    program: PathBuf,
    arguments: &'static [&'static str],
}

impl Reader {
    /// Seconds, and tokens of all types.
    fn run(&self, config: &Path) -> Result<(f64, u64)> {
        let home = TempDir::new()?;
        let begin = Instant::now();
        let output = Command::new(&self.program)
            .args(self.arguments)
            .env("CLAUDE_CONFIG_DIR", config)
            .env("CODEX_HOME", home.path())
            .env("HOME", home.path())
            .env("XDG_DATA_HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path())
            .output()
            .with_context(|| format!("starting {}", self.program.display()))?;
        let seconds = begin.elapsed().as_secs_f64();
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout)?;
        let totals = &answer["totals"];
        let of = |names: [&str; 2]| names.iter().find_map(|name| totals[*name].as_u64()).unwrap_or(0);
        let tokens = of(["input", "inputTokens"])
            + of(["output", "outputTokens"])
            + of(["cache_read", "cacheReadTokens"])
            + of(["cache_write", "cacheCreationTokens"]);
        Ok((seconds, tokens))
    }
}

/// The native program inside the npm package, so that Node's start is not counted against it.
fn ccusage() -> Option<Reader> {
    let folder = Path::new("bench/peers/node_modules/@ccusage");
    let native = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path().join("bin/ccusage"))
        .find(|path| path.is_file())?;
    Some(Reader {
        program: native.canonicalize().ok()?,
        arguments: &["session", "--offline", "--json"],
    })
}

#[expect(clippy::cast_precision_loss, reason = "bytes")]
fn cold(bench: &Bench, report: &mut Report) -> Result<()> {
    let config = TempDir::new()?;
    let bytes = if bench.quick { GIGABYTE / 10 } else { GIGABYTE };
    archive(config.path(), bytes)?;
    let ours = Reader {
        program: bench.binary.canonicalize()?,
        arguments: &["usage", "--by", "session", "--json"],
    };
    let peer = ccusage();
    // Once unmeasured, so that both find the files in memory.
    let (_, tokens) = ours.run(config.path())?;
    let (mut our_times, mut peer_times) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds(7, 3) {
        our_times.push(ours.run(config.path())?.0);
        if let Some(peer) = &peer {
            let (seconds, peer_tokens) = peer.run(config.path())?;
            ensure!(
                tokens == peer_tokens,
                "ccusage counts {peer_tokens} tokens, Forgecast {tokens}"
            );
            peer_times.push(seconds);
        }
    }
    let rate = |times: &mut [f64]| bytes as f64 / 1e6 / quantile(times, 0.5);
    let what = format!("cold reading of {} MB, same totals", bytes / 1_000_000);
    if peer.is_some() {
        let (our_rate, peer_rate) = (rate(&mut our_times), rate(&mut peer_times));
        report.beside(&what, our_rate, "MB/s", "ccusage", peer_rate);
    } else {
        report.figure(&what, rate(&mut our_times), "MB/s");
        report.skipped("ccusage", "cargo xtask bench installs it where it can");
    }
    Ok(())
}

/// Starts a server that reads the transcripts of `config` and keeps its database in `data`.
fn serve(bench: &Bench, config: &Path, data: &Path) -> Result<Server> {
    let mut command = Command::new(bench.binary.canonicalize()?);
    let root = data.join("root");
    std::fs::create_dir_all(&root)?;
    command
        .args(["serve", "--port", "0", "--db"])
        .arg(data.join("bench.db"))
        .arg(&root)
        .current_dir(data)
        .env("CLAUDE_CONFIG_DIR", config)
        .env("CODEX_HOME", data);
    Server::start(command)
}

/// Waits until the server knows so many calls.
fn wait_for_calls(server: &Server, calls: u64) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(1_800);
    while Instant::now() < until {
        if let Ok((200, body)) = get(server.address, "/api/v1/stats?group_by=model") {
            let answer: Value = serde_json::from_str(&body)?;
            if answer["totals"]["calls"].as_u64() == Some(calls) {
                return Ok(());
            }
        }
        // Seldom: what a question costs the server is not what is measured.
        pause(Duration::from_millis(100));
    }
    bail!("the server does not come to {calls} calls")
}

fn calls_in(bench: &Bench, config: &Path) -> Result<u64> {
    let home = TempDir::new()?;
    let output = Command::new(bench.binary.canonicalize()?)
        .args(["usage", "--by", "model", "--json"])
        .env("CLAUDE_CONFIG_DIR", config)
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .env("XDG_DATA_HOME", home.path())
        .output()?;
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    answer["totals"]["calls"].as_u64().context("the number of calls")
}

/// The restart after a megabyte was appended to an archive that is known already.
#[expect(clippy::cast_precision_loss, reason = "bytes")]
fn warm(bench: &Bench, report: &mut Report) -> Result<()> {
    let (config, data) = (TempDir::new()?, TempDir::new()?);
    let bytes = if bench.quick { GIGABYTE / 5 } else { 5 * GIGABYTE };
    let files = archive(config.path(), bytes)?;
    let begin = Instant::now();
    let server = serve(bench, config.path(), data.path())?;
    wait_for_calls(&server, calls_in(bench, config.path())?)?;
    report.figure(
        &format!(
            "first indexing of {} MB in {files} transcripts by the server",
            bytes / 1_000_000
        ),
        bytes as f64 / 1e6 / begin.elapsed().as_secs_f64(),
        "MB/s",
    );
    report.figure("its processor time", server.cpu_seconds()?, "s");
    report.figure("resident memory then", server.resident_bytes()? / 1e6, "MB");
    server.stop()?;
    let mut appended = Vec::new();
    for round in 0..bench.rounds(5, 3) {
        Transcript::append(config.path(), round)?.write(1_000_000)?;
        let calls = calls_in(bench, config.path())?;
        let server = serve(bench, config.path(), data.path())?;
        wait_for_calls(&server, calls)?;
        appended.push(server.cpu_seconds()? * 1_000.0);
        server.stop()?;
    }
    report.figure(
        "processor time of a restart after 1 MB was appended, until it is counted",
        quantile(&mut appended, 0.5),
        "ms",
    );
    Ok(())
}

/// One transcript that is larger than memory should become.
#[expect(clippy::cast_precision_loss, reason = "bytes")]
fn huge(bench: &Bench, report: &mut Report) -> Result<()> {
    let (config, data) = (TempDir::new()?, TempDir::new()?);
    let bytes = if bench.quick { GIGABYTE / 5 } else { 3 * GIGABYTE };
    Transcript::create(config.path(), 0)?.write(bytes)?;
    let calls = calls_in(bench, config.path())?;
    let server = serve(bench, config.path(), data.path())?;
    let begin = Instant::now();
    let (mut peak, mut done) = (0.0_f64, false);
    while !done {
        ensure!(
            begin.elapsed() < Duration::from_secs(1_800),
            "the transcript is not read"
        );
        peak = peak.max(server.resident_bytes()?);
        let (_, body) = get(server.address, "/api/v1/stats?group_by=model")?;
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        done = answer["totals"]["calls"].as_u64() == Some(calls);
        pause(Duration::from_millis(20));
    }
    report.figure(
        &format!("a live transcript of {} MB: read", bytes / 1_000_000),
        bytes as f64 / 1e6 / begin.elapsed().as_secs_f64(),
        "MB/s",
    );
    report.figure("the most memory meanwhile", peak / 1e6, "MB");
    server.stop()
}

/// What a hook waits for, beside the emptiest answer that the same server gives.
fn hooks(bench: &Bench, report: &mut Report) -> Result<()> {
    let (config, data) = (TempDir::new()?, TempDir::new()?);
    let server = serve(bench, config.path(), data.path())?;
    let mut connection = Connection::open(server.address)?;
    let (mut hooks, mut floor) = (Vec::new(), Vec::new());
    for round in 0..bench.rounds(20_000, 2_000) {
        let body = format!(
            "{{\"session_id\":\"bench\",\"transcript_path\":\"/tmp/bench.jsonl\",\"cwd\":\"/srv/bench\",\"hook_event_name\":\"PostToolUse\",\"tool_name\":\"Bash\",\"tool_use_id\":\"toolu_{round}\",\"tool_input\":{{\"command\":\"cargo test\"}},\"tool_response\":{{\"stdout\":\"ok\"}}}}"
        );
        hooks.push(connection.post("/api/v1/hooks/claude", body.as_bytes())?);
        floor.push(connection.get("/healthz")?);
    }
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let (hook, bare) = (quantile(&mut hooks, share), quantile(&mut floor, share));
        report.beside(&format!("a hook is answered, {name}"), hook, "ms", "GET /healthz", bare);
    }
    server.stop()
}
