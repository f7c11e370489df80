//! The forwarding headers of proxies. They count only on connections from a trusted proxy, since anybody can write them. That
//! a request has any of them counts from every peer, because it only takes rights away.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};

use crate::error::Error;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Headers besides `X-Forwarded-…` that show that a request came through a proxy.
const TRACES: [&str; 8] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "true-client-ip",
    "cf-connecting-ip",
];

/// Whether a request has any header of a proxy.
pub(super) fn was_forwarded(headers: &HeaderMap) -> bool {
    let mut names = headers.keys().map(HeaderName::as_str);
    names.any(|name| name.starts_with("x-forwarded") || TRACES.contains(&name))
}

/// The trusted proxies.
#[derive(Debug)]
pub(super) struct Proxies {
    trusted: Vec<IpAddr>,
}

/// What trusted proxies state about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ForwardedInfo {
    /// The last address on the way here that is no trusted proxy.
    pub(super) client: IpAddr,
    /// Whether the browser uses https, when a proxy states it.
    pub(super) secure: Option<bool>,
    /// The host that the browser asked for, when a proxy states it.
    pub(super) host: Option<String>,
}

impl Proxies {
    pub(super) fn new(trusted: &[IpAddr]) -> Self {
        Self {
            trusted: trusted.iter().map(IpAddr::to_canonical).collect(),
        }
    }

    pub(super) fn contain(&self, peer: IpAddr) -> bool {
        self.trusted.contains(&peer)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.trusted.is_empty()
    }

    /// What the headers of a request from `peer` state, if `peer` is trusted; otherwise only its address.
    ///
    /// # Errors
    /// The headers are malformed or contradict each other.
    pub(super) fn forwarded_info(&self, peer: IpAddr, headers: &HeaderMap) -> Result<ForwardedInfo, Error> {
        let nothing = ForwardedInfo {
            client: peer,
            secure: None,
            host: None,
        };
        if !self.trusted.contains(&peer) {
            return Ok(nothing);
        }
        let listed = self.in_lists(peer, headers);
        let forwarded = self.in_forwarded(peer, headers)?;
        match (listed, forwarded) {
            (None, None) => Ok(nothing),
            (Some(info), None) | (None, Some(info)) => Ok(info),
            (Some(listed), Some(forwarded)) => merge(listed, forwarded),
        }
    }

    /// `X-Forwarded-For`, `-Proto` and `-Host`.
    fn in_lists(&self, peer: IpAddr, headers: &HeaderMap) -> Option<ForwardedInfo> {
        if ![FOR, PROTO, HOST].iter().any(|name| headers.contains_key(name)) {
            return None;
        }
        let hops = list(headers, &FOR);
        let mut client = peer;
        for hop in hops.iter().rev() {
            match address(hop) {
                Some(address) if self.trusted.contains(&client) => client = address,
                _ => break,
            }
        }
        // In a chain of proxies the first one is the one that the browser talks to.
        Some(ForwardedInfo {
            client,
            secure: list(headers, &PROTO).first().map(|proto| is_https(proto)),
            host: list(headers, &HOST).into_iter().next(),
        })
    }

    /// RFC 7239.
    fn in_forwarded(&self, peer: IpAddr, headers: &HeaderMap) -> Result<Option<ForwardedInfo>, Error> {
        if !headers.contains_key(header::FORWARDED) {
            return Ok(None);
        }
        let values = headers.get_all(header::FORWARDED).iter();
        let texts: Option<Vec<&str>> = values.map(|value| value.to_str().ok()).collect();
        let hops = texts.and_then(|texts| hops(&texts.join(",")));
        let Some(hops) = hops else {
            return Err(Error::Malformed("the header Forwarded is not well-formed".to_owned()));
        };
        let mut info = ForwardedInfo {
            client: peer,
            secure: None,
            host: None,
        };
        for hop in hops.into_iter().rev() {
            if !self.trusted.contains(&info.client) {
                break;
            }
            info.secure = hop.proto.as_deref().map(is_https).or(info.secure);
            info.host = hop.host.or(info.host);
            match hop.client.as_deref().and_then(address) {
                Some(address) => info.client = address,
                // Hidden on purpose or unknown: the proxy that forwarded it is the last known address.
                None => break,
            }
        }
        Ok(Some(info))
    }
}

/// Many proxies write one kind of header and pass the other on unchanged, from anybody. Where both are present, they must
/// agree.
fn merge(listed: ForwardedInfo, forwarded: ForwardedInfo) -> Result<ForwardedInfo, Error> {
    let same_scheme = listed.secure.is_none() || forwarded.secure.is_none() || listed.secure == forwarded.secure;
    let same_host = match (&listed.host, &forwarded.host) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => true,
    };
    if listed.client != forwarded.client || !same_scheme || !same_host {
        let detail =
            "Forwarded and X-Forwarded-… contradict each other; let the proxy remove the one that it does not write";
        return Err(Error::Malformed(detail.to_owned()));
    }
    Ok(ForwardedInfo {
        client: listed.client,
        secure: listed.secure.or(forwarded.secure),
        host: listed.host.or(forwarded.host),
    })
}

/// The parts of a list header, over all its lines. Bytes that are not UTF-8 become a part without meaning.
fn list(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let mut parts = Vec::new();
    for value in headers.get_all(name) {
        let text = String::from_utf8_lossy(value.as_bytes());
        parts.extend(text.split(',').map(|part| part.trim().to_owned()));
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn is_https(proto: &str) -> bool {
    proto.eq_ignore_ascii_case("https") || proto.eq_ignore_ascii_case("wss")
}

/// An address with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok();
    address
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .map(|address| address.to_canonical())
}

/// One element of `Forwarded`.
#[derive(Default)]
struct Hop {
    client: Option<String>,
    proto: Option<String>,
    host: Option<String>,
}

/// The elements of `Forwarded`, or nothing when it is none.
fn hops(text: &str) -> Option<Vec<Hop>> {
    let mut hops = Vec::new();
    let mut hop = Hop::default();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix([',', ';']) {
            if rest.starts_with(',') {
                hops.push(std::mem::take(&mut hop));
            }
            rest = after.trim_start();
            continue;
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = value(after)?;
        let place = match name {
            name if name.eq_ignore_ascii_case("for") => Some(&mut hop.client),
            name if name.eq_ignore_ascii_case("proto") => Some(&mut hop.proto),
            name if name.eq_ignore_ascii_case("host") => Some(&mut hop.host),
            name if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => None,
            _ => return None,
        };
        // A repeated parameter is an error.
        if place.is_some_and(|place| place.replace(value).is_some()) {
            return None;
        }
        rest = after.trim_start();
        if !rest.is_empty() && !rest.starts_with([',', ';']) {
            return None;
        }
    }
    hops.push(hop);
    Some(hops)
}

/// A token or a quoted string, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';', ' ', '\t', '"']).unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        return Some((token.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            character => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    /// The information that is accepted from a chain of two proxies, 10.0.0.1 and 10.0.0.2.
    fn told(peer: &str, lines: &[(&'static str, &str)]) -> Option<(String, Option<bool>, Option<String>)> {
        let trusted = ["10.0.0.1", "::ffff:10.0.0.2"].map(|address| address.parse().unwrap());
        let info = Proxies::new(&trusted).forwarded_info(peer.parse().unwrap(), &headers(lines));
        info.ok().map(|info| (info.client.to_string(), info.secure, info.host))
    }

    fn client(peer: &str, lines: &[(&'static str, &str)]) -> Option<String> {
        told(peer, lines).map(|(client, _, _)| client)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let lines = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "a.example"),
        ];
        let believed = ("1.2.3.4".to_owned(), Some(true), Some("a.example".to_owned()));
        assert_eq!(told("10.0.0.1", &lines), Some(believed));
        assert_eq!(told("10.0.0.9", &lines), Some(("10.0.0.9".to_owned(), None, None)));
        let standard = [("forwarded", "for=1.2.3.4;proto=https;host=\"a.example:81\"")];
        let believed = ("1.2.3.4".to_owned(), Some(true), Some("a.example:81".to_owned()));
        assert_eq!(told("10.0.0.1", &standard), Some(believed));
        assert_eq!(told("10.0.0.9", &standard), Some(("10.0.0.9".to_owned(), None, None)));
        // The headers are ignored.
        assert_eq!(client("10.0.0.9", &[("forwarded", "\"")]).as_deref(), Some("10.0.0.9"));
    }

    #[test]
    fn the_client_is_the_last_one_who_is_no_proxy_of_ours() {
        for (list, expected) in [
            ("1.2.3.4", "1.2.3.4"),
            ("6.6.6.6, 1.2.3.4", "1.2.3.4"),
            ("6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
            ("1.2.3.4, 10.0.0.2,", "1.2.3.4"),
            ("10.0.0.2", "10.0.0.2"),
            ("6.6.6.6, nonsense", "10.0.0.1"),
            ("6.6.6.6, unknown, 10.0.0.2", "10.0.0.2"),
            ("1.2.3.4:5678", "1.2.3.4"),
            ("[2001:db8::1]:5678", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("", "10.0.0.1"),
        ] {
            let found = client("10.0.0.1", &[("x-forwarded-for", list)]);
            assert_eq!(found.as_deref(), Some(expected), "{list}");
        }
        let lines = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4, 10.0.0.2")];
        assert_eq!(client("10.0.0.1", &lines).as_deref(), Some("1.2.3.4"));
        for (elements, expected) in [
            ("for=6.6.6.6, for=1.2.3.4", "1.2.3.4"),
            ("for=6.6.6.6, FOR=1.2.3.4 , For=10.0.0.2;by=_x", "1.2.3.4"),
            ("for=\"[2001:db8::1]:47\"", "2001:db8::1"),
            ("for=_hidden", "10.0.0.1"),
            ("for=6.6.6.6, for=unknown, for=10.0.0.2", "10.0.0.2"),
            ("proto=https", "10.0.0.1"),
            ("for=\"1.2.3.4\\\"", "-"),
            ("for=1.2.3.4 for=5.6.7.8", "-"),
            ("for=1.2.3.4;for=5.6.7.8", "-"),
            ("for", "-"),
            ("for=\"1.2.3.4\"x", "-"),
        ] {
            let found = client("10.0.0.1", &[("forwarded", elements)]);
            assert_eq!(found.as_deref().unwrap_or("-"), expected, "{elements}");
        }
    }

    #[test]
    fn what_one_header_says_and_the_other_denies_is_refused() {
        let both =
            |listed: &str, standard: &str| client("10.0.0.1", &[("x-forwarded-for", listed), ("forwarded", standard)]);
        assert_eq!(both("1.2.3.4", "for=1.2.3.4").as_deref(), Some("1.2.3.4"));
        assert_eq!(both("1.2.3.4", "for=6.6.6.6"), None);
        assert_eq!(both("6.6.6.6", "for=1.2.3.4"), None);
        let lines = [("x-forwarded-proto", "https"), ("forwarded", "proto=http")];
        assert_eq!(told("10.0.0.1", &lines), None);
        let lines = [("x-forwarded-host", "a.example"), ("forwarded", "host=b.example")];
        assert_eq!(told("10.0.0.1", &lines), None);
        let lines = [("x-forwarded-host", "a.example"), ("forwarded", "proto=https")];
        let found = told("10.0.0.1", &lines);
        assert_eq!(
            found,
            Some(("10.0.0.1".to_owned(), Some(true), Some("a.example".to_owned())))
        );
    }
}
