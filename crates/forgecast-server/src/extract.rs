//! Extractors whose refusals are problem+json like every other error. Paths and queries deserialize into types that
//! validate, so no handler sees unchecked text.

use std::convert::Infallible;
use std::marker::PhantomData;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// What the `{…}` of a path hold, decoded and validated by `T`; otherwise 400.
#[derive(Debug)]
pub struct InPath<T>(pub T);

impl<T, S> FromRequestParts<S> for InPath<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Error::Malformed(explain(rejection))),
        }
    }
}

/// What is wrong with a path. The text that is no id is not repeated: it may be anything.
fn explain(rejection: PathRejection) -> String {
    let text = rejection.body_text();
    if let PathRejection::FailedToDeserializePathParams(failure) = rejection
        && let ErrorKind::DeserializeError { message, .. } = failure.into_kind()
    {
        return format!("Invalid URL: {message}");
    }
    text
}

/// The query, validated by `T`; otherwise 400.
#[derive(Debug)]
pub struct InQuery<T>(pub T);

impl<T, S> FromRequestParts<S> for InQuery<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Error::Malformed(rejection.body_text())),
        }
    }
}

/// A request whose body is a `T`. The handler reads it, within its own limits and as strictly as its senders need.
#[derive(Debug)]
pub struct InBody<T>(pub Request, pub PhantomData<fn() -> T>);

impl<T, S: Send + Sync> FromRequest<S> for InBody<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        Ok(Self(request, PhantomData))
    }
}
