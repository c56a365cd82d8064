//! Leaving days out of an actor's baseline, and taking them back.

use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::excluded_days::{self, ExcludedDay};
use store::{Error, Scope};

use super::effect::{Effect, EffectRow, Range, reason};
use super::{Code, baseline};
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::{Form, Path};
use crate::page::{FieldErrors, When};
use crate::query::pairs;

/// The part of the baseline page that is about days left out.
pub(crate) struct Excluded {
    pub days: Vec<(ExcludedDay, When)>,
    pub may_edit: bool,
    /// As typed.
    pub from: String,
    pub until: String,
    pub reason: String,
    pub errors: FieldErrors,
    /// What was asked for, when it makes sense.
    pub finding: Option<String>,
    pub rows: Vec<EffectRow>,
}

/// What the baseline page is asked to try out.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    pub from: String,
    pub until: String,
    pub reason: String,
    pub errors: FieldErrors,
}

impl Tried {
    /// Reads `?from=…&until=…`.
    pub(super) fn read(query: &str) -> Self {
        let mut tried = Self::default();
        for (key, value) in pairs(query) {
            match key.as_str() {
                "from" => tried.from = value,
                "until" => tried.until = value,
                _ => {}
            }
        }
        tried
    }
}

impl Excluded {
    pub(super) async fn of(
        scope: &Scope,
        actor: domain::actor::ActorId,
        may_edit: bool,
        tried: Tried,
    ) -> WebResult<Self> {
        let zone = &scope.tenant.scoring.zone;
        let days = excluded_days::list(scope, actor).await?;
        let mut shown = Self {
            days: days
                .into_iter()
                .map(|day| {
                    let made = When::of(day.made_at, zone, scope.now);
                    (day, made)
                })
                .collect(),
            may_edit,
            from: tried.from,
            until: tried.until,
            reason: tried.reason,
            errors: tried.errors,
            finding: None,
            rows: Vec::new(),
        };
        if shown.from.trim().is_empty() {
            return Ok(shown);
        }
        match Range::read(&shown.from, &shown.until, today(scope)) {
            Err((field, message)) => shown.errors.add(field, message),
            Ok(range) => {
                let effect = Effect::of(scope, actor, range).await?;
                shown.finding = Some(effect.as_ref().map_or_else(
                    || "No baseline is computed yet: nothing to compare.".to_owned(),
                    Effect::finding,
                ));
                shown.rows = effect.map_or_else(Vec::new, |effect| effect.rows());
            }
        }
        Ok(shown)
    }
}

fn today(scope: &Scope) -> domain::time::Day {
    let zone = &scope.tenant.scoring.zone;
    zone.local(scope.now).day.max(scope.now.utc_day())
}

/// The posted form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    from: String,
    #[serde(default)]
    until: String,
    reason: String,
}

/// Leaves days out; a form with errors comes back as typed.
pub(crate) async fn add(
    who: Require<permit::ActorsExclude>,
    Path(code): Path<Code>,
    Form(form): Form<AddForm>,
) -> WebResult<Response> {
    let range = Range::read(&form.from, &form.until, today(&who.scope));
    let why = reason(&form.reason).map_err(|message| ("reason", message));
    let (range, why) = match (range, why) {
        (Ok(range), Ok(why)) => (range, why),
        (range, why) => {
            let mut errors = FieldErrors::default();
            for (field, message) in range.err().into_iter().chain(why.err()) {
                errors.add(field, message);
            }
            let tried = Tried {
                from: form.from.clone(),
                until: form.until.clone(),
                reason: form.reason.clone(),
                errors,
            };
            return baseline::with_errors(&who, code.0, tried).await;
        }
    };
    excluded_days::add(&who.scope, code.0, (range.from, range.until), why).await?;
    Ok(back(&code, "excluded"))
}

/// A posted day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    day: String,
}

/// Takes a day back. One that somebody else has taken back already is no error.
pub(crate) async fn remove(
    who: Require<permit::ActorsExclude>,
    Path(code): Path<Code>,
    Form(form): Form<RemoveForm>,
) -> WebResult<Response> {
    let day = form
        .day
        .parse()
        .map_err(|_| crate::error::WebError::not_found())?;
    match excluded_days::remove(&who.scope, code.0, (day, day)).await {
        Ok(_) => {}
        Err(Error::NotFound) => {
            store::actors::find(&who.scope, code.0).await?;
        }
        Err(other) => return Err(other.into()),
    }
    Ok(back(&code, "included"))
}

fn back(code: &Code, done: &str) -> Response {
    let address = format!("/actors/{}/baseline?done={done}", code.0.code());
    Redirect::to(&address).into_response()
}
