//! What the index hints at: which rows have to be read from the disk. The index is published before its facts are stored,
//! so a row that is read and does not show what the index showed is read again.

use std::collections::BTreeMap;

use forgecast_hub::{Delivery, FrameKind};
use forgecast_protocol::{SessionId, SessionRow};
use serde::Deserialize;
use serde_json::Value;

/// What the index showed of a session's attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The attention with this number.
    Seq(u64),
    /// None.
    Nothing,
    /// Something of it changed, or the session is no longer shown.
    Unknown,
}

impl Shown {
    fn of(attention: &Value) -> Self {
        match attention.get("seq").and_then(Value::as_u64) {
            Some(seq) => Self::Seq(seq),
            None if attention.is_null() => Self::Nothing,
            None => Self::Unknown,
        }
    }

    /// Whether a row, or that there is none, is what was shown.
    pub(crate) fn agrees(self, row: Option<&SessionRow>) -> bool {
        let seq = row
            .and_then(|row| row.attention.as_ref())
            .map(|attention| attention.seq);
        match self {
            Self::Seq(shown) => seq == Some(shown),
            Self::Nothing => seq.is_none(),
            Self::Unknown => true,
        }
    }
}

/// A message of the index, as far as it is of interest.
#[derive(Deserialize)]
struct Message {
    #[serde(alias = "patch")]
    state: Rows,
}

#[derive(Default, Deserialize)]
struct Rows {
    #[serde(default)]
    sessions: BTreeMap<SessionId, Option<Row>>,
}

#[derive(Deserialize)]
struct Row {
    /// Absent when a patch does not touch it, null when it is over.
    #[serde(default, deserialize_with = "present")]
    attention: Option<Value>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The sessions whose attention a delivery shows otherwise, with what it shows.
pub(crate) fn hints(delivery: &Delivery) -> Vec<(SessionId, Shown)> {
    let mut hints = Vec::new();
    for frame in &delivery.frames {
        let is_snapshot = match frame.kind {
            FrameKind::Snapshot => true,
            FrameKind::Patch => false,
            FrameKind::Log | FrameKind::Event | FrameKind::Removed => continue,
        };
        let message: Message = match serde_json::from_slice(&frame.json) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(%error, "a message of the index could not be read");
                continue;
            }
        };
        for (id, row) in message.state.sessions {
            match row.map(|row| row.attention) {
                Some(Some(attention)) => hints.push((id, Shown::of(&attention))),
                Some(None) if is_snapshot => hints.push((id, Shown::Nothing)),
                Some(None) => {}
                None => hints.push((id, Shown::Unknown)),
            }
        }
    }
    hints
}
