//! `GET /api/v1/sessions/{id}/export`: written piece by piece, as the client takes it.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use forgecast_hub::Export;
use forgecast_protocol::rest::{Exported, SessionPath};
use futures_util::stream;
use serde::Serialize;

use crate::access::Principal;
use crate::concurrency::ConcurrencyPermit;
use crate::error::Error;
use crate::etag::NoStore;
use crate::extract::InPath;
use crate::sessions::unknown;
use crate::state::AppState;

/// How a document without facts and lines ends: facts go before it.
const END: &str = r#"],"log":[]}"#;

/// A `T` as JSON that is written while it is read. When it cannot be read to its end, the connection breaks: half a document
/// must not look like a whole one.
pub(crate) struct JsonStream<T> {
    body: Body,
    of: PhantomData<fn() -> T>,
}

impl<T> IntoResponse for JsonStream<T> {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.body).into_response()
    }
}

/// The handler.
pub(crate) async fn export(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InPath(SessionPath { id }): InPath<SessionPath>,
) -> Result<NoStore<JsonStream<Exported>>, Error> {
    let permit = shared.exports.acquire(&principal)?;
    let export = shared.hub.begin_export(&id).await?.ok_or_else(|| unknown(&id))?;
    let head = json(&principal.receive_part(export.head().clone())?)?;
    let begin = head.strip_suffix(END);
    let begin = begin.ok_or_else(|| Error::internal("write an export", "its lists do not come last"))?;
    let writer = Writer {
        export,
        principal,
        part: Part::Begin(begin.to_owned()),
        is_first: true,
        _permit: permit,
    };
    let body = stream::try_unfold(writer, async |mut writer| {
        let piece = writer.next().await?;
        Ok::<_, Error>(piece.map(|piece| (Bytes::from(piece), writer)))
    });
    Ok(NoStore(JsonStream {
        body: Body::from_stream(body),
        of: PhantomData,
    }))
}

/// What is written next.
enum Part {
    Begin(String),
    Events,
    Lines,
    End,
}

struct Writer {
    export: Export,
    principal: Principal,
    part: Part,
    /// No item of the list was written yet.
    is_first: bool,
    _permit: ConcurrencyPermit,
}

impl Writer {
    /// The next piece of the document; `None` at its end.
    async fn next(&mut self) -> Result<Option<String>, Error> {
        let mut piece = String::new();
        while piece.is_empty() {
            match &mut self.part {
                Part::Begin(begin) => {
                    piece = std::mem::take(begin);
                    self.part = Part::Events;
                }
                Part::Events => {
                    let mut events = self.export.next_events().await?;
                    if events.is_empty() {
                        piece.push_str(r#"],"log":["#);
                        (self.part, self.is_first) = (Part::Lines, true);
                        continue;
                    }
                    events.retain(|stored| self.principal.can_receive_fact(&stored.event.fact));
                    self.write(&self.principal.receive_part(events)?, &mut piece)?;
                }
                Part::Lines => {
                    // The text of a log is what its agent wrote, for guests as well.
                    let lines = self.export.next_lines().await?;
                    if lines.is_empty() {
                        piece.push_str("]}");
                        self.part = Part::End;
                        continue;
                    }
                    self.write(&lines, &mut piece)?;
                }
                Part::End => return Ok(None),
            }
        }
        Ok(Some(piece))
    }

    fn write(&mut self, items: &[impl Serialize], piece: &mut String) -> Result<(), Error> {
        for item in items {
            if !std::mem::take(&mut self.is_first) {
                piece.push(',');
            }
            piece.push_str(&json(item)?);
        }
        Ok(())
    }
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::internal("write an export", error))
}
