//! The hosts that this server answers to. A page that was pointed here by somebody else's name server always comes with
//! a name, so names are few and listed; literal addresses are those by which one can be here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The hosts under which this server may be asked.
#[derive(Debug)]
pub(super) struct Hosts {
    /// Lower case, without a port.
    names: Vec<String>,
    /// Addresses by which one gets here through something that translates them.
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

/// Whether only processes of this machine can mean it.
pub(super) fn is_loopback(host: &str) -> bool {
    match literal(host) {
        Some(address) => address.is_loopback(),
        None => host.eq_ignore_ascii_case("localhost"),
    }
}

/// An address as it is written in `Host`. Strict on purpose: `127.1` and `0x7f.0.0.1` are not spelled like this by anybody
/// who means well. IPv4 within IPv6 counts as what it is.
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
