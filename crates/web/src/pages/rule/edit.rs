//! The settings as form fields, and what to show when somebody else was quicker.

use domain::rule::{MAX_WINDOW_MINUTES, RuleKey, RuleSettings};
use domain::score::Points;

use super::super::rules::words;
use super::super::sources::capital;
use super::{Past, RuleForm};
use crate::form::{number, points};
use crate::page::{FieldErrors, When};

/// The fields as typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub enabled: bool,
    pub weight: String,
    pub threshold: String,
    pub window: String,
}

impl From<&RuleSettings> for Fields {
    fn from(rule: &RuleSettings) -> Self {
        Self {
            enabled: rule.enabled,
            weight: rule.weight.to_string(),
            threshold: rule.threshold.to_string(),
            window: rule.window_minutes.to_string(),
        }
    }
}

impl From<&RuleForm> for Fields {
    fn from(form: &RuleForm) -> Self {
        Self {
            enabled: form.enabled.is_some(),
            weight: form.weight.clone(),
            threshold: form.threshold.clone(),
            window: form.window_minutes.clone(),
        }
    }
}

impl Fields {
    /// The settings they stand for, or what is wrong with each field.
    pub(crate) fn settings(&self, key: RuleKey, version: i64) -> Result<RuleSettings, FieldErrors> {
        let mut errors = FieldErrors::default();
        let weight = points(&self.weight).unwrap_or_else(|| {
            errors.add("weight", "Give a number of points from 0 to 100.");
            Points::ZERO
        });
        let threshold = number(&self.threshold).unwrap_or_else(|| {
            errors.add("threshold", "Give a number, such as 3 or 2.5.");
            1.0
        });
        let window_minutes = self.window.trim().parse().unwrap_or_else(|_| {
            let most = MAX_WINDOW_MINUTES;
            errors.add(
                "windowMinutes",
                format!("Give whole minutes from 1 to {most}."),
            );
            1
        });
        let settings = RuleSettings {
            key,
            enabled: self.enabled,
            weight,
            threshold,
            window_minutes,
            version,
        };
        // Each value beside shipped ones, so that every wrong field is told, not the first.
        let shipped = RuleSettings::default_for(key);
        let alone = [
            RuleSettings { weight, ..shipped },
            RuleSettings {
                threshold,
                ..shipped
            },
            RuleSettings {
                window_minutes,
                ..shipped
            },
            settings,
        ];
        for (field, message) in alone.iter().filter_map(RuleSettings::problem) {
            errors.add(field, capital(message));
        }
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(errors)
        }
    }
}

/// Two people changed the rule: what each of them wants.
pub(super) struct Conflict {
    pub opened: i64,
    pub current: i64,
    pub by: String,
    pub at: When,
    pub rows: Vec<Difference>,
}

/// One field in three versions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub field: &'static str,
    pub opened: String,
    pub theirs: String,
    pub mine: String,
}

impl Difference {
    /// Whether the other person changed this field.
    pub(super) fn they_changed(&self) -> bool {
        self.opened != self.theirs
    }
}

impl Conflict {
    /// From the history and the wanted settings, which carry the version that was opened.
    pub(super) fn of(history: &[Past], wanted: &RuleSettings) -> Option<Self> {
        let current = history.first()?;
        let (by, at) = current.by.clone()?;
        let opened = history
            .iter()
            .find(|past| past.settings.version == wanted.version)?;
        Some(Self {
            opened: wanted.version,
            current: current.settings.version,
            by,
            at,
            rows: differences(&opened.settings, &current.settings, wanted),
        })
    }
}

fn differences(
    opened: &RuleSettings,
    theirs: &RuleSettings,
    mine: &RuleSettings,
) -> Vec<Difference> {
    let state = |r: &RuleSettings| if r.enabled { "on" } else { "off" }.to_owned();
    let window = |r: &RuleSettings| scoring::words::window(r.window_minutes);
    let row = |field, say: &dyn Fn(&RuleSettings) -> String| Difference {
        field,
        opened: say(opened),
        theirs: say(theirs),
        mine: say(mine),
    };
    let rows = [
        row("State", &state),
        row("Weight", &|r| r.weight.to_string()),
        row("Threshold", &words::threshold),
        row("Window", &window),
    ];
    rows.into_iter()
        .filter(|r| r.they_changed() || r.mine != r.theirs)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(weight: &str, threshold: &str, window: &str) -> Fields {
        Fields {
            enabled: true,
            weight: weight.to_owned(),
            threshold: threshold.to_owned(),
            window: window.to_owned(),
        }
    }

    #[test]
    fn what_is_typed_becomes_settings() {
        let rule = RuleSettings::default_for(RuleKey::VolumeSpike);
        assert_eq!(Fields::from(&rule).settings(rule.key, 1).unwrap(), rule);
        let read = typed(" 12.5 ", "2.5", "60")
            .settings(RuleKey::VolumeSpike, 4)
            .unwrap();
        assert_eq!((read.weight, read.version), (Points::from_tenths(125), 4));
    }

    #[test]
    fn every_wrong_field_is_told() {
        let errors = typed("many", "", "a day")
            .settings(RuleKey::OffHours, 1)
            .unwrap_err();
        for field in ["weight", "threshold", "windowMinutes"] {
            assert!(errors.of(field).is_some(), "{field}");
        }
        let errors = typed("101", "0", "1441")
            .settings(RuleKey::OffHours, 1)
            .unwrap_err();
        for field in ["weight", "threshold", "windowMinutes"] {
            assert!(errors.of(field).is_some(), "{field}");
        }
        for (weight, threshold, window, field) in [
            ("101", "2", "60", "weight"),
            ("12.34", "2", "60", "weight"),
            ("15", "2.5", "60", "threshold"),
            ("15", "inf", "60", "threshold"),
            ("15", "2", "0", "windowMinutes"),
            ("15", "2", "1441", "windowMinutes"),
        ] {
            let errors = typed(weight, threshold, window)
                .settings(RuleKey::OffHours, 1)
                .unwrap_err();
            assert!(errors.of(field).is_some(), "{field} {weight} {threshold}");
        }
    }

    #[test]
    fn a_conflict_names_the_fields_that_differ() {
        let opened = RuleSettings::default_for(RuleKey::ScopeExpansion);
        let theirs = RuleSettings {
            threshold: 3.0,
            version: 2,
            ..opened
        };
        let mine = RuleSettings {
            weight: Points::whole(30),
            ..opened
        };
        let rows = differences(&opened, &theirs, &mine);
        let told: Vec<_> = rows.iter().map(|r| (r.field, r.they_changed())).collect();
        assert_eq!(told, [("Weight", false), ("Threshold", true)]);
        assert_eq!(rows[1].theirs, "3×");
    }
}
