//! Keycloak's event listener: `type=LOGIN_ERROR, realmId=…, ipAddress=HOST, … username=NAME`.

use super::scan::{Pairs, split_single};
use super::{Finding, Report};
use crate::action;

/// Found by its look.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    let at = text.find("type=").filter(|at| *at < 120)?;
    let before = text.get(..at)?;
    let own = before.is_empty() || before.contains("[org.key");
    let text = text.get(at..)?;
    if !own || !text.contains("realmId=") || !text.contains("clientId=") {
        return None;
    }
    let pairs = Pairs::of(text);
    let kind = pairs.get("type")?;
    let failed = kind.ends_with("_ERROR");
    let word = match kind.trim_end_matches("_ERROR") {
        "LOGIN" | "CLIENT_LOGIN" | "IDENTITY_PROVIDER_LOGIN" => action::LOGIN.to_owned(),
        "LOGOUT" => action::LOGOUT.to_owned(),
        "REGISTER" => action::ACCOUNT_CREATE.to_owned(),
        "UPDATE_PASSWORD" | "RESET_PASSWORD" => action::PASSWORD_CHANGE.to_owned(),
        other => other.to_ascii_lowercase(),
    };
    let user = if text.contains("username=\"") {
        pairs.get("username")
    } else {
        // A name that was typed may hold anything; what follows it is known.
        let typed = text.split_once(" username=").map(|(_, rest)| rest);
        typed.map(|t| split_single(t, ", authSessionParentId=").map_or(t, |(user, _)| user))
    };
    let user = user.filter(|_| pairs.sound()).or(pairs.get("userId"));
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
