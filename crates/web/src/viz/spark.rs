//! The highest score of each of the last days, small enough for a table cell.

use domain::score::Points;
use domain::time::Day;

use super::day_label;
use super::path::Frame;
use crate::page::tenth;

/// Days of a sparkline.
pub(crate) const SPARK_DAYS: i32 = 14;

/// One sparkline, in a drawing of 96 by 28.
#[derive(Debug)]
pub(crate) struct Spark {
    pub line: String,
    /// The latest day with events.
    pub dot: Option<(String, String)>,
    /// Height of the threshold.
    pub threshold: String,
    /// The finding in words.
    pub finding: String,
}

/// Draws the 14 days that end with `last`.
pub(crate) fn spark(last: Day, points: &[(Day, Points)], threshold: Points) -> Spark {
    let frame = Frame {
        first: last.plus(1 - SPARK_DAYS),
        days: SPARK_DAYS,
        left: 2.0,
        right: 94.0,
        top: 3.0,
        bottom: 25.0,
    };
    let points = frame.inside(points);
    Spark {
        line: frame.line(&points),
        dot: frame.dot(&points),
        threshold: tenth(frame.y(threshold)),
        finding: finding(&points),
    }
}

fn finding(points: &[(Day, Points)]) -> String {
    let Some((day, score)) = points.iter().max_by_key(|(day, score)| (*score, *day)) else {
        return format!("No events in {SPARK_DAYS} days");
    };
    let active = points.len();
    let days = scoring::words::plural(active as f64, "active day", "active days");
    if *score == Points::ZERO {
        return format!("No points in {SPARK_DAYS} days; {days}");
    }
    format!(
        "Highest score in {SPARK_DAYS} days: {score} on {}; {days}",
        day_label(*day)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finding_names_the_latest_highest_day() {
        let last: Day = "2026-03-14".parse().unwrap();
        let points = [
            (last.plus(-13), Points::whole(20)),
            (last.plus(-3), Points::whole(87)),
            (last.plus(-2), Points::whole(87)),
            (last.plus(-40), Points::whole(100)),
        ];
        let drawn = spark(last, &points, Points::whole(60));
        assert_eq!(
            drawn.finding,
            "Highest score in 14 days: 87 on 12 Mar; 3 active days"
        );
        assert_eq!(drawn.line, "M2 20.6h0M72.8 5.9L79.8 5.9");
        assert_eq!(drawn.dot, Some(("79.8".to_owned(), "5.9".to_owned())));
        assert_eq!(drawn.threshold, "11.8");
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let drawn = spark("2026-03-14".parse().unwrap(), &[], Points::whole(60));
        assert_eq!(drawn.finding, "No events in 14 days");
        assert!(drawn.dot.is_none() && drawn.line.is_empty());
        let last: Day = "2026-03-14".parse().unwrap();
        let drawn = spark(last, &[(last, Points::ZERO)], Points::whole(60));
        assert_eq!(drawn.finding, "No points in 14 days; 1 active day");
    }
}
