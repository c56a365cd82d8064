//! IOS, IOS XE and NX-OS: messages by mnemonic.

use super::super::Finding;
use super::super::scan::{self, between, single_between, split_single, word};
use crate::action;

/// Mnemonics that IOS, IOS XE and NX-OS share.
pub(super) fn read(facility: &str, mnemonic: &str, text: &str) -> Option<Finding> {
    match mnemonic {
        "CONFIG_I" | "VSHD_SYSLOG_CONFIG_I" => configured(text),
        "LOGIN_SUCCESS" | "LOGIN_FAILED" | "LOGIN_FAILURE" | "QUIET_MODE_ON" => {
            ios_login(mnemonic, text)
        }
        "IPACCESSLOGP" | "IPACCESSLOGDP" | "IPACCESSLOGNP" | "IPACCESSLOGRP" | "IPACCESSLOGSP"
        | "ACCESSLOGP" => access_list(text),
        "SIGNATURE" => signature(text),
        "SSH2_USERAUTH" | "SSH_USERAUTH" => ssh(text),
        "CFGLOG_LOGGEDCMD" | "HCMD" => logged_command(text),
        "LOGOUT" | "TTY_EXPIRE_TIMER" => {
            let user = between(text, "User ", " has exited");
            let host = text
                .rsplit_once('(')
                .map(|(_, host)| host.split(')').next().unwrap_or_default());
            Some(
                Finding::of(action::LOGOUT)
                    .succeeded()
                    .actor(user)
                    .origin(host),
            )
        }
        "UPDOWN" | "IF_UP" | "IF_DOWN" | "IF_DOWN_LINK_FAILURE" => link(mnemonic, text),
        "SYSTEM_MSG" if text.contains("uthentication failed for user") => {
            let (_, who) = text.split_once("for user ")?;
            let (user, host) = who.rsplit_once(" from ")?;
            Some(
                Finding::of(action::LOGIN)
                    .failed()
                    .actor(user)
                    .origin(word(host).0),
            )
        }
        "RESTART" if facility == "SYS" => Some(Finding::of(action::SERVICE_START)),
        _ => None,
    }
}

/// `Configured from console by NAME on vty0 (HOST)`.
fn configured(text: &str) -> Option<Finding> {
    let (_, who) = text.split_once(" by ")?;
    let (user, line) = who.rsplit_once(" on ").unwrap_or((who, ""));
    let host = line
        .rsplit_once('(')
        .map(|(_, host)| host.trim_end_matches(')'));
    let found = Finding::of(action::CONFIG_CHANGE)
        .succeeded()
        .actor(user)
        .origin(host);
    Some(found.attr("via", word(line).0))
}

/// `Login failed [user: NAME] [Source: HOST] [localport: 22] [Reason: …] at …`.
fn ios_login(mnemonic: &str, text: &str) -> Option<Finding> {
    // The name comes first, so it is only certain where what ends it is there once.
    let (user, rest) = split_single(text.split_once("[user: ")?.1, "] [Source: ").unzip();
    let host = rest.and_then(|rest| rest.split(']').next());
    let found = Finding::of(action::LOGIN).successful(mnemonic == "LOGIN_SUCCESS");
    let found = found
        .actor(user)
        .origin(host)
        .attr("reason", single_between(text, "[Reason: ", "]"));
    Some(found.attr(
        "dst_port",
        single_between(text, "[localport: ", "]").and_then(|p| p.parse::<u16>().ok()),
    ))
}

/// `list 102 denied tcp HOST(PORT) -> HOST(PORT), 1 packet`.
fn access_list(text: &str) -> Option<Finding> {
    let (head, rest) = text.split_once(" -> ")?;
    let mut words = head.split(' ').filter(|w| !w.is_empty());
    let (list, verdict, proto) = (words.nth(1)?, words.next()?, words.next()?);
    let from = words.find(|w| scan::endpoint(w).is_some())?;
    let found = Finding::of(action::FIREWALL_LOG)
        .outcome(Some(verdict))
        .origin(from);
    let found = found
        .attr("rule", list)
        .attr("proto", proto.to_ascii_uppercase());
    Some(match scan::endpoint(word(rest).0) {
        Some((ip, port)) => found.attr("dst_ip", ip.to_string()).attr("dst_port", port),
        None => found,
    })
}

/// `Sig:3051 Subsig:1 Sev:4 TEXT [HOST:PORT -> HOST:PORT]`.
fn signature(text: &str) -> Option<Finding> {
    let (head, ends) = text.rsplit_once('[')?;
    let (from, to) = ends.trim_end_matches(']').split_once(" -> ")?;
    let id = between(head, "Sig:", " ");
    let name = head
        .split_once("Sev:")
        .and_then(|(_, rest)| rest.split_once(' '))
        .map(|(_, name)| name.trim());
    let found = Finding::of(action::DETECTION)
        .origin(from)
        .attr("signature", id)
        .attr("name", name);
    Some(match scan::endpoint(to) {
        Some((ip, port)) => found.attr("dst_ip", ip.to_string()).attr("dst_port", port),
        None => found,
    })
}

/// `User 'NAME' authentication for SSH2 Session from HOST (tty = 0) using crypto … Succeeded`.
fn ssh(text: &str) -> Option<Finding> {
    let (user, rest) = text
        .strip_prefix("User '")?
        .rsplit_once("' authentication for ")?;
    let (_, host) = rest.split_once(" from ")?;
    let verdict = text.rsplit(' ').next();
    Some(
        Finding::of(action::LOGIN)
            .outcome(verdict)
            .actor(user)
            .origin(word(host).0)
            .service("ssh"),
    )
}

/// `User:NAME  logged command:COMMAND`.
fn logged_command(text: &str) -> Option<Finding> {
    let (user, command) = text.split_once(" logged command:")?;
    let user = user.trim_start_matches("User:").trim();
    let found = Finding::of(action::COMMAND).succeeded().actor(user);
    Some(
        found
            .resource("command")
            .object(command)
            .attr("command", command),
    )
}

/// `Interface GigabitEthernet0/1, changed state to down`.
fn link(mnemonic: &str, text: &str) -> Option<Finding> {
    let name = between(text, "nterface ", ",").or_else(|| between(text, "nterface ", " "))?;
    let up = mnemonic == "IF_UP" || text.trim_end().ends_with("to up");
    Some(
        Finding::of(if up { "link_up" } else { "link_down" })
            .resource("interface")
            .object(name),
    )
}
