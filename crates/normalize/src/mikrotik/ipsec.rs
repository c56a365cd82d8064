//! IPsec: `respond new phase 1 (Identity Protection): LOCAL[500]<=>REMOTE[500]`,
//! `ISAKMP-SA established LOCAL[4500]-REMOTE[4500] spi:…`, `new ike2 SA (R): …`,
//! `phase1 negotiation failed due to time up LOCAL[500]<=>REMOTE[500] …`.
//! The first address is the router's, the second the peer's.

use domain::event::Outcome;

use super::address;
use super::message::{action, actor, note};
use crate::record::Record;

/// What a sentence contains, and what it then tells. The first that fits counts.
const SENTENCES: &[(&str, &str, Outcome)] = &[
    ("negotiation failed", "ipsec_failed", Outcome::Failure),
    (
        "no suitable proposal found",
        "ipsec_failed",
        Outcome::Failure,
    ),
    (
        "failed to get valid proposal",
        "ipsec_failed",
        Outcome::Failure,
    ),
    ("failed to pre-process", "ipsec_failed", Outcome::Failure),
    ("parsing packet failed", "ipsec_failed", Outcome::Failure),
    ("identity not found", "ipsec_failed", Outcome::Failure),
    ("can't verify peer", "ipsec_failed", Outcome::Failure),
    ("got fatal error", "ipsec_failed", Outcome::Failure),
    ("peer authorized", "ipsec_authorized", Outcome::Success),
    ("respond new phase", "ipsec_negotiating", Outcome::Unknown),
    ("initiate new phase", "ipsec_negotiating", Outcome::Unknown),
    ("SA established", "ipsec_established", Outcome::Success),
    ("new ike2 SA", "ipsec_established", Outcome::Success),
    ("child SA", "ipsec_established", Outcome::Success),
    ("purging", "ipsec_closed", Outcome::Unknown),
    ("killing", "ipsec_closed", Outcome::Unknown),
    ("SA deleted", "ipsec_closed", Outcome::Unknown),
    ("SA expired", "ipsec_closed", Outcome::Unknown),
];

pub(super) fn read(message: &str) -> Option<Record> {
    if let Some(record) = extended_authentication(message) {
        return Some(record);
    }
    let (_, name, outcome) = SENTENCES
        .iter()
        .find(|(words, ..)| message.contains(words))?;
    let peers = peers(message);
    let mut record = action(name, *outcome);
    if let Some((local, remote)) = peers {
        record.ip = address::ip(remote);
        note(&mut record, "local", local);
    } else {
        record.ip = message.split(' ').next().and_then(address::ip);
    }
    (record.ip.is_some() || message.contains("phase") || message.contains("SA ")).then_some(record)
}

/// `XAuth login failed for user 'jane'`, `XAuth login succeeded for user 'jane'`.
fn extended_authentication(message: &str) -> Option<Record> {
    let rest = message.strip_prefix("XAuth login ")?;
    let (word, rest) = rest.split_once(' ')?;
    let outcome = match word {
        "failed" => Outcome::Failure,
        "succeeded" | "passed" => Outcome::Success,
        _ => return None,
    };
    let mut record = action("login", outcome);
    let user = rest.strip_prefix("for user ")?;
    record.actor = actor(user.trim_matches(['\'', '.', '"']));
    note(&mut record, "via", "ipsec");
    Some(record)
}

/// The two addresses of `LOCAL[port]<=>REMOTE[port]` or `LOCAL[port]-REMOTE[port]`.
fn peers(message: &str) -> Option<(&str, &str)> {
    message.split(' ').find_map(|word| {
        let (local, remote) = word.split_once("<=>").or_else(|| word.split_once("]-"))?;
        let (local, _) = local.split_once('[')?;
        let (remote, _) = remote.split_once('[')?;
        address::ip(local)?;
        Some((local, remote))
    })
}
