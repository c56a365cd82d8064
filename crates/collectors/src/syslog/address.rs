//! Listener addresses: `udp://0.0.0.0:514`, `tcp://[::]:601`, `tls://192.0.2.1:6514`.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use thiserror::Error;

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One message per datagram (RFC 5426).
    Udp,
    /// A stream (RFC 6587).
    Tcp,
    /// A stream inside TLS (RFC 5425).
    Tls,
}

impl Transport {
    /// The scheme of the address.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// Where a listener listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenAddress {
    /// How messages travel.
    pub transport: Transport,
    /// Address and port; port 0 lets the system choose one.
    pub socket: SocketAddr,
}

/// Why a text is not a listener address.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NotAnAddress {
    /// There is no `://`.
    #[error("{0:?} has no scheme: write udp://, tcp:// or tls:// before it")]
    NoScheme(String),
    /// The scheme is none of the three.
    #[error("{0:?} is not a scheme of a listener: use udp, tcp or tls")]
    Scheme(String),
    /// Something follows the port.
    #[error("{0:?} must end after the port")]
    Trailing(String),
    /// There is no port, or it is not a number up to 65535.
    #[error("{0:?} needs a port from 0 to 65535, such as udp://0.0.0.0:514")]
    Port(String),
    /// The host is not an address.
    #[error(
        "{0:?} is not an IP address: use 0.0.0.0 for all of IPv4, [::] for all addresses, \
         brackets around IPv6"
    )]
    Host(String),
}

impl FromStr for ListenAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| NotAnAddress::NoScheme(text.to_owned()))?;
        let transport = match scheme {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            "tls" => Transport::Tls,
            _ => return Err(NotAnAddress::Scheme(scheme.to_owned())),
        };
        if rest.contains(['/', '?', '#']) {
            return Err(NotAnAddress::Trailing(text.to_owned()));
        }
        let (host, port) = rest
            .rsplit_once(':')
            .filter(|(_, port)| !port.contains(']'))
            .ok_or_else(|| NotAnAddress::Port(text.to_owned()))?;
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        if !digits || port.parse::<u16>().is_err() {
            return Err(NotAnAddress::Port(text.to_owned()));
        }
        let socket = rest
            .parse()
            .map_err(|_| NotAnAddress::Host(host.to_owned()))?;
        Ok(Self { transport, socket })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.transport.scheme(), self.socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_a_round_trip() {
        for text in [
            "udp://0.0.0.0:514",
            "tcp://[::]:601",
            "tls://[2001:db8::1]:6514",
            "tcp://127.0.0.1:0",
        ] {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn errors_say_what_is_missing() {
        let table: &[(&str, NotAnAddress)] = &[
            ("0.0.0.0:514", NotAnAddress::NoScheme("0.0.0.0:514".into())),
            ("http://0.0.0.0:80", NotAnAddress::Scheme("http".into())),
            ("UDP://0.0.0.0:514", NotAnAddress::Scheme("UDP".into())),
            ("udp://0.0.0.0", NotAnAddress::Port("udp://0.0.0.0".into())),
            ("udp://[::1]", NotAnAddress::Port("udp://[::1]".into())),
            (
                "udp://0.0.0.0:",
                NotAnAddress::Port("udp://0.0.0.0:".into()),
            ),
            (
                "udp://0.0.0.0:65536",
                NotAnAddress::Port("udp://0.0.0.0:65536".into()),
            ),
            (
                "udp://0.0.0.0:+14",
                NotAnAddress::Port("udp://0.0.0.0:+14".into()),
            ),
            ("tcp://host:601", NotAnAddress::Host("host".into())),
            ("tcp://:601", NotAnAddress::Host(String::new())),
            ("tcp://::1:601", NotAnAddress::Host("::1".into())),
            (
                "tcp://0.0.0.0:601/x",
                NotAnAddress::Trailing("tcp://0.0.0.0:601/x".into()),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(
                text.parse::<ListenAddress>().as_ref(),
                Err(expected),
                "{text}"
            );
        }
    }
}
