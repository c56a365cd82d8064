//! Daily scores as a path: days that follow each other are joined, a day without events is a gap.

use std::fmt::Write;

use domain::score::Points;
use domain::time::Day;

use crate::page::tenth;

/// Where days and scores lie in a drawing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub first: Day,
    pub days: i32,
    pub left: f64,
    pub right: f64,
    /// Height of 100 points.
    pub top: f64,
    /// Height of no points.
    pub bottom: f64,
}

impl Frame {
    /// The horizontal place of a day.
    pub(super) fn x(&self, day: Day) -> f64 {
        let steps = f64::from((self.days - 1).max(1));
        self.left + f64::from(day.0 - self.first.0) / steps * (self.right - self.left)
    }

    /// The vertical place of a score.
    pub(super) fn y(&self, score: Points) -> f64 {
        self.bottom - (score.as_f64() / 100.0).clamp(0.0, 1.0) * (self.bottom - self.top)
    }

    /// Only days of the frame, oldest first, one score each.
    pub(super) fn inside(&self, points: &[(Day, Points)]) -> Vec<(Day, Points)> {
        let last = self.first.plus(self.days - 1);
        let mut inside: Vec<_> = points
            .iter()
            .copied()
            .filter(|(day, _)| (self.first..=last).contains(day))
            .collect();
        inside.sort_by_key(|(day, _)| *day);
        inside.dedup_by_key(|(day, _)| *day);
        inside
    }

    /// The line through ordered points.
    pub(super) fn line(&self, points: &[(Day, Points)]) -> String {
        let mut path = String::new();
        for run in runs(points) {
            self.trace(&mut path, run);
            if run.len() == 1 {
                // A line of no length: its round cap shows as a dot.
                path.push_str("h0");
            }
        }
        path
    }

    /// The area between the line and no points.
    pub(super) fn area(&self, points: &[(Day, Points)]) -> String {
        let mut path = String::new();
        for run in runs(points).filter(|run| run.len() > 1) {
            self.trace(&mut path, run);
            if let (Some(first), Some(last)) = (run.first(), run.last()) {
                let (from, to) = (tenth(self.x(first.0)), tenth(self.x(last.0)));
                let _ = write!(path, "L{to} {0}L{from} {0}Z", tenth(self.bottom));
            }
        }
        path
    }

    /// The place of the latest of ordered points.
    pub(super) fn dot(&self, points: &[(Day, Points)]) -> Option<(String, String)> {
        let (day, score) = points.last()?;
        Some((tenth(self.x(*day)), tenth(self.y(*score))))
    }

    fn trace(&self, path: &mut String, run: &[(Day, Points)]) {
        for (index, (day, score)) in run.iter().enumerate() {
            let letter = if index == 0 { 'M' } else { 'L' };
            let (x, y) = (tenth(self.x(*day)), tenth(self.y(*score)));
            let _ = write!(path, "{letter}{x} {y}");
        }
    }
}

/// Days that follow each other.
fn runs(points: &[(Day, Points)]) -> impl Iterator<Item = &[(Day, Points)]> {
    points.chunk_by(|a, b| a.0.plus(1) == b.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_without_events_is_a_gap() {
        let first: Day = "2026-03-01".parse().unwrap();
        let frame = Frame {
            first,
            days: 5,
            left: 0.0,
            right: 40.0,
            top: 0.0,
            bottom: 100.0,
        };
        let points = frame.inside(&[
            (first.plus(3), Points::whole(50)),
            (first, Points::ZERO),
            (first.plus(1), Points::whole(100)),
            (first.plus(9), Points::whole(10)),
        ]);
        assert_eq!(points.len(), 3);
        assert_eq!(frame.line(&points), "M0 100L10 0M30 50h0");
        assert_eq!(frame.area(&points), "M0 100L10 0L10 100L0 100Z");
    }
}
