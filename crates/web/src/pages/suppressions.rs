//! Suppressions: what does not count, for how long, and what that hid. And the form for a new one,
//! with what it would have hidden before it is made.

use std::collections::HashMap;

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Permission;
use domain::actor::ActorId;
use domain::alert::AlertCode;
use domain::suppression::{MOST_DAYS, State, Suppression};
use domain::time::{DAY_US, Timestamp};
use scoring::words;
use serde::Deserialize;
use store::suppressions::{self, Hidden};
use store::{Scope, alerts};

use crate::api::names;
use crate::api::suppressions::Code;
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::{Form, Path};
use crate::page::{FieldErrors, Page, Shell, When, page};
use crate::query::pairs;
use crate::suppress::draft::{Draft, Refused, choices};
use crate::suppress::preview::Preview;

/// Rows of the list.
const ROWS: u32 = 200;
/// Days that are proposed.
const PROPOSED_DAYS: i64 = 30;

#[derive(Template)]
#[template(path = "suppressions.html")]
struct SuppressionsPage {
    shell: Shell,
    rows: Vec<Row>,
    active: usize,
    may_edit: bool,
}

/// One suppression of the list.
struct Row {
    one: Suppression,
    state: State,
    title: String,
    actor: Option<(String, String)>,
    ends: String,
    ends_at: When,
    made: When,
    hid: String,
}

/// The list.
pub(crate) async fn list(
    who: Require<permit::SuppressionsView>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let scope = &who.scope;
    let hidden = suppressions::hidden(scope).await?;
    let mut rows = Vec::new();
    let all = suppressions::list(scope, None, ROWS).await?;
    let names = names(scope, all.iter().filter_map(|one| one.aim.actor)).await?;
    for one in all {
        let hid = hidden.get(&one.code).copied().unwrap_or_default();
        rows.push(row(scope, one, hid, &names));
    }
    rows.sort_by_key(|row| row.state != State::Active);
    let done = query.as_deref().and_then(|q| q.split_once("done="));
    let message = match done.map(|(_, word)| word) {
        Some("made") => Some("The suppression is in force from the next full minute on."),
        Some("revoked") => Some("The suppression is ended. What it hid stays explained."),
        _ => None,
    };
    let template = SuppressionsPage {
        shell: Shell::of(&who, "/suppressions", "Suppressions")
            .await?
            .with_message(message),
        active: rows.iter().filter(|r| r.state == State::Active).count(),
        rows,
        may_edit: who.user.role.allows(Permission::SuppressionsEdit),
    };
    Ok(page(template).into_response())
}

fn row(scope: &Scope, one: Suppression, hid: Hidden, names: &HashMap<ActorId, String>) -> Row {
    let (zone, now) = (&scope.tenant.scoring.zone, scope.now);
    let named = |id: ActorId| {
        let name = names.get(&id).cloned();
        (id.code(), name.unwrap_or_else(|| id.code()))
    };
    Row {
        state: one.state(now),
        title: one.aim.rule.title(),
        actor: one.aim.actor.map(named),
        ends: ends(one.ends_at(), now),
        ends_at: When::of(one.ends_at(), zone, now),
        made: When::of(one.created_at, zone, now),
        hid: hid_words(hid),
        one,
    }
}

/// When something ends or ended, in words.
pub(crate) fn ends(at: Timestamp, now: Timestamp) -> String {
    let left = at.micros() - now.micros();
    let days = (left.abs() + DAY_US / 2) / DAY_US;
    match (left > 0, left.abs() < DAY_US) {
        (true, true) => "ends within a day".to_owned(),
        (true, false) => format!("ends in {}", words::plural(days as f64, "day", "days")),
        (false, true) => "ended within the last day".to_owned(),
        (false, false) => format!("ended {} ago", words::plural(days as f64, "day", "days")),
    }
}

fn hid_words(hid: Hidden) -> String {
    if hid.days == 0 {
        return "nothing so far".to_owned();
    }
    let days = words::plural(hid.days as f64, "actor-day", "actor-days");
    match hid.alerts {
        0 => format!("points on {days}, no alert"),
        n => format!(
            "{} and points on {days}",
            words::plural(n as f64, "alert", "alerts")
        ),
    }
}

#[derive(Template)]
#[template(path = "suppression_new.html")]
struct NewPage {
    shell: Shell,
    draft: Draft,
    days: String,
    choices: Vec<(&'static str, String)>,
    preview: Option<Preview>,
    errors: FieldErrors,
}

impl NewPage {
    fn attributes() -> [(&'static str, &'static str); 4] {
        [
            ("", "Whatever its events are"),
            ("address", "Only from this address"),
            ("resource", "Only on this kind of resource"),
            ("source", "Only sent by this source"),
        ]
    }
}

/// The form, filled with what the address says; with its preview when it says enough.
pub(crate) async fn new_form(
    who: Require<permit::SuppressionsEdit>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let mut draft = Draft::default();
    for (key, value) in pairs(query.as_deref().unwrap_or_default()) {
        match key.as_str() {
            "actor" => draft.actor = value,
            "rule" => draft.rule = value,
            "attribute" => draft.attribute = value,
            "value" => draft.value = value,
            "reason" => draft.reason = value,
            "alert" => draft.alert = value,
            _ => {}
        }
    }
    fill_from_alert(&who.scope, &mut draft).await;
    let asked = !draft.rule.is_empty();
    let days = PROPOSED_DAYS.to_string();
    shown(&who, draft, days, asked, FieldErrors::default()).await
}

/// Takes actor, strongest rule and reason from the alert where the address does not say them.
async fn fill_from_alert(scope: &Scope, draft: &mut Draft) {
    let Some(code) = AlertCode::parse(&draft.alert) else {
        return;
    };
    let Ok(alert) = alerts::find(scope, code).await else {
        return;
    };
    if draft.actor.is_empty() {
        draft.actor = alert.actor.code();
    }
    if draft.rule.is_empty()
        && let Ok(snapshot) = alerts::snapshot(scope, alert.id).await
    {
        let mut rows = snapshot.contributions.into_iter();
        let strongest = rows.find(|row| {
            row.kind == domain::score::ContributionKind::Rule && row.suppressed.is_none()
        });
        draft.rule = strongest
            .map(|row| row.family.unwrap_or(row.rule))
            .unwrap_or_default();
    }
    if draft.reason.is_empty() {
        draft.reason = alert.reason.unwrap_or_default();
    }
}

async fn shown(
    who: &Require<permit::SuppressionsEdit>,
    draft: Draft,
    days: String,
    with_preview: bool,
    mut errors: FieldErrors,
) -> WebResult<Response> {
    let scope = &who.scope;
    let mut preview = None;
    if with_preview {
        match draft.aim(scope).await {
            Ok(aim) => preview = Some(Preview::of(scope, &aim).await?),
            Err(refused) => add(&mut errors, refused),
        }
    }
    let mut choices = choices(scope);
    if choices.iter().all(|(word, _)| *word != draft.rule) && draft.rule.is_empty() {
        choices.insert(0, ("", "Choose…".to_owned()));
    }
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let template = NewPage {
        shell: Shell::of(who, "/suppressions", "New suppression").await?,
        draft,
        days,
        choices,
        preview,
        errors,
    };
    Ok(Page(status, template).into_response())
}

fn add(errors: &mut FieldErrors, (field, message): Refused) {
    let field = if field == "expiresAt" { "days" } else { field };
    errors.add(field, super::sources::capital(&message));
}

/// A posted suppression.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    /// `preview` or `make`.
    step: String,
    #[serde(default)]
    actor: String,
    rule: String,
    #[serde(default)]
    attribute: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    alert: String,
    /// Days until it ends.
    days: String,
}

/// Shows what it would have hidden, or makes it.
pub(crate) async fn create(
    who: Require<permit::SuppressionsEdit>,
    Form(form): Form<NewForm>,
) -> WebResult<Response> {
    let draft = Draft {
        actor: form.actor,
        rule: form.rule,
        attribute: form.attribute,
        value: form.value,
        reason: form.reason,
        alert: form.alert,
    };
    if form.step != "make" {
        return shown(&who, draft, form.days, true, FieldErrors::default()).await;
    }
    let mut errors = FieldErrors::default();
    let days = form.days.trim().parse::<i64>();
    let days = days.ok().filter(|days| (1..=MOST_DAYS).contains(days));
    let Some(days) = days else {
        errors.add("days", "Choose 1 to 180 days.");
        return shown(&who, draft, form.days, true, errors).await;
    };
    // At the turn of a UTC day, so that no day is judged half with it and half without.
    let ends = who.scope.now.plus(days * DAY_US).utc_day().utc_start();
    match draft.complete(&who.scope, ends).await {
        Ok(new) => {
            suppressions::create(&who.scope, &new).await?;
            Ok(Redirect::to("/suppressions?done=made").into_response())
        }
        Err(refused) => {
            add(&mut errors, refused);
            shown(&who, draft, form.days, true, errors).await
        }
    }
}

/// A form with nothing but its token.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokeForm {
    #[serde(rename = "csrf")]
    _csrf: String,
}

/// Ends one now.
pub(crate) async fn revoke(
    who: Require<permit::SuppressionsEdit>,
    Path(code): Path<Code>,
    Form(_): Form<RevokeForm>,
) -> WebResult<Response> {
    suppressions::revoke(&who.scope, code.0).await?;
    Ok(Redirect::to("/suppressions?done=revoked").into_response())
}

/// Which suppressions are in force, for the overview; `None` when none is.
pub(crate) async fn in_force(scope: &Scope) -> WebResult<Option<String>> {
    let active = suppressions::active(scope).await?;
    let Some(first) = active.first() else {
        return Ok(None);
    };
    let count = words::plural(active.len() as f64, "suppression", "suppressions");
    let first_end = first.expires_at;
    let soonest = match (active.len(), ends(first_end, scope.now)) {
        (1, ends) => format!("it {ends}"),
        (_, ends) => format!("the first {ends}"),
    };
    Ok(Some(format!("{count} active, {soonest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_in_words() {
        let now = Timestamp::from_micros(0);
        let at = |hours: i64| Timestamp::from_micros(hours * domain::time::HOUR_US);
        assert_eq!(ends(at(5), now), "ends within a day");
        assert_eq!(ends(at(47), now), "ends in 2 days");
        assert_eq!(ends(at(25), now), "ends in 1 day");
        assert_eq!(ends(at(-72), now), "ended 3 days ago");
    }

    #[test]
    fn what_was_hidden_in_words() {
        let hid = |days, alerts| hid_words(Hidden { days, alerts });
        assert_eq!(hid(0, 0), "nothing so far");
        assert_eq!(hid(2, 0), "points on 2 actor-days, no alert");
        assert_eq!(hid(1, 1), "1 alert and points on 1 actor-day");
    }
}
