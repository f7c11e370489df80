//! The opening handshake of a WebSocket.

use axum::body::Body;
use axum::http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version};
use data_encoding::BASE64;
use sha1::{Digest, Sha1};

use crate::error::Error;
use crate::headers::parts;

/// RFC 6455: what a server adds to the client's key.
const SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Bytes of a client's key.
const KEY_BYTES: usize = 16;

/// The `101` for a request that opens a WebSocket.
///
/// # Errors
/// [`Error::Malformed`] names what the request lacks.
pub(crate) fn handshake(method: &Method, version: Version, headers: &HeaderMap) -> Result<Response<Body>, Error> {
    let lacks = |what: &str| Error::Malformed(what.to_owned());
    if method != Method::GET || version < Version::HTTP_11 {
        return Err(lacks("a WebSocket is opened with GET and HTTP/1.1"));
    }
    if !names(headers, &CONNECTION, "upgrade") {
        return Err(lacks("Connection header did not include 'upgrade'"));
    }
    if !names(headers, &UPGRADE, "websocket") {
        return Err(lacks("Upgrade header did not include 'websocket'"));
    }
    if only(headers, &SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Error::WebSocketVersion);
    }
    let key = only(headers, &SEC_WEBSOCKET_KEY)
        .filter(|key| {
            BASE64
                .decode(key.as_bytes())
                .is_ok_and(|nonce| nonce.len() == KEY_BYTES)
        })
        .ok_or_else(|| lacks("Sec-WebSocket-Key header was not one key of 16 bytes in base64"))?;
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

/// The value of a header that stands there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
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
            handshake(&Method::GET, Version::HTTP_11, &headers.collect())
        };
        assert_eq!(answer(None).unwrap().status(), 101);
        for without in 0..all.len() {
            assert!(answer(Some(without)).is_err(), "{without}");
        }
    }

    #[test]
    fn openings_that_the_standard_forbids_are_refused() {
        let given = |version: Version, more: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            let all = [("connection", "Upgrade"), ("upgrade", "websocket")];
            for (name, value) in all.iter().chain(more) {
                headers.append(*name, HeaderValue::from_static(value));
            }
            handshake(&Method::GET, version, &headers)
        };
        let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let thirteen = ("sec-websocket-version", "13");
        assert_eq!(given(Version::HTTP_11, &[key, thirteen]).unwrap().status(), 101);
        assert!(given(Version::HTTP_10, &[key, thirteen]).is_err());
        assert!(given(Version::HTTP_11, &[key, key, thirteen]).is_err(), "a doubled key");
        for bad in ["", "c2hvcnQ=", "no base64 at all", "dGhlIHNhbXBsZSBub25jZXM="] {
            let answer = given(Version::HTTP_11, &[("sec-websocket-key", bad), thirteen]);
            assert!(answer.is_err(), "{bad:?}");
        }
        for versions in [&[("sec-websocket-version", "8")][..], &[thirteen, thirteen], &[]] {
            let headers = [&[key], versions].concat();
            let refused = given(Version::HTTP_11, &headers).unwrap_err();
            assert_eq!(refused.status(), StatusCode::UPGRADE_REQUIRED);
            let response = axum::response::IntoResponse::into_response(refused);
            assert_eq!(response.headers()["sec-websocket-version"], "13");
        }
    }
}
