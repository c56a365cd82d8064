//! Reading event files: NDJSON, plain, .gz or .zst, from a path or standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::failure::{Failure, Outcome};

/// Longest line that is held in memory; what is longer is cut there.
const MAX_LINE: u64 = 1024 * 1024;

/// An open event file.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    name: String,
    number: u64,
}

impl Lines {
    /// Opens a path; `-` is standard input. Compression is told by the first bytes.
    pub(super) fn open(path: &str) -> Outcome<Self> {
        let raw: Box<dyn Read + Send> = if path == "-" {
            Box::new(io::stdin())
        } else {
            let file = File::open(Path::new(path));
            Box::new(file.map_err(|e| Failure::Failed(format!("{path}: {e}")))?)
        };
        let mut reader = BufReader::with_capacity(256 * 1024, raw);
        let head = reader
            .fill_buf()
            .map_err(|e| Failure::Failed(format!("{path}: {e}")))?;
        let reader: Box<dyn BufRead + Send> = if head.starts_with(&[0x1f, 0x8b]) {
            Box::new(BufReader::with_capacity(
                256 * 1024,
                flate2::bufread::MultiGzDecoder::new(reader),
            ))
        } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            let decoder = zstd::stream::read::Decoder::with_buffer(reader)?;
            Box::new(BufReader::with_capacity(256 * 1024, decoder))
        } else {
            Box::new(reader)
        };
        Ok(Self {
            reader,
            name: path.to_owned(),
            number: 0,
        })
    }

    /// The next line trimmed, with its number; empty lines are skipped. `None` at the end.
    pub(super) fn next_line(&mut self) -> Outcome<Option<(u64, Vec<u8>)>> {
        while let Some(line) = self.next_raw()? {
            let trimmed = line.trim_ascii();
            if !trimmed.is_empty() {
                return Ok(Some((self.number, trimmed.to_vec())));
            }
        }
        Ok(None)
    }

    /// The next line as it is, without its end (LF or CR LF). `None` at the end.
    pub(super) fn next_raw(&mut self) -> Outcome<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let broken = |e: io::Error| Failure::Failed(format!("{}: {e}", self.name));
        let read = (&mut self.reader)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(broken)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if line.ends_with(b"\n") {
            line.pop();
            if line.ends_with(b"\r") {
                line.pop();
            }
        } else if read as u64 == MAX_LINE {
            self.reader.skip_until(b'\n').map_err(broken)?;
        }
        Ok(Some(line))
    }
}
