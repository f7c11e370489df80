//! Telemetry of coding agents: OpenTelemetry's OTLP over HTTP, as JSON or protobuf, in the answers too. Acknowledged when
//! it is durable, like every push; an exporter sends again what was not, and the same call twice counts once.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use forgecast_decode::otlp::{self, Encoding, Otlp};
use forgecast_hub::Reason;

use crate::access::Principal;
use crate::body::why;
use crate::error::Error;
use crate::events::refusal;
use crate::extract::InBody;
use crate::guard::BodyKind;
use crate::state::AppState;

pub(crate) mod answer;

use self::answer::Answer;

/// Exports up to here are decoded on the spot: they take longer than JSON of the same size.
const QUICK_BYTES: usize = 16 * 1024;

/// What is sent to which address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Logs,
    Metrics,
}

/// The body of `/v1/logs`: `ExportLogsServiceRequest`, read by the decoder.
pub(crate) enum ExportLogs {}

/// The body of `/v1/metrics`: `ExportMetricsServiceRequest`, read by the decoder.
pub(crate) enum ExportMetrics {}

/// The answer to an export, written as the request is.
pub(crate) struct ExportAnswer(Response);

impl IntoResponse for ExportAnswer {
    fn into_response(self) -> Response {
        self.0
    }
}

/// `POST /v1/logs`.
pub(crate) async fn logs(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InBody(request, _): InBody<ExportLogs>,
) -> ExportAnswer {
    ExportAnswer(export(&shared, &principal, Signal::Logs, request).await)
}

/// `POST /v1/metrics`.
pub(crate) async fn metrics(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InBody(request, _): InBody<ExportMetrics>,
) -> ExportAnswer {
    ExportAnswer(export(&shared, &principal, Signal::Metrics, request).await)
}

async fn export(shared: &AppState, principal: &Principal, signal: Signal, request: Request) -> Response {
    // The guard lets nothing else in.
    let kind = BodyKind::of(request.headers()).unwrap_or(BodyKind::Json);
    match take(shared, principal, signal, kind, request).await {
        Ok(answer) => respond(kind, StatusCode::OK, answer.encode(kind)),
        Err(error) => refuse(kind, &error),
    }
}

async fn take(
    shared: &AppState,
    principal: &Principal,
    signal: Signal,
    kind: BodyKind,
    request: Request,
) -> Result<Answer, Error> {
    let body = shared.bodies.read(request).await?;
    let (cleaner, now) = (Arc::clone(&shared.cleaner), shared.clock.now());
    let encoding = match kind {
        BodyKind::Json => Encoding::Json,
        BodyKind::Protobuf => Encoding::Protobuf,
    };
    let sequences = Arc::clone(&shared.sequences);
    let decoded = body
        .decode(QUICK_BYTES, move |body| match signal {
            Signal::Logs => otlp::logs(body, encoding, &cleaner, now, &sequences),
            Signal::Metrics => otlp::metrics(body, encoding, &cleaner, now),
        })
        .await?;
    let Otlp {
        batch,
        mut rejected,
        mut message,
        ignored,
    } = decoded.map_err(|error| Error::Malformed(format!("cannot read the body: {}", why(&error))))?;
    if !batch.is_empty() {
        let receipt = shared.hub.push_by(principal.producer(), batch).await?;
        for one in receipt.rejected.iter().chain(&receipt.rejected_logs) {
            // Sent again, what was taken is known.
            if matches!(one.reason, Reason::Busy | Reason::Shutdown) {
                return Err(Error::Busy);
            }
            refusal(one.reason).clone_into(&mut message);
            rejected += 1;
        }
    }
    shared.counts.telemetry(rejected, ignored);
    Ok(Answer {
        signal,
        rejected,
        message,
    })
}

/// An error in the form that exporters read: the status decides whether they send it again.
fn refuse(kind: BodyKind, error: &Error) -> Response {
    let status = match error.status() {
        // Not among those after which an exporter tries again, which it should when there is room.
        StatusCode::INSUFFICIENT_STORAGE => StatusCode::SERVICE_UNAVAILABLE,
        status => status,
    };
    let body = error.body();
    let message = match (body.detail, body.request_id) {
        (Some(detail), _) => detail,
        (None, Some(id)) => format!("the request {id} failed; the cause is in the server's log"),
        (None, None) => body.title,
    };
    let mut response = respond(kind, status, answer::encode_status(kind, status, &message));
    if let Some(seconds) = error.retry_after_s() {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn respond(kind: BodyKind, status: StatusCode, body: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.media_type()),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_work_later_is_said_in_a_status_after_which_exporters_try_again() {
        for (error, seconds) in [
            (Error::Busy, "1"),
            (Error::NoRoom, "1"),
            (Error::Full, "30"),
            (Error::ReadOnly, "30"),
        ] {
            for kind in [BodyKind::Json, BodyKind::Protobuf] {
                let response = refuse(kind, &error);
                assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{error}");
                assert_eq!(response.headers()[header::RETRY_AFTER], seconds, "{error}");
                assert_eq!(response.headers()[header::CONTENT_TYPE], kind.media_type());
            }
        }
    }
}
