//! The data files of a pack: the only ones that hold what somebody typed.
//!
//! JSON is written by its serialiser. Files that a shell, a container tool, syslog-ng or a router
//! reads are written from [`Word`]s, whose alphabet means nothing to any of them.

use std::fmt::Write;
use std::net::IpAddr;

use domain::integration::config::{Devices, GuarddutyPull, Transport};
use domain::integration::{Configuration, Integration, Mode, Provider};
use serde::Serialize;
use serde_json::{Value, json};

use super::{File, NoPack, Request, VERSION, sample};

/// A value of letters, digits, spaces and `._:/@+=,[]-` only, so that it is the same text inside
/// quotes of a shell, of dotenv, syslog-ng, rsyslog and systemd.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word(String);

impl Word {
    fn new(field: &'static str, text: impl Into<String>) -> Result<Self, NoPack> {
        let text = text.into();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b" ._:/@+=,[]-".contains(&b);
        if text.bytes().all(plain) {
            Ok(Self(text))
        } else {
            Err(NoPack::Value(field))
        }
    }
}

/// Pretty JSON that ends with a newline.
pub(super) fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// The data files of a pack.
pub(super) fn of(request: &Request<'_>) -> Result<Vec<File>, NoPack> {
    let integration = request.integration;
    let mut files = vec![
        File::made("config.json", pretty(&config(request))),
        File::made(".env", environment(request)?),
    ];
    if let Some(body) = sample::body(&integration.settings.configuration) {
        files.push(File::made("sample.json", pretty(&body)));
    }
    match &integration.settings.configuration {
        Configuration::GuarddutyPull(pull) => {
            let name = "terraform/terraform.tfvars.json";
            files.push(File::made(name, pretty(&role_variables(pull, integration))));
            let name = "cloudformation/parameters.json";
            files.push(File::made(
                name,
                pretty(&role_parameters(pull, integration)),
            ));
        }
        Configuration::GuarddutyPush(_) => {
            let variables = json!({
                "integration": integration.slug.as_str(), "endpoint": endpoint(request),
            });
            files.push(File::made(
                "terraform/terraform.tfvars.json",
                pretty(&variables),
            ));
            let list = parameters(&[
                ("Integration", integration.slug.as_str()),
                ("Endpoint", &endpoint(request)),
            ]);
            files.push(File::made("cloudformation/parameters.json", pretty(&list)));
        }
        Configuration::Devices(devices) => {
            let target = Target::of(request, devices)?;
            if integration.provider == Provider::Mikrotik {
                files.push(File::made(
                    "routeros/values.rsc",
                    routeros(request, &target)?,
                ));
            } else {
                files.push(File::made("rsyslog/60-insider-risk.conf", target.rsyslog()));
                files.push(File::made("syslog-ng/values.conf", target.syslog_ng()));
            }
        }
        Configuration::Webhook(_) => {}
    }
    Ok(files)
}

/// Where events are posted.
fn endpoint(request: &Request<'_>) -> String {
    let integration = request.integration;
    let (origin, source) = (request.origin, &integration.source_slug);
    match integration.settings.configuration.signature() {
        Some(_) => format!("{origin}/api/ingest/{source}/webhook"),
        None => format!("{origin}/api/ingest/{source}"),
    }
}

fn config(request: &Request<'_>) -> Value {
    let integration = request.integration;
    json!({
        "integration": integration.slug.as_str(),
        "name": integration.settings.name,
        "provider": integration.provider.word(),
        "mode": integration.mode.word(),
        "source": integration.source_slug.as_str(),
        "origin": request.origin,
        "endpoint": endpoint(request),
        "externalId": integration.external_id,
        "configuration": integration.settings.configuration,
        "configurationVersion": integration.version,
        "version": VERSION,
    })
}

/// `.env`: read by the scripts, by compose and by systemd. Quotes are there for spaces.
fn environment(request: &Request<'_>) -> Result<String, NoPack> {
    let integration = request.integration;
    let mut lines = vec![
        (
            "IRM_INTEGRATION",
            Word::new("integration", integration.slug.as_str())?,
        ),
        (
            "IRM_PROVIDER",
            Word::new("provider", integration.provider.word())?,
        ),
        ("IRM_MODE", Word::new("mode", integration.mode.word())?),
        ("IRM_ORIGIN", Word::new("origin", request.origin)?),
        (
            "IRM_SOURCE",
            Word::new("source", integration.source_slug.as_str())?,
        ),
        ("IRM_ENDPOINT", Word::new("origin", endpoint(request))?),
    ];
    match &integration.settings.configuration {
        Configuration::Devices(devices) => {
            let target = Target::of(request, devices)?;
            lines.push(("IRM_PROTOCOL", Word::new("listen", target.protocol)?));
            lines.push(("IRM_HOST", target.host.clone()));
            lines.push(("IRM_PORT", Word::new("listen", target.port.to_string())?));
            if integration.mode == Mode::Collector {
                lines.push(("IRM_COLLECT", collect(integration.provider, devices)?));
            }
        }
        Configuration::GuarddutyPull(pull) => {
            lines.push(("IRM_REGIONS", Word::new("regions", pull.regions.join(" "))?));
        }
        Configuration::GuarddutyPush(_) | Configuration::Webhook(_) => {
            let kind = integration.settings.configuration.signature();
            let word = kind.map_or("", domain::integration::config::Signature::word);
            lines.push(("IRM_SIGNATURE", Word::new("signature", word)?));
        }
    }
    let line = |(name, word): &(&str, Word)| format!("{name}='{}'\n", word.0);
    Ok(lines.iter().map(line).collect())
}

/// Arguments of the edge collector.
fn collect(provider: Provider, devices: &Devices) -> Result<Word, NoPack> {
    let format = match provider {
        Provider::Mikrotik => "mikrotik",
        _ => "auto",
    };
    let listen = devices.listen.iter().map(|l| format!("--listen {l} "));
    let allow = devices.allow.iter().map(|a| format!("--allow {a} "));
    let repeated: String = listen.chain(allow).collect();
    let text = format!("{repeated}--zone {} --format {format}", devices.zone);
    Word::new("listen, allow or zone", text)
}

/// Where devices send to.
struct Target {
    protocol: &'static str,
    host: Word,
    port: u16,
}

impl Target {
    /// The first stream of the configured sockets, else the first datagram one.
    fn of(request: &Request<'_>, devices: &Devices) -> Result<Self, NoPack> {
        let order = match request.integration.provider {
            // RouterOS 6 sends datagrams only.
            Provider::Mikrotik => [Transport::Udp, Transport::Tcp, Transport::Tls],
            _ => [Transport::Tcp, Transport::Udp, Transport::Tls],
        };
        let found = order.into_iter().find_map(|wanted| {
            devices
                .sockets()
                .find(|(transport, _)| *transport == wanted)
        });
        let (transport, address) = found.ok_or(NoPack::Value("listen"))?;
        let protocol = match transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        };
        let host = match address.ip() {
            ip if !ip.is_unspecified() => ip.to_string(),
            _ if request.integration.mode == Mode::Collector => "127.0.0.1".to_owned(),
            _ => host(request.origin).to_owned(),
        };
        Ok(Self {
            protocol,
            host: Word::new("origin", host)?,
            port: address.port(),
        })
    }

    /// rsyslog's forwarding action with a queue that survives a restart.
    fn rsyslog(&self) -> String {
        let Self {
            protocol,
            host,
            port,
        } = self;
        let over = if *protocol == "udp" { "udp" } else { "tcp" };
        let mut text = format!(
            "# Forwards everything this host logs. Put into /etc/rsyslog.d and restart rsyslog.\n\
             # Needs rsyslog 8.\n\
             action(type=\"omfwd\" target={} port=\"{port}\" protocol=\"{over}\"\n",
            quoted(host)
        );
        if *protocol == "tls" {
            text.push_str(
                "       StreamDriver=\"gtls\" StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/name\"\n",
            );
        }
        text.push_str(
            "       template=\"RSYSLOG_SyslogProtocol23Format\" TCP_Framing=\"octet-counted\"\n\
             \x20      queue.type=\"LinkedList\" queue.filename=\"insider-risk\" queue.maxDiskSpace=\"256m\"\n\
             \x20      queue.saveOnShutdown=\"on\" action.resumeRetryCount=\"-1\")\n",
        );
        text
    }

    /// Definitions for `syslog-ng/insider-risk.conf`.
    fn syslog_ng(&self) -> String {
        format!(
            "@define irm_protocol {}\n@define irm_host {}\n@define irm_port \"{}\"\n",
            quoted(&Word(self.protocol.to_owned())),
            quoted(&self.host),
            self.port
        )
    }
}

fn quoted(word: &Word) -> String {
    format!("\"{}\"", word.0)
}

/// The host of an origin, without port and brackets.
fn host(origin: &str) -> &str {
    let rest = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    if let Some(inner) = rest.strip_prefix('[') {
        return inner.split(']').next().unwrap_or_default();
    }
    rest.split(':').next().unwrap_or_default()
}

/// Variables the RouterOS scripts read.
fn routeros(request: &Request<'_>, target: &Target) -> Result<String, NoPack> {
    let name = &request.integration.settings.name;
    let numeric = target.host.0.parse::<IpAddr>().is_ok();
    let note = if numeric {
        ""
    } else {
        "# RouterOS 6 wants an IP address here: put that of the receiver in the place of its name.\n"
    };
    let slug = Word::new("integration", request.integration.slug.as_str())?;
    Ok(format!(
        "{note}:global irmAddress {}\n:global irmPort {}\n:global irmIntegration {}\n:global irmName {}\n",
        routeros_string(&target.host.0),
        target.port,
        routeros_string(&slug.0),
        routeros_string(name)
    ))
}

/// A RouterOS string. Whatever is not a letter, digit, space, `.`, `-`, `:` or `/` becomes `\XX`
/// for each of its bytes (RouterOS manual, "Scripting", constant escape sequences).
fn routeros_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b" .-:/".contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            let _ = write!(quoted, "\\{byte:02X}");
        }
    }
    quoted.push('"');
    quoted
}

fn role(pull: &GuarddutyPull) -> (String, String) {
    let resource = pull.role_arn.split_once(":role/").map_or("", |(_, r)| r);
    match resource.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name.to_owned()),
        None => ("/".to_owned(), resource.to_owned()),
    }
}

fn role_variables(pull: &GuarddutyPull, integration: &Integration) -> Value {
    let (path, name) = role(pull);
    json!({
        "role_name": name,
        "role_path": path,
        "external_id": integration.external_id,
    })
}

fn role_parameters(pull: &GuarddutyPull, integration: &Integration) -> Value {
    let (path, name) = role(pull);
    parameters(&[
        ("RoleName", &name),
        ("RolePath", &path),
        ("ExternalId", &integration.external_id),
    ])
}

/// Parameters as `aws cloudformation --parameters file://…` reads them.
fn parameters(pairs: &[(&str, &str)]) -> Value {
    pairs
        .iter()
        .map(|(key, value)| json!({"ParameterKey": key, "ParameterValue": value}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_refuse_what_means_something_to_a_reader() {
        for bad in [
            "'", "\"", "$(id)", "`id`", "a\nb", "${x}", "a;b", "a\\b", "#", "a%b", "é",
        ] {
            assert_eq!(Word::new("x", bad), Err(NoPack::Value("x")), "{bad}");
        }
        assert!(Word::new("x", "[::]:514 udp://0.0.0.0:514 Etc/GMT+5").is_ok());
    }

    #[test]
    fn hosts_are_told_from_origins() {
        assert_eq!(host("https://irm.example.org"), "irm.example.org");
        assert_eq!(host("http://127.0.0.1:3000"), "127.0.0.1");
        assert_eq!(host("http://[::1]:3000"), "::1");
    }

    /// What RouterOS makes of a constant.
    fn unquoted(text: &str) -> Vec<u8> {
        let inner = text.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
        let (mut bytes, mut rest) = (Vec::new(), inner);
        while let Some(first) = rest.bytes().next() {
            if first == b'\\' {
                bytes.push(u8::from_str_radix(&rest[1..3], 16).unwrap());
                rest = &rest[3..];
            } else {
                bytes.push(first);
                rest = &rest[1..];
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn routeros_strings_hold_the_text_and_nothing_that_runs(text in "\\PC*|[\"$\\[\\]\\\\;\n{}()]*") {
            let quoted = routeros_string(&text);
            prop_assert_eq!(unquoted(&quoted), text.as_bytes());
            let inner = &quoted[1..quoted.len() - 1];
            let runs = inner.contains(['"', '$', '[', ']', ';', '\n', '{', '(']);
            prop_assert!(!runs, "{}", quoted);
        }
    }
}
