//! Keycloak's event listener: `type=LOGIN_ERROR, realmId=…, ipAddress=HOST, … username=NAME`.

use super::scan::{Pairs, single_between};
use super::{Finding, Report};
use crate::action;

/// Found by its look.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    if !text.contains("type=") || !text.contains("realmId=") || !text.contains("clientId=") {
        return None;
    }
    let at = text.find("type=")?;
    let pairs = Pairs::of(text.get(at..)?);
    let kind = pairs.get("type")?;
    let failed = kind.ends_with("_ERROR");
    let word = match kind.trim_end_matches("_ERROR") {
        "LOGIN" | "CLIENT_LOGIN" | "IDENTITY_PROVIDER_LOGIN" => action::LOGIN.to_owned(),
        "LOGOUT" => action::LOGOUT.to_owned(),
        "REGISTER" => action::ACCOUNT_CREATE.to_owned(),
        "UPDATE_PASSWORD" | "RESET_PASSWORD" => action::PASSWORD_CHANGE.to_owned(),
        other => other.to_ascii_lowercase(),
    };
    // A name that was typed may hold spaces and look like further values.
    let quoted = text.contains("username=\"");
    let user = if quoted {
        pairs.get("username")
    } else {
        let line = format!("{text}, ");
        let typed = single_between(&line, " username=", ", ").map(str::len);
        typed.and_then(|length| {
            let start = text.find(" username=")? + " username=".len();
            text.get(start..start + length)
        })
    };
    let user = user.filter(|_| !pairs.conflict()).or(pairs.get("userId"));
    Some(
        Finding::of(&word)
            .successful(!failed)
            .actor(user)
            .origin(pairs.get("ipAddress"))
            .attr("client", pairs.get("clientId"))
            .attr("realm", pairs.get("realmId"))
            .attr("reason", pairs.get("error"))
            .service("keycloak")
            .app("keycloak"),
    )
}
