//! Sends one envelope to a server on this machine within a deadline that includes connecting, because the caller must not
//! wait for a server that hangs.

use std::time::Instant;

use ureq::Agent;

use crate::client;

const JSON: &str = "application/json";
/// The size of the largest answer in bytes.
const MAX_ANSWER: u64 = 64 << 10;

/// What became of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The server has stored it, now or earlier.
    Accepted,
    /// The server will never accept it, for this reason.
    Refused(String),
    /// It may be accepted later; the reason why it was not, or is not known to be.
    Later(String),
}

/// Sends an envelope to the server at `url` (such as `http://127.0.0.1:8080`), with a token if there is one.
pub(crate) fn post(url: &str, token: Option<&str>, envelope: &str, deadline: Instant) -> Answer {
    let exchange = Exchange { url, token, deadline };
    let (status, body) = match exchange.send("/api/v1/events", Some(envelope)) {
        Ok(answer) => answer,
        Err(error) => return Answer::Later(format!("{url}: {error}")),
    };
    let reason = || client::reason(&body).unwrap_or_else(|| format!("status {status}"));
    match status {
        200 => Answer::Accepted,
        400 | 413 | 422 => Answer::Refused(reason()),
        _ => Answer::Later(reason()),
    }
}

/// Requests to a server that all have to be over by a deadline.
#[derive(Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) url: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) deadline: Instant,
}

impl Exchange<'_> {
    /// Sends JSON to a path, or asks for what is there. Returns the status and the body of the answer.
    ///
    /// # Errors
    /// The server did not answer in time, or not in HTTP.
    pub(crate) fn send(self, path: &str, json: Option<&str>) -> Result<(u16, Vec<u8>), ureq::Error> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(self.deadline.saturating_duration_since(Instant::now())))
            .max_redirects(0)
            .proxy(None)
            .build();
        let agent = Agent::new_with_config(config);
        let address = format!("{}{path}", self.url);
        let bearer = self.token.map(|token| format!("Bearer {token}"));
        let mut answer = match (json, &bearer) {
            (Some(json), Some(bearer)) => agent
                .post(address)
                .header("authorization", bearer)
                .content_type(JSON)
                .send(json),
            (Some(json), None) => agent.post(address).content_type(JSON).send(json),
            (None, Some(bearer)) => agent.get(address).header("authorization", bearer).call(),
            (None, None) => agent.get(address).call(),
        }?;
        let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec()?;
        Ok((answer.status().as_u16(), body))
    }
}

/// An id for a fact that has none of its own: with it, what is sent again counts once.
pub(crate) fn random_id(prefix: &str) -> String {
    format!("{prefix}-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    fn text(head: &str, body: &str) -> String {
        format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    /// What is made of an answer after which the server closes the connection, or keeps it open.
    fn answered(text: &str, is_closed: bool) -> Answer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bytes = text.as_bytes().to_vec();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"{}") {
                let mut piece = [0; 1_024];
                let length = stream.read(&mut piece).unwrap();
                assert_ne!(length, 0, "the request is incomplete");
                request.extend_from_slice(&piece[..length]);
            }
            stream.write_all(&bytes).unwrap();
            (!is_closed).then_some(stream)
        });
        let answer = post(&url, Some("fc_i_x"), "{}", Instant::now() + Duration::from_secs(20));
        server.join().unwrap();
        answer
    }

    #[test]
    fn only_an_acknowledgement_is_one() {
        let of = |head: &str, body: &str| answered(&text(head, body), false);
        assert_eq!(
            of("200 OK", r#"{"accepted":0,"duplicates":1,"rejected":[]}"#),
            Answer::Accepted
        );
        let refusal = r#"{"type":"urn:x","title":"not taken","status":422,"detail":"there is no such run"}"#;
        assert_eq!(
            of("422 Unprocessable Content", refusal),
            Answer::Refused("there is no such run".to_owned())
        );
        assert!(matches!(of("503 Service Unavailable", ""), Answer::Later(_)));
        assert!(matches!(of("404 Not Found", "<html>"), Answer::Later(_)));
    }

    #[test]
    fn an_answer_is_whole_when_all_that_was_announced_has_come() {
        let whole = text("200 OK", "{}");
        assert_eq!(answered(&whole, true), Answer::Accepted);
        for cut in 0..whole.len() {
            let answer = answered(&whole[..cut], true);
            assert!(matches!(answer, Answer::Later(_)), "{cut}: {answer:?}");
        }
    }

    #[test]
    fn a_server_that_accepts_and_never_answers_costs_no_more_than_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let deadline = Instant::now() + Duration::from_millis(30);
        assert!(matches!(post(&url, None, "{}", deadline), Answer::Later(_)));
        assert!(matches!(
            post("http://localhost:1", None, "{}", deadline),
            Answer::Later(_)
        ));
    }
}
