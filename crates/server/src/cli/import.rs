//! `import`: history from a file through the same normalise, append and score code as live data.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use domain::source::SourceSettings;
use domain::time::Clock;
use normalize::{Copies, Intake, RedactionKey, Verdict, accept};
use serde::Serialize;
use store::alerts::Alert;
use store::db::Durability;
use store::log::{self, Appender, Batch, Outcome as Stored};
use store::{Db, Scope, alerts, partitions, sources};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use worker::jobs::score::Scorer;

use super::lines::Lines;
use super::source::slug;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::{shutdown, start};

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  insider-risk import --source vpn vpn-january.ndjson.gz\n\nRunning it again stores nothing twice. Alerts of the loaded time are listed at the end."
)]
pub(super) struct Arguments {
    /// Short name of the source; created when it does not exist
    #[arg(long)]
    source: String,
    /// NDJSON, plain, .gz or .zst; - is standard input
    file: String,
    /// Print what would be stored and why lines would be rejected; store nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    /// The tenant, where several exist
    #[arg(long)]
    tenant: Option<String>,
}

/// Lines that are read, judged and stored together.
const CHUNK: usize = 4000;
/// Rejected lines that are printed; all are counted.
const SHOWN_REJECTS: u64 = 10;

#[derive(Debug, Default, Clone, Serialize)]
struct Counts {
    lines: u64,
    accepted: u64,
    duplicates: u64,
    rejected: u64,
    quarantined: u64,
    noted: BTreeMap<String, u64>,
}

pub(super) async fn run(arguments: Arguments, config: &Config) -> Outcome {
    let db = start::open(config, Durability::Full).await?;
    let scope = start::command_scope(&db, arguments.tenant.as_deref()).await?;
    let lines = Lines::open(&arguments.file)?;
    let import = Import::prepare(&scope, config, &arguments).await?;
    let outcome = if arguments.dry_run {
        dry_run(lines, &import, arguments.json)
    } else {
        store_and_score(&db, &scope, lines, import, arguments.json).await
    };
    db.close().await;
    outcome
}

/// Everything a line's verdict depends on.
struct Import {
    tenant: domain::tenant::Tenant,
    source: domain::source::Source,
    key: Option<RedactionKey>,
    received_at: domain::time::Timestamp,
}

impl Import {
    async fn prepare(scope: &Scope, config: &Config, arguments: &Arguments) -> Outcome<Self> {
        let slug = slug(&arguments.source)?;
        let source = match sources::find(scope, slug.as_str()).await {
            Err(store::Error::NotFound) if arguments.dry_run => domain::source::Source {
                id: domain::id::SourceId(0),
                settings: SourceSettings::named(slug.as_str()),
                version: 0,
                created_at: scope.now,
                slug,
            },
            Err(store::Error::NotFound) => {
                let settings = SourceSettings::named(slug.as_str());
                let created = sources::create(scope, &slug, &settings, None).await?;
                eprintln!("source {slug} created");
                created
            }
            other => other?,
        };
        let master = config.master_key.as_ref();
        let import = Self {
            key: master.map(|k| RedactionKey::derive(&k.bytes(), scope.tenant.key)),
            tenant: scope.tenant.clone(),
            source,
            received_at: scope.now,
        };
        import.intake().map(drop)?;
        Ok(import)
    }

    fn intake(&self) -> Outcome<Intake<'_>> {
        let redaction = &self.source.settings.redaction;
        Intake::new(
            self.tenant.key,
            self.source.id,
            redaction,
            self.key.as_ref(),
            self.received_at,
        )
        .map_err(|e| Failure::configuration(format!("source {}: {e}", self.source.slug)))
    }

    /// Judges a chunk. Rejected lines are counted, the first ones printed.
    fn judge(
        &self,
        chunk: &[(u64, Vec<u8>)],
        copies: &mut Copies,
        counts: &mut Counts,
    ) -> Outcome<Batch> {
        let intake = self.intake()?;
        let mut batch = Batch::default();
        for (number, line) in chunk {
            counts.lines += 1;
            let verdict = match normalize::body::line(line) {
                Ok(text) => accept(text, &intake, copies),
                Err(problem) => Verdict::Rejected(problem),
            };
            match verdict {
                Verdict::Accepted(event, notes) => {
                    for note in notes {
                        *counts
                            .noted
                            .entry(format!("{}: {}", note.field, note.message))
                            .or_default() += 1;
                    }
                    batch.events.push(event);
                }
                Verdict::Quarantined(event, reason) => {
                    counts.quarantined += 1;
                    batch.quarantined.push((event, reason));
                }
                Verdict::Rejected(problem) => {
                    counts.rejected += 1;
                    if counts.rejected <= SHOWN_REJECTS {
                        let why = format!("{}: {}", problem.field, problem.message);
                        eprintln!("line {number} rejected: {}", web::visible(&why));
                    }
                }
            }
        }
        Ok(batch)
    }
}

fn next_chunk(lines: &mut Lines) -> Outcome<Vec<(u64, Vec<u8>)>> {
    let mut chunk = Vec::with_capacity(CHUNK);
    while chunk.len() < CHUNK {
        match lines.next_line()? {
            Some(line) => chunk.push(line),
            None => break,
        }
    }
    Ok(chunk)
}

fn dry_run(mut lines: Lines, import: &Import, json: bool) -> Outcome {
    let (mut counts, mut copies) = (Counts::default(), Copies::default());
    let mut shown = Vec::new();
    loop {
        let chunk = next_chunk(&mut lines)?;
        if chunk.is_empty() {
            break;
        }
        let batch = import.judge(&chunk, &mut copies, &mut counts)?;
        counts.accepted += batch.events.len() as u64;
        let room = 3_usize.saturating_sub(shown.len());
        shown.extend(batch.events.into_iter().take(room));
    }
    if json {
        println!(
            "{}",
            serde_json::json!({"dryRun": true, "counts": counts, "examples": shown})
        );
        return Ok(());
    }
    for event in &shown {
        let text =
            serde_json::to_string_pretty(event).map_err(|e| Failure::Failed(e.to_string()))?;
        println!("{text}");
    }
    println!("dry run: nothing was stored");
    print_counts(&counts);
    Ok(())
}

async fn store_and_score(
    db: &Db,
    scope: &Scope,
    lines: Lines,
    import: Import,
    json: bool,
) -> Outcome {
    let started = Instant::now();
    let stop = shutdown::on_signal()?;
    let appender = Appender::start(db.clone(), Arc::new(Notify::new()));
    let finished = CancellationToken::new();
    let scorer = tokio::spawn(score_along(db.clone(), finished.clone(), stop.clone()));
    let loaded = store_all(&appender, lines, import, started, &stop).await;
    if loaded.is_err() {
        stop.cancel();
    }
    let stored = started.elapsed();
    if !stop.is_cancelled() {
        eprintln!(
            "\rstored in {:.1} s, scoring …                              ",
            stored.as_secs_f64()
        );
    }
    finished.cancel();
    // Awaited whatever happened: it gives the leases back.
    let scored = scorer.await.map_err(|e| Failure::Failed(e.to_string()))?;
    let (counts, period) = loaded?;
    scored?;
    wait_until_scored(db, &stop).await?;
    if stop.is_cancelled() {
        print_counts(&counts);
        return Err(Failure::Failed(STOPPED.to_owned()));
    }
    let seconds = started.elapsed().as_secs_f64();
    let (total, shown) = alerts_of(scope, period).await?;
    if json {
        let alerts: Vec<_> = shown.iter().map(alert_json).collect();
        println!(
            "{}",
            serde_json::json!({
                "dryRun": false, "counts": counts, "storedSeconds": stored.as_secs_f64(),
                "scoredSeconds": seconds, "alerts": total, "worst": alerts,
            })
        );
        return Ok(());
    }
    print_counts(&counts);
    println!(
        "stored in {:.1} s, scored after {seconds:.1} s: {:.0} events a second",
        stored.as_secs_f64(),
        counts.lines as f64 / seconds.max(0.001)
    );
    print_alerts(total, &shown);
    Ok(())
}

/// Said when a signal ended the import early.
const STOPPED: &str =
    "stopped by a signal; what is counted above is stored, and the same command continues";

/// First and last event time of what was loaded.
type Period = Option<(domain::time::Timestamp, domain::time::Timestamp)>;

async fn store_all(
    appender: &Appender,
    mut lines: Lines,
    import: Import,
    started: Instant,
    stop: &CancellationToken,
) -> Outcome<(Counts, Period)> {
    let import = Arc::new(import);
    let (mut counts, mut copies) = (Counts::default(), Copies::default());
    let mut period: Period = None;
    let mut told = started;
    loop {
        let judge = Arc::clone(&import);
        // Reading and judging are CPU work; the writer meanwhile waits for the disk.
        let judged = tokio::task::spawn_blocking(move || {
            let chunk = next_chunk(&mut lines)?;
            let end = chunk.is_empty();
            let batch = judge.judge(&chunk, &mut copies, &mut counts)?;
            Ok::<_, Failure>((lines, copies, counts, batch, end))
        });
        let (l, c, n, batch, end) = judged.await.map_err(|e| Failure::Failed(e.to_string()))??;
        (lines, copies, counts) = (l, c, n);
        if end {
            return Ok((counts, period));
        }
        for event in &batch.events {
            let at = event.occurred_at;
            period = Some(period.map_or((at, at), |(a, b)| (a.min(at), b.max(at))));
        }
        let appended = appender
            .append(&import.tenant, import.source.id, batch)
            .await?;
        for outcome in appended.events {
            match outcome {
                Stored::Stored => counts.accepted += 1,
                Stored::Duplicate => counts.duplicates += 1,
                Stored::PutAside(_) => counts.quarantined += 1,
            }
        }
        if stop.is_cancelled() {
            return Ok((counts, period));
        }
        if told.elapsed() > Duration::from_secs(1) {
            told = Instant::now();
            let rate = counts.lines as f64 / started.elapsed().as_secs_f64();
            eprint!("\r{} lines, {rate:.0} a second  ", counts.lines);
        }
    }
}

/// Scores while the file is being stored, and then what is left. Another worker may hold the
/// work; then that one scores.
async fn score_along(db: Db, finished: CancellationToken, stop: CancellationToken) -> Outcome {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut scorer = Scorer::new(start::worker_name()).until(stop.clone());
    loop {
        let last = finished.is_cancelled() || stop.is_cancelled();
        // A history is judged by whole days: only its end is a day so far.
        let scored = if last {
            scorer.catch_up(&db, &clock).await.map(drop)
        } else {
            scorer.follow(&db, &clock).await.map(drop)
        };
        match scored {
            Ok(()) => {}
            Err(error) if error.is_lease_lost() => {}
            Err(error) => {
                scorer.release(&db).await?;
                return Err(error.into());
            }
        }
        if last {
            scorer.release(&db).await?;
            return Ok(());
        }
        tokio::select! {
            () = finished.cancelled() => {}
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
}

/// Waits until everything stored so far is scored, by whichever worker.
async fn wait_until_scored(db: &Db, stop: &CancellationToken) -> Outcome {
    let end = log::end(db).await?;
    let waiting_since = Instant::now();
    let mut told = false;
    while !stop.is_cancelled() {
        let (position, held) = partitions::progress(db, SystemClock.now()).await?;
        if position >= end {
            return Ok(());
        }
        if !held {
            score_along(db.clone(), cancelled(), stop.clone()).await?;
        } else if !told && waiting_since.elapsed() > Duration::from_secs(5) {
            told = true;
            eprintln!("another process scores; waiting for it");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

fn cancelled() -> CancellationToken {
    let token = CancellationToken::new();
    token.cancel();
    token
}

fn print_counts(counts: &Counts) {
    println!(
        "{} lines: {} accepted, {} duplicates, {} rejected, {} quarantined",
        counts.lines, counts.accepted, counts.duplicates, counts.rejected, counts.quarantined
    );
    for (note, times) in &counts.noted {
        println!("  {times} times {}", web::visible(note));
    }
}

/// Alerts whose episode lies in the loaded time: how many, and the worst of them.
async fn alerts_of(scope: &Scope, period: Period) -> Outcome<(i64, Vec<Alert>)> {
    let Some((from, until)) = period else {
        return Ok((0, Vec::new()));
    };
    let filter = alerts::Filter {
        from: Some(from),
        until: Some(until.plus(2 * domain::time::MINUTE_US)),
        ..alerts::Filter::default()
    };
    let total = alerts::count(scope, &filter).await?;
    let shown = alerts::list(scope, &filter, alerts::Order::Worst, None, 20).await?;
    Ok((total, shown))
}

/// An alert as commands print it for scripts.
pub(super) fn alert_json(alert: &Alert) -> serde_json::Value {
    serde_json::json!({
        "code": alert.code.to_string(), "openedAt": alert.opened_at().to_string(),
        "score": alert.score.as_f64(), "severity": alert.severity.word(),
        "status": alert.status.word(), "actor": alert.actor_name, "sentence": alert.sentence,
    })
}

fn print_alerts(total: i64, shown: &[Alert]) {
    println!("{total} alerts in the loaded time");
    for alert in shown {
        println!(
            "  {} {} {} {}: {}",
            alert.code,
            alert.opened_at(),
            alert.score,
            alert.severity,
            web::visible(&alert.sentence)
        );
    }
    if total > shown.len() as i64 {
        println!("  … and {} more", total - shown.len() as i64);
    }
}
