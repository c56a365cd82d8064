//! Computing one pass: in order where events come in order, by replay where they come late.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::actor::{ActorId, Partition};
use domain::event::Outcome;
use domain::id::SourceId;
use domain::rule::{RuleSet, RuleSettings};
use domain::score::{Assessment, Points};
use domain::suppression::{Marks, Suppression, SuppressionCode};
use domain::tenant::{RuleSetName, Tenant};
use domain::time::{DAY_US, Day, HOUR_US, Minute, Timestamp, Zone};
use scoring::observation::{Observation, ValueHash};
use scoring::profile::Profile;
use scoring::suppress::{Sighting, Sightings, Suppressions};
use scoring::track::{Criteria, Scored, Tracker};
use store::Db;
use store::db::Tx;
use store::log::{self, Position, Tailed};
use store::scoring::{self as rows, HourCount, StoredProfile};
use store::suppressions::{self, Hit};

use super::{TenantPass, current_minute};
use crate::error::Result;

/// Days of events a replay reads before the first minute it judges again: 14 baseline days, the
/// longest window, and a day for zones.
const REPLAY_DAYS: i64 = 17;
/// Days of events a rebuilt profile remembers, and a day for zones.
const MEMORY_DAYS: i64 = scoring::profile::DAYS_KEPT as i64 + 1;

/// One actor after a pass.
pub(crate) struct Followed {
    pub actor: ActorId,
    pub part: Partition,
    /// By whose clock.
    pub zone: Zone,
    pub profile: Profile,
    /// Points by rule of the newest minute.
    pub points: String,
    /// Minutes at which the points changed.
    pub rows: Vec<Assessment>,
    /// The highest score of every UTC day.
    pub days: BTreeMap<Day, (Minute, Points)>,
    /// Minutes whose score reached the threshold.
    pub alerting: Vec<Scored>,
    /// What suppressions hid.
    pub hits: Vec<Hit>,
    /// The next minute at which the score can change without new events.
    pub due: Option<Minute>,
    /// Whether a suppression could not be decided without looking at events.
    undecided: bool,
    /// The judgement now, after the windows have emptied as far as time has passed.
    pub now: Assessment,
    /// From which minute on earlier scores are replaced, and why.
    pub replaced_from: Option<Minute>,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub last_received: Timestamp,
}

/// What must be done for one actor.
#[derive(Clone)]
pub(crate) struct Work {
    actor: ActorId,
    part: Partition,
    zone: Zone,
    profile: Profile,
    points: String,
    excluded: BTreeSet<Day>,
    suppressions: Suppressions,
    events: Vec<Tailed>,
    /// Set when the profile cannot simply go on: judge again from here, from stored events.
    replay_from: Option<Minute>,
}

/// A tenant's pass before anything late has been read.
pub(crate) struct Prepared {
    tenant: Tenant,
    rules: RuleSet,
    done: Vec<Followed>,
    late: Vec<Work>,
    hours: BTreeMap<(SourceId, i64), HourCount>,
}

/// Loads what is stored and follows every actor whose events come in order.
pub(crate) async fn prepare(
    db: &Db,
    tenant: Tenant,
    events: Vec<Tailed>,
    now: Timestamp,
) -> Result<Prepared> {
    let hours = count_hours(&events);
    let grouped = by_actor(events);
    let actors: Vec<ActorId> = grouped.keys().copied().collect();
    let rules = rules_of(db, &tenant).await?;
    let all = suppressions_of(db, &tenant).await?;
    let (mut stored, mut excluded) = (HashMap::new(), HashMap::new());
    let mut told = HashMap::new();
    for chunk in actors.chunks(500) {
        stored.extend(rows::profiles(db, tenant.id, chunk).await?);
        excluded.extend(rows::excluded_days(db, tenant.id, chunk).await?);
        told.extend(store::actor_facts::of(db, tenant.id, chunk).await?);
    }
    let work: Vec<Work> = grouped
        .into_iter()
        .map(|(actor, events)| {
            let left_out = excluded.remove(&actor).unwrap_or_default();
            let zone = told.remove(&actor).and_then(|told| told.facts.zone);
            let zone = zone.unwrap_or_else(|| tenant.scoring.zone.clone());
            let mut work = plan((actor, zone), stored.remove(&actor), left_out, events);
            work.suppressions = work.touching(&all);
            work
        })
        .collect();
    // Judging is pure computation: not on the threads that serve requests.
    let prepared = tokio::task::spawn_blocking(move || {
        let (mut late, in_order): (Vec<_>, Vec<_>) =
            work.into_iter().partition(|w| w.replay_from.is_some());
        let mut done = Vec::with_capacity(in_order.len());
        for work in in_order {
            let again = work.suppressions.need_events().then(|| work.clone());
            let followed = follow(work, &tenant, &rules, None, now);
            match again {
                Some(work) if followed.undecided => late.push(work),
                _ => done.push(followed),
            }
        }
        Prepared {
            tenant,
            rules,
            done,
            late,
            hours,
        }
    });
    Ok(prepared.await?)
}

/// The five rules in force. Where another grading scores they are all off: profiles are folded all
/// the same, because people are shown them as what is usual.
async fn rules_of(db: &Db, tenant: &Tenant) -> Result<RuleSet> {
    let rules = rows::rules(db, tenant.id).await?;
    Ok(match tenant.scoring.ruleset {
        RuleSetName::Classic => rules,
        RuleSetName::Calibrated => RuleSet::with(rules.iter().map(|rule| RuleSettings {
            enabled: false,
            ..*rule
        })),
    })
}

/// The suppressions of a tenant, of which only its own grading makes use here.
async fn suppressions_of(db: &Db, tenant: &Tenant) -> Result<Vec<Suppression>> {
    Ok(match tenant.scoring.ruleset {
        RuleSetName::Classic => suppressions::of_tenant(db, tenant.id).await?,
        RuleSetName::Calibrated => Vec::new(),
    })
}

/// Replays the actors whose events came late, reading their events up to the pass's position; and
/// follows those with suppressions that ask for attributes of events.
pub(crate) async fn replay_late(
    tx: &mut Tx,
    prepared: Prepared,
    until: Position,
    now: Timestamp,
) -> Result<TenantPass> {
    let Prepared {
        tenant,
        rules,
        mut done,
        late,
        hours,
    } = prepared;
    for work in late {
        let followed = if work.replay_from.is_some() {
            replay(tx, work, (&tenant, &rules), until, now).await?
        } else {
            let (first, last) = work.minutes();
            let who = (tenant.id, work.actor);
            let seen = sightings(tx, who, (first, last), until).await?;
            follow(work, &tenant, &rules, Some(seen), now)
        };
        done.push(followed);
    }
    Ok(TenantPass {
        tenant,
        actors: done,
        hours,
    })
}

impl Work {
    /// First and last minute of the events.
    fn minutes(&self) -> (Minute, Minute) {
        let minute = |event: Option<&Tailed>| event.map(|e| e.occurred_at.minute());
        let first = minute(self.events.first()).unwrap_or_default();
        (first, minute(self.events.last()).unwrap_or(first))
    }

    /// The suppressions that can touch a minute judged for these events. A replay begins with the
    /// day of the first.
    fn touching(&self, all: &[Suppression]) -> Suppressions {
        let first = self.minutes().0.start().utc_day().utc_start().minute();
        Suppressions::of(all, self.actor, (first, Minute(i64::MAX)))
    }
}

/// An actor's events as suppressions look at them, from a day before the first minute on.
pub(crate) async fn sightings(
    tx: &mut Tx,
    who: (domain::id::TenantId, ActorId),
    (first, last): (Minute, Minute),
    until: Position,
) -> Result<Sightings> {
    let mut seen = Vec::new();
    let range = (first.start().plus(-DAY_US), last.end());
    log::history(tx, who, range, until, |event| {
        seen.push(Sighting {
            seen: observe(&event),
            marks: marks(&event),
        });
    })
    .await?;
    Ok(Sightings::of(seen))
}

/// What suppressions compare with their attributes.
pub(crate) fn marks(event: &Tailed) -> Marks {
    Marks {
        address: event.ip,
        resource: event.resource.clone(),
        source: event.source,
    }
}

/// The next minute at which a score can change without new events: when a window empties, or a
/// suppression begins or ends.
pub(crate) fn due(judged: &Assessment, suppressions: &Suppressions) -> Option<Minute> {
    let scored = !judged.signals.is_empty() || !judged.suppressed.is_empty();
    let ahead = (judged.minute, Minute(i64::MAX));
    let edge = suppressions.edges(ahead).into_iter().next();
    let edge = edge.filter(|_| scored);
    [judged.falls_at, edge].into_iter().flatten().min()
}

fn plan(
    (actor, zone): (ActorId, Zone),
    stored: Option<StoredProfile>,
    excluded: BTreeSet<Day>,
    mut events: Vec<Tailed>,
) -> Work {
    events.sort_by_key(|e| e.occurred_at);
    let oldest = events
        .first()
        .map(|e| e.occurred_at.minute())
        .unwrap_or_default();
    let part = events.first().map_or(Partition(0), |e| e.part);
    let points = stored
        .as_ref()
        .map(|s| s.points.clone())
        .unwrap_or_default();
    let (profile, replay_from) = match stored {
        None => (Profile::default(), None),
        Some(stored) => match Profile::from_bytes(&stored.state) {
            Ok(profile) if stored.zone == zone.name() && stored.newest <= oldest => (profile, None),
            Ok(profile) if stored.zone == zone.name() => (profile, Some(oldest)),
            // Another zone or layout: rebuild the memory, keep the scores before these events.
            _ => (Profile::default(), Some(oldest)),
        },
    };
    Work {
        actor,
        part,
        zone,
        profile,
        points,
        excluded,
        suppressions: Suppressions::default(),
        events,
        replay_from,
    }
}

fn follow(
    work: Work,
    tenant: &Tenant,
    rules: &RuleSet,
    seen: Option<Sightings>,
    now: Timestamp,
) -> Followed {
    let Work {
        actor,
        part,
        zone,
        profile,
        points,
        excluded,
        suppressions,
        events,
        ..
    } = work;
    let criteria = criteria((tenant, &zone), rules, &excluded);
    let observations: Vec<Observation> = events.iter().map(observe).collect();
    let mut path = Path::from(points, (actor, criteria.threshold));
    let mut tracker = Tracker::new(profile, criteria).with_suppressions(&suppressions);
    if let Some(seen) = seen {
        tracker = tracker.with_sightings(seen);
    }
    tracker.follow(&observations, |scored| path.take(scored));
    path.finish(
        (tracker, &suppressions),
        (part, zone.clone()),
        &events,
        None,
        now,
    )
}

async fn replay(
    tx: &mut Tx,
    work: Work,
    (tenant, rules): (&Tenant, &RuleSet),
    until: Position,
    now: Timestamp,
) -> Result<Followed> {
    let Work {
        actor,
        part,
        zone,
        profile,
        excluded,
        suppressions,
        events,
        replay_from,
        ..
    } = work;
    let late = replay_from.unwrap_or_default();
    // Whole UTC days are replaced, so that the highest score of the day comes out right.
    let judge_from = late.start().utc_day().utc_start();
    let newest = events.iter().map(|e| e.occurred_at.minute());
    let newest = newest.chain(profile.newest()).fold(late, Minute::max);
    let read_from = judge_from
        .plus(-REPLAY_DAYS * DAY_US)
        .min(newest.start().plus(-MEMORY_DAYS * DAY_US));
    let range = (read_from, newest.end());
    let judge_from = judge_from.minute();
    let criteria = criteria((tenant, &zone), rules, &excluded);
    // What lies before is only folded; judging begins where scores are replaced. One page of
    // events and one minute are held at a time.
    let mut past = Profile::default();
    let mut tracker: Option<Tracker<'_>> = None;
    let seen = if suppressions.need_events() {
        sightings(tx, (tenant.id, actor), (judge_from, newest), until).await?
    } else {
        Sightings::default()
    };
    let begin = |past: Profile| {
        let tracker = Tracker::new(past, criteria).with_suppressions(&suppressions);
        tracker.with_sightings(seen.clone())
    };
    let mut path = Path::from(String::new(), (actor, criteria.threshold));
    let mut minute: Vec<Observation> = Vec::new();
    log::history(tx, (tenant.id, actor), range, until, |event| {
        let seen = observe(&event);
        if seen.minute < judge_from {
            past.observe(&seen, criteria.zone);
            return;
        }
        let tracker = tracker.get_or_insert_with(|| begin(std::mem::take(&mut past)));
        if minute
            .first()
            .is_some_and(|first| first.minute != seen.minute)
        {
            tracker.follow(&minute, |scored| path.take(scored));
            minute.clear();
        }
        minute.push(seen);
    })
    .await?;
    let mut tracker = tracker.unwrap_or_else(|| begin(past));
    tracker.follow(&minute, |scored| path.take(scored));
    let own = (tracker, &suppressions);
    let whose = (part, zone.clone());
    Ok(path.finish(own, whose, &events, Some(judge_from), now))
}

pub(crate) fn criteria<'a>(
    (tenant, zone): (&'a Tenant, &'a Zone),
    rules: &'a RuleSet,
    excluded: &'a BTreeSet<Day>,
) -> Criteria<'a> {
    Criteria {
        rules,
        threshold: tenant.scoring.alert_threshold,
        zone,
        excluded,
    }
}

/// Collects the judgements of one actor's path.
struct Path {
    actor: ActorId,
    threshold: Points,
    hits: BTreeMap<(i64, Day), Hit>,
    points: String,
    rows: Vec<Assessment>,
    days: BTreeMap<Day, (Minute, Points)>,
    alerting: Vec<Scored>,
}

impl Path {
    fn from(points: String, (actor, threshold): (ActorId, Points)) -> Self {
        Self {
            actor,
            threshold,
            hits: BTreeMap::new(),
            points,
            rows: Vec::new(),
            days: BTreeMap::new(),
            alerting: Vec::new(),
        }
    }

    fn take(&mut self, scored: Scored) {
        let assessment = &scored.assessment;
        let points = points_text(assessment);
        if points != self.points {
            self.points = points;
            self.rows.push(assessment.clone());
        }
        let minute = assessment.minute;
        let day = minute.start().utc_day();
        let highest = self.days.entry(day).or_insert((minute, assessment.score));
        if assessment.score > highest.1 {
            *highest = (minute, assessment.score);
        }
        self.note_hidden(&scored.assessment);
        if scored.causes.is_some() {
            self.alerting.push(scored);
        }
    }

    /// Keeps what suppressions hid in a minute.
    fn note_hidden(&mut self, judged: &Assessment) {
        let hidden: Points = judged.suppressed.iter().map(|s| s.signal.points).sum();
        let whole = (judged.score - judged.cap + hidden).min(Points::MAX);
        let day = judged.minute.start().utc_day();
        let mut by_code: BTreeMap<i64, Points> = BTreeMap::new();
        for one in &judged.suppressed {
            if let Some(code) = SuppressionCode::parse(&one.code) {
                let sum = by_code.entry(code.0).or_default();
                *sum = *sum + one.signal.points;
            }
        }
        for (number, points) in by_code {
            let hit = self.hits.entry((number, day)).or_insert(Hit {
                number,
                actor: self.actor,
                day,
                points,
                alert_hidden: false,
            });
            hit.points = hit.points.max(points);
            hit.alert_hidden |= judged.score < self.threshold && whole >= self.threshold;
        }
    }

    fn finish(
        self,
        (mut tracker, suppressions): (Tracker<'_>, &Suppressions),
        (part, zone): (Partition, Zone),
        events: &[Tailed],
        replaced_from: Option<Minute>,
        now: Timestamp,
    ) -> Followed {
        let newest = tracker.profile().newest().unwrap_or_default();
        let judged = tracker.judge_at(current_minute(now).max(newest)).assessment;
        let times = |pick: fn(&Tailed) -> Timestamp| events.iter().map(pick);
        Followed {
            actor: self.actor,
            part,
            zone,
            hits: self.hits.into_values().collect(),
            due: due(&judged, suppressions),
            undecided: tracker.is_undecided(),
            profile: tracker.into_profile(),
            points: self.points,
            rows: self.rows,
            days: self.days,
            alerting: self.alerting,
            now: judged,
            replaced_from,
            first_seen: times(|e| e.occurred_at).min().unwrap_or_default(),
            last_seen: times(|e| e.occurred_at).max().unwrap_or_default(),
            last_received: times(|e| e.received_at).max().unwrap_or_default(),
        }
    }
}

/// The points by rule as one comparable text.
pub(crate) fn points_text(assessment: &Assessment) -> String {
    let parts = assessment
        .signals
        .iter()
        .map(|s| format!("{}:{}", s.rule, s.points));
    let suppressed = assessment
        .suppressed
        .iter()
        .map(|s| format!("{}:{}", s.signal.rule, s.code));
    parts.chain(suppressed).collect::<Vec<_>>().join(",")
}

/// What the scorer sees of a stored event.
pub(crate) fn observe(event: &Tailed) -> Observation {
    Observation {
        minute: event.occurred_at.minute(),
        bytes: event.bytes.unwrap_or(0).max(0) as u64,
        failed: event.outcome == Outcome::Failure,
        address: event.ip.map(ValueHash::address),
        resource: ValueHash::resource(event.resource.as_deref(), event.resource_id.as_deref()),
        agent: event.user_agent.as_deref().map(ValueHash::text),
        host: event.host.as_deref().map(ValueHash::text),
    }
}

fn by_actor(events: Vec<Tailed>) -> BTreeMap<ActorId, Vec<Tailed>> {
    let mut actors: BTreeMap<ActorId, Vec<Tailed>> = BTreeMap::new();
    for event in events {
        actors.entry(event.actor).or_default().push(event);
    }
    actors
}

fn count_hours(events: &[Tailed]) -> BTreeMap<(SourceId, i64), HourCount> {
    let mut hours: BTreeMap<(SourceId, i64), HourCount> = BTreeMap::new();
    for event in events {
        let hour = event.occurred_at.micros().div_euclid(HOUR_US);
        let count = hours.entry((event.source, hour)).or_default();
        count.events += 1;
        count.failures += i64::from(event.outcome == Outcome::Failure);
        count.bytes = count.bytes.saturating_add(event.bytes.unwrap_or(0));
        count.last_occurred_at = count.last_occurred_at.max(event.occurred_at.micros());
        count.last_received_at = count.last_received_at.max(event.received_at.micros());
    }
    hours
}
