//! One rule: what it does in words, its curve, what a draft would do, its settings, its past.

pub(crate) mod edit;
mod family;
mod whatif;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Permission;
use domain::rule::{RuleKey, RuleSettings};
use domain::score::Points;
use scoring::calibrated::Family;
use serde::Deserialize;
use std::collections::BTreeMap;
use store::Scope;
use store::rules::{self, Record};

use super::rules::tally::Tally;
use super::rules::words::{self, Piece};
use super::rules::{DAYS, recent};
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::{Form, Path, Query};
use crate::page::{FieldErrors, Page, Shell, When, page};
use crate::viz::{Curve, points_curve};
use edit::{Conflict, Fields};
use whatif::{Draft, Firing};

#[derive(Template)]
#[template(path = "rule.html")]
struct RulePage {
    shell: Shell,
    rule: RuleSettings,
    statement: Vec<Piece>,
    stand_in: Option<String>,
    history: Vec<Past>,
    curve: Curve,
    draft: Draft,
    tally: Tally,
    firings: Vec<Firing>,
    fields: Fields,
    /// The version the form is about: the one that was opened.
    base: i64,
    errors: FieldErrors,
    conflict: Option<Conflict>,
    done: Option<String>,
    may_edit: bool,
    threshold: Points,
}

/// One version of the history.
struct Past {
    settings: RuleSettings,
    by: Option<(String, When)>,
    /// The version before it; none for the first.
    before: Option<RuleSettings>,
}

/// A rule's key in the address.
pub(crate) struct Key(RuleKey);

impl std::str::FromStr for Key {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        RuleKey::from_word(text).map(Self).ok_or(())
    }
}

/// What an address names: one of the five rules, or a family of the calibrated grading, by its own
/// word or that of one of its rules.
pub(crate) enum Subject {
    Rule(RuleKey),
    Family(Family),
}

impl std::str::FromStr for Subject {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let rule = RuleKey::from_word(text).map(Self::Rule);
        rule.or_else(|| family::parse(text).map(Self::Family))
            .ok_or(())
    }
}

/// The page, with a draft when the address holds one.
pub(crate) async fn show(
    who: Require<permit::RulesView>,
    Path(subject): Path<Subject>,
    Query(query): Query<BTreeMap<String, String>>,
) -> WebResult<Response> {
    let key = match subject {
        Subject::Rule(key) => key,
        Subject::Family(family) => return family::show(&who, family).await,
    };
    let rule = in_force(&who.scope, key).await?;
    let draft = Draft::read(&query, &rule);
    let fields = Fields::from(&rule);
    let mut template = rule_page(&who, rule, draft, fields).await?;
    template.done = query.get("done").and_then(|word| done(word, rule.version));
    Ok(page(template).into_response())
}

async fn in_force(scope: &Scope, key: RuleKey) -> WebResult<RuleSettings> {
    let set = rules::list(scope).await?;
    let rule = set.iter().find(|r| r.key == key).copied();
    rule.ok_or_else(WebError::not_found)
}

fn done(word: &str, version: i64) -> Option<String> {
    match word {
        "saved" => Some(format!(
            "Saved as version {version}. The next scoring pass uses it."
        )),
        "same" => Some(format!(
            "Nothing was changed: these are the settings of version {version}."
        )),
        _ => None,
    }
}

async fn rule_page<P>(
    who: &Require<P>,
    rule: RuleSettings,
    draft: Draft,
    fields: Fields,
) -> WebResult<RulePage> {
    let scope = &who.scope;
    let records: Vec<Record> = recent(scope).await?;
    let tally = Tally::of(rule.key, &records);
    let observed = whatif::observed(rule.key, &records);
    let say = |value| words::amount(rule.key, value);
    Ok(RulePage {
        shell: Shell::of(who, "/rules", format!("{} – Rules", rule.key.title())).await?,
        statement: words::statement(&rule),
        stand_in: words::stand_in(rule.key),
        history: history(scope, rule.key).await?,
        curve: points_curve(&rule, draft.settings.as_ref(), &observed, say),
        firings: whatif::firings(scope, &rule, draft.settings.as_ref(), &records),
        draft: draft.judged(&records),
        tally,
        fields,
        base: rule.version,
        errors: FieldErrors::default(),
        conflict: None,
        done: None,
        may_edit: who.user.role.allows(Permission::RulesEdit),
        threshold: scope.tenant.scoring.alert_threshold,
        rule,
    })
}

/// Every version, newest first, down to the defaults.
async fn history(scope: &Scope, key: RuleKey) -> WebResult<Vec<Past>> {
    let stored = rules::versions(scope, key).await?;
    let zone = &scope.tenant.scoring.zone;
    let mut past: Vec<Past> = stored
        .into_iter()
        .map(|v| Past {
            settings: v.settings,
            by: Some((v.changed_by, When::of(v.changed_at, zone, scope.now))),
            before: None,
        })
        .collect();
    past.push(Past {
        settings: RuleSettings::default_for(key),
        by: None,
        before: None,
    });
    let older: Vec<RuleSettings> = past.iter().skip(1).map(|p| p.settings).collect();
    for (newer, older) in past.iter_mut().zip(older) {
        newer.before = Some(older);
    }
    Ok(past)
}

/// Posted settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    version: i64,
    #[serde(default)]
    enabled: Option<String>,
    weight: String,
    threshold: String,
    window_minutes: String,
}

/// Saves the settings; a form with errors or a conflict comes back as typed.
pub(crate) async fn update(
    who: Require<permit::RulesEdit>,
    Path(Key(key)): Path<Key>,
    Form(form): Form<RuleForm>,
) -> WebResult<Response> {
    let fields = Fields::from(&form);
    let wanted = match fields.settings(key, form.version) {
        Ok(wanted) => wanted,
        Err(errors) => {
            let rule = in_force(&who.scope, key).await?;
            let mut template = rule_page(&who, rule, Draft::none(&rule), fields).await?;
            template.errors = errors;
            template.base = form.version;
            return Ok(Page(StatusCode::UNPROCESSABLE_ENTITY, template).into_response());
        }
    };
    match rules::update(&who.scope, &[wanted]).await {
        Ok(set) => {
            let changed = set
                .iter()
                .any(|r| r.key == key && r.version != form.version);
            let done = if changed { "saved" } else { "same" };
            Ok(Redirect::to(&format!("/rules/{key}?done={done}")).into_response())
        }
        Err(store::Error::Stale) => {
            let rule = in_force(&who.scope, key).await?;
            let mut template = rule_page(&who, rule, Draft::none(&rule), fields).await?;
            template.conflict = Conflict::of(&template.history, &wanted);
            Ok(Page(StatusCode::CONFLICT, template).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

/// One value of a version.
struct Cell {
    label: &'static str,
    text: String,
    /// Whether it differs from the version before.
    changed: bool,
}

impl Past {
    fn cells(&self) -> Vec<Cell> {
        let window = |r: &RuleSettings| scoring::words::window(r.window_minutes);
        let state = |r: &RuleSettings| if r.enabled { "on" } else { "off" }.to_owned();
        let cell = |label, say: &dyn Fn(&RuleSettings) -> String| Cell {
            label,
            text: say(&self.settings),
            changed: self
                .before
                .as_ref()
                .is_some_and(|before| say(before) != say(&self.settings)),
        };
        vec![
            cell("state", &state),
            cell("weight", &|r| r.weight.to_string()),
            cell("threshold", &words::threshold),
            cell("window", &window),
        ]
    }
}

impl RulePage {
    /// Hint under the window's field.
    fn window(&self) -> String {
        scoring::words::window(self.rule.window_minutes)
    }

    /// The form of a backtest with the draft in it.
    fn backtest(&self) -> String {
        let key = self.rule.key;
        let (weight, threshold) = (&self.draft.weight, &self.draft.threshold);
        format!(
            "/rules/backtests?ruleset=classic&{key}_weight={weight}&{key}_threshold={threshold}#new"
        )
    }

    fn days() -> i64 {
        DAYS
    }
}
