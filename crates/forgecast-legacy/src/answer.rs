//! What handlers return, in the form that clients of Context Foundry read.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use forgecast_server::{Error, NoStore};
use schemars::JsonSchema;
use serde::Serialize;

/// An answer as JSON. It is true only now, so nobody may store it.
pub(crate) type Answer<T> = Result<NoStore<Json<T>>, Error>;

/// The answer `body`.
pub(crate) fn answer<T>(body: T) -> NoStore<Json<T>> {
    NoStore(Json(body))
}

/// What is wrong, in the form that these clients read.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LegacyError {
    /// In words.
    pub(crate) error: String,
}

/// An answer about something that may not exist. Then it is a 404 that says this.
pub(crate) struct OrMissing<T>(pub(crate) Result<T, &'static str>);

impl<T: Serialize> IntoResponse for OrMissing<T> {
    fn into_response(self) -> Response {
        let missing = |why: &str| Refusal(StatusCode::NOT_FOUND, why.to_owned());
        OrRefused(self.0.map_err(missing)).into_response()
    }
}

/// The answer to something that a producer sent. Nothing of it may have been accepted.
pub(crate) struct OrRefused<T>(pub(crate) Result<T, Refusal>);

/// The status of a refusal, and why.
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

impl<T: Serialize> IntoResponse for OrRefused<T> {
    fn into_response(self) -> Response {
        match self.0 {
            Ok(body) => answer(body).into_response(),
            Err(Refusal(status, error)) => (status, answer(LegacyError { error })).into_response(),
        }
    }
}

/// How the description of the API tells these.
#[cfg(feature = "openapi")]
mod described {
    use forgecast_server::openapi::{Operation, Response, Schemas};

    use super::{JsonSchema, LegacyError, OrMissing, OrRefused};

    impl<T: JsonSchema> Response for OrMissing<T> {
        fn describe(operation: &mut Operation, schemas: &mut Schemas) {
            operation.json::<T>(200, schemas);
            operation.refused::<LegacyError>(404, "There is none of this name.", schemas);
        }
    }

    impl<T: JsonSchema> Response for OrRefused<T> {
        fn describe(operation: &mut Operation, schemas: &mut Schemas) {
            operation.json::<T>(200, schemas);
            operation.refused::<LegacyError>(400, "It does not have the form it must have.", schemas);
            operation.refused::<LegacyError>(422, "Nothing of it could be taken.", schemas);
        }
    }
}
