//! The opening handshake of a WebSocket.

use axum::body::Body;
use axum::http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use data_encoding::BASE64;
use sha1::{Digest, Sha1};

use crate::error::Error;
use crate::headers::parts;

/// RFC 6455: what a server adds to the client's key.
const SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The `101` for a request that opens a WebSocket.
///
/// # Errors
/// [`Error::Malformed`] names what the request lacks.
pub(crate) fn handshake(method: &Method, headers: &HeaderMap) -> Result<Response<Body>, Error> {
    let lacks = |what: &str| Error::Malformed(what.to_owned());
    if method != Method::GET {
        return Err(lacks("a WebSocket is opened with GET"));
    }
    if !names(headers, &CONNECTION, "upgrade") {
        return Err(lacks("Connection header did not include 'upgrade'"));
    }
    if !names(headers, &UPGRADE, "websocket") {
        return Err(lacks("Upgrade header did not include 'websocket'"));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(lacks("Sec-WebSocket-Version header was not '13'"));
    }
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .ok_or_else(|| lacks("Sec-WebSocket-Key header is missing"))?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let accepted = HeaderValue::try_from(accepted(key.as_bytes())).map_err(|error| Error::internal("answer", error))?;
    headers.insert(SEC_WEBSOCKET_ACCEPT, accepted);
    Ok(response)
}

fn accepted(key: &[u8]) -> String {
    BASE64.encode(&Sha1::new().chain_update(key).chain_update(SUFFIX).finalize())
}

/// Whether a header that is a list has this word in it.
fn names(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    parts(headers, name, ',').any(|part| part.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_standards_example_is_accepted_with_its_answer() {
        assert_eq!(accepted(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn each_header_is_needed_and_lists_are_understood() {
        let all = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let answer = |without: Option<usize>| {
            let given = all
                .into_iter()
                .enumerate()
                .filter(|(number, _)| Some(*number) != without);
            let headers =
                given.map(|(_, (name, value))| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            handshake(&Method::GET, &headers.collect())
        };
        assert_eq!(answer(None).unwrap().status(), 101);
        for without in 0..all.len() {
            assert!(answer(Some(without)).is_err(), "{without}");
        }
    }
}
