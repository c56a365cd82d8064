//! The Linux audit system: `type=USER_LOGIN msg=audit(1373330716.415:4063): …`.

use domain::time::Timestamp;

use super::scan::{self, Pairs, between};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["auditd", "audisp", "audispd", "audit", "audisp-syslog"],
    read,
};

/// Reads an audit record; found by its look.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    let own = text.starts_with("type=") || text.starts_with("node=") || text.starts_with("audit: ");
    (own && text.contains("audit("))
        .then(|| message(text))
        .flatten()
}

/// Reads the text of an audit record.
pub(super) fn message(text: &str) -> Option<Finding> {
    let stamp = between(text, "audit(", ")")?;
    let kind = between(text, "type=", " ")?.trim();
    let (outer, inner) = text.split_once("msg='").unwrap_or((text, text));
    let inner = inner.rsplit_once('\'').map_or(inner, |(inner, _)| inner);
    let outer = Pairs::of(outer);
    let pairs = Pairs::of(inner);
    let result = pairs.first(&["res", "success"]).or(outer.get("success"));
    let found = Finding::of(&meaning(kind))
        .outcome(result)
        .attr("type", kind);
    let account = account(inner);
    let address = pairs.get("addr").or(pairs.get("hostname"));
    let executable = pairs.get("exe").or(outer.get("exe"));
    Some(
        found
            .actor(account.as_deref())
            .origin(address.filter(|a| *a != "?"))
            .attr("op", pairs.get("op"))
            .attr("exe", executable)
            .attr("terminal", pairs.get("terminal"))
            .attr("auid", outer.get("auid"))
            .attr("uid", outer.get("uid"))
            .attr("comm", outer.get("comm"))
            .attr("command", pairs.get("cmd"))
            .at(time(stamp)),
    )
}

fn meaning(kind: &str) -> String {
    let word = match kind {
        "USER_LOGIN" | "USER_AUTH" => action::LOGIN,
        "USER_ERR" | "CRED_ACQ" | "USER_ACCT" | "CRYPTO_SESSION" => action::LOGIN_ATTEMPT,
        "USER_START" => action::SESSION_OPEN,
        "USER_END" => action::SESSION_CLOSE,
        "USER_LOGOUT" => action::LOGOUT,
        "USER_CMD" => action::SUDO,
        "ADD_USER" => action::ACCOUNT_CREATE,
        "DEL_USER" => action::ACCOUNT_DELETE,
        "ADD_GROUP" | "DEL_GROUP" => action::GROUP_CHANGE,
        "USER_CHAUTHTOK" => action::PASSWORD_CHANGE,
        "SERVICE_START" => action::SERVICE_START,
        "SERVICE_STOP" => action::SERVICE_STOP,
        "AVC" | "1400" => action::ACCESS_CONTROL,
        "EXECVE" | "SYSCALL" | "1300" => action::COMMAND,
        other => return format!("audit.{}", other.to_ascii_lowercase()),
    };
    word.to_owned()
}

/// The account: in quotes, or as hexadecimal digits where its name is not plain.
fn account(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("acct=")?;
    if let Some(quoted) = rest.strip_prefix('"') {
        let ends = ["\" exe=", "\" hostname="];
        let name = ends.iter().find_map(|end| scan::split_single(quoted, end));
        return name.map(|(name, _)| name.to_owned());
    }
    let digits = rest.split(' ').next()?;
    let bytes: Option<Vec<u8>> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect();
    Some(String::from_utf8_lossy(&bytes?).into_owned())
}

/// `1373330716.415:4063`.
fn time(stamp: &str) -> Option<Timestamp> {
    let (seconds, millis) = stamp.split(':').next()?.split_once('.')?;
    let seconds: i64 = seconds.parse().ok()?;
    let millis: i64 = millis.parse().ok()?;
    let micros = seconds
        .checked_mul(1_000_000)?
        .checked_add(millis.checked_mul(1000)?)?;
    (0..253_402_300_800_000_000)
        .contains(&micros)
        .then_some(Timestamp::from_micros(micros))
}
