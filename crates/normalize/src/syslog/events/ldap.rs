//! OpenLDAP's slapd: one line for each step, tied together by the connection's number.

use super::scan::{Pairs, between};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["slapd"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim_end();
    let connection = between(text, "conn=", " ")?;
    let found = if let Some(rest) = text.split_once("ACCEPT from IP=").map(|(_, rest)| rest) {
        Finding::of(action::CONNECTION)
            .succeeded()
            .origin(rest.split(' ').next())
    } else if text.contains(" BIND dn=\"") {
        let name = between(text, "dn=\"", "\"")?;
        let user = name
            .split(',')
            .next()
            .and_then(|first| first.split_once('='));
        let user = user.map(|(_, user)| user);
        Finding::of(action::LOGIN_ATTEMPT)
            .actor(user)
            .attr("ldap_dn", name)
    } else if text.contains(" RESULT tag=97 ") {
        // Tag 97 answers a bind (RFC 4511 section 4.2.2).
        let code = Pairs::of(text).get("err")?;
        Finding::of(action::LOGIN)
            .successful(code == "0")
            .number("code", code)
    } else if text.contains(" closed") {
        Finding::of(action::DISCONNECT)
    } else {
        return None;
    };
    Some(found.attr("connection", connection).service("ldap"))
}
