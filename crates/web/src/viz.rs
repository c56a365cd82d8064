//! Charts as server-rendered SVG: coordinates in, shapes out. Each chart comes with its finding
//! in words and with the numbers for a table.

mod bullet;
mod curve;
mod days;
mod histogram;
mod hours;
mod line;
mod path;
mod spark;
mod waterfall;

use domain::time::{Day, Zone};

pub(crate) use bullet::{Bullet, bullet};
pub(crate) use curve::{Curve, points_curve};
pub(crate) use days::{DayMark, Days, days};
pub(crate) use histogram::{Histogram, PARTS, alerts_per_day};
pub(crate) use hours::{Hours, hours};
pub(crate) use line::{Opened, ScoreLine, score_line};
pub(crate) use spark::{SPARK_DAYS, Spark, spark};
pub(crate) use waterfall::{Bar, waterfall};

/// A date on an axis: `2 Mar`.
pub(crate) fn day_label(day: Day) -> String {
    Zone::utc().format(day.utc_start(), "%-d %b")
}
