//! What leaving days out does to an actor's 14-day view, before it is done.

use std::collections::BTreeSet;

use domain::actor::ActorId;
use domain::baseline::{BaselineView, DayState, Usual};
use domain::time::{Day, Zone};
use scoring::profile::Profile;
use scoring::{baseline, words};
use store::{Scope, actors, scoring as rows};

use crate::error::WebResult;

/// Most days that are left out at once.
pub(crate) const MOST_DAYS: i32 = 31;
/// Most characters of a reason.
pub(crate) const REASON: usize = 500;

/// Days that somebody asks for, first to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub from: Day,
    pub until: Day,
}

impl Range {
    /// Reads two days; the second may be absent. The error names the field and what is wrong.
    pub(crate) fn read(
        from: &str,
        until: &str,
        today: Day,
    ) -> Result<Self, (&'static str, String)> {
        let day = |field, text: &str| {
            let parsed = text.trim().parse::<Day>();
            parsed.map_err(|_| (field, "write a day such as 2026-03-05".to_owned()))
        };
        let from = day("from", from)?;
        let until = if until.trim().is_empty() {
            from
        } else {
            day("until", until)?
        };
        if until < from {
            return Err(("until", "lies before the first day".to_owned()));
        }
        if until > today {
            return Err(("until", format!("choose a day up to today, {today}")));
        }
        if until.0 - from.0 >= MOST_DAYS {
            return Err(("until", format!("at most {MOST_DAYS} days at once")));
        }
        Ok(Self { from, until })
    }

    fn days(self) -> impl Iterator<Item = Day> {
        (self.from.0..=self.until.0).map(Day)
    }
}

/// A reason within its bounds.
pub(crate) fn reason(text: &str) -> Result<&str, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > REASON {
        return Err(format!("say why, in 1 to {REASON} characters"));
    }
    Ok(text)
}

/// The view as it is and as it would be.
#[derive(Debug)]
pub(crate) struct Effect {
    pub before: BaselineView,
    pub after: BaselineView,
}

impl Effect {
    /// Computes both from the stored profile; `None` before the first baseline run.
    pub(crate) async fn of(scope: &Scope, actor: ActorId, range: Range) -> WebResult<Option<Self>> {
        let db = scope.database();
        let mut profiles = rows::profiles(db, scope.tenant_id(), &[actor]).await?;
        let Some(stored) = profiles.remove(&actor) else {
            return Ok(None);
        };
        let Ok(profile) = Profile::from_bytes(&stored.state) else {
            return Ok(None);
        };
        let zone = Zone::named(&stored.zone).unwrap_or_else(|_| scope.tenant.scoring.zone.clone());
        let mut excluded = rows::excluded_days(db, scope.tenant_id(), &[actor]).await?;
        let excluded = excluded.remove(&actor).unwrap_or_default();
        let silent: BTreeSet<Day> = match actors::baseline(scope, actor).await? {
            None => BTreeSet::new(),
            Some(view) => {
                let days = view.days.iter().filter(|d| d.state == DayState::Silent);
                days.map(|d| d.day).collect()
            }
        };
        let view = |left_out: &BTreeSet<Day>| {
            baseline::view(&profile, scope.now, &zone, left_out, &silent)
        };
        let after: BTreeSet<Day> = excluded.iter().copied().chain(range.days()).collect();
        Ok(Some(Self {
            before: view(&excluded),
            after: view(&after),
        }))
    }

    /// Amount, median and 95th percentile before, the same after.
    pub(crate) fn rows(&self) -> Vec<EffectRow> {
        type Pick = fn(&BaselineView) -> Usual;
        type Say = fn(f64) -> String;
        let amounts: [(&'static str, Pick, Say); 5] = [
            ("Events", |v| v.daily_events, words::amount),
            ("Bytes", |v| v.daily_bytes, words::bytes),
            ("Resources", |v| v.daily_resources, words::amount),
            ("Addresses", |v| v.daily_addresses, words::amount),
            ("Failures", |v| v.daily_failures, words::amount),
        ];
        amounts
            .into_iter()
            .map(|(title, pick, say)| {
                let texts = |usual: Usual| [usual.median, usual.p95, usual.max].map(say);
                EffectRow {
                    title,
                    before: texts(pick(&self.before)),
                    after: texts(pick(&self.after)),
                }
            })
            .collect()
    }

    /// The finding in words.
    pub(crate) fn finding(&self) -> String {
        let (before, after) = (self.before.active_days(), self.after.active_days());
        if before == after {
            return "None of these days is an active day of the 14-day view: it stays as it is."
                .to_owned();
        }
        format!("{before} active days count now, {after} would.")
    }
}

/// One amount: median, 95th percentile and most of a day.
#[derive(Debug)]
pub(crate) struct EffectRow {
    pub title: &'static str,
    pub before: [String; 3],
    pub after: [String; 3],
}

impl EffectRow {
    /// Each number as it is and as it would be.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&String, &String)> {
        self.before.iter().zip(&self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_bounds() {
        let today: Day = "2026-03-20".parse().unwrap();
        let range = Range::read(" 2026-03-05 ", "", today).unwrap();
        assert_eq!((range.from, range.until), (range.until, range.from));
        for (from, until, field) in [
            ("soon", "", "from"),
            ("2026-03-05", "2026-13-01", "until"),
            ("2026-03-05", "2026-03-04", "until"),
            ("2026-03-05", "2026-03-21", "until"),
            ("2026-01-05", "2026-03-04", "until"),
        ] {
            assert_eq!(
                Range::read(from, until, today).unwrap_err().0,
                field,
                "{from} {until}"
            );
        }
        assert!(reason("  ").is_err() && reason(" drill ") == Ok("drill"));
    }
}
