//! Settings: flag before variable before file before default. A missing, weak or contradictory
//! value stops the start with one line that names it.

mod given;
mod key;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use collectors::syslog::tls::{TlsFiles, acceptor};
use domain::score::Points;
use domain::tenant::{RuleSetName, Slug};
use domain::time::Zone;
use ipnet::IpNet;
use secrecy::SecretString;
use store::seal::KeyRing;
use store::tenants::NewTenant;
use web::BaseUrl;

use crate::failure::{Failure, Outcome};
pub use given::Flags;
use given::{File, Secrets};
pub use key::{MasterKey, generate as generate_key};

/// Where the embedded database lives when nothing else is said.
pub const DEFAULT_DATABASE: &str = "sqlite://data/insider-risk.db";
const DEFAULT_LISTEN: &str = "127.0.0.1:3000";
const DEFAULT_INTERVAL: Duration = Duration::from_mins(5);
/// The file that is read when it exists.
pub const DEFAULT_FILE: &str = "insider-risk.toml";

/// The first administrator, when the configuration names one.
#[derive(Debug, Clone)]
pub struct Admin {
    /// Address.
    pub email: String,
    /// Password; never resets an existing one.
    pub password: SecretString,
    /// Name.
    pub name: String,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines.
    Json,
}

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Database address.
    pub database_url: String,
    /// Address for people and devices.
    pub listen_addr: String,
    /// Address of the operations listener.
    pub ops_listen_addr: String,
    /// Address for links and cookies.
    pub base_url: BaseUrl,
    /// Time between full scoring passes.
    pub scoring_interval: Duration,
    /// Time between refreshes of the views.
    pub baseline_interval: Duration,
    /// Believed proxies.
    pub trusted_proxies: Vec<IpNet>,
    /// How logs are written.
    pub log_format: LogFormat,
    /// Score at which alerts open, for a new organisation.
    pub alert_threshold: Points,
    /// Days raw events are kept, for a new organisation.
    pub retention_days: u32,
    /// The master key, when one is set.
    pub master_key: Option<MasterKey>,
    /// Earlier master keys, which still open what they sealed.
    pub previous_keys: Vec<MasterKey>,
    /// Certificate and key of listeners on `tls://` addresses.
    pub syslog_tls: Option<TlsFiles>,
    /// The first administrator, when one is named.
    pub admin: Option<Admin>,
}

impl Config {
    /// Reads and checks everything; the first problem stops it.
    pub fn read(flags: &Flags) -> Outcome<Self> {
        let (config, problems) = Self::examine(flags)?;
        match problems.into_iter().next() {
            None => Ok(config),
            Some(problem) => Err(Failure::Configuration(problem)),
        }
    }

    /// Reads everything and lists every problem, each naming its variable first. The default
    /// stands where a value cannot be used.
    pub fn examine(flags: &Flags) -> Outcome<(Self, Vec<String>)> {
        let mut problems = Problems::default();
        let file = problems.or(File::read(flags), File::default())?;
        let secrets = Secrets::from_environment().or(&file);
        let config = Self::checked(flags.clone().or(file), secrets, &mut problems)?;
        Ok((config, problems.0))
    }

    /// Settings of the demo: its own database and port, and nothing the environment or a file
    /// says, which is meant for another installation.
    pub fn demo(database_url: &str, port: u16) -> Outcome<Self> {
        let mut problems = Problems::default();
        let flags = Flags::of_demo(database_url, port);
        let config = Self::checked(flags, Secrets::default(), &mut problems)?;
        match problems.0.into_iter().next() {
            None => Ok(config),
            Some(problem) => Err(Failure::Configuration(problem)),
        }
    }

    fn checked(said: Flags, secrets: Secrets, problems: &mut Problems) -> Outcome<Self> {
        let or = |said: Option<String>, default: &str| said.unwrap_or_else(|| default.to_owned());
        let listen_addr = or(said.listen_addr, DEFAULT_LISTEN);
        let ops_listen_addr = or(said.ops_listen_addr, "127.0.0.1:9090");
        let default = SocketAddr::from(([127, 0, 0, 1], 3000));
        let socket = problems.or(address("LISTEN_ADDR", &listen_addr), default)?;
        problems.or(address("OPS_LISTEN_ADDR", &ops_listen_addr), default)?;
        let own = format!("http://{}", reachable(socket));
        let base_url = BaseUrl::parse(&or(said.base_url, &own)).map_err(Failure::Configuration);
        let loopback = BaseUrl::parse("http://127.0.0.1:3000").map_err(Failure::Configuration)?;
        let database_url = or(said.database_url, DEFAULT_DATABASE);
        problems.or(refuse_default_password(&database_url, socket), ())?;
        let [scoring, baseline] = [
            ("SCORING_INTERVAL_MS", said.scoring_interval_ms),
            ("BASELINE_INTERVAL_MS", said.baseline_interval_ms),
        ]
        .map(|(name, said)| problems.or(millis(name, said), DEFAULT_INTERVAL));
        let key = secrets.key.map(|k| MasterKey::parse(&k)).transpose();
        let tls = tls(
            said.syslog_tls_cert,
            said.syslog_tls_key,
            said.syslog_tls_client_ca,
        );
        let previous = previous_keys(secrets.previous.as_deref());
        let admin = admin(
            secrets.admin_email,
            secrets.admin_password,
            secrets.admin_name,
        );
        let log_format = log_format(&or(said.log_format, "pretty"));
        let threshold = threshold(&or(said.alert_threshold, "60"));
        let retention = retention(&or(said.data_retention_days, "90"));
        Ok(Self {
            base_url: problems.or(base_url, loopback)?,
            scoring_interval: scoring?,
            baseline_interval: baseline?,
            trusted_proxies: problems.or(networks(&or(said.trusted_proxies, "")), Vec::new())?,
            log_format: problems.or(log_format, LogFormat::Pretty)?,
            alert_threshold: problems.or(threshold, Points::whole(60))?,
            retention_days: problems.or(retention, 90)?,
            syslog_tls: problems.or(tls, None)?,
            previous_keys: problems.or(previous, Vec::new())?,
            master_key: problems.or(key, None)?,
            admin: problems.or(admin, None)?,
            database_url,
            listen_addr,
            ops_listen_addr,
        })
    }

    /// The master key, or the line that says how to get one.
    pub fn require_key(&self) -> Outcome<&MasterKey> {
        self.master_key.as_ref().ok_or_else(|| {
            Failure::configuration("INTEGRATION_ENCRYPTION_KEY is not set: make one with 'insider-risk keys generate' and keep it safe")
        })
    }

    /// The keys that open sealed secrets.
    pub fn key_ring(&self) -> Outcome<KeyRing> {
        let previous: Vec<[u8; 32]> = self.previous_keys.iter().map(MasterKey::bytes).collect();
        Ok(KeyRing::new(&self.require_key()?.bytes(), &previous))
    }

    /// What a first organisation starts with.
    pub fn first_tenant(&self) -> NewTenant {
        NewTenant {
            slug: Slug::first(),
            name: "My organisation".to_owned(),
            zone: Zone::utc(),
            ruleset: RuleSetName::default(),
            alert_threshold: self.alert_threshold,
            retention_days: self.retention_days,
            demo: false,
        }
    }
}

/// What is wrong with the configuration, in the order in which it is read.
#[derive(Debug, Default)]
struct Problems(Vec<String>);

impl Problems {
    /// The value, or the fallback with its problem noted.
    fn or<T>(&mut self, read: Outcome<T>, fallback: T) -> Outcome<T> {
        match read {
            Err(Failure::Configuration(problem)) => {
                self.0.push(problem);
                Ok(fallback)
            }
            other => other,
        }
    }
}

/// The files of TLS listeners, which must be readable and fit together.
fn tls(
    certificate: Option<String>,
    key: Option<String>,
    client_authorities: Option<String>,
) -> Outcome<Option<TlsFiles>> {
    let files = match (certificate, key) {
        (None, None) => return Ok(None),
        (Some(_), None) => {
            return Err(Failure::configuration(
                "SYSLOG_TLS_KEY is missing: name the PEM file with the key of SYSLOG_TLS_CERT",
            ));
        }
        (None, Some(_)) => {
            return Err(Failure::configuration(
                "SYSLOG_TLS_CERT is missing: name the PEM file with the certificate of SYSLOG_TLS_KEY",
            ));
        }
        (Some(certificate), Some(key)) => TlsFiles {
            certificate: certificate.into(),
            key: key.into(),
            client_authorities: client_authorities.map(Into::into),
        },
    };
    acceptor(&files)
        .map_err(|e| Failure::configuration(format!("SYSLOG_TLS_CERT and SYSLOG_TLS_KEY: {e}")))?;
    Ok(Some(files))
}

/// Earlier keys, separated by commas.
fn previous_keys(text: Option<&str>) -> Outcome<Vec<MasterKey>> {
    let texts = text.unwrap_or_default().split(',').map(str::trim);
    texts
        .filter(|t| !t.is_empty())
        .map(|t| {
            MasterKey::parse(t).map_err(|_| {
                Failure::configuration("INTEGRATION_ENCRYPTION_KEY_PREVIOUS holds what is no key: give the earlier values of INTEGRATION_ENCRYPTION_KEY, separated by commas")
            })
        })
        .collect()
}

fn address(name: &str, text: &str) -> Outcome<SocketAddr> {
    text.parse().map_err(|_| {
        Failure::configuration(format!(
            "{name}={text} is not an address and port such as 127.0.0.1:3000"
        ))
    })
}

/// The address a browser on this machine uses for a listener.
fn reachable(socket: SocketAddr) -> SocketAddr {
    match socket {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
            SocketAddr::from(([127, 0, 0, 1], v4.port()))
        }
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            SocketAddr::from(([127, 0, 0, 1], v6.port()))
        }
        other => other,
    }
}

fn millis(name: &str, said: Option<String>) -> Outcome<Duration> {
    let text = said.unwrap_or_else(|| "300000".to_owned());
    match text.parse::<u64>() {
        Ok(ms @ 100..=86_400_000) => Ok(Duration::from_millis(ms)),
        _ => Err(Failure::configuration(format!(
            "{name}={text} must be 100 to 86400000 milliseconds"
        ))),
    }
}

fn networks(text: &str) -> Outcome<Vec<IpNet>> {
    let parts = text.split(',').map(str::trim).filter(|p| !p.is_empty());
    parts
        .map(|part| {
            let network = part.parse::<IpNet>().ok();
            network
                .or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from))
                .ok_or_else(|| {
                    Failure::configuration(format!(
                        "TRUSTED_PROXIES: {part} is not an address or network such as 10.0.0.0/8"
                    ))
                })
        })
        .collect()
}

fn log_format(text: &str) -> Outcome<LogFormat> {
    match text {
        "pretty" => Ok(LogFormat::Pretty),
        "json" => Ok(LogFormat::Json),
        _ => Err(Failure::configuration(format!(
            "LOG_FORMAT={text} must be pretty or json"
        ))),
    }
}

fn threshold(text: &str) -> Outcome<Points> {
    let points = text.parse::<f64>().ok().and_then(Points::from_f64);
    points
        .filter(|p| (Points::whole(1)..=Points::MAX).contains(p))
        .ok_or_else(|| Failure::configuration(format!("ALERT_THRESHOLD={text} must be 1 to 100")))
}

fn retention(text: &str) -> Outcome<u32> {
    let days = text.parse::<u32>().ok().filter(|d| (1..=3650).contains(d));
    days.ok_or_else(|| {
        Failure::configuration(format!("DATA_RETENTION_DAYS={text} must be 1 to 3650"))
    })
}

fn admin(
    email: Option<String>,
    password: Option<String>,
    name: Option<String>,
) -> Outcome<Option<Admin>> {
    let (email, password) = match (email, password) {
        (None, None) => return Ok(None),
        (Some(email), Some(password)) => (email, password),
        (Some(_), None) => {
            return Err(Failure::configuration(
                "ADMIN_EMAIL is set but ADMIN_PASSWORD is not: set both or neither",
            ));
        }
        (None, Some(_)) => {
            return Err(Failure::configuration(
                "ADMIN_PASSWORD is set but ADMIN_EMAIL is not: set both or neither",
            ));
        }
    };
    if !email.contains('@') {
        return Err(Failure::configuration(
            "ADMIN_EMAIL is not an e-mail address",
        ));
    }
    if let Some(problem) = web::password_problem(&password, &email) {
        return Err(Failure::configuration(format!("ADMIN_PASSWORD: {problem}")));
    }
    Ok(Some(Admin {
        name: name.unwrap_or_else(|| "Administrator".to_owned()),
        password: password.into(),
        email,
    }))
}

/// Passwords that stand in examples and default installations.
const DEFAULT_PASSWORDS: &[&str] = &[
    "postgres",
    "password",
    "insider-risk",
    "insider_risk",
    "changeme",
    "change-me",
    "change_me",
    "example",
    "admin",
    "root",
    "secret",
    "test",
    "irm",
];

/// Undoes percent-encoding; what is not valid UTF-8 then is no default password either.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = (*first == b'%')
            .then(|| after.split_at_checked(2))
            .flatten();
        let byte = digits
            .and_then(|(digits, _)| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        if let (Some(byte), Some((_, after))) = (byte, digits) {
            bytes.push(byte);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A guessable database password is tolerated only while nobody else can reach the service.
fn refuse_default_password(database_url: &str, listen: SocketAddr) -> Outcome {
    let Some((_, rest)) = database_url.split_once("://") else {
        return Ok(());
    };
    let (before_query, query) = rest.split_once('?').unwrap_or((rest, ""));
    let credentials = before_query.rsplit_once('@').map_or("", |(c, _)| c);
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let mut users = vec![decoded(user)];
    let mut passwords = vec![decoded(password)];
    // libpq's parameters replace what stands before the host.
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match decoded(name).as_str() {
            "user" => users.push(decoded(value)),
            "password" => passwords.push(decoded(value)),
            _ => {}
        }
    }
    let guessable = passwords
        .iter()
        .map(|password| password.to_lowercase())
        .any(|password| {
            let is_user = users.iter().any(|user| user.to_lowercase() == password);
            !password.is_empty() && (is_user || DEFAULT_PASSWORDS.contains(&password.as_str()))
        });
    if guessable && !listen.ip().is_loopback() {
        return Err(Failure::configuration(
            "DATABASE_URL holds a default password while LISTEN_ADDR is reachable from outside: choose a password of your own",
        ));
    }
    Ok(())
}
