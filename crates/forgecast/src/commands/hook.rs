//! `hook`: the command of the hooks of agents whose hooks run commands. It passes the body on to the server and the server's
//! answer back to the agent. The agent waits for it, so it uses neither the async runtime nor the configuration, gives up on
//! a server within a few milliseconds, and never fails. What no server takes waits in the spool, decoded.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use forgecast_decode::agents::{AGENTS, Agent, Hooks, output_envelopes};
use forgecast_decode::clean::Cleaner;
use forgecast_decode::mask;
use forgecast_decode::transcript::DecodedLines;
use serde_json::Value;

use super::Context;
use crate::cli::HookArgs;
use crate::emit::{Exchange, random_id};
use crate::runtime_file;
use crate::spool::Spool;
use crate::terminal;

/// How long a server may take in all; of 20 ms the rest is for starting and ending the process.
const TIME_LIMIT: Duration = Duration::from_millis(12);
/// The largest body in bytes; a result of a tool is a part of it.
const MAX_BODY: u64 = 8 << 20;

/// Passes on one hook. What goes wrong is no matter of the agent: it would show it, and take some exit codes for an answer.
pub(crate) fn run(context: &Context, args: &HookArgs) {
    // All of it, before anything else: an agent may take a pipe that breaks for a failure.
    let mut body = Vec::new();
    let mut stdin = std::io::stdin().lock();
    let read = stdin.by_ref().take(MAX_BODY).read_to_end(&mut body);
    let rest = std::io::copy(&mut stdin, &mut std::io::sink());
    // Whoever writes it may take a while.
    let deadline = Instant::now() + TIME_LIMIT;
    let Some(hooks) = Agent::by_key(&args.agent).and_then(|agent| agent.hooks.as_ref()) else {
        let known = AGENTS
            .iter()
            .filter(|agent| agent.hooks.is_some())
            .map(|agent| agent.key);
        let known = known.collect::<Vec<_>>().join(", ");
        return terminal::warn(&format!("{:?} is no agent with hooks; there are: {known}", args.agent));
    };
    let is_whole = read.is_ok() && matches!(rest, Ok(0));
    let body = String::from_utf8(body).ok();
    let Some(body) = body.filter(|body| is_whole && !body.trim().is_empty()) else {
        return;
    };
    match send(context, hooks, &body, deadline) {
        Some(answer) if !answer.is_empty() => _ = std::io::stdout().lock().write_all(&answer),
        Some(_) => {}
        None => keep(context, hooks, &body),
    }
}

/// The server's answer; none if there is none, or the hook may be accepted later.
fn send(context: &Context, hooks: &Hooks, body: &str, deadline: Instant) -> Option<Vec<u8>> {
    let running = runtime_file::delivering(&context.environment)?;
    let exchange = Exchange {
        url: &running.url,
        token: running.key.as_deref(),
        deadline,
    };
    match exchange.send(hooks.path, Some(body)).ok()? {
        (200, answer) => Some(answer),
        // Taken, or never to be: its words are for people and not for the agent.
        (204 | 400 | 413 | 422, _) => Some(Vec::new()),
        _ => None,
    }
}

/// Keeps the facts of a hook under the ids that the server would give them: if it did take the hook, they count once.
fn keep(context: &Context, hooks: &Hooks, body: &str) {
    let now = forgecast_ingest::system_clock().now();
    // The server masks what it is sent; compiling the rules for it would take longer than everything else.
    let cleaner = Cleaner::new(mask::Rules::none());
    let Ok(batch) = (hooks.decode)(body.as_bytes(), &cleaner, now) else {
        return;
    };
    let facts = DecodedLines {
        events: batch.events,
        ..DecodedLines::default()
    };
    let envelopes = output_envelopes(&facts, &random_id("hook"));
    if !envelopes.is_empty() {
        let spool = Spool::within(&context.environment.data_folder());
        let _ = spool.keep(&Value::from(envelopes).to_string(), now.as_millis());
    }
}
