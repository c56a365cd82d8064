//! How an integration is doing, decided from its signs of life by fixed numbers, and told in words
//! together with the rule that decided.
//!
//! A sign of life is a good run for what is pulled and an event for everything else. With a usual
//! cadence it is late at three times and failed at ten times that cadence; three failed runs in a
//! row are failed whatever the cadence. An edge collector or listener reports every minute and is
//! judged by the same factors.

use serde::{Deserialize, Serialize};

use crate::time::{HOUR_US, MINUTE_US, Timestamp, span};

/// So many times the usual cadence without a sign of life is late.
pub const LATE_FACTOR: i64 = 3;
/// So many times the usual cadence without a sign of life is failed.
pub const FAILED_FACTOR: i64 = 10;
/// So many failed runs in a row are failed.
pub const FAILED_ERRORS: u32 = 3;
/// Microseconds between two reports of a collector or listener.
pub const HEARTBEAT_US: i64 = MINUTE_US;

/// How it is doing, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing comes any more.
    Failed,
    /// Late, or the last run failed.
    Degraded,
    /// Nothing ever came.
    NeverRan,
    /// Stopped on purpose.
    Paused,
    /// As usual.
    Healthy,
}

impl State {
    /// Every state, worst first.
    pub const ALL: [Self; 5] = [
        Self::Failed,
        Self::Degraded,
        Self::NeverRan,
        Self::Paused,
        Self::Healthy,
    ];

    /// The transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Degraded => "degraded",
            Self::NeverRan => "never_ran",
            Self::Paused => "paused",
            Self::Healthy => "healthy",
        }
    }

    /// The word people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Failed => "Failed",
            Self::Degraded => "Degraded",
            Self::NeverRan => "Never ran",
            Self::Paused => "Paused",
            Self::Healthy => "Healthy",
        }
    }
}

/// Where the usual cadence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// An administrator set it.
    Set,
    /// The longest gap of the schedule.
    Schedule,
    /// The last 14 days of arrivals.
    Learnt,
}

impl Basis {
    fn words(self) -> &'static str {
        match self {
            Self::Set => "as set",
            Self::Schedule => "from the schedule",
            Self::Learnt => "learnt from the last 14 days",
        }
    }
}

/// The usual time between signs of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cadence {
    /// Microseconds, above zero.
    pub usual_us: i64,
    /// Where it comes from.
    pub basis: Basis,
}

/// Everything the judgement looks at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signs<'a> {
    /// Why it is paused.
    pub paused: Option<&'a str>,
    /// Whether it is pulled; else events are its signs of life.
    pub pulled: bool,
    /// End of the last good run.
    pub last_ok_at: Option<Timestamp>,
    /// Receipt of the last event.
    pub last_event_at: Option<Timestamp>,
    /// Events of the last 24 hours.
    pub events_in_day: i64,
    /// Failed runs since the last good one.
    pub errors_in_row: u32,
    /// What the last run failed with.
    pub last_error: Option<&'a str>,
    /// The usual cadence, when it is known.
    pub cadence: Option<Cadence>,
    /// The latest report of any collector or listener.
    pub last_beat_at: Option<Timestamp>,
}

/// A judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// How it is doing.
    pub state: State,
    /// Why, as a sentence.
    pub sentence: String,
    /// The rule that decided, as a sentence.
    pub rule: String,
}

/// Judges the signs of life as of `now`.
pub fn judge(signs: &Signs<'_>, now: Timestamp) -> Health {
    let rule = rule(signs);
    let health = |state, sentence: String| Health {
        state,
        sentence,
        rule: rule.clone(),
    };
    if let Some(reason) = signs.paused {
        let why = if reason.is_empty() {
            "It is paused.".to_owned()
        } else {
            format!("It is paused: {reason}.")
        };
        return health(State::Paused, why);
    }
    let error = signs.last_error.unwrap_or("no reason was recorded");
    if signs.errors_in_row >= FAILED_ERRORS {
        let text = format!("{} runs in a row failed: {error}.", signs.errors_in_row);
        return health(State::Failed, text);
    }
    let late = [lateness(signs, now), silence(signs, now)];
    if let Some((state, sentence)) = late.into_iter().flatten().min_by_key(|(state, _)| *state) {
        return health(state, sentence);
    }
    if signs.errors_in_row > 0 {
        let runs = if signs.errors_in_row == 1 {
            "The last run".to_owned()
        } else {
            format!("The last {} runs", signs.errors_in_row)
        };
        return health(State::Degraded, format!("{runs} failed: {error}."));
    }
    match sign_of_life(signs) {
        None if signs.last_beat_at.is_some() => health(
            State::NeverRan,
            "The collector reports, but no event has arrived yet.".to_owned(),
        ),
        None if signs.pulled => health(State::NeverRan, "It has never run.".to_owned()),
        None => health(State::NeverRan, "No event has arrived yet.".to_owned()),
        Some(at) => health(State::Healthy, healthy(signs, now.micros() - at.micros())),
    }
}

fn sign_of_life(signs: &Signs<'_>) -> Option<Timestamp> {
    if signs.pulled {
        signs.last_ok_at
    } else {
        signs.last_event_at
    }
}

fn healthy(signs: &Signs<'_>, age: i64) -> String {
    let ago = span(age.max(0));
    if signs.pulled {
        return format!("The last run was good, {ago} ago.");
    }
    match signs.events_in_day {
        0 => format!("The last event arrived {ago} ago."),
        1 => format!("One event in 24 hours, {ago} ago."),
        many => format!("{many} events in 24 hours, the last {ago} ago."),
    }
}

/// Judges the age of the last sign of life against the cadence.
fn lateness(signs: &Signs<'_>, now: Timestamp) -> Option<(State, String)> {
    let (at, cadence) = (sign_of_life(signs)?, signs.cadence?);
    let age = now.micros() - at.micros();
    let state = overdue(age, cadence.usual_us)?;
    let what = if signs.pulled {
        "The last good run"
    } else {
        "The last event"
    };
    let mut text = format!("{what} is {} old.", span(age));
    if let (true, Some(error)) = (signs.errors_in_row > 0, signs.last_error) {
        text = format!("{text} The last run failed: {error}.");
    }
    Some((state, text))
}

/// Judges the age of the last report of a collector.
fn silence(signs: &Signs<'_>, now: Timestamp) -> Option<(State, String)> {
    let age = now.micros() - signs.last_beat_at?.micros();
    let state = overdue(age, HEARTBEAT_US)?;
    Some((
        state,
        format!("The collector has not reported for {}.", span(age)),
    ))
}

fn overdue(age: i64, usual: i64) -> Option<State> {
    match age / usual.max(1) {
        FAILED_FACTOR.. => Some(State::Failed),
        LATE_FACTOR.. => Some(State::Degraded),
        _ => None,
    }
}

fn rule(signs: &Signs<'_>) -> String {
    let mut rule = match signs.cadence {
        Some(cadence) => {
            let usual = cadence.usual_us;
            format!(
                "Late after {}, failed after {}: {LATE_FACTOR} and {FAILED_FACTOR} times the usual {}, {}.",
                span(usual * LATE_FACTOR),
                span(usual * FAILED_FACTOR),
                span(usual),
                cadence.basis.words()
            )
        }
        None => "The usual cadence is not known yet, so silence is not judged.".to_owned(),
    };
    if signs.pulled {
        rule = format!("{rule} Failed also after {FAILED_ERRORS} failed runs in a row.");
    }
    if signs.last_beat_at.is_some() {
        rule = format!(
            "{rule} A collector reports every minute: late after {}, failed after {}.",
            span(HEARTBEAT_US * LATE_FACTOR),
            span(HEARTBEAT_US * FAILED_FACTOR)
        );
    }
    rule
}

/// Gaps between hours with events that must have been seen before a cadence is learnt.
pub const MIN_GAPS: usize = 8;
/// Shortest cadence that is learnt, in microseconds.
pub const MIN_LEARNT_US: i64 = 5 * MINUTE_US;

/// Learns the usual cadence from hours with events, oldest first, as (hour number, events).
///
/// The usual gap is the one that 95 % of the gaps between such hours do not exceed (nearest
/// rank). Where that is one hour, the quieter hours tell more: an hour divided by the events of
/// the hour that 10 % do not exceed, but never less than five minutes. With fewer than
/// [`MIN_GAPS`] gaps nothing is learnt.
pub fn learnt(hours: &[(i64, i64)]) -> Option<Cadence> {
    let neighbours = hours.iter().zip(hours.iter().skip(1));
    let mut gaps: Vec<i64> = neighbours.map(|((a, _), (b, _))| b - a).collect();
    if gaps.len() < MIN_GAPS {
        return None;
    }
    gaps.sort_unstable();
    let gap = nearest_rank(&gaps, 95)?.max(1);
    let usual_us = if gap > 1 {
        gap * HOUR_US
    } else {
        let mut counts: Vec<i64> = hours.iter().map(|(_, events)| *events).collect();
        counts.sort_unstable();
        let quiet = nearest_rank(&counts, 10)?.max(1);
        (HOUR_US / quiet).max(MIN_LEARNT_US)
    };
    Some(Cadence {
        usual_us,
        basis: Basis::Learnt,
    })
}

/// The value that `percent` of the sorted values do not exceed.
fn nearest_rank(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DAY_US;

    const NOW: Timestamp = Timestamp::from_micros(100 * DAY_US);

    #[expect(clippy::unnecessary_wraps, reason = "the fields it fills are optional")]
    fn ago(minutes: i64) -> Option<Timestamp> {
        Some(NOW.plus(-minutes * MINUTE_US))
    }

    #[expect(clippy::unnecessary_wraps, reason = "the fields it fills are optional")]
    fn every(minutes: i64) -> Option<Cadence> {
        Some(Cadence {
            usual_us: minutes * MINUTE_US,
            basis: Basis::Schedule,
        })
    }

    fn pull(last_ok: Option<Timestamp>, errors: u32) -> Signs<'static> {
        Signs {
            pulled: true,
            last_ok_at: last_ok,
            errors_in_row: errors,
            last_error: (errors > 0).then_some("AccessDenied"),
            cadence: every(10),
            ..Signs::default()
        }
    }

    #[test]
    fn a_pull_is_judged_by_age_and_errors() {
        for (minutes, errors, expected) in [
            (2, 0, State::Healthy),
            (29, 0, State::Healthy),
            (30, 0, State::Degraded),
            (99, 0, State::Degraded),
            (100, 0, State::Failed),
            (2, 1, State::Degraded),
            (2, 2, State::Degraded),
            (2, 3, State::Failed),
            (-5, 0, State::Healthy),
        ] {
            let health = judge(&pull(ago(minutes), errors), NOW);
            assert_eq!(health.state, expected, "{minutes} {errors}: {health:?}");
        }
        assert_eq!(judge(&pull(None, 0), NOW).state, State::NeverRan);
        assert_eq!(judge(&pull(None, 1), NOW).state, State::Degraded);
        assert_eq!(judge(&pull(None, 3), NOW).state, State::Failed);
    }

    #[test]
    fn the_sentence_names_the_rule() {
        let health = judge(&pull(ago(41), 1), NOW);
        assert_eq!(
            health.sentence,
            "The last good run is 41 min old. The last run failed: AccessDenied."
        );
        assert_eq!(
            health.rule,
            "Late after 30 min, failed after 1 h 40 min: 3 and 10 times the usual 10 min, from the schedule. Failed also after 3 failed runs in a row."
        );
        let failed = judge(&pull(ago(1), 4), NOW);
        assert_eq!(failed.sentence, "4 runs in a row failed: AccessDenied.");
    }

    #[test]
    fn a_pause_hides_everything_else() {
        let signs = Signs {
            paused: Some("maintenance"),
            ..pull(ago(5000), 9)
        };
        let health = judge(&signs, NOW);
        assert_eq!(
            (health.state, health.sentence.as_str()),
            (State::Paused, "It is paused: maintenance.")
        );
    }

    #[test]
    fn events_and_reports_are_signs_of_life() {
        let push = |event: Option<Timestamp>, beat: Option<Timestamp>, cadence| {
            let signs = Signs {
                last_event_at: event,
                events_in_day: 12,
                last_beat_at: beat,
                cadence,
                ..Signs::default()
            };
            judge(&signs, NOW)
        };
        assert_eq!(
            push(ago(2), None, None).sentence,
            "12 events in 24 hours, the last 2 min ago."
        );
        assert_eq!(
            push(ago(9000), None, None).state,
            State::Healthy,
            "no cadence, no judgement"
        );
        assert!(push(ago(9000), None, None).rule.contains("not known yet"));
        assert_eq!(push(ago(31), None, every(10)).state, State::Degraded);
        assert_eq!(push(None, None, every(10)).state, State::NeverRan);
        assert_eq!(
            push(None, ago(1), None).sentence,
            "The collector reports, but no event has arrived yet."
        );
        assert_eq!(push(ago(1), ago(3), every(10)).state, State::Degraded);
        assert_eq!(push(ago(1), ago(10), every(10)).state, State::Failed);
        assert_eq!(
            push(ago(31), ago(10), every(10)).state,
            State::Failed,
            "the worst decides"
        );
    }

    #[test]
    fn cadences_are_learnt_from_hours() {
        let minutes = |hours: &[(i64, i64)]| learnt(hours).map(|c| c.usual_us / MINUTE_US);
        let steady: Vec<(i64, i64)> = (0..100).map(|h| (h, 6)).collect();
        assert_eq!(minutes(&steady), Some(10));
        let busy: Vec<(i64, i64)> = (0..100).map(|h| (h, 5000)).collect();
        assert_eq!(minutes(&busy), Some(5), "never less than five minutes");
        let daily: Vec<(i64, i64)> = (0..14).map(|d| (d * 24 + 9, 1)).collect();
        assert_eq!(minutes(&daily), Some(24 * 60));
        let hourly: Vec<(i64, i64)> = (0..100).map(|h| (h, 1)).collect();
        assert_eq!(minutes(&hourly), Some(60));
        assert_eq!(minutes(&steady[..MIN_GAPS]), None);
        assert_eq!(minutes(&[]), None);
    }

    #[test]
    fn states_sort_worst_first() {
        let mut states = State::ALL;
        states.sort_unstable();
        assert_eq!(states, State::ALL);
    }
}
