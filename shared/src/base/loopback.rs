//! Addresses of this machine: what goes there crosses no network, and needs no TLS.

use url::{Host, Url};

/// Whether what is sent to this address stays on the machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
