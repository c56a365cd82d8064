//! OpenVPN's server, from syslog and from its own file.

use super::scan::{self, between, word};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &[
        "openvpn",
        "ovpn-server",
        "openvpn-server",
        "ovpn",
        "openvpnserver",
    ],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let (client, origin, text) = client(report.message);
    let found = message(text, origin)?;
    let found = if origin.is_some() {
        found.origin(origin)
    } else {
        found
    };
    let found = if found.has_actor() {
        found
    } else {
        found.actor(client)
    };
    Some(found.service("openvpn"))
}

/// A line of its own file carries no name of the program: only what no other writes is taken.
pub(super) fn read_log(report: &Report<'_>) -> Option<Finding> {
    let own = client(report.message).1.is_some()
        || report
            .message
            .starts_with("TCP connection established with [AF_INET");
    own.then(|| read(report)).flatten()
}

/// `[NAME/]HOST:PORT MESSAGE`, which the server writes for a connection.
fn client(text: &str) -> (Option<&str>, Option<&str>, &str) {
    let (head, rest) = word(text);
    let (name, origin) = match head.rsplit_once('/') {
        Some((name, origin)) => (Some(name), origin),
        None => (None, head),
    };
    match scan::endpoint(origin) {
        Some((_, Some(_))) => (name, Some(origin), rest),
        _ => (None, None, text),
    }
}

fn message<'t>(text: &'t str, origin: Option<&'t str>) -> Option<Finding> {
    let login = || Finding::of(action::LOGIN);
    if let Some((name, peer)) = scan::split_single(text, "] Peer Connection Initiated with ") {
        let name = name.strip_prefix('[').and_then(scan::somebody);
        let found = if name.is_some() {
            login()
                .succeeded()
                .actor(name)
                .attr("method", "certificate")
        } else {
            Finding::of(action::CONNECTION)
        };
        return Some(found.origin(af(peer)));
    }
    if let Some(rest) = text.strip_prefix("TLS: Username/Password authentication ") {
        let (verdict, rest) = word(rest);
        let user = rest
            .split_once("username '")
            .and_then(|(_, rest)| rest.rsplit_once('\''));
        let user = user.map(|(user, _)| user);
        return Some(
            login()
                .outcome(Some(verdict))
                .actor(user)
                .attr("method", "password"),
        );
    }
    let failures = [
        ("TLS Auth Error", "authentication"),
        ("VERIFY ERROR", "certificate"),
        ("LDAP bind failed", "password"),
        ("SENT CONTROL [UNDEF]: 'AUTH_FAILED", "authentication"),
        (
            "AUTH: Received control message: AUTH_FAILED",
            "authentication",
        ),
        (
            "PLUGIN_CALL: plugin function PLUGIN_AUTH_USER_PASS_VERIFY failed",
            "password",
        ),
    ];
    if let Some((_, reason)) = failures.iter().find(|(start, _)| text.starts_with(start)) {
        return Some(login().failed().attr("reason", *reason));
    }
    if let Some(name) = between(text, "Incorrect password supplied for LDAP DN \"", "\"") {
        let user = name
            .split(',')
            .next()
            .and_then(|first| first.split_once('='));
        return Some(
            login()
                .failed()
                .actor(user.map(|(_, user)| user))
                .attr("ldap_dn", name),
        );
    }
    connection(text, origin)
}

fn connection(text: &str, origin: Option<&str>) -> Option<Finding> {
    if let Some(peer) = text.strip_prefix("TCP connection established with ") {
        return Some(Finding::of(action::CONNECTION).succeeded().origin(af(peer)));
    }
    if let Some(rest) = text.strip_prefix("TLS Error: ") {
        let found = Finding::of(action::CONNECTION)
            .failed()
            .attr("reason", rest);
        let peer = rest.rsplit_once(" from ").map(|(_, peer)| af(peer));
        return Some(if origin.is_some() {
            found
        } else {
            found.origin(peer)
        });
    }
    let broken = text.starts_with("Bad encapsulated packet length")
        || text.starts_with("WARNING: Bad encapsulated");
    if broken || text.starts_with("OpenSSL: error:") {
        return Some(
            Finding::of(action::CONNECTION)
                .failed()
                .attr("reason", text),
        );
    }
    let ended = text.starts_with("Connection reset")
        || text.starts_with("SIGUSR1[")
        || text.starts_with("SIGTERM[")
        || text.starts_with("Inactivity timeout");
    if ended {
        return Some(Finding::of(action::DISCONNECT).attr("reason", text));
    }
    let pool = between(text, "MULTI_sva: pool returned IPv4=", ",");
    pool.map(|ip| {
        Finding::of("address_assigned")
            .succeeded()
            .attr("assigned_ip", ip)
    })
}

/// `[AF_INET]1.2.3.4:1194`.
fn af(text: &str) -> &str {
    let text = word(text).0;
    text.strip_prefix("[AF_INET")
        .and_then(|t| t.split_once(']'))
        .map_or(text, |(_, peer)| peer)
}
