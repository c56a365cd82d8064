//! The comma-separated topics in front of a message, such as `system,error,critical`.

use domain::severity::Severity;

/// Topics that say how important an entry is (RouterOS manual, "Importance topics").
const IMPORTANCE: &[&str] = &[
    "critical", "error", "warning", "info", "debug", "packet", "raw",
];

/// Topics that say which part of the router wrote the entry (RouterOS manual, "Feature topics"),
/// with those of RouterOS 6 and 7 that newer manuals no longer list.
const FEATURES: &[&str] = &[
    "account",
    "acme-client",
    "amt",
    "async",
    "backup",
    "bfd",
    "bgp",
    "bridge",
    "calc",
    "caps",
    "certificate",
    "clock",
    "container",
    "ddns",
    "dhcp",
    "discover",
    "disk",
    "dns",
    "dot1x",
    "dude",
    "e-mail",
    "event",
    "evpn",
    "fetch",
    "firewall",
    "gps",
    "gsm",
    "health",
    "hotspot",
    "igmp-proxy",
    "interface",
    "ipsec",
    "iscsi",
    "isdn",
    "isis",
    "kvm",
    "l2tp",
    "ldp",
    "lora",
    "lte",
    "manager",
    "mme",
    "mpls",
    "mqtt",
    "mvrp",
    "natpmp",
    "netinstall",
    "netwatch",
    "ntp",
    "ospf",
    "ovpn",
    "pim",
    "poe-in",
    "poe-out",
    "pon",
    "ppp",
    "pppoe",
    "pptp",
    "ptp",
    "queue",
    "radius",
    "radvd",
    "read",
    "rip",
    "route",
    "rpki",
    "rproxy",
    "rsvp",
    "script",
    "sertcp",
    "simulator",
    "smb",
    "snmp",
    "socksify",
    "ssh",
    "ssld",
    "sstp",
    "state",
    "store",
    "stp",
    "system",
    "telephony",
    "tftp",
    "timer",
    "tr069",
    "update",
    "upnp",
    "ups",
    "vpls",
    "vrrp",
    "watchdog",
    "web-proxy",
    "wifi",
    "wiliot",
    "wireguard",
    "wireless",
    "write",
    "zerotier",
];

/// Longest accepted list: real entries have at most five.
const MOST: usize = 8;

/// The topics of one entry, in the order sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topics(String);

impl Topics {
    /// Reads a word as topics: two or more, lower case, at least one of them an importance.
    /// One topic alone looks like any word and is not taken for topics.
    pub(super) fn of(word: &str) -> Option<Self> {
        let word = word.strip_suffix(':').unwrap_or(word);
        let mut count = 0;
        let mut important = false;
        for topic in word.split(',') {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            if topic.is_empty() || !topic.bytes().all(plain) {
                return None;
            }
            count += 1;
            important |= IMPORTANCE.contains(&topic);
        }
        let rare = count > 1 && word.split(',').all(known);
        ((2..=MOST).contains(&count) && (important || rare)).then(|| Self(word.to_owned()))
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split(',')
    }

    pub(super) fn has(&self, topic: &str) -> bool {
        self.words().any(|word| word == topic)
    }

    /// The first topic that names a part of the router.
    pub(super) fn feature(&self) -> Option<&str> {
        self.words().find(|word| !IMPORTANCE.contains(word))
    }

    pub(super) fn all_known(&self) -> bool {
        self.words().all(known)
    }

    /// The router's own order (manual, "Message formats"): an entry that is both `error` and
    /// `critical`, such as a login failure, is sent with the syslog severity of `error`.
    pub(super) fn severity(&self) -> Option<Severity> {
        let levels = [
            ("error", Severity::High),
            ("critical", Severity::Critical),
            ("warning", Severity::Medium),
            ("info", Severity::Info),
            ("debug", Severity::Info),
        ];
        levels
            .into_iter()
            .find(|(topic, _)| self.has(topic))
            .map(|(_, level)| level)
    }
}

fn known(topic: &str) -> bool {
    IMPORTANCE.contains(&topic) || FEATURES.contains(&topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_told_from_words() {
        for word in [
            "system,info",
            "system,error,critical",
            "l2tp,ppp,info,account",
            "dhcp,info:",
        ] {
            assert!(Topics::of(word).is_some(), "{word}");
        }
        for word in [
            "system",
            "info",
            "a,b",
            "System,Info",
            "firewall,",
            "10,20",
            "router",
            "",
        ] {
            assert!(Topics::of(word).is_none(), "{word}");
        }
    }

    #[test]
    fn a_login_failure_is_an_error() {
        let topics = Topics::of("system,error,critical").unwrap();
        assert_eq!(topics.severity(), Some(Severity::High));
        assert_eq!(topics.feature(), Some("system"));
    }
}
