//! Cisco: `%FACILITY-SEVERITY-MNEMONIC: TEXT` of ASA, PIX, FTD, IOS, IOS XE and NX-OS.

mod asa;
mod ios;

use domain::severity::Severity;

use super::{Finding, Report};
use crate::action;

/// Found by its look.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let message = report.header.message.trim_start();
    let (code, text) = message.strip_prefix('%')?.split_once(':')?;
    let mut parts = code.rsplitn(3, '-');
    let (mnemonic, level, facility) = (parts.next()?, parts.next()?, parts.next()?);
    let level: u8 = level.parse().ok().filter(|l| *l <= 7)?;
    let text = text.trim();
    let firewall = matches!(facility, "ASA" | "PIX" | "FTD" | "FWSM" | "ASA-session");
    let found = if firewall {
        asa::read(mnemonic, text)
    } else {
        ios::read(facility, mnemonic, text)
    };
    let found = found.unwrap_or_else(|| Finding::of(action::LOG_MESSAGE));
    let said = report.header.severity.is_some();
    let found = found.attr("mnemonic", code);
    Some(if said {
        found
    } else {
        found.severity(Some(Severity::of_syslog(level)))
    })
}
