//! The key numbers, each a link to what it counts, compared with the equal time before.

use domain::score::Points;
use domain::severity::Severity;
use domain::time::HOUR_US;
use scoring::words;
use store::{Scope, overview};

use super::Range;
use crate::error::WebResult;
use crate::page::{span, tenth};

/// Width of the severity bar.
const BAR: f64 = 140.0;

/// The strip.
pub(super) struct Numbers {
    /// Alerts that are not closed.
    pub open: i64,
    /// The same by severity.
    pub severities: Vec<Share>,
    pub acknowledge: Acknowledge,
    /// Actors that reach the threshold now.
    pub scoring: i64,
    pub threshold: Points,
    /// How many were scored in the range, and the highest score.
    pub scored: String,
    pub events: String,
    pub events_change: String,
}

/// One severity with its part of the bar.
pub(super) struct Share {
    pub level: Severity,
    pub count: i64,
    pub x: String,
    pub width: String,
}

/// How long alerts wait for somebody.
pub(super) struct Acknowledge {
    /// The median, when any alert was acknowledged.
    pub median: Option<String>,
    pub note: String,
    /// `ok`, `bad` or `muted`.
    pub class: &'static str,
}

impl Numbers {
    pub(super) async fn of(scope: &Scope, range: Range) -> WebResult<Self> {
        let now = scope.now;
        let (begin, before) = (now.plus(-range.micros()), now.plus(-2 * range.micros()));
        let by_severity = overview::open_by_severity(scope).await?;
        let took = overview::acknowledge_times(scope, (begin, now.plus(1))).await?;
        let took_before = overview::acknowledge_times(scope, (before, begin)).await?;
        let threshold = scope.tenant.scoring.alert_threshold;
        let (actors, top) = overview::scored_since(scope, begin.utc_day()).await?;
        // The present hour is not over: shown it is, compared it is not.
        let hour = |at: domain::time::Timestamp| at.micros().div_euclid(HOUR_US);
        let shown = overview::events(scope, (hour(begin), hour(now) + 1)).await?;
        let complete = overview::events(scope, (hour(begin), hour(now))).await?;
        let earlier = overview::events(scope, (hour(before), hour(begin))).await?;
        Ok(Self {
            open: by_severity.iter().map(|(_, n)| n).sum(),
            severities: shares(&by_severity),
            acknowledge: acknowledge(&took, &took_before, range),
            scoring: overview::actors_scoring(scope, threshold).await?,
            threshold,
            scored: format!("{} scored, highest {top}", words::count(actors as f64)),
            events: words::count(shown as f64),
            events_change: change(complete, earlier, range),
        })
    }
}

fn shares(by_severity: &[(Severity, i64)]) -> Vec<Share> {
    let all: i64 = by_severity.iter().map(|(_, n)| n).sum();
    let scale = BAR / all.max(1) as f64;
    let mut x = 0.0;
    let mut shares = Vec::new();
    for (level, count) in by_severity {
        let width = *count as f64 * scale;
        shares.push(Share {
            level: *level,
            count: *count,
            x: tenth(x),
            width: tenth((width - 1.0).max(1.0)),
        });
        x += width;
    }
    shares
}

fn median(sorted: &[i64]) -> Option<i64> {
    // A demo or an import may be acknowledged before the moment it is detected: not negative time.
    let middle = sorted.get(sorted.len() / 2)?;
    let below = sorted.get((sorted.len() - 1) / 2)?;
    Some(i64::midpoint(*middle, *below).max(0))
}

fn acknowledge(took: &[i64], before: &[i64], range: Range) -> Acknowledge {
    let Some(now) = median(took) else {
        return Acknowledge {
            median: None,
            note: format!("nothing was acknowledged in {}", range.title()),
            class: "muted",
        };
    };
    let (note, class) = match median(before) {
        None => (
            format!("median; none in the {} before", range.title()),
            "muted",
        ),
        Some(earlier) if span((now - earlier).abs()) == "0 s" => (
            format!("median, as in the {} before", range.title()),
            "muted",
        ),
        Some(earlier) if now < earlier => (
            format!(
                "median, {} less than in the {} before",
                span(earlier - now),
                range.title()
            ),
            "ok",
        ),
        Some(earlier) => (
            format!(
                "median, {} more than in the {} before",
                span(now - earlier),
                range.title()
            ),
            "bad",
        ),
    };
    Acknowledge {
        median: Some(span(now)),
        note,
        class,
    }
}

/// The change between two equal times in words.
fn change(now: i64, before: i64, range: Range) -> String {
    if before == 0 {
        return format!("none in the {} before", range.title());
    }
    let percent = (now - before) as f64 / before as f64 * 100.0;
    let size = percent.abs();
    let size = if size < 9.95 {
        format!("{size:.1} %")
    } else {
        format!("{} %", words::count(size))
    };
    let word = match percent {
        p if p.abs() < 0.05 => return format!("as many as in the {} before", range.title()),
        p if p > 0.0 => "more",
        _ => "fewer",
    };
    format!("{size} {word} than in the {} before", range.title())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::MINUTE_US;

    #[test]
    fn the_bar_is_as_wide_as_its_parts() {
        let parts = shares(&[(Severity::Critical, 1), (Severity::Low, 3)]);
        let places: Vec<_> = parts
            .iter()
            .map(|s| (s.x.as_str(), s.width.as_str()))
            .collect();
        assert_eq!(places, [("0", "34"), ("35", "104")]);
        assert!(shares(&[]).is_empty());
    }

    #[test]
    fn medians_are_compared() {
        let minutes = |list: &[i64]| list.iter().map(|m| m * MINUTE_US).collect::<Vec<_>>();
        let of = |now: &[i64], before: &[i64]| {
            let value = acknowledge(&minutes(now), &minutes(before), Range::Day);
            (value.median, value.note, value.class)
        };
        let (median, note, class) = of(&[10, 18, 30], &[31]);
        assert_eq!(median.as_deref(), Some("18 min"));
        assert_eq!(
            (note.as_str(), class),
            ("median, 13 min less than in the 24\u{A0}h before", "ok")
        );
        let (median, note, class) = of(&[10, 20], &[]);
        assert_eq!(median.as_deref(), Some("15 min"));
        assert_eq!(
            (note.as_str(), class),
            ("median; none in the 24\u{A0}h before", "muted")
        );
        assert_eq!(of(&[], &[3]).0, None);
        assert_eq!(of(&[-1], &[0]).0.as_deref(), Some("0 s"));
    }

    #[test]
    fn changes_in_words() {
        assert_eq!(
            change(1058, 1000, Range::Day),
            "5.8 % more than in the 24\u{A0}h before"
        );
        assert_eq!(
            change(0, 10, Range::Week),
            "100 % fewer than in the 7\u{A0}days before"
        );
        assert_eq!(change(7, 0, Range::Day), "none in the 24\u{A0}h before");
        assert_eq!(
            change(7, 7, Range::Day),
            "as many as in the 24\u{A0}h before"
        );
    }
}
