//! cron, anacron and crontab: `(USER) VERB (REST)`.

use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &[
        "cron", "crond", "crontab", "anacron", "atd", "fcron", "busybox",
    ],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let (user, rest) = report.message.strip_prefix('(')?.split_once(") ")?;
    let (verb, rest) = rest.split_once(" (").unwrap_or((rest, ""));
    let rest = rest.trim_end();
    let detail = rest.strip_suffix(')').unwrap_or(rest);
    let found = match verb.trim_end() {
        "CMD" => Finding::of(action::CRON_JOB)
            .succeeded()
            .resource("command")
            .object(detail)
            .attr("command", detail),
        "REPLACE" | "DELETE" | "END EDIT" | "BEGIN EDIT" => Finding::of(action::CONFIG_CHANGE)
            .succeeded()
            .resource("crontab")
            .object(detail)
            .attr("verb", verb.to_ascii_lowercase()),
        "AUTH" | "WRONG" => Finding::of(action::LOGIN).failed(),
        _ => return None,
    };
    Some(found.actor(user))
}
