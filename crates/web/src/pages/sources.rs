//! Sources: is everything arriving? And the form for a new one.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::access::Permission;
use domain::source::{Source, SourceSettings};
use domain::tenant::Slug;
use domain::time::{DAY_US, HOUR_US, Timestamp};
use serde::Deserialize;
use store::api_keys::{self, NewKey};
use store::{overview, sources};

use crate::app::App;
use crate::auth::keys::{Key, Kind};
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::Form;
use crate::page::{FieldErrors, Page, Shell, When, page};

#[derive(Template)]
#[template(path = "sources.html")]
struct SourcesPage {
    shell: Shell,
    rows: Vec<Row>,
    may_manage: bool,
}

/// One source of the list.
pub(crate) struct Row {
    pub source: Source,
    pub state: Delivery,
    pub last: Option<When>,
    pub events: String,
    pub keys: usize,
}

/// Whether a source delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Switched off.
    Disabled,
    /// Nothing ever came.
    Never,
    /// Something came within a day.
    Receiving,
    /// Nothing for more than a day.
    Silent,
}

impl Delivery {
    /// Judged from the settings and the latest receipt.
    pub(crate) fn of(source: &Source, last: Option<Timestamp>, now: Timestamp) -> Self {
        match last {
            _ if !source.settings.enabled => Self::Disabled,
            None => Self::Never,
            Some(at) if now.micros() - at.micros() <= DAY_US => Self::Receiving,
            Some(_) => Self::Silent,
        }
    }

    /// The word people read.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Disabled => "Disabled",
            Self::Never => "Never sent",
            Self::Receiving => "Receiving",
            Self::Silent => "Silent",
        }
    }

    /// The mark beside the word.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Disabled => "pill-false_positive",
            Self::Never => "",
            Self::Receiving => "pill-ok",
            Self::Silent => "pill-failed",
        }
    }
}

/// Every source with what arrived in the last day.
pub(crate) async fn rows<P>(who: &Require<P>) -> WebResult<Vec<Row>> {
    let scope = &who.scope;
    let since = scope.now.plus(-DAY_US).micros().div_euclid(HOUR_US);
    let arrivals = overview::arrivals(scope, since).await?;
    let keys = api_keys::counts(scope).await?;
    let mut rows = Vec::new();
    for source in sources::list(scope).await? {
        let arrival = arrivals.iter().find(|a| a.source == source.id);
        let last = arrival.map(|a| a.last_received_at);
        rows.push(Row {
            state: Delivery::of(&source, last, scope.now),
            last: last.map(|at| When::of(at, &scope.tenant.scoring.zone, scope.now)),
            events: scoring::words::count(arrival.map_or(0, |a| a.events) as f64),
            keys: keys.get(&source.id).copied().unwrap_or_default(),
            source,
        });
    }
    Ok(rows)
}

/// The list.
pub(crate) async fn list(
    who: Require<permit::SourcesView>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let deleted = query.is_some_and(|q| q.contains("done=deleted"));
    let message = deleted.then_some(
        "The source and its keys are deleted. Its events stay until their retention ends.",
    );
    let template = SourcesPage {
        shell: Shell::of(&who, "/sources", "Sources")
            .await?
            .with_message(message),
        rows: rows(&who).await?,
        may_manage: who.user.role.allows(Permission::SourcesManage),
    };
    Ok(page(template).into_response())
}

#[derive(Template)]
#[template(path = "source_new.html")]
struct NewSourcePage {
    shell: Shell,
    name: String,
    slug: String,
    errors: FieldErrors,
    origin: String,
}

/// The form for a new source.
pub(crate) async fn new_form(
    who: Require<permit::SourcesManage>,
    State(app): State<App>,
) -> WebResult<Response> {
    let template = NewSourcePage {
        shell: Shell::of(&who, "/sources", "New source").await?,
        name: String::new(),
        slug: String::new(),
        errors: FieldErrors::default(),
        origin: app.settings().base_url.origin().to_owned(),
    };
    Ok(page(template).into_response())
}

/// A posted new source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSourceForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    name: String,
    #[serde(default)]
    slug: String,
}

/// Creates a source and shows its first key, once.
pub(crate) async fn create(
    who: Require<permit::SourcesManage>,
    State(app): State<App>,
    Form(form): Form<NewSourceForm>,
) -> WebResult<Response> {
    let mut errors = FieldErrors::default();
    let settings = SourceSettings::named(form.name.trim());
    if let Some((_, message)) = settings.problem() {
        errors.add("name", capital(message));
    }
    let slug = if form.slug.trim().is_empty() {
        Slug::suggest(&form.name)
    } else {
        form.slug.trim().parse().ok()
    };
    if slug.is_none() {
        errors.add("slug", domain::tenant::NotASlug.to_string());
    }
    let key = Key::generate(Kind::Source);
    if let (Some(slug), true) = (&slug, errors.is_empty()) {
        let hash = app.hashing().hash_secret(key.secret()).await?;
        let new = NewKey {
            public_id: &key.public_id,
            secret_hash: &hash,
        };
        match sources::create(&who.scope, slug, &settings, Some(&new)).await {
            Ok(source) => return super::source::reveal(&who, &app, &source, &key, true).await,
            Err(store::Error::Exists(_)) => {
                errors.add("slug", "A source of that name exists already.");
            }
            Err(other) => return Err(other.into()),
        }
    }
    let template = NewSourcePage {
        shell: Shell::of(&who, "/sources", "New source").await?,
        name: form.name,
        slug: form.slug,
        errors,
        origin: app.settings().base_url.origin().to_owned(),
    };
    Ok(Page(StatusCode::UNPROCESSABLE_ENTITY, template).into_response())
}

/// A message of the domain as a sentence.
pub(crate) fn capital(message: &str) -> String {
    format!("{}.", crate::page::capitalised(message))
}
