//! The score as a running total: one bar per row, offset by what stands above it.

use domain::score::Points;

use crate::page::tenth;

/// Width of 100 points.
const SCALE: f64 = 2.0;

/// The bar of one row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    pub x: String,
    pub width: String,
    /// Where the connector from the row above comes down; none for the first row.
    pub from: Option<String>,
    /// Where the connector to the row below leaves.
    pub to: String,
    pub lowers: bool,
}

/// Bars for the given points in order. The last connector ends at their sum.
pub(crate) fn waterfall(points: &[Points]) -> Vec<Bar> {
    let mut total = Points::ZERO;
    let mut bars = Vec::with_capacity(points.len());
    for (index, step) in points.iter().enumerate() {
        let before = total;
        total = total + *step;
        let (left, right) = (before.min(total), before.max(total));
        bars.push(Bar {
            x: tenth(left.as_f64() * SCALE),
            width: tenth(((right - left).as_f64() * SCALE).max(1.0)),
            from: (index > 0).then(|| tenth(before.as_f64() * SCALE)),
            to: tenth(total.as_f64() * SCALE),
            lowers: *step < Points::ZERO,
        });
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_connect() {
        let bars = waterfall(&[Points::whole(25), Points::whole(20), Points::whole(-5)]);
        let shape: Vec<_> = bars
            .iter()
            .map(|b| (b.x.as_str(), b.width.as_str(), b.to.as_str()))
            .collect();
        assert_eq!(
            shape,
            [("0", "50", "50"), ("50", "40", "90"), ("80", "10", "80")]
        );
        assert_eq!(bars[1].from.as_deref(), Some("50"));
        assert!(bars[2].lowers);
    }
}
