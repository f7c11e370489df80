//! The description of the API, OpenAPI 3.1: a file that `cargo xtask gen` writes from the routes and the types, and that is
//! served as it is. Nothing in here works anything out while it is served.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::Response;
use data_encoding::HEXLOWER;
use sha1::{Digest, Sha1};

use crate::etag::with_etag;

#[cfg(feature = "openapi")]
mod document;
#[cfg(feature = "openapi")]
mod history;
#[cfg(feature = "openapi")]
mod inputs;
#[cfg(feature = "openapi")]
mod operation;
#[cfg(feature = "openapi")]
mod origin;
#[cfg(feature = "openapi")]
mod reports;
#[cfg(feature = "openapi")]
mod shapes;
#[cfg(feature = "openapi")]
mod tables;
#[cfg(feature = "openapi")]
mod tables_origin;

#[cfg(feature = "openapi")]
pub use self::document::document;

const DOCUMENT: &str = include_str!("../openapi.json");

/// Names the content; worked out once.
static DIGEST: LazyLock<String> = LazyLock::new(|| HEXLOWER.encode(&Sha1::digest(DOCUMENT)));

/// `GET /openapi.json`.
pub(crate) async fn serve(headers: HeaderMap) -> Response {
    with_etag(Bytes::from_static(DOCUMENT.as_bytes()), &DIGEST, &headers)
}
