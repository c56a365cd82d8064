//! What each provider needs to know, as typed values with their bounds.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Mode, Provider};
use crate::time::Zone;

/// What an integration is told, by provider and mode. Secrets are never part of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Configuration {
    /// GuardDuty findings, asked for.
    GuarddutyPull(GuarddutyPull),
    /// GuardDuty findings, posted by EventBridge or from an S3 export.
    GuarddutyPush(GuarddutyPush),
    /// Syslog of devices.
    Devices(Devices),
    /// JSON posted over HTTPS.
    Webhook(Webhook),
}

impl Configuration {
    /// Reads the configuration of a provider and mode; unknown fields are refused.
    pub fn read<'de, D: Deserializer<'de>>(
        provider: Provider,
        mode: Mode,
        input: D,
    ) -> Result<Self, D::Error> {
        match (provider, mode) {
            (Provider::AwsGuardduty, Mode::Push) => {
                GuarddutyPush::deserialize(input).map(Self::GuarddutyPush)
            }
            (Provider::AwsGuardduty, _) => {
                GuarddutyPull::deserialize(input).map(Self::GuarddutyPull)
            }
            (Provider::Mikrotik | Provider::Syslog, _) => {
                Devices::deserialize(input).map(Self::Devices)
            }
            (Provider::Webhook, _) => Webhook::deserialize(input).map(Self::Webhook),
        }
    }

    /// The mode, where the kind of configuration tells it.
    pub fn mode(&self) -> Option<Mode> {
        match self {
            Self::GuarddutyPull(_) => Some(Mode::Pull),
            Self::GuarddutyPush(_) | Self::Webhook(_) => Some(Mode::Push),
            Self::Devices(_) => None,
        }
    }

    /// How posted requests show that they are genuine; `None` when nothing is posted by others.
    pub fn signature(&self) -> Option<Signature> {
        match self {
            Self::GuarddutyPush(push) => Some(push.signature),
            Self::Webhook(webhook) => Some(webhook.signature),
            Self::GuarddutyPull(_) | Self::Devices(_) => None,
        }
    }

    /// The first field that is out of bounds, with what would be right.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        match self {
            Self::GuarddutyPull(pull) => pull.problem(),
            Self::GuarddutyPush(push) => push
                .accounts
                .iter()
                .find_map(|a| account_problem(a))
                .map(|text| ("accounts", text)),
            Self::Devices(devices) => devices.problem(),
            Self::Webhook(webhook) => webhook.problem(),
        }
    }
}

/// Where the credentials come from that assume the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credentials {
    /// From the machine this service runs on: instance profile, task role or environment.
    #[default]
    Instance,
    /// An access key whose secret is stored sealed.
    AccessKey,
}

/// GuardDuty, asked for findings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GuarddutyPull {
    /// The role to assume: `arn:aws:iam::123456789012:role/name`.
    pub role_arn: String,
    /// Regions, each asked separately.
    pub regions: Vec<String>,
    /// Smallest severity to collect, 1 to 10. 1: everything; 4: medium and above; 7: high.
    #[serde(default = "everything")]
    pub min_severity: f64,
    /// Where the credentials come from.
    #[serde(default)]
    pub credentials: Credentials,
    /// The access key id that belongs to the sealed secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
}

fn everything() -> f64 {
    1.0
}

impl GuarddutyPull {
    /// The account of the role.
    pub fn account(&self) -> Option<&str> {
        self.role_arn.split(':').nth(4)
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        if let Some(text) = arn_problem(&self.role_arn) {
            return Some(("roleArn", text));
        }
        if let Some(text) = regions_problem(&self.regions) {
            return Some(("regions", text));
        }
        if !(1.0..=10.0).contains(&self.min_severity) {
            return Some(("minSeverity", "choose 1 to 10".to_owned()));
        }
        let key = self.access_key_id.as_deref();
        match (self.credentials, key) {
            (Credentials::AccessKey, None) => Some((
                "accessKeyId",
                "give the id of the access key, such as AKIAIOSFODNN7EXAMPLE".to_owned(),
            )),
            (_, Some(key)) if !is_access_key_id(key) => Some((
                "accessKeyId",
                "an access key id has 16 to 128 capital letters and digits".to_owned(),
            )),
            _ => None,
        }
    }
}

fn is_access_key_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    (16..=128).contains(&text.len()) && text.bytes().all(plain)
}

/// What is wrong with a role ARN; `None` when nothing is.
///
/// Grammar: AWS IAM user guide, "IAM identifiers": `arn:partition:iam::account:role/path-and-name`.
fn arn_problem(arn: &str) -> Option<String> {
    let shape = "it has the form arn:aws:iam::123456789012:role/name";
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts.as_slice() else {
        return Some(shape.to_owned());
    };
    if *arn != "arn" || *service != "iam" || !region.is_empty() {
        return Some(shape.to_owned());
    }
    if !matches!(*partition, "aws" | "aws-cn" | "aws-us-gov") {
        return Some("the partition is aws, aws-cn or aws-us-gov".to_owned());
    }
    if let Some(text) = account_problem(account) {
        return Some(text);
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&b);
    let name = resource.strip_prefix("role/").unwrap_or_default();
    let last = name.rsplit('/').next().unwrap_or_default();
    if last.is_empty() || last.len() > 64 || name.len() > 576 || !name.bytes().all(allowed) {
        return Some(
            "after the account comes role/ and a name of at most 64 letters, digits and +=,.@_-"
                .to_owned(),
        );
    }
    None
}

fn account_problem(account: &str) -> Option<String> {
    if !account.bytes().all(|b| b.is_ascii_digit()) {
        return Some("an account number has 12 digits and nothing else".to_owned());
    }
    (account.len() != 12).then(|| {
        format!(
            "the account number has {} digits, it needs 12",
            account.len()
        )
    })
}

fn regions_problem(regions: &[String]) -> Option<String> {
    if regions.is_empty() {
        return Some("name at least one region, such as eu-central-1".to_owned());
    }
    if regions.len() > 40 {
        return Some("name at most 40 regions".to_owned());
    }
    let wrong = regions.iter().find(|r| !is_region(r));
    wrong
        .map(|region| format!("{region:?} is not of the form of a region, such as eu-central-1"))
        .or_else(|| {
            let twice = regions
                .iter()
                .enumerate()
                .find(|(i, region)| regions.iter().take(*i).any(|earlier| &earlier == region));
            twice.map(|(_, region)| format!("{region} is named twice"))
        })
}

/// `eu-central-1`, `us-gov-west-1`, `ap-southeast-4`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else {
        return false;
    };
    let word =
        |w: &&str| !w.is_empty() && w.len() <= 12 && w.bytes().all(|b| b.is_ascii_lowercase());
    let digits = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    digits && (2..=4).contains(&words.len()) && words.iter().all(word)
}

/// How a posted request shows that it is genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// The key of the source in a header.
    ApiKey,
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature` with `v1,`.
    #[default]
    StandardWebhooks,
    /// GitHub style: `X-Hub-Signature-256` over the body.
    Github,
}

impl Signature {
    /// Every way, the recommended one first.
    pub const ALL: [Self; 3] = [Self::StandardWebhooks, Self::Github, Self::ApiKey];

    /// The stored and transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::StandardWebhooks => "standard_webhooks",
            Self::Github => "github",
        }
    }

    /// Reads a word; `None` when there is no such way.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }
}

/// GuardDuty findings that are posted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GuarddutyPush {
    /// How requests show that they are genuine. EventBridge API destinations send a key.
    pub signature: Signature,
    /// Accounts whose findings are taken; empty: any.
    pub accounts: Vec<String>,
}

impl Default for GuarddutyPush {
    fn default() -> Self {
        Self {
            signature: Signature::ApiKey,
            accounts: Vec::new(),
        }
    }
}

/// Devices that send syslog, to a listener here or to an edge collector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Devices {
    /// Where to listen: `udp://0.0.0.0:514`, `tcp://[::]:601`, `tls://0.0.0.0:6514`.
    pub listen: Vec<String>,
    /// Networks that may send, as CIDR.
    pub allow: Vec<String>,
    /// IANA zone of times without one.
    #[serde(default = "utc")]
    pub zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// A transport a listener can be bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One message a datagram.
    Udp,
    /// A stream of messages.
    Tcp,
    /// A stream inside TLS.
    Tls,
}

/// Reads `udp://HOST:PORT`, `tcp://…` or `tls://…`; the host is an address of this machine.
pub fn listen_address(text: &str) -> Option<(Transport, SocketAddr)> {
    let (scheme, address) = text.split_once("://")?;
    let transport = match scheme {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        "tls" => Transport::Tls,
        _ => return None,
    };
    let address: SocketAddr = address.parse().ok()?;
    (address.port() != 0).then_some((transport, address))
}

impl Devices {
    /// The sockets to bind.
    pub fn sockets(&self) -> impl Iterator<Item = (Transport, SocketAddr)> + '_ {
        self.listen.iter().filter_map(|text| listen_address(text))
    }

    /// The networks that may send. One that cannot be read, or none at all, is an error: leaving
    /// it out could let everybody send.
    pub fn networks(&self) -> Result<Vec<IpNet>, String> {
        if self.allow.is_empty() {
            return Err("no network may send".to_owned());
        }
        let read = |text: &String| {
            let network = text.parse();
            network.map_err(|_| format!("{text:?} is not a network such as 192.168.88.0/24"))
        };
        self.allow.iter().map(read).collect()
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        if self.listen.is_empty() || self.listen.len() > 16 {
            return Some((
                "listen",
                "give 1 to 16 addresses to listen on, such as udp://0.0.0.0:514".to_owned(),
            ));
        }
        if let Some(wrong) = self.listen.iter().find(|l| listen_address(l).is_none()) {
            return Some((
                "listen",
                format!("{wrong:?} is not of the form udp://ADDRESS:PORT, tcp://… or tls://…"),
            ));
        }
        if self.allow.is_empty() || self.allow.len() > 256 {
            return Some((
                "allow",
                "name 1 to 256 networks that may send, such as 192.168.88.0/24".to_owned(),
            ));
        }
        let wrong = self.allow.iter().find(|a| a.parse::<IpNet>().is_err());
        if let Some(wrong) = wrong {
            return Some((
                "allow",
                format!("{wrong:?} is not a network such as 192.168.88.0/24 or 2001:db8::/32"),
            ));
        }
        match Zone::named(&self.zone) {
            Ok(_) => None,
            Err(error) => Some(("zone", error.to_string())),
        }
    }
}

/// Event fields a webhook's mapping can set.
pub const MAPPED_FIELDS: [&str; 10] = [
    "timestamp",
    "actor",
    "action",
    "resource",
    "resourceId",
    "ip",
    "userAgent",
    "bytes",
    "outcome",
    "id",
];

/// JSON that is posted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Webhook {
    /// How requests show that they are genuine.
    pub signature: Signature,
    /// Dotted path to the array of events inside the body; empty: the body itself.
    pub items: String,
    /// Event field to dotted path inside an item; fields that are left out are found by their
    /// usual names.
    pub mapping: BTreeMap<String, String>,
}

impl Webhook {
    fn problem(&self) -> Option<(&'static str, String)> {
        if !self.items.is_empty() && !is_path(&self.items) {
            return Some(("items", format!("{:?} is not a dotted path", self.items)));
        }
        for (field, path) in &self.mapping {
            if !MAPPED_FIELDS.contains(&field.as_str()) {
                return Some((
                    "mapping",
                    format!(
                        "{field:?} is no event field; the fields are {}",
                        MAPPED_FIELDS.join(", ")
                    ),
                ));
            }
            if !is_path(path) {
                return Some(("mapping", format!("{path:?} is not a dotted path")));
            }
        }
        None
    }
}

/// Names joined by dots, such as `sender.login`.
fn is_path(text: &str) -> bool {
    text.len() <= 200
        && text
            .split('.')
            .all(|part| !part.is_empty() && !part.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(role_arn: &str, regions: &[&str]) -> GuarddutyPull {
        GuarddutyPull {
            role_arn: role_arn.to_owned(),
            regions: regions.iter().map(|r| (*r).to_owned()).collect(),
            min_severity: 1.0,
            credentials: Credentials::Instance,
            access_key_id: None,
        }
    }

    #[test]
    fn role_arns() {
        for good in [
            "arn:aws:iam::123456789012:role/insider-risk-read",
            "arn:aws-us-gov:iam::123456789012:role/team/a+b=c,d.e@f_g",
        ] {
            assert_eq!(arn_problem(good), None, "{good}");
        }
        let short = arn_problem("arn:aws:iam::00000000001:role/x").unwrap();
        assert_eq!(short, "the account number has 11 digits, it needs 12");
        for bad in [
            "",
            "arn",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::12345678901x:role/x",
            "arn:aws:iam:eu-central-1:123456789012:role/x",
            "arn:evil:iam::123456789012:role/x",
            "arn:aws:iam::123456789012:role/x\"; curl evil",
            "arn:aws:iam::123456789012:role/${jndi}",
            "arn:aws:sts::123456789012:assumed-role/x/y",
        ] {
            assert!(arn_problem(bad).is_some(), "{bad}");
        }
        assert!(
            arn_problem(&format!(
                "arn:aws:iam::123456789012:role/{}",
                "x".repeat(65)
            ))
            .is_some()
        );
    }

    #[test]
    fn regions() {
        for good in [
            "eu-central-1",
            "us-gov-west-1",
            "ap-southeast-4",
            "us-iso-east-1",
        ] {
            assert!(is_region(good), "{good}");
        }
        for bad in [
            "",
            "eu",
            "eu-central",
            "eu-central-1a",
            "EU-CENTRAL-1",
            "eu_central_1",
            "a-b-123",
            "-a-1",
        ] {
            assert!(!is_region(bad), "{bad}");
        }
        let arn = "arn:aws:iam::123456789012:role/x";
        assert_eq!(pull(arn, &[]).problem().unwrap().0, "regions");
        let twice = pull(arn, &["eu-west-1", "eu-west-1"]).problem().unwrap();
        assert_eq!(twice.1, "eu-west-1 is named twice");
        let fine = pull(arn, &["eu-west-1"]);
        assert_eq!(
            (fine.problem(), fine.account()),
            (None, Some("123456789012"))
        );
    }

    #[test]
    fn an_access_key_needs_its_id() {
        let mut config = pull("arn:aws:iam::123456789012:role/x", &["eu-west-1"]);
        config.credentials = Credentials::AccessKey;
        assert_eq!(config.problem().unwrap().0, "accessKeyId");
        config.access_key_id = Some("AKIAIOSFODNN7EXAMPLE".to_owned());
        assert_eq!(config.problem(), None);
        config.access_key_id = Some("akia $(id)".to_owned());
        assert!(config.problem().is_some());
        config.access_key_id = None;
        config.credentials = Credentials::Instance;
        config.min_severity = f64::NAN;
        assert_eq!(config.problem().unwrap().0, "minSeverity");
    }

    #[test]
    fn listen_addresses() {
        for good in [
            "udp://0.0.0.0:514",
            "tcp://[::]:601",
            "tls://127.0.0.1:6514",
        ] {
            assert!(listen_address(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "0.0.0.0:514",
            "udp://0.0.0.0",
            "udp://0.0.0.0:0",
            "udp://host:514",
            "http://0.0.0.0:80",
            "udp://0.0.0.0:70000",
        ] {
            assert!(listen_address(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn devices_need_addresses_and_networks() {
        let mut devices = Devices {
            listen: vec!["udp://0.0.0.0:5514".to_owned()],
            allow: vec!["192.168.88.0/24".to_owned(), "2001:db8::/32".to_owned()],
            zone: "Europe/Berlin".to_owned(),
        };
        assert_eq!(devices.problem(), None);
        assert_eq!(
            (
                devices.sockets().count(),
                devices.networks().map(|n| n.len())
            ),
            (1, Ok(2))
        );
        devices.zone = "Mars/Olympus".to_owned();
        assert_eq!(devices.problem().unwrap().0, "zone");
        devices.allow = vec!["192.168.88.1/99".to_owned()];
        assert_eq!(devices.problem().unwrap().0, "allow");
        assert!(devices.networks().unwrap_err().contains("192.168.88.1/99"));
        devices.allow.clear();
        assert!(devices.networks().is_err());
        assert_eq!(devices.problem().unwrap().0, "allow");
        devices.listen = vec!["nonsense".to_owned()];
        assert_eq!(devices.problem().unwrap().0, "listen");
    }

    #[test]
    fn webhook_mappings() {
        let mapped = |field: &str, path: &str| Webhook {
            mapping: BTreeMap::from([(field.to_owned(), path.to_owned())]),
            ..Webhook::default()
        };
        assert_eq!(mapped("actor", "sender.login").problem(), None);
        for (field, path) in [
            ("score", "x"),
            ("actor", ""),
            ("actor", "a..b"),
            ("actor", "a\u{0}b"),
        ] {
            assert!(mapped(field, path).problem().is_some(), "{field} {path}");
        }
    }

    #[test]
    fn words_round_trip() {
        for signature in Signature::ALL {
            assert_eq!(Signature::from_word(signature.word()), Some(signature));
        }
    }
}
