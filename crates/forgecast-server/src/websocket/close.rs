//! Why a WebSocket is closed, and the code and reason that the viewer is sent.

/// Why a socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The viewer left or the connection broke; no close frame is sent.
    Gone,
    /// The viewer sent something that is not a message of the protocol.
    BadMessage,
    /// The viewer's token, share link or cookie was revoked or has expired.
    Unauthorized,
    /// The viewer subscribed to nothing, or gave no sign of life, for `idle_ms`.
    Idle,
    /// The viewer violated RFC 6455.
    ProtocolError,
    /// The viewer sent a text that is not UTF-8.
    InvalidText,
    /// The viewer sent a message that is longer than it may be.
    MessageTooLong,
    /// The viewer did not read what it was sent within `send_timeout_ms`.
    Slow,
    /// The viewer subscribed to more topics than one socket may.
    TooManyTopics,
    /// The topic, or the server, has as many viewers as it may have.
    TooManyViewers,
    /// The server is stopping; the viewer should connect again.
    Restarting,
}

impl CloseReason {
    /// The close code and its reason; `None` when the viewer is gone.
    pub(crate) fn frame(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Gone => None,
            Self::BadMessage => Some((4400, "bad message")),
            Self::ProtocolError => Some((1002, "protocol error")),
            Self::InvalidText => Some((1007, "text that is not UTF-8")),
            Self::MessageTooLong => Some((1009, "message too long")),
            Self::Unauthorized => Some((4401, "not authorised")),
            Self::Idle => Some((4408, "idle")),
            Self::Slow => Some((4408, "slow")),
            Self::TooManyTopics => Some((4413, "too many topics")),
            Self::TooManyViewers => Some((4429, "too many viewers")),
            Self::Restarting => Some((1012, "restarting")),
        }
    }
}
