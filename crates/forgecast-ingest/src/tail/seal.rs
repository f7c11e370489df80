//! How a file that was cut and grew again, or that has another's number, is told from one that only grew: by the bytes
//! that stood before the place up to which it was read.

use forgecast_protocol::hex;
use sha2::{Digest, Sha256};

/// So many bytes are compared: more than the end of a line, since many lines end alike.
pub(crate) const WITNESS_BYTES: usize = 512;
/// Bytes of a digest that are kept: chance must not make two lines alike, nobody gains by making them so.
const KEPT: usize = 8;

/// The digest of bytes, hexadecimal.
pub(crate) fn of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..KEPT])
}

/// The digest of what stands before the index `end` in `read`, which is `offset` in the file; empty when too little of it
/// was read to say.
pub(crate) fn before(read: &[u8], end: usize, offset: u64) -> String {
    if end >= WITNESS_BYTES || u64::try_from(end).is_ok_and(|end| end == offset) {
        of(&read[end.saturating_sub(WITNESS_BYTES)..end])
    } else {
        String::new()
    }
}
