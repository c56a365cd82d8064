//! endlessh, the SSH tarpit: whoever comes here has no business here.

use super::scan::Pairs;
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["endlessh", "endlessh-go"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    let word = match text.split(' ').next()? {
        "ACCEPT" => action::CONNECTION,
        "CLOSE" => action::DISCONNECT,
        _ => return None,
    };
    let pairs = Pairs::of(text);
    let found = Finding::of(word).failed().origin(pairs.get("host")?);
    let found = found.number("src_port", pairs.get("port").unwrap_or_default());
    Some(
        found
            .bytes(pairs.get("bytes").and_then(|b| b.parse().ok()))
            .service("endlessh"),
    )
}
