//! One JSON object to one event: the table of accepted names and the rule for each field.

use std::borrow::Cow;
use std::net::IpAddr;

use domain::actor::ActorKind;
use domain::event::{Event, Outcome};
use domain::id::EventId;
use domain::severity::Severity;
use domain::time::Timestamp;

use crate::identity::{self, Copies};
use crate::text::{mend_surrogates, visible};
use crate::value::{Entries, Entry, Scalar, entries};
use crate::{
    Intake, MAX_DEPTH, MAX_ITEM_BYTES, MAX_KEYS, Note, Problem, attributes, redact, timestamp,
};

/// Accepted names in order of precedence; a dotted name is a nested path or a literal key.
const TIMESTAMP: &[&str] = &["timestamp", "occurredAt", "@timestamp", "time", "eventTime"];
const ACTOR: &[&str] = &[
    "actor",
    "actorId",
    "userId",
    "user",
    "username",
    "user.name",
    "principal",
];
const ACTION: &[&str] = &["action", "actionType", "type", "event.action"];
const RESOURCE: &[&str] = &["resource", "resourceType"];
pub(crate) const RESOURCE_ID: &[&str] = &["resourceId", "object"];
const IP: &[&str] = &["ip", "ipAddress", "sourceIp", "source.ip", "client.ip"];
const USER_AGENT: &[&str] = &["userAgent", "user_agent.original"];
const BYTES: &[&str] = &["bytes", "bytesTransferred"];
const SUCCESS: &[&str] = &["success"];
const OUTCOME: &[&str] = &["outcome", "event.outcome"];
const ID: &[&str] = &["id"];
const ACTOR_TYPE: &[&str] = &["actorType"];
const SEVERITY: &[&str] = &["severity"];
const HOST: &[&str] = &["host", "hostname", "host.name"];
const APP: &[&str] = &["app"];
/// The object whose entries are attributes themselves.
const ATTRIBUTES: &str = "attributes";

/// Longest values, in characters. The actor is part of an index key.
pub(crate) const NAME_LIMIT: usize = 512;
pub(crate) const TEXT_LIMIT: usize = 8192;

/// Reads one item.
pub(crate) fn read(
    raw: &str,
    intake: &Intake<'_>,
    copies: &mut Copies,
) -> Result<(Event, Vec<Note>), Problem> {
    check_shape(raw)?;
    let mended = mend_surrogates(raw);
    let mut fields = Fields::of(&mended)?;
    if let Cow::Owned(_) = mended {
        fields.note("event", "lone surrogates were replaced by U+FFFD");
    }
    let sender_id = fields.text(ID, NAME_LIMIT)?;
    let mut event = fields.event(intake.received_at)?;
    event.id = identity::event_id(&event, sender_id.as_deref(), intake, copies);
    redact::event::redact(&mut event, intake);
    Ok((event, fields.notes))
}

/// Refuses items that are too large or too deep before anything is built from them.
fn check_shape(raw: &str) -> Result<(), Problem> {
    check_shape_within(raw, MAX_ITEM_BYTES)
}

/// The same for a document that may hold several items.
pub(crate) fn check_shape_within(raw: &str, most_bytes: usize) -> Result<(), Problem> {
    if raw.len() > most_bytes {
        return Err(Problem::new(
            "event",
            format!(
                "the event has {} bytes; at most {most_bytes} are accepted",
                raw.len()
            ),
        ));
    }
    if !raw.trim_start().starts_with('{') {
        return Err(Problem::new("event", "an event must be a JSON object"));
    }
    if too_deep(raw) {
        return Err(Problem::new(
            "event",
            format!("the event is nested deeper than {MAX_DEPTH} levels"),
        ));
    }
    Ok(())
}

/// Whether JSON text nests deeper than [`MAX_DEPTH`], told without building anything.
pub(crate) fn too_deep(raw: &str) -> bool {
    let (mut depth, mut inside, mut escaped) = (0_usize, false, false);
    for byte in raw.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'{' | b'[' if !inside => depth += 1,
            b'}' | b']' if !inside => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// The entries of an item, with which of them a field has taken.
struct Fields<'a> {
    entries: Vec<Entry<'a>>,
    taken: Vec<bool>,
    notes: Vec<Note>,
}

impl<'a> Fields<'a> {
    fn of(raw: &'a str) -> Result<Self, Problem> {
        let entries = serde_json::from_str::<Entries<'a>>(raw)
            .map_err(|error| Problem::new("event", format!("not valid JSON: {error}")))?
            .0;
        if entries.len() > MAX_KEYS {
            return Err(Problem::new(
                "event",
                format!(
                    "the event has {} keys; at most {MAX_KEYS} are accepted",
                    entries.len()
                ),
            ));
        }
        for (index, (key, _)) in entries.iter().enumerate() {
            if entries
                .iter()
                .take(index)
                .any(|(earlier, _)| earlier == key)
            {
                let key = visible(key).into_owned();
                return Err(Problem::new(key, "the key appears twice; send it once"));
            }
        }
        Ok(Self {
            taken: vec![false; entries.len()],
            entries,
            notes: Vec::new(),
        })
    }

    fn event(&mut self, received_at: Timestamp) -> Result<Event, Problem> {
        let occurred_at = self.timestamp()?;
        let actor = self.required_text(ACTOR, NAME_LIMIT)?;
        let action = self.required_text(ACTION, NAME_LIMIT)?;
        let (outcome, outcome_word) = self.outcome()?;
        let mut event = Event {
            id: EventId::from_bytes([0; 16]),
            occurred_at,
            received_at,
            actor,
            actor_kind: self.word(ACTOR_TYPE, ActorKind::from_word),
            action,
            outcome,
            outcome_word,
            resource: self.text(RESOURCE, TEXT_LIMIT)?,
            resource_id: self.text(RESOURCE_ID, TEXT_LIMIT)?,
            ip: self.address(),
            user_agent: self.text(USER_AGENT, TEXT_LIMIT)?,
            bytes: self.bytes()?,
            severity: self.word(SEVERITY, Severity::from_word),
            host: self.text(HOST, NAME_LIMIT)?,
            app: self.text(APP, NAME_LIMIT)?,
            attributes: None,
        };
        let left = self.left();
        event.attributes = attributes::build(left.iter(), &mut self.notes)?;
        Ok(event)
    }

    /// The entries no field has taken. Those of an object named `attributes`, as this service and
    /// its edge collectors write them, stand beside the others; a name that is there already is
    /// not said twice.
    fn left(&mut self) -> Vec<Entry<'a>> {
        let mut left = std::mem::take(&mut self.entries);
        let mut taken = self.taken.iter();
        left.retain(|_| taken.next() == Some(&false));
        let place = left.iter().position(|(key, _)| key == ATTRIBUTES);
        let inner = place.and_then(|place| entries(left.get(place)?.1));
        if let (Some(place), Some(inner)) = (place, inner) {
            left.remove(place);
            for (key, value) in inner {
                if left.iter().any(|(there, _)| *there == key) {
                    let note = "named twice: the first value is kept";
                    self.notes.push(Note::new(visible(&key), note));
                } else {
                    left.push((key, value));
                }
            }
        }
        left
    }

    /// The first name of the list that holds a scalar, and marks its entry as taken.
    fn find(&mut self, names: &'static [&'static str]) -> Option<(&'static str, Scalar<'a>)> {
        let (name, place, scalar) = self.peek(names)?;
        self.take(place);
        Some((name, scalar))
    }

    fn take(&mut self, place: Option<usize>) {
        if let Some(taken) = place.and_then(|p| self.taken.get_mut(p)) {
            *taken = true;
        }
    }

    /// Like [`Fields::find`], leaving the entry where it is. A value found inside a nested
    /// object has no place of its own: the object stays among the attributes.
    fn peek(
        &self,
        names: &'static [&'static str],
    ) -> Option<(&'static str, Option<usize>, Scalar<'a>)> {
        names.iter().find_map(|name| {
            let literal = self.entries.iter().position(|(key, _)| key == name);
            let found = literal.and_then(|place| {
                let scalar = Scalar::of(self.entries.get(place)?.1)?;
                Some((*name, Some(place), scalar))
            });
            found.or_else(|| Some((*name, None, self.nested(name)?)))
        })
    }

    fn nested(&self, path: &str) -> Option<Scalar<'a>> {
        let (head, tail) = path.split_once('.')?;
        let (_, raw) = self.entries.iter().find(|(key, _)| key == head)?;
        let inner = entries(raw)?;
        let (_, value) = inner.into_iter().find(|(key, _)| key == tail)?;
        Scalar::of(value)
    }

    fn note(&mut self, field: &str, message: &str) {
        self.notes.push(Note::new(field, message));
    }

    fn timestamp(&mut self) -> Result<Timestamp, Problem> {
        let (name, scalar) = self.find(TIMESTAMP).ok_or_else(|| missing(TIMESTAMP))?;
        timestamp::read(scalar).map_err(|message| Problem::new(name, message))
    }

    fn required_text(
        &mut self,
        names: &'static [&'static str],
        limit: usize,
    ) -> Result<String, Problem> {
        self.text(names, limit)?.ok_or_else(|| missing(names))
    }

    /// A text field: trimmed, made visible; empty counts as absent.
    fn text(
        &mut self,
        names: &'static [&'static str],
        limit: usize,
    ) -> Result<Option<String>, Problem> {
        let Some((name, scalar)) = self.find(names) else {
            return Ok(None);
        };
        let text = scalar.into_text();
        let trimmed = text.trim();
        if trimmed.chars().nth(limit).is_some() {
            return Err(Problem::new(
                name,
                format!("the value is longer than {limit} characters"),
            ));
        }
        let visible = visible(trimmed);
        if let Cow::Owned(_) = visible {
            self.note(name, "control characters were replaced by visible escapes");
        }
        Ok((!visible.is_empty()).then(|| visible.into_owned()))
    }

    /// A word of a closed list; anything else stays among the attributes.
    fn word<T>(
        &mut self,
        names: &'static [&'static str],
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let (_, place, scalar) = self.peek(names)?;
        let word = read(&scalar.into_text())?;
        self.take(place);
        Some(word)
    }

    fn address(&mut self) -> Option<IpAddr> {
        let (name, place, scalar) = self.peek(IP)?;
        let text = scalar.into_text();
        match text.trim().parse::<IpAddr>() {
            Ok(ip) => {
                self.take(place);
                Some(ip.to_canonical())
            }
            Err(_) if text.trim().is_empty() => None,
            Err(_) => {
                self.note(name, "not an IPv4 or IPv6 address; kept as an attribute");
                None
            }
        }
    }

    fn bytes(&mut self) -> Result<Option<i64>, Problem> {
        let Some((name, scalar)) = self.find(BYTES) else {
            return Ok(None);
        };
        let wrong = |message: &str| Err(Problem::new(name, message));
        let Scalar::Number(number) = scalar else {
            return wrong("must be a whole number of bytes, without quotes");
        };
        if let Ok(bytes) = number.parse::<i64>() {
            return match bytes {
                0.. => Ok(Some(bytes)),
                _ => wrong("must not be negative"),
            };
        }
        match number.parse::<f64>() {
            Ok(value) if value.fract() == 0.0 && (0.0..9.2e18).contains(&value) => {
                Ok(Some(value as i64))
            }
            Ok(value) if value.is_finite() && value.fract() != 0.0 => {
                wrong("must be a whole number of bytes")
            }
            _ => wrong("out of range; accepted are 0 to 9223372036854775807"),
        }
    }

    fn outcome(&mut self) -> Result<(Outcome, Option<String>), Problem> {
        if let Some((name, scalar)) = self.find(SUCCESS) {
            let Scalar::Bool(success) = scalar else {
                return Err(Problem::new(name, "must be true or false, without quotes"));
            };
            let word = self.text(OUTCOME, NAME_LIMIT)?;
            let outcome = if success {
                Outcome::Success
            } else {
                Outcome::Failure
            };
            return Ok((outcome, word));
        }
        let word = self.text(OUTCOME, NAME_LIMIT)?;
        let outcome = word.as_deref().map(Outcome::from_word).unwrap_or_default();
        Ok((outcome, word))
    }
}

fn missing(names: &[&str]) -> Problem {
    let (first, others) = names.split_first().unwrap_or((&"event", &[]));
    Problem::new(
        *first,
        format!(
            "required and missing; send it as {first} (or {})",
            others.join(", ")
        ),
    )
}
