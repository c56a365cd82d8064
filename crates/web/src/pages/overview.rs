//! The overview: what needs a person now, and is anything blind?

mod coverage;
mod needs;
mod numbers;
mod start;
mod top;

use askama::Template;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Response};
use domain::tenant::RuleSetName;
use domain::time::DAY_US;
use scoring::words;
use store::overview::{self, Arrival};
use store::{Scope, actors, rules, sources};

use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::page::{Shell, page};
use crate::query::{not_known, pairs};
use crate::viz::Histogram;
use coverage::Coverage;
use needs::{Need, Needs};
use numbers::Numbers;
use start::Start;
use top::Top;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    shell: Shell,
    asked: Asked,
    /// What is left to do on a new installation.
    start: Option<Start>,
    /// Nothing to show before anything was received.
    panels: Option<Panels>,
}

/// Everything but the getting-started list.
struct Panels {
    needs: Needs,
    numbers: Numbers,
    top: Top,
    coverage: Coverage,
    confidence: Confidence,
    histogram: Histogram,
    /// What does not count now, in words, with where to look.
    quieted: Vec<(String, &'static str)>,
}

/// What does not count now: suppressions in force, rules that are off.
async fn quieted(scope: &Scope) -> WebResult<Vec<(String, &'static str)>> {
    let mut list = Vec::new();
    if let Some(text) = super::suppressions::in_force(scope).await? {
        list.push((text, "/suppressions"));
    }
    if scope.tenant.scoring.ruleset == RuleSetName::Classic {
        let rules = rules::list(scope).await?;
        let off = rules.iter().filter(|rule| !rule.enabled);
        let off: Vec<String> = off.map(|rule| rule.key.title().to_lowercase()).collect();
        if !off.is_empty() {
            let count = words::plural(off.len() as f64, "rule is", "rules are");
            list.push((format!("{count} off: {}", words::list(&off)), "/rules"));
        }
    }
    Ok(list)
}

/// The page.
pub(crate) async fn show(
    who: Require<permit::OverviewView>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let scope = &who.scope;
    let asked = Asked::read(query.as_deref().unwrap_or_default());
    let known = sources::list(scope).await?;
    let arrivals = overview::arrivals(scope, coverage::since_hour(scope)).await?;
    let start = Start::of(&who, &known, &arrivals).await?;
    let panels = if start.as_ref().is_some_and(Start::nothing_came) {
        None
    } else {
        let coverage = Coverage::of(scope, known, &arrivals);
        Some(panels(&who, asked.range, &arrivals, coverage).await?)
    };
    let template = OverviewPage {
        shell: Shell::of(&who, "/", "Overview").await?,
        asked,
        start,
        panels,
    };
    Ok(page(template).into_response())
}

async fn panels<P>(
    who: &Require<P>,
    range: Range,
    arrivals: &[Arrival],
    coverage: Coverage,
) -> WebResult<Panels> {
    let scope = &who.scope;
    Ok(Panels {
        needs: Needs::of(who, &coverage, arrivals).await?,
        numbers: Numbers::of(scope, range).await?,
        top: Top::of(scope).await?,
        confidence: Confidence::of(actors::baseline_confidence(scope).await?),
        histogram: super::alerts::histogram(who).await?,
        quieted: quieted(scope).await?,
        coverage,
    })
}

/// What the address asks for.
#[derive(Debug, Default)]
struct Asked {
    range: Range,
    /// Values that were ignored, in words.
    ignored: Vec<String>,
}

impl Asked {
    fn read(query: &str) -> Self {
        let mut asked = Self::default();
        for (key, value) in pairs(query) {
            if key != "range" || value.is_empty() {
                continue;
            }
            match Range::ALL.into_iter().find(|r| r.word() == value) {
                Some(range) => asked.range = range,
                None => asked.ignored.push(not_known(&key, &value)),
            }
        }
        asked
    }

    /// Ranges to choose from: title, address, whether it is the one shown.
    fn ranges(&self) -> [(&'static str, String, bool); 3] {
        Range::ALL.map(|range| {
            let href = if range == Range::default() {
                "/".to_owned()
            } else {
                format!("/?range={}", range.word())
            };
            (range.title(), href, range == self.range)
        })
    }
}

/// Over which time the key numbers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Range {
    #[default]
    Day,
    Week,
    Month,
}

impl Range {
    const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The word in addresses; with a minus before it, it is the beginning of a range.
    fn word(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Day => "24\u{A0}h",
            Self::Week => "7\u{A0}days",
            Self::Month => "30\u{A0}days",
        }
    }

    fn days(self) -> i32 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 30,
        }
    }

    fn micros(self) -> i64 {
        i64::from(self.days()) * DAY_US
    }
}

/// How much history stands behind the scores.
struct Confidence {
    good: i64,
    fair: i64,
    young: i64,
    all: i64,
    /// Of a bar 260 wide.
    width: String,
}

impl Confidence {
    fn of((good, fair, young): (i64, i64, i64)) -> Self {
        let all = good + fair + young;
        let share = good as f64 / all.max(1) as f64;
        Self {
            good,
            fair,
            young,
            all,
            width: crate::page::tenth(share * 260.0),
        }
    }

    /// The actors that are not yet well known, in words.
    fn rest(&self) -> String {
        let mut parts = Vec::new();
        if self.fair > 0 {
            let verb = if self.fair == 1 { "has" } else { "have" };
            parts.push(format!("{} {verb} 3 to 9", words::count(self.fair as f64)));
        }
        if self.young > 0 {
            let verb = if self.young == 1 { "has" } else { "have" };
            parts.push(format!("{} {verb} fewer", words::count(self.young as f64)));
        }
        if parts.is_empty() {
            return "Every score rests on an actor's own past.".to_owned();
        }
        format!("{}.", words::list(&parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_range_is_named_and_ignored() {
        assert_eq!(Asked::read("range=7d&x=1").range, Range::Week);
        let wrong = Asked::read("range=5y");
        assert_eq!(wrong.range, Range::Day);
        assert_eq!(wrong.ignored, ["range=5y is not known, ignored"]);
    }

    #[test]
    fn confidence_in_words() {
        let mixed = Confidence::of((22, 3, 1));
        assert_eq!(mixed.rest(), "3 have 3 to 9 and 1 has fewer.");
        assert_eq!(mixed.width, "220");
        assert!(Confidence::of((5, 0, 0)).rest().starts_with("Every score"));
        assert_eq!(Confidence::of((0, 0, 0)).width, "0");
    }
}
