//! Reading the event time: ISO 8601 with a zone, or epoch seconds or milliseconds.

use domain::time::Timestamp;

use crate::value::Scalar;

/// From this number on an epoch value counts milliseconds: as seconds it would be the year 5138.
const MILLIS_FROM: f64 = 1e11;
/// Beyond it a number is neither seconds nor milliseconds.
const MILLIS_UNTIL: f64 = 2.5e14;

/// Why a timestamp was refused, with what would be right.
pub(crate) fn read(scalar: Scalar<'_>) -> Result<Timestamp, String> {
    let text = scalar.into_text();
    let text = text.trim();
    let numeric = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    let instant = match (numeric && !text.is_empty()).then(|| text.parse::<f64>()) {
        Some(Ok(number)) => epoch(number, text)?,
        _ => iso(text)?,
    };
    if instant < Timestamp::from_micros(0) {
        return Err("the time lies before 1970".to_owned());
    }
    Ok(instant)
}

fn iso(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        format!(
            "{:?} is not a time; send ISO 8601 with Z or an offset, such as 2026-03-02T23:10:04Z, \
             or epoch seconds or milliseconds",
            text.chars().take(40).collect::<String>()
        )
    })
}

fn epoch(number: f64, text: &str) -> Result<Timestamp, String> {
    if !number.is_finite() || number.abs() > MILLIS_UNTIL {
        return Err("the number is out of range for epoch seconds or milliseconds".to_owned());
    }
    let scale = if number.abs() < MILLIS_FROM {
        1_000_000
    } else {
        1000
    };
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(Timestamp::from_micros(whole.saturating_mul(scale)));
    }
    Ok(Timestamp::from_micros(
        (number * scale as f64).round() as i64
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    #[test]
    fn forms() {
        let table = [
            ("2026-03-02T23:10:04Z", "2026-03-02T23:10:04Z"),
            ("2026-03-02T23:10:04.123456Z", "2026-03-02T23:10:04.123456Z"),
            (
                "2026-03-02T23:10:04.123456789Z",
                "2026-03-02T23:10:04.123456Z",
            ),
            ("2026-03-03T00:10:04+01:00", "2026-03-02T23:10:04Z"),
            ("2026-03-02 18:10:04-0500", "2026-03-02T23:10:04Z"),
            ("1772493004", "2026-03-02T23:10:04Z"),
            ("1772493004.5", "2026-03-02T23:10:04.5Z"),
            ("1772493004123", "2026-03-02T23:10:04.123Z"),
            (" 1772493004 ", "2026-03-02T23:10:04Z"),
            ("0", "1970-01-01T00:00:00Z"),
        ];
        for (text, expected) in table {
            let read = read(Scalar::Text(Cow::Borrowed(text)));
            assert_eq!(
                read.map(|t| t.to_string()),
                Ok(expected.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn refusals() {
        for text in [
            "",
            "yesterday",
            "2026-03-02",
            "2026-03-02T23:10:04",
            "1e400",
            "1e300",
            "-1",
            "99999999999999999999",
            "2026-13-40T00:00:00Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert!(read(Scalar::Text(Cow::Borrowed(text))).is_err(), "{text}");
        }
    }
}
