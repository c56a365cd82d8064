//! The reason of one signal, and the alert's one sentence.

use domain::baseline::MIN_BASELINE_EVENTS;
use domain::rule::RuleKey;
use domain::score::{Assessment, Reference, Signal};
use domain::time::{Minute, Zone};

use crate::words;

/// The reason as an analyst reads it.
pub(super) fn of(signal: &Signal, assessment: &Assessment, zone: &Zone) -> String {
    let what = observed(signal);
    let when = signal
        .span
        .map(|span| format!(", {}", between(span, assessment.minute, zone)))
        .unwrap_or_default();
    let window = words::window(signal.window_minutes);
    match signal.rule {
        RuleKey::OffHours => format!(
            "{what} outside the {} {}{when}; {}",
            if signal.reference == Reference::Default {
                "default hours"
            } else {
                "usual hours"
            },
            words::hours(&assessment.typical_hours),
            usual_count(signal),
        ),
        RuleKey::NewIp => format!(
            "{what} not seen on {} before, within {window}{when}",
            words::plural(
                assessment.days_used.len() as f64,
                "active day",
                "active days"
            ),
        ),
        RuleKey::VolumeSpike => {
            format!(
                "{what} moved within {window}{}; {}",
                mostly(&when),
                usual(signal, assessment, words::bytes)
            )
        }
        RuleKey::ScopeExpansion => {
            format!(
                "{what} within {window}{}; {}",
                mostly(&when),
                usual(signal, assessment, words::amount)
            )
        }
        RuleKey::FailureBurst => format!("{what} within {window}{when}; {}", usual_count(signal)),
    }
}

/// A few words for lists: `5.1× usual volume`.
pub fn short(signal: &Signal) -> String {
    match (signal.rule, signal.ratio) {
        (RuleKey::VolumeSpike, Some(ratio)) => format!("{} usual volume", words::ratio(ratio)),
        (RuleKey::ScopeExpansion, _) => format!(
            "{}, usually {}",
            words::plural(signal.observed, "resource", "resources"),
            words::amount(signal.median)
        ),
        (RuleKey::NewIp, _) => words::plural(signal.observed, "new address", "new addresses"),
        (RuleKey::OffHours, _) => {
            words::plural(signal.observed, "event off hours", "events off hours")
        }
        (RuleKey::FailureBurst, _) => format!(
            "{} in {}",
            words::plural(signal.observed, "failure", "failures"),
            words::window(signal.window_minutes)
        ),
        (RuleKey::VolumeSpike, None) => words::bytes(signal.observed),
    }
}

/// The alert's one sentence, in the order of the points.
pub fn headline(actor: &str, assessment: &Assessment, zone: &Zone) -> String {
    let clauses: Vec<String> = assessment
        .signals
        .iter()
        .enumerate()
        .map(|(place, signal)| {
            let when = signal.span.filter(|_| place == 0);
            let when = when.map_or_else(String::new, |span| {
                format!(" {}", between(span, assessment.minute, zone))
            });
            clause(signal, &when)
        })
        .collect();
    format!("{actor} {}.", words::list(&clauses))
}

fn clause(signal: &Signal, when: &str) -> String {
    let of_usual = signal.ratio.map_or_else(String::new, |ratio| {
        let whose = match signal.reference {
            Reference::Default | Reference::Organisation | Reference::Peers => "a default day",
            Reference::Own => "a usual day",
        };
        format!(" ({} {whose})", words::ratio(ratio))
    });
    match signal.rule {
        RuleKey::VolumeSpike => {
            format!("moved {}{when}{of_usual}", words::bytes(signal.observed))
        }
        RuleKey::ScopeExpansion => format!(
            "touched {}{when}{of_usual}",
            words::plural(signal.observed, "resource", "resources")
        ),
        RuleKey::NewIp => format!(
            "came from {}{when}",
            words::plural(signal.observed, "new address", "new addresses")
        ),
        RuleKey::OffHours => format!(
            "was active outside the usual hours{when} ({})",
            words::plural(signal.observed, "event", "events")
        ),
        RuleKey::FailureBurst => format!(
            "failed {} in {}{when}",
            words::plural(signal.observed, "time", "times"),
            words::window(signal.window_minutes)
        ),
    }
}

fn observed(signal: &Signal) -> String {
    match signal.rule {
        RuleKey::OffHours => words::plural(signal.observed, "event", "events"),
        RuleKey::NewIp => words::plural(signal.observed, "address", "addresses"),
        RuleKey::VolumeSpike => words::bytes(signal.observed),
        RuleKey::ScopeExpansion => words::plural(signal.observed, "resource", "resources"),
        RuleKey::FailureBurst => words::plural(signal.observed, "failed action", "failed actions"),
    }
}

/// What a multiple is taken of. A default stands in for an actor with too little past, and for
/// one whose usual day holds nothing to take a multiple of.
fn usual(signal: &Signal, assessment: &Assessment, show: impl Fn(f64) -> String) -> String {
    let days = assessment.days_used.len() as f64;
    match signal.reference {
        Reference::Own => format!(
            "usual {} a day, at most {} on 95 of 100 days",
            show(signal.median),
            show(signal.p95)
        ),
        Reference::Default if assessment.baseline_events < MIN_BASELINE_EVENTS => {
            format!("too little past, default {} a day", show(signal.median))
        }
        Reference::Default | Reference::Organisation | Reference::Peers => format!(
            "usually none on {}, default {} a day",
            words::plural(days, "active day", "active days"),
            show(signal.median)
        ),
    }
}

fn usual_count(signal: &Signal) -> String {
    match signal.reference {
        Reference::Own => format!("usual {} a day", words::amount(signal.median)),
        Reference::Default | Reference::Organisation | Reference::Peers => {
            "too little past to know the usual".to_owned()
        }
    }
}

fn mostly(when: &str) -> String {
    when.strip_prefix(", ")
        .map(|when| format!(", mostly {when}"))
        .unwrap_or_default()
}

/// `between 03:12 and 03:50`, or `at 03:12`; with dates unless all of it happened on the day of
/// the scored minute.
fn between((first, last): (Minute, Minute), scored: Minute, zone: &Zone) -> String {
    let day = |minute: Minute| zone.local(minute.start()).day;
    let today = day(first) == day(scored) && day(last) == day(scored);
    let pattern = if today { "%H:%M" } else { "%-d %b %H:%M" };
    let from = zone.format(first.start(), pattern);
    if first == last {
        return format!("at {from}");
    }
    let same_day = day(first) == day(last);
    let until = zone.format(last.start(), if same_day { "%H:%M" } else { pattern });
    format!("between {from} and {until}")
}
