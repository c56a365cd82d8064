//! Which values are removed before the first durable write. The choice; `normalize` applies it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What happens to one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// Stored as sent.
    #[default]
    Keep,
    /// Not stored.
    Drop,
    /// Replaced by its first and last character with dots between.
    Mask,
    /// Replaced by a keyed hash: equal values stay equal, the value is gone.
    Hash,
}

/// The redaction of one source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Redaction {
    /// Treatment of the resource id.
    pub resource_id: Treatment,
    /// Treatment of attributes by name; a dotted name reaches into nested objects.
    pub attributes: BTreeMap<String, Treatment>,
}

impl Redaction {
    /// True when nothing is removed.
    pub fn is_empty(&self) -> bool {
        self.resource_id == Treatment::Keep
            && self.attributes.values().all(|t| *t == Treatment::Keep)
    }

    /// The first field that is out of bounds, with what would be right.
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        if self.attributes.len() > 100 {
            return Some(("redaction.attributes", "name at most 100 attributes"));
        }
        if self
            .attributes
            .keys()
            .any(|name| name.is_empty() || name.len() > 200)
        {
            return Some((
                "redaction.attributes",
                "attribute names have 1 to 200 characters",
            ));
        }
        None
    }
}
