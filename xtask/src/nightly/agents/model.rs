//! A model that costs nothing: a server on loopback that speaks Anthropic Messages and OpenAI
//! Responses, streamed where the request asks for it. It thinks nothing up: the test takes each
//! request of an agent and says what is answered, so that an agent stands still wherever the test
//! looks at it. Every answer has an id and a usage of its own.

mod dialect;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use self::dialect::Dialect;
use super::PATIENCE;
use crate::Result;

/// Requests and answers that wait to be taken; an agent asks a handful of things at a time.
const ROOM: usize = 64;
/// How long a request is waited for that need not come.
const MOMENT: Duration = Duration::from_secs(1);
/// The largest request that is read, in bytes.
const MAX_BODY: u64 = 64 << 20;

/// Tokens of calls, each kind on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) calls: u64,
    pub(super) input: u64,
    pub(super) output: u64,
    pub(super) cache_read: u64,
    pub(super) cache_write: u64,
}

impl Tokens {
    pub(super) fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.cache_write += other.cache_write;
    }
}

/// What is answered.
pub(super) enum Reply {
    /// A few words, and the turn is over.
    Text(String),
    /// The use of a tool.
    Tool(&'static str, Value),
    /// An error of the API: its status and message.
    Error(u16, &'static str),
}

/// A request that waits for its answer.
pub(super) struct Request {
    pub(super) body: Value,
    reply: SyncSender<Reply>,
}

impl Request {
    /// Answers it. An agent that was interrupted may not be there any more.
    pub(super) fn answer(self, reply: Reply) {
        let _ = self.reply.send(reply);
    }
}

/// The server; it ends with the process.
pub(super) struct Model {
    pub(super) url: String,
    requests: Receiver<Request>,
    state: Arc<State>,
}

/// What its connections share.
struct State {
    /// Numbers for ids and usage.
    next: AtomicU64,
    /// What was answered in full to requests that offer tools: the agent's work.
    answered: Mutex<Tokens>,
}

impl Model {
    pub(super) fn start() -> Result<Self> {
        let wrong = |error: std::io::Error| format!("the model's server: {error}");
        let listener = TcpListener::bind("127.0.0.1:0").map_err(wrong)?;
        let url = format!("http://{}", listener.local_addr().map_err(wrong)?);
        let (sender, requests) = sync_channel(ROOM);
        let state = Arc::new(State {
            next: AtomicU64::new(1),
            answered: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, state) = (sender.clone(), Arc::clone(&shared));
                // A connection that breaks is the agent's own doing.
                std::thread::spawn(move || _ = serve(stream, &requests, &state));
            }
        });
        Ok(Self { url, requests, state })
    }

    /// The next request of an agent at work; those beside its work (titles, summaries) are answered
    /// by themselves.
    pub(super) fn next(&self, what: &str) -> Result<Request> {
        self.requests.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("the agent never asked the model: {what}"),
            RecvTimeoutError::Disconnected => "the model's server ended".to_owned(),
        })
    }

    /// The next request of an agent at work, if one comes within a moment.
    pub(super) fn soon(&self) -> Option<Request> {
        self.requests.recv_timeout(MOMENT).ok()
    }

    /// What was used so far.
    pub(super) fn answered(&self) -> Tokens {
        self.state
            .answered
            .lock()
            .map_or_else(|error| *error.into_inner(), |tokens| *tokens)
    }
}

/// One connection: requests, one after the other.
fn serve(stream: TcpStream, requests: &SyncSender<Request>, state: &State) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some((method, path, body)) = read_request(&mut reader)? {
        let path = path.split('?').next().unwrap_or_default().to_owned();
        if method == "GET" && path.ends_with("/models") {
            let models = json!({"object": "list", "data": [{"id": "made-up", "object": "model"}], "models": []});
            write_json(&mut writer, 200, &models)?;
        } else if path.ends_with("/count_tokens") {
            write_json(&mut writer, 200, &json!({"input_tokens": 10}))?;
        } else if let Some(dialect) = Dialect::of(&path) {
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            answer(&mut writer, dialect, body, requests, state)?;
        } else {
            write_json(
                &mut writer,
                404,
                &json!({"error": {"type": "not_found_error", "message": path}}),
            )?;
        }
    }
    Ok(())
}

fn answer(
    writer: &mut TcpStream,
    dialect: Dialect,
    body: Value,
    requests: &SyncSender<Request>,
    state: &State,
) -> std::io::Result<()> {
    // A request beside the work (for a title, a summary) offers no tools to run commands.
    let is_work = body["tools"].as_array().is_some_and(|tools| tools.len() > 1);
    let number = state.next.fetch_add(1, Ordering::Relaxed);
    let model = body["model"].as_str().unwrap_or("made-up").to_owned();
    let streamed = body["stream"] == true;
    let reply = if is_work {
        let (reply, replies) = sync_channel(1);
        let sent = requests.send(Request { body, reply });
        match sent.ok().and_then(|()| replies.recv().ok()) {
            Some(reply) => reply,
            None => return Ok(()),
        }
    } else {
        Reply::Text("Made up title".to_owned())
    };
    if let Reply::Error(status, message) = reply {
        return write_json(writer, status, &dialect.error(status, message));
    }
    let tokens = Tokens {
        calls: 1,
        input: 10 + number,
        output: 70 + number,
        cache_read: 1_000 + number,
        cache_write: dialect.cache_write(number),
    };
    // Counted before it is sent: whoever sees the agent's next step sees the count.
    if is_work && let Ok(mut answered) = state.answered.lock() {
        answered.add(tokens);
    }
    let answer = dialect::Answer {
        number,
        model,
        reply,
        tokens,
    };
    if !streamed {
        return write_json(writer, 200, &dialect.whole(&answer));
    }
    write!(
        writer,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_{number}\r\nx-request-id: req_{number}\r\n\
         transfer-encoding: chunked\r\n\r\n"
    )?;
    for event in dialect.events(&answer) {
        let name = event["type"].as_str().unwrap_or_default();
        let text = format!("event: {name}\ndata: {event}\n\n");
        write!(writer, "{:x}\r\n{text}\r\n", text.len())?;
    }
    write!(writer, "0\r\n\r\n")?;
    writer.flush()
}

/// Method, path and body of the next request; `None` at the end of the connection.
fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<(String, String, Vec<u8>)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut length, mut chunked, mut expects) = (0, false, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
            "expect" => expects = true,
            _ => {}
        }
    }
    if expects {
        reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = Vec::new();
    if !chunked {
        reader.take(u64::min(length, MAX_BODY)).read_to_end(&mut body)?;
        return Ok(Some((method, path, body)));
    }
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim(), 16).unwrap_or(0);
        reader.take(u64::min(size, MAX_BODY)).read_to_end(&mut body)?;
        let mut end = String::new();
        reader.read_line(&mut end)?;
        if size == 0 {
            return Ok(Some((method, path, body)));
        }
    }
}

fn write_json(writer: &mut TcpStream, status: u16, body: &Value) -> std::io::Result<()> {
    let body = body.to_string();
    write!(
        writer,
        "HTTP/1.1 {status} Made Up\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    writer.flush()
}
