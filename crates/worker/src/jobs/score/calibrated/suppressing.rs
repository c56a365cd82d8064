//! What suppressions leave of the verdicts on a day.
//!
//! The memory has learnt the day as it was; only what is shown and what alerts is judged anew,
//! stretch by stretch between the instants at which a suppression begins or ends. A score of before
//! stays the day's highest score.

use std::collections::BTreeMap;

use domain::score::Points;
use domain::suppression::SuppressionCode;
use domain::tenant::Tenant;
use domain::time::Minute;
use scoring::calibrated::Explanation;
use store::db::Tx;
use store::log::Position;
use store::suppressions::{self, Hit};

use super::briefing::Briefing;
use super::closing::{JudgedDay, Verdict, short};
use super::crossing::{Course, Instant};
use crate::error::Result;

/// Judges again, by their events, the actors that a suppression can touch.
pub(super) async fn apply(
    tx: &mut Tx,
    (tenant, briefing): (&Tenant, &Briefing),
    judged: &mut JudgedDay,
    until: Position,
) -> Result<()> {
    let mut verdicts = std::mem::take(&mut judged.verdicts);
    let day = judged.day;
    for verdict in &mut verdicts {
        let Some(past) = verdict.suppressible.take() else {
            continue;
        };
        let state = &past.0;
        let whose = (tenant, briefing);
        let course = Course::read(&mut *tx, whose, (judged, verdict), (state, &past.1), until);
        let course = course.await?;
        let revised = Revised::of(&course, tenant.scoring.alert_threshold);
        if let Some(revised) = revised {
            revised.put(verdict, tenant.scoring.alert_threshold);
            if verdict.highest.1 >= tenant.scoring.alert_threshold && verdict.alerting.is_none() {
                verdict.alerting = Some(Box::new(state.clone()));
            }
        }
        suppressions::forget_hits(tx, tenant.id, verdict.actor, day).await?;
        suppressions::save_hits(tx, tenant.id, std::mem::take(&mut verdict.hits)).await?;
        verdict.suppressible = Some(past);
    }
    judged.verdicts = verdicts;
    Ok(())
}

/// A verdict with suppressions.
struct Revised {
    now: (Minute, Points),
    highest: (Minute, Points),
    explanation: Explanation,
    /// By number of the suppression: the most points, and whether an alert was kept away.
    hidden: BTreeMap<i64, (Points, bool)>,
}

impl Revised {
    /// None when nothing was suppressed all day.
    fn of(course: &Course, threshold: Points) -> Option<Self> {
        let mut hidden = BTreeMap::new();
        let mut highest: Option<(Minute, Points)> = None;
        let mut latest = None;
        for minute in course.stretches().iter().filter_map(|s| s.last()) {
            let instant = course.at(*minute);
            if highest.is_none_or(|(_, score)| instant.score > score) {
                highest = Some((*minute, instant.score));
            }
            let explanation = course.explain(&instant);
            note(&mut hidden, &instant, &explanation, threshold);
            latest = Some((*minute, instant.score, explanation));
        }
        let (minute, score, explanation) = latest?;
        (!hidden.is_empty()).then_some(Self {
            now: (minute, score),
            highest: highest?,
            explanation,
            hidden,
        })
    }

    fn put(self, verdict: &mut Verdict, threshold: Points) {
        let alerted = self.highest.1 >= threshold;
        let day = self.now.0.start().utc_day();
        verdict.score = self.now.1;
        verdict.minute = self.now.0;
        verdict.highest = self.highest;
        verdict.short = short(&self.explanation);
        verdict.explanation = Some(self.explanation);
        if !alerted {
            verdict.alerting = None;
        }
        let actor = verdict.actor;
        let hits = self.hidden.into_iter().map(|(number, hidden)| Hit {
            number,
            actor,
            day,
            points: hidden.0,
            alert_hidden: hidden.1 && !alerted,
        });
        verdict.hits = hits.collect();
    }
}

fn note(
    hidden: &mut BTreeMap<i64, (Points, bool)>,
    instant: &Instant,
    explanation: &Explanation,
    threshold: Points,
) {
    let mut points: BTreeMap<i64, Points> = BTreeMap::new();
    for row in &explanation.rows {
        let Some(by) = &row.contribution.suppressed else {
            continue;
        };
        if let Some(code) = SuppressionCode::parse(&by.code) {
            let sum = points.entry(code.0).or_default();
            *sum = *sum + by.points;
        }
    }
    let kept_away = instant.score < threshold && instant.whole >= threshold;
    for (number, points) in points {
        let most = hidden.entry(number).or_default();
        most.0 = most.0.max(points);
        most.1 |= kept_away;
    }
}
