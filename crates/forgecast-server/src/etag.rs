//! What a client may keep of an answer: one that it has to ask for again is whole with a tag of its content, or nothing when
//! the client has it already; one that is true now only is not kept at all. Never answers with something old.

use std::marker::PhantomData;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use serde::Serialize;
use sha1::{Digest, Sha1};

use crate::assets::if_none_match;
use crate::error::Error;

/// A `T` as JSON with a tag. May be kept and must be asked for again, which [`not_modified`] makes cheap.
pub(crate) struct WithEtag<T> {
    json: Bytes,
    digest: String,
    of: PhantomData<fn() -> T>,
}

impl<T> WithEtag<T> {
    /// JSON that is there already, and its digest.
    pub(crate) fn rendered(json: Bytes, digest: String) -> Self {
        let of = PhantomData;
        Self { json, digest, of }
    }

    /// JSON that is there already, tagged by its content.
    pub(crate) fn written(json: Bytes) -> Self {
        let digest = HEXLOWER.encode(&Sha1::digest(&json));
        Self::rendered(json, digest)
    }
}

impl<T: Serialize> WithEtag<T> {
    /// `value`, tagged by its content.
    pub(crate) fn of(value: &T) -> Result<Self, Error> {
        let json = serde_json::to_vec(value).map_err(|error| Error::internal("write an answer", error))?;
        Ok(Self::written(json.into()))
    }
}

impl<T> IntoResponse for WithEtag<T> {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-cache"),
            (header::ETAG, &format!("\"{}\"", self.digest)),
        ];
        (headers, Body::from(self.json)).into_response()
    }
}

/// Leaves out what the client has already: stands around the handlers of GET routes.
pub(crate) async fn not_modified(request: Request, next: Next) -> Response {
    if !request.headers().contains_key(header::IF_NONE_MATCH) {
        return next.run(request).await;
    }
    let given = request.headers().clone();
    let mut response = next.run(request).await;
    let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
    if response.status() == StatusCode::OK && tag.is_some_and(|tag| if_none_match(&given, tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

/// An answer that is true now only: nobody may keep it.
#[derive(Debug)]
pub struct NoStore<T>(pub T);

impl<T: IntoResponse> IntoResponse for NoStore<T> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
