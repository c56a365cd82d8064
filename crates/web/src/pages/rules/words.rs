//! Rules as people say them: the statement with its live values, amounts with their units.

use domain::baseline::{BASELINE_DAYS, MIN_BASELINE_EVENTS};
use domain::rule::{RuleKey, RuleSettings};
use scoring::baseline::{DEFAULT_DAILY_BYTES, DEFAULT_DAILY_RESOURCES, DEFAULT_HOURS};
use scoring::words;

/// A part of a statement. Live parts come from the settings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub text: String,
    pub live: bool,
}

/// What the rule does, with the settings in force: live values between asterisks become pieces.
pub(crate) fn statement(rule: &RuleSettings) -> Vec<Piece> {
    let window = words::window(rule.window_minutes);
    let limit = threshold(rule);
    let when = match rule.key {
        RuleKey::OffHours => format!(
            "an actor has at least *{limit}* within *{window}* outside the hours that hold a tenth or more of its events"
        ),
        RuleKey::NewIp => format!(
            "an actor uses at least *{limit}* within *{window}* that none of its {BASELINE_DAYS} baseline days has seen"
        ),
        RuleKey::VolumeSpike => {
            format!("the bytes of *{window}* exceed *{limit}* the actor’s usual day")
        }
        RuleKey::ScopeExpansion => {
            format!("the distinct resources of *{window}* exceed *{limit}* the actor’s usual day")
        }
        RuleKey::FailureBurst => format!("an actor has at least *{limit}* within *{window}*"),
    };
    let text = format!("Adds up to *{}* points when {when}.", rule.weight);
    let parts = text.split('*').enumerate();
    parts
        .filter(|(_, part)| !part.is_empty())
        .map(|(i, part)| Piece {
            text: part.to_owned(),
            live: i % 2 == 1,
        })
        .collect()
}

/// What stands in while an actor has too little past; `None` for rules that need none.
pub(crate) fn stand_in(key: RuleKey) -> Option<String> {
    let instead = match key {
        RuleKey::OffHours => format!(
            "the hours {:02}–{:02} count as usual",
            DEFAULT_HOURS.start(),
            DEFAULT_HOURS.end() + 1
        ),
        RuleKey::VolumeSpike => {
            format!("{} a day count as usual", words::bytes(DEFAULT_DAILY_BYTES))
        }
        RuleKey::ScopeExpansion => format!(
            "{} a day count as usual",
            words::plural(DEFAULT_DAILY_RESOURCES, "resource", "resources")
        ),
        RuleKey::NewIp | RuleKey::FailureBurst => return None,
    };
    Some(format!(
        "For an actor with fewer than {MIN_BASELINE_EVENTS} events in its baseline, {instead}."
    ))
}

/// The threshold with its unit: `3×`, `2 events`.
pub(crate) fn threshold(rule: &RuleSettings) -> String {
    amount(rule.key, rule.threshold)
}

/// An amount as the rule counts it: `5.1×`, `15 failures`.
pub(crate) fn amount(key: RuleKey, value: f64) -> String {
    let (one, many) = match key {
        RuleKey::VolumeSpike | RuleKey::ScopeExpansion => {
            return format!("{}×", (value * 100.0).round() / 100.0);
        }
        RuleKey::OffHours => ("event", "events"),
        RuleKey::NewIp => ("address", "addresses"),
        RuleKey::FailureBurst => ("failure", "failures"),
    };
    words::plural(value, one, many)
}

/// The unit beside the threshold's field.
pub(crate) fn unit(key: RuleKey) -> &'static str {
    match key {
        RuleKey::OffHours => "events",
        RuleKey::NewIp => "addresses",
        RuleKey::VolumeSpike | RuleKey::ScopeExpansion => "× usual day",
        RuleKey::FailureBurst => "failures",
    }
}

/// What the curve's horizontal axis counts.
pub(crate) fn axis(key: RuleKey) -> &'static str {
    match key {
        RuleKey::OffHours => "events outside the usual hours",
        RuleKey::NewIp => "new addresses",
        RuleKey::VolumeSpike => "bytes, as a multiple of a usual day",
        RuleKey::ScopeExpansion => "distinct resources, as a multiple of a usual day",
        RuleKey::FailureBurst => "failures",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(rule: &RuleSettings) -> String {
        statement(rule).into_iter().map(|p| p.text).collect()
    }

    #[test]
    fn statements_hold_the_live_values() {
        let volume = RuleSettings {
            threshold: 4.5,
            ..RuleSettings::default_for(RuleKey::VolumeSpike)
        };
        assert_eq!(
            plain(&volume),
            "Adds up to 25 points when the bytes of 24 hours exceed 4.5× the actor’s usual day."
        );
        let live: Vec<_> = statement(&volume)
            .into_iter()
            .filter(|p| p.live)
            .map(|p| p.text)
            .collect();
        assert_eq!(live, ["25", "24 hours", "4.5×"]);
        let one = RuleSettings::default_for(RuleKey::NewIp);
        assert!(plain(&one).contains("at least 1 address within 1 hour"));
        for key in RuleKey::ALL {
            let text = plain(&RuleSettings::default_for(key));
            assert!(
                text.starts_with("Adds up to ") && text.ends_with('.'),
                "{text}"
            );
        }
    }

    #[test]
    fn defaults_are_said_where_there_are_any() {
        assert!(stand_in(RuleKey::OffHours).unwrap().contains("09–18"));
        assert_eq!(stand_in(RuleKey::NewIp), None);
        assert_eq!(amount(RuleKey::ScopeExpansion, 2.0), "2×");
        assert_eq!(amount(RuleKey::FailureBurst, 5.0), "5 failures");
    }
}
