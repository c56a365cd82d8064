//! Looking into a finding whose keys are camelCase or PascalCase and whose values may be of any
//! type: everything that is not as expected is simply not there.

use std::borrow::Cow;
use std::net::IpAddr;

use serde_json::Value;

use crate::text::visible;

/// Longest name taken from a finding, in characters; the actor is part of an index key.
const NAME_LIMIT: usize = 512;

/// A place in a document, or nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a>(Option<&'a Value>);

impl<'a> Node<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        Self(Some(value))
    }

    /// The value under a key, whatever the case of its letters: `accessKeyDetails` finds
    /// `AccessKeyDetails`, `sourceIps` finds `sourceIPs`. The exact spelling wins.
    pub(super) fn get(self, key: &str) -> Self {
        let Some(Value::Object(map)) = self.0 else {
            return Self(None);
        };
        let exact = map.get(key);
        let any_case = || {
            map.iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(key))
                .map(|(_, value)| value)
        };
        Self(exact.or_else(any_case).filter(|value| !value.is_null()))
    }

    pub(super) fn is_absent(self) -> bool {
        self.0.is_none()
    }

    pub(super) fn is_object(self) -> bool {
        self.0.is_some_and(Value::is_object)
    }

    pub(super) fn list(self) -> Option<&'a [Value]> {
        self.0.and_then(Value::as_array).map(Vec::as_slice)
    }

    /// The elements of a list; an object counts as a list of itself.
    pub(super) fn items(self) -> impl Iterator<Item = Node<'a>> {
        let alone = self.0.filter(|value| value.is_object());
        self.list()
            .unwrap_or_default()
            .iter()
            .chain(alone)
            .map(Node::of)
    }

    pub(super) fn first(self) -> Node<'a> {
        let first = self.items().next();
        first.unwrap_or(Self(None))
    }

    pub(super) fn text(self) -> Option<&'a str> {
        self.0.and_then(Value::as_str)
    }

    /// A text that names something: trimmed, storable, not empty, cut at the limit.
    pub(super) fn name(self) -> Option<String> {
        let text = self.text()?.trim();
        let shown = visible(text);
        let cut: String = shown.chars().take(NAME_LIMIT).collect();
        (!cut.is_empty()).then_some(cut)
    }

    /// A text or number as text.
    pub(super) fn scalar_text(self) -> Option<Cow<'a, str>> {
        match self.0? {
            Value::String(text) if !text.trim().is_empty() => Some(Cow::Borrowed(text)),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    /// A number, also one written as text.
    pub(super) fn number(self) -> Option<f64> {
        let number = match self.0? {
            Value::Number(number) => number.as_f64()?,
            Value::String(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    /// A number as JSON: whole where it is whole.
    pub(super) fn whole_or_float(self) -> Option<Value> {
        let number = self.number()?;
        let whole = number.fract() == 0.0 && number.abs() < 9e15;
        Some(if whole {
            Value::from(number as i64)
        } else {
            Value::from(number)
        })
    }

    /// A truth value, also one written as text by a middleman.
    pub(super) fn flag(self) -> Option<bool> {
        match self.0? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    pub(super) fn ip(self) -> Option<IpAddr> {
        let address: IpAddr = self.text()?.trim().parse().ok()?;
        Some(address.to_canonical())
    }
}
