//! Sends one envelope to a server on this machine within a deadline that includes connecting, because the caller must not
//! wait for a server that hangs. It contains just the HTTP client code that this takes.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use forgecast_protocol::problem::ErrorBody;

/// The longest answer that is read.
const LARGEST_ANSWER: u64 = 64 << 10;

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
    match exchange(url, token, envelope, deadline) {
        Ok(answer) => parse_answer(&answer),
        Err(error) => Answer::Later(format!("{url}: {error}")),
    }
}

fn exchange(url: &str, token: Option<&str>, envelope: &str, deadline: Instant) -> io::Result<Vec<u8>> {
    let address: SocketAddr = url
        .strip_prefix("http://")
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not an address of this machine"))?;
    let mut stream = TcpStream::connect_timeout(&address, left(deadline)?)?;
    stream.set_nodelay(true)?;
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let authorization = authorization.unwrap_or_default();
    let request = format!(
        "POST /api/v1/events HTTP/1.1\r\nHost: {address}\r\n{authorization}Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{envelope}",
        envelope.len()
    );
    let mut rest = request.as_bytes();
    while !rest.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?))?;
        let written = stream.write(rest)?;
        rest = rest.get(written..).unwrap_or_default();
    }
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut piece)? {
            0 => return Ok(answer),
            read => answer.extend_from_slice(piece.get(..read).unwrap_or_default()),
        }
        if is_whole(&answer) {
            return Ok(answer);
        }
        if answer.len() as u64 > LARGEST_ANSWER {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
        }
    }
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))
    } else {
        Ok(left)
    }
}

/// Head and body, once the head is complete.
fn parts(answer: &[u8]) -> Option<(&str, &[u8])> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let (head, body) = answer.split_at(end);
    Some((std::str::from_utf8(head).ok()?, body.get(4..)?))
}

/// Whether the announced length has arrived; some servers keep the connection open although they were asked to close it.
fn is_whole(answer: &[u8]) -> bool {
    let Some((head, body)) = parts(answer) else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    length
        .and_then(|length| length.trim().parse().ok())
        .is_some_and(|length: usize| body.len() >= length)
}

fn parse_answer(answer: &[u8]) -> Answer {
    let Some((head, body)) = parts(answer) else {
        return Answer::Later("the answer is incomplete".to_owned());
    };
    let status: u16 = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default();
    let problem = || {
        let problem: Option<ErrorBody> = serde_json::from_slice(body).ok();
        problem.map_or_else(
            || format!("status {status}"),
            |problem| problem.detail.unwrap_or(problem.title),
        )
    };
    match status {
        200 => Answer::Accepted,
        400 | 413 | 422 => Answer::Refused(problem()),
        _ => Answer::Later(problem()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(head: &str, body: &str) -> Vec<u8> {
        format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    #[test]
    fn only_an_acknowledgement_is_one() {
        let of = |head: &str, body: &str| parse_answer(&answer(head, body));
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
        assert!(matches!(parse_answer(b"HTTP/1.1 200 OK\r\n"), Answer::Later(_)));
        assert!(matches!(parse_answer(b""), Answer::Later(_)));
    }

    #[test]
    fn an_answer_is_whole_when_all_that_was_announced_has_come() {
        let whole = answer("200 OK", "{}");
        assert!(is_whole(&whole));
        for cut in 0..whole.len() {
            assert!(!is_whole(&whole[..cut]), "{cut}");
        }
    }

    #[test]
    fn a_server_that_accepts_and_never_answers_costs_no_more_than_the_deadline() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let deadline = Instant::now() + Duration::from_millis(30);
        assert!(matches!(post(&url, None, "{}", deadline), Answer::Later(_)));
        assert!(matches!(
            post("http://localhost:1", None, "{}", deadline),
            Answer::Later(_)
        ));
    }
}
