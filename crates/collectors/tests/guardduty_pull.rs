//! Runs of the pull against a simulated GuardDuty: nothing is lost, nothing is endless.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use collectors::guardduty::{
    Backoff, Cursor, Ended, Exhausted, Failure, Fetched, Limits, Listed, MAX_IDS, OVERLAP_US, Pull,
    Reaction, Step,
};
use domain::time::{DAY_US, HOUR_US, MINUTE_US, Timestamp};
use proptest::prelude::*;

const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// Findings by id; tokens count places, the worst kind under change.
#[derive(Debug, Clone, Default)]
struct Service(BTreeMap<String, Timestamp>);

impl Service {
    fn with(count: usize, at: impl Fn(usize) -> Timestamp) -> Self {
        Self((0..count).map(|n| (format!("f{n:05}"), at(n))).collect())
    }

    fn list(&self, since: Timestamp, token: Option<&str>) -> Listed {
        let mut found: Vec<_> = self.0.iter().filter(|(_, at)| **at >= since).collect();
        found.sort_by_key(|(id, at)| (**at, (*id).clone()));
        let skip: usize = token.map_or(0, |token| token.parse().unwrap());
        let ids: Vec<_> = found
            .iter()
            .skip(skip)
            .take(MAX_IDS)
            .map(|(id, _)| (*id).clone())
            .collect();
        let next = (found.len() > skip + MAX_IDS).then(|| (skip + MAX_IDS).to_string());
        Listed { ids, next }
    }

    fn fetch(&self, ids: &[String]) -> Vec<Fetched> {
        assert!(ids.len() <= MAX_IDS);
        // The API promises no order of its own.
        ids.iter()
            .rev()
            .map(|id| Fetched {
                id: id.clone(),
                updated_at: self.0[id],
            })
            .collect()
    }
}

/// What was stored: identities and the cursor beside them.
#[derive(Debug, Default)]
struct Stored {
    seen: BTreeSet<(String, Timestamp)>,
    cursor: Cursor,
}

impl Stored {
    fn portion(&mut self, findings: &[Fetched], cursor: Cursor) {
        self.seen
            .extend(findings.iter().map(|f| (f.id.clone(), f.updated_at)));
        self.cursor = cursor;
    }
}

/// One run; `change` is called before every step and may alter the service or end the process.
fn run(
    service: &mut Service,
    stored: &mut Stored,
    limits: Limits,
    now: Timestamp,
    mut change: impl FnMut(&mut Service, usize) -> bool,
) -> Option<Ended> {
    let mut pull = Pull::new(stored.cursor, limits, Backoff::default(), now);
    for count in 0..5000 {
        if !change(service, count) {
            return None;
        }
        match pull.step() {
            Step::List { since, token } => pull.listed(service.list(since, token.as_deref())),
            Step::Fetch(ids) => {
                let findings = service.fetch(&ids);
                pull.fetched(findings.clone());
                stored.portion(&findings, pull.cursor());
            }
            Step::End(ended) => {
                stored.cursor = pull.cursor();
                return Some(ended);
            }
        }
    }
    panic!("the run does not end");
}

fn calm(_: &mut Service, _: usize) -> bool {
    true
}

#[test]
fn a_quiet_account_is_read_once() {
    let mut service = Service::with(120, |n| START.plus(-DAY_US + n as i64 * MINUTE_US));
    let mut stored = Stored::default();
    let ended = run(&mut service, &mut stored, Limits::default(), START, calm);
    assert_eq!(ended, Some(Ended::Complete));
    assert_eq!(stored.seen.len(), 120);
    assert_eq!(stored.cursor.updated_at, Some(START));
    let mut pull = Pull::new(
        stored.cursor,
        Limits::default(),
        Backoff::default(),
        START.plus(HOUR_US),
    );
    let Step::List { since, token } = pull.step() else {
        panic!("lists first")
    };
    assert_eq!((since, token), (START.plus(-OVERLAP_US), None));
    pull.listed(service.list(since, None));
    assert_eq!(
        pull.step(),
        Step::End(Ended::Complete),
        "nothing to fetch again"
    );
}

#[test]
fn the_first_run_looks_back_fourteen_days() {
    let mut service = Service::with(2, |n| START.plus(-(13 + 2 * n as i64) * DAY_US));
    let mut stored = Stored::default();
    run(&mut service, &mut stored, Limits::default(), START, calm);
    assert_eq!(stored.seen.len(), 1);
}

#[test]
fn a_budget_is_continued_and_widened() {
    let limits = Limits {
        requests: 20,
        pages: 10,
        findings: 100,
    };
    let mut service = Service::with(500, |n| START.plus(-DAY_US + n as i64 * MINUTE_US));
    let mut stored = Stored::default();
    let mut runs = 0;
    while run(
        &mut service,
        &mut stored,
        limits,
        START.plus(runs * HOUR_US),
        calm,
    ) != Some(Ended::Complete)
    {
        runs += 1;
        assert!(runs < 12, "{stored:?}");
    }
    assert_eq!(stored.seen.len(), 500);

    let mut one_instant = Service::with(700, |_| START.plus(-DAY_US));
    let mut stored = Stored::default();
    let first = run(&mut one_instant, &mut stored, limits, START, calm);
    assert_eq!(first, Some(Ended::OutOfBudget(Exhausted::Findings)));
    let mut runs = 0;
    while run(
        &mut one_instant,
        &mut stored,
        limits,
        START.plus(HOUR_US),
        calm,
    ) != Some(Ended::Complete)
    {
        runs += 1;
        assert!(runs < 6, "{:?}", stored.cursor);
    }
    assert_eq!((stored.seen.len(), stored.cursor.stalled), (700, 0));
}

/// SEC-42: paging without end.
#[test]
fn hostile_paging_ends() {
    let limits = Limits {
        requests: 50,
        pages: 30,
        findings: 1000,
    };
    let page = |next: &str| Listed {
        ids: Vec::new(),
        next: Some(next.to_owned()),
    };
    let mut endless = Pull::new(Cursor::default(), limits, Backoff::default(), START);
    let mut count = 0;
    let ended = loop {
        match endless.step() {
            Step::End(ended) => break ended,
            _ => endless.listed(page(&format!("t{count}"))),
        }
        count += 1;
    };
    assert_eq!((ended, count), (Ended::OutOfBudget(Exhausted::Pages), 30));

    let mut looping = Pull::new(Cursor::default(), limits, Backoff::default(), START);
    for token in ["a", "b", "a"] {
        looping.step();
        looping.listed(page(token));
    }
    assert_eq!(looping.step(), Step::End(Ended::Looping));

    let mut flood = Pull::new(Cursor::default(), limits, Backoff::default(), START);
    flood.step();
    flood.listed(Listed {
        ids: (0..5000).map(|n| n.to_string()).collect(),
        next: None,
    });
    assert!(matches!(flood.step(), Step::End(Ended::Failed(_))));
}

/// SEC-42: dates nobody has lived.
#[test]
fn dates_in_the_future_move_no_cursor() {
    let mut service = Service::with(3, |n| START.plus((n as i64 - 1) * 400 * DAY_US));
    service.0.insert("now".to_owned(), START.plus(-HOUR_US));
    let mut stored = Stored::default();
    run(&mut service, &mut stored, Limits::default(), START, calm);
    assert_eq!(stored.cursor.updated_at, Some(START));
}

#[test]
fn failures() {
    let cursor = Cursor {
        updated_at: Some(START.plus(-DAY_US)),
        stalled: 0,
    };
    let mut pull = Pull::new(cursor, Limits::default(), Backoff::default(), START);
    let step = pull.step();
    assert_eq!(pull.step(), step, "asking again changes nothing");
    let asked = Some(Duration::from_secs(9));
    assert_eq!(
        pull.failed(Failure::Throttled(asked), 0),
        Reaction::Retry(Duration::from_secs(9))
    );
    assert_eq!(pull.step(), step, "the same is tried again");
    for _ in 0..5 {
        assert!(matches!(
            pull.failed(Failure::Passing, u64::MAX),
            Reaction::Retry(_)
        ));
    }
    assert_eq!(pull.failed(Failure::Passing, 0), Reaction::GiveUp);
    assert!(matches!(pull.step(), Step::End(Ended::Failed(_))));
    assert_eq!(pull.cursor(), cursor);

    let mut denied = Pull::new(cursor, Limits::default(), Backoff::default(), START);
    denied.step();
    let failure = Failure::of(403, "AccessDeniedException", None);
    assert_eq!(denied.failed(failure, 0), Reaction::GiveUp);
    let Step::End(Ended::Failed(remedy)) = denied.step() else {
        panic!()
    };
    assert!(remedy.contains("guardduty:GetFindings"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Findings change and appear during runs, processes die between steps: after a last calm run
    /// every finding is stored in its newest state.
    #[test]
    fn nothing_is_lost(
        ages in prop::collection::vec(0_i64..2_000, 1..400),
        changes in prop::collection::vec((0_usize..60, any::<prop::sample::Index>(), any::<bool>()), 0..40),
        deaths in prop::collection::vec(1_usize..40, 0..4),
        findings in 50_u32..400,
    ) {
        let limits = Limits { requests: 100, pages: 60, findings };
        let mut service = Service::with(ages.len(), |n| START.plus(-ages[n] * MINUTE_US));
        let mut stored = Stored::default();
        let mut now = START;
        let mut fresh = 0;
        for round in 0..=deaths.len() {
            let dies_at = deaths.get(round).copied().unwrap_or(usize::MAX);
            let began = now;
            run(&mut service, &mut stored, limits, now, |service, step| {
                for (at, which, new) in &changes {
                    if *at != step { continue }
                    let id = if *new {
                        fresh += 1;
                        format!("n{fresh}")
                    } else {
                        service.0.keys().nth(which.index(service.0.len())).unwrap().clone()
                    };
                    service.0.insert(id, began.plus(step as i64 * 1_000_000));
                }
                step != dies_at
            });
            now = now.plus(10 * MINUTE_US);
        }
        let mut runs = 0;
        while run(&mut service, &mut stored, limits, now, calm) != Some(Ended::Complete) {
            runs += 1;
            prop_assert!(runs < 60, "{:?}", stored.cursor);
            now = now.plus(10 * MINUTE_US);
        }
        for (id, at) in &service.0 {
            prop_assert!(stored.seen.contains(&(id.clone(), *at)), "{id} of {at} is missing");
        }
    }
}
