//! Judging the actors of a day, and closing it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use domain::actor::{ActorId, Partition};
use domain::id::TenantId;
use domain::score::Points;
use domain::suppression::Suppression;
use domain::time::{Day, Minute};
use scoring::calibrated::peers::SMALLEST;
use scoring::calibrated::{
    ActorDay, ActorState, Closing, Explanation, Judged, Organisation, Peers, Today,
    close_day_without, explain, judge, stored,
};
use scoring::observation::ValueHash;
use scoring::receipt::sha256;
use scoring::suppress::Suppressions;
use store::Db;
use store::calibrated::{self as rows, ClosedDay, State};
use store::suppressions::Hit;

use super::briefing::Briefing;
use super::ledger::{OpenDay, unreadable};
use crate::error::Result;

/// Active days before an actor's own habits count as known.
const OWN_DAYS: u32 = 5;
/// Actors whose pasts are read together.
const PAGE: usize = 500;

/// The pasts that a pass has read or changed.
#[derive(Default)]
pub(crate) struct Pasts(HashMap<ActorId, Past>);

/// One actor's past, and what it was before the last closed day.
#[derive(Clone, Default)]
pub(crate) struct Past {
    part: Option<Partition>,
    state: Option<ActorState>,
    before: Option<ActorState>,
    day: Day,
    changed: bool,
}

impl Pasts {
    /// Reads what is missing. With `reopened`, actors whose last closed day is that one are taken
    /// as they were before.
    pub async fn read(
        &mut self,
        db: &Db,
        tenant: TenantId,
        actors: impl Iterator<Item = ActorId>,
        reopened: Option<Day>,
    ) -> Result<()> {
        let missing: Vec<ActorId> = actors.filter(|a| !self.0.contains_key(a)).collect();
        for chunk in missing.chunks(PAGE) {
            let mut found = rows::states(db, tenant, chunk).await?;
            for actor in chunk {
                let past = match found.remove(actor) {
                    Some(row) => unpack(&row, reopened)?,
                    None => Past::default(),
                };
                self.0.insert(*actor, past);
            }
        }
        Ok(())
    }

    /// Forgets what was before the last closed day: nothing reopens it.
    pub fn forget_before(&mut self) {
        self.0.values_mut().for_each(|past| past.before = None);
    }

    fn state(&self, actor: ActorId) -> ActorState {
        let past = self.0.get(&actor).and_then(|past| past.state.clone());
        past.unwrap_or_default()
    }

    /// The past of an actor before a day, when that is the last one taken in here.
    fn before(&self, actor: ActorId, day: Day) -> Option<&ActorState> {
        let past = self.0.get(&actor)?;
        if past.changed && past.day == day {
            past.before.as_ref()
        } else {
            past.state.as_ref()
        }
    }

    /// Reads the groups that actors with an alerting day are compared with, as they were before the
    /// day.
    pub async fn compare(
        &mut self,
        (db, tenant): (&Db, TenantId),
        briefing: &Briefing,
        judged: &mut JudgedDay,
        reopened: Option<Day>,
    ) -> Result<()> {
        let day = judged.day;
        for verdict in judged.verdicts.iter_mut().filter(|v| v.alerting.is_some()) {
            let Some((group, members)) = briefing.peers(verdict.actor, day) else {
                continue;
            };
            if members.len() < SMALLEST {
                continue;
            }
            self.read(db, tenant, members.iter().copied(), reopened)
                .await?;
            let pasts = members.iter().filter_map(|id| self.before(*id, day));
            verdict.peers = Peers::of(group, pasts);
        }
        Ok(())
    }

    fn learnt(&mut self, actor: ActorId, part: Partition, day: Day, state: ActorState) {
        let past = self.0.entry(actor).or_default();
        past.before = past.state.replace(state);
        past.part = Some(part);
        past.day = day;
        past.changed = true;
    }

    /// What has changed, as rows.
    pub fn changed(self) -> Vec<State> {
        let changed = self.0.into_iter().filter(|(_, past)| past.changed);
        let mut list: Vec<State> = changed
            .map(|(actor, past)| State {
                actor,
                part: past.part.unwrap_or(Partition(0)),
                day: past.day,
                state: past
                    .state
                    .as_ref()
                    .map(stored::to_bytes)
                    .unwrap_or_default(),
                before: past.before.as_ref().map(stored::to_bytes),
            })
            .collect();
        list.sort_by_key(|state| state.actor);
        list
    }
}

fn unpack(row: &State, reopened: Option<Day>) -> Result<Past> {
    let read = |bytes: &[u8]| {
        stored::from_bytes::<ActorState>(bytes).map_err(|_| unreadable("an actor's past"))
    };
    let bytes = if reopened == Some(row.day) {
        row.before.as_deref()
    } else {
        Some(row.state.as_slice())
    };
    Ok(Past {
        part: Some(row.part),
        state: bytes.map(read).transpose()?,
        before: None,
        day: row.day,
        changed: false,
    })
}

/// How much is told of a verdict besides its score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// The whole explanation, for people.
    Whole,
    /// Nothing, where only scores are compared.
    Score,
}

/// What scores are held against, and what is told of them.
#[derive(Clone)]
pub(crate) struct Yardstick {
    /// Score from which an alert opens.
    pub threshold: Points,
    /// Every suppression of the tenant.
    pub suppressions: Arc<Vec<Suppression>>,
    /// How much is told.
    pub telling: Telling,
}

/// One actor's day as judged.
pub(crate) struct Verdict {
    pub actor: ActorId,
    pub part: Partition,
    pub score: Points,
    /// The last minute that holds an event.
    pub minute: Minute,
    /// The highest score of the day and its minute. Differs from the last one only where a
    /// suppression began meanwhile.
    pub highest: (Minute, Points),
    /// A few words per reason, strongest first.
    pub short: Vec<String>,
    /// The whole explanation, from [`TOLD`] points on.
    pub explanation: Option<Explanation>,
    /// What is needed to find the minute of the crossing, when the score reached the threshold.
    pub alerting: Option<Box<ActorState>>,
    /// The group that such an actor is compared with: see [`Pasts::compare`].
    pub peers: Option<Peers>,
    /// What is needed to look whether points do not count, where that can be.
    pub suppressible: Option<Box<(ActorState, Suppressions)>>,
    /// What suppressions hid.
    pub hits: Vec<Hit>,
}

/// From so many points on the history keeps the rows of a score.
const TOLD: Points = Points::whole(20);
/// Reasons an actor's row shows.
const SHORT: usize = 4;

impl Verdict {
    fn of(
        (actor, part): (ActorId, Partition),
        (day, judged): (&ActorDay, &Judged),
        state: &ActorState,
        organisation: &Organisation,
        yardstick: &Yardstick,
    ) -> Self {
        let threshold = yardstick.threshold;
        let (first, minute) = day.span().unwrap_or_default();
        let suppressions = Suppressions::of(&yardstick.suppressions, actor, (first, minute));
        let score = Points::from_tenths(judged.grade.tenths());
        let told = yardstick.telling == Telling::Whole && score > Points::ZERO;
        let explanation = told.then(|| explain(judged, day, state, organisation));
        let touched = score > Points::ZERO && !suppressions.is_empty();
        Self {
            actor,
            part,
            score,
            minute,
            highest: (minute, score),
            short: explanation.as_ref().map(short).unwrap_or_default(),
            suppressible: touched.then(|| Box::new((state.clone(), suppressions))),
            hits: Vec::new(),
            explanation: explanation.filter(|_| score >= TOLD),
            alerting: (score >= threshold).then(|| Box::new(state.clone())),
            peers: None,
        }
    }
}

/// A few words for the strongest reasons.
pub(crate) fn short(explanation: &Explanation) -> Vec<String> {
    let rows: Vec<_> = explanation
        .rows
        .iter()
        .map(|r| r.contribution.clone())
        .collect();
    let mut short = scoring::explain::short_contributions(&rows);
    short.truncate(SHORT);
    short
}

/// A day with the verdicts on its actors, and what they were judged against.
pub(crate) struct JudgedDay {
    pub day: Day,
    pub verdicts: Vec<Verdict>,
    pub organisation: Arc<Organisation>,
    pub today: Arc<Today>,
}

impl JudgedDay {
    /// The organisation's numbers as receipts refer to them: hash and bytes.
    pub fn reference(&self) -> (String, Arc<Vec<u8>>) {
        let bytes = stored::to_bytes(&self.organisation.reference());
        (sha256(&bytes), Arc::new(bytes))
    }
}

/// Judges some actors of a day so far.
pub(crate) fn judge_some(
    day: Day,
    open: &OpenDay,
    actors: &[ActorId],
    pasts: &Pasts,
    organisation: Arc<Organisation>,
    yardstick: &Yardstick,
) -> JudgedDay {
    let today = open.today();
    let of_day = actors
        .iter()
        .filter_map(|a| Some((*a, open.actors.get(a)?)));
    let verdicts = of_day
        .map(|(actor, (part, own))| {
            let state = pasts.state(actor);
            let judged = judge(own, &state, &organisation, &today);
            let who = (actor, *part);
            Verdict::of(who, (own, &judged), &state, &organisation, yardstick)
        })
        .collect();
    JudgedDay {
        day,
        verdicts,
        organisation,
        today: Arc::new(today),
    }
}

/// Judges a complete day and closes it: pasts and organisation take it in, but for what the days of
/// `excluded` actors would teach.
pub(crate) fn close(
    (day, open): (Day, OpenDay),
    excluded: &BTreeSet<ActorId>,
    pasts: &mut Pasts,
    keys: &HashMap<ActorId, String>,
    before: Arc<Organisation>,
    yardstick: &Yardstick,
) -> ((JudgedDay, ClosedDay), Organisation) {
    struct One {
        actor: ActorId,
        part: Partition,
        number: u64,
        day: ActorDay,
        state: ActorState,
        judged: Judged,
    }
    let today = open.today();
    let mut told = ClosedDay {
        day,
        young: before.is_young(day),
        ..ClosedDay::default()
    };
    let (mut all, mut verdicts) = (Vec::new(), Vec::new());
    for (actor, (part, own)) in open.actors {
        let state = pasts.state(actor);
        let judged = judge(&own, &state, &before, &today);
        let verdict = Verdict::of((actor, part), (&own, &judged), &state, &before, yardstick);
        told.judged += 1;
        told.alerted += u32::from(verdict.alerting.is_some());
        told.without_habits += u32::from(state.active_days < OWN_DAYS);
        verdicts.push(verdict);
        // The engine numbers actors by their folded names, as everywhere.
        let key = keys.get(&actor).map_or("", String::as_str);
        all.push(One {
            actor,
            part,
            number: ValueHash::text(key).0,
            day: own,
            state,
            judged,
        });
    }
    let left_out = all.iter().filter(|one| excluded.contains(&one.actor));
    let left_out: BTreeSet<u64> = left_out.map(|one| one.number).collect();
    let closings = all.iter_mut().map(|one| Closing {
        actor: one.number,
        state: &mut one.state,
        day: &one.day,
        judged: &one.judged,
    });
    let mut organisation = Organisation::clone(&before);
    close_day_without(&mut organisation, day, closings.collect(), &left_out);
    told.actors = organisation.actors();
    let silent = organisation.silent(day).iter();
    told.silent = silent.map(|action| action.word().to_owned()).collect();
    for one in all {
        pasts.learnt(one.actor, one.part, day, one.state);
    }
    let judged = JudgedDay {
        day,
        verdicts,
        organisation: before,
        today: Arc::new(today),
    };
    ((judged, told), organisation)
}
