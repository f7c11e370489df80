//! Who a request counts as: somebody of this machine, or whoever a proxy names.

use super::*;

#[test]
fn who_is_local_has_loopback_at_both_ends_and_came_straight() {
    let is_local = |ask: Ask| ask.visitor().unwrap().local;
    for host in ["localhost:8600", "127.0.0.1", "[::1]:1", "[::ffff:127.0.0.1]"] {
        assert!(is_local(ask(&[("host", host)])), "{host}");
    }
    for peer in ["::1", "127.3.2.1", "::ffff:127.0.0.1"] {
        let peer = peer.parse().unwrap();
        assert!(
            is_local(ask(&[("host", "localhost")]).but(|ask| ask.peer = peer)),
            "{peer}"
        );
    }
    for host in ["builds.example", "203.0.113.9", "[::5]"] {
        assert!(!is_local(ask(&[("host", host)])), "{host}");
    }
    for peer in ["192.0.2.7", "::ffff:192.0.2.7", "fe80::1", "::5"] {
        let peer = peer.parse().unwrap();
        assert!(
            !is_local(ask(&[("host", "localhost")]).but(|ask| ask.peer = peer)),
            "{peer}"
        );
    }
    for name in [
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-anything",
        "via",
        "x-real-ip",
    ] {
        for value in ["", "127.0.0.1", "for=127.0.0.1", "localhost"] {
            assert!(
                !is_local(ask(&[("host", "localhost"), (name, value)])),
                "{name}: {value}"
            );
        }
    }
    let behind =
        ask(&[("host", "localhost")]).but(|ask| ask.options.trusted_proxies = vec!["192.0.2.1".parse().unwrap()]);
    assert!(!is_local(behind), "a proxy is configured");
}

#[test]
fn what_a_trusted_proxy_says_stands_for_the_request_and_has_to_be_ours_too() {
    let behind = |headers: &[(&'static str, &str)]| {
        let ask = ask(&[("host", "upstream:8600")]).but(|ask| {
            ask.peer = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
            ask.options.trusted_proxies = vec![ask.peer];
        });
        ask.but(|ask| {
            ask.headers
                .extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        })
    };
    let host = ("x-forwarded-host", "builds.example");
    let https = ("x-forwarded-proto", "https");
    let visitor = behind(&[host, https, ("x-forwarded-for", "6.6.6.6, 1.2.3.4")]).visitor();
    let expected = ClientInfo {
        address: IpAddr::V4(Ipv4Addr::new(1, 2, 3, 4)),
        local: false,
        secure: true,
    };
    assert_eq!(visitor.unwrap(), expected);
    let origin = |origin| ("origin", origin);
    assert_eq!(behind(&[host, https, origin("https://builds.example")]).status(), 200);
    assert_eq!(behind(&[host, https, origin("http://builds.example")]).status(), 403);
    assert_eq!(behind(&[host, origin("http://builds.example")]).status(), 200);
    assert_eq!(behind(&[host, origin("https://builds.example")]).status(), 403);
    let rebound = [("x-forwarded-host", "evil.example"), origin("http://evil.example")];
    assert_eq!(behind(&rebound).status(), 421, "a name that was pointed at the proxy");
    assert_eq!(behind(&[]).status(), 421, "the proxy's own name for us");
    // The same from anybody else.
    let stranger = |ask: Ask| ask.but(|ask| ask.peer = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)));
    assert_eq!(stranger(behind(&[host, https])).status(), 421);
    let plain = stranger(behind(&[https])).but(|ask| ask.headers[0].1 = "localhost".to_owned());
    let visitor = plain.visitor().unwrap();
    assert_eq!(
        (visitor.address.to_string().as_str(), visitor.secure),
        ("10.0.0.2", false)
    );
}
