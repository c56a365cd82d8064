//! How far the findings of one detector have been read.

use domain::time::{DAY_US, MINUTE_US, Timestamp};
use serde::{Deserialize, Serialize};

/// So far before the cursor every run begins again: findings become visible with some delay and
/// clocks differ. What is read twice has the same identity and is stored once.
pub const OVERLAP_US: i64 = 15 * MINUTE_US;
/// How far the first run looks back: the length of a baseline.
pub const FIRST_LOOK_BACK_US: i64 = 14 * DAY_US;

/// Everything updated before this has been stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// `None` before the first run.
    pub updated_at: Option<Timestamp>,
    /// Runs in a row that used up their budget without getting past `updated_at`.
    #[serde(default)]
    pub stalled: u8,
}

impl Cursor {
    /// From which `updatedAt` a run at `now` lists, in whole milliseconds as the API takes it.
    pub fn since(&self, now: Timestamp) -> Timestamp {
        let from = match self.updated_at {
            // A clock that was wrong may have left a cursor in the future.
            Some(at) => at.min(now).plus(-OVERLAP_US),
            None => now.plus(-FIRST_LOOK_BACK_US),
        };
        let whole = from.micros().div_euclid(1000) * 1000;
        Timestamp::from_micros(whole.max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_123_456);

    #[test]
    fn overlap_and_first_look() {
        assert_eq!(
            Cursor::default().since(NOW),
            Timestamp::from_micros(1_800_000_000_123_000).plus(-FIRST_LOOK_BACK_US)
        );
        let at = |at| {
            Cursor {
                updated_at: Some(at),
                stalled: 0,
            }
            .since(NOW)
        };
        assert_eq!(
            at(NOW.plus(-DAY_US)),
            Timestamp::from_micros(1_800_000_000_123_000).plus(-DAY_US - OVERLAP_US)
        );
        assert_eq!(
            at(NOW.plus(DAY_US)),
            at(NOW),
            "a cursor in the future is pulled back"
        );
    }

    #[test]
    fn stored_form() {
        let cursor = Cursor {
            updated_at: Some(Timestamp::from_micros(0)),
            stalled: 2,
        };
        let text = serde_json::to_string(&cursor).unwrap();
        assert_eq!(text, r#"{"updatedAt":"1970-01-01T00:00:00Z","stalled":2}"#);
        assert_eq!(serde_json::from_str::<Cursor>(&text).unwrap(), cursor);
        assert_eq!(
            serde_json::from_str::<Cursor>("{}").unwrap(),
            Cursor::default()
        );
    }
}
