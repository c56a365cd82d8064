//! The organisation's own words for actions and resources, and which words have no class.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Permission;
use scoring::calibrated::Synonyms;
use serde::Deserialize;
use serde_json::Value;
use store::{Error, action_words};

use super::{Meanwhile, ROOM, Tab, message, tabs};
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::Form;
use crate::page::{FieldErrors, Page, Shell, page};
use crate::words::{Words, action_classes, resource_classes};

const SECTION: &str = "/settings/actions";

#[derive(Template)]
#[template(path = "settings_actions.html")]
struct ActionsPage {
    shell: Shell,
    tabs: Vec<Tab>,
    words: Words,
    /// What was stored when the form was opened.
    was: String,
    /// As typed.
    actions: String,
    resources: String,
    action_classes: Vec<&'static str>,
    resource_classes: Vec<&'static str>,
    errors: FieldErrors,
    meanwhile: Vec<Meanwhile>,
    may_edit: bool,
}

/// The section.
pub(crate) async fn show(
    who: Require<permit::RulesView>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let mut template = actions_page(&who).await?;
    template.shell = template.shell.with_message(message(query.as_deref()));
    Ok(page(template).into_response())
}

async fn actions_page<P>(who: &Require<P>) -> WebResult<ActionsPage> {
    let words = Words::of(&who.scope).await?;
    Ok(ActionsPage {
        shell: Shell::of(who, ROOM, "Actions – Settings").await?,
        tabs: tabs(who.user.role, SECTION),
        was: as_text(words.stored.as_ref()),
        actions: lines(&words.synonyms.actions),
        resources: lines(&words.synonyms.resources),
        words,
        action_classes: action_classes(),
        resource_classes: resource_classes(),
        errors: FieldErrors::default(),
        meanwhile: Vec::new(),
        may_edit: who.user.role.allows(Permission::RulesEdit),
    })
}

fn as_text(stored: Option<&Value>) -> String {
    stored.map(Value::to_string).unwrap_or_default()
}

fn lines(words: &BTreeMap<String, String>) -> String {
    let lines: Vec<String> = words.iter().map(|(w, c)| format!("{w} = {c}")).collect();
    lines.join("\n")
}

/// Reads `word = class` lines; the first that makes no sense is named by its number.
fn read(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut words = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let Some((word, class)) = line.rsplit_once('=') else {
            return Err(format!("Line {number}: write word = class."));
        };
        let (word, class) = (word.trim().to_owned(), class.trim().to_owned());
        if words.insert(word, class).is_some() {
            return Err(format!("Line {number}: this word is there already."));
        }
    }
    Ok(words)
}

/// The posted section.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionsForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    #[serde(default)]
    was: String,
    #[serde(default)]
    actions: String,
    #[serde(default)]
    resources: String,
}

fn wanted(form: &ActionsForm, errors: &mut FieldErrors) -> Option<Synonyms> {
    let actions = read(&form.actions).map_err(|why| errors.add("actions", why));
    let resources = read(&form.resources).map_err(|why| errors.add("resources", why));
    let synonyms = Synonyms {
        actions: actions.ok()?,
        resources: resources.ok()?,
    };
    if let Err(problem) = synonyms.classifier() {
        let field = if problem.field().starts_with("resources") {
            "resources"
        } else {
            "actions"
        };
        errors.add(field, problem.to_string());
        return None;
    }
    Some(synonyms)
}

/// Saves the section; a form with errors or a conflict comes back as typed.
pub(crate) async fn update(
    who: Require<permit::RulesEdit>,
    Form(form): Form<ActionsForm>,
) -> WebResult<Response> {
    let now = Words::of(&who.scope).await?;
    let stored = as_text(now.stored.as_ref());
    let mut errors = FieldErrors::default();
    let mut meanwhile = Vec::new();
    let status = match wanted(&form, &mut errors) {
        None => StatusCode::UNPROCESSABLE_ENTITY,
        Some(_) if form.was != stored => StatusCode::CONFLICT,
        Some(same) if same == now.synonyms => {
            return Ok(Redirect::to("/settings/actions?done=same").into_response());
        }
        Some(synonyms) => {
            let words = serde_json::to_value(&synonyms).unwrap_or_default();
            match action_words::save(&who.scope, now.stored.as_ref(), &words).await {
                Ok(_) => return Ok(Redirect::to("/settings/actions?done=actions").into_response()),
                Err(Error::Stale) => StatusCode::CONFLICT,
                Err(other) => return Err(other.into()),
            }
        }
    };
    if status == StatusCode::CONFLICT {
        meanwhile.push(Meanwhile {
            field: "Words",
            opened: form.was.clone(),
            now: stored,
        });
    }
    let template = ActionsPage {
        actions: form.actions,
        resources: form.resources,
        errors,
        meanwhile,
        ..actions_page(&who).await?
    };
    Ok(Page(status, template).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_round_trip_and_errors_name_theirs() {
        let words = read("a = b = send\n\n zap=read \n").unwrap();
        assert_eq!(words["a = b"], "send");
        assert_eq!(lines(&words), "a = b = send\nzap = read");
        assert!(read("ok = read\nzap").unwrap_err().starts_with("Line 2"));
        assert!(
            read("zap = read\nzap = send")
                .unwrap_err()
                .starts_with("Line 2")
        );
    }
}
