//! A rule's points over the observed amount, exactly as the scorer rounds them: a staircase.

mod words;

use std::fmt::Write;

use domain::rule::RuleSettings;
use domain::score::Points;
use scoring::rules::{full_amount, points};

use crate::page::tenth;
use words::{rows, sentence};

/// Left and right end of the plot.
const LEFT: f64 = 34.0;
const RIGHT: f64 = 626.0;
/// Top and bottom of the plot.
const TOP: f64 = 14.0;
const BOTTOM: f64 = 264.0;
/// Most whole amounts drawn one by one; beyond it every pixel is a sample.
const MOST_WHOLE: f64 = 592.0;

/// A number beside an axis.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    /// Its coordinate along the axis.
    pub at: String,
    pub label: String,
}

/// An observed amount under the plot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dot {
    pub x: String,
    pub y: String,
    pub fires: bool,
}

/// One line of the table beside the drawing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CurveRow {
    pub amount: String,
    pub now: Points,
    pub draft: Option<Points>,
}

/// The drawing.
#[derive(Debug)]
pub(crate) struct Curve {
    pub now: String,
    pub draft: Option<String>,
    pub across: Vec<Tick>,
    pub up: Vec<Tick>,
    pub dots: Vec<Dot>,
    /// Observed amounts beyond the right end.
    pub beyond: usize,
    /// The finding in words.
    pub finding: String,
    pub rows: Vec<CurveRow>,
}

/// Draws a rule and, when there is one, a draft of it. `observed` are amounts that were seen;
/// `say` puts an amount into words.
pub(crate) fn points_curve(
    now: &RuleSettings,
    draft: Option<&RuleSettings>,
    observed: &[f64],
    say: impl Fn(f64) -> String,
) -> Curve {
    let both = || std::iter::once(now).chain(draft);
    let counts = !now.key.compares_with_usual();
    let furthest = both().map(full_amount).fold(0.0, f64::max) * 1.5;
    let across_step = if counts {
        nice(furthest / 8.0).max(1.0)
    } else {
        nice(furthest / 8.0)
    };
    let heaviest = both().map(|r| r.weight.as_f64()).fold(3.0, f64::max);
    let up_step = nice(heaviest / 3.0);
    let plot = Plot {
        across: (furthest / across_step).ceil() * across_step,
        up: (heaviest * 1.1 / up_step).ceil() * up_step,
        counts,
    };
    let inside = observed.iter().filter(|amount| **amount <= plot.across);
    let finding = match draft {
        None => format!("{}.", sentence(now, &say)),
        Some(draft) => format!(
            "Now {}. Draft: {}.",
            sentence(now, &say),
            sentence(draft, &say)
        ),
    };
    Curve {
        now: plot.path(now),
        draft: draft.map(|d| plot.path(d)),
        across: ticks(plot.across, across_step, |v| (plot.x(v), plain(v, counts))),
        up: ticks(plot.up, up_step, |v| (plot.y(v), plain(v, true))),
        dots: inside
            .enumerate()
            .map(|(i, v)| plot.dot(i, *v, now))
            .collect(),
        beyond: observed.iter().filter(|v| **v > plot.across).count(),
        finding,
        rows: rows(now, draft, &say),
    }
}

/// What the axes span.
struct Plot {
    across: f64,
    up: f64,
    counts: bool,
}

impl Plot {
    fn x(&self, amount: f64) -> f64 {
        LEFT + amount / self.across * (RIGHT - LEFT)
    }

    fn y(&self, points: f64) -> f64 {
        BOTTOM - points / self.up * (BOTTOM - TOP)
    }

    /// Horizontal and vertical strokes: a count jumps at the amount itself, a multiple just after.
    fn path(&self, rule: &RuleSettings) -> String {
        let mut path = format!("M{} {}", tenth(LEFT), tenth(BOTTOM));
        let (mut before, mut last) = (0.0, Points::ZERO);
        for amount in self.samples() {
            let here = points(rule, amount);
            if here != last {
                let at = if self.counts { amount } else { before };
                let (x, y) = (tenth(self.x(at)), tenth(self.y(here.as_f64())));
                let _ = write!(path, "H{x}V{y}");
                last = here;
            }
            before = amount;
        }
        let _ = write!(path, "H{}", tenth(RIGHT));
        path
    }

    fn samples(&self) -> impl Iterator<Item = f64> + use<> {
        let whole = self.counts && self.across <= MOST_WHOLE;
        let (steps, across, counts) = (
            if whole { self.across } else { MOST_WHOLE } as u32,
            self.across,
            self.counts,
        );
        (0..=steps).map(move |i| {
            let amount = f64::from(i) / f64::from(steps) * across;
            if counts { amount.round() } else { amount }
        })
    }

    fn dot(&self, index: usize, amount: f64, rule: &RuleSettings) -> Dot {
        // Spread over a few lines, so that equal amounts do not hide each other.
        let line = (index * 5 % 11) as f64;
        Dot {
            x: tenth(self.x(amount.max(0.0))),
            y: tenth(BOTTOM + 8.0 + line),
            fires: points(rule, amount) > Points::ZERO,
        }
    }
}

fn ticks(end: f64, step: f64, place: impl Fn(f64) -> (f64, String)) -> Vec<Tick> {
    let count = (end / step).round() as u32;
    let tick = |i| {
        let (at, label) = place(f64::from(i) * step);
        Tick {
            at: tenth(at),
            label,
        }
    };
    (0..=count).map(tick).collect()
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `value`.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1e-6).log10().floor());
    let fits = |factor: &f64| factor * power >= value - 1e-9;
    [1.0, 2.0, 5.0, 10.0].into_iter().find(fits).unwrap_or(10.0) * power
}

fn plain(value: f64, counts: bool) -> String {
    let text = (value * 100.0).round() / 100.0;
    if counts {
        format!("{text}")
    } else {
        format!("{text}×")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::rule::RuleKey;

    fn times(amount: f64) -> String {
        format!("{amount}×")
    }

    #[test]
    fn a_multiple_jumps_at_its_threshold_and_ends_at_its_weight() {
        let rule = RuleSettings::default_for(RuleKey::VolumeSpike);
        let curve = points_curve(&rule, None, &[], times);
        assert!(curve.now.starts_with("M34 264H256V122.3"), "{}", curve.now);
        assert!(curve.now.ends_with("V55.7H626"), "{}", curve.now);
        assert_eq!(
            curve.finding,
            "0 points up to 3×, 17 just over it, all 25 by 5×."
        );
        let labels: Vec<_> = curve.across.iter().map(|t| t.label.as_str()).collect();
        assert_eq!(
            labels,
            ["0×", "1×", "2×", "3×", "4×", "5×", "6×", "7×", "8×"]
        );
        let up: Vec<_> = curve.up.iter().map(|t| t.label.as_str()).collect();
        assert_eq!(up, ["0", "10", "20", "30"]);
    }

    #[test]
    fn a_count_has_a_step_at_every_whole_amount() {
        let rule = RuleSettings::default_for(RuleKey::OffHours);
        let curve = points_curve(&rule, None, &[], times);
        // 0 to 6 events: 8 points at two, 11 at three, 15 at four.
        let stairs = "M34 264H231.3V164H330V126.5H428.7V76.5H626";
        assert_eq!(curve.now, stairs);
        let table: Vec<_> = curve
            .rows
            .iter()
            .map(|r| (r.amount.as_str(), r.now))
            .collect();
        assert_eq!(
            table,
            [
                ("fewer than 2×", Points::ZERO),
                ("2×", Points::whole(8)),
                ("3×", Points::whole(11)),
                ("4× and more", Points::whole(15)),
            ]
        );
    }

    #[test]
    fn a_draft_is_drawn_beside_it_on_the_same_scale() {
        let rule = RuleSettings::default_for(RuleKey::ScopeExpansion);
        let draft = RuleSettings {
            threshold: 4.0,
            weight: Points::whole(40),
            ..rule
        };
        let alone = points_curve(&rule, None, &[], times);
        let both = points_curve(&rule, Some(&draft), &[], times);
        assert!(both.draft.is_some() && alone.draft.is_none());
        assert_ne!(alone.now, both.now, "the scale holds both");
        assert_eq!(
            both.finding,
            "Now 0 points up to 2×, 15 just over it, all 20 by 3×. \
             Draft: 0 points up to 4×, 25 just over it, all 40 by 7×."
        );
        let last = both.rows.last().unwrap();
        assert_eq!(
            (last.amount.as_str(), last.now, last.draft),
            ("over 7×", Points::whole(20), Some(Points::whole(40)))
        );
    }

    #[test]
    fn observed_amounts_beyond_the_end_are_counted_not_squeezed_in() {
        let rule = RuleSettings::default_for(RuleKey::VolumeSpike);
        let curve = points_curve(&rule, None, &[1.0, 3.5, 84.0, 500.0], times);
        let fires: Vec<_> = curve.dots.iter().map(|d| d.fires).collect();
        assert_eq!((fires, curve.beyond), (vec![false, true], 2));
    }

    #[test]
    fn extreme_settings_still_draw() {
        for key in RuleKey::ALL {
            for (threshold, weight) in [(1.0, 0), (1_000_000.0, 100), (1.0, 100)] {
                let rule = RuleSettings {
                    threshold,
                    weight: Points::whole(weight),
                    ..RuleSettings::default_for(key)
                };
                let curve = points_curve(&rule, None, &[0.0], times);
                assert!(!curve.now.contains("NaN") && !curve.now.contains("inf"));
                assert!(curve.across.len() <= 20 && curve.up.len() <= 8);
                assert!(curve.now.len() < 4000);
            }
        }
    }

    #[test]
    fn steps_between_ticks_are_round() {
        for (value, step) in [
            (0.93, 1.0),
            (1.0, 1.0),
            (2.8, 5.0),
            (0.013, 0.02),
            (740.0, 1000.0),
        ] {
            assert!((nice(value) - step).abs() < 1e-9, "{value}");
        }
    }
}
