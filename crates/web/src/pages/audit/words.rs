//! Stored words of the audit log as people say them.

use domain::rule::RuleKey;

/// Every kind of thing the log is about, with the word people read.
pub(crate) const KINDS: [(&str, &str); 12] = [
    ("actor", "Actors"),
    ("actors", "Directories of actors"),
    ("alert", "Alerts"),
    ("backtest", "Backtests"),
    ("integration", "Integrations"),
    ("quarantine", "Events put aside"),
    ("rule", "Rules"),
    ("settings", "Settings"),
    ("source", "Sources and keys"),
    ("suppression", "Suppressions"),
    ("token", "Personal tokens"),
    ("user", "People"),
];

/// The word of a kind; `None` when there is no such kind.
pub(super) fn kind(word: &str) -> Option<&'static str> {
    KINDS.into_iter().find(|(k, _)| *k == word).map(|(_, w)| w)
}

/// What was done; `None` for actions this version does not know.
pub(super) fn action(word: &str) -> Option<&'static str> {
    Some(match word {
        "alert.status" => "changed the status of an alert",
        "alert.note" => "added a note to an alert",
        "actor.exclude_days" => "left days out of an actor's baseline",
        "actor.include_days" => "took days back into an actor's baseline",
        "actors.import" => "imported what is known about actors",
        "settings.actions" => "changed the words for actions",
        "rule.update" => "changed a rule",
        "backtest.start" => "started a backtest",
        "backtest.cancel" => "cancelled a backtest",
        "suppression.create" => "made a suppression",
        "suppression.revoke" => "ended a suppression",
        "settings.update" => "changed settings",
        "source.create" => "created a source",
        "source.update" => "changed a source",
        "source.delete" => "deleted a source and its keys",
        "key.create" => "made a key for a source",
        "key.rotate" => "replaced the keys of a source",
        "key.revoke" => "revoked a key of a source",
        "integration.create" => "created an integration",
        "integration.update" => "changed an integration",
        "integration.delete" => "deleted an integration with its source",
        "integration.pause" => "paused an integration",
        "integration.resume" => "let an integration go on",
        "integration.rotate" => "replaced the credentials of an integration",
        "integration.run" => "asked for a run of an integration",
        "integration.test" => "tested the connection of an integration",
        "draft.create" => "began a draft of an integration",
        "draft.save" => "changed a draft of an integration",
        "draft.test" => "tested the connection of a draft",
        "draft.delete" => "deleted a draft of an integration",
        "secret.unreadable" => "met a stored secret that cannot be opened",
        "secrets.reseal" => "moved stored secrets to another key",
        "quarantine.replay" => "replayed an event that was put aside",
        "quarantine.discard" => "discarded an event that was put aside",
        "user.create" => "created a person",
        "user.password" => "set a password",
        "user.disable" => "disabled a person",
        "user.look" => "changed how pages look",
        "token.create" => "made a personal token",
        "token.revoke" => "revoked a personal token",
        _ => return None,
    })
}

/// The thing, as people name it; `None` where there is only one of its kind.
pub(super) fn object(kind: &str, object: &str) -> Option<String> {
    Some(match (kind, RuleKey::from_word(object)) {
        ("rule", Some(key)) => key.title().to_owned(),
        ("token", _) => format!("irt_{object}…"),
        _ if kind == object || object.is_empty() => return None,
        _ => object.to_owned(),
    })
}

/// Where the thing can be looked at.
pub(super) fn href(kind: &str, object: &str) -> Option<String> {
    let plain = object
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !plain || object.is_empty() {
        return None;
    }
    match kind {
        "alert" => Some(format!("/alerts/{object}")),
        "rule" => RuleKey::from_word(object).map(|key| format!("/rules/{key}")),
        "source" => Some(format!("/sources/{object}")),
        "integration" if object.parse::<domain::tenant::Slug>().is_ok() => {
            Some(format!("/integrations/{object}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_are_translated_and_others_are_not() {
        assert_eq!(action("rule.update"), Some("changed a rule"));
        assert_eq!(action("rule.explode"), None);
        assert_eq!(kind("token"), Some("Personal tokens"));
        assert_eq!(kind("nonsense"), None);
        assert_eq!(object("rule", "off_hours").as_deref(), Some("Off hours"));
        assert_eq!(object("rule", "gone").as_deref(), Some("gone"));
        assert_eq!(object("settings", "settings"), None);
    }

    #[test]
    fn only_plain_names_become_addresses() {
        assert_eq!(href("alert", "AL-7").as_deref(), Some("/alerts/AL-7"));
        assert_eq!(href("source", "vpn").as_deref(), Some("/sources/vpn"));
        assert_eq!(href("rule", "gone"), None);
        assert_eq!(href("source", "../x?y"), None);
        assert_eq!(href("user", "jane"), None);
    }
}
