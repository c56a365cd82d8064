//! Whether bytes are an RFC 5424 message to the letter.
//!
//! The reader is lenient on purpose; this is for telling a sender that it could do better.

use std::collections::HashSet;

/// True for bytes that satisfy the grammar of RFC 5424 section 6, including lengths, dates and
/// unique element ids.
pub fn is_rfc5424(bytes: &[u8]) -> bool {
    header(bytes).is_some_and(|rest| data(rest).is_some())
}

/// `<PRI>VERSION SP TIMESTAMP SP HOST SP APP SP PROCID SP MSGID SP`; gives what follows.
fn header(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(b"<")?;
    let close = rest.iter().take(4).position(|b| *b == b'>')?;
    let (priority, rest) = (rest.get(..close)?, rest.get(close + 1..)?);
    let number = digits(priority)?;
    if number > 191 || (priority.len() > 1 && priority.starts_with(b"0")) {
        return None;
    }
    let (version, rest) = word(rest)?;
    if version.len() > 3 || version.starts_with(b"0") {
        return None;
    }
    digits(version)?;
    let (stamp, mut rest) = word(rest)?;
    if stamp != b"-" && !is_timestamp(stamp) {
        return None;
    }
    for most in [255, 48, 128, 32] {
        let (name, after) = word(rest)?;
        let printable = name.iter().all(u8::is_ascii_graphic);
        if name.is_empty() || name.len() > most || !printable {
            return None;
        }
        rest = after;
    }
    Some(rest)
}

/// Structured data, and after it nothing or a space.
fn data(bytes: &[u8]) -> Option<()> {
    let mut rest = bytes;
    if let Some(after) = rest.strip_prefix(b"-") {
        rest = after;
    } else {
        let mut ids = HashSet::new();
        while let Some(inner) = rest.strip_prefix(b"[") {
            let (id, after) = element(inner)?;
            if !ids.insert(id) {
                return None;
            }
            rest = after;
        }
        if ids.is_empty() {
            return None;
        }
    }
    (rest.is_empty() || rest.starts_with(b" ")).then_some(())
}

fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (id, mut rest) = name(bytes)?;
    loop {
        if let Some(after) = rest.strip_prefix(b"]") {
            return Some((id, after));
        }
        let (_, after) = name(rest.strip_prefix(b" ")?)?;
        rest = value(after.strip_prefix(b"=\"")?)?;
    }
}

/// 1 to 32 printable characters other than `=`, `]`, `"` and space.
fn name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let fits = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'=' | b']' | b'"');
    let length = bytes.iter().take_while(|b| fits(b)).count();
    if !(1..=32).contains(&length) {
        return None;
    }
    Some(bytes.split_at(length))
}

/// UTF-8 in which `"`, `\` and `]` are escaped, up to the closing quote.
fn value(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => break,
            b']' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    std::str::from_utf8(bytes.get(..at)?).ok()?;
    bytes.get(at + 1..)
}

fn is_timestamp(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let fraction_fits = text
        .split_once('.')
        .is_none_or(|(_, f)| (1..=6).contains(&f.bytes().take_while(u8::is_ascii_digit).count()));
    let shape = text.as_bytes().get(10) == Some(&b'T') && !text.ends_with('z');
    let offset_fits = text.ends_with('Z')
        || text
            .len()
            .checked_sub(6)
            .and_then(|at| text.get(at..))
            .is_some_and(|o| o.starts_with(['+', '-']) && o.get(1..3) <= Some("23"));
    fraction_fits && shape && offset_fits && text.parse::<domain::time::Timestamp>().is_ok()
}

fn digits(bytes: &[u8]) -> Option<u32> {
    let all = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(bytes)
        .ok()
        .filter(|_| all)?
        .parse()
        .ok()
}

fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|b| *b == b' ')?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        let right = [
            "<10>1 - - - - - -",
            "<1>101 - host-name app-name - - -",
            "<165>222 2003-08-24T05:14:15.000002-01:00 - - - - - ",
            r#"<29>50 2016-01-15T01:00:43Z hn S - - [meta es="\\valid"] x"#,
            r#"<29>2 2016-01-15T01:00:43Z h A p - [meta e="\]\"\\\\\]\""]"#,
            "<1>1 - - - - - - x\ny",
        ];
        for line in right {
            assert!(is_rfc5424(line.as_bytes()), "{line}");
        }
        let wrong = [
            "",
            "<1>1 - \nhostname - - - -",
            "<192>1 - - - - - -",
            "<002>122 2018-11-22",
            "<1>01 - - - - - -",
            "<1>1000 - - - - - -",
            "<29>1 2006-01-02T15:04:05Z+07:00 - - - - -",
            "<101>12 2003-09-31T22:14:16Z - - - - -",
            "<1>1 -   - - - -",
            "<1>1 - - - - - []",
            r#"<1>1 - - - - - [a e="]"]"#,
            r#"<1>1 - - - - - [d e="1"][d c="l"]"#,
            r#"<1>1 - - - - - [a e="1"]x"#,
            "<1>10 -- - - - -",
            "<14>Jan  1 00:00:00 host tag: x",
        ];
        for line in wrong {
            assert!(!is_rfc5424(line.as_bytes()), "{line}");
        }
    }
}
