//! Making text storable everywhere: no NUL, no control characters, no lone surrogates.

use std::borrow::Cow;

/// Replaces control characters (C0, DEL, C1) by visible escapes such as `\u0000`.
///
/// PostgreSQL stores no NUL, terminals obey the others. Borrowed when nothing had to change.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                use std::fmt::Write;
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Replaces `\uD800`-`\uDFFF` escapes that form no pair by `\uFFFD`, as JSON text.
///
/// Such escapes name no character (RFC 8259 section 8.2), and JSON readers refuse the whole text.
pub(crate) fn mend_surrogates(raw: &str) -> Cow<'_, str> {
    if !raw.contains("\\u") {
        return Cow::Borrowed(raw);
    }
    let bytes = raw.as_bytes();
    let mut out: Option<String> = None;
    let (mut copied, mut index) = (0, 0);
    while let Some(&byte) = bytes.get(index) {
        if byte != b'\\' {
            index += 1;
            continue;
        }
        match surrogate_at(bytes, index) {
            None => index += 2,
            Some(Surrogate::High) if surrogate_at(bytes, index + 6) == Some(Surrogate::Low) => {
                index += 12;
            }
            Some(_) => {
                let out = out.get_or_insert_with(|| String::with_capacity(raw.len()));
                out.push_str(raw.get(copied..index).unwrap_or_default());
                out.push_str("\\uFFFD");
                index += 6;
                copied = index;
            }
        }
    }
    match out {
        None => Cow::Borrowed(raw),
        Some(mut out) => {
            out.push_str(raw.get(copied..).unwrap_or_default());
            Cow::Owned(out)
        }
    }
}

#[derive(PartialEq, Eq)]
enum Surrogate {
    High,
    Low,
}

fn surrogate_at(bytes: &[u8], index: usize) -> Option<Surrogate> {
    let escape = bytes.get(index..index + 6)?;
    let [b'\\', b'u', b'd' | b'D', second, third, fourth] = escape else {
        return None;
    };
    if !third.is_ascii_hexdigit() || !fourth.is_ascii_hexdigit() {
        return None;
    }
    match second.to_ascii_lowercase() {
        b'8' | b'9' | b'a' | b'b' => Some(Surrogate::High),
        b'c'..=b'f' => Some(Surrogate::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(visible("plain ä"), "plain ä");
        assert_eq!(
            visible("a\0b\u{1b}[31m\u{85}"),
            "a\\u0000b\\u001b[31m\\u0085"
        );
        assert_eq!(visible("a\r\nb\tc"), "a\\r\\nb\\tc");
    }

    #[test]
    fn lone_surrogates_are_replaced_and_pairs_kept() {
        let table = [
            (r#""\ud800""#, r#""\uFFFD""#),
            (r#""\uDC00x""#, r#""\uFFFDx""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\uFFFD\ud83d\ude00""#),
            (r#""\\ud800""#, r#""\\ud800""#),
            (r#""\ud8""#, r#""\ud8""#),
            (r#""\u0041""#, r#""\u0041""#),
        ];
        for (raw, mended) in table {
            assert_eq!(mend_surrogates(raw), mended);
        }
    }
}
