//! Palo Alto Networks PAN-OS: comma-separated logs, by type (PAN-OS "Syslog Field Descriptions").

use super::scan::outcome;
use super::{Finding, Report};
use crate::action;

/// `1,2020/06/01 00:00:00,SERIAL,TYPE,SUBTYPE,…`; found by its look.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let fields = split(report.message);
    let field = |at: usize| fields.get(at).map_or("", String::as_str);
    if fields.len() < 8 || !field(1).contains('/') {
        return None;
    }
    let subtype = field(4);
    let found = match field(3) {
        "TRAFFIC" => packet(&field, action::FIREWALL_LOG)
            .outcome(
                Some(field(30))
                    .filter(|a| outcome(a) != domain::event::Outcome::Unknown)
                    .or(verdict(subtype)),
            )
            .bytes(field(31).parse().ok()),
        "THREAT" => packet(&field, action::DETECTION)
            .outcome(Some(field(30)).filter(|a| !a.is_empty()))
            .resource("url")
            .object(field(31))
            .attr("threat", field(32)),
        "SYSTEM" => system(&field),
        "CONFIG" => Finding::of(action::CONFIG_CHANGE)
            .outcome(Some(field(12)))
            .actor(field(10))
            .origin(field(7))
            .attr("command", field(9))
            .attr("via", field(11)),
        "GLOBALPROTECT" => Finding::of(action::LOGIN)
            .outcome(Some(field(26)))
            .actor(field(12))
            .origin(field(15))
            .attr("event", field(6)),
        "USERID" => Finding::of(if subtype == "logout" {
            action::LOGOUT
        } else {
            action::LOGIN
        })
        .succeeded()
        .actor(field(8))
        .origin(field(7)),
        _ => return None,
    };
    Some(found.attr("type", field(3)).attr("subtype", subtype))
}

fn verdict(subtype: &str) -> Option<&str> {
    match subtype {
        "start" | "end" => Some("allowed"),
        "drop" | "deny" => Some("denied"),
        _ => None,
    }
}

fn packet<'f>(field: &impl Fn(usize) -> &'f str, word: &str) -> Finding {
    Finding::of(word)
        .origin(field(7))
        .actor(field(12))
        .attr("dst_ip", field(8))
        .attr("rule", field(11))
        .attr("application", field(14))
        .attr("in", field(18))
        .attr("out", field(19))
        .attr("src_port", field(24).parse::<u16>().ok())
        .attr("dst_port", field(25).parse::<u16>().ok())
        .attr("proto", field(29).to_ascii_uppercase())
}

/// `…,event id,…,description`: `User 'NAME' logged in via Web from HOST`, `failed authentication for
/// user 'NAME'. Reason: …. From: HOST.`
fn system<'f>(field: &impl Fn(usize) -> &'f str) -> Finding {
    let text = field(14);
    let quoted = text
        .split_once("ser '")
        .and_then(|(_, rest)| rest.split_once('\''));
    let user = quoted.map(|(user, _)| user);
    let host = text
        .rsplit_once("rom: ")
        .or_else(|| text.rsplit_once(" from "));
    let host = host.map(|(_, host)| {
        host.split([' ', ','])
            .next()
            .unwrap_or_default()
            .trim_end_matches('.')
    });
    let word = if text.contains("logged out") {
        Finding::of(action::LOGOUT).succeeded()
    } else if text.contains("logged in") || text.starts_with("authenticated for user") {
        Finding::of(action::LOGIN).succeeded()
    } else if text.contains("failed authentication") || field(8).contains("auth-fail") {
        Finding::of(action::LOGIN).failed()
    } else {
        Finding::of(action::LOG_MESSAGE)
    };
    word.actor(user)
        .origin(host)
        .attr("event", field(8))
        .attr("reason", text)
}

/// Most fields of a line.
const MOST: usize = 160;

/// Fields, quoted ones with doubled quotes inside (RFC 4180).
fn split(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted && fields.len() < MOST => fields.push(String::new()),
            c => {
                if let Some(last) = fields.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    fields
}
