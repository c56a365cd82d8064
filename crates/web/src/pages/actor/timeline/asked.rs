//! Which days are wanted and how closely, and the links to others.

use domain::time::{Day, Zone};
use store::actors::Actor;

use crate::query::{Address, not_known, pairs};

/// What the address asks for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Usual things too, one by one.
    pub(super) everything: bool,
    /// The days before this one.
    pub(super) before: Option<Day>,
    /// Values that were ignored, in words.
    pub(crate) ignored: Vec<String>,
}

impl Asked {
    pub(crate) fn read(query: &str) -> Self {
        let mut asked = Self::default();
        for (key, value) in pairs(query) {
            let known = match key.as_str() {
                "show" if value == "all" => {
                    asked.everything = true;
                    true
                }
                "before" => {
                    asked.before = value.parse().ok();
                    asked.before.is_some()
                }
                "show" => false,
                _ => true,
            };
            if !known && !value.is_empty() {
                asked.ignored.push(not_known(&key, &value));
            }
        }
        asked
    }
}

/// Where the timeline leads.
pub(crate) struct Links {
    pub unusual: String,
    pub all: String,
    pub earlier: Option<String>,
    pub latest: Option<String>,
}

impl Links {
    pub(super) fn of(actor: &Actor, asked: &Asked, first: Day, zone: &Zone) -> Self {
        let mut here = Address::of(format!("/actors/{}", actor.id.code()));
        if let Some(before) = asked.before {
            here.put("before", before.to_string());
        }
        if asked.everything {
            here.put("show", "all");
        }
        let more = zone.local(actor.first_seen_at).day < first;
        Self {
            unusual: here.without("show").to_string(),
            all: here.with("show", "all").to_string(),
            earlier: more.then(|| here.with("before", first.to_string()).to_string()),
            latest: asked.before.map(|_| here.without("before").to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_values_are_named_and_ignored() {
        let asked = Asked::read("show=all&before=2026-03-02&x=1");
        assert!(asked.everything && asked.before.is_some() && asked.ignored.is_empty());
        let wrong = Asked::read("show=none&before=yesterday");
        assert!(!wrong.everything && wrong.before.is_none());
        assert_eq!(wrong.ignored.len(), 2);
    }
}
