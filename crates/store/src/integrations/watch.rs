//! Integrations with their signs of life and the judgement of them.

use std::collections::BTreeMap;

use domain::id::{IntegrationId, SourceId};
use domain::integration::health::{Basis, Cadence, Health, Signs, judge, learnt};
use domain::integration::{Integration, Mode};
use domain::time::{DAY_US, HOUR_US, MINUTE_US, Timestamp};

use crate::collector_instances;
use crate::db::sql;
use crate::error::Result;
use crate::overview::{self, Arrival};
use crate::scope::Scope;

/// Days of arrivals a cadence is learnt from.
const LEARNT_DAYS: i64 = 14;

/// An integration and how it is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// The integration.
    pub integration: Integration,
    /// How it is doing.
    pub health: Health,
    /// Receipt of its last event.
    pub last_event_at: Option<Timestamp>,
    /// Its events of the last 24 hours.
    pub events_in_day: i64,
    /// Its events that are kept.
    pub events: i64,
    /// The usual cadence, when it is known.
    pub cadence: Option<Cadence>,
}

/// Every integration, worst first.
pub async fn watch_all(scope: &Scope) -> Result<Vec<Watched>> {
    let signs = Arrivals::read(scope).await?;
    let all = super::list(scope).await?;
    let mut watched: Vec<Watched> = all.into_iter().map(|i| signs.judge(scope, i)).collect();
    watched.sort_by_key(|w| w.health.state);
    Ok(watched)
}

/// One integration by its name in addresses.
pub async fn watch(scope: &Scope, slug: &str) -> Result<Watched> {
    let integration = super::find(scope, slug).await?;
    Ok(Arrivals::read(scope).await?.judge(scope, integration))
}

/// What arrived, by source, and who reported, by integration.
struct Arrivals {
    by_source: Vec<Arrival>,
    hours: BTreeMap<SourceId, Vec<(i64, i64)>>,
    beats: Vec<(IntegrationId, Timestamp)>,
}

impl Arrivals {
    async fn read(scope: &Scope) -> Result<Self> {
        let since = |days: i64| scope.now.plus(-days * DAY_US).micros().div_euclid(HOUR_US);
        Ok(Self {
            by_source: overview::arrivals(scope, since(1)).await?,
            hours: hours(scope, since(LEARNT_DAYS)).await?,
            beats: collector_instances::latest(scope).await?,
        })
    }

    fn judge(&self, scope: &Scope, integration: Integration) -> Watched {
        let arrival = self
            .by_source
            .iter()
            .find(|a| a.source == integration.source);
        let cadence = self.cadence(&integration, scope.now);
        let last_event_at = arrival.map(|a| a.last_received_at);
        let events_in_day = arrival.map_or(0, |a| a.events);
        let beat = self.beats.iter().find(|(id, _)| *id == integration.id);
        let signs = Signs {
            paused: integration.paused.as_deref(),
            pulled: integration.mode == Mode::Pull,
            last_ok_at: integration.last_ok_at,
            last_event_at,
            events_in_day,
            errors_in_row: integration.errors_in_row,
            last_error: integration.last_error.as_deref(),
            cadence,
            last_beat_at: beat.map(|(_, at)| *at),
        };
        Watched {
            health: judge(&signs, scope.now),
            last_event_at,
            events_in_day,
            events: arrival.map_or(0, |a| a.total),
            cadence,
            integration,
        }
    }

    fn cadence(&self, integration: &Integration, now: Timestamp) -> Option<Cadence> {
        let settings = &integration.settings;
        if let Some(minutes) = settings.cadence_minutes {
            return Some(Cadence {
                usual_us: i64::from(minutes) * MINUTE_US,
                basis: Basis::Set,
            });
        }
        if let Some(schedule) = &settings.schedule {
            return Some(Cadence {
                usual_us: schedule.longest_gap(now)?,
                basis: Basis::Schedule,
            });
        }
        learnt(self.hours.get(&integration.source)?)
    }
}

async fn hours(scope: &Scope, since_hour: i64) -> Result<BTreeMap<SourceId, Vec<(i64, i64)>>> {
    let rows = sql("SELECT h.source_id, h.hour, h.events
         FROM source_hours h
         JOIN integrations i ON i.tenant_id = h.tenant_id AND i.source_id = h.source_id
         WHERE h.tenant_id = $1 AND h.hour >= $2 AND i.deleted_at IS NULL
         ORDER BY h.source_id, h.hour")
    .bind(scope.tenant_id())
    .bind(since_hour)
    .fetch_all(&scope.db)
    .await?;
    let mut hours: BTreeMap<SourceId, Vec<(i64, i64)>> = BTreeMap::new();
    for row in &rows {
        let source = SourceId(row.get("source_id")?);
        let hour = (row.get("hour")?, row.get("events")?);
        hours.entry(source).or_default().push(hour);
    }
    Ok(hours)
}
