//! Errors of requests, answered as RFC 9457 `application/problem+json`: a 4xx says what to do; a 5xx has a fixed body with a
//! request id, and its cause is in the log. Nothing else in this crate builds an error answer.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use forgecast_hub::{PushError, SubscribeError};
use forgecast_protocol::ErrorBody;

/// A request that is not served, and why.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path, the query or the body does not have the form it must have.
    #[error("{0}")]
    Malformed(String),
    /// There is no such session, revision, file or page.
    #[error("{0}")]
    NotFound(String),
    /// The path exists, the method does not.
    #[error("this address does not support the method; the Allow header lists those it supports")]
    Method,
    /// The `Host` names another server: the name was pointed here by somebody else (DNS rebinding), or is not configured.
    #[error("the host {0:?} is not allowed; use localhost or 127.0.0.1, or add the name to server.allowed_hosts")]
    Host(String),
    /// The request comes from a page of another origin.
    #[error(
        "requests from pages of other sites are refused; behind a proxy with another origin, add it to server.allowed_origins, or the proxy to server.trusted_proxies"
    )]
    Origin,
    /// A machine elsewhere speaks plain HTTP where TLS is configured.
    #[error("other machines must use https:// on the same port")]
    NotEncrypted,
    /// No token that allows this.
    #[error("this request needs a token: send it as Authorization: Bearer <token>, or sign in on the dashboard")]
    Unauthorized,
    /// The principal is known and its role does not allow this.
    #[error("your token's role does not allow this; create another token with `forgecast token`")]
    Forbidden,
    /// Too many invalid tokens from this address; the next is checked after so many seconds.
    #[error("too many invalid tokens; try again after the time in Retry-After")]
    TooManyGuesses(u32),
    /// A change was asked for with a body that a page of another site could send without asking.
    #[error("send the body as application/json")]
    MediaType,
    /// Telemetry was sent with a body that a page of another site could send without asking.
    #[error("send the body as application/json or application/x-protobuf")]
    ExportType,
    /// A WebSocket of another version of the protocol.
    #[error("a WebSocket is opened with Sec-WebSocket-Version: 13, once")]
    WebSocketVersion,
    /// The body is packed in a way that is not unpacked here.
    #[error("send the body without Content-Encoding, or with gzip")]
    Coding,
    /// The body could be read, and nothing of it could be taken.
    #[error("{0}")]
    Rejected(String),
    /// The body is longer than is read.
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    /// The body came too slowly.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The topic has as many viewers as it may have.
    #[error("{0}")]
    TooManyViewers(String),
    /// What the request is about is no longer as the client believes.
    #[error("{0}")]
    Conflict(String),
    /// As many requests of this kind run at once as may.
    #[error("too many of these requests run at once; try again after the time in Retry-After")]
    TooManyAtOnce,
    /// The facts wait for the store, and more are not taken until they are stored.
    #[error("the store is busy; try again after the time in Retry-After")]
    Busy,
    /// The database cannot be read or written: what is wrong is on `/readyz`, since it may name paths.
    #[error(
        "the database cannot be used at the moment; nothing of the request was done; /readyz says what is wrong; try again after the \
         time in Retry-After"
    )]
    Unwell(String),
    /// Other bodies take all the memory that bodies may take.
    #[error("too many long request bodies at once; try again after the time in Retry-After")]
    NoRoom,
    /// The disk or the database is full.
    #[error("the disk or the database is full; try again when there is space")]
    Full,
    /// Nothing can be stored until the operator does something about it.
    #[error(
        "the database was written by a newer version of forgecast and is only read here; run that version, or choose another database with --db"
    )]
    ReadOnly,
    /// Not the client's fault: the text goes to the log, not to the client.
    #[error("{0}")]
    Internal(String),
}

/// The stable word of an error's `type`, its title and its status.
struct Form(&'static str, &'static str, StatusCode);

impl Error {
    /// An error that the client can do nothing about; `doing` names the operation and its subject.
    pub fn internal(doing: impl fmt::Display, cause: impl fmt::Display) -> Self {
        Self::Internal(format!("{doing}: {cause}"))
    }

    fn form(&self) -> Form {
        match self {
            Self::Malformed(_) => Form("malformed", "Malformed request", StatusCode::BAD_REQUEST),
            Self::NotFound(_) => Form("not-found", "Not found", StatusCode::NOT_FOUND),
            Self::Method => Form("method", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::Host(_) => Form("host", "Host not allowed", StatusCode::MISDIRECTED_REQUEST),
            Self::Origin => Form("origin", "Origin not allowed", StatusCode::FORBIDDEN),
            Self::NotEncrypted => Form("not-encrypted", "HTTPS required", StatusCode::BAD_REQUEST),
            Self::Unauthorized => Form("unauthorised", "Token required", StatusCode::UNAUTHORIZED),
            Self::Forbidden => Form("forbidden", "Not allowed for this token", StatusCode::FORBIDDEN),
            Self::TooManyGuesses(_) => Form(
                "too-many-guesses",
                "Too many invalid tokens",
                StatusCode::TOO_MANY_REQUESTS,
            ),
            Self::MediaType | Self::ExportType | Self::Coding => Form(
                "media-type",
                "Unsupported media type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
            Self::WebSocketVersion => Form(
                "websocket-version",
                "Unsupported WebSocket version",
                StatusCode::UPGRADE_REQUIRED,
            ),
            Self::Rejected(_) => Form("rejected", "Nothing accepted", StatusCode::UNPROCESSABLE_ENTITY),
            Self::Conflict(_) => Form("conflict", "Conflict", StatusCode::CONFLICT),
            Self::TooLarge(_) => Form("too-large", "Request body too large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::TooSlow => Form("too-slow", "Request body too slow", StatusCode::REQUEST_TIMEOUT),
            Self::TooManyViewers(_) => Form("too-many-viewers", "Too many viewers", StatusCode::TOO_MANY_REQUESTS),
            Self::TooManyAtOnce => Form("too-many-at-once", "Too many at once", StatusCode::TOO_MANY_REQUESTS),
            Self::Busy | Self::NoRoom => Form("busy", "Server busy", StatusCode::SERVICE_UNAVAILABLE),
            Self::Unwell(_) => Form("unwell", "Storage unwell", StatusCode::SERVICE_UNAVAILABLE),
            Self::Full => Form("full", "Storage full", StatusCode::INSUFFICIENT_STORAGE),
            Self::ReadOnly => Form("read-only", "Storage is read-only", StatusCode::SERVICE_UNAVAILABLE),
            Self::Internal(_) => Form("internal", "Internal error", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The status it is answered with.
    pub(crate) fn status(&self) -> StatusCode {
        let Form(_, _, status) = self.form();
        status
    }

    /// Seconds after which a retry may succeed; `None` when it cannot.
    pub(crate) fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Busy | Self::NoRoom => Some(1),
            Self::Unwell(_) | Self::TooManyAtOnce => Some(5),
            Self::TooManyViewers(_) => Some(10),
            Self::TooManyGuesses(seconds) => Some(*seconds),
            Self::Full | Self::ReadOnly => Some(30),
            _ => None,
        }
    }

    /// The body as viewers get it, over HTTP and inside an `error` message; logs the cause of what the client may not
    /// know, once.
    pub(crate) fn body(&self) -> ErrorBody {
        let Form(word, title, status) = self.form();
        let hidden = matches!(self, Self::Internal(_));
        let request_id = status.is_server_error().then(request_id);
        if let Some(id) = &request_id {
            let cause = match self {
                Self::Unwell(cause) => cause.clone(),
                _ => self.to_string(),
            };
            tracing::error!(request_id = %id, error = cause, "a request failed");
        }
        ErrorBody {
            kind: format!("urn:forgecast:error:{word}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: (!hidden).then(|| self.to_string()),
            request_id,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        // A body of plain strings always serializes; were it not so, an empty body is still the right status.
        let json = serde_json::to_vec(&self.body()).unwrap_or_default();
        let mut response = (status, json).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self, Self::WebSocketVersion) {
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        if matches!(self, Self::Unauthorized) {
            let how = HeaderValue::from_static("Bearer realm=\"forgecast\"");
            headers.insert(header::WWW_AUTHENTICATE, how);
        }
        response
    }
}

impl From<forgecast_hub::Error> for Error {
    fn from(error: forgecast_hub::Error) -> Self {
        match error {
            forgecast_hub::Error::Stopped => Self::Busy,
            forgecast_hub::Error::SinceAfterUntil => Self::Malformed(error.to_string()),
            error if error.is_read_only() => Self::ReadOnly,
            forgecast_hub::Error::Unreadable { .. } => Self::Internal(with_causes(&error)),
            error => Self::Unwell(with_causes(&error)),
        }
    }
}

impl From<forgecast_notify::Error> for Error {
    fn from(error: forgecast_notify::Error) -> Self {
        match error {
            forgecast_notify::Error::Hub(error) => error.into(),
            forgecast_notify::Error::Stopped => Self::Busy,
        }
    }
}

impl From<SubscribeError> for Error {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::Unknown(_) => Self::NotFound(error.to_string()),
            SubscribeError::TooMany { .. } => Self::TooManyViewers(error.to_string()),
            SubscribeError::Unavailable { source, .. } => (*source).into(),
            error => Self::Internal(with_causes(&error)),
        }
    }
}

impl From<PushError> for Error {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Full => Self::Full,
            PushError::ReadOnly => Self::ReadOnly,
            PushError::Busy { .. } | PushError::Deadline { .. } | PushError::Stopped => Self::Busy,
            error => Self::Unwell(with_causes(&error)),
        }
    }
}

/// An error and what led to it, in one line for the log.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Unique among the requests of this process and, by the random part, among its restarts.
fn request_id() -> String {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let process = PROCESS.get_or_init(|| RandomState::new().build_hasher().finish());
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-{number}", process & 0xffff_ffff)
}

/// The answer to a path that no route matches.
pub(crate) async fn no_such_address() -> Error {
    Error::NotFound("there is nothing at this address".to_owned())
}

/// The answer to a method that a path does not have.
pub(crate) async fn no_such_method() -> Error {
    Error::Method
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_error_keeps_its_cause_from_the_client() {
        let body = Error::internal("read rows", "disk on fire").body();
        assert_eq!(body.status, 500);
        assert_eq!(body.detail, None);
        assert!(body.request_id.is_some());
    }

    #[test]
    fn a_read_only_store_is_a_reason_to_come_back_and_says_what_to_do() {
        let error = Error::from(PushError::ReadOnly);
        assert_eq!(error.retry_after_s(), Some(30));
        let body = error.body();
        assert_eq!(
            (body.status, body.kind.as_str()),
            (503, "urn:forgecast:error:read-only")
        );
        assert!(body.detail.unwrap().contains("--db"));
    }

    #[test]
    fn request_ids_differ() {
        assert_ne!(request_id(), request_id());
    }
}
