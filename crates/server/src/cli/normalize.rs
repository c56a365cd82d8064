//! `normalize`: shows what each line of a file would become, without a database.

use std::io::{self, BufWriter, Write};

use ::normalize::formats::Format;
use ::normalize::preview;
use ::normalize::record::Context;
use clap::Args;
use clap::builder::PossibleValuesParser;
use domain::time::{Clock, Timestamp, Zone};

use super::lines::Lines;
use crate::clock::SystemClock;
use crate::failure::{Failure, Outcome};

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  insider-risk normalize --format syslog --zone Europe/Berlin /var/log/auth.log\n\nPrints exactly one line for each line read, in order: the event, or\n{\"error\":{\"field\":…,\"message\":…}} for a line that is none. What a line does not say is absent."
)]
pub(super) struct Arguments {
    /// How the lines are read
    #[arg(long, default_value = "auto", value_parser = PossibleValuesParser::new(Format::ALL.map(|(name, _)| name)))]
    format: String,
    /// When the lines were received: finds the year of times that name none [default: now]
    #[arg(long, value_name = "TIME")]
    received_at: Option<String>,
    /// Zone of times that name none
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// File of lines, plain, .gz or .zst, or - for standard input
    #[arg(value_name = "FILE|-")]
    file: String,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let wrong = |name: &str, why: String| Failure::configuration(format!("{name}: {why}"));
    let format: Format = arguments
        .format
        .parse()
        .map_err(|e: ::normalize::formats::UnknownFormat| wrong("--format", e.to_string()))?;
    let zone = Zone::named(&arguments.zone).map_err(|e| wrong("--zone", e.to_string()))?;
    let received_at = match &arguments.received_at {
        None => SystemClock.now(),
        Some(text) => text
            .parse::<Timestamp>()
            .map_err(|e| wrong("--received-at", e.to_string()))?,
    };
    let context = Context {
        received_at,
        zone: &zone,
    };
    let mut lines = Lines::open(&arguments.file)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = print(&mut lines, format, &context, &mut out)?;
    match written.and_then(|()| out.flush()) {
        // Whoever reads only the first lines is satisfied.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn print(
    lines: &mut Lines,
    format: Format,
    context: &Context<'_>,
    out: &mut impl Write,
) -> Outcome<io::Result<()>> {
    while let Some(line) = lines.next_raw()? {
        if let Err(error) = writeln!(out, "{}", preview::line(format, &line, context)) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}
