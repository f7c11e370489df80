//! The guard as a function: what it lets in, table by table.

use std::net::Ipv4Addr;

use axum::http::request;

use super::*;

mod visitors;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// One question to a guard; loopback on both ends unless a test says otherwise.
struct Ask {
    options: Options,
    method: &'static str,
    path: &'static str,
    peer: IpAddr,
    reached: IpAddr,
    encrypted: bool,
    headers: Vec<(&'static str, String)>,
}

fn ask(headers: &[(&'static str, &str)]) -> Ask {
    Ask {
        options: Options {
            allowed_hosts: vec!["Builds.example".to_owned(), "203.0.113.9".to_owned(), "::5".to_owned()],
            ..Options::default()
        },
        method: "GET",
        path: "/",
        peer: LOCALHOST,
        reached: LOCALHOST,
        encrypted: false,
        headers: headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
    }
}

impl Ask {
    fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn visitor(&self) -> Result<ClientInfo, Error> {
        let builder: request::Builder = Request::builder().method(self.method).uri(self.path);
        let headers = self.headers.iter();
        let builder = headers.fold(builder, |builder, (name, value)| builder.header(*name, value));
        let (peer, reached) = ((self.peer, 50_000).into(), (self.reached, 8600).into());
        Guard::new(&self.options).admit(&builder.body(()).unwrap(), peer, reached, self.encrypted)
    }

    fn status(&self) -> u16 {
        match self.visitor() {
            Ok(_) => 200,
            Err(error) => error.body().status,
        }
    }
}

#[test]
fn a_transfer_coding_besides_chunked_is_refused() {
    let status_of = |codings: &[&str]| {
        let codings = codings.iter().map(|coding| ("transfer-encoding", *coding));
        let headers: Vec<_> = std::iter::once(("host", "localhost")).chain(codings).collect();
        ask(&headers).status()
    };
    assert_eq!(status_of(&[]), 200);
    assert_eq!(status_of(&["Chunked"]), 200);
    for codings in [
        &["gzip, chunked"][..],
        &["chunked, gzip"],
        &["gzip"],
        &["identity"],
        &["gzip", "chunked"],
        &["chunked", "chunked"],
        &[""],
    ] {
        assert_eq!(status_of(codings), 400, "{codings:?}");
    }
}

#[test]
fn only_our_own_hosts_are_answered() {
    let status_of = |host: &str| ask(&[("host", host)]).status();
    for host in [
        "localhost",
        "LOCALHOST:8080",
        "127.0.0.1:1",
        "127.8.7.6",
        "[::1]:8080",
        "[::ffff:127.0.0.1]",
        "builds.example",
        "BUILDS.example:443",
        "203.0.113.9:8600",
        "[::ffff:203.0.113.9]",
        "[::5]",
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
        "2130706433",
        "0177.0.0.1",
        "0.0.0.0",
        "[::]",
        "[::ffff:0.0.0.0]",
        "192.168.0.1",
        "[::ffff:7f00:1%25x]",
        "[::1%25lo]",
        "user@localhost",
        "localhost:80:80",
        "a b",
        "::1",
        "[::1",
        "203.0.113.8",
    ] {
        assert_eq!(status_of(host), 421, "{host}");
    }
    assert_eq!(ask(&[]).status(), 421, "no host at all");
    assert_eq!(
        ask(&[("host", "localhost"), ("host", "localhost")]).status(),
        421,
        "two hosts"
    );
    let target = ask(&[("host", "localhost")]).but(|ask| ask.path = "http://evil.example/");
    assert_eq!(target.status(), 421, "another target");
}

#[test]
fn the_address_that_was_used_is_answered_and_no_other_of_the_same_machine() {
    for (reached, host, expected) in [
        ("192.0.2.7", "192.0.2.7:8600", 200),
        ("192.0.2.7", "[::ffff:192.0.2.7]:8600", 200),
        ("::ffff:192.0.2.7", "192.0.2.7:8600", 200),
        ("192.0.2.7", "192.0.2.8:8600", 421),
        ("192.0.2.7", "0.0.0.0:8600", 421),
        ("2001:db8::7", "[2001:db8::7]:8600", 200),
        ("2001:db8::7", "[2001:DB8:0:0:0:0:0:7]:8600", 200),
        ("2001:db8::7", "[2001:db8::8]:8600", 421),
        ("2001:db8::7", "[2001:db8::7%25eth0]:8600", 421),
        ("fe80::7", "[fe80::7]:8600", 200),
        ("fe80::7", "[fe80::7%25eth0]:8600", 200),
        ("fe80::7", "[fe80::7%eth0]:8600", 200),
        ("fe80::7", "[fe80::8%25eth0]:8600", 421),
        ("fe80::7", "[fe80::7%]:8600", 421),
    ] {
        let reached = reached.parse().unwrap();
        let status = ask(&[("host", host)]).but(|ask| ask.reached = reached).status();
        assert_eq!(status, expected, "{host} at {reached}");
    }
}

#[test]
fn a_page_must_come_from_the_very_same_scheme_host_and_port() {
    let of = |host: &str, origin: &str| ask(&[("host", host), ("origin", origin)]);
    for (host, origin, expected) in [
        ("localhost:8080", "http://localhost:8080", 200),
        ("localhost:9000", "http://localhost:9000", 200),
        ("localhost", "http://localhost", 200),
        ("localhost:80", "http://localhost", 200),
        ("[::1]:8080", "http://[::1]:8080", 200),
        ("BUILDS.example", "http://builds.example", 200),
        ("localhost:8080", "null", 403),
        ("localhost:8080", "", 403),
        ("localhost:8080", "http://localhost:3000", 403),
        ("localhost:8080", "http://127.0.0.1:8080", 403),
        ("localhost:8080", "https://localhost:8080", 403),
        ("localhost:8080", "http://localhost", 403),
        ("localhost:8080", "http://evil.example", 403),
        ("localhost:8080", "http://evil.example@localhost:8080", 403),
        ("localhost:8080", "http://localhost:8080/", 403),
        ("localhost:8080", "http://localhost:8080, http://evil.example", 403),
        ("localhost:8080", "chrome-extension://abc", 403),
        ("builds.example", "https://builds.example", 403),
        ("builds.example:443", "https://builds.example", 403),
    ] {
        assert_eq!(of(host, origin).status(), expected, "{host} {origin}");
    }
    for (host, origin, expected) in [
        ("localhost:8600", "https://localhost:8600", 200),
        ("builds.example", "https://builds.example", 200),
        ("builds.example:443", "https://builds.example", 200),
        ("builds.example", "https://builds.example:8443", 403),
        ("localhost:8600", "http://localhost:8600", 403),
        ("builds.example", "http://builds.example", 403),
        ("builds.example:80", "http://builds.example", 403),
    ] {
        let status = of(host, origin).but(|ask| ask.encrypted = true).status();
        assert_eq!(status, expected, "TLS {host} {origin}");
    }
    let two = ask(&[
        ("host", "localhost"),
        ("origin", "http://localhost"),
        ("origin", "http://evil.example"),
    ]);
    assert_eq!(two.status(), 403, "two origins");
}

#[test]
fn an_origin_that_a_proxy_presents_may_be_allowed_exactly() {
    let status_of = |origin: &str| {
        let ask = ask(&[("host", "localhost:8600"), ("origin", origin)]);
        ask.but(|ask| {
            let allowed = [
                "https://Builds.example/",
                "http://10.0.0.1:3000",
                "null",
                "*",
                "nonsense",
            ];
            ask.options.allowed_origins = allowed.map(str::to_owned).to_vec();
        })
        .status()
    };
    for origin in [
        "https://builds.example",
        "https://builds.example:443",
        "http://10.0.0.1:3000",
        "http://localhost:8600",
    ] {
        assert_eq!(status_of(origin), 200, "{origin}");
    }
    for origin in [
        "http://builds.example",
        "https://builds.example:444",
        "https://builds.example.evil.example",
        "http://10.0.0.1",
        "http://10.0.0.1:30000",
        "null",
        "*",
        "nonsense",
    ] {
        assert_eq!(status_of(origin), 403, "{origin}");
    }
}

#[test]
fn a_request_that_a_browser_calls_anothers_is_refused_without_an_origin_too() {
    let status_of = |site: &str| ask(&[("host", "localhost"), ("sec-fetch-site", site)]).status();
    for site in ["cross-site", "same-site", "CROSS-SITE", "", "what comes next"] {
        assert_eq!(status_of(site), 403, "{site}");
    }
    assert_eq!(status_of("same-origin"), 200);
    assert_eq!(status_of("none"), 200);
    let two = [
        ("host", "localhost"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "cross-site"),
    ];
    assert_eq!(ask(&two).status(), 403);
}

#[test]
fn a_link_on_another_site_opens_a_page_and_nothing_else() {
    let link = |site: &str, mode: &str, dest: &str| {
        ask(&[
            ("host", "localhost"),
            ("sec-fetch-site", site),
            ("sec-fetch-mode", mode),
            ("sec-fetch-dest", dest),
        ])
    };
    for site in ["cross-site", "same-site"] {
        for path in ["/", "/session/weather-app~1", "/session/a?at=3", "/history", "/docs"] {
            let status = link(site, "navigate", "document").but(|ask| ask.path = path).status();
            assert_eq!(status, 200, "{site} {path}");
        }
        for route in crate::routes().table() {
            let path: &'static str = route.path.replace("{*name}", "a").replace(['{', '}'], "").leak();
            let status = link(site, "navigate", "document").but(|ask| ask.path = path).status();
            assert_eq!(status, 403, "{site} {path}");
        }
        for path in [
            "/index.html",
            "/assets/a.js",
            "/ws/a",
            "/api/sessions",
            "//api/v1/sessions",
            "/session/../api/v1/stats",
        ] {
            let status = link(site, "navigate", "document").but(|ask| ask.path = path).status();
            assert_eq!(status, 403, "{site} {path}");
        }
        for (mode, dest) in [
            ("navigate", "iframe"),
            ("navigate", "frame"),
            ("navigate", "embed"),
            ("navigate", "object"),
            ("navigate", ""),
            ("no-cors", "document"),
            ("cors", "empty"),
            ("websocket", "websocket"),
        ] {
            assert_eq!(link(site, mode, dest).status(), 403, "{site} {mode} {dest}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let status = link(site, "navigate", "document")
                .but(|ask| ask.method = method)
                .status();
            assert_eq!(status, 403, "{site} {method}");
        }
        let form = link(site, "navigate", "document").but(|ask| ask.headers.push(("origin", "null".to_owned())));
        assert_eq!(form.status(), 403, "a form that was sent");
    }
}

#[test]
fn a_change_must_be_json() {
    let status_of = |method: &'static str, kind: Option<&str>| {
        let ask = ask(&[("host", "localhost")]).but(|ask| ask.method = method);
        ask.but(|ask| {
            ask.headers.extend(kind.map(|kind| ("content-type", kind.to_owned())));
        })
        .status()
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
        let ask = ask(&[("host", "localhost"), ("content-type", kind)]).but(|ask| {
            ask.method = "POST";
            ask.path = path;
        });
        assert_eq!(ask.status(), expected, "{path} {kind}");
    }
}
