//! Mail servers: Postfix with SASL, Exim, Sendmail.

use super::scan::{self, between, single_between};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &[
        "postfix",
        "smtpd",
        "smtps",
        "smtp",
        "lmtp",
        "local",
        "virtual",
        "postscreen",
        "submission",
        "qmgr",
        "cleanup",
        "exim",
        "exim4",
        "sendmail",
        "sm-mta",
        "saslauthd",
        "pickup",
    ],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    sasl(text)
        .or_else(|| authenticator(text))
        .or_else(|| postfix(text))
        .or_else(|| exim(text))
}

/// `warning: name[HOST]: SASL LOGIN authentication failed: …, sasl_username=USER`.
fn sasl(text: &str) -> Option<Finding> {
    let (head, rest) = text.split_once("]: SASL ")?;
    let host = head.rsplit_once('[').map(|(_, host)| host);
    let method = rest.split(' ').next();
    let user = sasl_user(rest);
    let found = Finding::of(action::LOGIN)
        .failed()
        .origin(host)
        .attr("method", method);
    Some(found.actor(user).service("smtp"))
}

/// The name ends the line.
fn sasl_user(text: &str) -> Option<&str> {
    let (_, user) = text.split_once("sasl_username=")?;
    Some(
        scan::split_single(user, ", sasl_sender=")
            .map_or(user, |(user, _)| user)
            .trim_end(),
    )
}

/// saslauthd: `do_auth : auth failure: [user=USER] [service=smtp] …`.
fn authenticator(text: &str) -> Option<Finding> {
    let (head, rest) = text.split_once("[user=")?;
    let user = rest.split("] [service=").next();
    let found = Finding::of(action::LOGIN).successful(!head.contains("failure"));
    Some(
        found
            .actor(user)
            .service(between(rest, "[service=", "]").unwrap_or("sasl")),
    )
}

fn postfix(text: &str) -> Option<Finding> {
    for (start, word) in [
        ("connect from ", action::CONNECTION),
        ("disconnect from ", action::DISCONNECT),
    ] {
        if let Some(rest) = text.strip_prefix(start) {
            return Some(Finding::of(word).origin(bracketed(rest)).service("smtp"));
        }
    }
    if text.contains("NOQUEUE: reject: ") {
        let found = Finding::of(action::MAIL)
            .failed()
            .origin(between(text, "from ", ": ").and_then(bracketed));
        return Some(
            found
                .attr("from", between(text, "from=<", ">"))
                .attr("to", between(text, "to=<", ">")),
        );
    }
    let (id, rest) = text.split_once(": ")?;
    if id.contains(' ') {
        return None;
    }
    if let Some(client) = rest.strip_prefix("client=") {
        let host = client.split(',').next().and_then(bracketed);
        let found = Finding::of(action::MAIL).origin(host).attr("queue_id", id);
        // With a SASL user the mail was let in for that user.
        return Some(match sasl_user(rest) {
            Some(user) => Finding::of(action::LOGIN)
                .succeeded()
                .origin(host)
                .actor(user)
                .attr("method", between(rest, "sasl_method=", ","))
                .attr("queue_id", id)
                .service("smtp"),
            None => found,
        });
    }
    if rest.starts_with("from=<") || rest.starts_with("to=<") {
        let found = Finding::of(action::MAIL).attr("queue_id", id);
        let found = found
            .attr("from", between(rest, "from=<", ">"))
            .attr("to", between(rest, "to=<", ">"));
        let found = found.bytes(between(rest, "size=", ",").and_then(|s| s.parse().ok()));
        let status = between(rest, "status=", " ");
        return Some(match status {
            Some(status) => found.successful(status == "sent").attr("status", status),
            None => found,
        });
    }
    None
}

fn exim(text: &str) -> Option<Finding> {
    let (head, rest) = text.split_once(" authenticator failed for ")?;
    let host = single_between(rest, "[", "]");
    let user = scan::split_single(rest, "(set_id=")
        .and_then(|(_, user)| user.trim_end().strip_suffix(')'));
    let method = head.rsplit(' ').next();
    Some(
        Finding::of(action::LOGIN)
            .failed()
            .origin(host)
            .actor(user)
            .attr("method", method)
            .service("smtp"),
    )
}

/// `name[1.2.3.4]`.
fn bracketed(text: &str) -> Option<&str> {
    text.split_once('[')?.1.split(']').next()
}
