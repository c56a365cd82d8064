//! Group commit: concurrent requests are gathered into one transaction; each is answered only
//! after that transaction is durable.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::actor::{ActorId, ActorKey, ActorKind, Partition};
use domain::event::Event;
use domain::id::{EventId, SourceId, TenantId};
use domain::tenant::Tenant;
use domain::time::Timestamp;
use moka::sync::Cache;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{Notify, mpsc, oneshot};

use super::Stored;
use crate::db::{Db, Tx, postgres_only, sql, sqlite_only};
use crate::error::{Error, Result};
use crate::runs::{self, Advance};

/// Events after which a gathering is written without waiting for more.
const FULL: usize = 4000;
/// How long a gathering waits for company.
const LINGER: Duration = Duration::from_millis(2);
/// Requests that may wait for the writer.
const QUEUE: usize = 256;
/// How long a request waits for room in the queue before the sender is told to come back.
const PATIENCE: Duration = Duration::from_secs(10);
/// Actors remembered as already stored.
const KNOWN_ACTORS: u64 = 200_000;

/// Events of one source to be stored.
#[derive(Debug, Default)]
pub struct Batch {
    /// To be stored and scored.
    pub events: Vec<Event>,
    /// To be put aside, with the reason.
    pub quarantined: Vec<(Event, String)>,
}

/// What became of one event of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// New and durable.
    Stored,
    /// Was stored before.
    Duplicate,
    /// Could not be stored as an event; put aside, durably, for the given reason.
    PutAside(String),
}

/// What became of a batch, in its order.
#[derive(Debug, Default)]
pub struct Appended {
    /// One for each of [`Batch::events`].
    pub events: Vec<Outcome>,
}

/// Writes the log: the one of the web part for what is posted, one of the worker for what is pulled.
#[derive(Debug, Clone)]
pub struct Appender {
    queue: mpsc::Sender<Request>,
}

#[derive(Debug)]
struct Request {
    tenant: Tenant,
    source: SourceId,
    batch: Batch,
    advance: Option<Advance>,
    answer: oneshot::Sender<Result<Appended>>,
}

impl Appender {
    /// Starts the writer. `wake` is raised after each commit that stored something.
    pub fn start(db: Db, wake: std::sync::Arc<Notify>) -> Self {
        let (queue, requests) = mpsc::channel(QUEUE);
        tokio::spawn(Writer::new(db, wake).run(requests));
        Self { queue }
    }

    /// Stores a batch and returns when it is durable.
    pub async fn append(
        &self,
        tenant: &Tenant,
        source: SourceId,
        batch: Batch,
    ) -> Result<Appended> {
        self.request(tenant, source, batch, None).await
    }

    /// Stores what was pulled and moves the integration on in the same transaction; neither
    /// happens once the run's fence is somebody else's.
    pub async fn append_and_advance(
        &self,
        tenant: &Tenant,
        source: SourceId,
        batch: Batch,
        advance: Advance,
    ) -> Result<Appended> {
        self.request(tenant, source, batch, Some(advance)).await
    }

    async fn request(
        &self,
        tenant: &Tenant,
        source: SourceId,
        batch: Batch,
        advance: Option<Advance>,
    ) -> Result<Appended> {
        let (answer, answered) = oneshot::channel();
        let request = Request {
            tenant: tenant.clone(),
            source,
            batch,
            advance,
            answer,
        };
        let stopped = || Error::Unavailable("the writer has stopped".to_owned());
        let sent = self.queue.send_timeout(request, PATIENCE).await;
        sent.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => Error::Unavailable("the writer is behind".to_owned()),
            SendTimeoutError::Closed(_) => stopped(),
        })?;
        answered.await.map_err(|_| stopped())?
    }
}

impl Appender {
    /// Whether the next request would have to wait for room in the queue.
    pub fn is_full(&self) -> bool {
        self.queue.capacity() == 0
    }
}

struct Writer {
    db: Db,
    wake: std::sync::Arc<Notify>,
    /// Actors that are stored, with the kind last said of them.
    known: Cache<(TenantId, ActorId), Option<ActorKind>>,
}

impl Writer {
    fn new(db: Db, wake: std::sync::Arc<Notify>) -> Self {
        Self {
            db,
            wake,
            known: Cache::new(KNOWN_ACTORS),
        }
    }

    async fn run(self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.recv().await {
            let mut gathered = vec![first];
            let mut events = gathered.iter().map(|r| r.batch.events.len()).sum::<usize>();
            let deadline = tokio::time::sleep(LINGER);
            tokio::pin!(deadline);
            while events < FULL {
                tokio::select! {
                    biased;
                    next = requests.recv() => match next {
                        Some(next) => {
                            events += next.batch.events.len();
                            gathered.push(next);
                        }
                        None => break,
                    },
                    () = &mut deadline => break,
                }
            }
            self.write(gathered).await;
        }
    }

    /// Writes a gathering; when the database refuses a value, each request on its own, so that
    /// one request's trouble is not another's.
    async fn write(&self, gathered: Vec<Request>) {
        let many = gathered.len() > 1;
        match self
            .commit(&gathered.iter().collect::<Vec<_>>(), &HashSet::new())
            .await
        {
            Ok(appended) => {
                for (request, appended) in gathered.into_iter().zip(appended) {
                    // A caller that has gone away needs no answer.
                    let _ = request.answer.send(Ok(appended));
                }
                self.wake.notify_one();
            }
            Err(error) if error.is_about_data() || matches!(error, Error::LeaseLost) => {
                for request in gathered {
                    let answer = self.write_one(&request).await;
                    let _ = request.answer.send(answer);
                }
                self.wake.notify_one();
            }
            Err(error) => {
                tracing::error!(%error, requests = gathered.len(), many, "events could not be stored");
                let text = error.to_string();
                for request in gathered {
                    let _ = request.answer.send(Err(Error::Unavailable(text.clone())));
                }
            }
        }
    }

    /// Stores what the database takes of one request and puts the rest aside.
    async fn write_one(&self, request: &Request) -> Result<Appended> {
        let mut refused = HashSet::new();
        self.find_refused(request, 0..request.batch.events.len(), &mut refused)
            .await?;
        let mut appended = self.commit(&[request], &refused).await?;
        Ok(appended.pop().unwrap_or_default())
    }

    /// Halves the batch until the refused events stand alone. Trials are rolled back.
    async fn find_refused(
        &self,
        request: &Request,
        range: std::ops::Range<usize>,
        refused: &mut HashSet<usize>,
    ) -> Result<()> {
        let mut open = vec![range];
        while let Some(range) = open.pop() {
            let rows = stored(request, &range.clone().collect::<Vec<_>>());
            let mut tx = self.db.begin().await?;
            match insert(&mut tx, &rows).await {
                Ok(_) => {}
                Err(error) if !error.is_about_data() => return Err(error),
                Err(error) if range.len() <= 1 => {
                    tracing::warn!(%error, "an event was refused by the database and put aside");
                    refused.extend(range);
                }
                Err(_) => {
                    let middle = range.start + range.len() / 2;
                    open.push(range.start..middle);
                    open.push(middle..range.end);
                }
            }
        }
        Ok(())
    }

    /// One transaction for all requests. Events whose index is `refused` go to quarantine.
    async fn commit(
        &self,
        requests: &[&Request],
        refused: &HashSet<usize>,
    ) -> Result<Vec<Appended>> {
        let mut tx = self.db.begin().await?;
        let mut rows = Vec::new();
        for request in requests {
            let wanted: Vec<usize> = (0..request.batch.events.len())
                .filter(|i| !refused.contains(i))
                .collect();
            rows.extend(stored(request, &wanted));
        }
        let fresh = self.add_actors(&mut tx, &rows).await?;
        let mut new: HashSet<Vec<u8>> = HashSet::new();
        for chunk in rows.chunks(FULL) {
            new.extend(insert(&mut tx, chunk).await?);
        }
        for request in requests {
            put_aside(&mut tx, request, refused).await?;
        }
        let appended: Vec<Appended> = requests
            .iter()
            .map(|request| answer(request, refused, &mut new))
            .collect();
        for (request, appended) in requests.iter().zip(&appended) {
            advance(&mut tx, request, appended).await?;
        }
        tx.commit().await?;
        for (actor, kind) in fresh {
            self.known.insert(actor, kind);
        }
        Ok(appended)
    }

    /// Inserts actors this process has not stored yet, and updates those of which an event says
    /// another kind. Returns them with the kind said.
    async fn add_actors(&self, tx: &mut Tx, rows: &[Stored]) -> Result<Vec<Known>> {
        let mut fresh: HashMap<(TenantId, ActorId), (&Stored, Option<ActorKind>)> = HashMap::new();
        for row in rows {
            let id = (row.tenant, row.actor);
            let said = row.event.actor_kind;
            if let Some((_, kind)) = fresh.get_mut(&id) {
                *kind = said.or(*kind);
                continue;
            }
            match self.known.get(&id) {
                Some(kind) if said.is_none() || said == kind => {}
                _ => {
                    fresh.insert(id, (row, said));
                }
            }
        }
        let mut ordered: Vec<_> = fresh.into_iter().collect();
        // One order for all writers, so that two of them cannot wait for each other.
        ordered.sort_by_key(|(id, _)| *id);
        for (_, (row, kind)) in &ordered {
            insert_actor(tx, row, *kind).await?;
        }
        Ok(ordered
            .into_iter()
            .map(|(id, (_, kind))| (id, kind))
            .collect())
    }
}

/// An actor that is stored, with the kind an event has said.
type Known = ((TenantId, ActorId), Option<ActorKind>);
/// What became of each event, given the ids that were new.
fn answer(request: &Request, refused: &HashSet<usize>, new: &mut HashSet<Vec<u8>>) -> Appended {
    let outcome = |(index, event): (usize, &Event)| {
        if refused.contains(&index) {
            Outcome::PutAside(REFUSED.to_owned())
        } else if new.remove(event.id.as_bytes().as_slice()) {
            Outcome::Stored
        } else {
            Outcome::Duplicate
        }
    };
    Appended {
        events: request
            .batch
            .events
            .iter()
            .enumerate()
            .map(outcome)
            .collect(),
    }
}

/// Moves the integration on that the batch was pulled for.
async fn advance(tx: &mut Tx, request: &Request, appended: &Appended) -> Result<()> {
    let Some(to) = &request.advance else {
        return Ok(());
    };
    let count = |wanted: &Outcome| appended.events.iter().filter(|o| *o == wanted).count() as i64;
    let (stored, duplicates) = (count(&Outcome::Stored), count(&Outcome::Duplicate));
    runs::advance(tx, request.tenant.id, to, stored, duplicates).await
}

/// The reason given for an event the database refused.
const REFUSED: &str = "the database refused the event; it was put aside and can be replayed";

fn stored(request: &Request, wanted: &[usize]) -> Vec<Stored> {
    let mut seen = HashSet::new();
    wanted
        .iter()
        .filter_map(|index| request.batch.events.get(*index))
        .filter(|event| seen.insert(event.id))
        .map(|event| {
            let (actor, part) = identify(&request.tenant, &event.actor);
            Stored {
                tenant: request.tenant.id,
                part,
                source: request.source,
                actor,
                event: event.clone(),
            }
        })
        .collect()
}

/// The row id and partition of an actor named by an event.
pub(crate) fn identify(tenant: &Tenant, name: &str) -> (ActorId, Partition) {
    ActorKey::fold(name).identify(tenant.key)
}

async fn insert(tx: &mut Tx, rows: &[Stored]) -> Result<Vec<Vec<u8>>> {
    match tx {
        _ if rows.is_empty() => Ok(Vec::new()),
        Tx::Sqlite(tx) => sqlite_only::insert_events(tx, rows).await,
        Tx::Postgres(tx) => postgres_only::insert_events(tx, rows).await,
    }
}

/// Stores an actor. The kind of one that is there changes only when an event says it; that of a new
/// one may have been told before.
async fn insert_actor(tx: &mut Tx, row: &Stored, kind: Option<ActorKind>) -> Result<()> {
    sql(
        "INSERT INTO actors (tenant_id, id, part, key, name, kind, first_seen_at, last_seen_at,
            last_received_at, score, score_at, reasons, baseline_days)
         VALUES ($1, $2, $3, $4, $5,
            COALESCE($6, (SELECT f.kind FROM actor_facts f
                WHERE f.tenant_id = $1 AND f.actor_id = $2 AND f.kind IS NOT NULL
                ORDER BY f.since DESC LIMIT 1), 'person'),
            $7, $7, $8, 0, $7, '[]', 0)
         ON CONFLICT (tenant_id, id) DO UPDATE SET kind = excluded.kind
            WHERE $9 AND actors.kind <> excluded.kind",
    )
    .bind(row.tenant)
    .bind(row.actor)
    .bind(row.part)
    .bind(ActorKey::fold(&row.event.actor).as_str())
    .bind(row.event.actor.trim())
    .bind(kind.map(ActorKind::word))
    .bind(row.event.occurred_at)
    .bind(row.event.received_at)
    .bind(kind.is_some())
    .execute(tx)
    .await
    .map(drop)
}

async fn put_aside(tx: &mut Tx, request: &Request, refused: &HashSet<usize>) -> Result<()> {
    let by_database = request.batch.events.iter().enumerate();
    let by_database = by_database.filter(|(index, _)| refused.contains(index));
    let by_database = by_database.map(|(_, event)| (event, REFUSED));
    let by_rule = request
        .batch
        .quarantined
        .iter()
        .map(|(e, r)| (e, r.as_str()));
    for (event, reason) in by_rule.chain(by_database) {
        let json = serde_json::to_string(event)
            .map_err(|e| Error::Inconsistent(format!("quarantined event: {e}")))?;
        quarantine(tx, request, event.id, &json, reason, event.received_at).await?;
    }
    Ok(())
}

async fn quarantine(
    tx: &mut Tx,
    request: &Request,
    id: EventId,
    event: &str,
    reason: &str,
    received_at: Timestamp,
) -> Result<()> {
    sql(
        "INSERT INTO quarantine (tenant_id, id, source_id, event, reason, received_at, state)
         VALUES ($1, $2, $3, $4, $5, $6, 'pending')
         ON CONFLICT (tenant_id, id) DO NOTHING",
    )
    .bind(request.tenant.id)
    .bind(id)
    .bind(request.source)
    .bind(event)
    .bind(reason)
    .bind(received_at)
    .execute(tx)
    .await
    .map(drop)
}
