//! WebSocket (RFC 6455) as far as a server needs it, on a connection that this crate accepted: the handshake, frames in
//! and out, and why a socket is closed. It knows nothing of sessions, topics or who the viewer is.

mod close;
mod decoder;
mod handshake;
mod outgoing;
mod socket;

pub use self::close::CloseReason;
pub(crate) use self::decoder::Message;
pub(crate) use self::handshake::handshake;
pub(crate) use self::outgoing::{Opcode, Outgoing};
pub(crate) use self::socket::Socket;
