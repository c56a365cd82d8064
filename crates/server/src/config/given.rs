//! What was said where: flags and variables before the file.

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use super::{DEFAULT_FILE, LogFormat};
use crate::failure::{Failure, Outcome};

/// Settings as flags and variables. Secrets have no flag, because flags show in process lists.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// Database: sqlite://PATH or postgres://…
    #[arg(long, env = "DATABASE_URL", global = true, hide_env_values = true)]
    pub(super) database_url: Option<String>,
    /// Address for people and devices
    #[arg(long, env = "LISTEN_ADDR", global = true)]
    pub(super) listen_addr: Option<String>,
    /// Address for /livez, /readyz and /metrics
    #[arg(long, env = "OPS_LISTEN_ADDR", global = true)]
    pub(super) ops_listen_addr: Option<String>,
    /// Address under which people reach the service
    #[arg(long, env = "BASE_URL", global = true)]
    pub(super) base_url: Option<String>,
    /// Milliseconds between full scoring passes
    #[arg(long, env = "SCORING_INTERVAL_MS", global = true)]
    pub(super) scoring_interval_ms: Option<String>,
    /// Milliseconds between refreshes of the 14-day views
    #[arg(long, env = "BASELINE_INTERVAL_MS", global = true)]
    pub(super) baseline_interval_ms: Option<String>,
    /// Proxies whose forwarded headers are believed, as addresses or networks, comma-separated
    #[arg(long, env = "TRUSTED_PROXIES", global = true)]
    pub(super) trusted_proxies: Option<String>,
    /// Log format: pretty or json
    #[arg(long, env = "LOG_FORMAT", global = true)]
    pub(super) log_format: Option<String>,
    /// Score at which alerts open, for a new organisation
    #[arg(long, env = "ALERT_THRESHOLD", global = true)]
    pub(super) alert_threshold: Option<String>,
    /// Days raw events are kept, for a new organisation
    #[arg(long, env = "DATA_RETENTION_DAYS", global = true)]
    pub(super) data_retention_days: Option<String>,
    /// PEM file with the certificate chain for listeners on tls:// addresses
    #[arg(long, env = "SYSLOG_TLS_CERT", global = true)]
    pub(super) syslog_tls_cert: Option<String>,
    /// PEM file with the private key for listeners on tls:// addresses
    #[arg(long, env = "SYSLOG_TLS_KEY", global = true)]
    pub(super) syslog_tls_key: Option<String>,
    /// PEM file with the authorities whose certificates TLS senders must show
    #[arg(long, env = "SYSLOG_TLS_CLIENT_CA", global = true)]
    pub(super) syslog_tls_client_ca: Option<String>,
    /// Settings file
    #[arg(long, env = "INSIDER_RISK_CONFIG", global = true)]
    config: Option<PathBuf>,
}

impl Flags {
    /// The log format alone, for commands that need no other setting.
    pub fn log_format(&self) -> Outcome<LogFormat> {
        super::log_format(self.log_format.as_deref().unwrap_or("pretty"))
    }

    /// What the demo says: its own database and port.
    pub(super) fn of_demo(database: &str, port: u16) -> Self {
        Self {
            database_url: Some(database.to_owned()),
            listen_addr: Some(format!("127.0.0.1:{port}")),
            ops_listen_addr: Some("127.0.0.1:0".to_owned()),
            base_url: Some(format!("http://127.0.0.1:{port}")),
            ..Self::default()
        }
    }

    /// Fills what neither a flag nor a variable says from the file.
    pub(super) fn or(self, file: File) -> Self {
        let first = |flag: Option<String>, file| flag.filter(|v| !v.is_empty()).or(file);
        let text = |number: Option<Scalar>| number.map(|n| n.0);
        Self {
            database_url: first(self.database_url, file.database_url),
            listen_addr: first(self.listen_addr, file.listen_addr),
            ops_listen_addr: first(self.ops_listen_addr, file.ops_listen_addr),
            base_url: first(self.base_url, file.base_url),
            scoring_interval_ms: first(self.scoring_interval_ms, text(file.scoring_interval_ms)),
            baseline_interval_ms: first(self.baseline_interval_ms, text(file.baseline_interval_ms)),
            trusted_proxies: first(self.trusted_proxies, file.trusted_proxies),
            log_format: first(self.log_format, file.log_format),
            alert_threshold: first(self.alert_threshold, text(file.alert_threshold)),
            data_retention_days: first(self.data_retention_days, text(file.data_retention_days)),
            syslog_tls_cert: first(self.syslog_tls_cert, file.syslog_tls_cert),
            syslog_tls_key: first(self.syslog_tls_key, file.syslog_tls_key),
            syslog_tls_client_ca: first(self.syslog_tls_client_ca, file.syslog_tls_client_ca),
            config: self.config,
        }
    }
}

/// Secrets from the environment or the file: never from flags, which show in process lists.
#[derive(Default)]
pub(super) struct Secrets {
    pub(super) key: Option<String>,
    pub(super) previous: Option<String>,
    pub(super) admin_email: Option<String>,
    pub(super) admin_password: Option<String>,
    pub(super) admin_name: Option<String>,
}

impl Secrets {
    pub(super) fn from_environment() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
        Self {
            key: variable("INTEGRATION_ENCRYPTION_KEY"),
            previous: variable("INTEGRATION_ENCRYPTION_KEY_PREVIOUS"),
            admin_email: variable("ADMIN_EMAIL"),
            admin_password: variable("ADMIN_PASSWORD"),
            admin_name: variable("ADMIN_NAME"),
        }
    }

    pub(super) fn or(self, file: &File) -> Self {
        Self {
            key: self.key.or_else(|| file.integration_encryption_key.clone()),
            previous: self
                .previous
                .or_else(|| file.integration_encryption_key_previous.clone()),
            admin_email: self.admin_email.or_else(|| file.admin_email.clone()),
            admin_password: self.admin_password.or_else(|| file.admin_password.clone()),
            admin_name: self.admin_name.or_else(|| file.admin_name.clone()),
        }
    }
}

/// A number or text of the file, as text.
#[derive(Debug)]
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => Ok(Self(text)),
            toml::Value::Integer(number) => Ok(Self(number.to_string())),
            toml::Value::Float(number) => Ok(Self(number.to_string())),
            other => Err(serde::de::Error::custom(format!(
                "a {} stands where a number is expected",
                other.type_str()
            ))),
        }
    }
}

/// The file: the same settings, and the secrets for those who prefer a file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    database_url: Option<String>,
    listen_addr: Option<String>,
    ops_listen_addr: Option<String>,
    base_url: Option<String>,
    scoring_interval_ms: Option<Scalar>,
    baseline_interval_ms: Option<Scalar>,
    trusted_proxies: Option<String>,
    log_format: Option<String>,
    alert_threshold: Option<Scalar>,
    data_retention_days: Option<Scalar>,
    syslog_tls_cert: Option<String>,
    syslog_tls_key: Option<String>,
    syslog_tls_client_ca: Option<String>,
    integration_encryption_key: Option<String>,
    integration_encryption_key_previous: Option<String>,
    admin_email: Option<String>,
    admin_password: Option<String>,
    admin_name: Option<String>,
}

impl File {
    pub(super) fn read(flags: &Flags) -> Outcome<Self> {
        let path = flags
            .config
            .clone()
            .unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && flags.config.is_none() =>
            {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(Failure::configuration(format!(
                    "{}: {error}",
                    path.display()
                )));
            }
        };
        toml::from_str(&text)
            .map_err(|e| Failure::configuration(format!("{}: {}", path.display(), e.message())))
    }
}
