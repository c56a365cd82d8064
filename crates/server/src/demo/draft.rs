//! An event on its way to JSON: what a source knows about it and how that source writes it.

use std::borrow::Cow;

use domain::time::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::random::fingerprint;
use super::source;

/// An event that is not written yet: cheap to throw away when its time was not asked for.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) source: &'static str,
    pub(super) at: Timestamp,
    pub(super) id: u64,
    actor: &'static str,
    kind: Option<&'static str>,
    action: &'static str,
    resource: Option<(&'static str, Cow<'static, str>)>,
    ip: Option<Cow<'static, str>>,
    agent: Option<&'static str>,
    host: Option<Cow<'static, str>>,
    bytes: Option<u64>,
    failed: bool,
    extra: Vec<(&'static str, Cow<'static, str>)>,
}

impl Draft {
    /// A successful action; its time is cut to what the source's clock resolves.
    pub(super) fn new(
        source: &'static str,
        at: Timestamp,
        actor: &'static str,
        action: &'static str,
    ) -> Self {
        let micros = at.micros();
        Self {
            source,
            at: Timestamp::from_micros(micros - micros.rem_euclid(resolution(source))),
            id: 0,
            actor,
            kind: None,
            action,
            resource: None,
            ip: None,
            agent: None,
            host: None,
            bytes: None,
            failed: false,
            extra: Vec::new(),
        }
    }

    /// The actor is not a person.
    pub(super) fn by(mut self, kind: &'static str) -> Self {
        self.kind = Some(kind);
        self
    }

    /// What was acted on.
    pub(super) fn on(mut self, kind: &'static str, id: impl Into<Cow<'static, str>>) -> Self {
        self.resource = Some((kind, id.into()));
        self
    }

    /// The address it came from.
    pub(super) fn from(mut self, ip: impl Into<Cow<'static, str>>) -> Self {
        self.ip = Some(ip.into());
        self
    }

    /// The client program.
    pub(super) fn with(mut self, agent: &'static str) -> Self {
        self.agent = Some(agent);
        self
    }

    /// The machine it happened on.
    pub(super) fn host(mut self, host: impl Into<Cow<'static, str>>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Bytes moved.
    pub(super) fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// Whether it was refused.
    pub(super) fn failed(mut self, failed: bool) -> Self {
        self.failed = failed;
        self
    }

    /// Something only this source says.
    pub(super) fn and(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.extra.push((name, value.into()));
        self
    }
}

impl Serialize for Draft {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &format_args!("{:016x}", self.id))?;
        map.serialize_entry("timestamp", &self.at)?;
        map.serialize_entry("actor", self.actor)?;
        entry(&mut map, "actorType", self.kind)?;
        map.serialize_entry("action", self.action)?;
        match outcome_word(self.source, self.failed) {
            Some(word) => map.serialize_entry("outcome", word)?,
            None => map.serialize_entry("success", &!self.failed)?,
        }
        entry(&mut map, "resource", self.resource.as_ref().map(|r| r.0))?;
        entry(&mut map, "resourceId", self.resource.as_ref().map(|r| &r.1))?;
        entry(&mut map, "ip", self.ip.as_ref())?;
        entry(&mut map, "userAgent", self.agent)?;
        entry(&mut map, "host", self.host.as_ref())?;
        entry(&mut map, "bytes", self.bytes)?;
        for (name, value) in &self.extra {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn entry<M: SerializeMap>(
    map: &mut M,
    name: &'static str,
    value: Option<impl Serialize>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, &value))
}

/// The smallest step of a source's clock in microseconds.
fn resolution(source: &str) -> i64 {
    match source {
        source::VPN | source::EDGE => 1_000_000,
        source::IDP | source::MAIL => 1_000,
        _ => 1,
    }
}

/// The source's own word for the outcome; `None` for sources that send a truth value.
fn outcome_word(source: &str, failed: bool) -> Option<&'static str> {
    Some(match (source, failed) {
        (source::IDP, false) => "success",
        (source::IDP, true) => "failure",
        (source::VPN, false) => "allowed",
        (source::VPN, true) => "denied",
        (source::EDGE, false) => "ok",
        (source::EDGE, true) => "blocked",
        _ => return None,
    })
}

/// Events of one actor on one day (or of one story), each with an id of its own.
#[derive(Debug)]
pub(super) struct Journal {
    stream: String,
    drafts: Vec<Draft>,
}

impl Journal {
    /// A journal whose ids belong to a name and a number, usually a day.
    pub(super) fn of(name: &str, number: i64) -> Self {
        Self {
            stream: format!("{name}#{number}"),
            drafts: Vec::new(),
        }
    }

    /// Adds an event. The n-th event of a journal has the same id in every run.
    pub(super) fn add(&mut self, mut draft: Draft) {
        draft.id = fingerprint(&self.stream, self.drafts.len() as i64);
        self.drafts.push(draft);
    }

    /// Gives the events back.
    pub(super) fn into_drafts(self) -> Vec<Draft> {
        self.drafts
    }
}
