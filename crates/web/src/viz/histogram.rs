//! Alerts per day, stacked by verdict.

use domain::alert::Disposition;
use domain::time::Day;

use crate::page::tenth;

/// Width of one day in the drawing.
const DAY_WIDTH: f64 = 24.0;
/// Height of the drawing.
const HEIGHT: f64 = 48.0;

/// A stack of one day.
#[derive(Debug)]
pub(crate) struct DayBar {
    pub day: Day,
    pub next: Day,
    pub x: String,
    pub label: String,
    pub parts: Vec<Part>,
    pub counts: [i64; 4],
}

/// One rectangle of a stack.
#[derive(Debug)]
pub(crate) struct Part {
    pub class: &'static str,
    pub x: String,
    pub y: String,
    pub height: String,
}

/// The drawing.
#[derive(Debug)]
pub(crate) struct Histogram {
    pub width: String,
    pub bars: Vec<DayBar>,
    /// The finding in words.
    pub finding: String,
    /// Totals: not closed, true positive, benign, false positive.
    pub totals: [i64; 4],
    pub first: String,
    pub last: String,
}

/// Names of the four parts, in drawing order from the bottom.
pub(crate) const PARTS: [(&str, &str); 4] = [
    ("b-open", "Not closed"),
    ("b-tp", "True positive"),
    ("b-benign", "Benign"),
    ("b-fp", "False positive"),
];

fn part_of(disposition: Option<Disposition>) -> usize {
    match disposition {
        None => 0,
        Some(d) if d.confirms_incident() => 1,
        Some(Disposition::FalsePositive) => 3,
        Some(_) => 2,
    }
}

/// Draws `days` days from `first` on.
pub(crate) fn alerts_per_day(
    first: Day,
    days: i32,
    counts: &[(Day, Option<Disposition>, i64)],
) -> Histogram {
    let mut table = vec![[0_i64; 4]; days.max(0) as usize];
    for (day, disposition, count) in counts {
        let index = usize::try_from(day.0 - first.0).unwrap_or(usize::MAX);
        if let Some(slot) = table
            .get_mut(index)
            .and_then(|d| d.get_mut(part_of(*disposition)))
        {
            *slot += count;
        }
    }
    let most = table
        .iter()
        .map(|d| d.iter().sum::<i64>())
        .max()
        .unwrap_or(0);
    let mut totals = [0; 4];
    for day in &table {
        for (total, count) in totals.iter_mut().zip(day) {
            *total += count;
        }
    }
    let bars = table
        .iter()
        .enumerate()
        .map(|(i, counts)| bar(first, i, *counts, most));
    let sum: i64 = totals.iter().sum();
    Histogram {
        width: tenth(f64::from(days) * DAY_WIDTH),
        bars: bars.collect(),
        finding: if sum == 0 {
            format!("No alert in {days} days")
        } else {
            format!("{sum} in {days} days, at most {most} a day")
        },
        totals,
        first: first.to_string(),
        last: first.plus(days - 1).to_string(),
    }
}

fn bar(first: Day, index: usize, counts: [i64; 4], most: i64) -> DayBar {
    let day = first.plus(index as i32);
    let x = index as f64 * DAY_WIDTH;
    let scale = (HEIGHT - 4.0) / most.max(1) as f64;
    let mut top = HEIGHT;
    let mut parts = Vec::new();
    for ((class, _), count) in PARTS.iter().zip(counts) {
        if count == 0 {
            continue;
        }
        let height = count as f64 * scale;
        top -= height;
        parts.push(Part {
            class,
            x: tenth(x + 4.0),
            y: tenth(top),
            height: tenth((height - 1.0).max(1.0)),
        });
    }
    let total: i64 = counts.iter().sum();
    let word = if total == 1 { "alert" } else { "alerts" };
    DayBar {
        day,
        next: day.plus(1),
        x: tenth(x),
        label: format!("{day}: {total} {word}"),
        parts,
        counts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stack_and_sum() {
        let first: Day = "2026-03-01".parse().unwrap();
        let counts = [
            (first, None, 2),
            (first, Some(Disposition::FalsePositive), 2),
            (first.plus(2), Some(Disposition::TruePositiveImpact), 1),
            (first.plus(9), None, 99),
        ];
        let drawn = alerts_per_day(first, 3, &counts);
        assert_eq!(drawn.finding, "5 in 3 days, at most 4 a day");
        assert_eq!(drawn.totals, [2, 1, 0, 2]);
        assert_eq!(drawn.bars[0].parts.len(), 2);
        assert_eq!(drawn.bars[0].parts[1].y, "4");
        assert!(drawn.bars[1].parts.is_empty());
        assert_eq!(alerts_per_day(first, 3, &[]).finding, "No alert in 3 days");
    }
}
