//! Which addresses may be connected to. A target's name may resolve to anything, also to this machine or to one that only
//! this network reaches (server-side request forgery), so what it resolves to is checked and not the name.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address, or a network of them, that is connected to although it is not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowedAddress {
    address: IpAddr,
    /// How many of the first bits count.
    bits: u32,
}

/// Not an address or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an IP address or a network such as 192.168.1.0/24")]
pub struct InvalidAddress;

impl FromStr for AllowedAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| InvalidAddress)?)),
            None => (text, None),
        };
        let address: IpAddr = address.trim_matches(['[', ']']).parse().map_err(|_| InvalidAddress)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits }).ok_or(InvalidAddress)
    }
}

impl fmt::Display for AllowedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl AllowedAddress {
    fn contains(&self, address: IpAddr) -> bool {
        let (known, asked, width) = match (self.address, address) {
            (IpAddr::V4(known), IpAddr::V4(asked)) => (known.to_bits().into(), asked.to_bits().into(), 32),
            (IpAddr::V6(known), IpAddr::V6(asked)) => (known.to_bits(), asked.to_bits(), 128),
            _ => return false,
        };
        let differing: u128 = known ^ asked;
        self.bits == 0 || differing >> (width - self.bits) == 0
    }
}

/// Whether `address` may be connected to: it is listed, or public.
pub(crate) fn may_connect(address: IpAddr, allowed: &[AllowedAddress]) -> bool {
    is_listed(address, allowed) || is_public(address)
}

/// Whether the configuration lists it, in whatever form: `::ffff:10.0.0.1` is 10.0.0.1.
pub(crate) fn is_listed(address: IpAddr, allowed: &[AllowedAddress]) -> bool {
    let address = address.to_canonical();
    allowed.iter().any(|listed| listed.contains(address))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Not one of the special networks of IANA's registry for IPv4.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        // This network, private, loopback, link-local, and everything from multicast on.
        (0 | 10 | 127 | 224.., ..) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Between a provider and its customers (CGNAT).
        (100, 64..=127, _) => true,
        // Protocol assignments, documentation, the old 6to4 relay, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !is_special
}

/// A global unicast address that is not a special network, and embeds no IPv4 address: what translates those would decide
/// where a message goes.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let is_global = a & 0xe000 == 0x2000;
    // Protocol assignments (Teredo among them), documentation, 6to4.
    let is_special = (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    is_global && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(list: &[&str]) -> Vec<AllowedAddress> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn may(address: &str, list: &[&str]) -> bool {
        may_connect(address.parse().unwrap(), &allowed(list))
    }

    #[test]
    fn only_public_addresses_may_be_connected_to() {
        for public in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            assert!(may(public, &[]), "{public}");
        }
        let private = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.1",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:1.1.1.1",
            "::7f00:1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "100::1",
        ];
        for private in private {
            assert!(!may(private, &[]), "{private}");
        }
    }

    #[test]
    fn a_listed_address_may_be_connected_to_however_it_is_written() {
        assert!(may("127.0.0.1", &["127.0.0.1"]) && may("::ffff:127.0.0.1", &["127.0.0.1"]));
        assert!(!may("127.0.0.2", &["127.0.0.1"]) && !may("::1", &["127.0.0.1"]));
        assert!(may("192.168.1.77", &["192.168.1.0/24"]) && !may("192.168.2.1", &["192.168.1.0/24"]));
        assert!(may("fd12:3456::9", &["fd12:3456::/32"]) && !may("fd13::1", &["fd12:3456::/32"]));
        assert!(may("10.1.2.3", &["0.0.0.0/0"]) && !may("::1", &["0.0.0.0/0"]));
        for wrong in ["", "localhost", "10.0.0.0/33", "10.0.0.0/x", "::1/129"] {
            assert!(wrong.parse::<AllowedAddress>().is_err(), "{wrong}");
        }
    }
}
