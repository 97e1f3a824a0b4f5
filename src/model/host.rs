//! Which hosts are this machine: only there may a secret, or what is imported into production, go over plain http.

use core::net::IpAddr;

/// Returns whether a URL's host, as it stands between `://` and the port, is this machine: `localhost`, or an address
/// of the loopback network written out in full. What only some programs read as such an address (`127.1`,
/// `2130706433`, `0177.0.0.1`) is not: they might disagree.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address: Option<IpAddr> = match bracketed {
        Some(inner) => inner.parse().ok().filter(IpAddr::is_ipv6),
        None => host.parse().ok().filter(IpAddr::is_ipv4),
    };
    host.eq_ignore_ascii_case("localhost")
        || address.is_some_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_every_program_reads_as_this_machine_is_it() {
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.255.255.254",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "localhost.",
            "localhost.evil",
            "evil.localhost",
            "127.0.0.1.evil",
            "127.0.0.1.",
            "128.0.0.1",
            "0.0.0.0",
            "10.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.0.0.01",
            "::1",
            "[127.0.0.1]",
            "[::1",
            "[::]",
            "[::2]",
            "[::ffff:10.0.0.1]",
            "[::127.0.0.1]",
            "[fe80::1]",
            "[::1%25lo]",
            "localhost@evil",
            "127.0.0.1@evil",
            "１２７.0.0.1",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
