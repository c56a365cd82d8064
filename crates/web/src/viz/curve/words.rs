//! The curve in words: its finding, and the table beside the drawing.

use domain::rule::RuleSettings;
use domain::score::Points;
use scoring::rules::{full_amount, points};

use super::CurveRow;

/// `0 points up to 3×, 17 just over it, all 25 by 5×`. By, because rounding gives them a little
/// earlier.
pub(super) fn sentence(rule: &RuleSettings, say: impl Fn(f64) -> String) -> String {
    let first = first_points(rule);
    let most = points(rule, f64::MAX);
    let threshold = say(rule.threshold);
    let begin = if rule.key.compares_with_usual() {
        format!("0 points up to {threshold}, {first} just over it")
    } else {
        format!("0 points below {threshold}, {first} there")
    };
    if first == most {
        format!("{begin} and no more after it")
    } else {
        format!("{begin}, all {most} by {}", say(full_amount(rule)))
    }
}

/// The points of the smallest amount that fires.
fn first_points(rule: &RuleSettings) -> Points {
    if rule.key.compares_with_usual() {
        points(rule, rule.threshold * (1.0 + 1e-9))
    } else {
        points(rule, rule.threshold)
    }
}

/// The amounts at which something changes, and a few between them.
pub(super) fn rows(
    now: &RuleSettings,
    draft: Option<&RuleSettings>,
    say: &impl Fn(f64) -> String,
) -> Vec<CurveRow> {
    let counts = !now.key.compares_with_usual();
    let mut amounts: Vec<f64> = Vec::new();
    for rule in std::iter::once(now).chain(draft) {
        let (from, to) = (rule.threshold, full_amount(rule));
        amounts.extend((0..=4_u8).map(|i| from + (to - from) * f64::from(i) / 4.0));
    }
    if counts {
        for amount in &mut amounts {
            *amount = amount.round();
        }
    }
    amounts.sort_by(f64::total_cmp);
    amounts.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
    let row = |amount: String, at: f64| CurveRow {
        amount,
        now: points(now, at),
        draft: draft.map(|d| points(d, at)),
    };
    let Some((first, last)) = amounts.first().zip(amounts.last()).map(|(a, b)| (*a, *b)) else {
        return Vec::new();
    };
    let mut out = vec![if counts {
        row(format!("fewer than {}", say(first)), first - 1.0)
    } else {
        row(format!("up to {}", say(first)), first)
    }];
    for at in amounts {
        let words = match at {
            _ if at >= last && counts => format!("{} and more", say(at)),
            _ if at >= last => format!("over {}", say(at)),
            _ if counts => say(at),
            _ => format!("just over {}", say(at)),
        };
        out.push(row(words, if counts { at } else { at * (1.0 + 1e-9) }));
    }
    out
}
