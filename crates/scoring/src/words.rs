//! Numbers as people read them. Used by sentences, pages and the command line alike.

/// Bytes in IEC units with two to three significant digits: `4.2 GiB`, `812 B`.
pub fn bytes(amount: f64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if amount < 1024.0 {
        return format!("{} B", amount.round());
    }
    let mut value = amount;
    let mut unit = "B";
    for next in UNITS {
        if value < 999.5 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if value < 9.95 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// A whole number with narrow no-break spaces between thousands: `41 203`.
pub fn count(amount: f64) -> String {
    let digits = format!("{}", amount.round().abs());
    let mut out = String::with_capacity(digits.len() + 4);
    if amount.round() < 0.0 {
        out.push('−');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push('\u{202F}');
        }
        out.push(digit);
    }
    out
}

/// A number that may be a half, such as a median: `4`, `4.5`.
pub fn amount(value: f64) -> String {
    if (value - value.round()).abs() < 0.05 {
        count(value)
    } else {
        format!("{value:.1}")
    }
}

/// A multiple of the usual: `5.1×`, `84×`.
pub fn ratio(value: f64) -> String {
    if value < 9.95 {
        format!("{value:.1}×")
    } else {
        format!("{}×", count(value))
    }
}

/// `1 failure`, `8 failures`.
pub fn plural(value: f64, one: &str, many: &str) -> String {
    let word = if (value - 1.0).abs() < 1e-9 {
        one
    } else {
        many
    };
    format!("{} {word}", amount(value))
}

/// Hours as ranges of clock time: `08–12, 13–18`; `0–24` is `all day`.
pub fn hours(hours: &[u8]) -> String {
    if hours.len() == 24 {
        return "all day".to_owned();
    }
    hours
        .chunk_by(|a, b| a + 1 == *b)
        .filter_map(|run| Some((run.first()?, run.last()?)))
        .map(|(first, last)| format!("{first:02}–{:02}", last + 1))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Minutes as people say them: `10 minutes`, `1 hour`, `24 hours`.
pub fn window(minutes: u32) -> String {
    match minutes {
        m if m >= 60 && m.is_multiple_of(60) => plural(f64::from(m / 60), "hour", "hours"),
        m => plural(f64::from(m), "minute", "minutes"),
    }
}

/// Joins parts with commas and a last "and".
pub fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(1023.0), "1023 B");
        assert_eq!(bytes(1536.0), "1.5 KiB");
        assert_eq!(bytes(4.2 * 1_073_741_824.0), "4.2 GiB");
        assert_eq!(bytes(52_428_800.0), "50 MiB");
        assert_eq!(bytes(1000.0 * 1024.0), "1.0 MiB");
        assert_eq!(count(41_203.0), "41\u{202F}203");
        assert_eq!(count(-1234.0), "−1\u{202F}234");
        assert_eq!(amount(4.5), "4.5");
        assert_eq!(ratio(5.12), "5.1×");
        assert_eq!(ratio(84.4), "84×");
        assert_eq!(plural(1.0, "failure", "failures"), "1 failure");
        assert_eq!(window(10), "10 minutes");
        assert_eq!(window(60), "1 hour");
        assert_eq!(window(1440), "24 hours");
    }

    #[test]
    fn hour_ranges() {
        assert_eq!(hours(&[8, 9, 10, 13, 14]), "08–11, 13–15");
        assert_eq!(hours(&[23]), "23–24");
        assert_eq!(hours(&(0..24).collect::<Vec<_>>()), "all day");
    }

    #[test]
    fn lists() {
        let parts = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(list(&parts), "a, b and c");
        assert_eq!(list(&parts[..1]), "a");
        assert_eq!(list(&[]), "");
    }
}
