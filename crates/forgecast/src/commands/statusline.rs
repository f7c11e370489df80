//! `statusline`: the command of Claude Code's status line. It prints the line, and sends what it was given of the plan's
//! limits, which Claude Code writes nowhere else. The agent waits for it, so it uses neither the async runtime nor the
//! configuration, gives up on a server within a few milliseconds, and never fails.

mod template;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use forgecast_decode::agents::{StatusLine, claude_status_line};
use forgecast_decode::clean::Cleaner;
use forgecast_decode::mask;
use forgecast_protocol::Timestamp;
use forgecast_protocol::rest::LimitsReport;
use serde_json::{Value, json};

use super::Context;
use crate::cli::StatuslineArgs;
use crate::connect::HOOKS;
use crate::emit::{Exchange, random_id};
use crate::private_folder::make_private;
use crate::runtime_file;
use crate::spool::Spool;
use template::LineContent;

/// How long a server may take in all; of 20 ms the rest is for starting and ending the process.
const TIME_LIMIT: Duration = Duration::from_millis(12);
/// The largest input in bytes.
const MAX_INPUT: u64 = 1 << 20;
/// The folder in which it is remembered what each session said last, and how many files are in it at most.
const FOLDER: &str = "statusline";
const FILES: u64 = 64;

/// Prints the line and sends the limits. What goes wrong costs what depends on it, and is not reported: the agent would
/// show it.
pub(crate) fn run(context: &Context, args: &StatuslineArgs) {
    let mut input = Vec::new();
    let _ = std::io::stdin().lock().take(MAX_INPUT).read_to_end(&mut input);
    // Whoever writes the input may take a while for it.
    let deadline = Instant::now() + TIME_LIMIT;
    let command = args.command.as_deref().and_then(|command| start(command, &input));
    let now = forgecast_ingest::system_clock().now();
    // The server masks what it is sent; compiling the rules for it would take longer than everything else.
    let cleaner = Cleaner::new(mask::Rules::none());
    let line = claude_status_line(&input, args.account.as_deref(), &cleaner, now).unwrap_or_default();
    let server = runtime_file::delivering(&context.environment);
    let exchange = server.as_ref().map(|running| Exchange {
        url: &running.url,
        token: running.key.as_deref(),
        deadline,
    });
    let default = args
        .command
        .as_ref()
        .map_or(template::DEFAULT, |_| template::OF_COMMAND);
    let wanted = args.template.as_deref().unwrap_or(default);
    let wants_server = wanted.contains("{day}") || wanted.contains("{burn}");
    let report = exchange.filter(|_| wants_server).and_then(report);
    if !line.limits.is_empty() {
        send(context, exchange, &input, &line, args.account.as_deref(), now);
    }
    let output = command.and_then(|child| child.wait_with_output().ok());
    let output = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = template::render(
        wanted,
        LineContent {
            line: &line,
            report: report.as_ref(),
            command: output.as_deref(),
            now,
        },
    );
    // The user's own command may print colors, which is why nothing is escaped; the rest was cleaned.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Starts the user's own command and gives it the input.
fn start(command: &str, input: &[u8]) -> Option<Child> {
    let child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.ok()?;
    let (stdin, input) = (child.stdin.take(), input.to_vec());
    // On another thread: it may not read what it is given.
    std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
    Some(child)
}

fn report(exchange: Exchange<'_>) -> Option<LimitsReport> {
    let (status, body) = exchange.send("/api/v1/limits", None).ok()?;
    (status == 200).then(|| serde_json::from_slice(&body).ok()).flatten()
}

/// Sends the limits to the server, else keeps them in the spool, unless this session said the same before: a line that is
/// only drawn again says how it was then, not how it is now.
fn send(
    context: &Context,
    exchange: Option<Exchange<'_>>,
    input: &[u8],
    line: &StatusLine,
    account: Option<&str>,
    now: Timestamp,
) {
    let input: Value = serde_json::from_slice(input).unwrap_or_default();
    let hook = json!({
        "hook_event_name": "Status",
        "session_id": line.session.as_deref().unwrap_or("unknown"),
        "account": account,
        "rate_limits": input["rate_limits"],
    })
    .to_string();
    let data = context.environment.data_folder();
    if is_known(&data, line.session.as_deref().unwrap_or_default(), &hook) {
        return;
    }
    let sent = exchange.and_then(|exchange| exchange.send(HOOKS, Some(&hook)).ok());
    if sent.is_some_and(|(status, _)| status == 204) {
        return;
    }
    let envelopes = line.limits.iter().filter_map(|limit| {
        let mut envelope = serde_json::to_value(limit).ok()?;
        envelope["type"] = "limit_reported".into();
        envelope["id"] = random_id("limit").into();
        Some(envelope)
    });
    let envelopes: Vec<Value> = envelopes.collect();
    let _ = Spool::within(&data).keep(&Value::from(envelopes).to_string(), now.as_millis());
}

/// Whether a session said this last; from now on it did.
fn is_known(data: &Path, session: &str, said: &str) -> bool {
    let hash = |text: &str| {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        hasher.finish()
    };
    let folder = data.join(FOLDER);
    let file = folder.join((hash(session) % FILES).to_string());
    let content = format!("{:016x}{:016x}", hash(session), hash(said));
    if std::fs::read_to_string(&file).is_ok_and(|known| known == content) {
        return true;
    }
    let _ = make_private(&folder).and_then(|()| std::fs::write(&file, content));
    false
}
