//! From where a server can be reached: the addresses of this machine, and the URLs that people and commands use. Nothing
//! here decides who is let in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::config::Config;

/// Beginnings of names of interfaces behind which there are only this machine's own containers.
const OF_THIS_MACHINE: [&str; 7] = ["docker", "br-", "veth", "virbr", "podman", "cni", "lxc"];

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    bound: SocketAddr,
    /// Addresses by which others reach it, the likeliest first.
    others: Vec<IpAddr>,
    encrypted: bool,
    /// Empty, or `/x/y`.
    base: String,
}

impl Reach {
    /// Of a server that is bound to this address; asks the system for the addresses of this machine.
    pub(crate) fn of(bound: SocketAddr, config: &Config) -> Self {
        let own = if bound.ip().is_unspecified() {
            interfaces()
        } else {
            Vec::new()
        };
        Self::among(bound, &own, config.is_encrypted(), &config.server.base_path)
    }

    /// The same on a machine with these interfaces.
    fn among(bound: SocketAddr, own: &[(String, IpAddr)], encrypted: bool, base: &str) -> Self {
        let others = match bound.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => likeliest(own, IpAddr::is_ipv4),
            // Also by IPv4, where the system does not keep the two apart.
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

    /// Whether others than this machine can reach it.
    pub(crate) fn is_exposed(&self) -> bool {
        !self.bound.ip().to_canonical().is_loopback()
    }

    /// Where commands of this machine ask; without the path of a proxy and without encryption, which needs none here.
    pub(crate) fn for_commands(&self) -> String {
        format!("http://{}", self.nearest())
    }

    /// Where a person at this machine looks. Beside the addresses for others loopback is not encrypted: nothing leaves the
    /// machine, and no browser asks whether to trust it.
    pub(crate) fn dashboard(&self) -> String {
        let encrypted = self.encrypted && !self.bound.ip().is_unspecified();
        let scheme = if encrypted { "https" } else { "http" };
        format!("{scheme}://{}{}/", self.nearest(), self.base)
    }

    /// Where somebody who was sent a link looks; without a slash at the end.
    pub(crate) fn likeliest(&self) -> String {
        let own = || self.dashboard().trim_end_matches('/').to_owned();
        self.elsewhere().into_iter().next().unwrap_or_else(own)
    }

    /// Where others look, the likeliest first; without a slash at the end.
    pub(crate) fn elsewhere(&self) -> Vec<String> {
        let scheme = if self.encrypted { "https" } else { "http" };
        let at = |address: &IpAddr| SocketAddr::new(*address, self.bound.port());
        self.others
            .iter()
            .map(|address| format!("{scheme}://{}{}", at(address), self.base))
            .collect()
    }

    /// The names that a certificate of ours should have.
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

/// Names and addresses of this machine's interfaces that are up; none when the system does not say.
fn interfaces() -> Vec<(String, IpAddr)> {
    let all =
        if_addrs::get_if_addrs().inspect_err(|error| tracing::warn!(%error, "cannot list this machine's addresses"));
    let all = all.unwrap_or_default().into_iter();
    all.filter(if_addrs::Interface::is_oper_up)
        .map(|one| (one.name.clone(), one.ip()))
        .collect()
}

/// Addresses that somebody else may use, those of a real network before those of containers, short ones before long ones.
fn likeliest(own: &[(String, IpAddr)], wanted: impl Fn(&IpAddr) -> bool) -> Vec<IpAddr> {
    let is_usable = |address: &IpAddr| match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local() && !address.is_unspecified(),
        // One of a link alone needs the name of the link, which differs from machine to machine.
        IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local() && !address.is_unspecified(),
    };
    let mut found: Vec<(bool, bool, IpAddr)> = own
        .iter()
        .filter(|(_, address)| is_usable(address) && wanted(address))
        .map(|(name, address)| {
            let is_inner = OF_THIS_MACHINE.iter().any(|start| name.starts_with(start));
            (is_inner, address.is_ipv6(), *address)
        })
        .collect();
    // As the system lists them otherwise.
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

    fn reach(bound: &str, encrypted: bool, base: &str) -> Reach {
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
        Reach::among(bound.parse().unwrap(), &own, encrypted, base)
    }

    #[test]
    fn on_loopback_nobody_else_reaches_it() {
        for bound in ["127.0.0.1:80", "[::1]:80"] {
            let reach = reach(bound, false, "");
            assert!(!reach.is_exposed());
            assert_eq!(reach.elsewhere(), Vec::<String>::new());
            assert_eq!(reach.for_commands(), format!("http://{bound}"));
            assert_eq!(reach.dashboard(), format!("http://{bound}/"));
        }
    }

    #[test]
    fn on_every_address_each_is_told_and_the_likeliest_first() {
        let reach4 = reach("0.0.0.0:8080", false, "");
        assert!(reach4.is_exposed());
        assert_eq!(
            reach4.elsewhere(),
            ["http://192.168.1.5:8080", "http://172.17.0.1:8080"]
        );
        assert_eq!(reach4.dashboard(), "http://127.0.0.1:8080/");
        let reach6 = reach("[::]:8080", true, "/builds/");
        assert_eq!(
            reach6.elsewhere(),
            [
                "https://192.168.1.5:8080/builds",
                "https://[2001:db8::7]:8080/builds",
                "https://172.17.0.1:8080/builds"
            ]
        );
        assert_eq!(
            reach6.for_commands(),
            "http://[::1]:8080",
            "without TLS, and without the proxy's path"
        );
        assert_eq!(reach6.dashboard(), "http://[::1]:8080/builds/");
        assert_eq!(reach("127.0.0.1:8080", true, "").dashboard(), "https://127.0.0.1:8080/");
    }

    #[test]
    fn on_one_address_that_one_is_told() {
        let reach = reach("192.168.1.5:80", false, "x/y");
        assert!(reach.is_exposed());
        assert_eq!(reach.elsewhere(), ["http://192.168.1.5:80/x/y"]);
        assert_eq!(reach.for_commands(), "http://192.168.1.5:80");
        assert!(
            reach
                .names(&["builds.example".to_owned()])
                .contains(&"builds.example".to_owned())
        );
    }
}
