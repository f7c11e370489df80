//! Who may talk to this server: one check before any routing, the same for pages, REST, WebSocket, SSE and OTLP. It
//! reads the head only and knows no route, so none can forget it.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderValue, Method, Request, Uri, header, uri::Authority};

use crate::error::Error;
use crate::options::Options;

/// Sent with every answer, errors included. There is no `Access-Control-Allow-Origin`, on purpose.
const SECURITY_HEADERS: [(header::HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
];
const CROSS_ORIGIN_RESOURCE_POLICY: header::HeaderName =
    header::HeaderName::from_static("cross-origin-resource-policy");
const SEC_FETCH_SITE: header::HeaderName = header::HeaderName::from_static("sec-fetch-site");

/// Where a request really comes from. In the extensions of every request that was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visitor {
    /// The client: the peer, or whom a trusted proxy names. An IPv4 address is never written as an IPv6 one.
    pub(crate) address: IpAddr,
    /// A process of this machine: peer and `Host` are loopback, nothing was forwarded and no proxy is configured.
    pub(crate) local: bool,
    /// The browser sees https.
    pub(crate) secure: bool,
}

/// The hosts that this server answers to.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Lower case, without a port.
    names: Vec<String>,
}

impl Guard {
    /// A guard as it is configured.
    pub(crate) fn new(options: &Options) -> Self {
        let names = options.allowed_hosts.iter();
        Self {
            names: names.map(|name| name.to_ascii_lowercase()).collect(),
        }
    }

    /// Lets a request in and says whose it is, or says why not. Nothing has been read or routed by then. `reached` is the
    /// address that the peer connected to; `encrypted` whether this connection is TLS.
    pub(crate) fn admit<B>(
        &self,
        request: &Request<B>,
        peer: SocketAddr,
        reached: SocketAddr,
        encrypted: bool,
    ) -> Result<Visitor, Error> {
        let headers = request.headers();
        let host = self.host(request.uri(), headers, reached.ip())?;
        if let Some(site) = headers.get(SEC_FETCH_SITE)
            && site.as_bytes() == b"cross-site"
        {
            return Err(Error::Origin);
        }
        for origin in headers.get_all(header::ORIGIN) {
            if !self.same_origin(origin, &host) {
                return Err(Error::Origin);
            }
        }
        if changes_with_body(request.method()) {
            let kind = BodyKind::of(headers);
            // Telemetry has one address of its own, and there it is usually protobuf.
            let exported = request.uri().path().starts_with("/v1/");
            match kind {
                Some(BodyKind::Json) => {}
                Some(BodyKind::Protobuf) if exported => {}
                _ if exported => return Err(Error::ExportType),
                _ => return Err(Error::MediaType),
            }
        }
        Ok(Visitor {
            address: peer.ip().to_canonical(),
            local: peer.ip().to_canonical().is_loopback(),
            secure: encrypted,
        })
    }

    /// Adds the headers that every answer has.
    pub(crate) fn seal(headers: &mut HeaderMap) {
        for (name, value) in SECURITY_HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }

    /// The one host that the request is for, when it is one of ours.
    fn host(&self, uri: &Uri, headers: &HeaderMap, reached: IpAddr) -> Result<Authority, Error> {
        let mut given = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (given.next(), given.next()) else {
            return Err(Error::Host(String::new()));
        };
        let text = String::from_utf8_lossy(host.as_bytes()).into_owned();
        let authority: Authority = match text.parse() {
            Ok(authority) => authority,
            Err(_) => return Err(Error::Host(text)),
        };
        // In the form `GET http://elsewhere/ HTTP/1.1` the target, not the header, says who is meant.
        let names_another = uri.authority().is_some_and(|target| *target != authority);
        if names_another || text.contains('@') || !self.is_ours(authority.host(), reached) {
            return Err(Error::Host(text));
        }
        Ok(authority)
    }

    fn is_ours(&self, host: &str, reached: IpAddr) -> bool {
        if host.eq_ignore_ascii_case("localhost") || self.is_configured(host) {
            return true;
        }
        let literal = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        // Strict on purpose: `127.1` and `0x7f.0.0.1` are not spelled like this by anybody who means well.
        match literal.parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || address == reached,
            Err(_) => false,
        }
    }

    fn is_configured(&self, host: &str) -> bool {
        self.names.iter().any(|name| host.eq_ignore_ascii_case(name))
    }

    /// Whether a page of `origin` is one that this server gave out under `host`. The port counts: cookies and SameSite
    /// take all of localhost for one site, and any other program there for a friend.
    fn same_origin(&self, origin: &HeaderValue, host: &Authority) -> bool {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        let (default_port, rest) = if let Some(rest) = origin.strip_prefix("http://") {
            (80, rest)
        } else if let Some(rest) = origin.strip_prefix("https://") {
            // This server speaks no TLS: only a proxy that was given a name in the configuration does.
            if !self.is_configured(host.host()) {
                return false;
            }
            (443, rest)
        } else {
            return false;
        };
        let Ok(page) = rest.parse::<Authority>() else {
            return false;
        };
        page.host().eq_ignore_ascii_case(host.host())
            && !rest.contains('@')
            && page.port_u16().unwrap_or(default_port) == host.port_u16().unwrap_or(default_port)
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

/// What a body may be: types that no page of another site can send without asking.
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::http::request;

    use super::*;

    fn guard() -> Guard {
        Guard::new(&Options {
            allowed_hosts: vec!["Builds.example".to_owned()],
            ..Options::default()
        })
    }

    fn status(change: impl FnOnce(request::Builder) -> request::Builder) -> u16 {
        let request = change(Request::builder().uri("/")).body(()).unwrap();
        let reached = SocketAddr::from((Ipv4Addr::LOCALHOST, 8600));
        match guard().admit(&request, reached, reached, false) {
            Ok(_) => 200,
            Err(error) => error.body().status,
        }
    }

    #[test]
    fn only_our_own_hosts_are_answered() {
        let status_of = |host: &str| status(|request| request.header("host", host));
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:1",
            "127.8.7.6",
            "[::1]:8080",
            "builds.example",
            "BUILDS.example:443",
        ] {
            assert_eq!(status_of(host), 200, "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "localhost.",
            "127.1",
            "0x7f.0.0.1",
            "0.0.0.0",
            "192.168.0.1",
            "[::ffff:7f00:1%25x]",
            "user@localhost",
            "localhost:80:80",
            "a b",
        ] {
            assert_eq!(status_of(host), 421, "{host}");
        }
        assert_eq!(status(|request| request), 421, "no host at all");
        assert_eq!(
            status(|request| request.header("host", "localhost").header("host", "localhost")),
            421,
            "two hosts"
        );
        assert_eq!(
            status(|request| request.uri("http://evil.example/").header("host", "localhost")),
            421,
            "another target"
        );
    }

    #[test]
    fn a_page_must_come_from_the_very_same_host_and_port() {
        let status_of =
            |host: &str, origin: &str| status(|request| request.header("host", host).header("origin", origin));
        for (host, origin) in [
            ("localhost:8080", "http://localhost:8080"),
            ("localhost:9000", "http://localhost:9000"),
            ("localhost", "http://localhost"),
            ("localhost:80", "http://localhost"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("builds.example", "https://builds.example"),
        ] {
            assert_eq!(status_of(host, origin), 200, "{host} {origin}");
        }
        for (host, origin) in [
            ("localhost:8080", "null"),
            ("localhost:8080", ""),
            ("localhost:8080", "http://localhost:3000"),
            ("localhost:8080", "http://127.0.0.1:8080"),
            ("localhost:8080", "https://localhost:8080"),
            ("localhost:8080", "http://localhost"),
            ("localhost:8080", "http://evil.example"),
            ("localhost:8080", "http://evil.example@localhost:8080"),
            ("localhost:8080", "chrome-extension://abc"),
            ("builds.example", "https://builds.example:8443"),
        ] {
            assert_eq!(status_of(host, origin), 403, "{host} {origin}");
        }
    }

    #[test]
    fn a_request_that_a_browser_calls_cross_site_is_refused_without_an_origin_too() {
        let status_of =
            |site: &str| status(|request| request.header("host", "localhost").header("sec-fetch-site", site));
        assert_eq!(status_of("cross-site"), 403);
        assert_eq!(status_of("same-origin"), 200);
        assert_eq!(status_of("none"), 200);
    }

    #[test]
    fn a_change_must_be_json() {
        let status_of = |method: &str, kind: Option<&str>| {
            status(|request| {
                let request = request.method(method).header("host", "localhost");
                match kind {
                    Some(kind) => request.header("content-type", kind),
                    None => request,
                }
            })
        };
        for kind in ["application/json", "Application/JSON; charset=utf-8"] {
            assert_eq!(status_of("POST", Some(kind)), 200, "{kind}");
        }
        for kind in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("text/plain; application/json"),
        ] {
            assert_eq!(status_of("POST", kind), 415, "{kind:?}");
            assert_eq!(status_of("BREW", kind), 415, "{kind:?}");
        }
        assert_eq!(status_of("GET", None), 200);
        assert_eq!(status_of("DELETE", None), 200);
    }

    #[test]
    fn telemetry_may_be_protobuf_too_and_nothing_else_may() {
        let status_of = |path: &str, kind: &str| {
            status(|request| {
                let request = request.method("POST").uri(path).header("host", "localhost");
                request.header("content-type", kind)
            })
        };
        for (path, kind, expected) in [
            ("/v1/logs", "application/x-protobuf", 200),
            ("/v1/metrics", "Application/X-Protobuf; v=1", 200),
            ("/v1/logs", "application/json", 200),
            ("/v1/logs", "text/plain", 415),
            ("/v1/logs", "text/plain; application/x-protobuf", 415),
            ("/api/v1/events", "application/x-protobuf", 415),
            ("/api/v1/hooks/claude", "application/x-protobuf", 415),
            ("/v1", "application/x-protobuf", 415),
        ] {
            assert_eq!(status_of(path, kind), expected, "{path} {kind}");
        }
    }
}
