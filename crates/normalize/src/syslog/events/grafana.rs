//! Grafana: logfmt lines with `logger=`, and the same as JSON.

use serde_json::Value;

use super::scan::{Pairs, somebody};
use super::{Finding, Report};
use crate::action;
use crate::syslog::time;

/// Found by its look.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    let begins = ["logger=", "t=", "level=", "lvl="];
    if !begins.iter().any(|b| text.starts_with(b)) || !text.contains("logger=") {
        return None;
    }
    let pairs = Pairs::of(text);
    let found = message(&|key| pairs.get(key).map(str::to_owned))?;
    let stamp = pairs
        .get("t")
        .and_then(|t| time::iso(t, report.context)?.at);
    Some(found.at(stamp))
}

/// The JSON form.
pub(super) fn object(value: &Value) -> Option<Finding> {
    value.get("logger")?;
    message(&|key| value.get(key)?.as_str().map(str::to_owned))
}

fn message(value: &dyn Fn(&str) -> Option<String>) -> Option<Finding> {
    let said = value("msg")?;
    let error = value("error");
    let user = value("User")
        .or(value("uname"))
        .filter(|u| somebody(u).is_some());
    let path = value("path");
    let found = match said.as_str() {
        "Successful Login" => Finding::of(action::LOGIN).succeeded(),
        "Invalid username or password" | "Unauthorized" => Finding::of(action::LOGIN).failed(),
        "Request Completed" => {
            let status: u16 = value("status")?.parse().ok()?;
            let login = path.as_deref() == Some("/login");
            let word = if login {
                action::LOGIN
            } else {
                action::HTTP_REQUEST
            };
            Finding::of(word)
                .successful(status < 400)
                .attr("status", status)
                .attr("method", value("method"))
        }
        _ => return None,
    };
    let found = found
        .actor(user.as_deref())
        .origin(value("remote_addr").as_deref());
    let found = found
        .resource(path.as_deref().map(|_| "url"))
        .object(path.as_deref());
    Some(
        found
            .attr("reason", error)
            .service("grafana")
            .app("grafana"),
    )
}
