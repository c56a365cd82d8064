//! What a message means: a registry of small readers, one file each.
//!
//! A reader is found by the program that wrote the line, or finds its format by its look. It
//! answers `None` for what it does not know; a line nobody knows is a plain message.

mod accounts;
mod asterisk;
mod audit;
mod cef;
mod cisco;
mod cron;
mod dovecot;
mod dropbear;
mod endlessh;
mod f5;
mod finding;
mod ftp;
mod grafana;
mod home_assistant;
mod idrac;
mod ipsec;
mod json;
mod kernel;
mod keycloak;
mod keyvalue;
mod ldap;
mod logind;
mod mail;
mod names;
mod openvpn;
mod paloalto;
mod pam;
mod pfsense;
mod plain;
mod proftpd;
mod proxmox;
mod rsh;
mod samba;
mod scan;
mod screensharing;
mod sshd;
mod su;
mod sudo;
mod switches;
mod vaultwarden;
mod web;
mod webmin;
mod wireguard;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use crate::action;
use crate::record::{Context, Header, Record};
use finding::Finding;

/// A message as readers see it.
pub(super) struct Report<'a> {
    /// The program in lower case, without its path and what stands in parentheses.
    pub program: Cow<'a, str>,
    /// The message without what precedes its meaning.
    pub message: &'a str,
    /// How often it was said, where a relay says it once for several.
    pub count: Option<u32>,
    /// The header.
    pub header: &'a Header,
    /// The receiver's side.
    pub context: &'a Context<'a>,
}

type Read = fn(&Report<'_>) -> Option<Finding>;

/// A reader and the programs it is for.
struct Reader {
    programs: &'static [&'static str],
    read: Read,
}

/// The readers that are found by program.
const READERS: [Reader; 27] = [
    sshd::READER,
    dropbear::READER,
    sudo::READER,
    su::READER,
    logind::READER,
    cron::READER,
    accounts::READER,
    openvpn::READER,
    ipsec::READER,
    kernel::READER,
    web::READER,
    dovecot::READER,
    mail::READER,
    ftp::READER,
    proftpd::READER,
    samba::READER,
    proxmox::READER,
    webmin::READER,
    asterisk::READER,
    pfsense::READER,
    pfsense::GUI,
    ldap::READER,
    endlessh::READER,
    rsh::READER,
    screensharing::READER,
    names::READER,
    audit::READER,
];

/// The readers that know their format by how a message begins, in the order in which they are
/// asked.
const BY_LOOK: [Read; 21] = [
    cisco::read,
    json::read,
    cef::read,
    audit::read,
    paloalto::read,
    vaultwarden::read,
    keycloak::read,
    grafana::read,
    home_assistant::read,
    idrac::read,
    f5::read,
    switches::read,
    webmin::read_log,
    samba::read_log,
    dovecot::read_log,
    proftpd::read_log,
    openvpn::read_log,
    ftp::read_log,
    web::read_log,
    keyvalue::read,
    plain::read,
];

/// Formats that any program may wrap its messages in, told by how the message begins.
const WRAPPED: [Read; 3] = [json::read, cef::read, audit::read];

static BY_PROGRAM: LazyLock<HashMap<&'static str, Read>> = LazyLock::new(|| {
    let named = READERS.iter();
    named
        .flat_map(|reader| reader.programs.iter().map(|name| (*name, reader.read)))
        .collect()
});

/// Reads the event of a message.
pub(super) fn read(header: &Header, context: &Context<'_>) -> Record {
    let report = Report::of(header, context);
    let found = find(&report).unwrap_or_else(|| Finding::of(action::LOG_MESSAGE));
    let found = match report.count {
        Some(count) => found.attr("count", count),
        None => found,
    };
    let mut record = found.finish();
    if record.app.is_none() && !report.program.is_empty() {
        let app = header.appname.as_deref().unwrap_or(&report.program);
        record.app = Some(app.chars().take(512).collect());
    }
    record
}

fn find(report: &Report<'_>) -> Option<Finding> {
    if let Some(found) = pam::read(report) {
        return Some(found);
    }
    // What a known program says is not searched for other programs' formats: the names in it are
    // chosen by strangers.
    match BY_PROGRAM.get(&*report.program) {
        Some(read) => read(report).or_else(|| WRAPPED.iter().find_map(|read| read(report))),
        None => BY_LOOK.iter().find_map(|read| read(report)),
    }
}

impl<'a> Report<'a> {
    fn of(header: &'a Header, context: &'a Context<'a>) -> Self {
        let text = header.message.trim_start();
        let (program, message) = match header.appname.as_deref() {
            Some(name) => (name, text),
            None => named_in_text(text).unwrap_or(("", text)),
        };
        let (message, count) = repeated(message);
        Self {
            program: base(program),
            message: without_message_id(message),
            count,
            header,
            context,
        }
    }
}

/// `[level ]name[pid][:] message` where the header has no tag.
fn named_in_text(text: &str) -> Option<(&str, &str)> {
    let (first, rest) = text.split_once(' ')?;
    let levels = [
        "emerg", "alert", "crit", "err", "error", "warning", "notice", "info", "debug",
    ];
    let (word, rest) = if levels.contains(&first) {
        rest.split_once(' ')?
    } else {
        (first, rest)
    };
    let name = word.strip_suffix(':').unwrap_or(word);
    let (name, _process) = name.strip_suffix(']')?.split_once('[')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let lettered = name.chars().any(|c| c.is_ascii_alphabetic());
    (lettered && name.chars().all(plain)).then_some((name, rest))
}

/// The program without path and parentheses, in lower case.
fn base(name: &str) -> Cow<'_, str> {
    let name = name.split('(').next().unwrap_or_default();
    let name = name
        .rsplit('/')
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// `message repeated 3 times: [ MESSAGE]`, as rsyslog sums equal lines up.
fn repeated(text: &str) -> (&str, Option<u32>) {
    let inside = text
        .strip_prefix("message repeated ")
        .and_then(|rest| rest.split_once(" times: ["))
        .and_then(|(count, rest)| Some((count.parse().ok()?, rest.trim_end().strip_suffix(']')?)));
    match inside {
        Some((count, message)) => (message.trim_start(), Some(count)),
        None => (text, None),
    }
}

/// Solaris puts `[ID 800047 auth.info] ` first.
fn without_message_id(text: &str) -> &str {
    text.strip_prefix("[ID ")
        .and_then(|rest| rest.split_once("] "))
        .map_or(text, |(_, rest)| rest)
}
