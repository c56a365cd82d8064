//! The task that takes lines out of the buffer, in order, and does not give up on them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::buffer::Waiting;
use super::pause::Pauses;
use super::post::{self, Answer, Taken};
use super::{Settings, Shared};

/// A server takes 10,000 events and 10 MiB at once.
const LINES_AT_ONCE: usize = 2000;
const BYTES_AT_ONCE: usize = 2 * 1024 * 1024;
/// Pause after the disk refused to work.
const DISK_PAUSE: Duration = Duration::from_secs(1);

/// Posts until it is told to stop; a request under way is given up then, and its lines stay.
pub(super) async fn post_all(shared: Arc<Shared>, settings: Settings, stop: CancellationToken) {
    let posting = async {
        let mut pauses = settings.pauses.clone();
        loop {
            let waiting = match shared.buffer.peek(LINES_AT_ONCE, BYTES_AT_ONCE).await {
                Ok(waiting) => waiting,
                Err(error) => {
                    shared.counters.failed(error.to_string());
                    sleep(DISK_PAUSE).await;
                    continue;
                }
            };
            shared.post_in_order(&settings, &mut pauses, &waiting).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = posting => {}
    }
}

impl Shared {
    /// Posts the lines, in smaller parts where the server wants it, and returns when all of them
    /// are done with.
    async fn post_in_order(&self, settings: &Settings, pauses: &mut Pauses, lines: &[Waiting]) {
        let mut parts = vec![lines];
        while let Some(part) = parts.pop() {
            let pause = match self.post(settings, part).await {
                Answer::Taken(taken) => {
                    pauses.reset();
                    self.taken(part, &taken).await;
                    continue;
                }
                Answer::TooLarge | Answer::Unreadable(_) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                    continue;
                }
                Answer::TooLarge => {
                    self.refused_alone(part, "longer than the server takes")
                        .await;
                    continue;
                }
                Answer::Unreadable(reason) => {
                    self.refused_alone(part, &reason).await;
                    continue;
                }
                Answer::Busy(asked) => {
                    self.counters.failed("the server is busy".to_owned());
                    asked.map_or_else(|| pauses.grow(), Pauses::asked)
                }
                Answer::Failed(reason) => {
                    self.counters.failed(reason);
                    pauses.grow()
                }
                Answer::Refused(reason) => {
                    self.counters.failed(format!(
                        "{reason}: check the address and the API key of the source"
                    ));
                    pauses.longest()
                }
            };
            parts.push(part);
            sleep(pause).await;
        }
    }

    async fn post(&self, settings: &Settings, part: &[Waiting]) -> Answer {
        let size = part.iter().map(|waiting| waiting.line.len() + 1).sum();
        let mut body = Vec::with_capacity(size);
        for waiting in part {
            body.extend_from_slice(&waiting.line);
            body.push(b'\n');
        }
        self.counters.posts.one();
        post::post(&settings.client, &settings.target, body).await
    }

    async fn taken(&self, part: &[Waiting], taken: &Taken) {
        self.counters.worked();
        self.counters.accepted.add(taken.accepted);
        self.counters.duplicates.add(taken.duplicates);
        self.counters.quarantined.add(taken.quarantined);
        for item in &taken.results {
            if let (Some(problem), Some(waiting)) = (&item.error, part.get(item.index)) {
                let reason = format!("{}: {}", problem.field, problem.message);
                self.park(&waiting.line, &reason).await;
            }
        }
        self.done_with(part).await;
    }

    async fn refused_alone(&self, part: &[Waiting], reason: &str) {
        self.counters.worked();
        for waiting in part {
            self.park(&waiting.line, reason).await;
        }
        self.done_with(part).await;
    }

    /// Puts a line aside with the server's reason.
    async fn park(&self, line: &[u8], reason: &str) {
        let event = String::from_utf8_lossy(line);
        let record = serde_json::json!({ "reason": reason, "event": event });
        let buffer = Arc::clone(&self.buffer);
        let record = record.to_string().into_bytes();
        let buried = tokio::task::spawn_blocking(move || buffer.bury(record)).await;
        match buried {
            Ok(Ok(true)) => self.counters.parked.one(),
            Ok(Ok(false)) => self.counters.parked_lost.one(),
            Ok(Err(error)) => {
                self.counters.parked_lost.one();
                tracing::error!(%error, "an event the server rejected could not be put aside");
            }
            Err(error) => tracing::error!(%error, "putting an event aside did not end"),
        }
    }

    /// The position moves only forwards, so a failure here costs a repeated post at most.
    async fn done_with(&self, part: &[Waiting]) {
        let Some(last) = part.last() else { return };
        let (buffer, behind, lines) = (Arc::clone(&self.buffer), last.behind, part.len() as u64);
        let moved = tokio::task::spawn_blocking(move || buffer.advance(behind, lines)).await;
        if let Ok(Err(error)) = moved {
            tracing::error!(%error, "the buffer's position could not be kept");
        }
    }
}
