//! The hosts that this server answers to. This prevents DNS rebinding: a page whose name somebody else's name server points
//! to this machine always sends that name as `Host`, so only listed names are accepted. Literal addresses are accepted if
//! they are loopback, the address of the connection, or configured.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The values of `Host` that are accepted.
#[derive(Debug)]
pub(super) struct Hosts {
    /// Lower case, without a port.
    names: Vec<String>,
    /// Addresses under which a client reaches this server through address translation (NAT).
    literals: Vec<IpAddr>,
}

impl Hosts {
    /// `localhost`, loopback, the own addresses, and these names or literals besides.
    pub(super) fn new(configured: &[String]) -> Self {
        let mut hosts = Self {
            names: Vec::new(),
            literals: Vec::new(),
        };
        for host in configured {
            match literal(host).or_else(|| host.parse().ok()) {
                Some(address) => hosts.literals.push(address.to_canonical()),
                None => hosts.names.push(host.to_ascii_lowercase()),
            }
        }
        hosts
    }

    /// Whether a host, without its port, is one of ours for a connection that was made to `reached`: a server that listens
    /// on every address answers to each of them, to the one that was used.
    pub(super) fn are_ours(&self, host: &str, reached: IpAddr) -> bool {
        match literal(host) {
            Some(address) => {
                address.is_loopback() || address == reached.to_canonical() || self.literals.contains(&address)
            }
            None => host.eq_ignore_ascii_case("localhost") || self.names.contains(&host.to_ascii_lowercase()),
        }
    }
}

/// Whether the name or address is loopback, so that it can only be used on this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    match literal(host) {
        Some(address) => address.is_loopback(),
        None => host.eq_ignore_ascii_case("localhost"),
    }
}

/// An address as it is written in `Host`. Short and hexadecimal forms such as `127.1` and `0x7f.0.0.1` are refused on
/// purpose: no honest client sends them. An IPv4-mapped IPv6 address counts as the IPv4 address.
fn literal(host: &str) -> Option<IpAddr> {
    let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return host.parse::<Ipv4Addr>().ok().map(IpAddr::V4);
    };
    let address: Ipv6Addr = match inner.split_once('%') {
        None => inner.parse().ok()?,
        // The scope is the client's name for its own interface and says nothing here; only a link-local address has one.
        Some((address, scope)) => {
            let address: Ipv6Addr = address.parse().ok()?;
            if scope.is_empty() || !address.is_unicast_link_local() {
                return None;
            }
            address
        }
    };
    Some(IpAddr::V6(address).to_canonical())
}
