//! The router itself: reboots, Netwatch, scripts, WireGuard peers, the clock.

use domain::event::Outcome;

use super::message::{action, note};
use super::{address, config_change};
use crate::record::Record;

pub(super) fn read(message: &str) -> Option<Record> {
    reboot(message)
        .or_else(|| netwatch(message))
        .or_else(|| script(message))
        .or_else(|| wireguard(message))
        .or_else(|| password(message))
}

fn reboot(message: &str) -> Option<Record> {
    const REBOOTS: &[&str] = &[
        "router rebooted",
        "router was rebooted",
        "system rebooted",
        "system was rebooted",
        "rebooted",
    ];
    const SHUTDOWNS: &[&str] = &[
        "router shut down",
        "system shutdown",
        "shutdown",
        "router was shut down",
    ];
    let starts = |words: &[&'static str]| words.iter().find_map(|word| message.strip_prefix(word));
    let (name, rest) = match (starts(REBOOTS), starts(SHUTDOWNS)) {
        (Some(rest), _) => ("reboot", rest),
        (None, Some(rest)) => ("shutdown", rest),
        (None, None) => return None,
    };
    (rest.is_empty() || rest.starts_with([' ', ','])).then_some(())?;
    let mut record = action(name, Outcome::Unknown);
    let reason = rest.trim_matches([' ', ',']);
    if let Some(origin) = reason.strip_prefix("by ") {
        config_change::name(&mut record, origin);
    } else if !reason.is_empty() {
        note(&mut record, "reason", reason);
    }
    Some(record)
}

/// `event down [ type: simple, host: 192.168.1.110 ]`.
fn netwatch(message: &str) -> Option<Record> {
    let rest = message.strip_prefix("event ")?;
    let (state, rest) = rest.split_once(' ')?;
    let name = match state {
        "up" => "netwatch_up",
        "down" => "netwatch_down",
        _ => return None,
    };
    let inside = rest.trim().strip_prefix('[')?.strip_suffix(']')?;
    let mut record = action(name, Outcome::Unknown);
    for part in inside.split(", ") {
        match part.trim().split_once(": ") {
            Some(("host", host)) => {
                note(&mut record, "watched", host);
                record.resource_id = Some(host.to_owned());
            }
            Some(("type", kind)) => note(&mut record, "type", kind),
            _ => {}
        }
    }
    record.resource = Some("netwatch".to_owned());
    Some(record)
}

/// `executing script NAME from scheduler failed, …`, `script error: …`.
fn script(message: &str) -> Option<Record> {
    if let Some(rest) = message.strip_prefix("executing script ") {
        let (name, reason) = rest.split_once(" failed").unwrap_or((rest, ""));
        let (name, by) = name.rsplit_once(" from ").unwrap_or((name, ""));
        let mut record = action("script_failed", Outcome::Failure);
        note(&mut record, "object", name);
        for (key, value) in [
            ("via", by),
            ("reason", reason.trim_start_matches([',', ' '])),
        ] {
            if !value.is_empty() {
                note(&mut record, key, value);
            }
        }
        return Some(record);
    }
    let reason = message.strip_prefix("script error: ")?;
    let mut record = action("script_failed", Outcome::Failure);
    note(&mut record, "reason", reason);
    Some(record)
}

/// `wireguard peer connected, endpoint 192.0.2.55:51820`.
fn wireguard(message: &str) -> Option<Record> {
    let rest = message.strip_prefix("wireguard peer ")?;
    let (state, rest) = rest.split_once(',').unwrap_or((rest, ""));
    let name = match state.trim() {
        "connected" => "vpn_connected",
        "disconnected" => "vpn_disconnected",
        _ => return None,
    };
    let mut record = action(name, Outcome::Unknown);
    note(&mut record, "via", "wireguard");
    if let Some((ip, port)) = rest
        .trim()
        .strip_prefix("endpoint ")
        .and_then(address::endpoint)
    {
        record.ip = Some(ip);
        port.inspect(|port| super::message::note_number(&mut record, "src_port", *port));
    }
    Some(record)
}

/// `password changed for user jane`, without saying by whom.
fn password(message: &str) -> Option<Record> {
    let user = message.strip_prefix("password changed for user ")?;
    let mut record = action("config_change", Outcome::Success);
    record.resource = Some("user password".to_owned());
    record.resource_id = Some(user.to_owned());
    note(&mut record, "object", "user password");
    note(&mut record, "verb", "changed");
    Some(record)
}
