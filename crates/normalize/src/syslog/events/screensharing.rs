//! macOS screen sharing: `Authentication: FAILED :: User Name: NAME :: Viewer Address: HOST :: …`.

use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["screensharingd"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let rest = report.message.strip_prefix("Authentication: ")?;
    let (verdict, rest) = rest.split_once(" :: User Name: ")?;
    // The address comes after the name, so the last marker is the daemon's own.
    let (user, rest) = rest.rsplit_once(" :: Viewer Address: ")?;
    let (host, kind) = rest.split_once(" :: Type: ").unwrap_or((rest, ""));
    let found = Finding::of(action::LOGIN)
        .outcome(Some(verdict))
        .actor(user)
        .origin(host);
    Some(found.attr("method", kind).service("screensharing"))
}
