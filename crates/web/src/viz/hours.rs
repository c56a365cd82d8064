//! Events by the hour of the day, with the usual hours set off.

use crate::page::tenth;

/// Width of one hour in the drawing.
const WIDTH: f64 = 10.0;
/// Height of the drawing.
const HEIGHT: f64 = 48.0;

/// One hour.
#[derive(Debug)]
pub(crate) struct HourBar {
    pub class: &'static str,
    pub x: String,
    pub y: String,
    pub height: String,
    pub label: String,
}

/// The drawing, 240 by 48.
#[derive(Debug)]
pub(crate) struct Hours {
    /// Hours with events.
    pub bars: Vec<HourBar>,
    /// The finding in words.
    pub finding: String,
}

/// Draws the events of each hour.
pub(crate) fn hours(counts: &[u64; 24], typical: &[u8]) -> Hours {
    let most = counts.iter().copied().max().unwrap_or(0);
    let scale = (HEIGHT - 2.0) / most.max(1) as f64;
    let bars = (0_u8..).zip(counts).filter(|(_, count)| **count > 0);
    let bars = bars.map(|(hour, count)| {
        let height = (*count as f64 * scale).max(1.0);
        let usual = typical.contains(&hour);
        HourBar {
            class: if usual { "b-in" } else { "b-fp" },
            x: tenth(f64::from(hour) * WIDTH + 1.0),
            y: tenth(HEIGHT - height),
            height: tenth(height),
            label: format!("{}: {count}", scoring::words::hours(&[hour])),
        }
    });
    Hours {
        bars: bars.collect(),
        finding: finding(counts, typical, most),
    }
}

fn finding(counts: &[u64; 24], typical: &[u8], most: u64) -> String {
    if most == 0 {
        return "No events".to_owned();
    }
    let busiest = (0_u8..).zip(counts).find(|(_, count)| **count == most);
    let busiest = busiest.map_or_else(String::new, |(hour, _)| scoring::words::hours(&[hour]));
    let usual = scoring::words::hours(typical);
    format!("Usual hours {usual}; most events at {busiest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_hours_are_set_off() {
        let mut counts = [0; 24];
        counts[9] = 46;
        counts[10] = 23;
        counts[22] = 1;
        let drawn = hours(&counts, &[9, 10]);
        assert_eq!(drawn.bars.len(), 3);
        assert_eq!((drawn.bars[0].class, drawn.bars[2].class), ("b-in", "b-fp"));
        assert_eq!(
            (drawn.bars[0].x.as_str(), drawn.bars[0].y.as_str()),
            ("91", "2")
        );
        assert_eq!(drawn.finding, "Usual hours 09–11; most events at 09–10");
        assert_eq!(drawn.bars[2].label, "22–23: 1");
        assert_eq!(hours(&[0; 24], &[9]).finding, "No events");
    }
}
