//! One amount on each of the baseline days: bars, gaps for no data, outlines for days left out.

use domain::baseline::DayState;

use crate::page::tenth;

/// Width of one day in the drawing.
const WIDTH: f64 = 10.0;
/// Height of the drawing.
const HEIGHT: f64 = 28.0;

/// One day of the drawing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DayMark {
    /// A bar, full or outlined.
    Bar {
        class: &'static str,
        x: String,
        y: String,
        height: String,
    },
    /// No data: hatched over the full height.
    NoData { x: String },
}

/// The drawing: 10 a day wide, 28 high.
#[derive(Debug)]
pub(crate) struct Days {
    pub width: String,
    pub marks: Vec<DayMark>,
    /// Height of the median.
    pub median: String,
    /// True when the highest day is so far above the median that the scale is logarithmic.
    pub logarithmic: bool,
}

/// From this ratio of highest to median on, the scale is logarithmic.
const LOG_FROM: f64 = 50.0;

/// Draws one amount of each day, oldest first.
pub(crate) fn days(amounts: &[(DayState, u64)], median: f64) -> Days {
    let most = amounts.iter().map(|(_, n)| *n).max().unwrap_or(0) as f64;
    let most = most.max(median);
    let logarithmic = most > LOG_FROM * median.max(1.0);
    let height = |amount: f64| {
        let share = if logarithmic {
            (1.0 + amount).ln() / (1.0 + most).ln()
        } else {
            amount / most.max(1.0)
        };
        share * (HEIGHT - 2.0)
    };
    let marks = amounts
        .iter()
        .enumerate()
        .filter_map(|(index, (state, amount))| {
            let x = tenth(index as f64 * WIDTH + 1.0);
            let class = match state {
                DayState::Silent => return Some(DayMark::NoData { x }),
                DayState::Quiet => return None,
                DayState::Active => "b-in",
                DayState::Excluded => "b-out",
            };
            let height = height(*amount as f64);
            (*amount > 0).then(|| DayMark::Bar {
                class,
                x,
                y: tenth(HEIGHT - height.max(1.0)),
                height: tenth(height.max(1.0)),
            })
        });
    Days {
        width: tenth(amounts.len() as f64 * WIDTH),
        marks: marks.collect(),
        median: tenth(HEIGHT - height(median)),
        logarithmic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_looks_different() {
        let amounts = [
            (DayState::Active, 52),
            (DayState::Quiet, 0),
            (DayState::Silent, 0),
            (DayState::Excluded, 26),
            (DayState::Active, 0),
        ];
        let drawn = days(&amounts, 26.0);
        assert_eq!(drawn.width, "50");
        assert_eq!(drawn.median, "15");
        assert!(!drawn.logarithmic);
        let bar = |class, x: &str, y: &str, height: &str| DayMark::Bar {
            class,
            x: x.to_owned(),
            y: y.to_owned(),
            height: height.to_owned(),
        };
        let no_data = DayMark::NoData { x: "21".to_owned() };
        let expected = [
            bar("b-in", "1", "2", "26"),
            no_data,
            bar("b-out", "31", "15", "13"),
        ];
        assert_eq!(drawn.marks, expected);
    }

    #[test]
    fn an_outlier_makes_the_scale_logarithmic() {
        let amounts = [(DayState::Active, 10), (DayState::Active, 1_000_000)];
        assert!(days(&amounts, 10.0).logarithmic);
        assert!(days(&[], 0.0).marks.is_empty());
    }
}
