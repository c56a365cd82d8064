//! VMware ESXi and vCenter: `… Event 123 : User NAME@HOST logged in as CLIENT`.

use super::scan::split_single;
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["hostd", "vpxd", "vobd"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let (_, text) = split_single(report.message, " Event ")?;
    let (_, text) = text.split_once(" : ")?;
    if let Some(who) = text.strip_prefix("Cannot login ") {
        let (user, host) = who.trim_end().rsplit_once('@')?;
        let found = Finding::of(action::LOGIN).failed();
        return Some(found.actor(user).origin(host).service("esxi"));
    }
    let who = text.strip_prefix("User ")?;
    let (found, who, client) = match split_single(who, " logged in as ") {
        Some((who, client)) => (Finding::of(action::LOGIN), who, client),
        None => (
            Finding::of(action::LOGOUT),
            split_single(who, " logged out")?.0,
            "",
        ),
    };
    let (user, host) = who.rsplit_once('@')?;
    let found = found.succeeded().actor(user).origin(host);
    let agent = (!client.is_empty()).then_some(client);
    Some(found.agent(agent).service("esxi"))
}
