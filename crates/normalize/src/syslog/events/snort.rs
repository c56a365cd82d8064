//! Snort and Suricata: `[1:ID:REV] NAME [Classification: …] [Priority: N] {TCP} FROM -> TO`.

use super::scan::{self, between, word};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["snort", "suricata", "barnyard2"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    let at = text.starts_with('[').then_some(0).or(text.find(" ["))?;
    let (id, rest) = text
        .get(at..)?
        .trim_start()
        .strip_prefix('[')?
        .split_once("] ")?;
    let name = rest.split(" [").next();
    let (head, ends) = rest.rsplit_once("} ")?;
    let (from, to) = ends.split_once(" -> ")?;
    let found = Finding::of(action::DETECTION)
        .origin(from)
        .attr("signature", id)
        .attr("name", name)
        .attr("priority", between(rest, "[Priority: ", "]"))
        .attr("proto", head.rsplit('{').next());
    Some(match scan::endpoint(word(to).0) {
        Some((ip, port)) => found.attr("dst_ip", ip.to_string()).attr("dst_port", port),
        None => found,
    })
}
