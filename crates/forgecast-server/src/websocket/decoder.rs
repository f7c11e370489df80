//! What a viewer sends, as messages: RFC 6455 frames, masked, possibly in fragments. Holds no memory between messages,
//! and never more than the longest message and what was read with it.

use bytes::{Buf, Bytes, BytesMut};

use super::close::CloseReason;

/// Longest payload of a control frame.
const LONGEST_CONTROL: usize = 125;

/// A complete message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// Text.
    Text(String),
    /// Binary data, which the protocol has no use for.
    Binary,
    /// To be answered with a pong of the same payload.
    Ping(Bytes),
    /// A sign of life.
    Pong,
    /// The viewer leaves, with the code that it gave.
    Close(Option<u16>),
}

/// Collects the bytes of one connection and gives out whole messages.
#[derive(Debug)]
pub(crate) struct Decoder {
    longest: usize,
    unread: BytesMut,
    /// The fragments so far, and whether they are text.
    begun: Option<(bool, BytesMut)>,
}

struct Header {
    is_final: bool,
    opcode: u8,
    mask: [u8; 4],
    /// Bytes of the header itself.
    size: usize,
    payload: usize,
}

impl Decoder {
    /// A decoder for messages of at most `longest` bytes.
    pub(crate) fn new(longest: usize) -> Self {
        Self {
            longest,
            unread: BytesMut::new(),
            begun: None,
        }
    }

    /// Appends bytes that were read.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// The next complete message, if there is one. After an error the decoder cannot be used any more.
    pub(crate) fn next(&mut self) -> Result<Option<Message>, CloseReason> {
        while let Some(header) = self.header()? {
            if self.unread.len() < header.size + header.payload {
                break;
            }
            self.unread.advance(header.size);
            let mut payload = self.unread.split_to(header.payload);
            for (byte, mask) in payload.iter_mut().zip(header.mask.iter().cycle()) {
                *byte ^= mask;
            }
            if let Some(message) = self.frame(&header, payload)? {
                return Ok(Some(message));
            }
        }
        if self.unread.is_empty() {
            // A silent viewer has no buffer.
            self.unread = BytesMut::new();
        }
        Ok(None)
    }

    fn header(&self) -> Result<Option<Header>, CloseReason> {
        let [first, second, rest @ ..] = self.unread.as_ref() else {
            return Ok(None);
        };
        let (is_final, opcode) = (first & 0x80 != 0, first & 0x0f);
        let is_control = opcode & 0x08 != 0;
        // No extension was negotiated, and a client must mask every frame.
        if first & 0x70 != 0 || second & 0x80 == 0 || !matches!(opcode, 0..=2 | 8..=10) {
            return Err(CloseReason::ProtocolError);
        }
        let (length, wide) = match (second & 0x7f, rest) {
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 2),
            (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 8),
            (126 | 127, _) if !is_control => return Ok(None),
            (short, _) => (u64::from(short), 0),
        };
        let payload = usize::try_from(length).map_err(|_| CloseReason::MessageTooLong)?;
        if is_control {
            if !is_final || payload > LONGEST_CONTROL {
                return Err(CloseReason::ProtocolError);
            }
        } else {
            // Checked before any of it is stored.
            let so_far = self.begun.as_ref().map_or(0, |(_, message)| message.len());
            if payload > self.longest.saturating_sub(so_far) {
                return Err(CloseReason::MessageTooLong);
            }
            // A continuation frame must follow a fragment, and no other message may come in between.
            if (opcode == 0) != self.begun.is_some() {
                return Err(CloseReason::ProtocolError);
            }
        }
        Ok(rest
            .get(wide..wide + 4)
            .and_then(|mask| mask.try_into().ok())
            .map(|mask| Header {
                is_final,
                opcode,
                mask,
                size: 2 + wide + 4,
                payload,
            }))
    }

    fn frame(&mut self, header: &Header, payload: BytesMut) -> Result<Option<Message>, CloseReason> {
        match header.opcode {
            8 => return closing(&payload).map(|code| Some(Message::Close(code))),
            9 => return Ok(Some(Message::Ping(payload.freeze()))),
            10 => return Ok(Some(Message::Pong)),
            _ => {}
        }
        let (is_text, message) = match self.begun.take() {
            Some((is_text, mut message)) => {
                message.extend_from_slice(&payload);
                (is_text, message)
            }
            None => (header.opcode == 1, payload),
        };
        if !header.is_final {
            self.begun = Some((is_text, message));
            return Ok(None);
        }
        if !is_text {
            return Ok(Some(Message::Binary));
        }
        let text = std::str::from_utf8(&message).map_err(|_| CloseReason::InvalidText)?;
        Ok(Some(Message::Text(text.to_owned())))
    }
}

/// The code of a close frame: none, or one that may be sent, with a reason that is text.
fn closing(payload: &[u8]) -> Result<Option<u16>, CloseReason> {
    let [high, low, reason @ ..] = payload else {
        return if payload.is_empty() {
            Ok(None)
        } else {
            Err(CloseReason::ProtocolError)
        };
    };
    let code = u16::from_be_bytes([*high, *low]);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(CloseReason::ProtocolError);
    }
    std::str::from_utf8(reason).map_err(|_| CloseReason::InvalidText)?;
    Ok(Some(code))
}

#[cfg(test)]
mod tests;
