//! The URLs at which a server can be reached, from the address that it listens on and the addresses of this machine. Access
//! is decided elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Result, bail};

use crate::config::Config;

/// Prefixes of the names of interfaces that lead only to containers on this machine.
const CONTAINER_INTERFACES: [&str; 7] = ["docker", "br-", "veth", "virbr", "podman", "cni", "lxc"];

/// The URLs of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerUrls {
    bound: SocketAddr,
    /// Its addresses for other machines, the most likely one first.
    others: Vec<IpAddr>,
    encrypted: bool,
    /// The path below which a proxy serves it: empty, or like `/x/y`.
    base: String,
}

impl ServerUrls {
    /// The URLs of a server that is bound to this address. Asks the system for the addresses of this machine.
    pub(crate) fn of(bound: SocketAddr, config: &Config) -> Self {
        let own = if bound.ip().is_unspecified() {
            interfaces()
        } else {
            Vec::new()
        };
        Self::among(bound, &own, config.is_encrypted(), &config.server.base_path)
    }

    /// The URLs on a machine with these interfaces (name and address).
    fn among(bound: SocketAddr, own: &[(String, IpAddr)], encrypted: bool, base: &str) -> Self {
        let others = match bound.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => likeliest(own, IpAddr::is_ipv4),
            // Most systems accept IPv4 on this address as well.
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => likeliest(own, |_| true),
            address if address.to_canonical().is_loopback() => Vec::new(),
            address => vec![address],
        };
        let parts = base.split('/').filter(|part| !part.is_empty());
        Self {
            bound,
            others,
            encrypted,
            base: parts.flat_map(|part| ["/", part]).collect(),
        }
    }

    /// Whether other machines can reach it.
    pub(crate) fn is_exposed(&self) -> bool {
        !self.bound.ip().to_canonical().is_loopback()
    }

    /// The URL for commands on this machine, without a proxy's path and without encryption, which is not needed here.
    pub(crate) fn for_commands(&self) -> String {
        format!("http://{}", self.nearest())
    }

    /// The dashboard's URL on this machine. A server on every address does not encrypt loopback, because nothing leaves the
    /// machine and the browser then does not warn about the certificate.
    pub(crate) fn dashboard(&self) -> String {
        let encrypted = self.encrypted && !self.bound.ip().is_unspecified();
        let scheme = if encrypted { "https" } else { "http" };
        format!("{scheme}://{}{}/", self.nearest(), self.base)
    }

    /// The best URL for a link to send to someone; without a slash at the end.
    pub(crate) fn likeliest(&self) -> String {
        let own = || self.dashboard().trim_end_matches('/').to_owned();
        self.network_urls().into_iter().next().unwrap_or_else(own)
    }

    /// The URLs for other machines, the most likely one first; without a slash at the end.
    pub(crate) fn network_urls(&self) -> Vec<String> {
        let scheme = if self.encrypted { "https" } else { "http" };
        let at = |address: &IpAddr| SocketAddr::new(*address, self.bound.port());
        self.others
            .iter()
            .map(|address| format!("{scheme}://{}{}", at(address), self.base))
            .collect()
    }

    /// The names for a self-signed certificate.
    pub(crate) fn names(&self, allowed_hosts: &[String]) -> Vec<String> {
        let own = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let others = self.others.iter().map(ToString::to_string);
        own.into_iter()
            .chain(others)
            .chain(allowed_hosts.iter().cloned())
            .collect()
    }

    fn nearest(&self) -> SocketAddr {
        let address = match self.bound.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
            address => address,
        };
        SocketAddr::new(address, self.bound.port())
    }
}

/// Checks a server's address from the command line, which may include a proxy's path; without a slash at the end.
///
/// # Errors
/// It is not an address that a browser can open.
pub(crate) fn parse(url: &str) -> Result<String> {
    let plain = url.trim_end_matches('/');
    let rest = plain.strip_prefix("https://").or_else(|| plain.strip_prefix("http://"));
    let is_wrong = |letter: char| letter.is_whitespace() || letter.is_control() || "?#@\"'\\<>".contains(letter);
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && !rest.contains(is_wrong) => Ok(plain.to_owned()),
        _ => bail!(
            "{url} is not a server address; expected something like https://builds.example or http://127.0.0.1:8080"
        ),
    }
}

/// Names and addresses of this machine's interfaces that are up; empty if the system does not list them.
fn interfaces() -> Vec<(String, IpAddr)> {
    let all =
        if_addrs::get_if_addrs().inspect_err(|error| tracing::warn!(%error, "cannot list this machine's addresses"));
    let all = all.unwrap_or_default().into_iter();
    all.filter(if_addrs::Interface::is_oper_up)
        .map(|one| (one.name.clone(), one.ip()))
        .collect()
}

/// The addresses that other machines may use: those of a network before those of containers, IPv4 before IPv6.
fn likeliest(own: &[(String, IpAddr)], wanted: impl Fn(&IpAddr) -> bool) -> Vec<IpAddr> {
    let is_usable = |address: &IpAddr| match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local() && !address.is_unspecified(),
        // A link-local address needs the name of the interface, which differs between machines.
        IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local() && !address.is_unspecified(),
    };
    let mut found: Vec<(bool, bool, IpAddr)> = own
        .iter()
        .filter(|(_, address)| is_usable(address) && wanted(address))
        .map(|(name, address)| {
            let is_inner = CONTAINER_INTERFACES.iter().any(|start| name.starts_with(start));
            (is_inner, address.is_ipv6(), *address)
        })
        .collect();
    // A stable sort keeps the system's order otherwise.
    found.sort_by_key(|(is_inner, is_long, _)| (*is_inner, *is_long));
    let mut addresses: Vec<IpAddr> = Vec::new();
    for (_, _, address) in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(bound: &str, encrypted: bool, base: &str) -> ServerUrls {
        let own: Vec<(String, IpAddr)> = [
            ("lo", "127.0.0.1"),
            ("lo", "::1"),
            ("docker0", "172.17.0.1"),
            ("wlan0", "fe80::1"),
            ("wlan0", "2001:db8::7"),
            ("wlan0", "192.168.1.5"),
            ("eth0", "169.254.3.3"),
        ]
        .map(|(name, address)| (name.to_owned(), address.parse().unwrap()))
        .to_vec();
        ServerUrls::among(bound.parse().unwrap(), &own, encrypted, base)
    }

    #[test]
    fn an_address_is_what_a_browser_opens() {
        for (url, expected) in [
            ("https://builds.example/", "https://builds.example"),
            ("http://192.168.1.5:8080", "http://192.168.1.5:8080"),
            ("https://x/builds//", "https://x/builds"),
        ] {
            assert_eq!(parse(url).unwrap(), expected);
        }
        for url in [
            "",
            "builds.example",
            "javascript:alert(1)",
            "https://",
            "https://x#y",
            "https://a@b",
            "https://x y",
            "https:///x",
        ] {
            assert!(parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn on_loopback_nobody_else_reaches_it() {
        for bound in ["127.0.0.1:80", "[::1]:80"] {
            let urls = urls(bound, false, "");
            assert!(!urls.is_exposed());
            assert_eq!(urls.network_urls(), Vec::<String>::new());
            assert_eq!(urls.for_commands(), format!("http://{bound}"));
            assert_eq!(urls.dashboard(), format!("http://{bound}/"));
        }
    }

    #[test]
    fn on_every_address_each_is_told_and_the_likeliest_first() {
        let reach4 = urls("0.0.0.0:8080", false, "");
        assert!(reach4.is_exposed());
        assert_eq!(
            reach4.network_urls(),
            ["http://192.168.1.5:8080", "http://172.17.0.1:8080"]
        );
        assert_eq!(reach4.dashboard(), "http://127.0.0.1:8080/");
        let all = urls("[::]:8080", true, "/builds/");
        assert_eq!(
            all.network_urls(),
            [
                "https://192.168.1.5:8080/builds",
                "https://[2001:db8::7]:8080/builds",
                "https://172.17.0.1:8080/builds"
            ]
        );
        assert_eq!(
            all.for_commands(),
            "http://[::1]:8080",
            "without TLS, and without the proxy's path"
        );
        assert_eq!(all.dashboard(), "http://[::1]:8080/builds/");
        assert_eq!(urls("127.0.0.1:8080", true, "").dashboard(), "https://127.0.0.1:8080/");
    }

    #[test]
    fn on_one_address_that_one_is_told() {
        let urls = urls("192.168.1.5:80", false, "x/y");
        assert!(urls.is_exposed());
        assert_eq!(urls.network_urls(), ["http://192.168.1.5:80/x/y"]);
        assert_eq!(urls.for_commands(), "http://192.168.1.5:80");
        assert!(
            urls.names(&["builds.example".to_owned()])
                .contains(&"builds.example".to_owned())
        );
    }
}
