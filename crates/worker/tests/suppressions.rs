//! Suppressions in the scorer, on both engines and for both gradings: what they hide, what they
//! leave, and that judging again gives the same.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod world;

use domain::rule::{RuleKey, RuleName};
use domain::score::{Judgement, Points};
use domain::suppression::{Aim, Attribute, Suppression};
use domain::tenant::RuleSetName;
use domain::time::{DAY_US, Day, Zone};
use scoring::calibrated::{Family, Organisation, stored};
use scoring::receipt::{Inputs, differences, recompute};
use serde_json::{Value, json};
use store::scores::ScoreRow;
use store::suppressions::{self, Hidden, New};
use store::tenants::{self, Settings};
use store::{alerts, receipts, scores};
use testkit::events::{login, office_days, theft};
use testkit::on_both;
use world::World;

/// Half an hour before the theft, and after it.
const BEFORE: &str = "2026-03-14T02:00:00Z";
const AFTER: &str = "2026-03-14T02:50:00Z";

const HEAVY: [RuleKey; 3] = [
    RuleKey::VolumeSpike,
    RuleKey::ScopeExpansion,
    RuleKey::FailureBurst,
];

async fn suppress(
    world: &World,
    actor: Option<&str>,
    rule: &str,
    attribute: Option<Attribute>,
    at: &str,
) -> Suppression {
    let scope = world.db.acme(at);
    let new = New {
        aim: Aim {
            actor: actor.map(|name| world.actor(name)),
            rule: RuleName::parse(rule).unwrap(),
            attribute,
        },
        reason: "a migration".to_owned(),
        expires_at: scope.now.plus(30 * DAY_US),
        alert: None,
    };
    suppressions::create(&scope, &new).await.unwrap()
}

async fn path(world: &World, name: &str) -> Vec<ScoreRow> {
    scores::of_actor(&world.scope(), world.actor(name), None, 200)
        .await
        .unwrap()
}

async fn highest(world: &World, name: &str) -> (Points, bool) {
    let day: Day = "2026-03-14".parse().unwrap();
    let rows = scores::of_day(&world.scope(), day).await.unwrap();
    let row = rows.into_iter().find(|row| row.name == name).unwrap();
    (row.score, row.alerted)
}

fn stolen(names: &[&str]) -> Vec<Value> {
    let mut sent: Vec<Value> = names.iter().flat_map(|n| office_days(n)).collect();
    sent.extend(names.iter().flat_map(|n| theft(n)));
    sent
}

/// Every row of every stored score sums to it, and some rows do not count.
fn sums(path: &[ScoreRow]) -> usize {
    let mut suppressed = 0;
    for row in path {
        let rows = scoring::explain::rows(&row.judgement, &Zone::utc());
        let sum: Points = rows.iter().map(|r| r.points).sum();
        assert_eq!(sum, row.score, "{:?}", row.minute);
        suppressed += rows.iter().filter(|r| r.suppressed.is_some()).count();
    }
    suppressed
}

async fn raised(world: &World) -> Vec<String> {
    let alerts = world.alerts().await;
    let mut told = Vec::new();
    for alert in alerts {
        let (actor, score, opened) = (&alert.actor_name, alert.score, alert.opened_minute.0);
        told.push(format!("{actor} {score} {opened}"));
    }
    told.sort();
    told
}

/// Computes every alert again from its receipt.
async fn verify(world: &World) -> usize {
    let scope = world.scope();
    let all = receipts::after(&scope, 0, 50).await.unwrap();
    for one in &all {
        let (kept, receipt) = (
            one.snapshot.as_ref().unwrap(),
            one.receipt.as_ref().unwrap(),
        );
        let inputs: Inputs = stored::from_bytes(&receipt.inputs).unwrap();
        let reference: Option<Organisation> = match &receipt.reference {
            None => None,
            Some(hash) => {
                let bytes = receipts::reference(&scope, hash).await.unwrap().unwrap();
                Some(stored::from_bytes(&bytes).unwrap())
            }
        };
        let again = recompute(kept, &inputs, reference.as_ref()).unwrap();
        assert_eq!(differences(kept, &again), Vec::<String>::new());
        assert_eq!(kept.score(), one.score);
    }
    all.len()
}

on_both!(
    suppressed_points_raise_no_alert_and_stay_visible,
    |db| async move {
        let mut world = World::new(db).await;
        let mut codes = Vec::new();
        for rule in HEAVY {
            codes.push(
                suppress(&world, Some("jane"), rule.word(), None, BEFORE)
                    .await
                    .code,
            );
        }
        world.send(&stolen(&["jane", "tom"])).await;
        world.score().await;
        let first = raised(&world).await;
        assert_eq!(first.len(), 1, "{first:?}");
        assert!(first[0].starts_with("tom "), "the other one is not meant");
        let (score, alerted) = highest(&world, "jane").await;
        assert!(score > Points::ZERO && score < Points::whole(60) && !alerted);
        let jane = path(&world, "jane").await;
        assert!(sums(&jane) > 0);
        let Judgement::Classic(last) = &jane[0].judgement else {
            panic!("{jane:?}");
        };
        assert_eq!(last.suppressed.len(), 3, "{last:?}");
        let now = store::actors::find(&world.scope(), world.actor("jane"))
            .await
            .unwrap();
        assert!(
            now.reasons.iter().any(|r| r.ends_with("(suppressed)")),
            "{:?}",
            now.reasons
        );
        let hidden = suppressions::hidden(&world.scope()).await.unwrap();
        assert_eq!(hidden.len(), 3);
        assert_eq!(hidden[&codes[0]], Hidden { days: 1, alerts: 1 });

        // An event that comes late has the day judged again: nothing changes but that minute.
        world.send(&[login("jane", "2026-03-14T01:00:00Z")]).await;
        world.score().await;
        assert_eq!(raised(&world).await, first);
        assert_eq!(highest(&world, "jane").await, (score, alerted));
        assert_eq!(suppressions::hidden(&world.scope()).await.unwrap(), hidden);
        assert_eq!(verify(&world).await, 1);
    }
);

on_both!(a_suppression_never_works_backwards, |db| async move {
    let mut world = World::new(db).await;
    world.send(&stolen(&["jane"])).await;
    world.score().await;
    let (first, score) = (raised(&world).await, highest(&world, "jane").await);
    assert!(first.len() == 1 && score.1);
    for rule in RuleKey::ALL {
        suppress(&world, None, rule.word(), None, AFTER).await;
    }
    world.send(&[login("jane", "2026-03-14T01:00:00Z")]).await;
    world.score().await;
    assert_eq!(raised(&world).await, first);
    assert_eq!(highest(&world, "jane").await, score);
    assert!(
        suppressions::hidden(&world.scope())
            .await
            .unwrap()
            .is_empty()
    );
    // What is shown as the score now follows, and comes back when all are ended.
    world.clock.set("2026-03-14T03:10:00Z");
    world.score().await;
    assert_eq!(world.score_now("jane").await, Points::ZERO);
    let scope = world.scope();
    for one in suppressions::active(&scope).await.unwrap() {
        suppressions::revoke(&scope, one.code).await.unwrap();
    }
    world.clock.set("2026-03-14T03:20:00Z");
    world.score().await;
    assert!(world.score_now("jane").await > Points::ZERO);
    assert_eq!(verify(&world).await, 1);
});

on_both!(every_event_must_have_the_attribute, |db| async move {
    let mut world = World::new(db).await;
    let address = |n: u8| {
        Some(Attribute::Address(
            format!("203.0.113.{n}").parse().unwrap(),
        ))
    };
    let source = Some(Attribute::Source {
        id: world.source.id,
        slug: "files".to_owned(),
    });
    let documents = Some(Attribute::Resource("document".to_owned()));
    for rule in HEAVY {
        // Three addresses were used: one of them is not enough.
        suppress(&world, Some("anna"), rule.word(), address(1), BEFORE).await;
        suppress(&world, Some("jane"), rule.word(), documents.clone(), BEFORE).await;
        suppress(&world, Some("mia"), rule.word(), source.clone(), BEFORE).await;
    }
    world.send(&stolen(&["anna", "jane", "mia"])).await;
    world.score().await;
    let first = raised(&world).await;
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(first[0].starts_with("anna "));
    for name in ["jane", "mia"] {
        assert!(!highest(&world, name).await.1, "{name}");
        assert!(sums(&path(&world, name).await) > 0);
    }
    // The same by replay.
    let late: Vec<Value> = ["anna", "jane", "mia"]
        .map(|name| login(name, "2026-03-14T01:00:00Z"))
        .to_vec();
    world.send(&late).await;
    world.score().await;
    assert_eq!(raised(&world).await, first);
    assert!(!highest(&world, "jane").await.1 && !highest(&world, "mia").await.1);
});

/// A dozen people of whom one takes things, under the calibrated grading.
async fn calibrated(db: testkit::TestDb) -> (World, Vec<Value>) {
    let mut world = World::new(db).await;
    world.clock.set("2026-03-17T00:00:00Z");
    let mut settings = Settings::from(&world.db.acme);
    settings.scoring.ruleset = RuleSetName::Calibrated;
    world.db.acme = tenants::update(&world.scope(), &settings).await.unwrap();
    let mut sent: Vec<Value> = (0..12)
        .flat_map(|i| office_days(&format!("person-{i}")))
        .collect();
    sent.extend(theft("person-3"));
    sent.sort_by_key(|event| event["timestamp"].as_str().unwrap().to_owned());
    (world, sent)
}

fn read(actor: &str, at: &str) -> Value {
    json!({"timestamp": at, "actor": actor, "action": "read", "resource": "document",
        "resourceId": "doc-1", "ip": "10.0.0.1", "bytes": 1_000_000, "success": true})
}

on_both!(suppressed_families_raise_no_alert, |db| async move {
    let (mut world, sent) = calibrated(db).await;
    for family in Family::ALL {
        suppress(&world, Some("person-3"), family.word(), None, BEFORE).await;
    }
    world.send(&sent).await;
    world.score().await;
    assert!(raised(&world).await.is_empty());
    let told = path(&world, "person-3").await;
    assert!(sums(&told) > 2, "{told:?}");
    assert_eq!(highest(&world, "person-3").await, (Points::ZERO, false));
    let hidden = suppressions::hidden(&world.scope()).await.unwrap();
    assert!(hidden.values().any(|h| *h == Hidden { days: 1, alerts: 1 }));
    // The memory has learnt the day all the same, and closing it changes nothing.
    world
        .send(&[read("person-5", "2026-03-15T09:00:00Z")])
        .await;
    world.score().await;
    assert!(raised(&world).await.is_empty());
    assert_eq!(highest(&world, "person-3").await, (Points::ZERO, false));
    assert_eq!(suppressions::hidden(&world.scope()).await.unwrap(), hidden);
});

on_both!(what_alerted_before_a_suppression_stays, |db| async move {
    let (mut world, sent) = calibrated(db).await;
    for family in Family::ALL {
        suppress(&world, None, family.word(), None, AFTER).await;
    }
    // One more event of the same day, when everything is suppressed.
    let more = [sent, vec![read("person-3", "2026-03-14T05:00:00Z")]].concat();
    world.send(&more).await;
    world.score().await;
    let first = raised(&world).await;
    assert_eq!(first.len(), 1, "{first:?}");
    let score = highest(&world, "person-3").await;
    assert!(score.1);
    assert!(sums(&path(&world, "person-3").await) > 0);
    assert!(world.score_now("person-3").await < Points::whole(60));
    // Closed and judged again from the stored events: the same.
    world
        .send(&[read("person-5", "2026-03-15T09:00:00Z")])
        .await;
    world.score().await;
    assert_eq!(raised(&world).await, first);
    assert_eq!(highest(&world, "person-3").await, score);
    assert_eq!(verify(&world).await, 1);
});

on_both!(a_receipt_holds_what_was_suppressed, |db| async move {
    let (mut world, sent) = calibrated(db).await;
    let documents = Attribute::Resource("document".to_owned());
    let one = suppress(&world, Some("person-3"), "network", None, BEFORE).await;
    // Nobody else's events are asked for.
    suppress(&world, Some("person-3"), "scope", Some(documents), BEFORE).await;
    let elsewhere = Attribute::Resource("share".to_owned());
    suppress(&world, Some("person-3"), "time", Some(elsewhere), BEFORE).await;
    world.send(&sent).await;
    world.score().await;
    let all = world.alerts().await;
    assert_eq!(all.len(), 1, "what is left still alerts");
    let snapshot = alerts::snapshot(&world.scope(), all[0].id).await.unwrap();
    let rows = &snapshot.contributions;
    assert_eq!(rows.iter().map(|r| r.points).sum::<Points>(), all[0].score);
    let gone: Vec<_> = rows.iter().filter(|r| r.suppressed.is_some()).collect();
    let family = |r: &&domain::score::Contribution| r.family.clone().unwrap();
    let families: std::collections::BTreeSet<String> = gone.iter().map(family).collect();
    assert!(
        families.contains("network") && families.contains("scope"),
        "{families:?}"
    );
    assert!(!families.contains("time"));
    let network = gone.iter().find(|r| family(r) == "network").unwrap();
    let by = network.suppressed.as_ref().unwrap();
    assert_eq!(
        (by.code.clone(), by.points > Points::ZERO),
        (one.code.to_string(), true)
    );
    assert!(!snapshot.fired().iter().any(|name| name.word() == "network"));
    assert_eq!(verify(&world).await, 1);
});
