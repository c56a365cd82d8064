//! Stations of access points: `AA:…@wlan1: connected, signal strength -60` (RouterOS 6, also
//! CAPsMAN), `AA:…@wifi1(Name) disconnected, connection lost, signal strength -85` and
//! `AA:…@wifi1(Name) roamed to AA:…@wifi2(Name), signal strength -70` (RouterOS 7).

use domain::event::Outcome;
use serde_json::Value;

use super::address;
use super::message::{action, note};
use crate::record::Record;

const STATES: &[(&str, &str)] = &[
    ("connected", "wifi_connected"),
    ("disconnected", "wifi_disconnected"),
    ("roamed to", "wifi_roamed"),
    ("reassociating", "wifi_reassociating"),
    ("rejected", "wifi_rejected"),
];

pub(super) fn read(message: &str) -> Option<Record> {
    let (mac, rest) = message.split_once('@')?;
    if !address::is_mac(mac) {
        return None;
    }
    let (place, state, name) = STATES
        .iter()
        .filter_map(|(state, name)| {
            let places = rest.match_indices(state).map(|(place, _)| place);
            let place = places
                .into_iter()
                .find(|place| begins_state(rest, *place))?;
            Some((place, *state, *name))
        })
        .min_by_key(|(place, ..)| *place)?;
    let outcome = if name == "wifi_rejected" {
        Outcome::Failure
    } else {
        Outcome::Unknown
    };
    let mut record = action(name, outcome);
    note(&mut record, "mac", mac);
    fill_point(&mut record, rest.get(..place)?.trim());
    let rest = rest.get(place + state.len()..)?;
    if name == "wifi_roamed" {
        let to = rest.split(',').next().unwrap_or_default().trim();
        let to = to.split_once('@').map_or(to, |(_, to)| to);
        note(&mut record, "to", to);
    }
    fill_rest(&mut record, rest);
    Some(record)
}

/// The state follows `: ` or `) `, which no interface name holds.
fn begins_state(rest: &str, place: usize) -> bool {
    rest.get(..place)
        .is_some_and(|before| before.ends_with(": ") || before.ends_with(") "))
}

/// `wlan1:` or `wifi1(Network)`.
fn fill_point(record: &mut Record, point: &str) {
    let point = point.trim_end_matches(':');
    match point.split_once('(') {
        Some((interface, network)) => {
            note(record, "interface", interface);
            note(record, "ssid", network.strip_suffix(')').unwrap_or(network));
        }
        None => note(record, "interface", point),
    }
}

fn fill_rest(record: &mut Record, rest: &str) {
    let (before, signal) = match rest.rsplit_once("signal strength ") {
        Some((before, signal)) => (before, signal.trim().parse::<i64>().ok()),
        None => (rest, None),
    };
    if let Some(signal) = signal {
        record
            .attributes
            .insert("signal".to_owned(), Value::from(signal));
    }
    let reason = before.trim_matches([',', ' ']);
    if !reason.is_empty() && record.action != "wifi_roamed" {
        note(record, "reason", reason);
    }
}
