//! Addresses as RouterOS writes them.

use std::net::{IpAddr, Ipv6Addr};

/// An address alone: IPv4, IPv6, IPv6 in brackets or with an interface (`fe80::1%ether1`).
/// The unspecified IPv6 address stands for "no address" and is none.
pub(super) fn ip(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(text);
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    let address = bare.parse::<IpAddr>().ok()?.to_canonical();
    (address != IpAddr::V6(Ipv6Addr::UNSPECIFIED)).then_some(address)
}

/// An address with or without a port: `10.0.0.1:53`, `[2001:db8::1]:53`, `fe80::1`.
pub(super) fn endpoint(text: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Some(address) = ip(text) {
        return Some((address, None));
    }
    let (address, port) = text.rsplit_once(':')?;
    let port = port.parse().ok()?;
    Some((ip(address)?, Some(port)))
}

/// Whether a text is a MAC address of six pairs, with colons or dashes.
pub(super) fn is_mac(text: &str) -> bool {
    let separator = if text.contains('-') { '-' } else { ':' };
    let mut pairs = 0;
    for pair in text.split(separator) {
        if pair.len() != 2 || !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
            return false;
        }
        pairs += 1;
    }
    pairs == 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let parsed = |text| endpoint(text).map(|(ip, port)| (ip.to_string(), port));
        assert_eq!(parsed("10.0.0.1:53"), Some(("10.0.0.1".into(), Some(53))));
        assert_eq!(
            parsed("[2001:db8::1]:53"),
            Some(("2001:db8::1".into(), Some(53)))
        );
        assert_eq!(parsed("fe80::1%ether1"), Some(("fe80::1".into(), None)));
        assert_eq!(parsed("::"), None);
        assert_eq!(parsed("10.0.0.1:65536"), None);
        assert_eq!(parsed("host:53"), None);
        assert!(is_mac("e4:5f:01:AB:cd:12") && is_mac("00-11-22-33-44-55"));
        assert!(!is_mac("e4:5f:01:ab:cd") && !is_mac("10.0.0.1"));
    }
}
