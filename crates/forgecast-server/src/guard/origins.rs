//! The origins whose pages may send requests: this server's own, and the configured ones under which a proxy shows it. The
//! port is compared, too: for cookies and SameSite all ports of localhost are one site, so a page of any other program on
//! this machine would count as ours.

use axum::http::HeaderValue;
use axum::http::uri::Authority;

/// Scheme, host and port; compared as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    secure: bool,
    /// Lower case.
    host: String,
    port: u16,
}

/// The origins from which pages may send requests.
#[derive(Debug)]
pub(super) struct Origins {
    allowed: Vec<Origin>,
}

impl Origins {
    /// The server itself and these.
    pub(super) fn new(allowed: &[String]) -> Self {
        let allowed = allowed.iter().filter_map(|text| {
            let origin = Origin::parse(text.trim_end_matches('/'));
            if origin.is_none() {
                tracing::warn!(origin = %text, "not an origin like https://builds.example; it is ignored");
            }
            origin
        });
        Self {
            allowed: allowed.collect(),
        }
    }

    /// Whether a page of `origin` may ask for what it asks under `host`, which the browser sees as https when `secure`.
    pub(super) fn accepts(&self, origin: &HeaderValue, host: &Authority, secure: bool) -> bool {
        let Some(origin) = origin.to_str().ok().and_then(Origin::parse) else {
            return false;
        };
        origin == Origin::of(host, secure) || self.allowed.contains(&origin)
    }
}

impl Origin {
    fn of(authority: &Authority, secure: bool) -> Self {
        Self {
            secure,
            host: authority.host().to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
        }
    }

    /// An origin as browsers write it. `null` is no origin.
    fn parse(text: &str) -> Option<Self> {
        let (secure, rest) = match text.strip_prefix("http://") {
            Some(rest) => (false, rest),
            None => (true, text.strip_prefix("https://")?),
        };
        let authority: Authority = rest.parse().ok()?;
        (!rest.contains('@')).then(|| Self::of(&authority, secure))
    }
}
