//! `evaluate`: history through the same scoring code with a simulated clock, no database.

mod calibrated;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;

use clap::Args;
use domain::actor::{ActorKey, ActorKind};
use domain::event::Event;
use domain::id::{SourceId, TenantKey};
use domain::redaction::Redaction;
use domain::rule::{RuleKey, RuleSet, RuleSettings};
use domain::score::Points;
use domain::time::{Day, Timestamp, Zone};
use normalize::{Copies, Intake, Verdict, accept};
use scoring::calibrated::{Classifier, Synonyms};
use scoring::observation::Observation;
use scoring::profile::Profile;
use scoring::track::{Criteria, Tracker};
use uuid::Uuid;

use super::actors::file::{self, Said};
use super::lines::Lines;
use crate::failure::{Failure, Outcome};

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  insider-risk evaluate --events january.ndjson.gz --out scores.csv\n\nThe CSV has the header actor,day,score,alerted: one row per active actor and UTC day with the\nhighest score of that day. A summary goes to standard error."
)]
pub(super) struct Arguments {
    /// Event file: NDJSON, plain, .gz or .zst, or - for standard input; may be repeated
    #[arg(long, required = true)]
    events: Vec<String>,
    /// Where the CSV goes; - is standard output
    #[arg(long)]
    out: String,
    /// calibrated, classic, or a file with the JSON of GET /api/rules, which may hold "ruleset" and
    /// "synonyms" ({"actions": {WORD: CLASS}, "resources": {WORD: CLASS}}, for calibrated)
    #[arg(long, default_value = "calibrated")]
    ruleset: String,
    /// CSV with the zones and kinds of actors, as for 'actors import'
    #[arg(long)]
    actors: Option<String>,
    /// Zone in which hours are judged; days are always UTC
    #[arg(long, default_value = "UTC")]
    zone: String,
}

/// The classic threshold of new tenants.
const THRESHOLD: Points = Points::whole(60);

/// One actor's history.
#[derive(Default)]
struct History {
    name: String,
    events: Vec<Observation>,
}

/// One row of the CSV.
struct Row {
    day: Day,
    key: String,
    name: String,
    score: Points,
}

/// What the summary tells.
#[derive(Default)]
struct Summary {
    lines: u64,
    rejected: u64,
    first_problem: Option<String>,
    young_days: usize,
    carried: BTreeMap<RuleKey, usize>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let zone =
        Zone::named(&arguments.zone).map_err(|e| Failure::configuration(format!("--zone: {e}")))?;
    let mut summary = Summary::default();
    let said = match &arguments.actors {
        Some(path) => file::read(path, None)?,
        None => Said::new(),
    };
    let told = Told { zone: &zone, said };
    let rules = match ruleset(&arguments.ruleset)? {
        RuleSetFile::Classic(rules) => rules,
        RuleSetFile::Calibrated(words) => {
            let (files, out) = (&arguments.events, &arguments.out);
            return calibrated::run(files, out, (&told, &words), &mut summary);
        }
    };
    let histories = read(&arguments.events, &mut summary)?;
    let rows = score(histories, &rules, &told, &mut summary);
    write(&arguments.out, &rows)?;
    report(&rows, &summary);
    Ok(())
}

/// What people say beside the events.
struct Told<'a> {
    zone: &'a Zone,
    said: Said,
}

impl Told<'_> {
    /// The zone by whose clock an actor is judged.
    fn zone(&self, actor: &ActorKey) -> &Zone {
        let own = self.said.get(actor).and_then(|facts| facts.zone.as_ref());
        own.unwrap_or(self.zone)
    }

    /// Whether an actor is said to be a service account.
    fn is_service(&self, actor: &ActorKey) -> bool {
        let kind = self.said.get(actor).and_then(|facts| facts.kind);
        kind == Some(ActorKind::Service)
    }
}

/// What `--ruleset` means.
enum RuleSetFile {
    Classic(RuleSet),
    Calibrated(Classifier),
}

fn ruleset(text: &str) -> Outcome<RuleSetFile> {
    match text {
        "classic" => return Ok(RuleSetFile::Classic(RuleSet::default())),
        "calibrated" => return Ok(RuleSetFile::Calibrated(Classifier::default())),
        _ => {}
    }
    let wrong = |why: String| Failure::configuration(format!("--ruleset {text}: {why}"));
    let json = std::fs::read_to_string(text).map_err(|e| {
        wrong(format!(
            "neither 'calibrated' nor 'classic' nor a readable file: {e}"
        ))
    })?;
    let value: serde_json::Value = serde_json::from_str(&json).map_err(|e| wrong(e.to_string()))?;
    let calibrated = value.get("ruleset").and_then(serde_json::Value::as_str) == Some("calibrated");
    if let Some(words) = value.get("synonyms").filter(|_| calibrated) {
        let words: Synonyms =
            serde_json::from_value(words.clone()).map_err(|e| wrong(format!("synonyms: {e}")))?;
        let classifier = words.classifier();
        let classifier = classifier.map_err(|e| wrong(format!("synonyms: {e}")))?;
        return Ok(RuleSetFile::Calibrated(classifier));
    }
    if calibrated {
        return Ok(RuleSetFile::Calibrated(Classifier::default()));
    }
    let items = value.get("items").unwrap_or(&value).clone();
    let settings: Vec<RuleSettings> =
        serde_json::from_value(items).map_err(|e| wrong(e.to_string()))?;
    for rule in &settings {
        if let Some((field, message)) = rule.problem() {
            return Err(wrong(format!("{} {field}: {message}", rule.key)));
        }
    }
    Ok(RuleSetFile::Classic(RuleSet::with(settings)))
}

/// Reads every event of every actor. Order in the files does not matter.
fn read(files: &[String], summary: &mut Summary) -> Outcome<HashMap<ActorKey, History>> {
    let mut histories: HashMap<ActorKey, History> = HashMap::new();
    each_event(files, summary, |event| {
        let history = histories.entry(ActorKey::fold(&event.actor)).or_default();
        if history.events.is_empty() {
            history.name.clone_from(&event.actor);
        }
        history.events.push(Observation::from(event));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(histories)
}

/// Hands over every event in the order of the files; false when `each` broke off.
fn each_event(
    files: &[String],
    summary: &mut Summary,
    mut each: impl FnMut(&Event) -> Outcome<ControlFlow<()>>,
) -> Outcome<bool> {
    let redaction = Redaction::default();
    let tenant = TenantKey(Uuid::nil());
    // The end of time: history is never ahead of the receiver's clock.
    let end = Timestamp::from_micros(i64::MAX);
    let intake = Intake::new(tenant, SourceId(0), &redaction, None, end);
    let intake = intake.map_err(|e| Failure::Failed(e.to_string()))?;
    let mut copies = Copies::uncounted();
    for file in files {
        let mut lines = Lines::open(file)?;
        while let Some((number, line)) = lines.next_line()? {
            summary.lines += 1;
            let verdict = match normalize::body::line(&line) {
                Ok(text) => accept(text, &intake, &mut copies),
                Err(problem) => Verdict::Rejected(problem),
            };
            match verdict {
                Verdict::Accepted(event, _) | Verdict::Quarantined(event, _) => {
                    if each(&event)?.is_break() {
                        return Ok(false);
                    }
                }
                Verdict::Rejected(problem) => {
                    summary.rejected += 1;
                    summary.first_problem.get_or_insert_with(|| {
                        format!(
                            "{file} line {number}: {}: {}",
                            problem.field, problem.message
                        )
                    });
                }
            }
        }
    }
    Ok(true)
}

fn score(
    histories: HashMap<ActorKey, History>,
    rules: &RuleSet,
    told: &Told<'_>,
    summary: &mut Summary,
) -> Vec<Row> {
    let excluded = BTreeSet::new();
    let mut rows = Vec::new();
    for (key, mut history) in histories {
        let criteria = Criteria {
            rules,
            threshold: THRESHOLD,
            zone: told.zone(&key),
            excluded: &excluded,
        };
        history.events.sort_by_key(|e| e.minute);
        let mut days: BTreeMap<Day, (Points, Vec<RuleKey>, bool)> = BTreeMap::new();
        let mut tracker = Tracker::new(Profile::default(), criteria);
        tracker.follow(&history.events, |scored| {
            let a = &scored.assessment;
            let young = a.baseline_events < domain::baseline::MIN_BASELINE_EVENTS;
            let fresh = || (a.score, a.fired().collect(), young);
            let day = a.minute.start().utc_day();
            let highest = days.entry(day).or_insert_with(fresh);
            if a.score > highest.0 {
                *highest = fresh();
            }
        });
        for (day, (score, fired, young)) in days {
            summary.young_days += usize::from(young);
            if score >= THRESHOLD {
                for rule in &fired {
                    *summary.carried.entry(*rule).or_default() += 1;
                }
            }
            rows.push(Row {
                day,
                key: key.as_str().to_owned(),
                name: history.name.clone(),
                score,
            });
        }
    }
    rows.sort_by(|a, b| a.day.cmp(&b.day).then_with(|| a.key.cmp(&b.key)));
    rows
}

fn sink(out: &str) -> Outcome<Box<dyn Write>> {
    if out == "-" {
        return Ok(Box::new(BufWriter::new(std::io::stdout().lock())));
    }
    let file = File::create(out).map_err(|e| Failure::Failed(format!("--out {out}: {e}")))?;
    Ok(Box::new(BufWriter::new(file)))
}

fn write(out: &str, rows: &[Row]) -> Outcome {
    let mut sink = sink(out)?;
    sink.write_all(web::export::HEADER.as_bytes())?;
    for row in rows {
        let line = web::export::score_line(&row.name, row.day, row.score, row.score >= THRESHOLD);
        sink.write_all(line.as_bytes())?;
    }
    sink.flush()?;
    Ok(())
}

fn report_reading(summary: &Summary) {
    eprintln!(
        "{} events read, {} rejected",
        summary.lines, summary.rejected
    );
    if let Some(problem) = &summary.first_problem {
        eprintln!("first rejected: {problem}");
    }
}

fn report(rows: &[Row], summary: &Summary) {
    let actors: BTreeSet<&str> = rows.iter().map(|r| r.key.as_str()).collect();
    let days: BTreeSet<Day> = rows.iter().map(|r| r.day).collect();
    let alerted = rows.iter().filter(|r| r.score >= THRESHOLD).count();
    let per_thousand = alerted as f64 / (actors.len().max(1) * days.len().max(1)) as f64 * 1000.0;
    report_reading(summary);
    eprintln!(
        "{} actor-days of {} actors on {} days; {} judged with a baseline too young",
        rows.len(),
        actors.len(),
        days.len(),
        summary.young_days
    );
    eprintln!(
        "{alerted} actor-days reach {THRESHOLD}: {per_thousand:.1} alerts per 1,000 actors a day"
    );
    for (rule, count) in &summary.carried {
        eprintln!("  {rule} took part in {count}");
    }
}
