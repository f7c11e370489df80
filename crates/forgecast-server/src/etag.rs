//! What a client may keep of an answer: one that it has to ask for again is whole with a tag of its content, or nothing when
//! the client has it already; one that is true now only is not kept at all. Never answers with something old.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use sha1::{Digest, Sha1};

use crate::assets::if_none_match;

/// `json` with its `digest` as the tag.
pub(crate) fn with_etag(json: Bytes, digest: &str, headers: &HeaderMap) -> Response {
    let tag = format!("\"{digest}\"");
    let mut response = if if_none_match(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (kind, Body::from(json)).into_response()
    };
    let headers = response.headers_mut();
    // May be kept, must be asked for again: the tag makes that cheap.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// `json`, tagged by its content.
pub(crate) fn with_content_etag(json: Vec<u8>, headers: &HeaderMap) -> Response {
    let digest = HEXLOWER.encode(&Sha1::digest(&json));
    with_etag(json.into(), &digest, headers)
}

/// An answer that is true now only: nobody may keep it.
pub(crate) fn no_store(body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
