//! Switches: HPE ProCurve and Comware, Brocade.

use super::scan::{address, between, word};
use super::{Finding, Report};
use crate::action;

/// Found by its look.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    let found = procurve(text).or_else(|| comware(text));
    found.or_else(|| {
        (report.program == "security")
            .then(|| brocade(text))
            .flatten()
    })
}

/// `00179 mgr:  SME SSH from 192.168.1.22 - MANAGER Mode`, `00419 auth: Invalid user name/password
/// on SSH session User 'x' is trying to login from 1.2.3.4`.
fn procurve(text: &str) -> Option<Finding> {
    let (code, rest) = word(text);
    if code.len() != 5 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (module, rest) = rest.split_once(':')?;
    let rest = rest.trim_start();
    if let Some(rest) = rest.strip_prefix("SME ") {
        let (via, rest) = rest.split_once(" from ")?;
        let (host, mode) = word(rest);
        let found = Finding::of(action::SESSION_OPEN).succeeded().origin(host);
        return Some(
            found
                .attr("via", via)
                .attr("mode", mode.trim_start_matches(['-', ' '])),
        );
    }
    let failed = rest.starts_with("Invalid user name/password");
    let user = between(rest, "User '", "' is trying to login");
    let host = rest.rsplit_once(" from ").map(|(_, host)| word(host).0);
    failed.then(|| {
        Finding::of(action::LOGIN)
            .failed()
            .actor(user)
            .origin(host)
            .attr("module", module)
    })
}

/// `%%10SC/6/SC_AAA_LAUNCH(l): -AAAType=AUTHEN-…-UserName=admin@system; AAA launched`.
fn comware(text: &str) -> Option<Finding> {
    let text = match text.strip_prefix('(') {
        Some(unit) => unit.split_once(") ")?.1,
        None => text,
    };
    let rest = text.strip_prefix("%%10")?;
    let (mnemonic, rest) = rest.split_once(": ")?;
    let name = mnemonic.rsplit('/').next()?.split('(').next()?;
    let value = |key: &str| {
        between(rest, &format!("-{key}="), "-").or_else(|| between(rest, &format!("-{key}="), ";"))
    };
    let user = between(rest, "UserName=", ";");
    let found = match name {
        "SSHS_LOGIN" | "SHELL_LOGIN" | "SC_AAA_SUCCESS" | "AAA_SUCCESS" => {
            Finding::of(action::LOGIN).succeeded()
        }
        "SHELL_LOGINFAIL" | "SC_AAA_FAILURE" | "AAA_FAILURE" | "SSHS_AUTH_FAIL" => {
            Finding::of(action::LOGIN).failed()
        }
        "SC_AAA_LAUNCH" | "AAA_LAUNCH" => Finding::of(action::LOGIN_ATTEMPT),
        "SHELL_LOGOUT" => Finding::of(action::LOGOUT).succeeded(),
        "SHELL_CMD" => Finding::of(action::COMMAND)
            .attr("command", rest.rsplit_once("Command is ").map(|(_, c)| c)),
        _ => Finding::of(action::LOG_MESSAGE),
    };
    let found = found
        .actor(user)
        .attr("mnemonic", name)
        .origin(value("IPAddr"));
    Some(found.attr("service", value("Service")))
}

/// `SSH terminated by USER from src IP HOST from src MAC …`, `USER login by … from src IP HOST`.
fn brocade(text: &str) -> Option<Finding> {
    let (head, rest) = text.split_once(" from src IP ")?;
    let (host, _) = word(rest);
    address(host)?;
    let found = if let Some((_, user)) = head.split_once(" terminated by ") {
        Finding::of(action::LOGOUT).succeeded().actor(user)
    } else if let Some((_, user)) = head.split_once(" login by ") {
        Finding::of(action::LOGIN).succeeded().actor(user)
    } else {
        return None;
    };
    Some(found.origin(host).attr("via", word(head).0))
}
