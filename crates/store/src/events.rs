//! The closed list of questions about events: pages, one event, an actor's addresses.

use domain::actor::ActorId;
use domain::event::{Event, Outcome};
use domain::id::{EventId, SourceId};
use domain::severity::Severity;
use domain::time::Timestamp;

use crate::db::{Row, Target, sql};
use crate::error::Result;
use crate::scope::Scope;

/// An event with where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The event.
    pub event: Event,
    /// Who acted.
    pub actor: ActorId,
    /// Slug of the source.
    pub source: String,
}

/// Which events to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this actor.
    pub actor: Option<ActorId>,
    /// Only from this source.
    pub source: Option<SourceId>,
    /// Only this action, exactly.
    pub action: Option<String>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// Only from this instant on.
    pub from: Option<Timestamp>,
    /// Only before this instant.
    pub until: Option<Timestamp>,
}

const COLUMNS: &str = "SELECT e.id, e.actor_id, e.occurred_at, e.received_at, e.action, e.outcome,
    e.outcome_word, e.resource, e.resource_id, e.ip, e.user_agent, e.bytes, e.severity, e.host,
    e.app, e.attributes, a.name AS actor_name, s.slug AS source_slug
 FROM events e
 JOIN actors a ON a.tenant_id = e.tenant_id AND a.id = e.actor_id
 JOIN sources s ON s.tenant_id = e.tenant_id AND s.id = e.source_id
 WHERE e.tenant_id = $1";

/// One page of events, newest first, before a given event.
pub async fn list(
    scope: &Scope,
    filter: &Filter,
    before: Option<EventId>,
    limit: u32,
) -> Result<Vec<Listed>> {
    let mut query = sql(COLUMNS).bind(scope.tenant_id());
    if let Some(actor) = filter.actor {
        query = query.push(" AND e.actor_id = ").push_bind(actor);
    }
    if let Some(source) = filter.source {
        query = query.push(" AND e.source_id = ").push_bind(source);
    }
    if let Some(action) = &filter.action {
        query = query.push(" AND e.action = ").push_bind(action);
    }
    if let Some(outcome) = filter.outcome {
        query = query.push(" AND e.outcome = ").push_bind(outcome.word());
    }
    // Ids begin with the event time in milliseconds, so their order is the order of time, and
    // bounds on them keep an old range from being searched for among everything newer.
    if let Some(from) = filter.from {
        query = query
            .push(" AND e.occurred_at >= ")
            .push_bind(from)
            .push(" AND e.id >= ")
            .push_bind(first_id(from));
    }
    if let Some(until) = filter.until {
        query = query
            .push(" AND e.occurred_at < ")
            .push_bind(until)
            .push(" AND e.id < ")
            .push_bind(first_id(until.plus(1_000)));
    }
    // Within one millisecond ids are in no order of time: the place after which a page of an
    // actor continues is that of the event itself, or of its millisecond once it is deleted.
    query = match before {
        None => query,
        Some(before) if filter.actor.is_some() => query
            .push(
                " AND (e.occurred_at, e.id) < (COALESCE((SELECT b.occurred_at FROM events b
                    WHERE b.tenant_id = $1 AND b.id = ",
            )
            .push_bind(before)
            .push("), ")
            .push_bind(end_of_millisecond(before))
            .push("), ")
            .push_bind(before)
            .push(")"),
        Some(before) => query.push(" AND e.id < ").push_bind(before),
    };
    query = if filter.actor.is_some() {
        query.push(" ORDER BY e.occurred_at DESC, e.id DESC LIMIT ")
    } else {
        query.push(" ORDER BY e.id DESC LIMIT ")
    };
    let rows = query.push_bind(limit).fetch_all(&scope.db).await?;
    rows.iter().map(read).collect()
}

/// The lowest id an event of this millisecond can have.
pub(crate) fn first_id(at: Timestamp) -> EventId {
    let millis = at.micros().div_euclid(1000).max(0) as u64;
    let mut bytes = [0_u8; 16];
    bytes
        .split_at_mut(6)
        .0
        .copy_from_slice(millis.to_be_bytes().split_at(2).1);
    EventId::from_bytes(bytes)
}

/// The last microsecond of the millisecond an id begins with.
fn end_of_millisecond(id: EventId) -> Timestamp {
    let head = id.as_bytes().iter().take(6);
    let millis = head.fold(0_i64, |value, byte| (value << 8) | i64::from(*byte));
    Timestamp::from_micros(millis * 1000 + 999)
}

/// One event.
pub async fn find(scope: &Scope, id: EventId) -> Result<Listed> {
    let row = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND e.id = ")
        .push_bind(id)
        .fetch_one(&scope.db)
        .await?;
    read(&row)
}

/// Several events by id, for freezing them as evidence.
pub(crate) async fn find_many(
    target: impl Into<Target<'_>>,
    tenant: domain::id::TenantId,
    ids: &[EventId],
) -> Result<Vec<Listed>> {
    let rows = sql(COLUMNS)
        .bind(tenant)
        .push(" AND e.id IN ")
        .push_list(ids.iter().copied())
        .push(" ORDER BY e.id")
        .fetch_all(target)
        .await?;
    rows.iter().map(read).collect()
}

/// A value of an actor's events with how often and when it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The value.
    pub value: String,
    /// Events.
    pub events: i64,
    /// Earliest event in the range.
    pub first_at: Timestamp,
    /// Latest event in the range.
    pub last_at: Timestamp,
}

/// The addresses an actor came from since an instant, most used first.
pub async fn addresses(
    scope: &Scope,
    actor: ActorId,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<Seen>> {
    let rows = sql(
        "SELECT ip AS value, COUNT(*) AS n, MIN(occurred_at) AS first_at,
            MAX(occurred_at) AS last_at
         FROM events
         WHERE tenant_id = $1 AND actor_id = $2 AND occurred_at >= $3 AND ip IS NOT NULL
         GROUP BY ip
         ORDER BY n DESC, ip
         LIMIT $4",
    )
    .bind(scope.tenant_id())
    .bind(actor)
    .bind(since)
    .bind(limit)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Seen {
                value: row.get("value")?,
                events: row.get("n")?,
                first_at: row.time("first_at")?,
                last_at: row.time("last_at")?,
            })
        })
        .collect()
}

/// One line of an actor's timeline: what was done to which kind of thing on one UTC hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Hours since the epoch.
    pub hour: i64,
    /// What was done.
    pub action: String,
    /// Kind of thing.
    pub resource: Option<String>,
    /// Events.
    pub events: i64,
    /// Failed events.
    pub failures: i64,
    /// Bytes.
    pub bytes: i64,
    /// First event.
    pub first_at: Timestamp,
    /// Last event.
    pub last_at: Timestamp,
}

/// What an actor did between two instants, grouped by hour, action and kind, newest first.
pub async fn activities(
    scope: &Scope,
    actor: ActorId,
    (from, until): (Timestamp, Timestamp),
    limit: u32,
) -> Result<Vec<Activity>> {
    let rows = sql(
        "SELECT occurred_at / 3600000000 AS hour, action, resource, COUNT(*) AS n,
            COUNT(CASE WHEN outcome = 'failure' THEN 1 END) AS failures,
            CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes,
            MIN(occurred_at) AS first_at, MAX(occurred_at) AS last_at
         FROM events
         WHERE tenant_id = $1 AND actor_id = $2 AND occurred_at >= $3 AND occurred_at < $4
         GROUP BY occurred_at / 3600000000, action, resource
         ORDER BY MAX(occurred_at) DESC, action
         LIMIT $5",
    )
    .bind(scope.tenant_id())
    .bind(actor)
    .bind(from)
    .bind(until)
    .bind(limit)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Activity {
                hour: row.get("hour")?,
                action: row.get("action")?,
                resource: row.get("resource")?,
                events: row.get("n")?,
                failures: row.get("failures")?,
                bytes: row.get("bytes")?,
                first_at: row.time("first_at")?,
                last_at: row.time("last_at")?,
            })
        })
        .collect()
}

/// What an actor's events of a range amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Events.
    pub events: i64,
    /// Bytes.
    pub bytes: i64,
    /// Distinct things touched: kind and id together, as the scorer counts them.
    pub resources: i64,
    /// Distinct addresses.
    pub addresses: i64,
    /// Failed events.
    pub failures: i64,
}

/// What an actor's events between two instants amount to, for comparing with a baseline day.
pub async fn totals(
    scope: &Scope,
    actor: ActorId,
    (from, until): (Timestamp, Timestamp),
) -> Result<Totals> {
    // The unit separator keeps kind "a" id "bc" apart from kind "ab" id "c".
    let row = sql("SELECT COUNT(*) AS events,
            CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes,
            COUNT(DISTINCT CASE WHEN resource IS NOT NULL OR resource_id IS NOT NULL
                THEN COALESCE(resource, '') || '\u{1F}' || COALESCE(resource_id, '') END)
                AS resources,
            COUNT(DISTINCT ip) AS addresses,
            COUNT(CASE WHEN outcome = 'failure' THEN 1 END) AS failures
         FROM events
         WHERE tenant_id = $1 AND actor_id = $2 AND occurred_at >= $3 AND occurred_at < $4")
    .bind(scope.tenant_id())
    .bind(actor)
    .bind(from)
    .bind(until)
    .fetch_one(&scope.db)
    .await?;
    Ok(Totals {
        events: row.get("events")?,
        bytes: row.get("bytes")?,
        resources: row.get("resources")?,
        addresses: row.get("addresses")?,
        failures: row.get("failures")?,
    })
}

fn read(row: &Row) -> Result<Listed> {
    let ip: Option<String> = row.get("ip")?;
    let severity: Option<String> = row.get("severity")?;
    Ok(Listed {
        actor: ActorId(row.get("actor_id")?),
        source: row.get("source_slug")?,
        event: Event {
            id: row.event_id("id")?,
            occurred_at: row.time("occurred_at")?,
            received_at: row.time("received_at")?,
            actor: row.get("actor_name")?,
            actor_kind: None,
            action: row.get("action")?,
            outcome: row.parse("outcome", |word| Some(Outcome::from_word(word)))?,
            outcome_word: row.get("outcome_word")?,
            resource: row.get("resource")?,
            resource_id: row.get("resource_id")?,
            ip: ip.and_then(|ip| ip.parse().ok()),
            user_agent: row.get("user_agent")?,
            bytes: row.get("bytes")?,
            severity: severity.as_deref().and_then(Severity::from_word),
            host: row.get("host")?,
            app: row.get("app")?,
            attributes: row.get("attributes")?,
        },
    })
}
