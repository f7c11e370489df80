//! The description of the API, OpenAPI 3.1: a file that `cargo xtask gen` writes from the table of routes and the types that
//! their handlers take and return, and that is served as it is. What makes it is in no binary that ships.

use std::sync::LazyLock;

use axum::body::Bytes;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value};
use sha1::{Digest, Sha1};

use crate::etag::WithEtag;

#[cfg(feature = "openapi")]
mod describe;
#[cfg(feature = "openapi")]
mod document;
#[cfg(feature = "openapi")]
mod operation;
#[cfg(feature = "openapi")]
mod schema;

#[cfg(feature = "openapi")]
pub(crate) use self::describe::Describe;
#[cfg(feature = "openapi")]
pub use self::{
    describe::Response,
    document::document,
    operation::{Operation, Schemas},
};

/// A handler that can be described. `T` is the one of [`axum::handler::Handler`].
pub trait Described<T> {
    /// Adds what it takes and answers to the description of its route.
    #[cfg(feature = "openapi")]
    const DESCRIBE: Describe;
}

/// Without a description any handler will do.
#[cfg(not(feature = "openapi"))]
impl<T, H> Described<T> for H {}

const DOCUMENT: &str = include_str!("../openapi.json");

/// Names the content; worked out once.
static DIGEST: LazyLock<String> = LazyLock::new(|| HEXLOWER.encode(&Sha1::digest(DOCUMENT)));

/// `GET /openapi.json`.
pub(crate) async fn serve() -> WithEtag<Map<String, Value>> {
    WithEtag::rendered(Bytes::from_static(DOCUMENT.as_bytes()), DIGEST.clone())
}
