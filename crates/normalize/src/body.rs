//! Cutting a request body into items.

use serde_json::value::RawValue;
use thiserror::Error;

use crate::Problem;

/// Most items of one request.
pub const MAX_ITEMS: usize = 10_000;

/// A body cut into items.
#[derive(Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// One JSON object: the sender expects the answer for a single event.
    Single(&'a str),
    /// An array or NDJSON: the sender expects counts and a list of problems.
    Batch(Vec<Result<&'a str, Problem>>),
}

/// Why a body as a whole was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// Nothing in it can be read.
    #[error("{0}")]
    Unreadable(String),
    /// More than [`MAX_ITEMS`] items.
    #[error("the body holds {0} events; send at most {MAX_ITEMS} in one request")]
    TooMany(usize),
}

/// Cuts a body into items. `ndjson` is true when the sender labelled it so.
///
/// NDJSON is recognised whatever its label. Only a body in which nothing can be read is refused
/// as a whole.
pub fn split(bytes: &[u8], ndjson: bool) -> Result<Body<'_>, Refused> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let trimmed = bytes.trim_ascii();
    match trimmed.first() {
        None => Err(unreadable(
            "the body is empty: send a JSON object, a JSON array or NDJSON",
        )),
        Some(b'[') => array(trimmed),
        Some(_) if ndjson => lines(trimmed),
        Some(b'{') => match one_object(trimmed) {
            Ok(item) => Ok(Body::Single(item)),
            Err(error) if has_several_lines(trimmed) && any_line_is_json(trimmed) => {
                drop(error);
                lines(trimmed)
            }
            Err(error) => Err(unreadable(&format!("the body is not valid JSON: {error}"))),
        },
        Some(_) if has_several_lines(trimmed) && any_line_is_json(trimmed) => lines(trimmed),
        Some(_) => Err(unreadable(
            "the body is not a JSON object, a JSON array or NDJSON",
        )),
    }
}

fn unreadable(message: &str) -> Refused {
    Refused::Unreadable(message.to_owned())
}

fn array(bytes: &[u8]) -> Result<Body<'_>, Refused> {
    let items: Vec<&RawValue> = serde_json::from_slice(bytes)
        .map_err(|e| unreadable(&format!("the body is not a valid JSON array: {e}")))?;
    limit(items.len())?;
    Ok(Body::Batch(
        items.into_iter().map(|raw| Ok(raw.get())).collect(),
    ))
}

fn one_object(bytes: &[u8]) -> Result<&str, serde_json::Error> {
    serde_json::from_slice::<&RawValue>(bytes).map(RawValue::get)
}

fn lines(bytes: &[u8]) -> Result<Body<'_>, Refused> {
    let lines = bytes
        .split(|b| *b == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty());
    let items: Vec<_> = lines.map(line).collect();
    limit(items.len())?;
    Ok(Body::Batch(items))
}

/// One line of NDJSON as text.
pub fn line(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|e| {
        Problem::new(
            "event",
            format!("not UTF-8 text at byte {}", e.valid_up_to()),
        )
    })
}

fn limit(count: usize) -> Result<(), Refused> {
    if count > MAX_ITEMS {
        return Err(Refused::TooMany(count));
    }
    Ok(())
}

fn has_several_lines(bytes: &[u8]) -> bool {
    bytes.contains(&b'\n')
}

fn any_line_is_json(bytes: &[u8]) -> bool {
    bytes
        .split(|b| *b == b'\n')
        .map(<[u8]>::trim_ascii)
        .any(|line| line.first() == Some(&b'{') && one_object(line).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(body: &str, ndjson: bool) -> String {
        match split(body.as_bytes(), ndjson) {
            Ok(Body::Single(_)) => "single".to_owned(),
            Ok(Body::Batch(items)) => format!("batch {}", items.len()),
            Err(Refused::Unreadable(_)) => "unreadable".to_owned(),
            Err(Refused::TooMany(n)) => format!("too many {n}"),
        }
    }

    #[test]
    fn shapes() {
        let table = [
            ("{}", false, "single"),
            ("  {\n \"a\": 1\n}\n", false, "single"),
            ("\u{FEFF}{}", false, "single"),
            ("{}", true, "batch 1"),
            ("[{}]", false, "batch 1"),
            ("[]", false, "batch 0"),
            ("[{}, 5, null]", false, "batch 3"),
            ("{}\n{}", false, "batch 2"),
            ("{}\r\n\r\n{}\r\n", true, "batch 2"),
            ("{bad\n{\"ok\":1}", false, "batch 2"),
            ("nonsense\n{\"ok\":1}", false, "batch 2"),
            ("{bad\n{worse", true, "batch 2"),
            ("{bad\n{worse", false, "unreadable"),
            ("", false, "unreadable"),
            ("5", false, "unreadable"),
            ("{", false, "unreadable"),
            ("[{}", false, "unreadable"),
        ];
        for (body, ndjson, expected) in table {
            assert_eq!(shape(body, ndjson), expected, "{body:?}");
        }
        let many = "{}\n".repeat(MAX_ITEMS + 1);
        assert_eq!(shape(&many, true), format!("too many {}", MAX_ITEMS + 1));
        assert_eq!(
            shape(&"{}\n".repeat(MAX_ITEMS), true),
            format!("batch {MAX_ITEMS}")
        );
    }

    #[test]
    fn a_line_that_is_not_utf8_is_one_problem() {
        let Ok(Body::Batch(items)) = split(b"{}\n{\"a\":\"\xFF\"}\n{}", true) else {
            panic!("not a batch");
        };
        assert_eq!(items.iter().filter(|i| i.is_err()).count(), 1);
    }

    #[test]
    fn deep_nesting_stays_inside_its_item() {
        let deep = format!("[{{}},{}{}]", "[".repeat(500), "]".repeat(500));
        assert_eq!(shape(&deep, false), "batch 2");
    }
}
