//! A byte stream cut into messages, without sockets and without a clock.
//!
//! RFC 6587 names two ways, senders know more: a count before each message, a line feed after it,
//! a NUL after it, or nothing at all until the connection falls silent or ends. With
//! [`Framing::Auto`] the way is decided anew for each message, so that a stream may mix them. The
//! same bytes give the same messages however they were split into reads.

use bytes::{Buf, Bytes};

/// Digits of an octet count that are believed. RFC 5425 and RFC 6587 set no limit; ten digits
/// reach beyond 4 GiB, and more are an attempt to overflow a counter.
const MAX_DIGITS: usize = 10;
/// The largest count that is believed, in bytes. What exceeds the message limit is read over; a
/// count beyond this would silence the connection and is read as text instead.
const MAX_COUNT: u64 = 16 * 1024 * 1024;

/// Bytes that are held while it is open whether they are a count: the digits of any 64-bit number
/// and the space.
const LONGEST_PREFIX: usize = 21;

/// How messages are told apart in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// Decided for each message: a count when it looks like one (digits, a space, `<`), else up to
    /// the first LF or NUL. After one counted message the `<` is no longer asked for.
    #[default]
    Auto,
    /// `MSG-LEN SP MSG` (RFC 6587 section 3.4.1, RFC 5425). What does not begin with a count is
    /// read up to LF or NUL.
    OctetCounting,
    /// Each message ends with LF; NUL belongs to the message.
    Lf,
    /// Each message ends with NUL; LF belongs to the message.
    Nul,
    /// A message ends when the sender is silent for a while or closes.
    Quiet,
}

/// What ended a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its announced length was reached.
    Counted,
    /// A line feed or a NUL.
    Delimiter,
    /// The sender fell silent ([`Framer::quiet`]).
    Quiet,
    /// The connection ended ([`Framer::close`]).
    Closed,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The message without count, delimiter and trailing CR, LF, NUL. Never empty.
    pub bytes: Bytes,
    /// True when bytes are missing at its end.
    pub cut: bool,
    /// What ended it.
    pub end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a message; `held` may hold the beginning of a count.
    Start,
    /// Inside a message that ends with a delimiter.
    Text,
    /// Inside a counted message, so many bytes before its end.
    Counted(u64),
}

/// Cuts one stream. One per connection.
#[derive(Debug)]
pub struct Framer {
    framing: Framing,
    limit: usize,
    state: State,
    held: Vec<u8>,
    /// The message under way is longer than the limit.
    over: bool,
    counted_before: bool,
    delimited_before: bool,
    refused_counts: u64,
}

impl Framer {
    /// `limit`: bytes of a message that are kept; what goes beyond is read over.
    pub fn new(framing: Framing, limit: usize) -> Self {
        Self {
            framing,
            limit: limit.max(1),
            state: State::Start,
            held: Vec::new(),
            over: false,
            counted_before: false,
            delimited_before: false,
            refused_counts: 0,
        }
    }

    /// Reads on; complete messages are added to `frames`. They share the memory of `input` where
    /// they lie in it as a whole.
    pub fn push(&mut self, mut input: Bytes, frames: &mut Vec<Frame>) {
        while !input.is_empty() {
            let used = match self.state {
                State::Start => self.begin(&input),
                State::Text => self.text(&input, frames),
                State::Counted(left) => self.counted(&input, left, frames),
            };
            input.advance(used);
        }
    }

    /// The sender has been silent: what is there is a message, unless its announced length is
    /// still missing.
    pub fn quiet(&mut self, frames: &mut Vec<Frame>) {
        if !matches!(self.state, State::Counted(_)) {
            self.finish(End::Quiet, frames);
        }
    }

    /// The connection ended: what is there is the last message.
    pub fn close(&mut self, frames: &mut Vec<Frame>) {
        if matches!(self.state, State::Counted(_)) {
            self.over = true;
        }
        self.finish(End::Closed, frames);
    }

    /// True while silence could end a message.
    pub fn awaits_quiet(&self) -> bool {
        !self.held.is_empty() && !matches!(self.state, State::Counted(_))
    }

    /// True when the sender has ended a message by count or delimiter: then silence within a
    /// message more likely means a slow network.
    pub fn delimits(&self) -> bool {
        self.delimited_before
    }

    /// Counts that were not believed, so far.
    pub fn refused_counts(&self) -> u64 {
        self.refused_counts
    }

    /// At the start of a message: passes over stray delimiters and decides whether it begins with
    /// a count. Digits are held until that is certain. Returns the bytes that are done with.
    fn begin(&mut self, input: &[u8]) -> usize {
        for (used, &byte) in input.iter().enumerate() {
            if self.held.is_empty() && self.is_delimiter(byte) {
                continue;
            }
            if self.held.last() == Some(&b' ') {
                self.decide(byte);
                return used;
            }
            if !self.continues_count(byte) {
                self.state = State::Text;
                return used;
            }
            self.held.push(byte);
        }
        input.len()
    }

    /// Could `byte` be the next one of `MSG-LEN SP`? The first digit is not zero.
    fn continues_count(&self, byte: u8) -> bool {
        let counts = matches!(self.framing, Framing::Auto | Framing::OctetCounting);
        let in_place = match byte {
            b'1'..=b'9' => true,
            b'0' | b' ' => !self.held.is_empty(),
            _ => false,
        };
        counts && in_place && self.held.len() < LONGEST_PREFIX
    }

    /// `held` is digits and a space; `next` is the byte after them.
    fn decide(&mut self, next: u8) {
        self.state = State::Text;
        let expected = self.counted_before || self.framing == Framing::OctetCounting;
        if next != b'<' && !expected {
            return;
        }
        let digits = self.held.len() - 1;
        let length = self.held.iter().take(digits).fold(0_u64, |sum, digit| {
            sum.saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'))
        });
        if digits > MAX_DIGITS || length > MAX_COUNT {
            self.refused_counts += 1;
            return;
        }
        self.held.clear();
        self.state = State::Counted(length);
    }

    fn text(&mut self, input: &Bytes, frames: &mut Vec<Frame>) -> usize {
        let Some(at) = self.find_delimiter(input) else {
            self.keep(input);
            return input.len();
        };
        self.finish_with(&input.slice(..at), End::Delimiter, frames);
        at + 1
    }

    fn counted(&mut self, input: &Bytes, left: u64, frames: &mut Vec<Frame>) -> usize {
        let available = input.len() as u64;
        if left > available {
            self.keep(input);
            self.state = State::Counted(left - available);
            return input.len();
        }
        let last = left as usize;
        self.counted_before = true;
        self.finish_with(&input.slice(..last), End::Counted, frames);
        last
    }

    /// Ends the message under way with its last bytes.
    fn finish_with(&mut self, last: &Bytes, end: End, frames: &mut Vec<Frame>) {
        if !self.held.is_empty() || self.over || last.len() > self.limit {
            self.keep(last);
            self.finish(end, frames);
            return;
        }
        self.state = State::Start;
        self.delimited_before = true;
        let length = trimmed(last).len();
        if length > 0 {
            let bytes = last.slice(..length);
            let cut = false;
            frames.push(Frame { bytes, cut, end });
        }
    }

    /// Adds to the message under way, up to the limit.
    fn keep(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.held.len());
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.over |= kept.len() < bytes.len();
        self.held.extend_from_slice(kept);
    }

    fn finish(&mut self, end: End, frames: &mut Vec<Frame>) {
        self.state = State::Start;
        self.delimited_before |= matches!(end, End::Counted | End::Delimiter);
        self.over |= self.held.len() > self.limit;
        self.held.truncate(self.limit);
        let bytes = trimmed(&self.held);
        if !bytes.is_empty() {
            frames.push(Frame {
                bytes: Bytes::copy_from_slice(bytes),
                cut: self.over,
                end,
            });
        }
        self.held.clear();
        self.over = false;
    }

    fn find_delimiter(&self, input: &[u8]) -> Option<usize> {
        match self.framing {
            Framing::Auto | Framing::OctetCounting => memchr::memchr2(b'\n', 0, input),
            Framing::Lf => memchr::memchr(b'\n', input),
            Framing::Nul => memchr::memchr(0, input),
            Framing::Quiet => None,
        }
    }

    fn is_delimiter(&self, byte: u8) -> bool {
        self.find_delimiter(&[byte]).is_some()
    }
}

/// A message without the CR, LF and NUL at its end: some senders count their delimiter, some send
/// one in a datagram.
pub fn trimmed(message: &[u8]) -> &[u8] {
    let end = message
        .iter()
        .rposition(|byte| !matches!(byte, b'\r' | b'\n' | 0))
        .map_or(0, |last| last + 1);
    message.get(..end).unwrap_or_default()
}
