//! One replay: a tenant's days, one after another, under one set of criteria.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use domain::actor::{ActorId, Partition};
use domain::alert::Status;
use domain::backtest::{CriteriaDraft, ReplayedAlert};
use domain::id::{AlertId, TenantId};
use domain::rule::{RuleName, RuleSet};
use domain::score::Points;
use domain::tenant::{RuleSetName, Tenant};
use domain::time::{Day, Minute};
use scoring::backtest::Replayed;
use scoring::calibrated::{Organisation, Parameters};
use scoring::episode::Step;
use scoring::observation::Observation;
use scoring::profile::Profile;
use scoring::track::Tracker;
use store::Db;
use store::log::{self, Position};
use store::scoring::{self as actors, LatestAlert};

use crate::error::Result;
use crate::jobs::score::calibrated::briefing::{Briefing, Readers};
use crate::jobs::score::calibrated::closing::{self, JudgedDay, Pasts, Telling, Yardstick};
use crate::jobs::score::calibrated::crossing;
use crate::jobs::score::calibrated::ledger::OpenDay;
use crate::jobs::score::follow::{criteria, observe};
use crate::jobs::score::place::{free_minute, insert, place, raised, went_on};

/// Days before the span whose alerts are followed as well: an episode goes on for a day after its
/// last signal, so that what opens in the span depends on no earlier one.
const RUN_UP: i32 = 2;
/// Actors asked for together.
const PAGE: usize = 500;

/// What the gradings of a backtest read of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wants {
    classic: bool,
    calibrated: bool,
}

impl Wants {
    /// What both read.
    pub fn and(self, other: Self) -> Self {
        Self {
            classic: self.classic || other.classic,
            calibrated: self.calibrated || other.calibrated,
        }
    }
}

/// One day as the gradings see it.
pub(super) struct EventsOfDay {
    day: Day,
    open: OpenDay,
    observed: Arc<BTreeMap<ActorId, Vec<Observation>>>,
    /// How many.
    pub events: u64,
}

impl EventsOfDay {
    /// Reads a day's events page by page.
    pub async fn read(
        db: &Db,
        (tenant, briefing): (&Tenant, &Briefing),
        (day, until): (Day, Position),
        wants: Wants,
        readers: &mut Readers,
    ) -> Result<Self> {
        let (mut open, mut events) = (OpenDay::default(), 0);
        let mut observed: BTreeMap<ActorId, Vec<Observation>> = BTreeMap::new();
        log::day(db, tenant.id, day, until, |event| {
            events += 1;
            if wants.calibrated {
                let activity = briefing.activity(readers, &event);
                let zone = briefing.zone(event.actor, day, &tenant.scoring.zone);
                open.add(day, (event.actor, event.part), &activity, zone);
            }
            if wants.classic {
                let seen = observe(&event);
                observed.entry(event.actor).or_default().push(seen);
            }
        })
        .await?;
        let all = observed.values_mut();
        all.for_each(|events| events.sort_by_key(|seen| seen.minute));
        Ok(Self {
            day,
            open,
            observed: Arc::new(observed),
            events,
        })
    }
}

/// A score that reached the threshold.
struct Reached {
    minute: Minute,
    score: Points,
    fired: BTreeSet<RuleName>,
}

/// What a day came to: the highest score of every active actor, and what reached the threshold.
#[derive(Default)]
struct DayScores {
    highest: Vec<Points>,
    reached: Vec<(ActorId, Vec<Reached>)>,
}

/// See the module.
pub(super) struct Replay {
    tenant: Arc<Tenant>,
    briefing: Arc<Briefing>,
    grading: Grading,
    until: Position,
    /// First day that is reported.
    from: Day,
    alerts: BTreeMap<ActorId, Vec<LatestAlert>>,
    found: Replayed,
}

enum Grading {
    Classic(Classic),
    Calibrated(Calibrated),
}

/// The five rules: each actor's profile goes on from day to day.
struct Classic {
    rules: Arc<RuleSet>,
    profiles: HashMap<ActorId, Profile>,
    excluded: HashMap<ActorId, BTreeSet<Day>>,
}

/// The calibrated grading: the organisation and everybody's past, as they stood when the day began.
struct Calibrated {
    organisation: Arc<Organisation>,
    pasts: Pasts,
    keys: Arc<HashMap<ActorId, String>>,
}

impl Replay {
    pub fn new(
        tenant: &Tenant,
        briefing: Arc<Briefing>,
        draft: &CriteriaDraft,
        from: Day,
        until: Position,
    ) -> Self {
        let tenant = Tenant {
            scoring: draft.applied_to(&tenant.scoring),
            ..tenant.clone()
        };
        let grading = match draft.ruleset {
            RuleSetName::Classic => Grading::Classic(Classic {
                rules: Arc::new(RuleSet::with(draft.rules.iter().copied())),
                profiles: HashMap::new(),
                excluded: HashMap::new(),
            }),
            RuleSetName::Calibrated => Grading::Calibrated(Calibrated {
                organisation: Arc::new(Organisation::new(Parameters {
                    rate: tenant.scoring.alert_rate,
                    ..Parameters::default()
                })),
                pasts: Pasts::default(),
                keys: Arc::default(),
            }),
        };
        Self {
            tenant: Arc::new(tenant),
            briefing,
            grading,
            until,
            from,
            alerts: BTreeMap::new(),
            found: Replayed::default(),
        }
    }

    /// What it reads of events.
    pub fn wants(&self) -> Wants {
        let classic = matches!(self.grading, Grading::Classic(_));
        Wants {
            classic,
            calibrated: !classic,
        }
    }

    /// Goes on by a day. The last one is judged so far: no later event has closed it.
    pub async fn follow(&mut self, db: &Db, events: &EventsOfDay, is_last: bool) -> Result<()> {
        let judged = events.day.0 >= self.from.0 - RUN_UP;
        let whose = (&self.tenant, &self.briefing);
        let scores = match &mut self.grading {
            Grading::Classic(classic) => classic.follow(db, whose, events, judged).await?,
            Grading::Calibrated(calibrated) => {
                let day = calibrated.follow(db, whose, events, is_last).await?;
                Calibrated::scores(db, whose, self.until, &day, judged).await?
            }
        };
        if events.day >= self.from {
            scores.highest.iter().for_each(|s| self.found.count(*s));
        }
        for (actor, moments) in scores.reached {
            let alerts = self.alerts.entry(actor).or_default();
            let ruleset = self.tenant.scoring.ruleset.word();
            for moment in &moments {
                take(alerts, ruleset, moment);
            }
        }
        Ok(())
    }

    /// What it came to.
    pub fn finish(self) -> Replayed {
        let from = self.from.utc_start().minute();
        let of = |actor: ActorId, alert: LatestAlert| ReplayedAlert {
            actor,
            opened: alert.opened,
            last: alert.last_signal,
            score: alert.score,
            rules: alert.rules.into_iter().collect(),
        };
        let all = self.alerts.into_iter();
        let all = all.flat_map(|(actor, alerts)| alerts.into_iter().map(move |a| of(actor, a)));
        Replayed {
            alerts: all.filter(|alert| alert.opened >= from).collect(),
            ..self.found
        }
    }
}

/// What the scorer does with a minute that reached the threshold, on alerts nobody decides about.
fn take(alerts: &mut Vec<LatestAlert>, ruleset: &str, moment: &Reached) {
    let Reached {
        minute,
        score,
        fired,
    } = moment;
    let (index, step) = place(alerts, ruleset, *minute, *score, fired);
    let Some(alert) = index.and_then(|index| alerts.get_mut(index)) else {
        let opened = free_minute(alerts, *minute);
        let alert = LatestAlert {
            id: AlertId(0),
            opened,
            last_signal: opened,
            score: *score,
            status: Status::Open,
            rules: fired.clone(),
            ruleset: ruleset.to_owned(),
        };
        return insert(alerts, alert);
    };
    match step {
        Step::Raise => raised(alert, *minute, *score, fired.clone()),
        Step::Join | Step::Continue => {
            went_on(alert, *minute);
            alert.rules.extend(fired.iter().cloned());
        }
        Step::Open | Step::Swallow => {}
    }
}

impl Classic {
    async fn follow(
        &mut self,
        db: &Db,
        (tenant, briefing): (&Arc<Tenant>, &Arc<Briefing>),
        events: &EventsOfDay,
        judged: bool,
    ) -> Result<DayScores> {
        let known = |actor: &&ActorId| !self.profiles.contains_key(actor);
        let strangers: Vec<ActorId> = events.observed.keys().filter(known).copied().collect();
        for chunk in strangers.chunks(PAGE) {
            let found = actors::excluded_days(db, tenant.id, chunk).await?;
            self.excluded.extend(found);
        }
        let (mut profiles, excluded) = (
            std::mem::take(&mut self.profiles),
            std::mem::take(&mut self.excluded),
        );
        let (rules, tenant) = (Arc::clone(&self.rules), Arc::clone(tenant));
        let briefing = Arc::clone(briefing);
        let observed = Arc::clone(&events.observed);
        let done = tokio::task::spawn_blocking(move || {
            let mut scores = DayScores::default();
            let none = BTreeSet::new();
            for (actor, events) in observed.iter() {
                let left_out = excluded.get(actor).unwrap_or(&none);
                let zone = briefing.latest_zone(*actor, &tenant.scoring.zone);
                let criteria = criteria((&tenant, zone), &rules, left_out);
                let profile = profiles.entry(*actor).or_default();
                if judged {
                    let mut tracker = Tracker::new(std::mem::take(profile), criteria);
                    scores.take(*actor, &mut tracker, events);
                    *profile = tracker.into_profile();
                } else {
                    let zone = criteria.zone;
                    for seen in events {
                        profile.observe(seen, zone);
                    }
                }
            }
            (scores, profiles, excluded)
        });
        let (scores, profiles, excluded) = done.await?;
        self.profiles = profiles;
        self.excluded = excluded;
        Ok(scores)
    }
}

impl DayScores {
    fn take(&mut self, actor: ActorId, tracker: &mut Tracker<'_>, events: &[Observation]) {
        let (mut highest, mut reached) = (Points::ZERO, Vec::new());
        tracker.follow(events, |scored| {
            let assessment = &scored.assessment;
            highest = highest.max(assessment.score);
            if scored.causes.is_some() {
                reached.push(Reached {
                    minute: assessment.minute,
                    score: assessment.score,
                    fired: assessment.fired().map(RuleName::from).collect(),
                });
            }
        });
        self.highest.push(highest);
        if !reached.is_empty() {
            self.reached.push((actor, reached));
        }
    }
}

impl Calibrated {
    async fn follow(
        &mut self,
        db: &Db,
        (tenant, briefing): (&Arc<Tenant>, &Arc<Briefing>),
        events: &EventsOfDay,
        is_last: bool,
    ) -> Result<JudgedDay> {
        self.learn_keys(db, tenant.id, &events.open.actors).await?;
        let (day, open) = (events.day, events.open.clone());
        let organisation = Arc::clone(&self.organisation);
        // Rules are compared: what was suppressed meanwhile is another question.
        let yardstick = Yardstick {
            threshold: tenant.scoring.alert_threshold,
            suppressions: Arc::default(),
            telling: Telling::Score,
        };
        let keys = Arc::clone(&self.keys);
        let mut pasts = std::mem::take(&mut self.pasts);
        let excluded = briefing.excluded(day);
        let done = tokio::task::spawn_blocking(move || {
            if is_last {
                let all: Vec<ActorId> = open.actors.keys().copied().collect();
                let judged =
                    closing::judge_some(day, &open, &all, &pasts, organisation, &yardstick);
                return (judged, None, pasts);
            }
            let ((judged, _), after) = closing::close(
                (day, open),
                &excluded,
                &mut pasts,
                &keys,
                organisation,
                &yardstick,
            );
            pasts.forget_before();
            (judged, Some(after), pasts)
        });
        let (judged, after, pasts) = done.await?;
        self.pasts = pasts;
        if let Some(after) = after {
            self.organisation = Arc::new(after);
        }
        Ok(judged)
    }

    async fn learn_keys(
        &mut self,
        db: &Db,
        tenant: TenantId,
        open: &BTreeMap<ActorId, (Partition, scoring::calibrated::ActorDay)>,
    ) -> Result<()> {
        let strange = |actor: &&ActorId| !self.keys.contains_key(actor);
        let missing: Vec<ActorId> = open.keys().filter(strange).copied().collect();
        for chunk in missing.chunks(PAGE) {
            let found = actors::keys(db, tenant, chunk).await?;
            Arc::make_mut(&mut self.keys).extend(found);
        }
        Ok(())
    }

    /// The scores of a judged day; alerting minutes only where they matter.
    async fn scores(
        db: &Db,
        (tenant, briefing): (&Arc<Tenant>, &Arc<Briefing>),
        until: Position,
        judged: &JudgedDay,
        alerting: bool,
    ) -> Result<DayScores> {
        let verdicts = &judged.verdicts;
        let mut scores = DayScores {
            highest: verdicts.iter().map(|v| v.score).collect(),
            reached: Vec::new(),
        };
        let reached = |v: &&closing::Verdict| v.score > Points::ZERO && v.alerting.is_some();
        let reached: Vec<_> = verdicts.iter().filter(reached).collect();
        if reached.is_empty() || !alerting {
            return Ok(scores);
        }
        let reference = judged.reference();
        for verdict in reached {
            let what = (judged, verdict);
            let whose = (&**tenant, &**briefing);
            let told = (&reference, "");
            let found = crossing::alerting(db, whose, what, told, until, false).await?;
            let moments = found.into_iter().flat_map(|found| found.moments);
            let moments = moments.map(|moment| Reached {
                minute: moment.minute(),
                score: moment.score(),
                fired: moment.fired(),
            });
            scores.reached.push((verdict.actor, moments.collect()));
        }
        Ok(scores)
    }
}
