//! MikroTik RouterOS 6 and 7: what a router logs, to a [`Record`].
//!
//! Formats after the RouterOS manual, page "Log": `default` (`topics message`, no time and no
//! host), `syslog` (RFC 3164, with the topics in front of the message or without them), `cef`, and
//! the lines of `/log print` and of log files. User names, DHCP host names and comments are chosen
//! by others, so an address is only taken from where the router itself writes it; where two
//! readings are possible the address (or the actor) is left out.

mod account;
mod address;
mod cef;
mod clock;
mod config_change;
mod dhcp;
mod firewall;
mod hotspot;
mod interface;
mod ipsec;
mod message;
mod ppp;
mod split;
mod system;
mod topics;
mod wireless;

use domain::severity::Severity;
use serde_json::Value;

use crate::record::{Context, Header, Record};
use cef::Cef;
use split::Parts;
use topics::Topics;

/// Whether a syslog message, split by a generic parser, was written by RouterOS.
///
/// Answers yes to known topics in front of the message, to CEF of this vendor, and to the
/// sentences only RouterOS writes (logins, configuration changes, firewall lines).
pub fn recognise(header: &Header) -> bool {
    let parts = split::rejoin(header.clone());
    parts.topics.as_ref().is_some_and(Topics::all_known)
        || parts.cef.as_ref().is_some_and(Cef::is_mikrotik)
        || message::unmistakable(&parts.header.message)
}

/// Whether a whole line, as sent or as printed by `/log print`, was written by RouterOS.
pub fn recognise_line(line: &str, context: &Context<'_>) -> bool {
    let parts = split::line(line, context);
    parts.topics.as_ref().is_some_and(Topics::all_known)
        || parts.cef.as_ref().is_some_and(Cef::is_mikrotik)
        || message::unmistakable(&parts.header.message)
}

/// Reads a message whose syslog header was split by a generic parser.
///
/// RouterOS writes no tag, so what such a parser took for host or program may be the topics or
/// the first word of the message; it is put back.
pub fn read(header: Header, _context: &Context<'_>) -> Record {
    record(split::rejoin(header))
}

/// Reads a whole line: what arrived on the wire, or a line of `/log print` or of a log file.
pub fn read_line(line: &str, context: &Context<'_>) -> Record {
    record(split::line(line, context))
}

fn record(parts: Parts) -> Record {
    let Parts {
        mut header,
        topics,
        cef,
    } = parts;
    let in_cef = cef.is_some();
    let guests = guests_behind(&header.message, in_cef);
    let mut record = message::read(&header.message, topics.as_ref());
    if let Some(cef) = cef {
        cef.complete(&mut record, &mut header);
    }
    // A guest may call himself like any other sentence, with topics or CEF in front. What the
    // router writes behind his name gives him away.
    let other = |guest: &Record| guest.ip != record.ip || (!in_cef && guest.actor != record.actor);
    if guests.iter().any(other) {
        (record.ip, record.actor) = (None, None);
    }
    record.severity = topics
        .as_ref()
        .and_then(Topics::severity)
        .or_else(|| header.severity.map(Severity::of_syslog));
    if let Some(topics) = topics {
        let words = topics.words().map(|word| Value::from(word.to_owned()));
        record
            .attributes
            .insert("topics".to_owned(), words.collect::<Vec<_>>().into());
    }
    record.timestamp = header.timestamp;
    record.host.clone_from(&header.hostname);
    record.syslog = Some(header);
    record
}

/// The HotSpot guest and the PPP user whose name may be the sentence. An account sentence that ends
/// as the router ends it is none; inside CEF the end of the sentence is not the end of the line.
fn guests_behind(message: &str, in_cef: bool) -> Vec<Record> {
    let readings = [hotspot::read(message), ppp::session(message)];
    let guests: Vec<_> = readings.into_iter().flatten().collect();
    let bound = |record: Record| record.ip.is_some();
    if !guests.is_empty() && !in_cef && account::read(message).is_some_and(bound) {
        return Vec::new();
    }
    guests
}
