//! Users of PPTP, L2TP, SSTP, OpenVPN and PPPoE: `jane logged in, 10.8.0.5 from 203.0.113.9`,
//! `jane logged out, 143 115036 112418 106 92 from 203.0.113.9`, `<pptp-jane>: authenticated`,
//! `<203.0.113.9>: user jane authentication failed`.
//!
//! `ip` is where the user came from; the address he was given is `assigned_ip`.

use domain::event::Outcome;

use super::address;
use super::message::{action, actor, note, note_number};
use crate::record::Record;

/// Words RouterOS puts before the name of a dynamic interface: `<l2tp-jane>`.
const SERVICES: &[&str] = &["pptp", "l2tp", "sstp", "ovpn", "pppoe", "ppp"];

pub(super) fn read(message: &str) -> Option<Record> {
    session(message)
        .or_else(|| established(message))
        .or_else(|| state(message))
}

/// `jane logged in, 10.8.0.5 from 203.0.113.9` or the logout that belongs to it.
pub(super) fn session(message: &str) -> Option<Record> {
    let (place, mark, name) = [(" logged in, ", "login"), (" logged out, ", "logout")]
        .into_iter()
        .filter_map(|(mark, name)| Some((message.rfind(mark)?, mark, name)))
        .max_by_key(|(place, ..)| *place)?;
    let (user, rest) = (message.get(..place)?, message.get(place + mark.len()..)?);
    let (said, caller) = match rest.rsplit_once(" from ") {
        Some((said, caller)) => (said, Some(caller.trim())),
        None => (rest, None),
    };
    let mut record = action(name, Outcome::Success);
    record.actor = actor(user);
    if name == "login" {
        let given = address::ip(said.trim())?;
        note(&mut record, "assigned_ip", &given.to_string());
    } else {
        fill_counters(&mut record, said)?;
    }
    if let Some(caller) = caller {
        fill_caller(&mut record, caller);
    }
    note(&mut record, "via", "ppp");
    Some(record)
}

/// Seconds, bytes in and out, packets in and out, as RouterOS writes them on logout.
fn fill_counters(record: &mut Record, said: &str) -> Option<()> {
    let mut numbers = [0_u64; 5];
    let mut words = said.split_whitespace();
    for (number, word) in numbers.iter_mut().zip(&mut words) {
        *number = word.parse().ok()?;
    }
    let [seconds, bytes_in, bytes_out, packets_in, packets_out] = numbers;
    for (name, number) in [
        ("duration_s", seconds),
        ("bytes_in", bytes_in),
        ("bytes_out", bytes_out),
        ("packets_in", packets_in),
        ("packets_out", packets_out),
    ] {
        note_number(record, name, number);
    }
    record.bytes = bytes_in
        .checked_add(bytes_out)
        .and_then(|sum| i64::try_from(sum).ok());
    words.next().is_none().then_some(())
}

fn fill_caller(record: &mut Record, caller: &str) {
    record.ip = address::endpoint(caller).map(|(ip, _)| ip);
    if address::is_mac(caller) {
        note(record, "mac", caller);
    }
}

/// `TCP connection established from 203.0.113.9` and its kin: somebody knocks, nobody named yet.
fn established(message: &str) -> Option<Record> {
    const STARTS: &[&str] = &[
        "TCP connection established from ",
        "PPPoE connection established from ",
        "connection established from ",
        "first L2TP UDP packet received from ",
        "new connection from ",
    ];
    let caller = STARTS
        .iter()
        .find_map(|start| message.strip_prefix(start))?;
    let mut record = action("connection_opened", Outcome::Unknown);
    fill_caller(&mut record, caller.trim());
    (record.ip.is_some() || record.attributes.contains_key("mac")).then_some(record)
}

/// `<NAME>: state` or `NAME: state`.
fn state(message: &str) -> Option<Record> {
    let (peer, said) = match message.strip_prefix('<') {
        Some(inner) => inner.split_once(">: ").or_else(|| inner.split_once("> "))?,
        None => message.split_once(": ")?,
    };
    let mut record = said_of_peer(said)?;
    fill_peer(&mut record, peer);
    Some(record)
}

fn said_of_peer(said: &str) -> Option<Record> {
    if let Some(user) = said
        .strip_prefix("user ")
        .and_then(|rest| rest.strip_suffix(" authentication failed"))
    {
        let mut record = action("login", Outcome::Failure);
        record.actor = actor(user.trim_matches('\''));
        return Some(record);
    }
    if said.starts_with("authentication failed") || said.contains("CHAP Failure") {
        return Some(action("login", Outcome::Failure));
    }
    let (name, outcome) = match said.split([' ', ',', '.']).next()? {
        "authenticated" => ("vpn_authenticated", Outcome::Success),
        "connected" => ("vpn_connected", Outcome::Success),
        "disconnected" => ("vpn_disconnected", Outcome::Unknown),
        "terminating" => ("vpn_terminating", Outcome::Unknown),
        "initializing" | "connecting" | "dialing" | "waiting" => {
            ("vpn_connecting", Outcome::Unknown)
        }
        _ => return None,
    };
    let mut record = action(name, outcome);
    let reason = said.split_once(" - ").or_else(|| said.split_once(" <"));
    if let Some((_, reason)) = reason {
        note(&mut record, "reason", reason.trim_end_matches('>'));
        if reason.contains("failed to authenticate") {
            record.outcome = Outcome::Failure;
        }
    }
    Some(record)
}

/// An address in the brackets is where the peer is; `service-name` names the user.
fn fill_peer(record: &mut Record, peer: &str) {
    if let Some((ip, _)) = address::endpoint(peer) {
        record.ip = Some(ip);
        return;
    }
    note(record, "interface", peer);
    let named = SERVICES.iter().find_map(|service| {
        let name = peer.strip_prefix(service)?.strip_prefix('-')?;
        Some((*service, name))
    });
    if let Some((service, name)) = named
        && record.actor.is_none()
        && !name.starts_with("out")
        && !name.starts_with("in")
    {
        record.actor = actor(name);
        note(record, "via", service);
    }
}
