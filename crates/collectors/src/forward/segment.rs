//! One file of the buffer.
//!
//! ```text
//! file   = header record*
//! header = "IRMBUF1\n" key-id[8] salt[32]
//! record = length[4, little endian] nonce[12] ciphertext-and-tag[length - 12]
//! ```
//!
//! A file is written by one process and never appended to after a restart. A torn record can only
//! be the last one, and only one that was never acknowledged.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::seal::{BufferKey, KEY_ID, NONCE, NotOurs, SALT, Seal};

const MAGIC: &[u8; 8] = b"IRMBUF1\n";
/// Bytes before the first record.
pub(super) const HEADER: u64 = (MAGIC.len() + KEY_ID + SALT) as u64;
const LENGTH: usize = 4;
const TAG: usize = 16;
/// Bytes a record needs beyond its line.
pub(super) const RECORD_OVERHEAD: usize = LENGTH + NONCE + TAG;
/// No honest record is longer: an event is at most a few times a message.
const LONGEST: usize = 16 * 1024 * 1024;

/// The file that is being written.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    seal: Seal,
    /// Bytes that are durable.
    length: u64,
    /// Records that are durable.
    records: u64,
}

impl Writer {
    pub(super) fn create(path: &Path, key: &BufferKey) -> io::Result<Self> {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(io::Error::other)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(&[MAGIC.as_slice(), &key.id(), &salt].concat())?;
        Ok(Self {
            file,
            seal: key.segment(&salt),
            length: HEADER,
            records: 0,
        })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Appends the lines and returns when they are on disk. After a failure the writer must not be
    /// used again: the file may end with a torn record.
    pub(super) fn append(&mut self, lines: &[Vec<u8>]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for (index, line) in (self.records..).zip(lines) {
            let (nonce, text) = self.seal.seal(index, line).map_err(io::Error::other)?;
            bytes.extend(((NONCE + text.len()) as u32).to_le_bytes());
            bytes.extend(nonce);
            bytes.extend(text);
        }
        self.file.write_all(&bytes)?;
        self.file.sync_data()?;
        self.length += bytes.len() as u64;
        self.records += lines.len() as u64;
        Ok(())
    }
}

/// Where a record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Bytes before it.
    pub(super) offset: u64,
    /// Records before it.
    pub(super) index: u64,
}

impl Place {
    pub(super) const FIRST: Self = Self {
        offset: HEADER,
        index: 0,
    };
}

/// What reading led to.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Lines, each with the place behind it.
    pub(super) lines: Vec<(Vec<u8>, Place)>,
    /// Nothing more can be read from the file up to the limit that was given.
    pub(super) exhausted: bool,
    /// The rest of the file is damaged.
    pub(super) damaged: bool,
}

/// Why a file cannot be read at all.
#[derive(Debug)]
pub(super) enum Unreadable {
    Io(io::Error),
    /// Sealed with a key that was not given.
    UnknownKey,
    /// No header: the process ended while it was being created. Holds nothing acknowledged.
    NoHeader,
}

/// Opens the file with the key that sealed it.
fn open(path: &Path, keys: &[BufferKey]) -> Result<(File, Seal), Unreadable> {
    let mut file = File::open(path).map_err(Unreadable::Io)?;
    let (mut magic, mut id, mut salt) = ([0; MAGIC.len()], [0; KEY_ID], [0; SALT]);
    for part in [magic.as_mut_slice(), &mut id, &mut salt] {
        file.read_exact(part).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Unreadable::NoHeader,
            _ => Unreadable::Io(error),
        })?;
    }
    if magic != *MAGIC {
        return Err(Unreadable::NoHeader);
    }
    let key = keys.iter().find(|key| key.id() == id);
    let key = key.ok_or(Unreadable::UnknownKey)?;
    Ok((file, key.segment(&salt)))
}

/// Reads lines from `from` until `until` (bytes of the file that are durable), `most_lines` or
/// about `most_bytes`.
pub(super) fn read(
    path: &Path,
    keys: &[BufferKey],
    from: Place,
    until: u64,
    most_lines: usize,
    most_bytes: usize,
) -> Result<Found, Unreadable> {
    let (mut file, seal) = open(path, keys)?;
    file.seek(SeekFrom::Start(from.offset))
        .map_err(Unreadable::Io)?;
    let mut reader = io::BufReader::new(file.take(until.saturating_sub(from.offset)));
    let (mut found, mut place, mut bytes) = (Found::default(), from, 0);
    while found.lines.len() < most_lines && bytes < most_bytes {
        match next(&mut reader, &seal, &mut place).map_err(Unreadable::Io)? {
            Next::Line(line) => {
                bytes += line.len();
                found.lines.push((line, place));
            }
            Next::End => {
                found.exhausted = true;
                break;
            }
            Next::Damaged => {
                (found.exhausted, found.damaged) = (true, true);
                break;
            }
        }
    }
    Ok(found)
}

enum Next {
    Line(Vec<u8>),
    /// The end, or a torn record.
    End,
    Damaged,
}

fn next(reader: &mut impl Read, seal: &Seal, place: &mut Place) -> io::Result<Next> {
    let Some(record) = record(reader)? else {
        return Ok(Next::End);
    };
    let Ok(record) = record else {
        return Ok(Next::Damaged);
    };
    let (nonce, text) = record.split_at(NONCE.min(record.len()));
    let Ok(line) = seal.open(place.index, nonce, text) else {
        return Ok(Next::Damaged);
    };
    place.offset += (LENGTH + record.len()) as u64;
    place.index += 1;
    Ok(Next::Line(line))
}

/// The bytes of the next record after its length; none at the end or when it is torn.
fn record(reader: &mut impl Read) -> io::Result<Option<Result<Vec<u8>, NotOurs>>> {
    let mut length = [0; LENGTH];
    if !filled(reader, &mut length)? {
        return Ok(None);
    }
    let length = u32::from_le_bytes(length) as usize;
    if !(NONCE + TAG..=LONGEST).contains(&length) {
        return Ok(Some(Err(NotOurs)));
    }
    let mut record = vec![0; length];
    Ok(filled(reader, &mut record)?.then_some(Ok(record)))
}

fn filled(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whole records after `from`, without opening them. Fails when the file has no readable header.
pub(super) fn count(path: &Path, keys: &[BufferKey], from: Place) -> Result<u64, Unreadable> {
    let (mut file, _) = open(path, keys)?;
    file.seek(SeekFrom::Start(from.offset))
        .map_err(Unreadable::Io)?;
    let mut reader = io::BufReader::new(file);
    let mut records = 0;
    while let Some(Ok(_)) = record(&mut reader).map_err(Unreadable::Io)? {
        records += 1;
    }
    Ok(records)
}
