use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;

/// Which addresses may be called: all that are public, and those of some networks more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    allow: Vec<IpNet>,
}

/// Why a URL may not be called. That a name leads to a private address is said, but not to which: it would tell
/// whoever is outside what the names inside are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No URL, or one of another scheme.
    #[error("this is no URL that begins with http:// or https://")]
    NotHttp,
    /// A user or a password in the URL.
    #[error("a URL that is called has neither user nor password")]
    UserInfo,
    /// A private address as it is, or `localhost`.
    #[error("{0} may not be called: it is not public, and egress.allow does not name it")]
    Literal(String),
    /// A name of a private address.
    #[error(
        "{0} may not be called: it leads to an address that is not public, and egress.allow does not name it"
    )]
    Name(String),
}

/// IPv4 addresses that are not public: every entry of
/// [IANA's registry](https://www.iana.org/assignments/iana-ipv4-special-registry), also the few that can be reached, as
/// nobody's service is there; and multicast.
const PRIVATE_V4: [Ipv4Net; 18] = [
    v4(0, 0, 0, 0, 8),       // this network
    v4(10, 0, 0, 0, 8),      // private use
    v4(100, 64, 0, 0, 10),   // shared, between a provider and its customers
    v4(127, 0, 0, 0, 8),     // loopback
    v4(169, 254, 0, 0, 16),  // link-local, where clouds tell their machines secrets
    v4(172, 16, 0, 0, 12),   // private use
    v4(192, 0, 0, 0, 24),    // protocols of the IETF
    v4(192, 0, 2, 0, 24),    // documentation
    v4(192, 31, 196, 0, 24), // AS112: names of private addresses
    v4(192, 52, 193, 0, 24), // relays of multicast
    v4(192, 88, 99, 0, 24),  // relays of 6to4
    v4(192, 168, 0, 0, 16),  // private use
    v4(192, 175, 48, 0, 24), // AS112
    v4(198, 18, 0, 0, 15),   // benchmarking
    v4(198, 51, 100, 0, 24), // documentation
    v4(203, 0, 113, 0, 24),  // documentation
    v4(224, 0, 0, 0, 4),     // multicast
    v4(240, 0, 0, 0, 4),     // reserved, and broadcast
];

/// Where public IPv6 addresses are; loopback, IPv4-compatible, unique local, link-local and multicast ones are
/// elsewhere.
const PUBLIC_V6: Ipv6Net = v6([0x2000, 0, 0, 0], 3);

/// What is not public among them, likewise from
/// [IANA's registry](https://www.iana.org/assignments/iana-ipv6-special-registry).
const PRIVATE_V6: [Ipv6Net; 5] = [
    v6([0x2001, 0, 0, 0], 23), // protocols of the IETF, among them Teredo, which holds an IPv4 address
    v6([0x2001, 0xdb8, 0, 0], 32), // documentation
    v6([0x2002, 0, 0, 0], 16), // 6to4, which holds an IPv4 address
    v6([0x2620, 0x4f, 0x8000, 0], 48), // AS112
    v6([0x3fff, 0, 0, 0], 20), // documentation
];

/// IPv4 addresses behind a translator (RFC 6052).
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0], 96);

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6([a, b, c, d]: [u16; 4], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), length)
}

impl Egress {
    /// Public addresses, and those of these networks, whatever they are.
    pub const fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    /// Whether this address may be called. One that stands for an IPv4 address is judged as that.
    pub fn permits(&self, address: IpAddr) -> bool {
        let meant = meant(address);
        self.allows(address) || self.allows(meant) || is_public(meant)
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.allow.iter().any(|network| network.contains(&address))
    }

    /// The URL, if it may be called as far as can be told without looking up a name. It is read as the client reads
    /// it, so that no way to write an address gets past: `http://0x7f.1` is 127.0.0.1.
    pub fn check(&self, url: &str) -> Result<Url, Refused> {
        let url = Url::parse(url).map_err(|_| Refused::NotHttp)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::NotHttp);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::UserInfo);
        }
        let host = url.host_str().ok_or(Refused::NotHttp)?;
        if self.may_be_tried(host) { Ok(url) } else { Err(Refused::Literal(host.to_owned())) }
    }

    fn may_be_tried(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse() {
            return self.permits(address);
        }
        let name = host.trim_end_matches('.');
        let is_local = name == "localhost" || name.ends_with(".localhost");
        // The name is loopback's for good (RFC 6761); by which address it is told when it is looked up.
        !is_local || self.permits(Ipv4Addr::LOCALHOST.into()) || self.permits(Ipv6Addr::LOCALHOST.into())
    }
}

/// The IPv4 address that an IPv6 address stands for; any other stands for itself.
fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(whole) = address else { return address };
    let [.., a, b, c, d] = whole.octets();
    if whole.to_ipv4_mapped().is_some() || NAT64.contains(&whole) {
        return Ipv4Addr::new(a, b, c, d).into();
    }
    address
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !PRIVATE_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            PUBLIC_V6.contains(&address) && !PRIVATE_V6.iter().any(|network| network.contains(&address))
        }
    }
}

#[cfg(test)]
mod tests;
