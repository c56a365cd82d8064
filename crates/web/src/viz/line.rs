//! An actor's score over weeks: the highest of each day, the threshold, the alerts.

use domain::alert::AlertCode;
use domain::score::Points;
use domain::severity::Severity;
use domain::time::Day;

use super::day_label;
use super::path::Frame;
use crate::page::tenth;

/// Half the side of an alert's mark.
const MARK: f64 = 5.0;
/// Where the scale's numbers end and the drawing begins.
const LEFT: f64 = 26.0;
/// Where the drawing ends.
const RIGHT: f64 = 406.0;

/// The drawing, 420 by 140.
#[derive(Debug)]
pub(crate) struct ScoreLine {
    pub line: String,
    pub area: String,
    /// The latest day with events.
    pub dot: Option<(String, String)>,
    /// Height of the threshold.
    pub threshold: String,
    /// The scale: height and number.
    pub scale: Vec<(String, i32)>,
    /// Dates below: place, anchor, text.
    pub dates: Vec<(String, &'static str, String)>,
    pub marks: Vec<Mark>,
    /// The finding in words.
    pub finding: String,
    /// Days with events, newest first, for the table.
    pub rows: Vec<(Day, Points, bool)>,
}

/// An alert in the drawing.
#[derive(Debug)]
pub(crate) struct Mark {
    pub code: AlertCode,
    pub class: &'static str,
    pub label: String,
    pub x: String,
    pub y: String,
    /// Place, baseline and anchor of the text, for the mark that carries one.
    pub text: Option<(String, String, &'static str)>,
}

/// An alert as the drawing needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened {
    pub code: AlertCode,
    pub day: Day,
    pub score: Points,
    pub severity: Severity,
}

/// Draws `days` days that end with `last`.
pub(crate) fn score_line(
    (last, days): (Day, i32),
    points: &[(Day, Points)],
    alerts: &[Opened],
    threshold: Points,
) -> ScoreLine {
    let frame = Frame {
        first: last.plus(1 - days),
        days,
        left: LEFT,
        right: RIGHT,
        top: 10.0,
        bottom: 116.0,
    };
    let points = frame.inside(points);
    let mut rows: Vec<_> = points
        .iter()
        .map(|(d, s)| (*d, *s, *s >= threshold))
        .collect();
    rows.reverse();
    ScoreLine {
        line: frame.line(&points),
        area: frame.area(&points),
        dot: frame.dot(&points),
        threshold: tenth(frame.y(threshold)),
        scale: [0, 50, 100]
            .map(|n| (tenth(frame.y(Points::whole(n))), n))
            .into(),
        dates: dates(&frame),
        marks: marks(&frame, alerts),
        finding: finding(&points, days, threshold),
        rows,
    }
}

fn dates(frame: &Frame) -> Vec<(String, &'static str, String)> {
    let third = frame.days / 3;
    let last = frame.first.plus(frame.days - 1);
    [
        (frame.first, "start", day_label(frame.first)),
        (
            frame.first.plus(third),
            "middle",
            day_label(frame.first.plus(third)),
        ),
        (
            frame.first.plus(2 * third),
            "middle",
            day_label(frame.first.plus(2 * third)),
        ),
        (last, "end", day_label(last)),
    ]
    .map(|(day, anchor, text)| (tenth(frame.x(day)), anchor, text))
    .into()
}

/// A square for each alert; the one with the highest score is named.
fn marks(frame: &Frame, alerts: &[Opened]) -> Vec<Mark> {
    let last = frame.first.plus(frame.days - 1);
    let inside = || {
        alerts
            .iter()
            .filter(|a| (frame.first..=last).contains(&a.day))
    };
    let named = inside().max_by_key(|a| (a.score, a.day)).map(|a| a.code);
    inside()
        .map(|alert| {
            let (x, y) = (frame.x(alert.day), frame.y(alert.score));
            let left_half = x < f64::midpoint(LEFT, RIGHT);
            let text = (named == Some(alert.code)).then(|| {
                let (away, anchor) = if left_half {
                    (2.0 * MARK, "start")
                } else {
                    (-2.0 * MARK, "end")
                };
                (tenth(x + away), tenth(y + 4.0), anchor)
            });
            Mark {
                code: alert.code,
                class: mark_class(alert.severity),
                label: format!("{}, {}", alert.code, alert.score),
                x: tenth(x - MARK),
                y: tenth(y - MARK),
                text,
            }
        })
        .collect()
}

fn mark_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "m-critical",
        Severity::High => "m-high",
        Severity::Medium => "m-medium",
        Severity::Low => "m-low",
        Severity::Info => "m-info",
    }
}

fn finding(points: &[(Day, Points)], days: i32, threshold: Points) -> String {
    let Some((day, score)) = points.iter().max_by_key(|(day, score)| (*score, *day)) else {
        return format!("No events in {days} days");
    };
    if *score == Points::ZERO {
        return format!("No points in {days} days");
    }
    let reached = points.iter().filter(|(_, s)| *s >= threshold).count();
    let reached = match reached {
        0 => "below the threshold all the time".to_owned(),
        n => format!(
            "threshold reached on {}",
            scoring::words::plural(n as f64, "day", "days")
        ),
    };
    format!("Highest {score} on {}, {reached}", day_label(*day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(alerts: &[Opened]) -> ScoreLine {
        let last: Day = "2026-03-30".parse().unwrap();
        let points = [
            (last.plus(-29), Points::ZERO),
            (last.plus(-1), Points::whole(40)),
            (last, Points::whole(87)),
        ];
        score_line((last, 30), &points, alerts, Points::whole(60))
    }

    #[test]
    fn the_line_ends_at_the_right() {
        let line = drawn(&[]);
        assert!(line.line.starts_with("M26 116h0M"), "{}", line.line);
        assert!(line.line.ends_with("L406 23.8"), "{}", line.line);
        assert!(line.area.ends_with("L406 116L392.9 116Z"), "{}", line.area);
        assert_eq!(
            line.finding,
            "Highest 87 on 30 Mar, threshold reached on 1 day"
        );
        assert_eq!(line.rows.first().map(|r| r.2), Some(true));
        assert_eq!(line.threshold, "52.4");
        assert_eq!(line.dates.len(), 4);
        assert_eq!(line.dot, Some(("406".to_owned(), "23.8".to_owned())));
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let last: Day = "2026-03-30".parse().unwrap();
        let of = |points: &[_]| score_line((last, 30), points, &[], Points::whole(60)).finding;
        assert_eq!(of(&[]), "No events in 30 days");
        assert_eq!(of(&[(last, Points::ZERO)]), "No points in 30 days");
    }

    #[test]
    fn only_the_highest_alert_is_named() {
        let last: Day = "2026-03-30".parse().unwrap();
        let alert = |code, back: i32, score| Opened {
            code: AlertCode(code),
            day: last.plus(-back),
            score: Points::whole(score),
            severity: Severity::of_score(Points::whole(score)),
        };
        let line = drawn(&[alert(1, 0, 87), alert(2, 20, 95), alert(3, 40, 99)]);
        assert_eq!(line.marks.len(), 2);
        let [first, second] = &line.marks[..] else {
            panic!("two marks")
        };
        assert!(first.text.is_none());
        assert_eq!((first.x.as_str(), first.class), ("401", "m-high"));
        assert_eq!(second.label, "AL-2, 95");
        assert_eq!(second.text.as_ref().map(|t| t.2), Some("start"));
    }
}
