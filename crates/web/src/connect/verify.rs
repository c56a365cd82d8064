//! Verifying an integration with one event: a number that event must hold, and how far it came.
//!
//! Nothing is stored for a verification. Its number carries what a search needs (organisation,
//! source, time, end of the log) under a code only this service can make, so it is also the right
//! to ask how far the event has come.

use std::time::Duration;

use domain::id::{SourceId, TenantId};
use domain::integration::{Integration, Mode};
use domain::time::{HOUR_US, Timestamp};
use moka::sync::Cache;
use store::verification::{self, Mark, Whereabouts};
use store::{Principal, Scope, Via, integrations, tenants};

use crate::app::App;
use crate::error::{WebError, WebResult};
use crate::hidden;

/// How long a number is good for.
const VALID_US: i64 = HOUR_US;
/// What a number begins with.
const PREFIX: &str = "irmv";
/// Hex digits of the code: 96 bits.
const CODE_DIGITS: usize = 24;

/// What a number says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number {
    tenant: TenantId,
    source: SourceId,
    made_at: Timestamp,
    mark: Mark,
}

impl Number {
    fn write(&self, key: &[u8; 32]) -> String {
        let parts = [
            self.tenant.0,
            self.source.0,
            self.made_at.micros(),
            self.mark.hi,
            self.mark.lo,
        ];
        let parts: Vec<String> = parts.iter().map(|p| format!("{p:x}")).collect();
        let body = format!("{PREFIX}-{}", parts.join("-"));
        format!("{body}-{}", code(key, &body))
    }

    /// What is in a number this service has made; `None` for any other text.
    fn read(text: &str, key: &[u8; 32]) -> Option<Self> {
        let (body, written) = text.rsplit_once('-').filter(|_| text.len() <= 120)?;
        if !hidden::equal(code(key, body).as_bytes(), written.as_bytes()) {
            return None;
        }
        let mut parts = body.split('-').skip(1);
        let mut next = || i64::from_str_radix(parts.next()?, 16).ok();
        Some(Self {
            tenant: TenantId(next()?),
            source: SourceId(next()?),
            made_at: Timestamp::from_micros(next()?),
            mark: Mark {
                hi: next()?,
                lo: next()?,
            },
        })
    }
}

fn code(key: &[u8; 32], body: &str) -> String {
    let hash = blake3::keyed_hash(key, body.as_bytes()).to_hex();
    hash.chars().take(CODE_DIGITS).collect()
}

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// sent, received, parsed, stored or scored.
    pub name: &'static str,
    /// Milliseconds after the number was made; `None` until it is reached.
    pub after_ms: Option<i64>,
}

/// How far the event has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    /// In the order of the way.
    pub steps: Vec<Step>,
    /// Why it goes no further.
    pub problem: Option<String>,
}

impl Progress {
    /// Every step is reached.
    pub(crate) fn done(&self) -> bool {
        self.steps.iter().all(|step| step.after_ms.is_some())
    }

    /// Asking again can change something.
    pub(crate) fn goes_on(&self) -> bool {
        !self.done() && self.problem.is_none()
    }
}

/// When this process first saw a step reached.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    sent: Option<Timestamp>,
    stored: Option<Timestamp>,
    scored: Option<Timestamp>,
}

/// When steps of running verifications were first seen.
#[derive(Debug)]
pub(crate) struct Progresses(Cache<String, Seen>);

impl Progresses {
    pub(crate) fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(10_000)
                .time_to_live(Duration::from_hours(1))
                .build(),
        )
    }

    fn note(&self, number: &str, update: impl FnOnce(&mut Seen)) -> Seen {
        let mut seen = self.0.get(number).unwrap_or_default();
        update(&mut seen);
        self.0.insert(number.to_owned(), seen);
        seen
    }
}

/// Makes a number for an integration.
pub(crate) async fn begin(app: &App, scope: &Scope, of: &Integration) -> WebResult<String> {
    let number = Number {
        tenant: scope.tenant.id,
        source: of.source,
        made_at: scope.now,
        mark: verification::mark(app.db()).await?,
    };
    Ok(number.write(&app.settings().keys.verification()))
}

/// How far the event of a number has come; `sender` when the sender itself asks, which it does
/// after it has sent. A number of another source or older than an hour is not found.
pub(crate) async fn progress(
    app: &App,
    source: &str,
    text: &str,
    sender: bool,
) -> WebResult<Progress> {
    let key = app.settings().keys.verification();
    let number = Number::read(text, &key).ok_or_else(WebError::not_found)?;
    let now = app.now();
    let age = now.micros() - number.made_at.micros();
    if !(0..=VALID_US).contains(&age) {
        return Err(WebError::not_found());
    }
    let tenant = tenants::find(app.db(), number.tenant).await?;
    let principal = Principal::Source(source.to_owned());
    let scope = Scope::new(app.db().clone(), tenant, principal, Via::Api, now);
    let of = integrations::of_source(&scope, number.source).await?;
    let of = of
        .filter(|i| i.source_slug.as_str() == source)
        .ok_or_else(WebError::not_found)?;
    // A finding that is fetched is made by the provider, who knows no number.
    let wanted = (of.mode != Mode::Pull).then_some(text);
    let found = verification::find(&scope, of.source, number.mark, number.made_at, wanted).await?;
    let seen = app.verifications().note(text, |seen| {
        let first = |at: &mut Option<Timestamp>, reached: bool| {
            if reached && at.is_none() {
                *at = Some(now);
            }
        };
        first(&mut seen.sent, sender);
        first(&mut seen.stored, found.stored);
        first(&mut seen.scored, found.scored);
    });
    Ok(steps(number.made_at, &found, seen))
}

fn steps(made_at: Timestamp, found: &Whereabouts, seen: Seen) -> Progress {
    let sent = match (seen.sent, found.received_at) {
        (Some(asked), Some(received)) => Some(asked.min(received)),
        (asked, received) => asked.or(received),
    };
    let reached = [
        ("sent", sent),
        ("received", found.received_at),
        // An event is read in the moment it is received, before it is stored.
        ("parsed", found.received_at),
        ("stored", seen.stored.filter(|_| found.stored)),
        ("scored", seen.scored.filter(|_| found.scored)),
    ];
    let step = |(name, at): (&'static str, Option<Timestamp>)| Step {
        name,
        after_ms: at.map(|at| (at.micros() - made_at.micros()).max(0) / 1000),
    };
    Progress {
        steps: reached.into_iter().map(step).collect(),
        problem: found
            .put_aside
            .as_ref()
            .map(|reason| format!("The event was put aside: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> Number {
        Number {
            tenant: TenantId(1),
            source: SourceId(7),
            made_at: Timestamp::from_micros(1_772_452_800_000_000),
            mark: Mark { hi: 812, lo: 99 },
        }
    }

    #[test]
    fn only_numbers_made_here_are_read() {
        let text = number().write(&[1; 32]);
        assert_eq!(Number::read(&text, &[1; 32]), Some(number()));
        assert_eq!(Number::read(&text, &[2; 32]), None);
        let other = text.replacen("-7-", "-8-", 1);
        assert_ne!(other, text);
        assert_eq!(Number::read(&other, &[1; 32]), None);
        for wrong in ["", "-", "irmv", "irmv-1-7", &text[..text.len() - 1]] {
            assert_eq!(Number::read(wrong, &[1; 32]), None, "{wrong}");
        }
        // Survives syslog, shells and LIKE as it is.
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        assert!(text.bytes().all(plain), "{text}");
    }

    #[test]
    fn steps_tick_in_their_order() {
        let made = number().made_at;
        let at = |ms: i64| Some(made.plus(ms * 1000));
        let names = |p: &Progress| -> Vec<&str> {
            let reached = p.steps.iter().filter(|s| s.after_ms.is_some());
            reached.map(|s| s.name).collect()
        };
        let mut found = Whereabouts::default();
        let mut seen = Seen::default();
        assert!(names(&steps(made, &found, seen)).is_empty());
        seen.sent = at(300);
        assert_eq!(names(&steps(made, &found, seen)), ["sent"]);
        found.received_at = at(200);
        found.put_aside = Some("clock".to_owned());
        let aside = steps(made, &found, seen);
        assert_eq!(names(&aside), ["sent", "received", "parsed"]);
        assert_eq!(aside.steps[0].after_ms, Some(200));
        assert!(!aside.goes_on() && !aside.done());
        found = Whereabouts {
            received_at: at(200),
            put_aside: None,
            stored: true,
            scored: true,
        };
        (seen.stored, seen.scored) = (at(400), at(900));
        let all = steps(made, &found, seen);
        assert!(all.done());
        assert_eq!(all.steps[4].after_ms, Some(900));
    }
}
