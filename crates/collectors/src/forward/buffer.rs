//! The bounded buffer on disk: lines in order, sealed, durable before they are acknowledged.
//!
//! ```text
//! DIR/lock                       held by the process that uses the directory
//! DIR/00000000000000000001.seg   segments, oldest first; only the last one grows
//! DIR/position                   where the next line to post begins
//! DIR/instance                   the collector's name in its heartbeats
//! DIR/dead-….seg                 lines the server refused, with its reason
//! ```
//!
//! The position is written after a post was answered and is not forced to disk: after a power cut
//! lines are posted again, and the server knows them by their id.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

use super::directory::{
    self, BufferError, DEAD, ENDING, dead_bytes, failed, lock, path, unreadable,
};
use super::seal::BufferKey;
use super::segment::{self, HEADER, RECORD_OVERHEAD, Writer};
use super::state::{Position, Segment, State};

/// The smallest buffer that makes sense, in bytes.
pub const SMALLEST: u64 = 1024 * 1024;

/// A line with its place in the buffer.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) line: Vec<u8>,
    /// Where the line after it begins.
    pub(super) behind: Position,
}

/// How full a buffer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fill {
    /// Lines that wait.
    pub lines: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes that may be on disk.
    pub limit: u64,
    /// Lines that could not be read because their file is damaged, since the start.
    pub damaged: u64,
}

/// The buffer. Many may append, one reads.
#[derive(Debug)]
pub(super) struct Buffer {
    folder: PathBuf,
    instance: Uuid,
    limit: u64,
    segment_size: u64,
    keys: Vec<BufferKey>,
    state: Mutex<State>,
    writer: tokio::sync::Mutex<Option<Writer>>,
    dead: Mutex<Option<Writer>>,
    room: Notify,
    filled: Notify,
    _lock: File,
}

impl Buffer {
    /// Opens or creates a buffer. `keys`: the one to seal with, then older ones to open with.
    pub(super) fn open(
        folder: &Path,
        limit: u64,
        keys: Vec<BufferKey>,
    ) -> Result<Self, BufferError> {
        if limit < SMALLEST {
            return Err(BufferError::TooSmall);
        }
        fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        let lock = lock(folder)?;
        let instance = directory::instance(folder)?;
        let state = State::recover(folder, &keys)?;
        Ok(Self {
            folder: folder.to_owned(),
            instance,
            limit,
            segment_size: (limit / 8).min(8 * 1024 * 1024),
            keys,
            state: Mutex::new(state),
            writer: tokio::sync::Mutex::default(),
            dead: Mutex::default(),
            room: Notify::new(),
            filled: Notify::new(),
            _lock: lock,
        })
    }

    /// The name that outlives the process.
    pub(super) fn instance(&self) -> Uuid {
        self.instance
    }

    pub(super) fn fill(&self) -> Fill {
        let state = self.state();
        Fill {
            lines: state.segments.iter().map(|s| s.lines).sum(),
            bytes: state.bytes(),
            limit: self.limit,
            damaged: state.damaged,
        }
    }

    /// Returns when all lines are on disk. Waits while the buffer is full.
    pub(super) async fn append(self: &Arc<Self>, lines: Vec<Vec<u8>>) -> io::Result<()> {
        let mut lines = lines.into_iter().peekable();
        while lines.peek().is_some() {
            let (mut piece, mut bytes) = (Vec::new(), HEADER);
            while let Some(line) =
                lines.next_if(|line| piece.is_empty() || bytes + needs(line) <= self.segment_size)
            {
                bytes += needs(&line);
                piece.push(line);
            }
            self.append_piece(piece, bytes).await?;
        }
        Ok(())
    }

    async fn append_piece(self: &Arc<Self>, lines: Vec<Vec<u8>>, bytes: u64) -> io::Result<()> {
        // Held while waiting for room: lines keep their order, and whoever is behind must wait too.
        let mut writer = self.writer.lock().await;
        loop {
            let freed = self.room.notified();
            if self.state().bytes() + bytes <= self.limit {
                break;
            }
            freed.await;
        }
        let buffer = Arc::clone(self);
        let mut current = writer.take();
        let count = lines.len() as u64;
        let written = tokio::task::spawn_blocking(move || {
            let outcome = buffer.write(&mut current, &lines);
            (current, outcome)
        });
        let (current, outcome) = written.await.map_err(io::Error::other)?;
        let length = current.as_ref().map(Writer::length);
        *writer = current;
        outcome?;
        self.appended(length, count);
        Ok(())
    }

    fn write(&self, current: &mut Option<Writer>, lines: &[Vec<u8>]) -> io::Result<()> {
        let full = |writer: &Writer| writer.length() >= self.segment_size;
        if current.as_ref().is_some_and(full) || !self.state().growing {
            *current = None;
        }
        let writer = match current {
            Some(writer) => writer,
            None => current.insert(self.next_segment()?),
        };
        let outcome = writer.append(lines);
        if outcome.is_err() {
            // What a failed write left behind is never read; the next lines get a new file.
            *current = None;
        }
        outcome
    }

    fn next_segment(&self) -> io::Result<Writer> {
        let mut state = self.state();
        let number = state.next_number;
        state.next_number += 1;
        let key = self.keys.first().ok_or(io::ErrorKind::InvalidInput)?;
        let writer = Writer::create(&path(&self.folder, number), key)?;
        // The name must survive a power cut as well as the content.
        File::open(&self.folder)?.sync_all()?;
        state.segments.push_back(Segment {
            number,
            length: HEADER,
            lines: 0,
        });
        state.growing = true;
        Ok(writer)
    }

    fn appended(&self, length: Option<u64>, count: u64) {
        let mut state = self.state();
        if let (Some(last), Some(length)) = (state.segments.back_mut(), length) {
            last.length = length;
            last.lines += count;
        }
        drop(state);
        self.filled.notify_one();
    }

    /// The next lines, in order; waits until there are some. They stay until [`Buffer::advance`].
    pub(super) async fn peek(
        self: &Arc<Self>,
        most_lines: usize,
        most_bytes: usize,
    ) -> Result<Vec<Waiting>, BufferError> {
        loop {
            let filled = self.filled.notified();
            let buffer = Arc::clone(self);
            let reading = tokio::task::spawn_blocking(move || buffer.read(most_lines, most_bytes));
            let lines = reading
                .await
                .map_err(|e| failed(&self.folder, io::Error::other(e)))??;
            if !lines.is_empty() {
                return Ok(lines);
            }
            filled.await;
        }
    }

    fn read(&self, most_lines: usize, most_bytes: usize) -> Result<Vec<Waiting>, BufferError> {
        loop {
            let (position, length, grows) = {
                let state = self.state();
                let Some(first) = state.segments.front() else {
                    return Ok(Vec::new());
                };
                let grows = state.growing && state.segments.len() == 1;
                (state.position, first.length, grows)
            };
            let file = path(&self.folder, position.segment);
            let found = segment::read(
                &file,
                &self.keys,
                position.place,
                length,
                most_lines,
                most_bytes,
            )
            .map_err(|error| unreadable(&file, error))?;
            if !found.lines.is_empty() {
                let segment = position.segment;
                let waiting = found.lines.into_iter().map(|(line, place)| Waiting {
                    line,
                    behind: Position { segment, place },
                });
                return Ok(waiting.collect());
            }
            if grows && !found.damaged {
                return Ok(Vec::new());
            }
            if found.damaged {
                tracing::error!(segment = %file.display(), "the rest of a buffered segment is damaged and is left out");
            }
            self.leave_segment()?;
        }
    }

    /// The first segment is read to its end: the next one is the first.
    fn leave_segment(&self) -> Result<(), BufferError> {
        let mut state = self.state();
        if let Some(left) = state.segments.pop_front() {
            state.damaged += left.lines;
            let file = path(&self.folder, left.number);
            fs::remove_file(&file).map_err(|source| failed(&file, source))?;
        }
        state.growing &= !state.segments.is_empty();
        state.rewind();
        drop(state);
        self.room.notify_waiters();
        Ok(())
    }

    /// Everything before `behind` is done with; `lines` of the first segment lie before it.
    pub(super) fn advance(&self, behind: Position, lines: u64) -> Result<(), BufferError> {
        let mut state = self.state();
        state.position = behind;
        if let Some(first) = state.segments.front_mut() {
            first.lines = first.lines.saturating_sub(lines);
        }
        let text = format!(
            "{} {} {}\n",
            behind.segment, behind.place.offset, behind.place.index
        );
        let (new, file) = (
            self.folder.join("position.new"),
            self.folder.join("position"),
        );
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, &file))
            .map_err(|source| failed(&file, source))?;
        let finished = state
            .segments
            .front()
            .is_some_and(|first| behind.place.offset >= first.length);
        let grows = state.growing && state.segments.len() == 1;
        drop(state);
        if finished && !grows {
            self.leave_segment()?;
        }
        Ok(())
    }

    /// Puts a line aside that the server will never take. False when there is no room for it.
    pub(super) fn bury(&self, line: Vec<u8>) -> io::Result<bool> {
        let mut dead = self.dead.lock().unwrap_or_else(PoisonError::into_inner);
        if dead_bytes(&self.folder)? + needs(&line) > self.limit / 8 {
            return Ok(false);
        }
        if dead.is_none() {
            let key = self.keys.first().ok_or(io::ErrorKind::InvalidInput)?;
            let name = format!("{DEAD}{}.{ENDING}", uuid::Uuid::now_v7());
            *dead = Some(Writer::create(&self.folder.join(name), key)?);
        }
        if let Some(Err(error)) = dead.as_mut().map(|writer| writer.append(&[line])) {
            *dead = None;
            return Err(error);
        }
        Ok(true)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn needs(line: &[u8]) -> u64 {
    (line.len() + RECORD_OVERHEAD) as u64
}
