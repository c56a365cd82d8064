//! What people tell the scorer through pages and API: days left out, own words, groups of peers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;

use axum::http::StatusCode;
use domain::access::Role;
use domain::actor::ActorKey;
use domain::actor_facts::ActorFacts;
use domain::time::Zone;
use serde_json::json;
use store::{action_words, actor_facts, audit, excluded_days};
use testkit::events::{ndjson, office_days};
use testkit::{Engine, TestApp};

const ADMIN: &str = "admin@acme.example";

async fn signed_in(engine: Engine) -> (TestApp, String) {
    let app = TestApp::new(engine).await;
    app.person(&app.db.acme, Role::Admin).await;
    let key = app.source(&app.db.acme, "files").await;
    let sent: Vec<_> = (0..8)
        .flat_map(|i| office_days(&format!("person-{i}")))
        .collect();
    app.ingest(&key, "files", ndjson(&sent)).await;
    app.score().await;
    app.refresh_baselines().await;
    let session = app.sign_in(ADMIN).await;
    (app, session)
}

#[expect(clippy::too_many_lines, reason = "one journey")]
async fn days_are_left_out_and_taken_back(engine: Engine) {
    let (app, session) = signed_in(engine).await;
    let actor = ActorKey::fold("person-1").identify(app.db.acme.key).0;
    let page = format!("/actors/{}/baseline", actor.code());
    let tried = format!("{page}?from=2026-03-10&until=2026-03-11");
    let effect = app.page(&session, &tried).await;
    assert!(
        effect.body.contains("active days count now") && effect.body.contains("Median now"),
        "{}",
        effect.body
    );
    let scope = app.scope(&app.db.acme);
    assert!(
        excluded_days::list(&scope, actor).await.unwrap().is_empty(),
        "tried, not done"
    );
    let form = app.page(&session, &page).await;
    let path = format!("/actors/{}/excluded-days", actor.code());
    for wrong in [
        "from=2026-03-10&reason=",
        "from=never&reason=x",
        "from=2099-01-01&reason=x",
    ] {
        let refused = app.post(&session, &path, &form, wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(refused.body.contains("aria-invalid"), "{wrong}");
    }
    let fields = "from=2026-03-10&until=2026-03-11&reason=fire+drill";
    let done = app.post(&session, &path, &form, fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    app.score().await;
    app.refresh_baselines().await;
    let shown = app.page(&session, &page).await;
    assert!(shown.body.contains("fire drill") && shown.body.contains("left out"));
    let api = format!("/api/actors/{}", actor.code());
    let listed = app
        .page(&session, &format!("{api}/excluded-days"))
        .await
        .json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(listed["items"][0]["reason"], "fire drill");
    let baseline = app.page(&session, &format!("{api}/baseline")).await.json();
    let days = baseline["days"].as_array().unwrap();
    assert_eq!(days.iter().filter(|d| d["state"] == "excluded").count(), 2);
    let remove = format!("{path}/remove");
    let undone = app.post(&session, &remove, &form, "day=2026-03-10").await;
    assert_eq!(undone.status, StatusCode::SEE_OTHER);
    assert_eq!(excluded_days::list(&scope, actor).await.unwrap().len(), 1);
    let log = audit::list(&scope, &audit::Filter::default(), None, 9)
        .await
        .unwrap();
    let actions: Vec<_> = log.iter().map(|e| e.action.as_str()).collect();
    assert!(actions.contains(&"actor.exclude_days") && actions.contains(&"actor.include_days"));

    // Whoever only looks may not.
    let reader = app.person(&app.db.acme, Role::ReadOnly).await;
    let reading = app.sign_in("read-only@acme.example").await;
    let seen = app.page(&reading, &page).await;
    assert!(seen.body.contains("fire drill") && !seen.body.contains("Leave out</button>"));
    let refused = app
        .post(
            &reading,
            &path,
            &app.page(&reading, "/profile").await,
            fields,
        )
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    // The same through the API.
    let token = app.person(&app.db.acme, Role::AnalystL2).await;
    let path = format!("{api}/excluded-days");
    let body = json!({"from": "2026-03-02", "until": "2026-03-03", "reason": "outage"});
    let refused = app.call(&reader, "POST", &path, Some(&body)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let done = app.call(&token, "POST", &path, Some(&body)).await.json();
    assert_eq!(done["excluded"], 2, "{done}");
    let active = |side: &str| done[side]["activeDays"].as_i64().unwrap();
    assert_eq!(active("before"), active("after") + 2);
    assert_eq!(done["items"].as_array().unwrap().len(), 3);
    let query = format!("{path}?from=2026-03-02&until=2026-03-11");
    let left = app.call(&token, "DELETE", &query, None).await;
    assert_eq!(
        (left.status, left.json()["items"].as_array().unwrap().len()),
        (StatusCode::OK, 0)
    );
    let again = app.call(&token, "DELETE", &query, None).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

async fn own_words_are_a_setting(engine: Engine) {
    let (app, session) = signed_in(engine).await;
    let page = "/settings/actions";
    let form = app.page(&session, page).await;
    assert!(form.body.contains("sign_in"), "the classes are named");
    for (wrong, told) in [
        ("actions=zap+%3D+teleport", "is no class; one of sign_in"),
        ("actions=zap", "Line 1"),
        ("resources=deck+%3D+hull", "is no class"),
    ] {
        let refused = app.post(&session, page, &form, wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(refused.body.contains(told), "{}", refused.body);
    }
    let saved = app
        .post(&session, page, &form, "was=&actions=zap+%3D+download")
        .await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let (_, words) = action_words::newest(&app.scope(&app.db.acme))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(words["actions"]["zap"], "download");
    let stale = app
        .post(&session, page, &form, "was=&actions=zap+%3D+mail")
        .await;
    assert_eq!(
        stale.status,
        StatusCode::CONFLICT,
        "saved over what was not seen"
    );
    let api = app.page(&session, "/api/settings/actions").await.json();
    assert_eq!(api["actions"]["zap"], "download");
    assert!(api["classes"]["actions"].as_array().unwrap().len() > 10);
}

async fn groups_are_shown_when_large_enough(engine: Engine) {
    let (app, session) = signed_in(engine).await;
    let facts = |group: &str| ActorFacts {
        name: Some("Jane <b>Roe</b>".to_owned()),
        zone: Some(Zone::named("Asia/Tokyo").unwrap()),
        peer_group: Some(group.to_owned()),
        attributes: BTreeMap::from([("department".to_owned(), group.to_owned())]),
        ..ActorFacts::default()
    };
    let said = (0..8).map(|i| {
        let group = if i < 6 { "Finance" } else { "Legal" };
        (ActorKey::fold(&format!("person-{i}")), facts(group))
    });
    actor_facts::import(&app.scope(&app.db.acme), &said.collect(), false)
        .await
        .unwrap();
    let code = |name: &str| ActorKey::fold(name).identify(app.db.acme.key).0.code();
    let (finance, legal) = (code("person-1"), code("person-7"));
    let api = app
        .page(&session, &format!("/api/actors/{finance}"))
        .await
        .json();
    assert_eq!(
        (&api["peers"]["group"], &api["peers"]["size"]),
        (&"Finance".into(), &5.into())
    );
    assert_eq!(
        (&api["zone"], api["drifts"].as_array().unwrap().len()),
        (&"Asia/Tokyo".into(), 0)
    );
    let small = app
        .page(&session, &format!("/api/actors/{legal}"))
        .await
        .json();
    assert!(small["peers"].is_null(), "{small}");
    let page = app.page(&session, &format!("/actors/{finance}")).await;
    assert!(page.body.contains("given, 5 others") && page.body.contains("Asia/Tokyo"));
    assert!(!page.body.contains("<b>Roe</b>"), "names are escaped");
    let peers = app.page(&session, &format!("/actors/{legal}/peers")).await;
    assert!(peers.body.contains("The group is too small"));
}

macro_rules! engines {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn sqlite() {
                super::$name(testkit::Engine::Sqlite).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$name(testkit::Engine::Postgres).await;
            }
        }
    )*};
}

engines! { days_are_left_out_and_taken_back, own_words_are_a_setting, groups_are_shown_when_large_enough }
