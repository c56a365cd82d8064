//! What a reader found, put together step by step.

use std::net::IpAddr;

use domain::event::Outcome;
use domain::severity::Severity;
use domain::time::Timestamp;
use serde_json::Value;

use super::scan;
use crate::item::{NAME_LIMIT, TEXT_LIMIT};
use crate::record::Record;
use crate::text::visible;

/// A record in the making.
#[derive(Debug)]
pub(crate) struct Finding(Record);

impl Finding {
    pub(super) fn of(action: &str) -> Self {
        let mut found = Self(Record::default());
        found.0.action = name(action).unwrap_or_else(|| crate::action::LOG_MESSAGE.to_owned());
        found
    }

    pub(super) fn succeeded(mut self) -> Self {
        self.0.outcome = Outcome::Success;
        self
    }

    pub(super) fn failed(mut self) -> Self {
        self.0.outcome = Outcome::Failure;
        self
    }

    pub(super) fn successful(self, success: bool) -> Self {
        if success {
            self.succeeded()
        } else {
            self.failed()
        }
    }

    /// The device's own word, read by its meaning.
    pub(super) fn outcome(mut self, word: Option<&str>) -> Self {
        if let Some(word) = word.map(str::trim).filter(|w| !w.is_empty()) {
            self.0.outcome = scan::outcome(word);
            self.0.outcome_word = name(word);
        }
        self
    }

    /// Who acted. Placeholders for nobody are nobody.
    pub(super) fn actor<'t>(mut self, actor: impl Into<Option<&'t str>>) -> Self {
        if let Some(actor) = actor.into().and_then(scan::somebody) {
            self.0.actor = name(actor);
        }
        self
    }

    pub(super) fn ip(mut self, ip: Option<IpAddr>) -> Self {
        self.0.ip = ip.or(self.0.ip);
        self
    }

    /// Where the actor came from: an address, or a name, which is kept as an attribute.
    pub(super) fn origin<'t>(self, origin: impl Into<Option<&'t str>>) -> Self {
        let Some(origin) = origin.into().map(str::trim) else {
            return self;
        };
        match scan::endpoint(origin) {
            Some((ip, port)) => self.ip(Some(ip)).attr("src_port", port),
            None if scan::somebody(origin).is_some() => self.attr("remote_host", origin),
            None => self,
        }
    }

    pub(super) fn resource<'t>(mut self, resource: impl Into<Option<&'t str>>) -> Self {
        self.0.resource = resource.into().and_then(text).or(self.0.resource);
        self
    }

    pub(super) fn object<'t>(mut self, object: impl Into<Option<&'t str>>) -> Self {
        self.0.resource_id = object.into().and_then(text).or(self.0.resource_id);
        self
    }

    pub(super) fn agent<'t>(mut self, agent: impl Into<Option<&'t str>>) -> Self {
        let agent = agent.into().filter(|a| *a != "-");
        self.0.user_agent = agent.and_then(text);
        self
    }

    pub(super) fn bytes(mut self, bytes: Option<i64>) -> Self {
        self.0.bytes = bytes.filter(|b| *b >= 0);
        self
    }

    pub(super) fn severity(mut self, severity: Option<Severity>) -> Self {
        self.0.severity = severity;
        self
    }

    pub(super) fn at(mut self, timestamp: Option<Timestamp>) -> Self {
        self.0.timestamp = timestamp;
        self
    }

    pub(super) fn host<'t>(mut self, host: impl Into<Option<&'t str>>) -> Self {
        self.0.host = host.into().and_then(name);
        self
    }

    pub(super) fn app<'t>(mut self, app: impl Into<Option<&'t str>>) -> Self {
        self.0.app = app.into().and_then(name);
        self
    }

    /// The service that was used, in the attributes.
    pub(super) fn service(self, service: &str) -> Self {
        self.attr("service", service)
    }

    /// One more thing that was said; nothing, null and empty text are left out.
    pub(super) fn attr(mut self, key: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let empty = value.is_null() || value.as_str().is_some_and(|t| t.trim().is_empty());
        if !empty {
            self.0.attributes.insert(key.to_owned(), value);
        }
        self
    }

    pub(super) fn number(self, key: &str, text: &str) -> Self {
        match text.parse::<i64>() {
            Ok(number) => self.attr(key, number),
            Err(_) => self.attr(key, text),
        }
    }

    /// Whether somebody or some address is known.
    pub(super) fn tells(&self) -> bool {
        self.0.actor.is_some() || self.0.ip.is_some()
    }

    pub(super) fn has_actor(&self) -> bool {
        self.0.actor.is_some()
    }

    pub(super) fn finish(self) -> Record {
        self.0
    }
}

fn name(value: &str) -> Option<String> {
    cut(value, NAME_LIMIT)
}

fn text(value: &str) -> Option<String> {
    cut(value, TEXT_LIMIT)
}

fn cut(value: &str, limit: usize) -> Option<String> {
    let value = visible(value.trim());
    let end = value
        .char_indices()
        .nth(limit)
        .map_or(value.len(), |(at, _)| at);
    let kept = value.get(..end)?;
    (!kept.is_empty()).then(|| kept.to_owned())
}
