//! A viewer's side of HTTP for the commands: asks the server that runs on this machine, in plain HTTP, and nobody else. It
//! shows the key that the server left for them, and shows it to that server only.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use forgecast_protocol::problem::ErrorBody;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Agent, Body, RequestBuilder};

use crate::runtime_file::Running;

/// How long an answer may take. A stream has no such limit once it has begun.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a server may take to store what it is sent.
const TAKING: Duration = Duration::from_secs(60);
/// How often a server that is behind is asked, and how long it gets in between.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);
/// How long a server may take to say that it is there.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);
/// The largest answer that is read: an export of a long session.
const LARGEST_ANSWER: u64 = 1 << 30;

/// Asks one server.
pub(crate) struct Client {
    agent: Agent,
    url: String,
    /// The value of `Authorization`.
    bearer: Option<String>,
}

impl Client {
    /// For a server that announced itself.
    pub(crate) fn of(running: &Running) -> Self {
        Self::new(&running.url, running.key.as_deref())
    }

    /// For the server at `url`, `http://127.0.0.1:8080`, with a token.
    pub(crate) fn new(url: &str, token: Option<&str>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(SIGN_OF_LIFE))
            .timeout_recv_response(Some(ANSWER))
            .max_redirects(0)
            // The variables for proxies are about the world outside, not about this machine.
            .proxy(None)
            .build();
        Self {
            agent: Agent::new_with_config(config),
            url: url.to_owned(),
            bearer: token.map(|token| format!("Bearer {token}")),
        }
    }

    /// Whether there is a Forgecast at that address.
    pub(crate) fn answers(url: &str) -> bool {
        let client = Self::new(url, None);
        let answer = client
            .agent
            .get(format!("{url}/healthz"))
            .config()
            .timeout_global(Some(SIGN_OF_LIFE))
            .build()
            .call();
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// The bytes of a resource; none when there is no such thing (404).
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, with its own words.
    pub(crate) fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let answer = self.authorised(self.agent.get(self.at(path))).call();
        let Some(mut answer) = found(self.reached(answer)?)? else {
            return Ok(None);
        };
        let body = answer.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec();
        Ok(Some(
            body.with_context(|| format!("the answer of {} broke off", self.url))?,
        ))
    }

    /// The same, understood.
    ///
    /// # Errors
    /// As [`Client::bytes`], and when the answer has another shape.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        self.bytes(path)?
            .map(|body| {
                serde_json::from_slice(&body)
                    .with_context(|| format!("{}{path} answered with something else", self.url))
            })
            .transpose()
    }

    /// The same of what says by its status how it is, and has a body with every status.
    ///
    /// # Errors
    /// When the server cannot be reached, or the answer has another shape.
    pub(crate) fn state<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let answer = self.authorised(self.agent.get(self.at(path))).call();
        let body = self.reached(answer)?.body_mut().read_to_vec();
        let body = body.with_context(|| format!("the answer of {} broke off", self.url))?;
        serde_json::from_slice(&body).with_context(|| format!("{}{path} answered with something else", self.url))
    }

    /// Removes a resource; `false` when there was no such thing.
    ///
    /// # Errors
    /// As [`Client::bytes`].
    pub(crate) fn delete(&self, path: &str) -> Result<bool> {
        let answer = self.authorised(self.agent.delete(self.at(path))).call();
        Ok(found(self.reached(answer)?)?.is_some())
    }

    /// Sends JSON and understands the answer; a body that the server refuses for what it says (422) is its words. A server
    /// that is behind is asked again for a while.
    ///
    /// # Errors
    /// As [`Client::bytes`], and when the answer has another shape.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, json: &[u8]) -> Result<Result<T, String>> {
        for attempt in 1.. {
            let request = self
                .authorised(self.agent.post(self.at(path)))
                .header("content-type", "application/json");
            let mut answer = self.reached(request.config().timeout_recv_response(Some(TAKING)).build().send(json))?;
            match answer.status().as_u16() {
                503 if attempt < ATTEMPTS => pause(),
                422 => return Ok(Err(words(&mut answer).unwrap_or_else(|| "it was refused".to_owned()))),
                _ => {
                    let Some(mut answer) = found(answer)? else {
                        bail!("the server at {} is too old for that", self.url);
                    };
                    let body = answer.body_mut().read_to_vec();
                    let body = body.with_context(|| format!("the answer of {} broke off", self.url))?;
                    let understood = serde_json::from_slice(&body);
                    return understood
                        .map(Ok)
                        .with_context(|| format!("{}{path} answered with something else", self.url));
                }
            }
        }
        bail!("the server at {} is behind", self.url)
    }

    /// Calls `each` with the data of every event of an event stream until it ends; `false` when there is no such thing.
    ///
    /// # Errors
    /// As [`Client::bytes`], and what `each` returns.
    pub(crate) fn follow(&self, path: &str, mut each: impl FnMut(&str) -> Result<()>) -> Result<bool> {
        let answer = self
            .authorised(self.agent.get(self.at(path)))
            .header("accept", "text/event-stream")
            .call();
        let Some(answer) = found(self.reached(answer)?)? else {
            return Ok(false);
        };
        let mut data = String::new();
        for line in BufReader::new(answer.into_body().into_reader()).lines() {
            // A server that is killed breaks the stream off; for a viewer that is an end like any other.
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

    fn authorised<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.bearer {
            Some(bearer) => request.header("authorization", bearer),
            None => request,
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn reached(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>> {
        answer.with_context(|| format!("cannot ask the server at {}", self.url))
    }
}

/// The answer when it is a good one, none for 404, else the server's own words as an error.
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

/// What the server says of an error.
fn words(answer: &mut Response<Body>) -> Option<String> {
    let body = answer.body_mut().read_to_vec().ok()?;
    let problem: ErrorBody = serde_json::from_slice(&body).ok()?;
    Some(problem.detail.unwrap_or(problem.title))
}
