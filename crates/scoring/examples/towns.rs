//! Measures the calibrated engine on towns of the tests' own generator.
//!
//! `towns SEED[,SEED...] [ACTORS] [DAYS] [key=value ...]`, or `towns write SEED ACTORS DAYS` for
//! the events of one as NDJSON on standard output.
#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    dead_code
)]

#[path = "../tests/ordinary/mod.rs"]
mod ordinary;
#[path = "../tests/ordinary/rank.rs"]
mod rank;
#[path = "measure/settings.rs"]
mod settings;

use std::io::Write;

use ordinary::town::{Plan, Town};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments[0] == "write" {
        let n = |at: usize| arguments[at].parse::<u64>().unwrap();
        return write(n(1), n(2) as usize, n(3) as i32);
    }
    let numbers: Vec<i32> = arguments[1..]
        .iter()
        .filter_map(|a| a.parse().ok())
        .collect();
    let actors = numbers.first().copied().unwrap_or(120) as usize;
    let days = numbers.get(1).copied().unwrap_or(60);
    let parameters = settings::of(arguments[1..].iter().filter(|a| a.contains('=')));
    let mut all = Vec::new();
    for seed in arguments[0].split(',') {
        let plan = Plan::of(seed.parse().unwrap(), actors, days);
        let ranked = rank::rank(Town::new(plan), parameters);
        println!("{plan:?}\n{ranked}");
        all.push(ranked);
    }
    println!("mean: {}", rank::mean(&all));
}

fn write(seed: u64, actors: usize, days: i32) {
    let mut town = Town::new(Plan::of(seed, actors, days));
    let mut out = std::io::BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    for n in 0..days {
        for (_, e) in town.day(n).events {
            let success = e.outcome == domain::event::Outcome::Success;
            let value = serde_json::json!({
                "timestamp": e.occurred_at.to_string(), "actor": e.actor, "action": e.action,
                "resource": e.resource, "resourceId": e.resource_id,
                "ip": e.ip.map(|ip| ip.to_string()), "userAgent": e.user_agent,
                "bytes": e.bytes.unwrap_or(0), "success": success, "source": "town",
            });
            writeln!(out, "{value}").unwrap();
        }
    }
}
