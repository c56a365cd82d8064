//! What a buffer knows about its segments, and how it finds that out after a restart.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;

use super::directory::{BufferError, failed, numbers, path, remove, saved_position, unreadable};
use super::seal::BufferKey;
use super::segment::{self, Place, Unreadable};

/// A place in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) segment: u64,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    /// Bytes that are durable.
    pub(super) length: u64,
    /// Lines that wait in it.
    pub(super) lines: u64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) segments: VecDeque<Segment>,
    /// The last segment is still being written.
    pub(super) growing: bool,
    pub(super) next_number: u64,
    pub(super) position: Position,
    pub(super) damaged: u64,
}

impl State {
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|s| s.length).sum()
    }
}

impl State {
    pub(super) fn recover(folder: &Path, keys: &[BufferKey]) -> Result<Self, BufferError> {
        let mut state = Self {
            segments: VecDeque::new(),
            growing: false,
            next_number: 1,
            position: Position {
                segment: 0,
                place: Place::FIRST,
            },
            damaged: 0,
        };
        let saved = saved_position(folder);
        for number in numbers(folder).map_err(|source| failed(folder, source))? {
            state.next_number = number + 1;
            let place = match saved {
                Some(at) if at.segment == number => at.place,
                // Posted before the last stop and not yet removed.
                Some(at) if at.segment > number => {
                    remove(&path(folder, number))?;
                    continue;
                }
                _ => Place::FIRST,
            };
            state.recover_segment(folder, keys, number, place)?;
        }
        if let Some(at) = saved {
            state.next_number = state.next_number.max(at.segment + 1);
        }
        state.rewind();
        if let (Some(at), Some(first)) = (saved, state.segments.front())
            && at.segment == first.number
        {
            state.position = at;
        }
        Ok(state)
    }

    fn recover_segment(
        &mut self,
        folder: &Path,
        keys: &[BufferKey],
        number: u64,
        from: Place,
    ) -> Result<(), BufferError> {
        let file = path(folder, number);
        match segment::count(&file, keys, from) {
            Ok(0) | Err(Unreadable::NoHeader) => remove(&file),
            Ok(lines) => {
                let length = fs::metadata(&file).map_err(|source| failed(&file, source))?;
                self.segments.push_back(Segment {
                    number,
                    length: length.len(),
                    lines,
                });
                Ok(())
            }
            Err(error) => Err(unreadable(&file, error)),
        }
    }

    pub(super) fn rewind(&mut self) {
        self.position = Position {
            segment: self.segments.front().map_or(self.next_number, |s| s.number),
            place: Place::FIRST,
        };
    }
}
