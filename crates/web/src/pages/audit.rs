//! Who changed what, from what to what. Nothing here can be edited or deleted.

mod diff;
mod words;

use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::time::{Timestamp, Zone};
use std::collections::BTreeMap;
use store::audit::{self, Entry, Filter};

use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::Query;
use crate::page::{Shell, When, encode, page};
use diff::{Change, Difference, differences};
pub(crate) use words::KINDS;

/// Rows of a page.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    text: String,
    kind: String,
    rows: Vec<Row>,
    /// Values of the address that were ignored, in words.
    ignored: Vec<String>,
    newest: Option<String>,
    next: Option<String>,
}

/// One entry of the list.
struct Row {
    entry: Entry,
    /// In words; the stored word when it is not known.
    action: String,
    /// The thing, when the action does not name it already.
    object: Option<String>,
    href: Option<String>,
    utc: When,
    local: String,
    differences: Vec<Difference>,
}

/// The list.
pub(crate) async fn list(
    who: Require<permit::AuditView>,
    Query(query): Query<BTreeMap<String, String>>,
) -> WebResult<Response> {
    let scope = &who.scope;
    let mut ignored = Vec::new();
    let text = query.get("q").map_or("", |q| q.trim()).to_owned();
    let mut kind = query.get("kind").cloned().unwrap_or_default();
    if !kind.is_empty() && words::kind(&kind).is_none() {
        ignored.push(ignore("kind", &kind));
        kind.clear();
    }
    let before = query.get("before").filter(|b| !b.is_empty());
    let cursor = before.and_then(|b| b.parse::<i64>().ok());
    if let (Some(text), None) = (before, cursor) {
        ignored.push(ignore("before", text));
    }
    let filter = Filter {
        text: Some(text.clone()).filter(|t| !t.is_empty()),
        kind: Some(kind.clone()).filter(|k| !k.is_empty()),
    };
    let mut found = audit::list(scope, &filter, cursor, ROWS + 1).await?;
    let more = found.len() > ROWS as usize;
    found.truncate(ROWS as usize);
    let last = found.last().filter(|_| more).map(|e| e.seq);
    let template = AuditPage {
        shell: Shell::of(&who, "/audit", "Audit").await?,
        rows: found.into_iter().map(|entry| row(entry, &who)).collect(),
        newest: cursor.map(|_| address(&text, &kind, None)),
        next: last.map(|seq| address(&text, &kind, Some(seq))),
        ignored,
        text,
        kind,
    };
    Ok(page(template).into_response())
}

fn ignore(key: &str, value: &str) -> String {
    let shown: String = value.chars().take(40).collect();
    format!("{key}={shown} is not known, ignored")
}

/// The address of the list, in canonical order, defaults left out.
fn address(text: &str, kind: &str, before: Option<i64>) -> String {
    let mut parts = Vec::new();
    if !text.is_empty() {
        parts.push(format!("q={}", encode(text)));
    }
    if !kind.is_empty() {
        parts.push(format!("kind={}", encode(kind)));
    }
    if let Some(seq) = before {
        parts.push(format!("before={seq}"));
    }
    if parts.is_empty() {
        return "/audit".to_owned();
    }
    format!("/audit?{}", parts.join("&"))
}

fn row<P>(entry: Entry, who: &Require<P>) -> Row {
    let (zone, now) = (&who.scope.tenant.scoring.zone, who.scope.now);
    Row {
        action: words::action(&entry.action).map_or_else(|| entry.action.clone(), str::to_owned),
        object: words::object(&entry.object_kind, &entry.object),
        href: words::href(&entry.object_kind, &entry.object),
        utc: When::of(entry.at, &Zone::utc(), now),
        local: local_time(entry.at, zone),
        differences: differences(entry.before.as_deref(), entry.after.as_deref()),
        entry,
    }
}

/// The clock of the organisation; with the date where it is not the UTC one.
fn local_time(at: Timestamp, zone: &Zone) -> String {
    let same_day = zone.local(at).day == at.utc_day();
    let pattern = if same_day {
        "%H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M:%S"
    };
    zone.format(at, pattern)
}

impl AuditPage {
    fn is_filtered(&self) -> bool {
        !self.text.is_empty() || !self.kind.is_empty()
    }

    fn without_text(&self) -> String {
        address("", &self.kind, None)
    }

    fn without_kind(&self) -> String {
        address(&self.text, "", None)
    }

    fn kind_word(&self) -> &str {
        words::kind(&self.kind).unwrap_or(&self.kind)
    }

    fn is_utc(&self) -> bool {
        self.shell.zone == "UTC"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_clock_names_its_day_when_it_is_another() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let time = |at: &str| local_time(at.parse().unwrap(), &zone);
        assert_eq!(time("2026-03-02T12:00:00Z"), "13:00:00");
        assert_eq!(time("2026-03-02T23:30:00Z"), "2026-03-03 00:30:00");
    }

    #[test]
    fn addresses_leave_defaults_out() {
        assert_eq!(address("", "", None), "/audit");
        assert_eq!(
            address("a&b", "rule", Some(7)),
            "/audit?q=a%26b&kind=rule&before=7"
        );
    }
}
