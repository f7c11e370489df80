//! The answers of OTLP, which are so small that they are written by hand: `ExportLogsServiceResponse`,
//! `ExportMetricsServiceResponse` and `google.rpc.Status`, as JSON and as protobuf.

use axum::http::StatusCode;
use serde::Serialize;

use super::Signal;
use crate::guard::BodyKind;

/// `ExportLogsServiceResponse`, `ExportMetricsServiceResponse`; empty when everything was taken.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExportResponse<'a> {
    /// What was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial_success: Option<PartialSuccess<'a>>,
}

/// What of an export was not taken. 64-bit numbers are strings in protobuf's JSON.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct PartialSuccess<'a> {
    /// Why.
    error_message: &'a str,
    /// Log records, as digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(regex(pattern = "^[0-9]+$")))]
    rejected_log_records: Option<String>,
    /// Data points, as digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(regex(pattern = "^[0-9]+$")))]
    rejected_data_points: Option<String>,
}

/// `google.rpc.Status`: why an export was not taken.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct RpcStatus<'a> {
    /// gRPC's number for the kind of trouble.
    #[cfg_attr(feature = "openapi", schemars(range(min = 0, max = 16)))]
    code: u64,
    /// In words.
    message: &'a str,
}

/// What became of an export.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) signal: Signal,
    /// Records or data points that were not taken.
    pub(super) rejected: u64,
    /// Why; empty when all were taken.
    pub(super) message: String,
}

impl Answer {
    /// The body. When everything was taken it must not have a `partial_success`.
    pub(super) fn encode(&self, kind: BodyKind) -> Vec<u8> {
        let partial = self.rejected > 0 || !self.message.is_empty();
        match kind {
            BodyKind::Json => {
                let rejected = |signal| (self.signal == signal).then(|| self.rejected.to_string());
                json(&ExportResponse {
                    partial_success: partial.then(|| PartialSuccess {
                        error_message: &self.message,
                        rejected_log_records: rejected(Signal::Logs),
                        rejected_data_points: rejected(Signal::Metrics),
                    }),
                })
            }
            BodyKind::Protobuf => {
                let mut body = Vec::new();
                if partial {
                    let mut success = Vec::new();
                    number(&mut success, 1, self.rejected);
                    bytes(&mut success, 2, self.message.as_bytes());
                    bytes(&mut body, 1, &success);
                }
                body
            }
        }
    }
}

/// A `google.rpc.Status` that says why an export was not taken.
pub(super) fn encode_status(kind: BodyKind, status: StatusCode, message: &str) -> Vec<u8> {
    let code = code(status);
    match kind {
        BodyKind::Json => json(&RpcStatus { code, message }),
        BodyKind::Protobuf => {
            let mut body = Vec::new();
            number(&mut body, 1, code);
            bytes(&mut body, 2, message.as_bytes());
            body
        }
    }
}

/// Plain strings and numbers always serialize.
fn json(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}

/// gRPC's number for what the status says.
fn code(status: StatusCode) -> u64 {
    const INVALID_ARGUMENT: u64 = 3;
    const DEADLINE_EXCEEDED: u64 = 4;
    const INTERNAL: u64 = 13;
    const UNAVAILABLE: u64 = 14;
    match status {
        StatusCode::REQUEST_TIMEOUT => DEADLINE_EXCEEDED,
        StatusCode::SERVICE_UNAVAILABLE => UNAVAILABLE,
        status if status.is_client_error() => INVALID_ARGUMENT,
        _ => INTERNAL,
    }
}

/// A field that is a number. Zero is what an absent one means.
fn number(out: &mut Vec<u8>, field: u8, value: u64) {
    if value > 0 {
        out.push(field << 3);
        varint(out, value);
    }
}

/// A field that is text or a message.
fn bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    if !value.is_empty() {
        out.push(field << 3 | 2);
        varint(out, value.len() as u64);
        out.extend_from_slice(value);
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rejected: u64, message: &str) -> Answer {
        Answer {
            signal: Signal::Logs,
            rejected,
            message: message.to_owned(),
        }
    }

    #[test]
    fn an_export_that_was_taken_whole_is_answered_with_an_empty_message() {
        assert_eq!(answer(0, "").encode(BodyKind::Json), b"{}");
        assert!(answer(0, "").encode(BodyKind::Protobuf).is_empty());
    }

    #[test]
    fn what_was_not_taken_is_a_partial_success() {
        let json = String::from_utf8(answer(300, "no").encode(BodyKind::Json)).unwrap();
        assert_eq!(
            json,
            r#"{"partialSuccess":{"errorMessage":"no","rejectedLogRecords":"300"}}"#
        );
        assert_eq!(
            answer(300, "no").encode(BodyKind::Protobuf),
            [0x0a, 7, 0x08, 0xac, 0x02, 0x12, 2, b'n', b'o']
        );
        let points = Answer {
            signal: Signal::Metrics,
            ..answer(1, "")
        };
        let json = String::from_utf8(points.encode(BodyKind::Json)).unwrap();
        assert_eq!(
            json,
            r#"{"partialSuccess":{"errorMessage":"","rejectedDataPoints":"1"}}"#
        );
    }

    #[test]
    fn a_status_says_why_and_whether_to_come_back() {
        let message = "x".repeat(200);
        let body = encode_status(BodyKind::Protobuf, StatusCode::SERVICE_UNAVAILABLE, &message);
        assert_eq!(body[..5], [0x08, 14, 0x12, 0xc8, 0x01]);
        assert_eq!(body.len(), 205);
        assert_eq!(
            encode_status(BodyKind::Json, StatusCode::PAYLOAD_TOO_LARGE, "long"),
            br#"{"code":3,"message":"long"}"#
        );
    }
}
