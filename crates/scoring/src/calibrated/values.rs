//! From a day's events to one number for each rule.

use domain::time::Day;

use super::action::Action;
use super::day::{ActorDay, Hours, Met, Sort, Value, busiest, outbound};
use super::detection;
use super::memory::Remembered;
use super::rule::{PerRule, Rule};
use super::state::ActorState;
use super::tables::Tables;

/// An hour or weekday on which the actor is active less often than this is odd.
const ODD_HOUR: f64 = 0.05;
/// No hour counts as rarer than this among everyone: sooner or later somebody works then.
const RARE_HOUR: f64 = 0.01;
/// A direction less alike than this belongs to another circle.
const FOREIGN: f32 = 0.5;

/// Looks at one day with the actor's and the organisation's past in mind.
pub(super) struct Look<'a> {
    pub day: &'a ActorDay,
    pub state: &'a ActorState,
    pub tables: &'a Tables,
    pub today: &'a super::today::Today,
}

/// Numbers of new things by UTC hour window: objects that were new and when they were used.
#[derive(Default)]
struct Windows {
    new_objects: [u32; 23],
    minor_mails: [u32; 23],
}

impl Windows {
    fn new_object(&mut self, met: &Met) {
        add(&mut self.new_objects, met.hours, 1);
    }

    fn minor_mail(&mut self, met: &Met) {
        add(&mut self.minor_mails, met.hours, met.events);
    }
}

/// Adds to every two-hour window that a mask of hours touches.
fn add(windows: &mut [u32; 23], hours: u32, by: u32) {
    for (window, count) in windows.iter_mut().enumerate() {
        if hours & (0b11 << window) != 0 {
            *count = count.saturating_add(by);
        }
    }
}

/// The values of a day.
pub(super) fn of(look: &Look<'_>) -> PerRule<f64> {
    let mut values = PerRule::default();
    times(look, &mut values);
    amounts(look.day, &mut values);
    let mut windows = Windows::default();
    let mut memory = look.state.memory.walk();
    for (value, met) in look.day.values() {
        look.meet((value, met), memory.get(value), &mut values, &mut windows);
    }
    sequences(look.day, &windows, &mut values);
    values
}

/// Which hours of the clock are odd for an actor: `−log10` of the share of its days.
pub(super) fn hour_rarity(state: &ActorState, tables: &Tables) -> [f64; 24] {
    let own = |hour: usize| f64::from(state.hours.get(hour % 24).copied().unwrap_or(0.0));
    std::array::from_fn(|hour| {
        // A habit is not exact to the hour.
        let days = own(hour).max(0.5 * own(hour + 1)).max(0.5 * own(hour + 23));
        let share = tables.hours.get(hour).copied().unwrap_or(0.0);
        let share = ((share + 1.0) / (tables.days + 8.0)).max(RARE_HOUR);
        let p = (days + 3.0 * share) / (f64::from(state.days) + 3.0);
        -p.min(1.0).log10()
    })
}

fn times(look: &Look<'_>, values: &mut PerRule<f64>) {
    let (day, state, tables) = (look.day, look.state, look.tables);
    let hours = hour_rarity(state, tables);
    let odd = -ODD_HOUR.log10();
    let clock = hours.iter().zip(&day.clock).zip(&day.weighty_clock);
    for (hour, ((rarity, events), weighty)) in clock.enumerate() {
        let rarity = &rarity.min(look.hour_today(hour));
        if *events > 0 {
            values[Rule::OddHours] += (rarity - 1.0).max(0.0);
        }
        if *rarity > odd {
            values[Rule::OddHoursActivity] += f64::from(*weighty);
        }
    }
    values[Rule::OddWeekday] = weekday(day.day(), state, tables);
}

fn weekday(day: Day, state: &ActorState, tables: &Tables) -> f64 {
    let at = usize::from(day.weekday());
    let active = f64::from(state.weekdays.get(at).copied().unwrap_or(0.0));
    let mut passed = f64::from(state.weekdays_passed.get(at).copied().unwrap_or(0.0));
    if let Some(last) = state.last {
        passed += f64::from(((day.0 - last.0 - 1) / 7).clamp(0, 52));
    }
    let (known, seen) = tables.weekdays.get(at).copied().unwrap_or_default();
    let share = (seen + 1.0) / (known + 2.0);
    let p = (active + 2.0 * share) / (passed + 2.0);
    (-p.min(1.0).log10() - 0.3).max(0.0)
}

fn amounts(day: &ActorDay, values: &mut PerRule<f64>) {
    let count = |action| day.count(action) as f64;
    let bytes = |action| day.bytes[action] as f64;
    let hours = |actions: &[Action]| {
        let mut sum: Hours = [0; 24];
        for action in actions {
            for (slot, n) in sum.iter_mut().zip(&day.counts[*action]) {
                *slot = slot.saturating_add(*n);
            }
        }
        f64::from(busiest(&sum))
    };
    let failures: u32 = day.sign_in_failures.iter().sum();
    for (rule, value) in [
        (Rule::SignIns, count(Action::SignIn)),
        (Rule::SignInFailures, f64::from(failures)),
        (
            Rule::SignInFailureBurst,
            f64::from(busiest(&day.sign_in_failures)),
        ),
        (Rule::Failures, f64::from(day.failures)),
        (Rule::Copies, count(Action::Copy)),
        (Rule::CopiedBytes, bytes(Action::Copy)),
        (Rule::CopyBurst, hours(&[Action::Copy])),
        (Rule::Connects, count(Action::Connect)),
        (Rule::Sends, count(Action::Send)),
        (Rule::SentBytes, bytes(Action::Send)),
        (
            Rule::OutboundBytes,
            bytes(Action::Send) + bytes(Action::Copy) + bytes(Action::Mail),
        ),
        (Rule::OutboundBurst, hours(&[Action::Send, Action::Copy])),
        (Rule::Mails, count(Action::Mail)),
        (Rule::MailBytes, bytes(Action::Mail)),
        (Rule::LargestMail, day.largest_mail as f64),
        (Rule::Reads, count(Action::Read)),
        (Rule::Downloads, count(Action::Download)),
        (
            Rule::DownloadedBytes,
            bytes(Action::Download) + bytes(Action::Read),
        ),
        (Rule::AccessBurst, hours(&[Action::Read, Action::Download])),
        (Rule::Uploads, count(Action::Upload)),
        (Rule::Edits, count(Action::Write) + count(Action::Share)),
        (Rule::Deletes, count(Action::Delete)),
        (Rule::DeleteBurst, hours(&[Action::Delete])),
        (Rule::Changes, count(Action::Change)),
        (Rule::ChangeBurst, hours(&[Action::Change])),
    ] {
        values[rule] = value;
    }
}

/// One after another: the smaller of two amounts inside the best two hours.
fn sequences(day: &ActorDay, windows: &Windows, values: &mut PerRule<f64>) {
    let pair = |actions: &[Action], at: usize| -> u32 {
        actions
            .iter()
            .flat_map(|a| day.counts[*a].iter().skip(at).take(2))
            .sum()
    };
    let windows = windows.new_objects.iter().zip(&windows.minor_mails);
    for (at, (new, mails)) in windows.enumerate() {
        let sent = pair(&[Action::Send, Action::Copy], at).saturating_add(*mails);
        let down = pair(&[Action::Download], at);
        let up = pair(&[Action::Send, Action::Upload, Action::Copy], at);
        let changed = pair(&[Action::Change], at);
        for (rule, value) in [
            (Rule::CollectAndSend, sent.min(*new)),
            (Rule::DownloadAndUpload, down.min(up)),
            (Rule::ChangeAndRead, changed.min(*new)),
        ] {
            values[rule] = values[rule].max(f64::from(value));
        }
    }
}

impl Look<'_> {
    /// Rarity of an hour by what others do today beyond the usual: an evening on which everybody
    /// works late says nothing about anybody.
    fn hour_today(&self, hour: usize) -> f64 {
        let usual = self.tables.hours.get(hour).copied().unwrap_or(0.0);
        let usual = usual / self.tables.days.max(1.0);
        let more = self.today.others_at(hour) - usual;
        -more.clamp(1e-9, 1.0).log10()
    }

    /// Rarity of a value among all actors, 0..=3.
    fn rarity_among(&self, value: Value) -> f64 {
        let before = self.tables.popularity.of(value).actors;
        let users = f64::from(before.max(self.today.others(value)));
        let actors = f64::from(self.tables.actors);
        (-((users + 0.5) / (actors + 1.0)).log10()).clamp(0.0, 3.0)
    }

    /// How unusual it is for this actor to meet something new of a sort.
    fn novelty(&self, sort: Sort) -> f64 {
        let at = sort as usize;
        let own = f64::from(self.state.novelty.get(at).copied().unwrap_or(0.0));
        let share = self.tables.novelty.get(at).copied().unwrap_or(0.0);
        let share = (share + 1.0) / (self.tables.days + 4.0);
        let p = (own + 3.0 * share) / (f64::from(self.state.days) + 3.0);
        (-p.min(1.0).log10()).clamp(0.05, 1.5)
    }

    fn meet(
        &self,
        (value, met): (Value, &Met),
        past: Option<&Remembered>,
        values: &mut PerRule<f64>,
        windows: &mut Windows,
    ) {
        let known = past.is_some();
        let strange = || {
            if known {
                0.0
            } else {
                self.rarity_among(value) * self.novelty(value.sort)
            }
        };
        let events = f64::from(met.events);
        match value.sort {
            Sort::Object => self.object(value, met, known, values, windows),
            Sort::Destination => {
                values[Rule::NewDestinations] += strange();
                values[Rule::ReturningDestinations] += self.returning(value, met, past);
                self.minor_destination((value, met), past, values, windows);
                if !known && met.by(Action::Copy) {
                    values[Rule::NewMediaCopies] += events;
                }
            }
            Sort::Site => {
                values[Rule::NewSites] += strange();
                values[Rule::ReturningSites] += self.returning(value, met, past);
            }
            Sort::Host => {
                values[Rule::Hosts] += 1.0;
                // A computer that nobody had is a replacement; somebody else's is not.
                let users = self.tables.popularity.of(value).actors;
                values[Rule::NewHosts] += strange() * if users == 0 { 0.3 } else { 1.0 };
                self.host(value, met, past, values);
            }
            Sort::Address => {
                values[Rule::Addresses] += 1.0;
                values[Rule::NewAddresses] += strange();
            }
            Sort::Network | Sort::Agent => {
                let rule = if value.sort == Sort::Agent {
                    Rule::NewAgents
                } else {
                    Rule::NewNetworks
                };
                values[rule] += strange();
                if !known {
                    let weighty = f64::from(met.weighty);
                    values[Rule::NewOriginActivity] = values[Rule::NewOriginActivity].max(weighty);
                }
            }
            Sort::Kind => {
                values[Rule::Kinds] += self.kind(value, past);
                if let Some(severity) = met.severity {
                    let known = past.map(Remembered::last);
                    let today = self.day.day();
                    values[Rule::Detections] += detection::weight(severity, known, today);
                }
            }
        }
    }

    fn object(
        &self,
        value: Value,
        met: &Met,
        known: bool,
        values: &mut PerRule<f64>,
        windows: &mut Windows,
    ) {
        values[Rule::Objects] += 1.0;
        if met.by(Action::Change) && !known {
            values[Rule::NewSubjects] += 1.0;
        }
        if known || ![Action::Read, Action::Download].iter().any(|a| met.by(*a)) {
            return;
        }
        values[Rule::NewObjects] += 1.0;
        values[Rule::RareObjects] +=
            (self.rarity_among(value) - 1.0).max(0.0) * 0.25 * self.novelty(Sort::Object);
        windows.new_object(met);
        if let Some(readers) = self.tables.readers.get(&value.hash)
            && readers.count >= 2
            && readers.direction.cosine(&self.state.circle) < FOREIGN
        {
            values[Rule::ForeignObjects] += 1.0;
        }
    }

    fn host(&self, value: Value, met: &Met, past: Option<&Remembered>, values: &mut PerRule<f64>) {
        let known = past.is_some();
        let main = self.state.main_host;
        let own_days = past.map_or(0, |r| r.days);
        let shared = self.tables.popularity.of(value).actors > u32::from(known);
        if shared && main.is_some_and(|(host, days)| host != value.hash && 2 * own_days < days) {
            values[Rule::OtherHosts] += f64::from(met.events);
        }
        if !known {
            values[Rule::NewHostActivity] += f64::from(met.weighty);
        }
    }

    /// An uncommon place that this actor took up not long ago and comes back to.
    fn returning(&self, value: Value, met: &Met, past: Option<&Remembered>) -> f64 {
        let (Some(known), Some(first)) = (past, self.state.first) else {
            return 0.0;
        };
        let today = self.day.day().0;
        if known.first().0 < first.0 + 10 || today - known.first().0 >= 60 {
            return 0.0;
        }
        let used = f64::from(self.tables.popularity.of(value).actor_days);
        let share = used.max(1.0) / (self.tables.actor_days.max(1) as f64);
        let weight = (-share.log10() - 1.7).clamp(0.0, 1.5);
        weight * f64::from(known.days).ln_1p() * f64::from(met.events).ln_1p()
    }

    /// What goes to a place that gets little of what this actor sends and that few others use.
    fn minor_destination(
        &self,
        (value, met): (Value, &Met),
        past: Option<&Remembered>,
        values: &mut PerRule<f64>,
        windows: &mut Windows,
    ) {
        if ![Action::Send, Action::Copy, Action::Mail]
            .iter()
            .any(|a| met.by(*a))
        {
            return;
        }
        let uses = past.map_or(0, |r| r.uses);
        let minor = f64::from(uses) < 0.08 * f64::from(self.state.outbound);
        let users = self.tables.popularity.of(value).actors;
        if minor && users * 2 < self.tables.actors {
            values[Rule::MinorDestinations] += f64::from(met.events);
            let most = &mut values[Rule::MinorDestinationBytes];
            *most = most.max(met.bytes as f64);
            if met.by(Action::Mail) {
                windows.minor_mail(met);
            }
        }
    }

    fn kind(&self, value: Value, past: Option<&Remembered>) -> f64 {
        let own = past.map_or(0, |r| r.days);
        let usage = f64::from(self.tables.popularity.of(value).actor_days);
        let share = usage / (self.tables.actor_days as f64 + 20.0);
        let days = f64::from(self.state.active_days);
        let p = (f64::from(own) + 3.0 * share + 0.003) / (days + 3.0);
        (-p.min(1.0).log10() - 1.0).max(0.0)
    }
}

/// Times a value was used in a way that the actor's memory counts.
pub(super) fn uses(met: &Met) -> u32 {
    let sent = Action::ALL.into_iter().any(|a| outbound(a) && met.by(a));
    if sent { met.events } else { 1 }
}
