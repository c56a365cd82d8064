//! What lists read from their address and write into links: pairs, instants, filters.

use domain::time::{DAY_US, Day, HOUR_US, Timestamp};
use store::Scope;

use crate::page::encode;

/// The pairs of a query string or form body, decoded.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query.split('&').filter(|p| !p.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    })
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let hex = std::str::from_utf8(&digits).unwrap_or_default();
                bytes.push(u8::from_str_radix(hex, 16).unwrap_or(b'?'));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// RFC 3339, a date, or relative: `-24h`, `-7d`.
pub(crate) fn instant(text: &str, scope: &Scope) -> Option<Timestamp> {
    if let Some(relative) = text.strip_prefix('-') {
        let (number, unit) = relative.split_at_checked(relative.len().checked_sub(1)?)?;
        let number: i64 = number.parse().ok().filter(|n| (0..=3650).contains(n))?;
        let unit = match unit {
            "h" => HOUR_US,
            "d" => DAY_US,
            _ => return None,
        };
        return Some(scope.now.plus(-number * unit));
    }
    if let Ok(day) = text.parse::<Day>() {
        return Some(scope.tenant.scoring.zone.day_start(day));
    }
    text.parse().ok()
}

/// What a page says about a value it cannot use.
pub(crate) fn not_known(key: &str, value: &str) -> String {
    let shown: String = value.chars().take(40).collect();
    format!("{key}={shown} is not known, ignored")
}

/// One active filter, and the address without it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chip {
    pub name: &'static str,
    pub value: String,
    pub without: String,
}

/// An address in canonical order with defaults left out, so that it stays short and compares.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    path: String,
    parts: Vec<(&'static str, String)>,
}

impl Address {
    /// The address without any part.
    pub(crate) fn of(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            parts: Vec::new(),
        }
    }

    /// Adds a part; an empty value says nothing and is left out.
    pub(crate) fn put(&mut self, key: &'static str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.parts.push((key, value));
        }
    }

    /// The address with one part set instead of what it was.
    pub(crate) fn with(&self, key: &'static str, value: impl Into<String>) -> Self {
        let mut other = self.without(key);
        other.put(key, value);
        other
    }

    /// The address without one part.
    pub(crate) fn without(&self, key: &str) -> Self {
        let mut other = self.clone();
        other.parts.retain(|(k, _)| *k != key);
        other
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)?;
        for (index, (key, value)) in self.parts.iter().enumerate() {
            let sign = if index == 0 { '?' } else { '&' };
            write!(f, "{sign}{key}={}", encode(value))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        let read: Vec<_> = pairs("q=a+b%26c&&flag&sev=high").collect();
        let expected = [("q", "a b&c"), ("flag", ""), ("sev", "high")];
        assert_eq!(read, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
        assert_eq!(decode("%zz%C3%A4"), "?ä");
    }

    #[test]
    fn addresses_are_canonical() {
        let mut address = Address::of("/actors");
        assert_eq!(address.to_string(), "/actors");
        address.put("q", "a&b");
        address.put("kind", "");
        address.put("sort", "name");
        assert_eq!(address.to_string(), "/actors?q=a%26b&sort=name");
        assert_eq!(address.without("q").to_string(), "/actors?sort=name");
        let next = address.with("sort", "-seen");
        assert_eq!(next.to_string(), "/actors?q=a%26b&sort=-seen");
    }

    #[test]
    fn wrong_values_are_named() {
        assert_eq!(
            not_known("kind", "robot"),
            "kind=robot is not known, ignored"
        );
        assert!(not_known("q", &"x".repeat(500)).len() < 80);
    }
}
