//! The corpus of hostile text goes through ingest, names and notes; then every page is fetched
//! and must be made of the same elements and attributes as with harmless text.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use domain::access::Role;
use domain::source::SourceSettings;
use scraper::{Html, Selector};
use serde_json::{Value, json};
use store::alerts::{self, Filter, Order};
use testkit::events::{ndjson, office_days, theft};
use testkit::{Engine, TestApp};

const AT: &str = "2026-03-14T11:00:00Z";
/// Every how many texts one also names an actor with an alert.
const ALERTED: usize = 11;
/// How many addresses with a query are followed for each kind of page.
const QUERIES: usize = 4;

fn corpus() -> Vec<String> {
    let text = include_str!("../../../tests/corpus/hostile.txt");
    let all: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let all: Vec<String> = all.into_iter().filter(|t| !t.is_empty()).collect();
    assert!(all.len() >= 100);
    all
}

/// As many texts of the same lengths that nobody can mistake for markup.
fn harmless(corpus: &[String]) -> Vec<String> {
    let plain = |(number, text): (usize, &String)| {
        let length = text.chars().count().saturating_sub(4).max(1);
        format!("{number:03} {}", "x".repeat(length))
    };
    corpus.iter().enumerate().map(plain).collect()
}

struct World {
    app: TestApp,
    session: String,
}

impl World {
    async fn new(texts: &[String]) -> Self {
        let app = TestApp::new(Engine::Sqlite).await;
        app.person(&app.db.acme, Role::Admin).await;
        let session = app.sign_in("admin@acme.example").await;
        for (number, text) in texts.iter().enumerate().step_by(6) {
            let name: String = text.chars().take(100).collect();
            let slug = format!("source-{number}");
            app.source_with(&app.db.acme, &slug, &SourceSettings::named(&name))
                .await;
        }
        let key = app.source(&app.db.acme, "files").await;
        let mut sent: Vec<Value> = texts.iter().map(everywhere).collect();
        sent.extend(texts.iter().take(5).map(
            |text| json!({"timestamp": "2026-03-14T15:00:00Z", "actor": text, "action": text}),
        ));
        for text in texts.iter().step_by(ALERTED) {
            let events = [office_days(text), theft(text)].concat();
            sent.extend(events.into_iter().map(|mut event| {
                event["resource"] = json!(text);
                event
            }));
        }
        let answer = app.ingest(&key, "files", ndjson(&sent)).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        assert_eq!(answer.json()["rejected"], 0, "{}", answer.body);
        app.score().await;
        app.refresh_baselines().await;
        let scope = app.scope(&app.db.acme);
        let found = alerts::list(&scope, &Filter::default(), Order::Newest, None, 50).await;
        let found = found.unwrap();
        assert!(found.len() >= 10, "{} alerts", found.len());
        for text in texts {
            alerts::add_note(&scope, found[0].code, text).await.unwrap();
        }
        Self { app, session }
    }

    /// What each kind of page is made of: every page that can be reached by following links, and
    /// pages that repeat what was asked.
    async fn shapes(&self, texts: &[String]) -> BTreeMap<String, BTreeSet<String>> {
        let mut waiting: Vec<String> = vec!["/".to_owned()];
        let asked = [
            "/alerts?q=",
            "/actors?q=",
            "/events?q=",
            "/?range=",
            "/audit?who=",
        ];
        for (text, path) in texts.iter().zip(asked.iter().cycle()) {
            waiting.push(format!("{path}{}", form_encoded(text)));
        }
        let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
        let mut queries: BTreeMap<String, usize> = BTreeMap::new();
        let mut shapes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut pages = 0;
        while let Some(path) = waiting.pop() {
            let answer = self.app.page(&self.session, &path).await;
            if !answer.header("content-type").starts_with("text/html") {
                continue;
            }
            assert!(!answer.status.is_server_error(), "{path}");
            pages += 1;
            let page = Html::parse_document(&answer.body);
            shapes
                .entry(kind(&path))
                .or_default()
                .extend(shape(&path, &page));
            for link in links(&page) {
                let (base, query) = link.split_once('?').unwrap_or((&link, ""));
                let followed = queries.entry(kind(base)).or_default();
                *followed += usize::from(!query.is_empty());
                if (query.is_empty() || *followed <= QUERIES) && seen.insert(link.clone()) {
                    waiting.push(link);
                }
            }
        }
        assert!(pages > 200, "{pages} pages");
        shapes
    }
}

/// An event with the text in every field that takes one.
fn everywhere(text: &String) -> Value {
    let mut event = json!({
        "timestamp": AT, "actor": text, "action": text, "resource": text, "resourceId": text,
        "userAgent": text, "ip": text, "host": text, "outcome": "denied", "note": text,
        "nested": {"note": [text]},
    });
    event[format!("k {text}")] = json!(text);
    event
}

fn form_encoded(text: &str) -> String {
    let encode = |byte: u8| format!("%{byte:02X}");
    text.bytes().map(encode).collect()
}

fn links(page: &Html) -> Vec<String> {
    let anchors = Selector::parse("a[href]").unwrap();
    let all = page.select(&anchors).filter_map(|a| a.value().attr("href"));
    all.map(|link| link.split('#').next().unwrap().to_owned())
        .filter(|link| link.starts_with('/') && !link.starts_with("/assets/"))
        .collect()
}

/// An address without what names one thing.
fn kind(path: &str) -> String {
    let path = path.split('?').next().unwrap();
    let mut parts: Vec<&str> = path.split('/').collect();
    if parts.len() > 2 && matches!(parts[1], "actors" | "alerts" | "sources" | "rules") {
        parts[2] = "{}";
    }
    parts.join("/")
}

/// Elements with the names of their attributes, and nothing that runs.
fn shape(path: &str, page: &Html) -> BTreeSet<String> {
    let every = Selector::parse("*").unwrap();
    let mut shape = BTreeSet::new();
    for element in page.select(&every) {
        let name = element.value().name();
        shape.insert(name.to_owned());
        for (attribute, value) in element.value().attrs() {
            assert!(!attribute.starts_with("on"), "{path}: {attribute}={value}");
            shape.insert(format!("{name} {attribute}"));
            if matches!(
                attribute,
                "href" | "src" | "action" | "formaction" | "xlink:href"
            ) {
                let own = value.starts_with('/') && !value.starts_with("//");
                let here = value.is_empty() || value.starts_with(['#', '?']);
                let no_icon = name == "link" && value == "data:,";
                let own = own || here || no_icon;
                assert!(own, "{path}: {}", element.html());
            }
        }
        if name == "script" {
            let source = element.value().attr("src").unwrap_or_default();
            assert!(source.starts_with("/assets/"), "{path}: {}", element.html());
            assert!(element.inner_html().is_empty(), "{path}");
        }
    }
    shape
}

async fn shapes(texts: &[String]) -> BTreeMap<String, BTreeSet<String>> {
    World::new(texts).await.shapes(texts).await
}

#[tokio::test]
async fn hostile_text_never_becomes_markup() {
    let corpus = corpus();
    let clean = shapes(&harmless(&corpus)).await;
    let hostile = shapes(&corpus).await;
    let kinds = |shapes: &BTreeMap<String, _>| shapes.keys().cloned().collect::<Vec<_>>();
    assert_eq!(kinds(&clean), kinds(&hostile));
    for path in [
        "/alerts/{}",
        "/actors/{}",
        "/sources/{}",
        "/audit",
        "/events",
    ] {
        assert!(clean.contains_key(path), "{path} was not reached");
    }
    for (kind, shape) in &hostile {
        let foreign: Vec<_> = shape.difference(&clean[kind]).collect();
        assert!(foreign.is_empty(), "{kind}: {foreign:?}");
    }
}
