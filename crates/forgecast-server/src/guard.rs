//! Protects against requests from other sites and for other hosts: one check before routing, the same for pages, REST,
//! WebSocket, SSE and OTLP. It reads only the head of a request and knows no route, so no route can be missed.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, uri::Authority};

use crate::assets;
use crate::error::Error;
use crate::options::Options;

mod base;
mod hosts;
mod origins;
mod proxies;
#[cfg(test)]
mod tests;

pub(crate) use base::{Base, Inside};
use hosts::Hosts;
use origins::Origins;
use proxies::Proxies;

/// Sent with every answer, errors included. There is no `Access-Control-Allow-Origin`, on purpose. Nor is there
/// `Strict-Transport-Security`: it binds a host with all its ports, and the other ports are not ours.
const SECURITY_HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
];
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Where a request comes from. In the extensions of every request that the guard admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientInfo {
    /// The address of the client: the peer, or the one that a trusted proxy states. Never an IPv4-mapped IPv6 address.
    pub(crate) address: IpAddr,
    /// Whether it is a process of this machine: peer and `Host` are loopback, nothing was forwarded, no proxy is trusted.
    pub(crate) local: bool,
    /// Whether the browser uses https.
    pub(crate) secure: bool,
}

/// The allowed hosts and origins, and the trusted proxies.
#[derive(Debug)]
pub(crate) struct Guard {
    hosts: Hosts,
    origins: Origins,
    proxies: Proxies,
}

impl Guard {
    /// A guard with the configured hosts, origins and proxies.
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            hosts: Hosts::new(&options.allowed_hosts),
            origins: Origins::new(&options.allowed_origins),
            proxies: Proxies::new(&options.trusted_proxies),
        }
    }

    /// Admits a request before its body is read and before routing. `reached` is the address that the peer connected to,
    /// `encrypted` whether this connection is TLS. The path is without the [`Base`].
    ///
    /// # Errors
    /// The host or origin is not allowed, or a header is malformed.
    pub(crate) fn admit<B>(
        &self,
        request: &Request<B>,
        peer: SocketAddr,
        reached: SocketAddr,
        encrypted: bool,
    ) -> Result<ClientInfo, Error> {
        let headers = request.headers();
        let peer = peer.ip().to_canonical();
        let forwarded = self.proxies.forwarded_info(peer, headers)?;
        let secure = forwarded.secure.unwrap_or(encrypted);
        let host = self.host(request.uri(), headers, forwarded.host, reached.ip())?;
        for origin in headers.get_all(header::ORIGIN) {
            if !self.origins.accepts(origin, &host, secure) {
                return Err(Error::Origin);
            }
        }
        if is_foreign(headers) && !opens_a_page(request) {
            return Err(Error::Origin);
        }
        body_kind_fits(request)?;
        transfer_coding_fits(headers)?;
        let local = peer.is_loopback()
            && hosts::is_loopback(host.host())
            && self.proxies.is_empty()
            && !proxies::was_forwarded(headers);
        Ok(ClientInfo {
            address: forwarded.client,
            local,
            secure,
        })
    }

    /// Whether this address is that of a trusted proxy: whoever is behind it comes from there.
    pub(crate) fn is_proxy(&self, peer: IpAddr) -> bool {
        self.proxies.contain(peer.to_canonical())
    }

    /// Adds the headers that every answer has.
    pub(crate) fn seal(headers: &mut HeaderMap) {
        for (name, value) in SECURITY_HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }

    /// The host that the request is for, if it is allowed. A host that a proxy forwards must be allowed as well: a name that
    /// somebody pointed at the proxy comes through it.
    fn host(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        forwarded: Option<String>,
        reached: IpAddr,
    ) -> Result<Authority, Error> {
        let mut given = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (given.next(), given.next()) else {
            return Err(Error::Host(String::new()));
        };
        let text = String::from_utf8_lossy(host.as_bytes()).into_owned();
        // In the form `GET http://elsewhere/ HTTP/1.1` the target, not the header, says who is meant.
        if uri.authority().is_some_and(|target| *target != *text) {
            return Err(Error::Host(text));
        }
        let text = forwarded.unwrap_or(text);
        match text.parse::<Authority>() {
            Ok(authority) if !text.contains('@') && self.hosts.are_ours(authority.host(), reached) => Ok(authority),
            _ => Err(Error::Host(text)),
        }
    }
}

/// Whether a browser states that a page of another site or origin sends the request; another port is another origin.
fn is_foreign(headers: &HeaderMap) -> bool {
    let sites = headers.get_all(SEC_FETCH_SITE).iter();
    sites
        .map(HeaderValue::as_bytes)
        .any(|site| site != b"same-origin" && site != b"none")
}

/// Whether a user follows a link to a page of the dashboard, for example in a chat. The linking site learns nothing from it:
/// pages hold no data, and what they request afterwards is a request of their own origin.
fn opens_a_page<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let says = |name: HeaderName, word: &str| {
        let mut values = headers.get_all(name).iter();
        values.next().is_some_and(|value| value == word) && values.next().is_none()
    };
    matches!(*request.method(), Method::GET | Method::HEAD)
        && says(SEC_FETCH_MODE, "navigate")
        && says(SEC_FETCH_DEST, "document")
        && request.uri().path().strip_prefix('/').is_some_and(assets::is_page)
}

/// Requests that change something need a content type that no page of another site can send without a preflight request.
fn body_kind_fits<B>(request: &Request<B>) -> Result<(), Error> {
    if !changes_with_body(request.method()) {
        return Ok(());
    }
    // Telemetry has paths of its own, and is usually protobuf.
    let exported = request.uri().path().starts_with("/v1/");
    match BodyKind::of(request.headers()) {
        Some(BodyKind::Json) => Ok(()),
        Some(BodyKind::Protobuf) if exported => Ok(()),
        _ if exported => Err(Error::ExportType),
        _ => Err(Error::MediaType),
    }
}

/// A body arrives as it is or in chunks. What else its transfer may be coded as nobody here would undo.
fn transfer_coding_fits(headers: &HeaderMap) -> Result<(), Error> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if is_chunked(coding) => Ok(()),
        _ => Err(Error::Malformed(
            "send the body with Content-Length, or with Transfer-Encoding: chunked and no other".to_owned(),
        )),
    }
}

/// Methods that change something and that a page of another site can send without being asked first, when the body has
/// a harmless type. `DELETE` is not among them: a browser asks before it (preflight), and is not allowed to.
fn changes_with_body(method: &Method) -> bool {
    !matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE | Method::TRACE | Method::CONNECT
    )
}

/// The content types of bodies that are accepted: no page of another site can send them without a preflight request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// `application/json`.
    Json,
    /// `application/x-protobuf`.
    Protobuf,
}

impl BodyKind {
    /// What `Content-Type` says.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let essence = value.split(';').next()?.trim();
        let kinds = [Self::Json, Self::Protobuf];
        kinds
            .into_iter()
            .find(|kind| essence.eq_ignore_ascii_case(kind.media_type()))
    }

    /// The media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }
}
