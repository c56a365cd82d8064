//! The strip of runs: one tick each, oldest left.

use domain::integration::RunOutcome;
use domain::time::Timestamp;
use store::runs::Run;

/// Units between two ticks.
const STEP: usize = 10;
/// A good run that took so many times the median is drawn as slow.
const SLOW: i64 = 3;

/// The strip.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Strip {
    /// Width of the drawing: that of a hundred ticks, so that few runs are not stretched.
    pub width: usize,
    pub ticks: Vec<Tick>,
    pub ok: usize,
    pub slow: usize,
    pub failed: usize,
    /// In words, for those who do not see it.
    pub finding: String,
}

/// One run of the strip.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tick {
    pub number: i64,
    pub x: usize,
    pub y: u32,
    pub height: u32,
    pub class: &'static str,
    pub word: &'static str,
}

impl Strip {
    /// Of runs, newest first.
    pub(super) fn of(runs: &[Run], now: Timestamp) -> Self {
        let mut times: Vec<i64> = runs.iter().filter_map(micros).collect();
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or(0);
        let ticks: Vec<Tick> = runs
            .iter()
            .rev()
            .enumerate()
            .map(|(index, run)| tick(index * STEP, run, median))
            .collect();
        let count = |class| ticks.iter().filter(|t| t.class == class).count();
        let (ok, slow, failed) = (count("r-ok"), count("r-slow"), count("r-fail"));
        let last = runs.first().map_or("none".to_owned(), |r| {
            format!(
                "{} {} ago",
                r.outcome.word(),
                domain::time::span((now.micros() - r.started_at.micros()).max(0))
            )
        });
        Self {
            finding: format!("{ok} ok, {slow} slow or partial, {failed} failed; the latest {last}"),
            width: 100 * STEP,
            ticks,
            ok,
            slow,
            failed,
        }
    }
}

fn micros(run: &Run) -> Option<i64> {
    Some(run.finished_at?.micros() - run.started_at.micros())
}

fn tick(x: usize, run: &Run, median: i64) -> Tick {
    let slow = micros(run).is_some_and(|t| t > SLOW * median.max(1_000_000));
    let (class, height, word) = match run.outcome {
        RunOutcome::Failed => ("r-fail", 32, "failed"),
        RunOutcome::Partial => ("r-slow", 28, "partial"),
        RunOutcome::Running => ("r-run", 8, "running"),
        RunOutcome::Ok if slow => ("r-slow", 28, "slow"),
        RunOutcome::Ok => ("r-ok", 18, "ok"),
    };
    Tick {
        number: run.number,
        x,
        y: 32 - height,
        height,
        class,
        word,
    }
}

/// How long a run took, or has been running.
pub(super) fn took(run: &Run, now: Timestamp) -> String {
    let end = run.finished_at.unwrap_or(now);
    let micros = (end.micros() - run.started_at.micros()).max(0);
    if micros < 60_000_000 {
        format!("{:.1} s", micros as f64 / 1_000_000.0)
    } else {
        domain::time::span(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: i64, outcome: RunOutcome, seconds: i64) -> Run {
        let start = Timestamp::from_micros(number * 600_000_000);
        Run {
            number,
            cause: "schedule".to_owned(),
            outcome,
            started_at: start,
            finished_at: Some(start.plus(seconds * 1_000_000)),
            attempts: 1,
            fetched: 0,
            stored: 0,
            duplicates: 0,
            rejected: 0,
            cursor_before: None,
            cursor_after: None,
            error: None,
            remedy: None,
            next_run_at: None,
        }
    }

    #[test]
    fn ticks_run_from_old_to_new() {
        let runs = [
            run(4, RunOutcome::Failed, 1),
            run(3, RunOutcome::Ok, 20),
            run(2, RunOutcome::Ok, 2),
            run(1, RunOutcome::Ok, 2),
        ];
        let strip = Strip::of(&runs, Timestamp::from_micros(4 * 600_000_000 + 120_000_000));
        let words: Vec<_> = strip
            .ticks
            .iter()
            .map(|t| (t.number, t.x, t.word))
            .collect();
        assert_eq!(
            words,
            [
                (1, 0, "ok"),
                (2, 10, "ok"),
                (3, 20, "slow"),
                (4, 30, "failed")
            ]
        );
        assert_eq!((strip.ok, strip.slow, strip.failed), (2, 1, 1));
        assert_eq!(
            strip.finding,
            "2 ok, 1 slow or partial, 1 failed; the latest failed 2 min ago"
        );
        assert!(Strip::of(&[], Timestamp::default()).ticks.is_empty());
        assert_eq!(took(&runs[1], Timestamp::default()), "20.0 s");
    }
}
