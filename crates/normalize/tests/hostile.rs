//! SEC-25. Hostile lines: names that look like the rest of a line, and bytes that look like nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use domain::time::Zone;
use normalize::formats::Format;
use normalize::record::{Context, Record};
use normalize::{preview, syslog};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const REAL: &str = "203.0.113.9";

/// Lines as services write them; `{u}` is the name that somebody typed, `{r}` the address he came
/// from. The second part says whether the name is escaped as in JSON.
const LINES: &[(&str, bool)] = &[
    (
        "<38>Nov 25 10:00:00 h sshd[1]: Failed password for invalid user {u} from {r} port 4711 ssh2",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h sshd[1]: Failed password for {u} from {r} port 4711 ssh2",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h sshd[1]: Failed publickey for {u} from {r} port 4711 ssh2: RSA SHA256:abc",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h sshd[1]: Accepted password for {u} from {r} port 4711 ssh2",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h sshd[1]: Invalid user {u} from {r} port 4711",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h sshd[1]: Invalid user {u} from {r}",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h sshd[1]: User {u} from {r} not allowed because not listed in AllowUsers",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h sshd[1]: error: maximum authentication attempts exceeded for invalid user {u} from {r} port 1 ssh2 [preauth]",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h sshd[1]: Connection closed by invalid user {u} {r} port 46039 [preauth]",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h sshd[1]: Disconnected from authenticating user {u} {r} port 46039 [preauth]",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h sshd[1]: Disconnecting invalid user {u} {r} port 22: Too many authentication failures [preauth]",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h sshd[1]: error: PAM: Authentication failure for {u} from {r}",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h sshd[1]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser={u} rhost={r}",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h sshd[1]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={r}  user={u}",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h dropbear[1]: Bad password attempt for '{u}' from {r}:5543",
        false,
    ),
    (
        "<38>Nov 25 10:00:00 h dropbear[1]: Exit before auth (user '{u}', 10 fails): Max auth tries reached - user '{u}' from {r}:60588",
        false,
    ),
    (
        "Jan 10 00:00:00 h proftpd[1] s.example (c[{r}]): USER {u} (Login failed): Incorrect password.",
        false,
    ),
    (
        "Jan 10 00:00:00 h proftpd[1]: s.example (c[{r}]) - USER {u}: no such user found from c [{r}] to 192.0.2.1:21",
        false,
    ),
    (
        "2025-03-04T01:06:36.645577 h vsftpd[1658]: [{u}] FAIL LOGIN: Client \"{r}\"",
        false,
    ),
    (
        "Nov 25 10:00:00 h dovecot: imap-login: Disconnected (auth failed, 1 attempts): user=<{u}>, method=PLAIN, rip={r}, lip=192.0.2.1, TLS",
        false,
    ),
    (
        "Nov 25 10:00:00 h dovecot: auth-worker(1): pam({u},{r}): unknown user",
        false,
    ),
    (
        "Nov 25 10:00:00 h dovecot: auth: sql({u},{r},<6rXunFtu493AqJDi>): Password mismatch",
        false,
    ),
    (
        "Auth: [SMB2,(null)] user [WORKGROUP]\\[{u}] at [Thu, 14 Oct 2021 15:24:12.023984 UTC] with [NTLMv2] status [NT_STATUS_NO_SUCH_USER] workstation [MANTIS] remote host [ipv4:{r}:44890] mapped to [WORKGROUP]\\[{u}]. local host [ipv4:192.0.2.1:445]",
        false,
    ),
    (
        "Jan  4 17:34:01 h pvedaemon[1]: authentication failure; rhost={r} user={u}@pam msg=no such user ('{u}@pam')",
        false,
    ),
    (
        "Dec 13 08:15:18 h webmin[1]: Invalid login as {u} from {r}",
        false,
    ),
    (
        "[2022-02-03 16:10:15.993][vaultwarden::api::identity][ERROR] Username or password is incorrect. Try again. IP: {r}. Username: {u}.",
        false,
    ),
    (
        "2024-05-06 20:40:16,353 WARN  [org.keycloak.events] (t-1) type=LOGIN_ERROR, realmId=r, clientId=c, userId=null, ipAddress={r}, error=user_not_found, code_id=x, username={u}",
        false,
    ),
    (
        "Oct 26 14:50:21 h php-fpm[374]: /index.php: webConfigurator authentication error for user '{u}' from: {r}",
        false,
    ),
    (
        "Oct 27 2015 12:35:40 h screensharingd[1]: Authentication: FAILED :: User Name: {u} :: Viewer Address: {r} :: Type: DH",
        false,
    ),
    (
        "%ASA-6-605004: Login denied from {r}/32597 to outside:192.0.2.1/ssh for user \"{u}\"",
        false,
    ),
    (
        "<189>1: Nov 25 10:00:00: %SEC_LOGIN-4-LOGIN_FAILED: Login failed [user: {u}] [Source: {r}] [localport: 22] [Reason: Login Authentication Failed] at 10:00:00 UTC",
        false,
    ),
    (
        "<189>1: Nov 25 10:00:00: %SSH-5-SSH2_USERAUTH: User '{u}' authentication for SSH2 Session from {r} (tty = 0) using crypto cipher 'aes', hmac 'sha' Failed",
        false,
    ),
    (
        "%ASA-6-113005: AAA user authentication Rejected : reason = Invalid password : server = 192.0.2.1 : user = {u} : user IP = {r}",
        false,
    ),
    (
        "<134>Nov 25 10:00:00 h openvpn[1]: {r}:1194 TLS: Username/Password authentication failed for username '{u}'",
        false,
    ),
    (
        "Nov 25 10:00:00 h nginx: {r} - {u} [25/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 401 12 \"-\" \"curl\"",
        false,
    ),
    (
        "Nov 25 10:00:00 h nginx: 2026/11/25 10:00:00 [error] 1#1: *1 user \"{u}\" was not found in \"/etc/p\", client: {r}, server: s, request: \"GET / HTTP/1.1\", host: \"h\"",
        false,
    ),
    (
        "Nov 25 10:00:00 h postfix/smtpd[1]: warning: unknown[{r}]: SASL LOGIN authentication failed: x, sasl_username={u}",
        false,
    ),
    ("<12>login failure for user {u} from {r} via ssh", false),
    (
        "{\"reqId\":\"a\",\"remoteAddr\":\"{r}\",\"user\":\"--\",\"message\":\"Login failed: {u} (Remote IP: {r})\"}",
        true,
    ),
    (
        "{\"sender\":\"connection_failed\",\"client_ip\":\"{r}\",\"username\":\"{u}\",\"login_type\":\"password\",\"protocol\":\"SSH\",\"error\":\"x\"}",
        true,
    ),
    (
        "Nov 25 10:00:00 h asterisk[1]: SECURITY[2]: SecurityEvent=\"InvalidAccountID\",Service=\"PJSIP\",AccountID=\"{u}\",RemoteAddress=\"IPV4/UDP/{r}/5060\"",
        false,
    ),
    (
        "type=USER_AUTH msg=audit(1383116263.000:603): pid=1 uid=0 msg='op=password acct=\"{u}\" exe=\"/usr/sbin/sshd\" hostname=? addr={r} terminal=ssh res=failed'",
        false,
    ),
    (
        "<166>2026-11-25T10:00:00.123Z esx01 Hostd: info hostd[2099] [Originator@6876 sub=V] Event 123 : User {u}@{r} logged in as VMware-client/6.5.0",
        false,
    ),
    (
        "<134>date=2026-11-25 time=10:00:00 devname=\"fw\" logdesc=\"Admin login failed\" user=\"{u}\" srcip={r} action=\"login\" status=\"failed\"",
        false,
    ),
];

/// Pieces that a name can be made of.
const PIECES: &[&str] = &[
    "root",
    "a",
    " ",
    "from",
    " from ",
    " from 198.51.100.7",
    " port 22",
    " port 22 ssh2",
    " ssh2: RSA x",
    ": ",
    "198.51.100.7",
    " not allowed because x",
    " [preauth]",
    " rhost=198.51.100.7",
    " user=admin",
    " ruser=x",
    "' from 198.51.100.7:1",
    "', 3 fails): ",
    " (Login failed): x",
    ": no such user found from x",
    "] FAIL LOGIN: Client \"198.51.100.7\"",
    "\"",
    ">, method=PLAIN, rip=198.51.100.7, lip=1",
    "user=<x>",
    ",",
    ",198.51.100.7",
    "): unknown user",
    "] at [",
    "status [NT_STATUS_OK]",
    "remote host [ipv4:198.51.100.7:1]",
    "]",
    " msg=x",
    " user=x@pam",
    ". Username: admin",
    "IP: 198.51.100.7",
    ", ipAddress=198.51.100.7",
    ", username=admin",
    "type=LOGIN",
    "' from: 198.51.100.7",
    " :: Viewer Address: 198.51.100.7",
    " :: Type: DH",
    "] [Source: 198.51.100.7]",
    "' authentication for SSH2 Session from 198.51.100.7",
    " : user IP = 198.51.100.7",
    "'",
    " [25/Nov/2026:10:00:00 +0000] \"GET /x HTTP/1.1\" 200 1",
    ", client: 198.51.100.7, server: s",
    ", sasl_username=admin",
    " via ssh",
    " (Remote IP: 198.51.100.7)",
    "=",
    "\\",
    " srcip=198.51.100.7",
    " src=198.51.100.7",
    "logged in",
    " : ",
    "pam_unix(sshd:auth): ",
    "for invalid user x",
    "{",
    "}",
    "%ASA-6-605005: ",
    "\u{202e}",
    "ä",
];

fn context(zone: &Zone) -> Context<'_> {
    Context {
        received_at: "2026-11-25T12:00:00Z".parse().unwrap(),
        zone,
    }
}

fn read(line: &[u8]) -> Record {
    let zone = Zone::utc();
    syslog::record(line, &context(&zone)).unwrap_or_default()
}

fn cases(normal: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok());
    Config {
        cases: asked.unwrap_or(normal),
        failure_persistence: None,
        ..Config::default()
    }
}

#[test]
fn no_name_moves_the_address_or_names_another() {
    let mut failures = Vec::new();
    for (template, escaped) in LINES {
        let mut runner = TestRunner::new(cases(2_000));
        let pieces = prop::collection::vec(prop::sample::select(PIECES), 1..6);
        let verdict = runner.run(&pieces, |pieces| {
            let name = pieces.concat();
            let typed = if *escaped {
                let json = serde_json::Value::String(name.clone()).to_string();
                json[1..json.len() - 1].to_owned()
            } else {
                name.clone()
            };
            let line = template.replace("{u}", &typed).replace("{r}", REAL);
            let record = read(line.as_bytes());
            let ip = record.ip.map(|ip| ip.to_string());
            prop_assert!(
                ip.as_deref().is_none_or(|ip| ip == REAL),
                "{line}\nip {ip:?}"
            );
            let actor = record.actor.unwrap_or_default();
            // Services add a realm, and quotes around a name are not part of it.
            let bare = |text: &str| {
                let quotes = ['\'', '"', ' ', '.'];
                let text = text.trim_matches(quotes).trim_end_matches("@pam");
                text.trim_matches(quotes).to_owned()
            };
            prop_assert!(
                actor.is_empty() || bare(&actor) == bare(&name),
                "{line}\nactor {actor:?}"
            );
            Ok(())
        });
        if let Err(error) = verdict {
            failures.push(format!("{template}\n{error}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Every form that a reader knows, with what it tells.
#[test]
fn every_form_is_read() {
    let samples = include_str!("data/forms.log");
    let mut wrong = Vec::new();
    for line in samples.lines().filter(|line| !line.starts_with('#')) {
        let (expected, line) = split(line);
        let record = read(line.as_bytes());
        let got = format!(
            "{}|{}|{}|{}",
            record.action,
            record.outcome.word(),
            record.actor.unwrap_or_default(),
            record.ip.map(|ip| ip.to_string()).unwrap_or_default()
        );
        if got != expected {
            wrong.push(format!("{line}\n    {got}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The expectation, which is four fields, and the line.
fn split(text: &str) -> (&str, &str) {
    let at = text.match_indices('|').nth(3).unwrap().0;
    (&text[..at], &text[at + 1..])
}

/// An ordinary name is told, so that being careful does not mean being silent.
#[test]
fn ordinary_names_and_addresses_are_told() {
    let silent: Vec<_> = LINES
        .iter()
        .map(|(template, _)| template.replace("{u}", "jane").replace("{r}", REAL))
        .filter(|line| {
            let record = read(line.as_bytes());
            let named = record.actor.as_deref().map(|a| a.trim_end_matches("@pam"));
            named != Some("jane") || record.ip.map(|ip| ip.to_string()).as_deref() != Some(REAL)
        })
        .collect();
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

/// What is done to a line.
#[derive(Debug, Clone)]
enum Change {
    Put(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Cut(usize),
    Double(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0_usize..400;
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (at.clone(), prop::sample::select(PIECES)).prop_map(|(at, p)| Change::Insert(at, p.into())),
        (at.clone(), prop::collection::vec(any::<u8>(), 0..8))
            .prop_map(|(at, b)| Change::Insert(at, b)),
        (at.clone(), 0_usize..40).prop_map(|(at, n)| Change::Remove(at, n)),
        at.clone().prop_map(Change::Cut),
        (at, 0_usize..60).prop_map(|(at, n)| Change::Double(at, n)),
    ]
}

fn changed(line: &str, changes: &[Change]) -> Vec<u8> {
    let mut bytes = line.as_bytes().to_vec();
    for change in changes {
        let end = bytes.len();
        match change {
            Change::Put(at, byte) => {
                if let Some(place) = bytes.get_mut(at % end.max(1)) {
                    *place = *byte;
                }
            }
            Change::Insert(at, more) => {
                let at = at % (end + 1);
                bytes.splice(at..at, more.iter().copied());
            }
            Change::Remove(at, count) => {
                let at = at % (end + 1);
                bytes.drain(at..(at + count).min(end));
            }
            Change::Cut(at) => bytes.truncate(at % (end + 1)),
            Change::Double(at, count) => {
                let at = at % (end + 1);
                let more = bytes[at..(at + count).min(end)].to_vec();
                bytes.splice(at..at, more);
            }
        }
    }
    bytes
}

/// Lines of every reader's form, to be mangled.
fn seeds() -> Vec<String> {
    let samples =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/forms.log"))
            .unwrap();
    let forms = samples.lines().filter(|line| !line.starts_with('#'));
    let forms = forms.filter_map(|line| line.splitn(5, '|').nth(4).map(str::to_owned));
    let named = LINES
        .iter()
        .map(|(template, _)| template.replace("{u}", "jane").replace("{r}", REAL));
    forms.chain(named).collect()
}

/// 10,000 mangled lines for each reader, in four parts that run side by side.
fn mangle(part: usize) {
    const READERS: u32 = 48;
    let zone = Zone::utc();
    let seeds: Vec<_> = seeds().into_iter().skip(part).step_by(4).collect();
    let mut runner = TestRunner::new(cases(10_000 * READERS / 4));
    let changes = prop::collection::vec(change(), 1..5);
    let verdict = runner.run(
        &(prop::sample::select(seeds), changes),
        |(seed, changes)| {
            let bytes = changed(&seed, &changes);
            let shown = preview::line(Format::Syslog, &bytes, &context(&zone));
            prop_assert!(!shown.contains('\n'));
            Ok(())
        },
    );
    verdict.unwrap();
}

#[test]
fn no_bytes_break_a_reader_first_quarter() {
    mangle(0);
}

#[test]
fn no_bytes_break_a_reader_second_quarter() {
    mangle(1);
}

#[test]
fn no_bytes_break_a_reader_third_quarter() {
    mangle(2);
}

#[test]
fn no_bytes_break_a_reader_fourth_quarter() {
    mangle(3);
}

#[test]
fn any_bytes_give_one_line() {
    let zone = Zone::utc();
    let mut runner = TestRunner::new(cases(10_000));
    let formats = prop::sample::select(Format::ALL.map(|(_, format)| format).to_vec());
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    let verdict = runner.run(&(formats, bytes), |(format, bytes)| {
        let shown = preview::line(format, &bytes, &context(&zone));
        let value: serde_json::Value = serde_json::from_str(&shown).unwrap();
        prop_assert!(value.get("action").is_some() != value.get("error").is_some());
        Ok(())
    });
    verdict.unwrap();
}
