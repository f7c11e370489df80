//! The cookie of a browser that signed in: `<id>.<expiry>.<signature>`. It does not reveal the token, ends with it (the
//! signature covers the token's hash) and survives a restart (the server keeps nothing of it).

use axum::http::{HeaderMap, header, uri::Authority};
use data_encoding::BASE64URL_NOPAD;
use forgecast_protocol::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::store::Bytes32;
use crate::headers::parts;

/// The value of a cookie, taken apart.
pub(super) struct Parts<'a> {
    pub(super) id: &'a str,
    /// Seconds since the epoch.
    expiry: i64,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    /// `None` when it does not have the form of our cookies.
    pub(super) fn of(value: &'a str) -> Option<Self> {
        let (id, rest) = value.split_once('.')?;
        let (expiry, signature) = rest.split_once('.')?;
        // Digits only: one cookie must not have several spellings.
        if !expiry.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            id,
            expiry: expiry.parse().ok()?,
            signature: BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?,
        })
    }

    /// Whether it was signed with `secret` for the token with this hash.
    pub(super) fn is_signed(&self, secret: &Bytes32, hash: &Bytes32) -> bool {
        // Compares in constant time.
        signature(self.id, self.expiry, secret, hash).is_some_and(|mac| mac.verify_slice(&self.signature).is_ok())
    }

    /// When it expires.
    pub(super) fn until(&self) -> Timestamp {
        Timestamp::from_millis(self.expiry.saturating_mul(1_000))
    }
}

/// The value of a cookie that is valid until `until`.
pub(super) fn signed(id: &str, until: Timestamp, secret: &Bytes32, hash: &Bytes32) -> String {
    let expiry = until.as_millis().div_euclid(1_000);
    let signature = signature(id, expiry, secret, hash).map(|mac| mac.finalize().into_bytes());
    let signature = signature.map_or_else(String::new, |bytes| BASE64URL_NOPAD.encode(&bytes));
    format!("{id}.{expiry}.{signature}")
}

fn signature(id: &str, expiry: i64, secret: &Bytes32, hash: &Bytes32) -> Option<Hmac<Sha256>> {
    // HMAC accepts keys of any length, so this does not fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).ok()?;
    mac.update(format!("{id}|{expiry}|{}", hash.hex()).as_bytes());
    Some(mac)
}

/// The name of the cookie. Browsers share cookies between all ports of a host, so the name has the port: two servers on one
/// machine must not overwrite each other's cookies.
pub(crate) fn name(headers: &HeaderMap, secure: bool) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let port = host.and_then(|host| host.parse::<Authority>().ok()?.port_u16());
    match port {
        Some(port) if port != if secure { 443 } else { 80 } => format!("forgecast_{port}"),
        _ => "forgecast".to_owned(),
    }
}

/// All values of the cookie with this name; there may be several, set for different paths.
pub(super) fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    parts(headers, &header::COOKIE, ';').filter_map(move |pair| pair.strip_prefix(name)?.strip_prefix('='))
}
