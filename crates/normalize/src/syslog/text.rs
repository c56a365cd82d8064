//! Bytes to text without losing any: invalid UTF-8 and control characters become visible.

use std::borrow::Cow;
use std::fmt::Write;

/// The text of a line. Bytes that are no UTF-8 become `\xNN`, control characters other than tab
/// and line feed `\u00NN`. Borrowed when nothing had to change.
pub(super) fn shown(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(hidden) => Cow::Borrowed(text),
        _ => Cow::Owned(escaped(bytes)),
    }
}

fn hidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n')
}

fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 32);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if hidden(c) {
                let _ = write!(out, "\\u{:04x}", c as u32);
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// The longest beginning of `text` that has at most `limit` bytes and ends between characters.
pub(super) fn head(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost() {
        let table: [(&[u8], &str); 5] = [
            (b"plain \xc3\xa4", "plain ä"),
            (b"PTHREAD \xf0(\x8c( x", "PTHREAD \\xf0(\\x8c( x"),
            (b"a\0b\x1b[31m", "a\\u0000b\\u001b[31m"),
            (b"tab\there", "tab\there"),
            (b"\xff", "\\xff"),
        ];
        for (bytes, text) in table {
            assert_eq!(shown(bytes), text);
        }
    }

    #[test]
    fn a_cut_falls_between_characters() {
        assert_eq!(head("aä", 2), "a");
        assert_eq!(head("aä", 3), "aä");
        assert_eq!(head("aä", 99), "aä");
    }
}
