//! Usual and today, amount by amount; and the reasons of the score now.

use domain::baseline::{BaselineDay, BaselineView, Usual};
use domain::score::Points;
use domain::time::Timestamp;
use scoring::{explain, words};
use store::actors::Actor;
use store::events::Totals;
use store::{Scope, scores};

use crate::error::WebResult;
use crate::page::When;
use crate::pages::alert::row_title;
use crate::viz::{Bullet, Days, bullet, days};

/// From the beginning of today in the organisation's zone to its end.
pub(super) fn today(scope: &Scope) -> (Timestamp, Timestamp) {
    let zone = &scope.tenant.scoring.zone;
    let day = zone.local(scope.now).day;
    (zone.day_start(day), zone.day_start(day.plus(1)))
}

/// One daily amount: what is usual, what it is today so far, what it was on each day.
pub(super) struct Feature {
    pub title: &'static str,
    pub usual: Usual,
    pub today: f64,
    pub bullet: Bullet,
    pub days: Days,
    in_bytes: bool,
    /// Enough is known of the actor's own past to call anything unusual.
    judged: bool,
}

/// The five amounts of the view, in display order.
pub(super) fn features(view: &BaselineView, today: &Totals) -> Vec<Feature> {
    type PerDay = fn(&BaselineDay) -> u64;
    let rows: [(&str, Usual, i64, PerDay); 5] = [
        ("Events", view.daily_events, today.events, |d| d.events),
        ("Bytes", view.daily_bytes, today.bytes, |d| d.bytes),
        ("Resources", view.daily_resources, today.resources, |d| {
            d.resources
        }),
        ("Addresses", view.daily_addresses, today.addresses, |d| {
            d.addresses
        }),
        ("Failures", view.daily_failures, today.failures, |d| {
            d.failures
        }),
    ];
    rows.map(|(title, usual, today, per_day)| {
        let amounts: Vec<_> = view.days.iter().map(|d| (d.state, per_day(d))).collect();
        let today = today as f64;
        let mut bullet = bullet(today, usual.median, usual.p95);
        bullet.outside &= !view.young;
        Feature {
            title,
            usual,
            today,
            bullet,
            days: days(&amounts, usual.median),
            in_bytes: title == "Bytes",
            judged: !view.young,
        }
    })
    .into()
}

impl Feature {
    /// A value in the feature's unit.
    pub(super) fn amount(&self, value: f64) -> String {
        if self.in_bytes {
            words::bytes(value)
        } else {
            words::amount(value)
        }
    }

    /// How far today lies outside, when it does: a part of a day below the usual says nothing.
    pub(super) fn outside(&self) -> Option<String> {
        if !self.judged || self.today <= self.usual.p95 {
            return None;
        }
        Some(if self.usual.median > 0.0 {
            format!("{} usual", words::ratio(self.today / self.usual.median))
        } else {
            "usually none".to_owned()
        })
    }

    /// Today over the median.
    pub(super) fn factor(&self) -> Option<String> {
        (self.usual.median > 0.0).then(|| words::ratio(self.today / self.usual.median))
    }

    /// The strip in words.
    pub(super) fn label(&self) -> String {
        format!(
            "{}: {} today, usually {} a day, up to {}",
            self.title,
            self.amount(self.today),
            self.amount(self.usual.median),
            self.amount(self.usual.p95)
        )
    }

    /// The days in words.
    pub(super) fn days_label(&self) -> String {
        format!(
            "{} on each baseline day: median {}, at most {}",
            self.title,
            self.amount(self.usual.median),
            self.amount(self.usual.max)
        )
    }
}

/// Why the score is what it is now.
pub(super) struct Why {
    /// Rule, points and sentence; they add up to the score.
    pub rows: Vec<(String, Points, String)>,
    /// Where the points themselves are not stored: the reasons in a few words.
    pub reasons: Vec<String>,
    /// When it was last judged.
    pub at: When,
}

impl Why {
    pub(super) async fn of(scope: &Scope, actor: &Actor) -> WebResult<Self> {
        let zone = &scope.tenant.scoring.zone;
        let latest = scores::of_actor(scope, actor.id, None, 1).await?;
        // A score that has fallen since has no row of its own: the latest one is of another score.
        let latest = latest.first().filter(|row| row.score == actor.score);
        let rows = latest.map_or_else(Vec::new, |row| explain::rows(&row.judgement, zone));
        let rows: Vec<_> = rows
            .into_iter()
            .map(|c| (row_title(&c), c.points, c.sentence))
            .collect();
        Ok(Self {
            reasons: if rows.is_empty() {
                actor.reasons.clone()
            } else {
                Vec::new()
            },
            rows,
            at: When::of(actor.score_at, zone, scope.now),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::baseline::DayState;
    use domain::time::Day;

    fn view() -> BaselineView {
        let usual = |median, p95| Usual {
            median,
            p95,
            max: p95,
        };
        let day = BaselineDay {
            day: Day(20_000),
            state: DayState::Active,
            events: 90,
            bytes: 2048,
            failures: 0,
            resources: 12,
            addresses: 1,
        };
        BaselineView {
            computed_at: Timestamp::from_micros(0),
            days: vec![day],
            events: 90,
            daily_events: usual(90.0, 120.0),
            daily_bytes: usual(2048.0, 4096.0),
            daily_resources: usual(12.0, 14.0),
            daily_addresses: usual(1.0, 2.0),
            daily_failures: usual(0.0, 1.0),
            typical_hours: vec![9],
            hours: [0; 24],
            young: false,
        }
    }

    #[test]
    fn only_what_lies_outside_is_called_unusual() {
        let today = Totals {
            events: 100,
            bytes: 8192,
            resources: 14,
            addresses: 0,
            failures: 3,
        };
        let rows = features(&view(), &today);
        let outside: Vec<_> = rows.iter().map(Feature::outside).collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            outside,
            [None, some("4.0× usual"), None, None, some("usually none")]
        );
        assert_eq!(
            rows[1].label(),
            "Bytes: 8.0 KiB today, usually 2.0 KiB a day, up to 4.0 KiB"
        );
        assert_eq!(rows[0].factor(), some("1.1×"));
        assert_eq!(rows[4].factor(), None);
        let young = BaselineView {
            young: true,
            ..view()
        };
        let rows = features(&young, &today);
        assert!(
            rows.iter()
                .all(|f| f.outside().is_none() && !f.bullet.outside)
        );
    }
}
