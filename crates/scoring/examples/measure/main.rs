//! Scores an event file with the calibrated engine and any settings: for the ablation table.
//!
//! `measure EVENTS.ndjson.gz SCORES.csv [memory=0] [noise=0] [without=scope,deletes] ...`
#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]

mod settings;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};

use domain::event::{Event, Outcome};
use domain::id::EventId;
use domain::time::{Day, Timestamp, Zone};
use scoring::calibrated::*;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (file, out) = (arguments.next().unwrap(), arguments.next().unwrap());
    let parameters = settings::of(arguments);
    let debug = std::env::var("DEBUG_ACTORS").ok();
    let reader = flate2::read::MultiGzDecoder::new(std::fs::File::open(&file).unwrap());
    let mut engine = Engine::new(parameters, std::fs::File::create(out).unwrap(), debug);
    let mut words = Reader::default();
    let zone = Zone::utc();
    for line in BufReader::with_capacity(1 << 20, reader).lines() {
        let line = line.unwrap();
        let v: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |k: &str| v[k].as_str().map(str::to_owned);
        let at: Timestamp = text("timestamp").unwrap().parse().unwrap();
        let event = Event {
            id: EventId::from_bytes([0; 16]),
            occurred_at: at,
            received_at: at,
            actor: text("actor").unwrap(),
            actor_kind: None,
            action: text("action").unwrap(),
            outcome: if v["success"].as_bool() == Some(false) {
                Outcome::Failure
            } else {
                Outcome::Success
            },
            outcome_word: None,
            resource: text("resource"),
            resource_id: text("resourceId"),
            ip: text("ip").and_then(|ip| ip.parse().ok()),
            user_agent: text("userAgent"),
            bytes: v["bytes"].as_i64(),
            severity: None,
            host: None,
            app: None,
            attributes: None,
        };
        engine.observe(&event.actor, &words.read(&event), &zone);
    }
    engine.close();
    let realised: f64 = engine.alerts as f64;
    eprintln!(
        "{realised} alerts; threshold {:.2}",
        engine.organisation.threshold()
    );
}

struct Engine {
    organisation: Organisation,
    actors: BTreeMap<String, (ActorState, ActorDay)>,
    day: Day,
    out: std::io::BufWriter<std::fs::File>,
    alerts: u64,
    debug: Option<String>,
}

impl Engine {
    fn new(parameters: Parameters, out: std::fs::File, debug: Option<String>) -> Self {
        let mut out = std::io::BufWriter::new(out);
        writeln!(out, "actor,day,score,alerted").unwrap();
        Self {
            organisation: Organisation::new(parameters),
            actors: BTreeMap::new(),
            day: Day(0),
            out,
            alerts: 0,
            debug,
        }
    }

    fn observe(&mut self, actor: &str, event: &Activity, zone: &Zone) {
        let day = event.minute.start().utc_day();
        if day != self.day {
            self.close();
            self.day = day;
        }
        if !self.actors.contains_key(actor) {
            self.actors.insert(
                actor.to_owned(),
                (ActorState::default(), ActorDay::new(day)),
            );
        }
        self.actors.get_mut(actor).unwrap().1.observe(event, zone);
    }

    fn close(&mut self) {
        let day = self.day;
        let mut judged = BTreeMap::new();
        let mut everyone = Today::default();
        for (_, today) in self.actors.values() {
            everyone.add(today);
        }
        for (actor, (state, today)) in &self.actors {
            if today.events() > 0 {
                let judgement = judge(today, state, &self.organisation, &everyone);
                let alerted = judgement.grade.tenths() >= 600;
                self.alerts += u64::from(alerted);
                let score = threshold::shown(judgement.grade.raw, judgement.grade.threshold);
                writeln!(self.out, "{actor},{day},{score:.4},{}", u8::from(alerted)).unwrap();
                if let Some(path) = &self.debug {
                    let mut file = std::fs::OpenOptions::new()
                        .append(true)
                        .create(true)
                        .open(path)
                        .unwrap();
                    let g = &judgement.grade;
                    let fams: Vec<String> = g
                        .families
                        .iter()
                        .filter(|(_, f)| f.today + f.memory > 0.0)
                        .map(|(f, p)| format!("{}:{:.1}+{:.1}", f.word(), p.today, p.memory))
                        .collect();
                    let rules: Vec<String> = g
                        .rarities
                        .iter()
                        .filter(|(_, r)| **r > 1.5)
                        .map(|(r, x)| {
                            format!(
                                "{}={:.1}/s{:.1}/r{:.1}",
                                r.word(),
                                judgement.values[r],
                                g.surprises[r],
                                x
                            )
                        })
                        .collect();
                    writeln!(
                        file,
                        "{actor}\t{day}\t{score:.1}\tS={:.2} noise={:.2} th={:.2} grp={:?}\t{}\t{}",
                        g.raw,
                        g.noise,
                        g.threshold,
                        0,
                        fams.join(" "),
                        rules.join(" ")
                    )
                    .unwrap();
                }
                judged.insert(actor.clone(), judgement);
            }
        }
        if judged.is_empty() {
            return;
        }
        let closings = self
            .actors
            .iter_mut()
            .filter_map(|(actor, (state, today))| {
                let judged = judged.get(actor)?;
                let actor = scoring::observation::ValueHash::text(actor).0;
                Some(Closing {
                    actor,
                    state,
                    day: today,
                    judged,
                })
            })
            .collect();
        close_day(&mut self.organisation, day, closings);
        for (_, (_, today)) in self.actors.iter_mut() {
            *today = ActorDay::new(day.plus(1));
        }
    }
}
