//! The files of a buffer: their names, the lock, and what can be wrong with them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use uuid::Uuid;

use super::buffer::SMALLEST;
use super::seal::BufferKey;
use super::segment::{self, Place, Unreadable};
use super::state::Position;

/// Ending of segments and dead files.
pub(super) const ENDING: &str = "seg";
/// Beginning of dead files.
pub(super) const DEAD: &str = "dead-";

/// Why a buffer cannot be used.
#[derive(Debug, Error)]
pub enum BufferError {
    /// The directory cannot be read or written.
    #[error("buffer {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process uses the directory.
    #[error("buffer {}: another process is using it", .0.display())]
    InUse(PathBuf),
    /// Lines are waiting that were sealed with another API key.
    #[error(
        "buffer {}: holds lines sealed with another API key: name that key in API_KEY_PREVIOUS \
         so that they are delivered, or move the directory away",
        .0.display()
    )]
    OtherKey(PathBuf),
    /// The limit is too small.
    #[error("the buffer's size must be at least {SMALLEST} bytes")]
    TooSmall,
}

/// Lines that were put aside, with the server's reason, oldest file first.
pub fn read_dead(folder: &Path, keys: &[BufferKey]) -> Result<Vec<Vec<u8>>, BufferError> {
    let mut files: Vec<PathBuf> = dead_files(folder).map_err(|source| failed(folder, source))?;
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let found = segment::read(&file, keys, Place::FIRST, u64::MAX, usize::MAX, usize::MAX)
            .map_err(|error| unreadable(&file, error))?;
        lines.extend(found.lines.into_iter().map(|(line, _)| line));
    }
    Ok(lines)
}

pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}.{ENDING}"))
}

pub(super) fn lock(folder: &Path) -> Result<File, BufferError> {
    let file = folder.join("lock");
    let lock = File::create(&file).map_err(|source| failed(&file, source))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(BufferError::InUse(folder.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(failed(&file, source)),
    }
}

/// Numbers of the segments, ascending.
pub(super) fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let stem = name.to_str().and_then(|n| n.strip_suffix(".seg"));
        numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

pub(super) fn dead_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let dead = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(DEAD));
        files.extend(dead.then(|| entry.path()));
    }
    Ok(files)
}

pub(super) fn dead_bytes(folder: &Path) -> io::Result<u64> {
    let files = dead_files(folder)?;
    files.iter().map(|f| Ok(fs::metadata(f)?.len())).sum()
}

pub(super) fn saved_position(folder: &Path) -> Option<Position> {
    let text = fs::read_to_string(folder.join("position")).ok()?;
    let mut numbers = text.split_ascii_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    Some(Position {
        segment: next()?,
        place: Place {
            offset: next()?,
            index: next()?,
        },
    })
}

/// The name this buffer has had since it was made. A name that cannot be read is replaced: it only
/// tells collectors apart.
pub(super) fn instance(folder: &Path) -> Result<Uuid, BufferError> {
    let file = folder.join("instance");
    let kept = fs::read_to_string(&file).ok();
    if let Some(name) = kept.and_then(|text| text.trim().parse().ok()) {
        return Ok(name);
    }
    let name = Uuid::now_v7();
    fs::write(&file, format!("{name}\n")).map_err(|source| failed(&file, source))?;
    Ok(name)
}

pub(super) fn remove(file: &Path) -> Result<(), BufferError> {
    fs::remove_file(file).map_err(|source| failed(file, source))
}

pub(super) fn failed(path: &Path, source: io::Error) -> BufferError {
    BufferError::Io {
        path: path.to_owned(),
        source,
    }
}

pub(super) fn unreadable(file: &Path, error: Unreadable) -> BufferError {
    match error {
        Unreadable::Io(source) => failed(file, source),
        Unreadable::UnknownKey => BufferError::OtherKey(file.parent().unwrap_or(file).to_owned()),
        Unreadable::NoHeader => failed(file, io::ErrorKind::InvalidData.into()),
    }
}
