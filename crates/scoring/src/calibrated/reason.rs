//! From an explanation to what is stored and sent: rows, snapshot, the alert's sentence.

use domain::score::{
    Contribution, ContributionKind, Explained, Points, Reference, Snapshot, Unjudged,
};
use domain::time::Minute;

use super::explain::{Explanation, Row, VERSION};
use crate::words;

/// The word under which a snapshot names this rule set.
const CALIBRATED: &str = "calibrated";
/// Rows named in an alert's sentence.
const NAMED: usize = 4;

impl Row {
    /// The row with the common fields only.
    pub fn contribution(&self) -> Contribution {
        let mut row = self.contribution.clone();
        row.family = self.family.map(|family| family.word().to_owned());
        if row.kind == ContributionKind::Rule {
            row.once_in_days = Some((self.once_in_days * 10.0).round() / 10.0);
            if row.reference == Reference::Default {
                row.reference = Reference::Organisation;
            }
        }
        row
    }
}

/// What the history keeps of a score, judged at the end of a minute.
pub fn explained(explanation: &Explanation, minute: Minute) -> Explained {
    Explained {
        minute,
        score: explanation.score,
        contributions: explanation.rows.iter().map(Row::contribution).collect(),
        unjudged: unjudged(explanation),
    }
}

/// The frozen reasons of an alert. Evidence is filled in by whoever has the events.
pub fn snapshot(explanation: &Explanation, minute: Minute, threshold: Points) -> Snapshot {
    Snapshot {
        engine: VERSION as u32,
        ruleset: CALIBRATED.to_owned(),
        threshold,
        at: minute.end(),
        assessment: None,
        contributions: explanation.rows.iter().map(Row::contribution).collect(),
        normal: explanation.normal.iter().map(Row::contribution).collect(),
        counterfactual: explanation.counterfactual.clone(),
        unjudged: unjudged(explanation),
        notes: explanation
            .drifts
            .iter()
            .map(|d| d.sentence.clone())
            .collect(),
    }
}

fn unjudged(explanation: &Explanation) -> Vec<Unjudged> {
    let rows = explanation.unjudged.iter();
    rows.map(|row| Unjudged {
        what: row.what.clone(),
        because: row.because.clone(),
    })
    .collect()
}

/// The alert's sentence: who, and the strongest rows in a few words each.
pub fn headline(actor: &str, explanation: &Explanation) -> String {
    let mut named: Vec<String> = Vec::new();
    for row in &explanation.rows {
        let row = &row.contribution;
        let counts = row.kind == ContributionKind::Rule && row.suppressed.is_none();
        if counts && !named.contains(&row.short) {
            named.push(row.short.clone());
        }
    }
    named.truncate(NAMED);
    let named: Vec<String> = named.iter().map(|short| within(short)).collect();
    if named.is_empty() {
        return format!("{actor}: earlier days were strange too.");
    }
    format!("{actor}: {}.", words::list(&named))
}

/// A sentence's beginning as it stands inside another sentence: names in capitals stay.
fn within(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn reasons_stand_inside_a_sentence() {
        assert_eq!(
            within("Used computers never used before"),
            "used computers never used before"
        );
        assert_eq!(within("USB sticks"), "USB sticks");
        assert_eq!(within("24 resources"), "24 resources");
    }
}
