//! Nanoseconds per event from JSON text to a normalised event.
//!
//! `reference_json_value` parses the same text into a generic tree and is the yardstick.

use divan::{Bencher, counter::ItemsCount};
use domain::id::{SourceId, TenantKey};
use domain::redaction::Redaction;
use domain::time::Timestamp;
use normalize::{Copies, Intake, accept};

const EVENTS: usize = 1000;

fn main() {
    divan::main();
}

fn lines() -> Vec<String> {
    (0..EVENTS)
        .map(|i| {
            format!(
                r#"{{"timestamp":"2026-01-05T00:{:02}:{:02}Z","actor":"svc-etl-{}@corp.example","action":"download","resource":"dataset","resourceId":"set-{i}","ip":"10.200.0.104","userAgent":"svc-runner/0.4 python-urllib3/2.2","bytes":{},"success":true,"source":"app"}}"#,
                i / 60 % 60, i % 60, i % 20, i * 7919
            )
        })
        .collect()
}

#[divan::bench]
fn reference_json_value(bencher: Bencher) {
    bencher
        .counter(ItemsCount::new(EVENTS))
        .with_inputs(lines)
        .bench_values(|lines| {
            lines
                .iter()
                .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok())
                .count()
        });
}

#[divan::bench]
fn accept_event(bencher: Bencher) {
    let redaction = Redaction::default();
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let tenant = TenantKey(uuid::Uuid::from_u128(1));
    bencher
        .counter(ItemsCount::new(EVENTS))
        .with_inputs(lines)
        .bench_values(|lines| {
            let Ok(intake) = Intake::new(tenant, SourceId(1), &redaction, None, now) else {
                return 0;
            };
            let mut copies = Copies::default();
            lines
                .iter()
                .filter(|l| {
                    matches!(
                        accept(l, &intake, &mut copies),
                        normalize::Verdict::Accepted(..)
                    )
                })
                .count()
        });
}
