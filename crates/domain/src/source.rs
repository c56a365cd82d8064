//! Something that may send events and owns API keys.

use serde::{Deserialize, Serialize};

use crate::id::SourceId;
use crate::redaction::Redaction;
use crate::tenant::Slug;
use crate::time::Timestamp;

/// Requests per minute a new source may make. 0 means no limit.
pub const DEFAULT_RATE_LIMIT: u32 = 1000;
/// Fewest days raw events may be kept: below it the 14-day baseline could not be rebuilt.
pub const MIN_RETENTION_DAYS: u32 = 1;
/// Most days raw events may be kept: ten years.
pub const MAX_RETENTION_DAYS: u32 = 3650;

/// A source of events.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Row id.
    pub id: SourceId,
    /// Name in addresses.
    pub slug: Slug,
    /// Everything an administrator may change.
    pub settings: SourceSettings,
    /// Counts up with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What an administrator may change about a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceSettings {
    /// Name for people.
    pub name: String,
    /// A disabled source accepts nothing.
    pub enabled: bool,
    /// Days its raw events are kept, counted from the later of event time and receipt.
    /// Absent: the tenant's setting.
    pub retention_days: Option<u32>,
    /// Requests a minute per process; 0 = no limit.
    pub rate_limit_per_minute: u32,
    /// What is removed before anything is written.
    pub redaction: Redaction,
}

impl SourceSettings {
    /// A new, enabled source with the default limits.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            enabled: true,
            retention_days: None,
            rate_limit_per_minute: DEFAULT_RATE_LIMIT,
            redaction: Redaction::default(),
        }
    }

    /// The first field that is out of bounds, with what would be right.
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        if self.name.trim().is_empty() || self.name.chars().count() > 100 {
            return Some(("name", "give a name of 1 to 100 characters"));
        }
        if self
            .retention_days
            .is_some_and(|d| !(MIN_RETENTION_DAYS..=MAX_RETENTION_DAYS).contains(&d))
        {
            return Some(("retentionDays", "choose 1 to 3650 days"));
        }
        if self.rate_limit_per_minute > 1_000_000 {
            return Some((
                "rateLimitPerMinute",
                "choose 0 (no limit) to 1000000 requests a minute",
            ));
        }
        self.redaction.problem()
    }
}
