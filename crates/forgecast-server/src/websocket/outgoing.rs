//! Frames to be sent to one viewer: each has a header of its own and a payload whose bytes all viewers share. Only small
//! payloads are copied, where one copy is cheaper than a vectored write. Nothing stays allocated after it was sent.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// Up to this many bytes are copied together and written with one plain call.
const SMALL: usize = 2 * 1024;
/// Slices per vectored write: the header and the payload of half as many frames.
const SLICES: usize = 64;
/// Longest header of a frame that is not masked.
const HEADER: usize = 10;

/// The type of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    /// UTF-8.
    Text = 1,
    /// Closes the connection, with a code and a reason.
    Close = 8,
    /// Asks the peer to answer with a pong.
    Ping = 9,
    /// The answer to a ping.
    Pong = 10,
}

struct Piece {
    header: [u8; HEADER],
    header_len: u8,
    payload: Bytes,
}

/// The frames that wait to be sent on one connection.
#[derive(Default)]
pub(crate) struct Outgoing {
    pieces: Vec<Piece>,
    /// Bytes of the first frames that were already written.
    taken: usize,
}

impl Piece {
    fn header(&self) -> &[u8] {
        &self.header[..usize::from(self.header_len)]
    }
}

impl Outgoing {
    /// One text frame for each of these messages.
    pub(crate) fn texts(messages: impl IntoIterator<Item = Bytes>) -> Self {
        let mut outgoing = Self::default();
        for message in messages {
            outgoing.push(Opcode::Text, message);
        }
        outgoing
    }

    /// One frame.
    pub(crate) fn frame(opcode: Opcode, payload: Bytes) -> Self {
        let mut outgoing = Self::default();
        outgoing.push(opcode, payload);
        outgoing
    }

    /// Adds a frame, not fragmented and not masked.
    pub(crate) fn push(&mut self, opcode: Opcode, payload: Bytes) {
        let mut header = [0; HEADER];
        header[0] = 0x80 | opcode as u8;
        let header_len = match payload.len() {
            length @ 0..=125 => {
                header[1] = length.to_le_bytes()[0];
                2
            }
            length => match u16::try_from(length) {
                Ok(length) => {
                    header[1] = 126;
                    header[2..4].copy_from_slice(&length.to_be_bytes());
                    4
                }
                Err(_) => {
                    header[1] = 127;
                    header[2..].copy_from_slice(&(length as u64).to_be_bytes());
                    10
                }
            },
        };
        self.pieces.push(Piece {
            header,
            header_len,
            payload,
        });
    }

    /// Writes as much as possible without waiting; returns whether that was everything.
    pub(crate) fn write_to(&mut self, stream: &TcpStream) -> io::Result<bool> {
        loop {
            let written = self.gather(|slices| match slices {
                [one] => stream.try_write(one),
                many => stream.try_write_vectored(many),
            });
            let written = match written {
                Ok(0) if self.is_empty() => return Ok(true),
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.advance(written);
            if self.is_empty() {
                return Ok(true);
            }
        }
    }

    /// Whether nothing is left to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Writes everything to a stream, which the caller then flushes.
    pub(crate) async fn write_all_to(&mut self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        while !self.is_empty() {
            let writing = poll_fn(|cx| self.gather(|slices| Pin::new(&mut *stream).poll_write_vectored(cx, slices)));
            match writing.await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => self.advance(written),
            }
        }
        Ok(())
    }

    /// Passes the next unwritten bytes to `write`, in one slice if they are few.
    fn gather<T>(&self, write: impl FnOnce(&[IoSlice<'_>]) -> T) -> T {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        let mut bytes = 0;
        let mut skip = self.taken;
        for part in self.pieces.iter().flat_map(|piece| [piece.header(), &piece.payload]) {
            let (skipped, part) = part.split_at(skip.min(part.len()));
            skip -= skipped.len();
            if part.is_empty() {
                continue;
            }
            if count == SLICES {
                break;
            }
            slices[count] = IoSlice::new(part);
            count += 1;
            bytes += part.len();
        }
        let slices = &slices[..count];
        if bytes == 0 || bytes > SMALL {
            return write(slices);
        }
        let mut joined = [0; SMALL];
        let mut end = 0;
        for slice in slices {
            joined[end..end + slice.len()].copy_from_slice(slice);
            end += slice.len();
        }
        write(&[IoSlice::new(&joined[..end])])
    }

    fn advance(&mut self, written: usize) {
        self.taken += written;
        let mut sent = 0;
        for piece in &self.pieces {
            let size = piece.header().len() + piece.payload.len();
            if self.taken < size {
                break;
            }
            self.taken -= size;
            sent += 1;
        }
        // Dropped at once: a snapshot that was written is not held until the patches after it are.
        self.pieces.drain(..sent);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn frames_of_every_length_arrive_whole_and_in_order() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mut peer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (peer, (stream, _)) = (peer.as_mut().unwrap(), accepted.unwrap());
        let lengths = [0, 1, 125, 126, 65_535, 65_536, 3_000_000];
        let small = std::iter::repeat_n(3, 200);
        let payloads: Vec<Bytes> = lengths
            .into_iter()
            .chain(small)
            .map(|length| vec![b'x'; length].into())
            .collect();
        let mut outgoing = Outgoing::texts(payloads.clone());
        let sending = async {
            while !outgoing.write_to(&stream).unwrap() {
                stream.writable().await.unwrap();
            }
        };
        let receiving = async {
            for payload in &payloads {
                let mut head = [0; 2];
                peer.read_exact(&mut head).await.unwrap();
                assert_eq!(head[0], 0x81);
                let length = match head[1] {
                    126 => u64::from(peer.read_u16().await.unwrap()),
                    127 => peer.read_u64().await.unwrap(),
                    short => u64::from(short),
                };
                assert_eq!(length, payload.len() as u64);
                let mut read = vec![0; payload.len()];
                peer.read_exact(&mut read).await.unwrap();
                assert_eq!(read, *payload);
            }
        };
        tokio::join!(sending, receiving);
    }
}
