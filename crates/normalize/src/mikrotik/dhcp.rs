//! Leases: `dhcp1 assigned 10.0.0.5 for AA:… laptop` (RouterOS 7), `dhcp1: assigned 10.0.0.5 to
//! AA:… (laptop)` (older), offers, releases, and what the router's own client gets.
//!
//! The host name at the end is chosen by the client; everything before it is the router's.

use domain::event::Outcome;

use super::address;
use super::message::{action, note};
use crate::record::Record;

const LEASES: &[(&str, &str, Outcome)] = &[
    (" deassigned ", "dhcp_deassigned", Outcome::Unknown),
    (" assigned ", "dhcp_assigned", Outcome::Unknown),
    (" offering lease ", "dhcp_offering", Outcome::Failure),
    (" offering ", "dhcp_offering", Outcome::Unknown),
];

pub(super) fn read(message: &str) -> Option<Record> {
    lease(message).or_else(|| client(message))
}

fn lease(message: &str) -> Option<Record> {
    let (place, mark, name, outcome) = LEASES
        .iter()
        .filter_map(|(mark, name, outcome)| Some((message.find(mark)?, *mark, *name, *outcome)))
        .min_by_key(|(place, mark, ..)| (*place, std::cmp::Reverse(mark.len())))?;
    let server = message.get(..place)?.trim_end_matches(':');
    if server.contains([':', '<', '(']) {
        return None;
    }
    let mut words = message.get(place + mark.len()..)?.splitn(3, ' ');
    let ip = address::ip(words.next()?)?;
    let mut record = action(name, Outcome::Unknown);
    record.ip = Some(ip);
    note(&mut record, "server", server);
    let towards = words.next();
    let Some(rest) = words
        .next()
        .filter(|_| matches!(towards, Some("to" | "for" | "from")))
    else {
        return towards.is_none().then_some(record);
    };
    let (mac, client) = rest.split_once(' ').unwrap_or((rest, ""));
    if address::is_mac(mac) {
        note(&mut record, "mac", mac);
    } else {
        note(&mut record, "client_id", mac);
    }
    let client = client.trim();
    let client = match client.strip_suffix("without success") {
        Some(client) => {
            record.outcome = outcome;
            client.trim()
        }
        None => client,
    };
    let client = client
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
        .unwrap_or(client);
    if !client.is_empty() {
        note(&mut record, "client", client);
    }
    Some(record)
}

/// `dhcp-client on ether1 got IP address 192.0.2.7`: the router's own address, so not an address
/// anybody came from.
fn client(message: &str) -> Option<Record> {
    let (place, mark, name) = [
        (" got IP address ", "dhcp_client_bound"),
        (" lost IP address ", "dhcp_client_lost"),
    ]
    .into_iter()
    .find_map(|(mark, name)| Some((message.find(mark)?, mark, name)))?;
    let (front, rest) = (message.get(..place)?, message.get(place + mark.len()..)?);
    let (own, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    address::ip(own)?;
    let mut record = action(name, Outcome::Unknown);
    note(&mut record, "address", own);
    let (name, interface) = front.rsplit_once(" on ").unwrap_or((front, ""));
    note(&mut record, "client", name);
    if !interface.is_empty() {
        note(&mut record, "interface", interface);
    }
    let reason = reason.trim_start_matches(['-', ' ']);
    if !reason.is_empty() {
        note(&mut record, "reason", reason);
    }
    Some(record)
}
