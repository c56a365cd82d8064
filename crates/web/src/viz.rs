//! Charts as server-rendered SVG: coordinates in, shapes out. Each chart comes with its finding
//! in words and with the numbers for a table.

mod bullet;
mod curve;
mod histogram;
mod waterfall;

pub(crate) use bullet::{Bullet, bullet};
pub(crate) use curve::{Curve, points_curve};
pub(crate) use histogram::{Histogram, PARTS, alerts_per_day};
pub(crate) use waterfall::{Bar, waterfall};
