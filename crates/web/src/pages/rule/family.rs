//! A family of the calibrated grading: what it is about, what it did in the alerts of the last
//! days.

use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::alert::Disposition;
use domain::rule::RuleName;
use domain::score::Points;
use scoring::calibrated::{Family, Rule, rule::Measure};
use store::rules::Record;

use super::super::rules::calibrated::Row;
use super::super::rules::{DAYS, recent, tally};
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::page::{Shell, When, page};

/// Alerts shown on the page.
const FIRINGS: usize = 20;

#[derive(Template)]
#[template(path = "family.html")]
struct FamilyPage {
    shell: Shell,
    row: Row,
    rules: Vec<RuleLine>,
    firings: Vec<Firing>,
}

/// One rule of the family.
struct RuleLine {
    word: &'static str,
    title: String,
    measure: &'static str,
}

/// One alert in which the family took part.
struct Firing {
    code: String,
    actor: String,
    actor_name: String,
    opened: When,
    sentences: Vec<String>,
    points: Points,
    score: Points,
    decided: bool,
    verdict: Option<&'static str>,
}

/// The family and the rule a word of the calibrated grading belongs to.
pub(super) fn parse(word: &str) -> Option<Family> {
    let family = Family::ALL.into_iter().find(|f| f.word() == word);
    let of_rule = || Rule::ALL.into_iter().find(|rule| rule.word() == word);
    family.or_else(|| of_rule().map(Rule::family))
}

/// The page.
pub(super) async fn show(who: &Require<permit::RulesView>, family: Family) -> WebResult<Response> {
    let scope = &who.scope;
    let records = recent(scope).await?;
    let row = Row::of(family, &records);
    let fired = records
        .iter()
        .filter(|r| Row::points(family, r) > Points::ZERO);
    let zone = &scope.tenant.scoring.zone;
    let firing = |record: &Record| Firing {
        code: record.code.to_string(),
        actor: record.actor.code(),
        actor_name: record.actor_name.clone(),
        opened: When::of(record.opened.end(), zone, scope.now),
        sentences: sentences(family, record),
        points: Row::points(family, record),
        score: tally::total(record),
        decided: tally::total(record) - Row::points(family, record) < record.threshold,
        verdict: record.disposition.map(Disposition::title),
    };
    let rules = Rule::ALL.into_iter().filter(|rule| rule.family() == family);
    let template = FamilyPage {
        shell: Shell::of(who, "/rules", format!("{} – Rules", row.title)).await?,
        firings: fired.take(FIRINGS).map(firing).collect(),
        rules: rules.map(line).collect(),
        row,
    };
    Ok(page(template).into_response())
}

fn line(rule: Rule) -> RuleLine {
    RuleLine {
        word: rule.word(),
        title: RuleName::parse(rule.word()).map_or_else(String::new, |name| name.title()),
        measure: match rule.measure() {
            Measure::Count => "a count, against own days and everyone’s",
            Measure::Bytes => "bytes, against own days and everyone’s",
            Measure::Rarity => "a sum of rarities",
        },
    }
}

fn sentences(family: Family, record: &Record) -> Vec<String> {
    let rows = record.contributions.iter();
    let own = rows.filter(|c| c.family.as_deref() == Some(family.word()));
    let own = own.filter(|c| c.points > Points::ZERO);
    own.map(|c| c.sentence.clone()).collect()
}

impl FamilyPage {
    fn days() -> i64 {
        DAYS
    }
}
