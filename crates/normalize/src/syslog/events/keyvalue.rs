//! Firewalls and appliances that write `key=value` pairs, in the text or as structured data:
//! FortiGate, Sophos, SonicWall, Barracuda, Check Point, Juniper and their like.

use domain::event::Outcome;

use super::scan::{self, Pairs};
use super::{Finding, Report};
use crate::action;

const USER: &[&str] = &[
    "user",
    "user_name",
    "username",
    "usrName",
    "suser",
    "srcuser",
    "administrator",
    "unauthuser",
    "usr",
];
const SOURCE: &[&str] = &[
    "srcip",
    "src_ip",
    "src",
    "source-address",
    "remip",
    "client_ip",
    "clientip",
    "rhost",
    "UserHostAddress",
    "source_ip",
    "c-ip",
];
const TARGET: &[&str] = &["dstip", "dst_ip", "dst", "destination-address", "destip"];
const VERDICT: &[&str] = &[
    "outcome",
    "action",
    "actionTaken",
    "result",
    "log_subtype",
    "act",
    "status",
    "rule_action",
];
const URL: &[&str] = &["url", "request"];

/// Found by its look: several pairs, or structured data.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let structured = |key: &str| {
        let mut elements = report.header.structured_data.values();
        elements.find_map(|e| {
            e.as_object()?
                .iter()
                .find(|(k, _)| k.eq_ignore_ascii_case(key))?
                .1
                .as_str()
        })
    };
    let named = !report.header.structured_data.is_empty();
    let first = report.message.split('=').next().unwrap_or_default();
    let begins = !first.is_empty()
        && first
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if !begins && !named {
        return None;
    }
    let pairs = Pairs::of(if begins { report.message } else { "" });
    if pairs.len() < 4 && !named {
        return None;
    }
    let unsure = !pairs.closed() || pairs.several(USER) || pairs.several(SOURCE);
    let value = |keys: &[&str]| {
        // Two names or two addresses: one of them may be part of a name.
        let several = (keys == USER || keys == SOURCE) && unsure;
        let in_text = || {
            keys.iter()
                .filter_map(|k| pairs.get(k))
                .find(|v| scan::somebody(v).is_some())
        };
        let in_data = || {
            keys.iter()
                .filter_map(|k| structured(k))
                .find(|v| scan::somebody(v).is_some())
        };
        in_data().or_else(|| (pairs.len() >= 4 && !several).then(in_text).flatten())
    };
    let found = found(&value);
    (found.tells()).then_some(found)
}

fn found<'a>(value: &dyn Fn(&[&str]) -> Option<&'a str>) -> Finding {
    let event = value(&[
        "logdesc",
        "eventtype",
        "log_component",
        "type",
        "cat",
        "ec_task",
    ]);
    let verdict = value(VERDICT);
    let url = value(URL);
    let target = value(TARGET);
    let status = value(&["status", "statusCode", "status_code", "httpresponsecode"]);
    let code: Option<u16> = status.and_then(|s| s.split('/').next()?.parse().ok());
    let word = meaning(value, target.is_some());
    let mut found = Finding::of(word).outcome(verdict);
    // A login's action is "login"; how it went is its status.
    if let Some(status) = status.filter(|s| scan::outcome(s) != Outcome::Unknown) {
        found = found.outcome(Some(status));
    }
    if let Some(code) = code.filter(|c| (100..600).contains(c)) {
        found = found.successful(code < 400).attr("status", code);
    }
    let port = |keys: &[&str]| value(keys).and_then(|p| p.parse::<u16>().ok());
    found
        .actor(value(USER))
        .origin(value(SOURCE))
        .resource(url.map(|_| "url"))
        .object(url)
        .agent(value(&[
            "ua",
            "userAgent",
            "user_agent",
            "UserAgent",
            "agent",
        ]))
        .bytes(value(&["sentbyte", "sent_bytes", "totalBytes"]).and_then(|b| b.parse().ok()))
        .attr("event", event)
        .attr("dst_ip", target)
        .attr(
            "src_port",
            port(&["srcport", "src_port", "spt", "source-port", "s_port"]),
        )
        .attr(
            "dst_port",
            port(&["dstport", "dst_port", "dpt", "destination-port", "service"]),
        )
        .attr("proto", value(&["proto", "protocol", "protocol-name"]))
        .attr(
            "in",
            value(&["srcintf", "in_interface", "source-zone-name", "ifname"]),
        )
        .attr(
            "out",
            value(&["dstintf", "out_interface", "destination-zone-name"]),
        )
        .attr(
            "rule",
            value(&["policyname", "rule", "fw_rule_id", "policyid", "rule-name"]),
        )
        .attr("message", value(&["msg", "message"]))
}

fn meaning<'a>(value: &dyn Fn(&[&str]) -> Option<&'a str>, flow: bool) -> &'static str {
    let hint = value(&[
        "logdesc",
        "eventtype",
        "msg",
        "action",
        "subtype",
        "log_subtype",
    ])
    .unwrap_or_default();
    let lower = hint.to_ascii_lowercase();
    let web = value(&[
        "mtd",
        "requestMethod",
        "httpmethod",
        "http-host",
        "httpresponsecode",
    ])
    .is_some();
    if lower.contains("logout") || lower.contains("logged out") {
        action::LOGOUT
    } else if lower.contains("login") || lower.contains("logged in") || lower.contains("auth") {
        action::LOGIN
    } else if value(&["fieldschanges", "cfgpath", "cfgattr"]).is_some() {
        action::CONFIG_CHANGE
    } else if value(&[
        "attackid",
        "attack",
        "attackDescription",
        "threat-severity",
        "malware-info",
        "mlwr",
        "severity_level",
    ])
    .is_some()
    {
        action::DETECTION
    } else if web {
        action::HTTP_REQUEST
    } else if flow {
        action::FIREWALL_LOG
    } else {
        action::LOG_MESSAGE
    }
}
