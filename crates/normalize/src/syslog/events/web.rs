//! Web servers: access logs in common and combined form, error logs of nginx and Apache.

use super::scan::{self, Pairs, split_single, word};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &[
        "nginx",
        "apache",
        "apache2",
        "httpd",
        "caddy",
        "lighttpd",
        "haproxy",
        "traefik",
        "hx-ssl-access",
    ],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim_end();
    let dated = text.as_bytes().first().is_some_and(u8::is_ascii_digit)
        && text.as_bytes().get(4) == Some(&b'/');
    if dated {
        nginx_error(text)
    } else if text.starts_with('[') {
        apache_error(text)
    } else {
        access(text).or_else(|| proxy(text))
    }
}

/// Lines of these forms that carry no program.
pub(super) fn read_log(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim_end();
    let dated = text.as_bytes().first().is_some_and(u8::is_ascii_digit);
    let error = if dated {
        nginx_error(text)
    } else {
        apache_error(text)
    };
    let (first, _) = word(text);
    error.or_else(|| scan::endpoint(first).and_then(|_| access(text)))
}

/// `HOST IDENT USER [TIME] "METHOD PATH PROTOCOL" STATUS BYTES ["REFERER" "AGENT"]`. The user's
/// name is as sent by the client, so it is only taken where the line has one reading.
fn access(text: &str) -> Option<Finding> {
    let (head, rest) = text.split_once("] \"")?;
    let (head, _time) = head.rsplit_once(" [")?;
    let (request, rest) = rest.split_once("\" ")?;
    let (status, rest) = word(rest);
    let code: u16 = status.parse().ok().filter(|c| (100..600).contains(c))?;
    let (bytes, rest) = word(rest);
    let mut quoted = rest.split('"');
    let (referer, agent) = (quoted.nth(1), quoted.nth(1));
    let (method, target) = word(request);
    let path = target
        .rsplit_once(" HTTP/")
        .map_or(target, |(path, _)| path);
    let (host, user) = client(head);
    if text.matches("] \"").count() != 1 {
        let found = Finding::of(action::HTTP_REQUEST).origin(host);
        return Some(found.attr("ambiguous", true));
    }
    Some(
        request_finding(method, path, code)
            .origin(host)
            .actor(user)
            .bytes(bytes.parse().ok())
            .agent(agent)
            .attr("referer", referer.filter(|r| *r != "-")),
    )
}

/// `[VHOST ]HOST IDENT USER`: the user is all that follows, be there spaces in it or not.
fn client(head: &str) -> (&str, &str) {
    let (first, rest) = word(head);
    let (second, after) = word(rest);
    if scan::endpoint(first).is_none() && scan::endpoint(second).is_some() {
        return (second, word(after).1);
    }
    (first, after)
}

/// A request that was answered.
pub(super) fn request_finding(method: &str, path: &str, status: u16) -> Finding {
    Finding::of(action::HTTP_REQUEST)
        .successful(status < 400)
        .resource("url")
        .object(path)
        .attr("method", method)
        .attr("status", status)
}

/// `2025/11/05 20:47:03 [error] 24537#230441: *914 TEXT, client: HOST, server: …`.
fn nginx_error(text: &str) -> Option<Finding> {
    let (head, rest) = text.split_once(", client: ")?;
    if !head.contains('#') || !head.contains('[') {
        return None;
    }
    // Paths and names are quoted as sent: a second ", client: " was smuggled in.
    let client = split_single(text, ", client: ").and_then(|(_, r)| r.split(',').next());
    let message = head.split_once(": ").map_or(head, |(_, message)| message);
    let request = scan::between(rest, "request: \"", "\"").unwrap_or_default();
    let (method, target) = word(request);
    let path = target
        .rsplit_once(" HTTP/")
        .map_or(target, |(path, _)| path);
    let user = message.split_once("user \"").map_or("", |(_, rest)| rest);
    let user = split_single(user, "\" was not found in \"")
        .or(split_single(user, "\": password mismatch"));
    let found = match user {
        Some((user, _)) => Finding::of(action::LOGIN).failed().actor(user),
        None => Finding::of(action::HTTP_REQUEST).failed(),
    };
    let found = found
        .origin(client)
        .resource("url")
        .object(path)
        .attr("method", method);
    Some(found.attr("reason", message))
}

/// `[DATE] [core:error] [pid 1] [client HOST:PORT] TEXT`.
fn apache_error(text: &str) -> Option<Finding> {
    let mut rest = text;
    let mut client = None;
    while let Some((group, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
        client = client.or(group.strip_prefix("client "));
        rest = after.trim_start();
    }
    let client = client?;
    let message = match rest.split_once(": ") {
        Some((code, message)) if code.starts_with("AH") => message,
        _ => rest,
    };
    let user = message.strip_prefix("user ").and_then(|r| {
        let failures = [
            ": authentication failure for ",
            " not found: ",
            ": password mismatch",
        ];
        failures.iter().find_map(|f| split_single(r, f))
    });
    let found = match user {
        Some((user, _)) => Finding::of(action::LOGIN).failed().actor(user),
        None => Finding::of(action::HTTP_REQUEST).failed(),
    };
    Some(found.origin(client).attr("reason", message))
}

/// HAProxy writes the client first.
fn proxy(text: &str) -> Option<Finding> {
    let (first, rest) = word(text);
    if scan::endpoint(first).is_some() {
        let request = scan::between(rest, "\"", "\"").unwrap_or_default();
        let (method, target) = word(request);
        let path = target
            .rsplit_once(" HTTP/")
            .map_or(target, |(path, _)| path);
        let found = Finding::of(action::HTTP_REQUEST).origin(first);
        return Some(
            found
                .resource((!path.is_empty()).then_some("url"))
                .object(path)
                .attr("method", method),
        );
    }
    let pairs = Pairs::of(text);
    let ip = pairs.get("client_ip")?;
    let found = Finding::of(action::HTTP_REQUEST).origin(ip);
    Some(found.number("src_port", pairs.get("client_port").unwrap_or_default()))
}
