//! JSON for reading: indented, otherwise exactly as it was sent.
//!
//! Numbers and the order of names are kept as they stand, which reading and writing the text
//! again would not do.

use crate::page::visible;

/// Deepest indentation: deeper levels stay at it, so that a hostile text cannot grow endlessly.
const DEEPEST: usize = 32;

/// Indents a JSON text and shows invisible characters.
pub(super) fn indented(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth: usize = 0;
    let (mut quoted, mut escaped) = (false, false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if quoted {
            out.push_str(&visible(c.encode_utf8(&mut [0; 4])));
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => {
                quoted = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                while rest.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = rest.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push_str(&visible(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indented_and_otherwise_kept() {
        let text = r#"{"b":[1,{}, "x,{\"\\"],"a":12345678901234567890.10,"e":[ ]}"#;
        let expected = r#"{
  "b": [
    1,
    {},
    "x,{\"\\"
  ],
  "a": 12345678901234567890.10,
  "e": []
}"#;
        assert_eq!(indented(text), expected);
    }

    #[test]
    fn what_is_hidden_is_shown() {
        assert_eq!(
            indented("{\"a\":\"x\u{202E}y\"}"),
            "{\n  \"a\": \"x⟨U+202E⟩y\"\n}"
        );
    }

    #[test]
    fn broken_text_does_no_harm() {
        assert_eq!(indented("}}]"), "\n}\n}\n]");
        assert_eq!(indented("\"open"), "\"open");
        assert!(indented(&"[".repeat(10_000)).len() < 1_000_000);
    }
}
