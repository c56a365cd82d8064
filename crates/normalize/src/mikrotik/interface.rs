//! Links of interfaces: `ether2 link up (speed 1G, full duplex)`, `ether1 link down`.

use domain::event::Outcome;

use super::message::{action, note};
use crate::record::Record;

const STATES: &[(&str, &str)] = &[
    (" link up", "link_up"),
    (" link down", "link_down"),
    (" went up", "link_up"),
    (" went down", "link_down"),
];

pub(super) fn read(message: &str) -> Option<Record> {
    let (object, rest, name) = STATES.iter().find_map(|(mark, name)| {
        let (object, rest) = message.split_once(mark)?;
        (rest.is_empty() || rest.starts_with(" (")).then_some((object, rest, *name))
    })?;
    let object = object.trim_end_matches(':');
    if object.is_empty() {
        return None;
    }
    let mut record = action(name, Outcome::Unknown);
    record.resource = Some("interface".to_owned());
    record.resource_id = Some(object.to_owned());
    note(&mut record, "object", object);
    let detail = rest
        .trim()
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'));
    if let Some(detail) = detail {
        note(&mut record, "detail", detail);
    }
    Some(record)
}
