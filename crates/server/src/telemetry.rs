//! Logs: levels from `RUST_LOG`, untrusted values only as fields, one line per event whatever
//! they hold.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::LogFormat;

/// Starts logging to standard error. `default` applies when `RUST_LOG` says nothing.
pub(crate) fn start(format: LogFormat, default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Escaped(io::stderr()))
        .with_span_events(FmtSpan::NONE)
        .with_ansi(false);
    // A second start in one process (tests) keeps the first.
    let _ = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Pretty => builder.with_target(!io::stderr().is_terminal()).try_init(),
    };
}

/// Writes events with their control characters escaped, so that nothing that was sent begins a
/// line of its own or steers a terminal. Each write is one event that ends with a line feed.
struct Escaped<W>(W);

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let (line, end) = match text.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (text.as_ref(), ""),
        };
        if line.chars().any(char::is_control) {
            let mut escaped = String::with_capacity(line.len() + 16);
            for c in line.chars() {
                if c.is_control() {
                    escaped.extend(c.escape_unicode());
                } else {
                    escaped.push(c);
                }
            }
            self.0.write_all((escaped + end).as_bytes())?;
        } else {
            self.0.write_all(text.as_bytes())?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// What a subscriber wrote.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_whatever_its_values_hold() {
        let hostile = "a\r\nERROR forged\n\u{1b}[2J\u{9b}31m\u{7}ä";
        for json in [false, true] {
            let written = Written::default();
            let writer = written.clone();
            let builder = tracing_subscriber::fmt()
                .with_ansi(false)
                .with_writer(move || Escaped(writer.clone()));
            let log = || {
                let error = io::Error::other(hostile);
                tracing::error!(%error, text = hostile, shown = %hostile, "failed: {hostile}");
            };
            if json {
                tracing::subscriber::with_default(builder.json().finish(), log);
            } else {
                tracing::subscriber::with_default(builder.finish(), log);
            }
            let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            let line = text.strip_suffix('\n').unwrap();
            assert!(!line.chars().any(char::is_control), "{text}");
            assert!(line.contains('ä') && line.contains("forged"), "{text}");
        }
    }
}
