//! The HTTP client of the commands, for the server that runs on this machine. It presents the token that the server left in
//! its runtime file, and sends it to that server only.

use std::io::{BufRead, BufReader, ErrorKind};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use forgecast_protocol::ErrorBody;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Agent, Body, RequestBuilder};

use crate::runtime_file::Running;

/// How long an answer may take; a stream has no limit once it has begun.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long the server may take to store what is sent.
const STORE_LIMIT: Duration = Duration::from_secs(60);
/// How often a request is sent to a busy server, and the pause in between.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);
/// How long the server may take to answer a liveness check.
const LIVENESS_LIMIT: Duration = Duration::from_secs(2);
/// The size of the largest answer in bytes, which is an export of a long session.
const MAX_ANSWER: u64 = 1 << 30;

/// Sends requests to one server.
pub(crate) struct Client {
    agent: Agent,
    url: String,
    /// The value of `Authorization`.
    bearer: Option<String>,
}

impl Client {
    /// A client for a server that announced itself.
    pub(crate) fn of(running: &Running) -> Self {
        Self::new(&running.url, running.key.as_deref())
    }

    /// A client for the server at `url`, such as `http://127.0.0.1:8080`, with a token if there is one.
    pub(crate) fn new(url: &str, token: Option<&str>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(LIVENESS_LIMIT))
            .timeout_recv_response(Some(ANSWER_LIMIT))
            .max_redirects(0)
            // Proxy variables are for other machines.
            .proxy(None)
            .build();
        Self {
            agent: Agent::new_with_config(config),
            url: url.to_owned(),
            bearer: token.map(|token| format!("Bearer {token}")),
        }
    }

    /// The server's address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether a server answers at this address.
    pub(crate) fn answers(url: &str) -> bool {
        let client = Self::new(url, None);
        let answer = client
            .agent
            .get(format!("{url}/healthz"))
            .config()
            .timeout_global(Some(LIVENESS_LIMIT))
            .build()
            .call();
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// The bytes of a resource; none if it does not exist (404).
    ///
    /// # Errors
    /// The server cannot be reached, or rejects the request with a reason.
    pub(crate) fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let answer = found(self.answer(path)?)?;
        answer.map(|answer| self.body(answer)).transpose()
    }

    /// A resource as a value; none if it does not exist.
    ///
    /// # Errors
    /// The server cannot be reached or rejects the request, or the answer has another shape.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        self.bytes(path)?.map(|body| self.parse(path, &body)).transpose()
    }

    /// The body of a resource that has one with every status, such as `/readyz`.
    ///
    /// # Errors
    /// The server cannot be reached, or the answer has another shape.
    pub(crate) fn state<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let body = self.body(self.answer(path)?)?;
        self.parse(path, &body)
    }

    /// Deletes a resource. Returns whether it existed.
    ///
    /// # Errors
    /// The server cannot be reached or rejects the request.
    pub(crate) fn delete(&self, path: &str) -> Result<bool> {
        let answer = self.authorized(self.agent.delete(self.at(path))).call();
        Ok(found(self.reached(answer)?)?.is_some())
    }

    /// Sends JSON and returns the answer, or the server's reason if it rejects the content (422). Retries for a while if the
    /// server is busy (503).
    ///
    /// # Errors
    /// The server cannot be reached or rejects the request, or the answer has another shape.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, json: &[u8]) -> Result<Result<T, String>> {
        for attempt in 1.. {
            let request = self
                .authorized(self.agent.post(self.at(path)))
                .header("content-type", "application/json");
            let request = request.config().timeout_recv_response(Some(STORE_LIMIT)).build();
            let mut answer = self.reached(request.send(json))?;
            match answer.status().as_u16() {
                503 if attempt < ATTEMPTS => pause(),
                422 => {
                    let reason = words(&mut answer);
                    return Ok(Err(reason.unwrap_or_else(|| "the server gave no reason".to_owned())));
                }
                _ => {
                    let Some(answer) = found(answer)? else {
                        bail!("{}{path} does not exist; is the server of an older version?", self.url);
                    };
                    return self.parse(path, &self.body(answer)?).map(Ok);
                }
            }
        }
        bail!("the server at {} is busy; try again later", self.url)
    }

    fn answer(&self, path: &str) -> Result<Response<Body>> {
        self.reached(self.authorized(self.agent.get(self.at(path))).call())
    }

    fn body(&self, mut answer: Response<Body>) -> Result<Vec<u8>> {
        let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        body.with_context(|| format!("the answer of {} is incomplete", self.url))
    }

    fn parse<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T> {
        let parsed = serde_json::from_slice(body);
        parsed.with_context(|| {
            format!(
                "unknown answer of {}{path}; is the server of another version?",
                self.url
            )
        })
    }

    /// Calls `each` with the data of every event of an event stream until it ends. Returns whether the stream exists.
    ///
    /// # Errors
    /// The server cannot be reached or rejects the request, and the errors of `each`.
    pub(crate) fn follow(&self, path: &str, mut each: impl FnMut(&str) -> Result<()>) -> Result<bool> {
        let answer = self
            .authorized(self.agent.get(self.at(path)))
            .header("accept", "text/event-stream")
            .call();
        let Some(answer) = found(self.reached(answer)?)? else {
            return Ok(false);
        };
        let mut data = String::new();
        for line in BufReader::new(answer.into_body().into_reader()).lines() {
            // A killed server breaks the stream off, which is treated as its end.
            let Ok(line) = line else { break };
            if let Some(text) = line.strip_prefix("data:") {
                data.push_str(text.strip_prefix(' ').unwrap_or(text));
            } else if line.is_empty() && !data.is_empty() {
                each(&data)?;
                data.clear();
            }
        }
        Ok(true)
    }

    fn authorized<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.bearer {
            Some(bearer) => request.header("authorization", bearer),
            None => request,
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn reached(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>> {
        answer.map_err(|error| anyhow!("{}", unreached(&self.url, &error)))
    }
}

/// Why a server was not reached, and what to do.
fn unreached(url: &str, error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            format!("no server listens at {url}; start it, or check the address")
        }
        ureq::Error::Timeout(_) => format!("the server at {url} does not answer"),
        ureq::Error::HostNotFound => format!("the host of {url} is not known; check the address"),
        ureq::Error::Io(error) => format!("cannot reach the server at {url}: {error}"),
        error => format!("cannot reach the server at {url}: {error}"),
    }
}

/// The answer if it is successful, none for 404, else the server's reason as an error.
fn found(mut answer: Response<Body>) -> Result<Option<Response<Body>>> {
    let status = answer.status();
    if status.is_success() {
        return Ok(Some(answer));
    }
    if status.as_u16() == 404 {
        return Ok(None);
    }
    match words(&mut answer) {
        Some(words) => bail!(words),
        None => bail!("the server answered {status}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "a server says nothing when it has caught up")]
fn pause() {
    std::thread::sleep(PAUSE);
}

/// The reason in the problem document that the server answered.
fn words(answer: &mut Response<Body>) -> Option<String> {
    reason(&answer.body_mut().read_to_vec().ok()?)
}

/// The reason in a problem document.
pub(crate) fn reason(problem: &[u8]) -> Option<String> {
    let problem: ErrorBody = serde_json::from_slice(problem).ok()?;
    Some(problem.detail.unwrap_or(problem.title))
}
