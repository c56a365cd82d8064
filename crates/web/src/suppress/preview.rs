//! What a suppression would have hidden in the last 30 days, alert by alert.
//!
//! Each alert is computed again from its receipt without the points that are meant; where there is
//! no receipt, its rows are subtracted. Attributes are looked up in the frozen evidence.

use std::collections::{BTreeSet, HashMap};

use domain::alert::Disposition;
use domain::score::{Contribution, ContributionKind, Judgement, Points, Snapshot};
use domain::suppression::{Aim, Attribute};
use domain::time::{DAY_US, Timestamp};
use scoring::calibrated::{Organisation, stored};
use scoring::receipt::{Inputs, score_without};
use scoring::words;
use store::alerts::{self, Alert, Evidence, Filter, Order};
use store::{Scope, receipts, suppressions};

use crate::error::WebResult;

/// Days looked back.
pub(crate) const DAYS: i64 = 30;
/// Alerts and scores looked at, newest first.
const MOST: u32 = 500;
/// Frozen events looked at for each alert.
const EVIDENCE: u32 = 200;

/// One alert in which points are meant.
#[derive(Debug, Clone)]
pub(crate) struct Touched {
    pub alert: Alert,
    /// What its score would have been.
    pub left: Points,
    /// Whether it would not have opened.
    pub hidden: bool,
}

impl Touched {
    /// Whether somebody judged it a real incident.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.alert
            .disposition
            .is_some_and(Disposition::confirms_incident)
    }
}

/// What a suppression would have done.
#[derive(Debug, Default)]
pub(crate) struct Preview {
    /// Confirmed ones first, then those that would not have opened, then the newest.
    pub alerts: Vec<Touched>,
    /// Scores of the history in which the rule gave points, attributes aside.
    pub signals: usize,
    /// Only the newest alerts or scores were looked at.
    pub cut: bool,
}

impl Preview {
    pub(crate) async fn of(scope: &Scope, aim: &Aim) -> WebResult<Self> {
        let since = scope.now.plus(-DAYS * DAY_US);
        let filter = Filter {
            actor: aim.actor,
            from: Some(since),
            ..Filter::default()
        };
        let all = alerts::list(scope, &filter, Order::Newest, None, MOST).await?;
        let mut cut = all.len() >= MOST as usize;
        let ids: Vec<_> = all.iter().map(|alert| alert.id).collect();
        let mut snapshots = HashMap::new();
        for chunk in ids.chunks(100) {
            snapshots.extend(alerts::snapshots(scope, chunk).await?);
        }
        let mut references = HashMap::new();
        let mut touched = Vec::new();
        for alert in all {
            let Some(snapshot) = snapshots.remove(&alert.id) else {
                continue;
            };
            let gone = meant(scope, aim, &alert, &snapshot).await?;
            if gone.is_empty() {
                continue;
            }
            let left = without(scope, &mut references, (&alert, &snapshot), aim, &gone).await?;
            touched.push(Touched {
                hidden: left < snapshot.threshold,
                left,
                alert,
            });
        }
        touched.sort_by_key(|one| (!one.is_confirmed(), !one.hidden));
        let signals = signals(scope, aim, since).await?;
        cut |= signals.1;
        Ok(Self {
            alerts: touched,
            signals: signals.0,
            cut,
        })
    }

    /// Alerts that would not have opened.
    pub(crate) fn hidden(&self) -> usize {
        self.alerts.iter().filter(|one| one.hidden).count()
    }

    /// Alerts that would have had fewer points.
    pub(crate) fn lowered(&self) -> usize {
        self.alerts.len() - self.hidden()
    }

    /// Confirmed incidents among those that would not have opened.
    pub(crate) fn confirmed(&self) -> usize {
        let hidden = self.alerts.iter().filter(|one| one.hidden);
        hidden.filter(|one| one.is_confirmed()).count()
    }

    /// How often each verdict was given to alerts that would not have opened.
    pub(crate) fn verdicts(&self) -> Vec<(&'static str, &'static str, usize)> {
        let all = Disposition::FOR_RESOLVED
            .into_iter()
            .chain([Disposition::FalsePositive]);
        let count = |wanted: Disposition| {
            let hidden = self.alerts.iter().filter(|one| one.hidden);
            hidden
                .filter(|one| one.alert.disposition == Some(wanted))
                .count()
        };
        all.map(|verdict| (verdict.word(), verdict.title(), count(verdict)))
            .filter(|(_, _, count)| *count > 0)
            .collect()
    }

    /// The whole in words, a confirmed incident first.
    pub(crate) fn sentence(&self) -> String {
        let confirmed = match self.confirmed() {
            0 => String::new(),
            n => format!(
                "Careful: {} would have been hidden. ",
                words::plural(n as f64, "confirmed incident", "confirmed incidents")
            ),
        };
        let others: Vec<String> = self
            .verdicts()
            .into_iter()
            .map(|(_, title, count)| format!("{count} {}", title.to_lowercase()))
            .collect();
        let others = if others.is_empty() {
            String::new()
        } else {
            format!(" ({})", others.join(", "))
        };
        let lowered = match self.lowered() {
            0 => String::new(),
            n => format!(
                " {} would have had fewer points and opened all the same.",
                words::plural(n as f64, "more alert", "more alerts")
            ),
        };
        format!(
            "{confirmed}In the last {DAYS} days it would have hidden {}{others}.{lowered}",
            words::plural(self.hidden() as f64, "alert", "alerts")
        )
    }
}

/// The rules of an alert whose points are meant.
async fn meant(
    scope: &Scope,
    aim: &Aim,
    alert: &Alert,
    snapshot: &Snapshot,
) -> WebResult<BTreeSet<String>> {
    let rows = snapshot
        .contributions
        .iter()
        .filter(|row| is_meant(aim, row));
    let rules: BTreeSet<String> = rows.map(|row| row.rule.clone()).collect();
    let Some(attribute) = aim.attribute.as_ref().filter(|_| !rules.is_empty()) else {
        return Ok(rules);
    };
    let evidence = alerts::evidence(scope, alert.id, EVIDENCE).await?;
    let all_have = |rule: &String| {
        let mut behind = evidence
            .iter()
            .filter(|e| e.rules.iter().any(|r| r.word() == rule))
            .peekable();
        behind.peek().is_some() && behind.all(|e| has(attribute, e))
    };
    Ok(rules.into_iter().filter(all_have).collect())
}

fn is_meant(aim: &Aim, row: &Contribution) -> bool {
    let word = aim.rule.word();
    row.kind == ContributionKind::Rule
        && row.points > Points::ZERO
        && (row.rule == word || row.family.as_deref() == Some(word))
}

fn has(attribute: &Attribute, evidence: &Evidence) -> bool {
    match attribute {
        Attribute::Address(address) => evidence.event.ip == Some(*address),
        Attribute::Resource(word) => evidence.event.resource.as_deref() == Some(word),
        Attribute::Source { slug, .. } => evidence.source == *slug,
    }
}

/// An alert's score without some rules.
async fn without(
    scope: &Scope,
    references: &mut HashMap<String, Option<Organisation>>,
    (alert, snapshot): (&Alert, &Snapshot),
    aim: &Aim,
    gone: &BTreeSet<String>,
) -> WebResult<Points> {
    // A family without an attribute is silent as a whole, not only in the rows that are shown.
    let whole = aim.attribute.is_none();
    let is_gone = |rule: &str, family: Option<&str>| {
        let word = aim.rule.word();
        gone.contains(rule) || (whole && (rule == word || family == Some(word)))
    };
    let again = match receipts::of_alert(scope, alert.id).await?.receipt {
        None => None,
        Some(receipt) => {
            if let Some(hash) = &receipt.reference
                && !references.contains_key(hash)
            {
                let bytes = receipts::reference(scope, hash).await?;
                let organisation = bytes.and_then(|b| stored::from_bytes(&b).ok());
                references.insert(hash.clone(), organisation);
            }
            let reference = receipt.reference.as_ref();
            let reference = reference.and_then(|hash| references.get(hash)?.as_ref());
            let inputs = stored::from_bytes::<Inputs>(&receipt.inputs).ok();
            inputs.and_then(|inputs| score_without(snapshot, &inputs, reference, is_gone))
        }
    };
    let rows = snapshot.contributions.iter();
    let points = rows
        .filter(|row| gone.contains(&row.rule))
        .map(|r| r.points);
    Ok(again.unwrap_or_else(|| (snapshot.score() - points.sum()).max(Points::ZERO)))
}

/// Scores in which points are meant, attributes aside; and whether there are more.
async fn signals(scope: &Scope, aim: &Aim, since: Timestamp) -> WebResult<(usize, bool)> {
    let scores = suppressions::scored_since(scope, aim.actor, since.minute(), MOST).await?;
    let fits = |judgement: &Judgement| match judgement {
        Judgement::Classic(assessment) => assessment
            .signals
            .iter()
            .any(|signal| signal.rule.word() == aim.rule.word()),
        Judgement::Calibrated(explained) => {
            explained.contributions.iter().any(|row| is_meant(aim, row))
        }
    };
    let cut = scores.len() >= MOST as usize;
    Ok((scores.iter().filter(|s| fits(&s.judgement)).count(), cut))
}
